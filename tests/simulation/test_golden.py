"""The golden day (tests/golden/README.md): the same bytes as those that were reviewed."""

from itertools import zip_longest
from pathlib import Path

import pytest

from tests.golden.renew import EXPECTED, renew

RENEW = "If it is meant to differ: make golden, then read the diff as tests/golden/README.md says."


def files_below(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def difference(expected: bytes, found: bytes) -> str:
    """Name the first line that differs, as both sides have it; None: there is no such line."""
    lines = zip_longest(expected.splitlines(keepends=True), found.splitlines(keepends=True))
    for number, (wanted, got) in enumerate(lines, 1):
        if wanted != got:
            return f"line {number}\n  expected {wanted!r}\n  found    {got!r}"
    return "no line"


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("golden") / "out"
    renew(out)
    return files_below(out)


def test_the_same_files_are_written(replayed: dict[str, bytes]) -> None:
    assert replayed.keys() == files_below(EXPECTED).keys(), RENEW


@pytest.mark.parametrize("name", files_below(EXPECTED))
def test_every_byte_is_as_it_was_reviewed(name: str, replayed: dict[str, bytes]) -> None:
    expected, found = (EXPECTED / name).read_bytes(), replayed.get(name, b"")
    if found != expected:
        pytest.fail(f"{name}, {difference(expected, found)}\n{RENEW}", pytrace=False)
