"""The inputs of a replay: entries of `DIR/inputs`, identified by size and SHA-256 (section 12).

`summary.json` lists them as `input_files`, so that an audit can find and check them. A regular file
is linked, with a path relative to `DIR/inputs`. Standard input and pipes, which can be read only
once, are copied; so is a file inside DIR, because DIR is replaced.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from typing_extensions import override

from replay.read import (
    CHUNK_BYTES,
    DAMAGED,
    STANDARD_INPUT,
    UnreadableInputError,
    chunks,
    opened,
    raw_stream,
    shown_path,
)

# The folder of the inputs in a replay directory.
FOLDER = "inputs"


class InputFile(NamedTuple):
    """One input as `summary.json` stores it.

    `name` is its entry in `DIR/inputs`: its position among the inputs, then its base name. `bytes`
    and `sha256` are of its unpacked content, so an input can be packed with gzip after the replay.
    """

    name: str
    bytes: int
    sha256: str

    @override
    def __str__(self) -> str:
        """Return size and checksum for a message."""
        return f"{self.bytes:,} bytes with SHA-256 {self.sha256}"


def input_file(name: str, path: str | Path) -> InputFile:
    """Read a file and return its size and checksum; of damaged gzip, those up to the damage.

    Raises:
        OSError: the file can't be read.
    """
    digest, size = sha256(), 0
    with opened(str(path)) as (file, _), suppress(*DAMAGED):
        for chunk in chunks(file):
            digest.update(chunk)
            size += len(chunk)
    return InputFile(name, size, digest.hexdigest())


class KeptInputs:
    """The inputs of one replay: what it reads, and what an audit finds in `DIR/inputs` later."""

    def __init__(self, inputs: Sequence[str], aside: Path, directory: Path) -> None:
        """Link or copy `inputs` into `aside`, which becomes `directory` when it is whole.

        Raises:
            UnreadableInputError: an input can't be read.
            OSError: a copy can't be written.
        """
        self.paths: list[str] = []
        # What a message calls a path that is not as the user gave it.
        self.shown: dict[str, str] = {}
        self.files: list[InputFile] = []
        self._stats: list[tuple[int, int]] = []
        folder = aside / FOLDER
        folder.mkdir()
        for number, given in enumerate(inputs, 1):
            path = Path(given)
            regular = given != STANDARD_INPUT and path.is_file()
            base_name = os.fsencode(path.name).decode(errors="replace")
            name = f"{number}-{base_name if regular else 'standard-input'}"
            entry = folder / name
            if not regular or path.resolve().is_relative_to(directory):
                _copy(given, entry)
                self.shown[str(entry)] = shown_path(given)
                path = entry
            else:
                # On a file system without links `settle verify` needs --input.
                with suppress(OSError):
                    entry.symlink_to(os.path.relpath(path.resolve(), directory / FOLDER))
            with _as_unreadable(given):
                self.paths.append(str(path))
                self._stats.append(_size_and_time(path))
                self.files.append(input_file(name, path))

    def check_unchanged(self) -> None:
        """Check that no input was written to during the replay.

        Raises:
            UnreadableInputError: one was, so its checksum is not that of what was replayed.
        """
        for path, before in zip(self.paths, self._stats, strict=True):
            with _as_unreadable(path):
                if _size_and_time(Path(path)) != before:
                    raise UnreadableInputError(
                        f"{path}: changed while it was replayed; nothing was written,"
                        " run the replay again"
                    )


def checked_inputs(directory: Path, named: Sequence[InputFile], given: Sequence[str]) -> list[str]:
    """Return the paths of the inputs that `summary.json` names, in their order.

    `given`: where they are stored, if not in `DIR/inputs`, in the same order.

    Raises:
        UnreadableInputError: an input is missing or changed; the message names it, its expected
            size and checksum, and what to do.
    """
    if given and len(given) != len(named):
        raise UnreadableInputError(
            f"the replay had {len(named)} inputs, --input names {len(given)}; name each, in this"
            f" order: {', '.join(file.name for file in named)}"
        )
    paths = [Path(path) for path in given] or [directory / FOLDER / file.name for file in named]
    for expected, path in zip(named, paths, strict=True):
        shown = _target(path)
        if not path.is_file():
            raise UnreadableInputError(
                f"input {expected.name}: no file {shown}; expected {expected};"
                " restore it, or name it with --input"
            )
        with _as_unreadable(shown):
            found = input_file(expected.name, path)
        if found != expected:
            raise UnreadableInputError(
                f"input {expected.name}: {shown} is not what was replayed: expected {expected},"
                f" found {found}; restore it, or name the original with --input"
            )
    return [str(path) for path in paths]


def stored_input(stored: object) -> InputFile | None:
    """Return an entry of `input_files` in `summary.json`; None if it is not one."""
    match stored:
        case {"name": str(name), "bytes": int(size), "sha256": str(digest)}:
            # Only an entry of `DIR/inputs` is read.
            return InputFile(name, size, digest) if Path(name).name == name else None
        case _:
            return None


def _copy(given: str, entry: Path) -> None:
    try:
        with raw_stream(given) as source, entry.open("xb") as copy:
            shutil.copyfileobj(source, copy, CHUNK_BYTES)
    except OSError as error:
        if error.filename is None or str(error.filename) == str(entry):
            raise  # the copy can't be written
        raise UnreadableInputError(f"{given}: {error.strerror or error}") from None


def _size_and_time(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _target(path: Path) -> str:
    """Return the path for a message; of a link, the path that it leads to."""
    if not path.is_symlink():
        return str(path)
    return os.path.normpath(path.parent / path.readlink())


@contextmanager
def _as_unreadable(path: str) -> Iterator[None]:
    """Turn an error of the file system into one that names the input."""
    try:
        yield
    except OSError as error:
        raise UnreadableInputError(f"{shown_path(path)}: {error.strerror or error}") from None
