"""The stages of the clients' books, in order: net_settlement, revenue_share, reports.

They read the same lines, and close the same windows. `now` is their time T (contract section 4).
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from schemas.client import ClientUpdated
from schemas.execution import Execution
from schemas.instant import Micros, micros
from schemas.net_settlement import RevenueSharePaid
from settlement import net_wire
from settlement.aged_failure import AGED_WINDOWS
from settlement.calendar import ScheduledWindow
from settlement.cause import Cause, Out
from settlement.client_ledger import ClientLedger
from settlement.invariants import ClientBook, ClosedNet
from settlement.net_settlement import NetSettlements
from settlement.net_wire import NetInput
from settlement.reports.books import ClientBooks
from settlement.reports.report import Report
from settlement.reports.rows import Rows
from settlement.revenue_share import WRITE_OFFS, RevenueShares, is_first_of_month
from topics.catalogue import EXECUTIONS, NET_WIRES
from topics.decode import Refused


class Clients:
    """The states of the three stages in one partition."""

    __slots__ = ("ledger", "nets", "now", "reports", "shares", "touched")

    def __init__(self, rows: Rows, *, csv_safe: bool = False) -> None:
        """Start without a client, before time; `rows` and `csv_safe` as `ClientBooks`."""
        self.now: Micros | None = None
        self.nets = NetSettlements()
        self.shares = RevenueShares()
        self.ledger = ClientLedger()
        self.reports = ClientBooks(rows, csv_safe=csv_safe)
        # Clients whose nets or shares changed, for an engine that keeps them elsewhere too and
        # clears this.
        self.touched: set[str] = set()

    def move_time(self, at: Micros) -> Micros:
        """Move T to an input's own time, never back; return it."""
        self.now = at if self.now is None else max(self.now, at)
        return self.now

    def client_updated(self, event: ClientUpdated) -> None:
        """Take a client's terms as they are from now on."""
        self.reports.client_updated(event.client)
        self.shares.of(event.client).bps = event.revenue_share_bps
        self.touched.add(event.client)

    def line(self, client: str, line: Mapping[str, Any], out: Out) -> None:
        """Take one line of a client."""
        kind = line["type"]
        # Three lines of nearly every execution first.
        if kind == "AccountBalance":
            self.reports.balance(client, line)
        elif kind == "CashCallSettled":
            self.reports.call_settled(client, line)
        elif kind == "Execution":
            self.shares.executed(client, line)
            if line["funding_model"] == "NET_SETTLEMENT":
                at = self.move_time(micros(line["event_time"]))
                self.nets.executed(client, cast("Execution", line), at, out)
            self.touched.add(client)
            self.reports.executed(client, line)
        else:
            if kind in WRITE_OFFS:
                self.shares.written_off(client, line)
                self.touched.add(client)
            elif kind == "AccountLine":
                self.nets.account_line(client, line)
            self.reports.line(client, line)

    def refusal(self, event: NetInput) -> Refused | None:
        """Return why an input of `net-wires` is dead-lettered, None if it is not."""
        if not self._is_known(event.client):
            return Refused("UNKNOWN_ACCOUNT", f"no ClientUpdated and no account of {event.client}")
        refused = net_wire.repeat_refusal(self.nets.inputs, event)
        if refused is None and net_wire.is_opinion(event):
            return net_wire.opinion_refusal(self.nets, event)
        return refused

    def _is_known(self, client: str) -> bool:
        return client in self.reports.clients or client in self.reports.accounts

    def wired(self, event: NetInput, at: Micros, out: Out) -> None:
        """Apply an input of `net-wires` that is not refused; a repeat has no effect."""
        cause = Cause(NET_WIRES, event.event_id, at)
        if net_wire.is_known(self.nets.inputs, event):
            return
        net_wire.remember(self.nets.inputs, event)
        self.touched.add(event.client)
        if net_wire.is_opinion(event):
            net_wire.opined(self.nets, event, cause, out)
        elif isinstance(event, RevenueSharePaid):
            self.shares.paid(event.client, event.amount, self.ledger, cause, out)
        else:
            net_wire.wired(self.nets, self.ledger, event, cause, out)

    def close(
        self, window: ScheduledWindow, cause_id: str, out: Out, after: str = ""
    ) -> Iterator[tuple[Cause, str, list[Report]]]:
        """Close a window, one client per step, in code order: its events, then its files.

        What was cut off goes on behind the client `after`.
        """
        self.move_time(window.scheduled_at)
        nets = window.window == "NET_SETTLEMENT"
        if not nets and window.window not in AGED_WINDOWS:
            return  # of no concern to clients
        known = self.reports.clients | self.reports.accounts.keys()
        for client in sorted(known | self.shares.clients.keys() | self.nets.clients.keys()):
            if client <= after:
                continue
            cause = Cause(EXECUTIONS, cause_id, window.scheduled_at)
            reports = list(
                self._settle_net(client, window, cause, out)
                if nets
                else self.reports.files(client, window)
            )
            yield cause, client, reports
        self.reports.closed(window)

    def _settle_net(
        self, client: str, window: ScheduledWindow, cause: Cause, out: Out
    ) -> Iterator[Report]:
        net = self.nets.close(client, window, cause, out)
        if is_first_of_month(window):
            self.shares.state(client, window, self.ledger, cause, out)
        self.touched.add(client)
        if net is not None:
            yield from self.reports.net(client, window, net.amount)

    def books(self) -> Iterator[ClientBook]:
        """Show what clients owe and are owed to the invariants, but for what cash_call booked."""
        for client in sorted(self.nets.clients.keys() | self.shares.clients.keys()):
            nets, share = self.nets.of(client), self.shares.of(client)
            closed = [
                ClosedNet(f"{window_to}", net.amount, net.amount)
                for window_to, net in nets.closed.items()
            ]
            yield ClientBook(
                client,
                net=self.ledger.totals.get(f"client:{client}:net", 0),
                unclosed_lines=sum(amount for amount, _ in nets.lines.values()),
                closed=closed,
                wires_in=nets.wires_in,
                wires_out=nets.wires_out,
                outstanding=sum(net.outstanding for net in nets.closed.values()) + nets.advance,
                lines=sum(count for _, count in nets.lines.values())
                + sum(net.executions for net in nets.closed.values()),
                share=self.ledger.totals.get(f"client:{client}:share", 0),
                share_booked=share.stated - share.deducted - share.paid,
            )
