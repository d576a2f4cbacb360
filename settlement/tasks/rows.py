"""Rows that wait for their file, in the state of client-books."""

from collections.abc import Iterator

import orjson

from settlement.reports.rows import RowKind
from settlement.tasks.task import Change

# Files of trades are sorted by time; lines of several partitions come as they come.
_IN_TIME_ORDER: frozenset[RowKind] = frozenset({"execution", "net"})


class TaskRows:
    """Rows in memory, and in chunks in the state topic: one per commit, client and kind."""

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
        """Return a chunk of new rows for each client and kind, and which chunks are gone."""
        for key in self._cleared:
            yield key, None
        self._cleared.clear()
        for (client, kind), rows in self._fresh.items():
            self._chunk_number += 1
            key = f"rows|{client}|{kind}|{self._chunk_number}".encode()
            self._chunks.setdefault((client, kind), []).append(key)
            yield key, orjson.dumps(rows)
        self._fresh.clear()

    def restore(self, chunks: list[tuple[int, bytes, str, RowKind, list[str]]]) -> None:
        """Take the chunks back: number, key, client, kind, rows."""
        for number, key, client, kind, rows in sorted(chunks):
            self._chunk_number = max(self._chunk_number, number)
            self._rows.setdefault((client, kind), []).extend(rows)
            self._chunks.setdefault((client, kind), []).append(key)


def _time_of(row: str) -> str:
    return row.partition(",")[0]
