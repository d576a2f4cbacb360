"""The golden days (tests/golden/README.md): the same bytes as those that were reviewed."""

from itertools import zip_longest
from pathlib import Path

import pytest

from audit.directory import audit_directory
from tests.golden.renew import DAYS, HERE, renew

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
def replayed(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, dict[str, bytes]]:
    found: dict[Path, dict[str, bytes]] = {}
    for day in DAYS:
        out = tmp_path_factory.mktemp("golden") / "out"
        renew(day, out)
        found[day] = files_below(out)
    return found


def test_the_same_files_are_written(replayed: dict[Path, dict[str, bytes]]) -> None:
    for day in DAYS:
        assert replayed[day].keys() == files_below(day / "expected").keys(), RENEW


@pytest.mark.parametrize(
    ("day", "name"),
    [
        pytest.param(day, name, id=f"{day.relative_to(HERE)}/{name}")
        for day in DAYS
        for name in files_below(day / "expected")
    ],
)
def test_every_byte_is_as_it_was_reviewed(
    day: Path, name: str, replayed: dict[Path, dict[str, bytes]]
) -> None:
    expected, found = (day / "expected" / name).read_bytes(), replayed[day].get(name, b"")
    if found != expected:
        pytest.fail(f"{name}, {difference(expected, found)}\n{RENEW}", pytrace=False)


@pytest.mark.parametrize("day", DAYS, ids=[f"{day.relative_to(HERE)}" for day in DAYS])
def test_what_was_reviewed_verifies(day: Path) -> None:
    """Also what a client said of a net while it was overpaid, which shows only a day later."""
    checked = dict(audit_directory(day / "expected"))
    assert checked["windows"] != "0"
