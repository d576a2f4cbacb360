"""Ids that were acted on, for ever and in few bytes (contract section 1): 64 at most."""

import tracemalloc

import pytest

from settlement.remembered import KEY_BYTES, RememberedIds, fingerprint


def key(number: int) -> bytes:
    return fingerprint("ACME0001", f"o{number}")


def test_an_id_that_was_never_put() -> None:
    ids = RememberedIds(4)
    assert ids.get(key(1)) is None
    assert len(ids) == 0


def test_an_id_has_its_value() -> None:
    ids = RememberedIds(4)
    ids.put(key(1), b"one.")
    ids.put(key(2), b"two.")
    assert (ids.get(key(1)), ids.get(key(2)), ids.get(key(3))) == (b"one.", b"two.", None)
    assert len(ids) == 2


def test_what_is_recalled_is_remembered_once() -> None:
    """What was there keeps its value; a worker's state topic hears of what was not."""
    ids = RememberedIds(4)
    ids.fresh = {}
    for number in range(100):
        assert ids.recall(key(number), number.to_bytes(4, "big")) is None
    for number in range(100):
        assert ids.recall(key(number), b"else") == number.to_bytes(4, "big")
    assert [ids.get(key(n)) for n in range(100)] == [n.to_bytes(4, "big") for n in range(100)]
    assert len(ids) == 100
    assert ids.fresh == {key(n): n.to_bytes(4, "big") for n in range(100)}


def test_a_key_that_spans_two_records_is_not_there() -> None:
    """The bytes of a key may stand where one record ends and the next begins."""
    ids = RememberedIds(4)
    first, second = b"\0" * 4 + b"a" * 8, b"\0" * 4 + b"b" * 8
    ids.recall(first, b"\0\0\0\0")
    ids.recall(second, b"1111")
    across = b"\0\0\0\0" + b"\0\0\0\0" + b"bbbb"
    assert ids.get(across) is None
    assert ids.recall(across, b"2222") is None
    assert ids.recall(across, b"3333") == b"2222"


def test_a_value_is_replaced() -> None:
    ids = RememberedIds(4)
    ids.put(key(1), b"one.")
    ids.put(key(1), b"uno.")
    assert ids.get(key(1)) == b"uno."
    assert len(ids) == 1


def test_a_value_of_zeros_is_a_value() -> None:
    ids = RememberedIds(2)
    ids.put(key(1), b"\0\0")
    assert ids.get(key(1)) == b"\0\0"


def test_ids_that_collide_stand_beside_each_other() -> None:
    """Same shard, same slot: the first six bytes decide both, at the end of the table too."""
    ids = RememberedIds(1)
    alike = [b"\x07" + b"\xff" * 5 + number.to_bytes(6, "big") for number in range(1, 300)]
    for number, one in enumerate(alike):
        ids.put(one, bytes([number % 251]))
    assert [ids.get(one) for one in alike] == [bytes([n % 251]) for n in range(len(alike))]
    assert ids.get(b"\x07" + b"\xff" * 5 + (300).to_bytes(6, "big")) is None


def test_it_grows_and_forgets_nothing() -> None:
    ids = RememberedIds(4)
    for number in range(60_000):
        ids.put(key(number), number.to_bytes(4, "big"))
    assert len(ids) == 60_000
    assert all(ids.get(key(n)) == n.to_bytes(4, "big") for n in range(0, 60_000, 7))
    assert ids.get(key(60_000)) is None


@pytest.mark.parametrize("count", [5_000, 8_000, 12_000])
def test_an_id_takes_at_most_64_bytes(count: int) -> None:
    """All memory that is in use, at various points between two growths of its tables."""
    keys = [key(number) for number in range(count)]
    tracemalloc.start()
    try:
        ids = RememberedIds(4)
        for one in keys:
            ids.put(one, b"1234")
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(ids) == count
    assert used <= 64 * count


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("ACME0001", "o1"), ("ACME0002", "o1"), id="accounts"),
        pytest.param(("ACME0001", "o1"), ("ACME0001", "o2"), id="ids"),
        pytest.param(("ACME0001", "o1"), ("ACME0001o", "1"), id="where-parts-end"),
        pytest.param(("ACME0001", ""), ("ACME0001",), id="an-empty-part"),
    ],
)
def test_a_fingerprint_tells_ids_apart(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert fingerprint(*one) != fingerprint(*other)
    assert fingerprint(*one) == fingerprint(*one)
    assert len(fingerprint(*one)) == KEY_BYTES
