"""Standard output that is full, cut off or closed (contract section 12: one line, no traceback).

In an environment of HOME and PATH alone: with PYTHONUNBUFFERED, as shells of developers have it,
nothing waits in a buffer, and a fault that shows when the buffer is flushed stays hidden.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

SETTLE = Path(sys.executable).with_name("settle")
PROJECT = Path(__file__).parents[2]
SECONDS_MAX = 60
GENERATE = ("generate", "--accounts", "3", "--hours", "1", "--out", "day")
COMMANDS = [
    pytest.param(("config",), id="a-few-lines"),
    pytest.param(GENERATE, id="a-table"),
    pytest.param(("--help",), id="help"),
    pytest.param(("replay", "--help"), id="help-of-a-command"),
    pytest.param(("kafka", "stop"), id="one-line"),
]
UNBUFFERED = [
    pytest.param({}, id="buffered"),
    pytest.param({"PYTHONUNBUFFERED": "1"}, id="unbuffered"),
]


@contextmanager
def full() -> Iterator[int]:
    with Path("/dev/full").open("wb") as device:
        yield device.fileno()


@contextmanager
def cut_off() -> Iterator[int]:
    """A pipe whose reader has gone, as behind `| head`."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


def run(
    folder: Path,
    command: tuple[str, ...],
    output: Callable[[], AbstractContextManager[int]],
    variables: dict[str, str],
) -> subprocess.CompletedProcess[bytes]:
    with output() as stdout:
        return subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=SECONDS_MAX,
            check=False,
            env={name: os.environ[name] for name in ("HOME", "PATH")} | variables,
        )


@pytest.mark.parametrize("variables", UNBUFFERED)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_standard_output_is_one_line(
    tmp_path: Path, command: tuple[str, ...], variables: dict[str, str]
) -> None:
    done = run(tmp_path, (str(SETTLE), *command), full, variables)
    assert done.stderr.decode() == (
        "settle: standard output: No space left on device; what was made is there\n"
    )
    assert done.returncode == 1


@pytest.mark.parametrize("variables", UNBUFFERED)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_has_gone_ends_a_command_without_a_word(
    tmp_path: Path, command: tuple[str, ...], variables: dict[str, str]
) -> None:
    done = run(tmp_path, (str(SETTLE), *command), cut_off, variables)
    assert done.stderr == b""
    assert done.returncode == 1


def test_a_failure_is_reported_also_where_the_output_is_full(tmp_path: Path) -> None:
    done = run(tmp_path, (str(SETTLE), "verify", "nothing"), full, {})
    assert done.stderr.startswith(b"settle: nothing: no such directory")
    assert done.stderr.count(b"\n") == 1
    assert done.returncode == 1


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_stream_that_the_shell_has_closed_is_no_defect(tmp_path: Path, closed: str) -> None:
    """And the file that is written does not get the stream's number."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" "$@" {closed}', str(SETTLE), *GENERATE],
        cwd=tmp_path,
        capture_output=True,
        timeout=SECONDS_MAX,
        check=False,
        env={name: os.environ[name] for name in ("HOME", "PATH")},
    )
    assert done.returncode == 0
    assert done.stderr == b""
    assert (tmp_path / "day").read_bytes().startswith(b'{"topic":"clients"')


def test_a_letter_that_the_encoding_lacks_is_no_defect(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(SETTLE), "kafka", "stop", "--dir", "\N{GREEK SMALL LETTER BETA}"],
        cwd=tmp_path,
        capture_output=True,
        timeout=SECONDS_MAX,
        check=False,
        env={name: os.environ[name] for name in ("HOME", "PATH")} | {"PYTHONIOENCODING": "latin-1"},
    )
    assert done.stdout == b"no Kafka runs in \\u03b2\n"
    assert (done.stderr, done.returncode) == (b"", 0)


def test_the_ci_run_gives_no_variable_of_the_shell_to_a_command() -> None:
    lines = (PROJECT / ".ci/run").read_text(encoding="utf-8").splitlines()
    commands = [line.strip() for line in lines if "make " in line or ".venv/bin/" in line]
    commands = [line for line in commands if not line.startswith(("#", "echo "))]
    assert commands
    for line in commands:
        assert line.removeprefix("port=$(").startswith("clean "), line
