"""Files with customers' data are open to whom the umask lets in, and to nobody else."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.buckets import Buckets
from scripts.dump import _opened

PROJECT = Path(__file__).parents[2]
SETTLE = Path(sys.executable).with_name("settle")
SECONDS_MAX = 120
DAY = PROJECT / "tests/golden/day.jsonl"
UMASKS = [
    pytest.param(0o077, id="nobody-else"),
    pytest.param(0o027, id="the-group-reads"),
    pytest.param(0o002, id="the-group-writes"),
    pytest.param(0o022, id="all-read"),
]


@contextmanager
def masked(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def wrong_modes(folder: Path, mask: int) -> dict[str, str]:
    """Return what has not the mode of a file or folder made with open() or mkdir()."""
    wrong = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            continue  # an input stays where it is
        mode = path.stat().st_mode & 0o777
        if mode != (0o777 if path.is_dir() else 0o666) & ~mask:
            wrong[str(path.relative_to(folder))] = oct(mode)
    return wrong


@pytest.mark.parametrize("mask", UMASKS)
def test_what_the_commands_write(tmp_path: Path, mask: int) -> None:
    commands = [
        ("generate", "--accounts", "3", "--hours", "1", "--out", "made.jsonl"),
        ("generate", "--accounts", "3", "--hours", "1", "--out", "made.jsonl.gz"),
        ("replay", str(DAY), "--out", "replayed"),
        ("replay", str(DAY), "--out", "replayed"),  # in place of the first
        ("report-day", "replayed", "--out", "pages/page.html"),
        ("export-journal", "replayed", "--out", "journal.csv", "--format", "csv"),
    ]
    for command in commands:
        subprocess.run(
            [str(SETTLE), *command],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            timeout=SECONDS_MAX,
            umask=mask,
        )
    assert (tmp_path / "replayed/s3").is_dir()
    assert wrong_modes(tmp_path, mask) == {}


@pytest.mark.parametrize("mask", UMASKS)
def test_a_file_in_a_local_bucket(tmp_path: Path, mask: int) -> None:
    with masked(mask):
        buckets = Buckets(f"file:{tmp_path / 's3'}")
        assert asyncio.run(buckets.put("ACME", "tpj_aging/x.csv", b"x\n"))
    assert wrong_modes(tmp_path, mask) == {}


@pytest.mark.parametrize("mask", UMASKS)
@pytest.mark.parametrize("name", ["dump.jsonl", "dump.jsonl.gz"])
def test_a_dump(tmp_path: Path, mask: int, name: str) -> None:
    with masked(mask), _opened(str(tmp_path / "folder" / name)) as file:
        file.write(b"{}\n")
    assert wrong_modes(tmp_path, mask) == {}


def test_a_device_is_written_and_never_replaced(tmp_path: Path) -> None:
    """A link to it stands for it: nobody's /dev/null is put at risk here."""
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    with _opened(str(link)) as file:
        file.write(b"{}\n")
    assert link.is_symlink()
    assert link.is_char_device()
