"""Rows wait here for their file: in memory for a test, on disk for a long replay."""

from collections.abc import Iterator
from typing import Literal, Protocol

RowKind = Literal["aged", "requested", "execution", "activity", "net"]


class Rows(Protocol):
    """Rows by client and kind, in the order in which they were added."""

    def add(self, client: str, kind: RowKind, row: str) -> None:
        """Keep one row."""

    def read(self, client: str, kind: RowKind) -> Iterator[str]:
        """Return a client's rows of one kind; reading takes nothing away."""

    def clear(self, kind: RowKind) -> None:
        """Forget all rows of one kind: their files are issued."""


class MemoryRows:
    """Rows in memory."""

    def __init__(self) -> None:
        """Start with none."""
        self._rows: dict[tuple[str, RowKind], list[str]] = {}

    def add(self, client: str, kind: RowKind, row: str) -> None:
        """Keep one row."""
        self._rows.setdefault((client, kind), []).append(row)

    def read(self, client: str, kind: RowKind) -> Iterator[str]:
        """Return a client's rows of one kind."""
        return iter(self._rows.get((client, kind), []))

    def clear(self, kind: RowKind) -> None:
        """Forget all rows of one kind."""
        for key in [key for key in self._rows if key[1] == kind]:
            del self._rows[key]
