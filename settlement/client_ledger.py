"""The clients' own entries of the journal: net wires and revenue shares (contract section 9)."""

from schemas.journal import JournalEntry, Posting
from schemas.money import usd
from settlement.cause import Cause, Out
from settlement.ledger import Postings
from topics.catalogue import JOURNAL


class ClientLedger:
    """Books clients' entries, all in USD; `totals` in cents by ledger account.

    What cash_call books to the same accounts (a trade that is settled net, a write-off) is in the
    totals of the customers' ledger: an account's balance is the sum of both.
    """

    __slots__ = ("totals", "touched")

    def __init__(self) -> None:
        """Start with empty books."""
        self.totals: dict[str, int] = {}
        # Accounts that changed, for an engine that keeps them elsewhere too and clears this.
        self.touched: set[str] = set()

    def book(self, client: str, postings: Postings, cause: Cause, out: Out) -> None:
        """Book one entry of a client; zero postings, and entries without postings, are left out.

        Raises:
            AssertionError: the entry does not balance, which parks the partition.
        """
        if sum(amount for _, _, amount in postings):
            raise AssertionError(f"unbalanced entry of {client}: {postings}")
        written: list[Posting] = []
        for name, asset, amount in postings:
            if amount:
                written.append({"account": name, "asset": asset, "amount": usd(amount)})
                self.totals[name] = self.totals.get(name, 0) + amount
                self.touched.add(name)
        if not written:
            return
        event_id = cause.event_id("JournalEntry", client)
        entry: JournalEntry = {
            "type": "JournalEntry",
            "event_id": event_id,
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "entry_id": event_id,
            "account_id": None,
            "client": client,
            "postings": written,
        }
        out.append((JOURNAL, client, entry))
