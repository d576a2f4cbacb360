"""`settle export-journal`: the journal for a bookkeeping program of your own."""

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from replay.bookkeeping.export import export_journal as write_journal
from replay.bookkeeping.export import journal_of
from replay.quotes import UnreadableFileError
from scripts.errors import Failure
from scripts.progress import byte_progress


class JournalFormat(Enum):
    """The formats, as --format names them."""

    beancount = "beancount"
    hledger = "hledger"
    csv = "csv"


def export_journal(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="What settle replay wrote to its --out.")
    ],
    out: Annotated[Path, typer.Option(help="The file to write; gzip if its name ends with .gz.")],
    form: Annotated[
        JournalFormat, typer.Option("--format", help="Whose format.")
    ] = JournalFormat.beancount,
) -> None:
    """Write the double-entry journal for independent bookkeeping.

    Every entry, posting by posting, dated as in Chicago. Signs are the
    ledger's: value moves from negative to positive, so income is positive.
    Load it with bean-query, hledger or a spreadsheet and compare the balances.

    Example: settle export-journal out/replay --format hledger --out out/j.journal
    """
    journal = journal_of(directory)
    size = journal.stat().st_size if journal.is_file() else 0
    try:
        with byte_progress("exporting", size) as tell:
            exported = write_journal(directory, form.value, out, tell)
    except UnreadableFileError as error:
        raise Failure(f"{error}; nothing was written (DIR is what settle replay wrote)") from None
    except BrokenPipeError:
        raise  # --out is a pipe whose reader has gone
    except OSError as error:
        raise Failure(f"{out}: {error.strerror}; nothing was written") from None
    sys.stdout.write(
        f"{out}: {exported.entries:,} entries, {exported.postings:,} postings"
        f" in {exported.accounts:,} accounts, as {form.value}\n"
    )
