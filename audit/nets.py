"""Net settlements (contract section 10): lines, nets, wires, confirmations and disputes.

net_inputs.py decides each wire and opinion. Amounts are cents, positive where the client owes.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from audit import entries, numbers
from audit.cause import Cause
from audit.ledger import Ledger
from audit.topic_file import TopicFile, Written
from schemas.instant import Micros, time_text
from schemas.money import usd
from settlement.calendar import (
    civil_date,
    first_window,
    is_bank_day,
    next_net_settlement,
    same_window_day_before,
)
from settlement.invariants import ClientBook, ClosedNet
from topics.catalogue import EXECUTIONS, NET_WIRES

_ONE_DAY = dt.timedelta(days=1)
# All fields of an execution are on its line, but those that every event has of its own.
_OWN = frozenset({"type", "event_id", "event_time", "cause_id"})


@dataclass(slots=True)
class Net:
    """One net: what it is over, what is still due of it, and what the client said.

    `shown`: the status and the amount due that were emitted last.
    """

    amount: int
    due: int
    opinion: str = "PENDING"
    shown: tuple[str, int] = ("", 0)

    def beyond(self) -> int:
        """Return how much was paid that was not due, signed as `due` is."""
        if self.amount >= 0:
            return self.due if self.due < 0 else max(self.due - self.amount, 0)
        return self.due if self.due > 0 else min(self.due - self.amount, 0)

    def standing(self) -> str:
        """Return its status by what is due."""
        if self.beyond():
            return "OVERPAID"
        return "PAID" if self.due == 0 else self.opinion


@dataclass(slots=True)
class ClientNets:
    """One client's lines (sum and count by `window_to`), nets, and wires.

    `early`: what was paid before there was a net, signed as `due` is.
    """

    lines: dict[str, tuple[int, int]] = field(default_factory=dict)
    nets: dict[str, Net] = field(default_factory=dict)
    line_count: int = 0
    early: int = 0
    received: int = 0
    sent: int = 0


class Nets:
    """All clients' net settlements, in order."""

    def __init__(self, ledger: Ledger, topic: TopicFile) -> None:
        """Start before the first line."""
        self.ledger = ledger
        self.topic = topic
        self.clients: dict[str, ClientNets] = defaultdict(ClientNets)
        # Net Settlement accounts by client.
        self.accounts: dict[str, set[str]] = {}
        # Of the window that closed last: net amounts by client.
        self.closed: dict[str, int] = {}
        self.lines = 0

    def executed(self, event: dict[str, Any], at: Micros) -> None:
        """Take the line of an execution.

        Raises:
            DifferenceError: the topic's next event is not it.
        """
        client = event["client"]
        window_to = time_text(next_net_settlement(at))
        amount = numbers.cents(event["net_money"])
        amount = amount if event["side"] == "BUY" else -amount
        line = Cause(EXECUTIONS, event["event_id"], at).head("NetSettlementLine", client)
        line.update((name, value) for name, value in event.items() if name not in _OWN)
        line.update(executed_at=event["event_time"], net_amount=usd(amount), window_to=window_to)
        self.topic.expect(line)
        book = self.clients[client]
        before = book.lines.get(window_to, (0, 0))
        book.lines[window_to] = (before[0] + amount, before[1] + 1)
        book.line_count += 1
        self.lines += 1

    def close(self, window: Written) -> None:
        """Take the nets of a NET_SETTLEMENT window, client by client.

        Raises:
            DifferenceError: the topic's next event is not what has to come.
        """
        self.closed = {}
        window_to = window.event["scheduled_at"]
        due = {client for client, book in self.clients.items() if window_to in book.lines}
        due |= {client for client, accounts in self.accounts.items() if accounts}
        for client in sorted(due):
            self._close(client, window)

    def _close(self, client: str, window: Written) -> None:
        scheduled = first_window(window.at)
        cause = Cause(EXECUTIONS, window.event["cause_id"], window.at)
        book = self.clients[client]
        net_amount, executions = book.lines.get(cause.at_text, (0, 0))
        self.topic.expect(
            cause.head(
                "NetSettlement",
                client,
                client=client,
                window_from=time_text(same_window_day_before(scheduled)),
                window_to=cause.at_text,
                net_amount=usd(net_amount),
                executions=executions,
                payment_due=_bank_day_after(civil_date(window.at)).isoformat(),
            )
        )
        carried, book.early = book.early, 0
        if book.nets:
            newest = list(book.nets)[-1]
            over = book.nets[newest].beyond()
            carried += over
            book.nets[newest].due -= over
            self._show(client, newest, cause)
        book.nets[cause.at_text] = Net(net_amount, net_amount + carried)
        self._show(client, cause.at_text, cause)
        self.closed[client] = net_amount

    def wired(self, client: str, amount: int, cause_id: str, at: Micros) -> None:
        """Take what a wire makes; `amount`: received, or, below zero, sent.

        Raises:
            DifferenceError: a topic's next event is not what has to come.
        """
        cause = Cause(NET_WIRES, cause_id, at)
        book = self.clients[client]
        if amount > 0:
            book.received += amount
        else:
            book.sent -= amount
        self.ledger.book_client(client, entries.net_wire(client, amount), cause)
        left = amount
        for net in book.nets.values():
            if net.due * left > 0:
                part = min(abs(left), abs(net.due)) * (1 if left > 0 else -1)
                net.due -= part
                left -= part
        if book.nets:
            list(book.nets.values())[-1].due -= left
        else:
            book.early -= left
        for window_to in book.nets:
            self._show(client, window_to, cause)

    def opined(self, client: str, window_to: str, opinion: str, cause_id: str, at: Micros) -> None:
        """Take what a confirmation (`CONFIRMED`) or dispute (`DISPUTED`) makes.

        Raises:
            DifferenceError: the topic's next event is not what has to come.
        """
        net = self.clients[client].nets[window_to]
        net.opinion = opinion
        standing = net.standing() if opinion == "CONFIRMED" else "DISPUTED"
        self._expect(client, window_to, standing, Cause(NET_WIRES, cause_id, at))

    def _show(self, client: str, window_to: str, cause: Cause) -> None:
        """Take a net's status if what is due of it has changed."""
        net = self.clients[client].nets[window_to]
        status, due = net.shown
        if status and due == net.due:
            return
        self._expect(client, window_to, net.standing(), cause)

    def _expect(self, client: str, window_to: str, standing: str, cause: Cause) -> None:
        net = self.clients[client].nets[window_to]
        if net.shown == (standing, net.due):
            return
        net.shown = (standing, net.due)
        status = {"client": client, "window_to": window_to, "status": standing}
        status["outstanding"] = usd(net.due)
        self.topic.expect(cause.head("NetSettlementStatus", client, **status))

    def standings(self) -> Iterator[tuple[str, int]]:
        """Return where each net stands: its status, and what is due of it."""
        for book in self.clients.values():
            for net in book.nets.values():
                yield net.shown

    def books(self, share_booked: dict[str, int]) -> list[ClientBook]:
        """Return what the invariants look at; `share_booked`: of each client's share."""
        books = []
        for client in sorted(self.clients.keys() | share_booked.keys()):
            book = self.clients[client]
            books.append(
                ClientBook(
                    client,
                    net=self.ledger.totals[f"client:{client}:net", "USD"],
                    unclosed_lines=sum(
                        amount
                        for window_to, (amount, _) in book.lines.items()
                        if window_to not in book.nets
                    ),
                    closed=[
                        ClosedNet(window_to, net.amount, book.lines.get(window_to, (0, 0))[0])
                        for window_to, net in book.nets.items()
                    ],
                    wires_in=book.received,
                    wires_out=book.sent,
                    outstanding=sum(net.due for net in book.nets.values()) + book.early,
                    lines=book.line_count,
                    share=self.ledger.totals[f"client:{client}:share", "USD"],
                    share_booked=share_booked.get(client, 0),
                )
            )
        return books


def _bank_day_after(date: dt.date) -> dt.date:
    date += _ONE_DAY
    while not is_bank_day(date):
        date += _ONE_DAY
    return date
