"""A pipe that a person names is read to its end, and is an error if no program writes to it."""

import os
import threading
from pathlib import Path

import pytest

from replay.open_input import open_input
from replay.quotes import UnreadableFileError, opened
from replay.read import read_inputs


def pipe_from(path: Path, content: bytes) -> threading.Thread:
    """Make a pipe, and a program that writes to it."""
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(content,))
    writer.start()
    return writer


@pytest.mark.parametrize("size", [1, 65_536, 1_000_000])
def test_a_pipe_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    writer = pipe_from(tmp_path / "pipe", b"x" * size)
    with open_input(tmp_path / "pipe") as file:
        assert len(file.read()) == size
    writer.join()


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_pipe_that_no_program_writes_to_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    descriptors = open_files()
    with pytest.raises(TimeoutError, match="no program writes to this pipe"):
        open_input(tmp_path / "pipe", writer_seconds=0.01)
    assert open_files() == descriptors


def test_commands_name_such_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The records of a client and quotes by one function, inputs of a replay by the other."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    monkeypatch.setattr(open_input, "__defaults__", (0.01,))
    with pytest.raises(UnreadableFileError, match="no program writes to this pipe"), opened(path):
        pass
    with pytest.raises(Exception, match="no program writes to this pipe"):
        list(read_inputs([str(path)]))


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_is_no_file_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError, match=r"No such file|Is a directory"):
        open_input(tmp_path / name)
