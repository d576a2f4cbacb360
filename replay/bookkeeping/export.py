"""A replay directory's journal, line by line, into one file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson

from replay.bookkeeping.beancount import Beancount
from replay.bookkeeping.hledger import Hledger
from replay.bookkeeping.table import Table
from replay.open_input import open_input
from replay.quotes import UnreadableFileError, replaced_when_complete
from schemas.journal import JournalEntry
from topics.catalogue import JOURNAL


class Format(Protocol):
    """How a bookkeeping program likes its entries."""

    def head(self) -> str:
        """Return what the file begins with."""

    def entry(self, entry: JournalEntry) -> Iterator[str]:
        """Give the entry's text."""


FORMATS: dict[str, Callable[[], Format]] = {
    "beancount": Beancount,
    "hledger": Hledger,
    "csv": Table,
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    entries: int
    postings: int
    accounts: int


def journal_of(directory: Path) -> Path:
    """Return where a replay directory has its journal."""
    return directory / "topics" / f"{JOURNAL}.jsonl"


def export_journal(
    directory: Path, kind: str, target: Path, progress: Callable[[int], object] | None = None
) -> Exported:
    """Write the journal of `directory` as `kind`, one of `FORMATS`.

    A `target` named .gz is compressed. Memory grows with ledger accounts, not with entries.
    `progress` is told how many bytes of the
    journal were read since the last time.

    Raises:
        UnreadableFileError: there is no journal, or a line that is no entry of one.
        OSError: `target` cannot be written.
    """
    form = FORMATS[kind]()
    accounts: set[str] = set()
    entries = postings = 0
    source = journal_of(directory)
    try:
        lines = open_input(source)
    except OSError as error:
        raise UnreadableFileError(f"{source}: {error.strerror}") from error
    with lines, replaced_when_complete(target) as out:
        out.write(form.head().encode())
        for number, line in enumerate(lines, start=1):
            try:
                entry: JournalEntry = orjson.loads(line)
                accounts.update(posting["account"] for posting in entry["postings"])
                text = "".join(form.entry(entry))
            except (orjson.JSONDecodeError, LookupError, TypeError, ValueError) as error:
                raise UnreadableFileError(
                    f"{source}, line {number}: no entry of a journal: {error!r}"
                ) from error
            out.write(text.encode())
            entries += 1
            postings += len(entry["postings"])
            if progress is not None:
                progress(len(line))
    return Exported(entries, postings, len(accounts))
