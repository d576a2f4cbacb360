"""One customer account and its open cash calls (contract sections 7 and 9)."""

from dataclasses import dataclass, field

from schemas.instant import Micros
from schemas.money import quantity, usd
from settlement.invariants import AccountBook


@dataclass(slots=True, eq=False)
class OpenCall:
    """A cash call that was neither settled nor written off. Cents; times in microseconds.

    `journal`: the number of the last journal of an Apex call; `journal_sent_at`: since when it is
    unanswered.
    """

    execution_id: str
    client_order_id: str
    symbol: str
    amount: int
    executed_at: Micros
    trade_date: str
    buy: bool
    fill: int
    attempts: int = 0
    first_failed_at: Micros = 0
    last_reason: str = ""
    journal: int = 0
    journal_sent_at: Micros | None = None

    @property
    def direction(self) -> str:
        """A buy takes from the customer."""
        return "WITHDRAWAL" if self.buy else "DEPOSIT"

    def turn(self) -> tuple[Micros, int, str]:
        """Its place in a pass over the account's open calls (section 7)."""
        return (self.executed_at, self.fill, self.client_order_id)


@dataclass(slots=True, eq=False)
class Account:
    """What an account has (cents, units by asset), and its open calls by `execution_id`."""

    account_id: str
    client: str
    mode: str | None = None
    model: str | None = None
    cash: int = 0
    pending: int = 0
    withdrawing: int = 0
    owed: int = 0
    positions: dict[str, int] = field(default_factory=dict)
    open_calls: dict[str, OpenCall] = field(default_factory=dict)
    open_withdrawals: int = 0
    open_deposits: int = 0
    executions: int = 0
    calls_settled: int = 0
    calls_written_off: int = 0
    net_lines: int = 0

    @property
    def marketplace(self) -> bool:
        """Whether it is a Marketplace account."""
        return self.model == "MARKETPLACE"

    @property
    def money_left(self) -> bool:
        """Whether it has cash or pending deposits with the platform."""
        return bool(self.cash or self.pending)

    @property
    def restricted(self) -> bool:
        """Whether its cash calls fail, LOCKED or CLOSED."""
        return self.mode in {"LOCKED", "CLOSED"}

    def open(self, call: OpenCall) -> None:
        """Open a call."""
        self.open_calls[call.execution_id] = call
        self._count_open(call, call.amount)

    def close(self, call: OpenCall) -> None:
        """Take a call from the open ones."""
        del self.open_calls[call.execution_id]
        self._count_open(call, -call.amount)

    def post(self, name: str, asset: str, amount: int) -> None:
        """Post to `customer:{account}:{name}`."""
        if name == "cash":
            self.cash += amount
        elif name == "owed":
            self.owed += amount
        elif name == "pending":
            self.pending += amount
        elif name == "withdrawing":
            self.withdrawing += amount
        else:
            self.positions[asset] = self.positions.get(asset, 0) + amount

    def values(self) -> dict[str, object]:
        """Return the fields of its `AccountBalance` that say what it has (section 3).

        Only a Marketplace account has buying power.
        """
        buying_power = usd(self.cash - self.open_withdrawals)
        return {
            "settled": usd(self.cash),
            "unsettled": usd(self.pending),
            "withdrawing": usd(self.withdrawing),
            "owed": usd(self.owed),
            "buying_power": buying_power if self.marketplace else None,
            "negative": self.cash < 0,
            "positions": {asset: quantity(units) for asset, units in self.positions.items()},
        }

    def book(self) -> AccountBook:
        """Return what the invariants look at."""
        return AccountBook(
            account_id=self.account_id,
            cash=self.cash,
            pending=self.pending,
            withdrawing=self.withdrawing,
            owed=self.owed,
            positions=self.positions,
            open_withdrawals=self.open_withdrawals,
            open_deposits=self.open_deposits,
            executions=self.executions,
            calls_open=len(self.open_calls),
            calls_settled=self.calls_settled,
            calls_written_off=self.calls_written_off,
            net_lines=self.net_lines,
        )

    def _count_open(self, call: OpenCall, amount: int) -> None:
        if call.buy:
            self.open_withdrawals += amount
        else:
            self.open_deposits += amount
