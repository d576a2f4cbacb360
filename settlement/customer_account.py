"""A customer's books inside the FBO: cash, what is on its way, what is owed, what is held."""

from collections import defaultdict
from sys import intern

from schemas.account import FundingModel, Mode
from schemas.balance import AccountBalance
from schemas.cash_call import Direction, FailureReason
from schemas.instant import Micros
from schemas.journal import USD
from schemas.money import Cents, Units, quantity, usd
from schemas.order import Side
from settlement.cause import Cause, Out
from settlement.invariants import AccountBook
from settlement.ledger import CustomerNames, Postings
from topics.catalogue import BALANCES, CLIENT_LINES, JOURNAL

CUSTOMER = "customer:"


class OpenCall:
    """A cash call that is neither settled nor written off. `amount` in cents, times in micros."""

    __slots__ = (
        "amount",
        "attempts",
        "executed_at",
        "execution_id",
        "first_failed_at",
        "journal",
        "journal_sent_at",
        "last_reason",
        "side",
        "symbol",
        "trade_date",
    )

    def __init__(
        self,
        execution_id: str,
        symbol: str,
        side: Side,
        amount: Cents,
        executed_at: Micros,
        trade_date: str,
    ) -> None:
        """Open a call that has not been tried."""
        self.execution_id = execution_id
        # Millions of open calls share a few symbols and dates.
        self.symbol = intern(symbol)
        self.side = side
        self.amount = amount
        self.executed_at = executed_at
        self.trade_date = intern(trade_date)
        self.attempts = 0
        self.first_failed_at: Micros | None = None
        self.last_reason: FailureReason | None = None
        # Apex calls: the number k of the last journal request, and since when it is unanswered.
        self.journal = 0
        self.journal_sent_at: Micros | None = None

    @property
    def cash_call_id(self) -> str:
        """The call's id (section 3)."""
        return self.execution_id + "-TPJ"

    @property
    def direction(self) -> Direction:
        """From the customer for a buy, to the customer for a sell."""
        return "WITHDRAWAL" if self.side == "BUY" else "DEPOSIT"

    def turn(self) -> tuple[Micros, int, str]:
        """Its place in a pass: executed_at, fill number, `client_order_id` (section 7)."""
        order_id, _, fill = self.execution_id[9:].rpartition("-")
        return (self.executed_at, int(fill), order_id)


