"""Files that a command is given and that can't be read: one clear line, and no command hangs."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from replay.open_input import open_input
from scripts.produce import _called
from scripts.settle import app, main

DAY = Path(__file__).parents[1] / "golden/day.jsonl"
WRITERLESS = "no program writes to this pipe"


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replay of the golden day."""
    folder = tmp_path_factory.mktemp("replayed") / "day"
    done = CliRunner().invoke(app, ["replay", str(DAY), "--out", str(folder)])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, replayed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a replay, and wait for the writer of a pipe only for a moment."""
    shutil.copytree(replayed, tmp_path / "day", symlinks=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(open_input, "__defaults__", (0.01,))


def error_line(
    arguments: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> str:
    """Run a command that must fail; return what it prints on standard error."""
    monkeypatch.setattr("sys.argv", ["settle", *arguments.split()])
    with pytest.raises(SystemExit, match="1"):
        main()
    printed = capsys.readouterr().err
    assert printed.startswith("settle: ")
    assert printed.count("\n") == 1
    return printed


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\n")


def nothing(path: Path) -> None:
    """Leave it missing."""


KINDS = [
    pytest.param(pipe, id="a-pipe-without-a-writer"),
    pytest.param(folder, id="a-folder"),
    pytest.param(no_text, id="not-UTF-8"),
    pytest.param(nothing, id="missing"),
]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize(
    "command",
    [
        "replay FILE --out out",
        "replay --recorded FILE --out out",
        "verify FILE",
        "verify day --input FILE",
        "generate --market FILE --out out",
        "import-quotes FILE --map A=BUSD --out out",
        "report-day FILE",
        "export-journal FILE --out out",
        "buying-power --client MARK --from FILE",
        "buying-power --client MARK --from day --executions FILE",
        "reconcile FILE --client MARK --from day",
    ],
)
def test_what_a_command_is_given(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    make: Callable[[Path], None],
) -> None:
    make(Path("given"))
    line = error_line(command.replace("FILE", "given"), capsys, monkeypatch)
    assert "given" in line
    assert "defect" not in line
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("command", "file"),
    [
        pytest.param("verify day", "summary.json", id="verify-summary"),
        pytest.param("verify day", "topics/journal.jsonl", id="verify-topic"),
        pytest.param("verify day", "topics/bbo.jsonl", id="verify-quotes"),
        pytest.param("verify day", "s3/MARK/tpj_aging/2026-03-07_0930_aged_tpj.csv", id="a-file"),
        pytest.param("report-day day", "summary.json", id="page-summary"),
        pytest.param("report-day day", "topics/cash-calls.jsonl", id="page-topic"),
        pytest.param("export-journal day --out out", "topics/journal.jsonl", id="journal"),
        pytest.param(f"replay {DAY} --out day", "summary.json", id="a-replay-to-be-replaced"),
    ],
)
@pytest.mark.parametrize("make", KINDS)
def test_a_file_of_a_replay_directory(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    file: str,
    make: Callable[[Path], None],
) -> None:
    (Path("day") / file).unlink()
    make(Path("day") / file)
    line = error_line(command, capsys, monkeypatch)
    assert "defect" not in line
    assert "day" in line
    assert not Path("out").exists()


@pytest.mark.parametrize("file", ["summary.json", "topics/journal.jsonl"])
def test_a_pipe_is_named_with_the_reason(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    (Path("day") / file).unlink()
    os.mkfifo(Path("day") / file)
    assert error_line("verify day", capsys, monkeypatch) == f"settle: day/{file}: {WRITERLESS}\n"


def test_produce_does_not_read_a_pipe_for_its_name() -> None:
    """It could not be read again to be sent."""
    os.mkfifo("given")
    assert _called([str(DAY), "given"]) == "stdin"
    assert _called([str(DAY)]) != "stdin"
