"""Kafka records in one temporary file, kept by place: topics of any length need no memory."""

import struct
from collections.abc import Iterator
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from pipeline.task import Record

# Offset, append time, length of the key, length of the value; -1: there is none.
_HEAD = struct.Struct("<qqii")
# So many bytes of a place go to the file together; below, they wait in memory.
_CHUNK_BYTES = 32 * 1024

# A topic and a partition; of what was made anew also who made it: a task and its partition.
Place = tuple[str | int, ...]


class RecordSpool:
    """A context: records by place, in the order in which they were added."""

    def __init__(self, directory: str | None = None) -> None:
        """Open the file in `directory` (default: the system's for temporary files)."""
        self._file = TemporaryFile(dir=directory)  # noqa: SIM115 - lives as long as the spool
        self._end = 0
        self._waiting: dict[Place, bytearray] = {}
        # Where the chunks of a place are: start and length.
        self._chunks: dict[Place, list[tuple[int, int]]] = {}
        self._names: dict[Place, tuple[str, int]] = {}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the file back."""
        self._file.close()

    def add(self, place: Place, record: Record) -> None:
        """Keep a record."""
        waiting = self._waiting.get(place)
        if waiting is None:
            waiting = self._waiting[place] = bytearray()
            self._names[place] = (record.topic, record.partition)
        key, value = record.key, record.value
        waiting += _HEAD.pack(
            record.offset,
            record.appended_ms,
            -1 if key is None else len(key),
            -1 if value is None else len(value),
        )
        waiting += key or b""
        waiting += value or b""
        if len(waiting) >= _CHUNK_BYTES:
            self._file.seek(self._end)
            self._file.write(waiting)
            self._chunks.setdefault(place, []).append((self._end, len(waiting)))
            self._end += len(waiting)
            waiting.clear()

    def places(self) -> list[Place]:
        """Return the places of which there is a record, in the order in which they came."""
        return list(self._waiting)

    def read(self, place: Place) -> Iterator[Record]:
        """Return the records of a place, in order; none may be added meanwhile."""
        if place not in self._waiting:
            return
        topic, partition = self._names[place]
        for start, length in self._chunks.get(place, []):
            self._file.seek(start)
            yield from _records(topic, partition, self._file.read(length))
        yield from _records(topic, partition, bytes(self._waiting[place]))


def _records(topic: str, partition: int, chunk: bytes) -> Iterator[Record]:
    at = 0
    while at < len(chunk):
        offset, appended_ms, key_bytes, value_bytes = _HEAD.unpack_from(chunk, at)
        at += _HEAD.size
        key = value = None
        if key_bytes >= 0:
            key = chunk[at : at + key_bytes]
            at += key_bytes
        if value_bytes >= 0:
            value = chunk[at : at + value_bytes]
            at += value_bytes
        yield Record(topic, partition, offset, appended_ms, key, value)
