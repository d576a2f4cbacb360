"""Rows that wait for their file, on disk: a day of any length needs no memory."""

from collections.abc import Iterator
from tempfile import TemporaryFile

import orjson

from settlement.reports.rows import RowKind

# Rows of one client and kind that wait in memory before they go to disk together.
_ROWS_IN_MEMORY_MAX = 256


class Spool:
    """Rows by client and kind in one temporary file, which the system removes with the process."""

    def __init__(self, directory: str) -> None:
        """Open the file in `directory`."""
        self._file = TemporaryFile(dir=directory)  # noqa: SIM115 - lives as long as the spool
        self._end = 0
        self._waiting: dict[tuple[str, RowKind], list[str]] = {}
        # Where the chunks of a client's rows are: offset and length.
        self._chunks: dict[tuple[str, RowKind], list[tuple[int, int]]] = {}

    def add(self, client: str, kind: RowKind, row: str) -> None:
        """Keep one row."""
        waiting = self._waiting.get((client, kind))
        if waiting is None:
            waiting = self._waiting[client, kind] = []
        waiting.append(row)
        if len(waiting) >= _ROWS_IN_MEMORY_MAX:
            chunk = orjson.dumps(waiting)
            self._file.seek(self._end)
            self._file.write(chunk)
            self._chunks.setdefault((client, kind), []).append((self._end, len(chunk)))
            self._end += len(chunk)
            waiting.clear()

    def read(self, client: str, kind: RowKind) -> Iterator[str]:
        """Return a client's rows of one kind, in the order in which they were added."""
        for start, length in self._chunks.get((client, kind), []):
            self._file.seek(start)
            yield from orjson.loads(self._file.read(length))
        yield from self._waiting.get((client, kind), [])

    def clear(self, kind: RowKind) -> None:
        """Forget all rows of one kind."""
        for rows in (self._waiting, self._chunks):
            for key in [key for key in rows if key[1] == kind]:
                del rows[key]
        if not self._chunks:
            self._file.seek(0)
            self._file.truncate()
            self._end = 0

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
