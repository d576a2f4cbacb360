"""Stage net_settlement: one movement a day per client (contract section 10).

Each execution of a Net Settlement account is a line of the window that it falls in. At 09:00 the
window's lines become one net per client, which confirmations, disputes and wires then move
(net_wire.py). Amounts are cents; positive: the client owes the platform.
"""

from collections.abc import Mapping
from typing import Any, cast

from schemas.execution import Execution
from schemas.instant import Micros, time_text
from schemas.money import CENTS_DECIMALS, Cents, reread, usd
from schemas.net_settlement import NetSettlement, NetSettlementLine, NetSettlementStatus, NetStatus
from settlement.calendar import (
    ScheduledWindow,
    bank_days_after,
    next_net_settlement,
    same_window_day_before,
)
from settlement.cause import Cause, Out
from settlement.remembered import CONTENT_BYTES, RememberedIds
from topics.catalogue import EXECUTIONS, NET_SETTLEMENTS


class Net:
    """One day's net of a client, and what of it is still to be paid.

    `outstanding`: positive, the client is to pay; negative, the platform. It leaves the range from
    0 to `amount` by what was paid beyond all that was due, which is then in the newest net.
    `opinion`: what the client last said of it.
    """

    __slots__ = ("amount", "executions", "opinion", "outstanding", "status")

    def __init__(self, amount: Cents, executions: int, outstanding: Cents) -> None:
        """Take a window's lines, and what is to be paid after what was carried in."""
        self.amount = amount
        self.executions = executions
        self.outstanding = outstanding
        self.opinion: NetStatus = "PENDING"
        self.status: NetStatus = self.paid_status()

    @property
    def surplus(self) -> Cents:
        """What was paid beyond it: negative, by the client; positive, by the platform."""
        low, high = min(self.amount, 0), max(self.amount, 0)
        return self.outstanding - min(max(self.outstanding, low), high)

    def paid_status(self) -> NetStatus:
        """Return where its payment stands."""
        if self.surplus:
            return "OVERPAID"
        return self.opinion if self.outstanding else "PAID"


class ClientNet:
    """One client's net settlements. `lines`: of windows that are open, by `window_to`.

    `advance`: what was paid before the first net, signed as a surplus.
    """

    __slots__ = ("accounts", "advance", "closed", "lines", "wires_in", "wires_out")

    def __init__(self) -> None:
        """Start without a line."""
        # Those whose model is Net Settlement now.
        self.accounts: set[str] = set()
        # window_to: sum of net amounts, count.
        self.lines: dict[Micros, tuple[Cents, int]] = {}
        # By window_to, oldest first.
        self.closed: dict[Micros, Net] = {}
        self.advance: Cents = 0
        self.wires_in: Cents = 0
        self.wires_out: Cents = 0


class NetSettlements:
    """The stage's state: every client's nets, and the inputs of `net-wires` that were acted on."""

    __slots__ = ("clients", "inputs", "touched")

    def __init__(self) -> None:
        """Start without a client."""
        self.clients: dict[str, ClientNet] = {}
        # Of wires by client and `wire_id`, of payouts of revenue shares too (net_wire.py).
        self.inputs = RememberedIds(CONTENT_BYTES)
        # Nets that changed, for an engine that keeps them elsewhere too and clears this.
        self.touched: set[tuple[str, Micros]] = set()

    def of(self, client: str) -> ClientNet:
        """Return a client's net settlements."""
        found = self.clients.get(client)
        if found is None:
            found = self.clients[client] = ClientNet()
        return found

    def account_line(self, client: str, line: Mapping[str, Any]) -> None:
        """Take an account's model as it is from now on."""
        if line["funding_model"] == "NET_SETTLEMENT":
            self.of(client).accounts.add(line["account_id"])
        elif client in self.clients:
            self.clients[client].accounts.discard(line["account_id"])

    def executed(self, client: str, event: Execution, at: Micros, out: Out) -> None:
        """Make an execution a line of its window; decided at t = `at`."""
        window_to = next_net_settlement(at)
        net_money = reread(event["net_money"], CENTS_DECIMALS)
        net_amount = net_money if event["side"] == "BUY" else -net_money
        net = self.of(client)
        amount, count = net.lines.get(window_to, (0, 0))
        net.lines[window_to] = (amount + net_amount, count + 1)
        cause = Cause(EXECUTIONS, event["event_id"], at)
        line = {
            **event,
            "type": "NetSettlementLine",
            "event_id": cause.event_id("NetSettlementLine", client),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "executed_at": event["event_time"],
            "net_amount": usd(net_amount),
            "window_to": time_text(window_to),
        }
        out.append((NET_SETTLEMENTS, client, cast("NetSettlementLine", line)))

    def close(self, client: str, window: ScheduledWindow, cause: Cause, out: Out) -> Net | None:
        """Close a client's window: its lines become one net. None: it has no account and no line.

        Raises:
            AssertionError: a line of an earlier window is left, which parks the partition.
        """
        book = self.clients.get(client)
        if book is None or not (book.accounts or book.lines):
            return None
        at = window.scheduled_at
        amount, executions = book.lines.pop(at, (0, 0))
        if book.lines:
            raise AssertionError(f"{client} has lines of {list(book.lines)} when {at} closes")
        settled: NetSettlement = {
            "type": "NetSettlement",
            "event_id": cause.event_id("NetSettlement", client),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "client": client,
            "window_from": time_text(same_window_day_before(window)),
            "window_to": cause.at_text,
            "net_amount": usd(amount),
            "executions": executions,
            "payment_due": bank_days_after(window.date, 1).isoformat(),
        }
        out.append((NET_SETTLEMENTS, client, settled))
        carried, book.advance = book.advance, 0
        for window_to in reversed(book.closed):
            newest = book.closed[window_to]
            surplus = newest.surplus
            if surplus:
                carried += surplus
                newest.outstanding -= surplus
                self.moved(client, window_to, cause, out)
            break
        net = book.closed[at] = Net(amount, executions, amount + carried)
        self.announce(client, at, net, cause, out)
        return net

    def moved(self, client: str, window_to: Micros, cause: Cause, out: Out) -> None:
        """Say where a net stands whose `outstanding` was changed."""
        net = self.clients[client].closed[window_to]
        net.status = net.paid_status()
        self.announce(client, window_to, net, cause, out)

    def announce(self, client: str, window_to: Micros, net: Net, cause: Cause, out: Out) -> None:
        """Emit a net's status."""
        self.touched.add((client, window_to))
        status: NetSettlementStatus = {
            "type": "NetSettlementStatus",
            "event_id": cause.event_id("NetSettlementStatus", client),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "client": client,
            "window_to": time_text(window_to),
            "status": net.status,
            "outstanding": usd(net.outstanding),
        }
        out.append((NET_SETTLEMENTS, client, status))
