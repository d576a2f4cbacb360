"""Record batches: what a broker stores is read, and what can't be read keeps its offsets."""

import struct
from collections.abc import Callable

import cramjam
import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from agents import record_batches
from agents.record_batches import Batch, FetchedBatches, headers_kept

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
Headers = list[tuple[str, bytes | None]]
Row = tuple[bytes | None, bytes | None, Headers]

ROWS: list[Row] = [
    (b"key", b"value" * 100, []),
    (None, b"value" * 100, [("a", b"b"), ("null", None), ("", b"")]),
    (b"", None, [("long", b"x" * 10_000)]),
    (None, None, []),
    (b"k" * 200, b"v" * 70_000, []),
]


def _batch(rows: list[Row], codec: int = 0, base: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, 0, 1 << 30)
    for offset, (key, value, headers) in enumerate(rows):
        builder.append(offset, 1_700_000_000_000 + offset, key, value, headers)
    batch = bytearray(builder.build())
    struct.pack_into(">q", batch, 0, base)
    return bytes(batch)


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_records_are_those_that_aiokafka_reads(codec: int) -> None:
    data = _batch(ROWS, codec, base=1000)
    wanted = [
        (one.offset, one.timestamp, one.key, one.value, tuple(one.headers))
        for one in DefaultRecordBatch(data)
    ]
    assert len(wanted) == len(ROWS)
    batch = Batch(memoryview(data))
    assert batch.validate_crc()
    assert (batch.base_offset, batch.next_offset) == (1000, 1000 + len(ROWS))
    with headers_kept():
        read = [(one.offset, one.timestamp, one.key, one.value, one.headers) for one in batch]
    assert read == wanted
    assert [one[:5] for one in Batch(memoryview(data))] == [
        (offset, at, 0, key, value) for offset, at, key, value, _ in wanted
    ]
    assert not any(one.headers for one in Batch(memoryview(data)))


@pytest.mark.parametrize("codec", [1, 2, 3, 4])
@pytest.mark.parametrize("more", [0, 1])
def test_the_limit_of_what_a_batch_decompresses_to(
    codec: int, more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[Row] = [(b"k", b"x" * 200_000, [])] * 3
    monkeypatch.setattr(record_batches, "DECOMPRESSED_BYTES_MAX", len(_batch(rows)) - 61 - more)
    read = [(one.offset, one.value) for one in Batch(memoryview(_batch(rows, codec, base=7)))]
    assert read == [(offset, None if more else b"x" * 200_000) for offset in (7, 8, 9)]


def test_streams_of_several_parts_are_read_whole() -> None:
    """Producers write gzip members, zstd frames and snappy blocks one behind the other."""
    rows: list[Row] = [(b"k", bytes([number]) * 50_000, []) for number in range(4)]
    plain = _batch(rows)[61:]
    half = len(plain) // 2
    parts = (plain[:half], plain[half:])
    blocks = [bytes(cramjam.snappy.compress_raw(part)) for part in parts]
    streams = {
        1: b"".join(bytes(cramjam.gzip.compress(part)) for part in parts),
        2: b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
        + b"".join(struct.pack(">i", len(block)) + block for block in blocks),
        4: b"".join(bytes(cramjam.zstd.compress(part)) for part in parts),
    }  # fmt: skip
    for codec, stream in streams.items():
        header = bytearray(_batch(rows)[:61])
        struct.pack_into(">h", header, 21, codec)
        read = [one.value for one in Batch(memoryview(bytes(header) + stream))]
        assert read == [value for _, value, _ in rows], codec


def _count(data: bytearray) -> None:
    struct.pack_into(">i", data, 57, 4)
    struct.pack_into(">i", data, 23, 3)


def _cut(data: bytearray) -> None:
    del data[-200:]


def _codec(number: int) -> Callable[[bytearray], None]:
    def alter(data: bytearray) -> None:
        struct.pack_into(">h", data, 21, number)

    return alter


def _endless_number(data: bytearray) -> None:
    data[61:] = b"\x80" * 1_000_000


@pytest.mark.parametrize(
    ("alter", "readable"),
    [
        pytest.param(_count, [0, 1, 2], id="more records claimed than there are"),
        pytest.param(_cut, [0, 1], id="cut off"),
        pytest.param(_codec(1), [], id="not gzip"),
        pytest.param(_codec(2), [], id="not snappy"),
        pytest.param(_codec(3), [], id="not lz4"),
        pytest.param(_codec(4), [], id="not zstd"),
        pytest.param(_codec(7), [], id="a compression that nobody knows"),
        pytest.param(_endless_number, [], id="a number without an end"),
    ],
)
def test_what_can_not_be_read_keeps_its_offsets(
    alter: Callable[[bytearray], None], readable: list[int]
) -> None:
    data = bytearray(_batch([(b"k", b"x" * 250, [])] * 3))
    alter(data)
    batch = Batch(memoryview(bytes(data)))
    read = list(batch)
    assert [one.offset for one in read] == list(range(batch.next_offset))
    assert [one.offset for one in read if one.value is not None] == readable
    assert all(
        (one.key, one.value, one.headers) == (None, None, ()) for one in read[len(readable) :]
    )


def test_a_compacted_batch_keeps_its_gaps_and_is_never_passed_over() -> None:
    """Topics that are compacted are ours: damage there is no hostile input."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1 << 20)
    for offset in (0, 3, 7):
        builder.append(offset, 1, b"k", b"v", [])
    data = bytearray(builder.build())
    assert [one.offset for one in Batch(memoryview(bytes(data)))] == [0, 3, 7]
    with pytest.raises(CorruptRecordException):
        list(Batch(memoryview(bytes(data[:-3]))))


def test_a_fetch_gives_whole_batches_and_leaves_one_that_is_cut_off() -> None:
    one, two = _batch(ROWS[:1], base=5), _batch(ROWS[:2], base=6)
    for left_out in (1, 50, len(two) - 1, len(two)):
        fetched = FetchedBatches((one + two)[: len(one + two) - left_out])
        assert fetched.has_next()
        assert fetched.next_batch().base_offset == 5
        assert not fetched.has_next()
    fetched = FetchedBatches(one + two)
    assert [fetched.next_batch().base_offset for _ in range(2)] == [5, 6]
    assert not fetched.has_next()


def test_another_format_is_no_record_batch() -> None:
    data = bytearray(_batch(ROWS[:1]))
    data[16] = 1
    with pytest.raises(CorruptRecordException, match="format 1"):
        FetchedBatches(bytes(data)).next_batch()
