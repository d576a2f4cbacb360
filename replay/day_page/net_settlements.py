"""Net settlements and where their payment stands; revenue share statements."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from replay.day_page.period import Period
from replay.day_page.tally import Tally
from replay.day_page.topic_events import Event
from schemas.instant import Micros, micros
from schemas.money import CENTS_DECIMALS, Cents, reread
from settlement.calendar import civil_date

_PAID = frozenset({"PAID", "OVERPAID"})


@dataclass(slots=True)
class Net:
    """One client's net of a window, in cents: above 0 the client owes the platform."""

    client: str
    window_from: Micros
    window_to: Micros
    cents: Cents
    executions: int
    payment_due: dt.date
    status: str
    outstanding: Cents

    def is_paid(self) -> bool:
        """Whether nobody has to pay."""
        return self.status in _PAID

    def is_late(self, today: dt.date) -> bool:
        """Whether it should have been paid before a date."""
        return not self.is_paid() and self.outstanding != 0 and self.payment_due < today


@dataclass(frozen=True, slots=True)
class Share:
    """A revenue share statement, in cents."""

    client: str
    month: str
    share: Cents
    write_offs: Cents
    carried_in: Cents
    payable: Cents
    carried_out: Cents


class NetSettlements:
    """Those that closed in the period, and older ones that are still to be paid."""

    def __init__(self) -> None:
        """Start with none."""
        self.nets: dict[tuple[str, Micros], Net] = {}
        # Lines of windows that have not closed, by client.
        self.unclosed: dict[tuple[str, Micros], Tally] = {}
        self.shares: list[Share] = []

    def read(self, events: Iterable[Event], period: Period) -> None:
        """Fold the net settlements up to the period's end; those of one client come in order."""
        for event in events:
            at = micros(event["event_time"])
            if at >= period.end:
                continue
            window = (event["client"], micros(event["window_to"]))
            if event["type"] == "NetSettlementLine":
                line = self.unclosed.setdefault(window, Tally())
                line.add(reread(event["net_amount"], CENTS_DECIMALS))
            elif event["type"] == "NetSettlement":
                self.unclosed.pop(window, None)
                cents = reread(event["net_amount"], CENTS_DECIMALS)
                self.nets[window] = Net(
                    *(window[0], micros(event["window_from"]), window[1]),
                    cents,
                    event["executions"],
                    dt.date.fromisoformat(event["payment_due"]),
                    "PENDING",
                    cents,
                )
            else:
                net = self.nets.get(window)
                if net is None:
                    continue  # paid before the period began
                net.status = event["status"]
                net.outstanding = reread(event["outstanding"], CENTS_DECIMALS)
                if at < period.start and net.is_paid() and not net.outstanding:
                    del self.nets[window]

    def read_shares(self, events: Iterable[Event], period: Period) -> None:
        """Keep the revenue share statements of the period."""
        for event in events:
            if micros(event["event_time"]) in period:
                amounts = ("share", "write_offs", "carried_in", "payable", "carried_out")
                self.shares.append(
                    Share(
                        event["client"],
                        event["month"],
                        *(reread(event[name], CENTS_DECIMALS) for name in amounts),
                    )
                )

    def in_order(self) -> list[Net]:
        """Return the net settlements by window, then client."""
        return sorted(self.nets.values(), key=lambda net: (net.window_to, net.client))

    def late(self, period: Period) -> list[Net]:
        """Return those that should have been paid before the period's last date."""
        today = civil_date(period.last)
        return [net for net in self.in_order() if net.is_late(today)]
