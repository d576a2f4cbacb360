"""Stage revenue_share: a client's share of markup and commission, by month (contract section 10).

  share        of the markup and commission of the month's trade dates
- write_offs   the change of writeoff:{client} in the month's CT dates
- carried_in   what earlier months' shares did not cover
= payable, or, below zero, carried_out
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from schemas.instant import micros
from schemas.money import CENTS_DECIMALS, Bps, Cents, reread, usd
from schemas.revenue_share import RevenueShareStatement
from settlement import ledger
from settlement.calendar import ScheduledWindow, civil_date
from settlement.cause import Cause, Out
from settlement.client_ledger import ClientLedger
from settlement.rounding import share_of
from topics.catalogue import REVENUE_SHARES

_MONTH = len("2026-03")
_ONE_DAY = dt.timedelta(days=1)
# By type of line: where its amount counts as written off, the sign, and the field of its time.
WRITE_OFFS: dict[str, tuple[int, str]] = {
    "CashCallWrittenOff": (1, "event_time"),
    "WriteOffRecovered": (-1, "event_time"),
    "PartnerWriteOffLine": (1, "occurred_at"),
}


class Share:
    """One client's revenue share. Cents; `months`: of each that is not stated, by `2026-03`."""

    __slots__ = ("bps", "carried", "deducted", "months", "paid", "stated")

    def __init__(self) -> None:
        """Start with nothing earned."""
        self.bps: Bps = 0
        # Revenue, write-offs.
        self.months: dict[str, tuple[Cents, Cents]] = {}
        self.carried: Cents = 0
        # Over the client's life, for the invariants.
        self.stated: Cents = 0
        self.deducted: Cents = 0
        self.paid: Cents = 0

    def add(self, month: str, revenue: Cents, write_offs: Cents) -> None:
        """Count what a month brought."""
        before = self.months.get(month, (0, 0))
        self.months[month] = (before[0] + revenue, before[1] + write_offs)


class RevenueShares:
    """The stage's state: every client's share."""

    __slots__ = ("clients",)

    def __init__(self) -> None:
        """Start without a client."""
        self.clients: dict[str, Share] = {}

    def of(self, client: str) -> Share:
        """Return a client's share."""
        found = self.clients.get(client)
        if found is None:
            found = self.clients[client] = Share()
        return found

    def executed(self, client: str, event: Mapping[str, Any]) -> None:
        """Count an execution's markup and commission in the month of its trade date."""
        # One of the two is nothing, in most clients' commission models.
        markup, commission = event["markup"], event["commission"]
        revenue = 0 if markup == "0.00" else reread(markup, CENTS_DECIMALS)
        if commission != "0.00":
            revenue += reread(commission, CENTS_DECIMALS)
        if revenue:
            self.of(client).add(event["trade_date"][:_MONTH], revenue, 0)

    def written_off(self, client: str, line: Mapping[str, Any]) -> None:
        """Count a write-off, or a recovery of one, in the month of its CT date."""
        sign, time = WRITE_OFFS[line["type"]]
        month = civil_date(micros(line[time])).isoformat()[:_MONTH]
        self.of(client).add(month, 0, sign * reread(line["amount"], CENTS_DECIMALS))

    def state(
        self, client: str, window: ScheduledWindow, ledger_: ClientLedger, cause: Cause, out: Out
    ) -> None:
        """State the month before the first NET_SETTLEMENT window of a month."""
        share = self.of(client)
        month = (window.date - _ONE_DAY).isoformat()[:_MONTH]
        revenue, write_offs = share.months.pop(month, (0, 0))
        stated = share_of(revenue, share.bps)
        left = stated - write_offs - share.carried
        statement: RevenueShareStatement = {
            "type": "RevenueShareStatement",
            "event_id": cause.event_id("RevenueShareStatement", client),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "client": client,
            "month": month,
            "share": usd(stated),
            "write_offs": usd(write_offs),
            "carried_in": usd(share.carried),
            "payable": usd(max(0, left)),
            "carried_out": usd(max(0, -left)),
        }
        out.append((REVENUE_SHARES, client, statement))
        ledger_.book(client, ledger.share_stated(client, stated), cause, out)
        ledger_.book(client, ledger.write_offs_deducted(client, write_offs), cause, out)
        share.carried = max(0, -left)
        share.stated += stated
        share.deducted += write_offs

    def paid(
        self, client: str, amount: Cents, ledger_: ClientLedger, cause: Cause, out: Out
    ) -> None:
        """Book a payout, which may be larger than the share."""
        self.of(client).paid += amount
        ledger_.book(client, ledger.share_paid(client, amount), cause, out)


def is_first_of_month(window: ScheduledWindow) -> bool:
    """Whether a NET_SETTLEMENT window is the first of its month, which states the month before."""
    return window.date.day == 1
