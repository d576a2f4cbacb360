"""Rows that wait for their file, in the state of client-books."""

from collections.abc import Iterable, Iterator

import orjson

from pipeline.task import Change
from settlement.reports.rows import RowKind

# Far below the largest record that a broker takes. A row is some kilobytes at most: its texts have
# limits (contract section 1).
CHUNK_BYTES = 512 * 1024

# Files of trades are sorted by time; lines of several partitions come as they come.
_IN_TIME_ORDER: frozenset[RowKind] = frozenset({"execution", "net"})


class TaskRows:
    """Rows in memory, and in chunks in the state topic.

    Each commit adds one chunk for each client and kind, or several if one would be too large.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._rows: dict[tuple[str, RowKind], list[str]] = {}
        self._fresh: dict[tuple[str, RowKind], list[str]] = {}
        # Keys of the chunks that the state topic has.
        self._chunks: dict[tuple[str, RowKind], list[bytes]] = {}
        self._cleared: list[bytes] = []
        self._chunk_number = 0

    def add(self, client: str, kind: RowKind, row: str) -> None:
        """Keep one row."""
        self._rows.setdefault((client, kind), []).append(row)
        self._fresh.setdefault((client, kind), []).append(row)

    def read(self, client: str, kind: RowKind) -> Iterator[str]:
        """Return a client's rows of one kind; of trades in time order, as in one partition."""
        rows = self._rows.get((client, kind), [])
        return iter(sorted(rows, key=_time_of) if kind in _IN_TIME_ORDER else rows)

    def clear(self, kind: RowKind) -> None:
        """Forget all rows of one kind."""
        for key in [key for key in self._rows if key[1] == kind]:
            del self._rows[key]
            self._fresh.pop(key, None)
            self._cleared += self._chunks.pop(key, [])

    def changes(self) -> Iterator[Change]:
        """Return the chunks of new rows of each client and kind, and which chunks are gone."""
        for key in self._cleared:
            yield key, None
        self._cleared.clear()
        for (client, kind), rows in self._fresh.items():
            for chunk in _chunks(rows):
                self._chunk_number += 1
                key = f"rows|{client}|{kind}|{self._chunk_number}".encode()
                self._chunks.setdefault((client, kind), []).append(key)
                yield key, chunk
        self._fresh.clear()

    def restore(self, chunks: list[tuple[int, bytes, str, RowKind, list[str]]]) -> None:
        """Take the chunks back: number, key, client, kind, rows."""
        for number, key, client, kind, rows in sorted(chunks):
            self._chunk_number = max(self._chunk_number, number)
            self._rows.setdefault((client, kind), []).extend(rows)
            self._chunks.setdefault((client, kind), []).append(key)


def _chunks(rows: Iterable[str]) -> Iterator[bytes]:
    """Return rows as JSON lists of at most `CHUNK_BYTES`, or of a single row."""
    chunk: list[bytes] = []
    size = 0
    for row in rows:
        text = orjson.dumps(row)
        if chunk and size + len(text) + 2 > CHUNK_BYTES:
            yield b"[%s]" % b",".join(chunk)
            chunk, size = [], 0
        chunk.append(text)
        size += len(text) + 1
    yield b"[%s]" % b",".join(chunk)


def _time_of(row: str) -> str:
    return row.partition(",")[0]