class CustomerAccount:
    """One account's books. Cents of USD; `positions` in units by asset."""

    __slots__ = (
        "account_id",
        "calls_settled",
        "calls_written_off",
        "cash",
        "client",
        "executions",
        "funding_model",
        "mode",
        "names",
        "net_lines",
        "open_calls",
        "open_deposits",
        "open_withdrawals",
        "owed",
        "pending",
        "position_texts",
        "positions",
        "withdrawing",
    )

    def __init__(self, account_id: str, client: str) -> None:
        """Make an open account without anything in it."""
        self.account_id = account_id
        self.client = intern(client)
        self.funding_model: FundingModel = "MARKETPLACE"
        self.mode: Mode = "OPEN"
        self.cash: Cents = 0
        self.pending: Cents = 0
        self.withdrawing: Cents = 0
        self.owed: Cents = 0
        # Sums over the open calls of each direction.
        self.open_withdrawals: Cents = 0
        self.open_deposits: Cents = 0
        # Counts over the account's life, for the invariants.
        self.executions = 0
        self.calls_settled = 0
        self.calls_written_off = 0
        self.net_lines = 0
        # None until first used: most accounts of a large client are idle.
        self.open_calls: dict[str, OpenCall] | None = None
        self.positions: dict[str, Units] | None = None
        # The same in words. Each change makes a new dict: balances that were emitted keep theirs.
        self.position_texts: dict[str, str] | None = None
        self.names: CustomerNames | None = None

    def ledger_names(self) -> CustomerNames:
        """Return the names of the account's ledger accounts."""
        if self.names is None:
            self.names = CustomerNames(self.account_id)
        return self.names

    @property
    def restricted(self) -> bool:
        """Whether cash calls of the account fail: it is locked or closed."""
        return self.mode in {"LOCKED", "CLOSED"}

    def open(self, call: OpenCall) -> None:
        """Add a call to the open ones."""
        if self.open_calls is None:
            self.open_calls = {}
        self.open_calls[call.execution_id] = call
        if call.side == "BUY":
            self.open_withdrawals += call.amount
        else:
            self.open_deposits += call.amount

    def close(self, call: OpenCall) -> None:
        """Take a call out of the open ones: it settled or was written off."""
        if self.open_calls is None:
            raise AssertionError(f"{call.cash_call_id} is not open")
        del self.open_calls[call.execution_id]
        if call.side == "BUY":
            self.open_withdrawals -= call.amount
        else:
            self.open_deposits -= call.amount

    def book(self) -> AccountBook:
        """Show the account to the invariants."""
        return AccountBook(
            self.account_id,
            self.cash,
            self.pending,
            self.withdrawing,
            self.owed,
            self.positions or {},
            self.open_withdrawals,
            self.open_deposits,
            self.executions,
            len(self.open_calls or {}),
            self.calls_settled,
            self.calls_written_off,
            self.net_lines,
        )

    def move(self, what: str, amount: int) -> None:
        """Apply a posting to one of the account's balances: cash, owed ... or an asset."""
        if what == "cash":
            self.cash += amount
        elif what == "owed":
            self.owed += amount
        elif what == "pending":
            self.pending += amount
        elif what == "withdrawing":
            self.withdrawing += amount
        else:
            self.move_position(what, amount)

    def move_position(self, asset: str, units: Units) -> None:
        """Add signed units to a position; it stays known when it is zero."""
        positions = self.positions
        if positions is None:
            positions = self.positions = {}
        held = positions[asset] = positions.get(asset, 0) + units
        self.position_texts = {**(self.position_texts or {}), asset: quantity(held)}

    def balance(self, cause: Cause) -> AccountBalance:
        """Return what the account has now."""
        return {
            "type": "AccountBalance",
            "event_id": cause.event_id("AccountBalance", self.account_id),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "account_id": self.account_id,
            "client": self.client,
            "settled": usd(self.cash),
            "unsettled": usd(self.pending),
            "withdrawing": usd(self.withdrawing),
            "owed": usd(self.owed),
            "buying_power": usd(self.cash - self.open_withdrawals)
            if self.funding_model == "MARKETPLACE"
            else None,
            "negative": self.cash < 0,
            "positions": self.position_texts or {},
        }


class Ledger:
    """Books entries: the journal, and the platform's own balances in minor units by account.

    A ledger account holds one asset, which its name tells. A customer's own balances are fields of
    its `CustomerAccount`.
    """

    __slots__ = ("totals",)

    def __init__(self) -> None:
        """Start with empty books."""
        self.totals: defaultdict[str, int] = defaultdict(int)

    def book(self, account: CustomerAccount, postings: Postings, cause: Cause, out: Out) -> None:
        """Book one entry of an account; zero postings, and entries without postings, are left out.

        Raises:
            AssertionError: the entry does not balance, which parks the partition.
        """
        written: list[str] = []
        totals = self.totals
        balance_of = (account.names or account.ledger_names()).balance_of
        balance = 0
        for name, asset, amount in postings:
            if not amount:
                continue
            if asset == USD:
                balance += amount
                text = usd(amount)
            else:
                text = quantity(amount)
            written.append(f'{{"account":"{name}","asset":"{asset}","amount":"{text}"}}')
            what = balance_of.get(name)
            if what is None:
                totals[name] += amount
            else:
                account.move(what, amount)
        if balance:
            raise AssertionError(f"unbalanced entry of {account.account_id}: {postings}")
        if written:
            self.write(account, written, cause, out)

    @staticmethod
    def write(account: CustomerAccount, postings: list[str], cause: Cause, out: Out) -> None:
        """Write an entry that is booked to the journal; its postings are in their JSON."""
        account_id = account.account_id
        event_id = cause.event_id("JournalEntry", account_id)
        entry = (
            '{"type":"JournalEntry",'
            f'"event_id":"{event_id}",'
            f'"event_time":"{cause.at_text}",'
            f'"cause_id":{cause.id_json},'
            f'"entry_id":"{event_id}",'
            f'"account_id":"{account_id}",'
            f'"client":"{account.client}",'
            f'"postings":[{",".join(postings)}]}}'
        )
        out.append((JOURNAL, account_id, entry))


def announce(account: CustomerAccount, cause: Cause, out: Out) -> None:
    """Emit the account's balance, once per step that changed it."""
    balance = account.balance(cause)
    out.append((BALANCES, account.account_id, balance))
    out.append((CLIENT_LINES, account.client, balance))
