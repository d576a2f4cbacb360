"""A local folder in place of buckets: the same promises, on a file system."""

import asyncio
import os
from pathlib import Path

import pytest

from agents.buckets import BucketRefusedError, Buckets

KEY = "tpj_aging/2026-03-09_0930_aged_tpj.csv"


@pytest.fixture
def there(tmp_path: Path) -> Buckets:
    return Buckets(f"file:{tmp_path / 's3'}")


def put(there: Buckets, content: bytes = b"x\n") -> bool:
    return asyncio.run(there.put("ACME", KEY, content))


def test_a_file_is_created_once_and_never_replaced(there: Buckets, tmp_path: Path) -> None:
    assert put(there)
    assert not put(there)
    with pytest.raises(BucketRefusedError, match="OTHER_CONTENT"):
        put(there, b"y\n")
    path = tmp_path / "s3" / "ACME" / KEY
    assert path.read_bytes() == b"x\n"
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # nothing half-written beside it


def test_everybody_here_may_read_it(there: Buckets, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        put(there)
    finally:
        os.umask(before)
    assert (tmp_path / "s3" / "ACME" / KEY).stat().st_mode & 0o777 == 0o644


def test_it_is_read_and_looking_makes_no_folder(there: Buckets, tmp_path: Path) -> None:
    assert asyncio.run(there.read("ACME", KEY)) is None
    assert not (tmp_path / "s3").exists()
    put(there)
    assert asyncio.run(there.read("ACME", KEY)) == b"x\n"
    assert asyncio.run(there.read("ACME", "other.csv")) is None


def test_something_in_the_way_is_said(there: Buckets, tmp_path: Path) -> None:
    (tmp_path / "s3").write_text("a file, where the folder should be")
    with pytest.raises(BucketRefusedError) as refusal:
        put(there)
    assert refusal.value.reason == "UNAVAILABLE"
    assert "\n" not in str(refusal.value)
    (tmp_path / "s3").unlink()
    assert put(there)


def test_a_file_appears_whole(there: Buckets, tmp_path: Path) -> None:
    """Many put the same at once: one creates it, the others find it whole."""

    async def all_at_once() -> list[bool]:
        content = b"0123456789abcdef" * 100_000
        return await asyncio.gather(*(there.put("ACME", KEY, content) for _ in range(8)))

    assert sorted(asyncio.run(all_at_once())) == [False] * 7 + [True]
    assert (tmp_path / "s3" / "ACME" / KEY).stat().st_size == 1_600_000
