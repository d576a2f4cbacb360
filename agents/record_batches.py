"""Record batches of a fetch response, parsed by us instead of by aiokafka.

Anybody who may write to an input topic chooses the bytes of a batch. aiokafka's parser raises, or
takes memory without limit, on bytes that a broker accepts: a header whose key is not UTF-8, two
million headers, a batch of 4 MB that decompresses to gigabytes, a record that claims an offset
outside of its batch. Its fetch then fails for all partitions, and no task sees the record.

Here only the offset, key and value of a record count. Headers are skipped unread, offsets follow
from the place in the batch, and decompression stops at a limit. Where the records of a batch can't
be read, each offset gives a record without key and value, which its task dead-letters as MALFORMED.
It costs as much as aiokafka's own parser where records have headers (docs/decisions/0020).
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import cramjam
from aiokafka.errors import CorruptRecordException
from aiokafka.record.util import calc_crc32c

# What the records of one batch may decompress to. A batch has at most 4 MiB compressed, and
# producers limit it to 1 MB before they compress; 32 MiB of the smallest records there are take a
# worker some seconds to walk through, which is less than its session.
DECOMPRESSED_BYTES_MAX = 32 * 1024 * 1024
# How much larger the first guess for the decompressed size is, and each guess after it.
_RATIO = 16
_BYTES_AT_LEAST = 64 * 1024

# Base offset, length, leader epoch, magic, CRC, attributes, last offset delta, first and last
# timestamp, producer ID and epoch, first sequence number, record count.
_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH = struct.Struct(">i")
_LENGTH_AT = 8
_BEHIND_LENGTH = 12
_CRC_COVERS_FROM = 21
_MAGIC = 2
_CODEC = 0x07
_APPEND_TIME = 0x08
_TRANSACTIONAL = 0x10
_CONTROL = 0x20
# A snappy stream of Java clients: this magic, two versions, then blocks, each behind its length.
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_BYTES = 16
_VARINT_BITS = 63

Header = tuple[str, bytes | None]

_headers_kept: ContextVar[bool] = ContextVar("headers_kept", default=False)


@contextmanager
def headers_kept() -> Iterator[None]:
    """Let records that are fetched inside have their headers.

    A header's key that is not UTF-8 has a surrogate escape for each byte that is none.
    """
    token = _headers_kept.set(True)
    try:
        yield
    finally:
        _headers_kept.reset(token)


class BatchRecord(NamedTuple):
    """One record, with the attributes that aiokafka's consumer reads."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[Header, ...] = ()
    checksum: None = None


class Batch:
    """One record batch; iterating gives its records."""

    def __init__(self, data: memoryview) -> None:
        """Take the bytes of the batch, header included.

        Raises:
            CorruptRecordException: not the format that Kafka has stored since version 3.
        """
        if len(data) < _HEADER.size:
            raise CorruptRecordException(f"a record batch of {len(data)} bytes")
        (
            self.base_offset,
            _,
            _,
            magic,
            self._crc,
            self._attributes,
            last_offset_delta,
            self._first_ms,
            self._last_ms,
            self.producer_id,
            _,
            _,
            self._count,
        ) = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise CorruptRecordException(f"a record batch of format {magic}")
        self._data = data
        self.next_offset: int = self.base_offset + last_offset_delta + 1
        self.is_transactional = bool(self._attributes & _TRANSACTIONAL)
        self.is_control_batch = bool(self._attributes & _CONTROL)
        # Compaction leaves gaps. Topics of inputs are not compacted.
        self._has_gaps = self._count != last_offset_delta + 1

    def validate_crc(self) -> bool:
        """Whether the batch is as the broker stored it."""
        return bool(calc_crc32c(self._data[_CRC_COVERS_FROM:]) == self._crc)

    def __next__(self) -> BatchRecord:
        """Return the first record: the marker of a control batch."""
        return next(iter(self))

    def __iter__(self) -> Iterator[BatchRecord]:
        """Give every record in order; those that can't be read have neither key nor value.

        Raises:
            CorruptRecordException: of a compacted batch, which the broker itself has written.
        """
        timestamp_type = int(bool(self._attributes & _APPEND_TIME))
        following = self.base_offset
        try:
            for record in self._readable(timestamp_type):
                following = record.offset + 1
                yield record
        except (ValueError, IndexError, zlib.error, cramjam.DecompressionError) as error:
            if self._has_gaps:
                raise CorruptRecordException(f"a compacted record batch: {error!r}") from error
            for offset in range(following, self.next_offset):
                yield BatchRecord(offset, self._last_ms, timestamp_type)

    def _readable(self, timestamp_type: int) -> Iterator[BatchRecord]:
        data = self._decompressed()
        size, at, keeps_headers = len(data), 0, _headers_kept.get()
        for index in range(self._count):
            length, at = _varint(data, at)
            end = at + length
            if end > size:
                raise ValueError("a record reaches beyond its batch")
            # One byte of attributes, of which none is in use.
            time_delta, at = _varint(data, at + 1)
            offset_delta, at = _varint(data, at)
            length, at = _varint(data, at)
            key = None
            if length >= 0:
                key, at = data[at : at + length], at + length
            length, at = _varint(data, at)
            value = None
            if length >= 0:
                value, at = data[at : at + length], at + length
            if at > end:
                raise ValueError("a key or value reaches beyond its record")
            yield BatchRecord(
                self.base_offset + (offset_delta if self._has_gaps else index),
                self._last_ms if timestamp_type else self._first_ms + time_delta,
                timestamp_type,
                key,
                value,
                _headers(data, at, end) if keeps_headers else (),
            )
            at = end

    def _decompressed(self) -> bytes:
        """Return the records as bytes.

        Raises:
            ValueError | zlib.error | cramjam.DecompressionError: they are compressed in a
                way that nobody knows, damaged, or larger than `DECOMPRESSED_BYTES_MAX`.
        """
        codec = self._attributes & _CODEC
        data = bytes(self._data[_HEADER.size :])
        if not codec:
            return data
        decompress = _DECOMPRESS.get(codec)
        if decompress is None:
            raise ValueError(f"compression {codec}")
        return decompress(data)


