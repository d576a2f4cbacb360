"""CSV: one row a posting."""

from collections.abc import Iterator

from schemas.journal import JournalEntry

HEADER = "entry_id,event_time,client,account_id,account,asset,amount"


class Table:
    """Writes entries."""

    def head(self) -> str:
        """Return the header line."""
        return f"{HEADER}\n"

    def entry(self, entry: JournalEntry) -> Iterator[str]:
        """Give the entry's rows. No field has a comma or a quote in it."""
        of_entry = (
            f"{entry['entry_id']},{entry['event_time']},{entry['client']},"
            f"{entry['account_id'] or ''},"
        )
        for posting in entry["postings"]:
            yield f"{of_entry}{posting['account']},{posting['asset']},{posting['amount']}\n"
