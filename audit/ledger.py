"""The ledger (contract section 9): books each entry, which the journal must have next."""

from collections import defaultdict
from collections.abc import Callable
from sys import intern

from audit import entries
from audit.account import Account
from audit.cause import Cause
from audit.topic_file import TopicFile
from replay.difference import of_books
from settlement.calendar import civil_date
from settlement.invariants import Books, ClientBook, books_difference, entry_difference


class Ledger:
    """All accounts that were seen, and the ledger's other totals by (account, asset)."""

    def __init__(self, journal: TopicFile, balances: TopicFile) -> None:
        """Start with nothing."""
        self.journal = journal
        self.balances = balances
        self.accounts: dict[str, Account] = {}
        self.totals: dict[tuple[str, str], int] = defaultdict(int)
        # By client and month of the CT date: what was posted to its write-offs but by statements.
        self.write_offs: dict[tuple[str, str], int] = defaultdict(int)
        # What clients owe and are owed.
        self.client_books: Callable[[], list[ClientBook]] = list

    def account(self, account_id: str, client: str) -> Account:
        """Return an account; a new one has nothing."""
        account = self.accounts.get(account_id)
        if account is None:
            account = self.accounts[account_id] = Account(intern(account_id), intern(client))
        return account

    def position(self, account_id: str, asset: str) -> int:
        """Return how many units of an asset an account has."""
        account = self.accounts.get(account_id)
        return 0 if account is None else account.positions.get(asset, 0)

    def book(
        self, account: Account, entry: entries.Entry, cause: Cause, *, withdrawal_call: bool = False
    ) -> None:
        """Book an entry and take it from the journal; an entry without postings is left out.

        Raises:
            DifferenceError: the journal's next is not this entry, or the entry breaks the books.
        """
        written = entries.written(entry)
        if not written:
            return
        line = self.journal.head
        expected = cause.about("JournalEntry", account.account_id, account.client, postings=written)
        expected["entry_id"] = expected["event_id"]
        self.journal.expect(expected)
        own = f"customer:{account.account_id}:"
        for name, asset, amount in entry:
            if name.startswith(own):
                account.post(name[len(own) :], asset, amount)
            else:
                self.totals[name, asset] += amount
                if name == f"writeoff:{account.client}":
                    month = civil_date(cause.at).strftime("%Y-%m")
                    self.write_offs[account.client, month] -= amount
        wrong = entry_difference(
            account.account_id, entry, account.cash if withdrawal_call else None
        )
        if wrong is not None and line is not None:
            raise of_books(self.journal.place(line), wrong, line.event["event_id"])

    def book_client(self, client: str, entry: entries.Entry, cause: Cause) -> None:
        """Book an entry of a client and take it from the journal, as `book` does.

        Raises:
            DifferenceError: the journal's next is not this entry.
        """
        written = entries.written(entry)
        if not written:
            return
        expected = cause.head(
            "JournalEntry", client, account_id=None, client=client, postings=written
        )
        expected["entry_id"] = expected["event_id"]
        self.journal.expect(expected)
        for name, asset, amount in entry:
            self.totals[name, asset] += amount

    def announce(self, account: Account, cause: Cause) -> None:
        """Take the account's balance after a step that changed it.

        Raises:
            DifferenceError: it is not what the account has.
        """
        self.balances.expect(
            cause.about("AccountBalance", account.account_id, account.client, **account.values())
        )

    def check(self, place: str) -> None:
        """Hold everything against the invariants of section 9.

        Raises:
            DifferenceError: the first that does not hold.
        """
        totals = {
            account: total
            for account, total in self.totals.items()
            if not account[0].startswith("client:")
        }
        accounts = (account.book() for account in self.accounts.values())
        wrong = books_difference(Books(totals, accounts, self.client_books()))
        if wrong is not None:
            raise of_books(place, wrong)
