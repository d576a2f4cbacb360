"""Replays in one process and in three, for tests that replay much.

Run as a program it reads a request a line on standard input, {"inputs": [...], "until": ...}, and
says on standard output what differs. Processes are forked, which a test's own process, with its
threads, does not do.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson


class ReplayServer:
    """Asks such a program."""

    def __init__(self, program: subprocess.Popen[bytes]) -> None:
        self._program = program

    def differences(self, *inputs: Path | str, until: int | None = None) -> list[str]:
        """Return the names of what a replay in three processes wrote otherwise than in one.

        What a replay failed with is the one thing that it wrote. `until` in microseconds.
        """
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        request = {"inputs": [str(path) for path in inputs], "until": until}
        self._program.stdin.write(orjson.dumps(request) + b"\n")
        self._program.stdin.flush()
        answer: list[str] = orjson.loads(self._program.stdout.readline())
        return answer


@contextmanager
def replay_server() -> Iterator[ReplayServer]:
    """Start the program."""
    command = [sys.executable, "-m", "tests.replay_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        yield ReplayServer(program)
        assert program.stdin is not None
        program.stdin.close()
        assert program.wait(60) == 0


def _written(processes: int, inputs: list[str], until: int | None) -> dict[str, bytes]:
    # Here: who only asks needs none of it.
    from scripts.errors import Failure  # noqa: PLC0415
    from scripts.replay import run_replay  # noqa: PLC0415

    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        try:
            run_replay(inputs, out, until, processes)
        except Failure as failure:
            assert not list(Path(folder).iterdir())
            return {"failure": str(failure).encode()}
        return {
            str(path.relative_to(out)): path.read_bytes()
            for path in out.rglob("*")
            if path.is_file()
        }


def _serve() -> None:
    for line in sys.stdin.buffer:
        request: dict[str, Any] = orjson.loads(line)
        one, three = (_written(number, request["inputs"], request["until"]) for number in (1, 3))
        names = one.keys() | three.keys()
        differing = sorted(name for name in names if one.get(name) != three.get(name))
        sys.stdout.buffer.write(orjson.dumps(differing) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
