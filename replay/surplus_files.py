"""A replay directory holds what a replay writes, and nothing else."""

from collections.abc import Collection
from pathlib import Path

from replay.difference import DifferenceError


def no_surplus_files(directory: Path, folder: str, names: Collection[str]) -> None:
    """Check that a folder of a replay directory has no other files than `names`, at any depth.

    Raises:
        DifferenceError: it has one.
    """
    root = directory / folder
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if not path.is_dir() and name not in names:
            raise DifferenceError(
                f"{folder}/{name}", "the file", expected="no such file", found="a file"
            )
