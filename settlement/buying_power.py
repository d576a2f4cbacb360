"""Buying power, as a client works it out from its files alone (domain.md section 8).

      settled cash at 16:40                         cash balance file
    - what is called and was not paid by then       official aged file
    - buys + sells executed since                   execution confirm, or the client's own record

A call that failed to credit the customer (a DEPOSIT) is not counted on before it settles. Right
after the cut this is what `balances` says, settled - open WITHDRAWAL calls, because every open call
of a Marketplace account has failed once. All amounts are cents.
"""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.cash_call import Direction
from schemas.money import Cents


class SettledCash(NamedTuple):
    """A row of the cash balance file."""

    account_id: str
    settled: Cents


class AgedCall(NamedTuple):
    """A row of the official aged file."""

    account_id: str
    direction: Direction
    notional: Cents


class Trade(NamedTuple):
    """An execution since the cut; `credited` is false for a sell whose call is known to be open."""

    account_id: str
    buy: bool
    net_money: Cents
    credited: bool = True


class BuyingPower:
    """One customer's buying power, and what it is made of."""

    __slots__ = ("account_id", "bought", "settled", "sold", "unpaid")

    def __init__(self, account_id: str, settled: Cents) -> None:
        """Start with the settled cash."""
        self.account_id = account_id
        self.settled = settled
        self.unpaid: Cents = 0
        self.bought: Cents = 0
        self.sold: Cents = 0

    @property
    def amount(self) -> Cents:
        """What the customer may spend; below zero he owes."""
        return self.settled - self.unpaid - self.bought + self.sold


def buying_power(
    cash: Iterable[SettledCash], aged: Iterable[AgedCall], trades: Iterable[Trade]
) -> tuple[list[BuyingPower], set[str]]:
    """Return each customer's buying power by account, and accounts that have calls or trades only.

    Those are no Marketplace accounts, or were opened after the cut: their cash is not known here.
    """
    known = {row.account_id: BuyingPower(row.account_id, row.settled) for row in cash}
    unknown = set()
    for call in aged:
        power = known.get(call.account_id)
        if power is None:
            unknown.add(call.account_id)
        elif call.direction == "WITHDRAWAL":
            power.unpaid += call.notional
    for trade in trades:
        power = known.get(trade.account_id)
        if power is None:
            unknown.add(trade.account_id)
        elif trade.buy:
            power.bought += trade.net_money
        elif trade.credited:
            power.sold += trade.net_money
    return [known[account_id] for account_id in sorted(known)], unknown