class FetchedBatches:
    """The batches of one partition in a fetch response, in place of aiokafka's `MemoryRecords`."""

    def __init__(self, data: bytes) -> None:
        """Take the bytes; the last batch may be cut off."""
        self._data = data
        self._at = 0

    def size_in_bytes(self) -> int:
        """Return how many bytes were fetched."""
        return len(self._data)

    def has_next(self) -> bool:
        """Whether another whole batch is here."""
        return self._end() is not None

    def next_batch(self) -> Batch:
        """Return the next batch, which must be here."""
        end = self._end()
        if end is None:
            raise AssertionError("has_next first")
        batch = Batch(memoryview(self._data)[self._at : end])
        self._at = end
        return batch

    def _end(self) -> int | None:
        """Return where the next batch ends, None if it is not here as a whole."""
        if self._at + _BEHIND_LENGTH > len(self._data):
            return None
        length: int = _LENGTH.unpack_from(self._data, self._at + _LENGTH_AT)[0]
        end = self._at + _BEHIND_LENGTH + length
        return end if end <= len(self._data) else None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a zigzag varint, and where it ends."""
    byte = data[at]
    at += 1
    if byte < 0x80:  # noqa: PLR2004 - the top bit: more follows
        return (byte >> 1) ^ -(byte & 1), at
    number, bits = byte & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << bits
        if byte < 0x80:  # noqa: PLR2004 - as above
            return (number >> 1) ^ -(number & 1), at
        bits += 7
        if bits > _VARINT_BITS:
            raise ValueError("a number of more than 64 bits")


def _headers(data: bytes, at: int, end: int) -> tuple[Header, ...]:
    """Return the headers of a record, none if they can't be read."""
    headers: list[Header] = []
    try:
        count, at = _varint(data, at)
        for _ in range(count):
            length, at = _varint(data, at)
            name, at = data[at : at + length].decode(errors="surrogateescape"), at + length
            length, at = _varint(data, at)
            value = None
            if length >= 0:
                value, at = data[at : at + length], at + length
            if at > end:
                return ()
            headers.append((name, value))
    except (ValueError, IndexError):
        return ()
    return tuple(headers)


def _gzip(data: bytes) -> bytes:
    parts, left = [], DECOMPRESSED_BYTES_MAX
    while data:
        # One member; others may follow.
        member = zlib.decompressobj(wbits=31)
        parts.append(member.decompress(data, left))
        left -= len(parts[-1])
        if not member.eof:
            raise ValueError("more than a batch may have, or cut off")
        data = member.unused_data
    return b"".join(parts)


def _snappy(data: bytes) -> bytes:
    if not data.startswith(_XERIAL):
        return _snappy_block(data, DECOMPRESSED_BYTES_MAX)
    parts, at, left = [], _XERIAL_BYTES, DECOMPRESSED_BYTES_MAX
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        at += 4
        parts.append(_snappy_block(data[at : at + length], left))
        left -= len(parts[-1])
        at += length
    return b"".join(parts)


def _snappy_block(data: bytes, left: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(data) > left:
        raise ValueError("more than a batch may have")
    return bytes(cramjam.snappy.decompress_raw(data))


def _into(decompress_into: Callable[[bytes, bytearray], int]) -> Callable[[bytes], bytes]:
    """Return a decompression that writes into a buffer of limited size."""

    def decompress(data: bytes) -> bytes:
        size = max(_BYTES_AT_LEAST, _RATIO * len(data))
        while size < DECOMPRESSED_BYTES_MAX:
            try:
                return written(data, size)
            except cramjam.DecompressionError:
                size *= _RATIO  # it needs more, or is damaged
        return written(data, DECOMPRESSED_BYTES_MAX)

    def written(data: bytes, size: int) -> bytes:
        buffer = bytearray(size)
        del buffer[decompress_into(data, buffer) :]
        return bytes(buffer)

    return decompress


_DECOMPRESS: dict[int, Callable[[bytes], bytes]] = {
    1: _gzip,
    2: _snappy,
    3: _into(cramjam.lz4.decompress_into),
    4: _into(cramjam.zstd.decompress_into),
}
