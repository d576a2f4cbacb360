"""Trading, step by step: `order-updates` in order, the windows and executions of `executions`.

What one cause makes is one step; the windows stand between the steps. Each `OrderFilled` brings the
next `Execution` with it. What settlement works on is in the steps, in order.
"""

from enum import IntEnum
from typing import NamedTuple

from audit.cause import answers
from audit.orders import Orders, expires
from audit.schedule import Schedule
from audit.topic_file import TopicFile, Written
from schemas.instant import Micros
from topics.catalogue import BBO, INPUT_ORDER, PRICE_TICKS


class Rank(IntEnum):
    """What comes first at one instant: what is due, then inputs by topic (sections 4 and 12)."""

    DUE = 0
    CLIENTS = 1
    INSTRUMENTS = 2
    ACCOUNTS = 3
    PRICE_TICKS = 4
    APEX_JOURNAL_RESULTS = 5
    FUNDINGS = 6
    NET_WIRES = 7
    ORDERS = 8
    CLOCK = 9


_RANKS = {topic: Rank(rank) for rank, topic in enumerate(INPUT_ORDER, 1)}


def rank_of(topic: str) -> Rank:
    """Return when, within an instant, an input of a topic or what it causes takes its turn."""
    return _RANKS.get(PRICE_TICKS if topic == BBO else topic, Rank.DUE)


class Step(NamedTuple):
    """One step: its place in time, its cause, and what `executions` got of it."""

    at: Micros
    rank: Rank
    cause_id: str
    executions: list[Written]
    window: Written | None = None


class Trading:
    """Reads what trading wrote; every step raises `DifferenceError` at the first difference."""

    def __init__(
        self, updates: TopicFile, executions: TopicFile, orders: Orders, schedule: Schedule
    ) -> None:
        """Start before the first step."""
        self.updates = updates
        self.executions = executions
        self.orders = orders
        self.schedule = schedule

    def place(self) -> tuple[Micros, Rank] | None:
        """Return when the next step takes its turn, None at the end."""
        if self._window_is_next():
            return (self.schedule.next_at(), Rank.DUE)
        head = self.updates.head
        if head is None:
            return None
        if expires(head):
            return (head.at, Rank.DUE)
        return (head.at, rank_of(self.orders.causes.topic_of_first(head)))

    def next_cause(self) -> str | None:
        """Return the cause of the next step, None if it is a window or there is none."""
        if self._window_is_next() or self.updates.head is None:
            return None
        cause_id: str = self.updates.head.event["cause_id"]
        return cause_id

    def take(self) -> Step | None:
        """Check and return the next step, None at the end."""
        if self._window_is_next():
            return self._open()
        if self.updates.head is None:
            return None
        return self._updates_of_one_cause(self.updates.head)

    def finish(self) -> None:
        """Demand that nothing is left over."""
        if self.schedule.until is not None:
            self.orders.nothing_overdue(self.schedule.until, expiring=False)
        self.executions.nothing_more("no OrderFilled belongs to it")
        self.orders.quotes.read_all()
        self.orders.nothing_due()

    def _window_is_next(self) -> bool:
        """Whether a window is due: at one instant expiries come before it, all else after."""
        head = self.updates.head
        if head is None:
            until = self.schedule.until
            return until is not None and self.schedule.due(until, inclusive=True)
        return self.schedule.due(head.at, inclusive=not expires(head))

    def _open(self) -> Step:
        window = self.schedule.open(self.executions)
        self.orders.quotes.read_to(window.at - 1)
        self.orders.nothing_due()
        self.orders.nothing_overdue(window.at, expiring=False)
        cause_id = window.event["cause_id"]
        if window.event["window"] == "MAINTENANCE_BEGIN":
            self.orders.maintenance = window
            head = self.updates.head
            if head is None or head.event["cause_id"] != cause_id:
                self.orders.end_maintenance()
        return Step(window.at, Rank.DUE, cause_id, [], window)

    def _updates_of_one_cause(self, first: Written) -> Step:
        expiring = expires(first)
        self.orders.begin_step(first, self.orders.causes.topic_of_first(first))
        self.orders.nothing_overdue(first.at, expiring=expiring)
        rank = Rank.DUE
        filled: list[Written] = []
        line: Written | None = first
        while line is not None and (line is first or _same_step(first, line)):
            topic = self.orders.causes.topic_of(line)
            if not expiring:
                rank = rank_of(topic)
            execution = self.orders.apply(line, topic)
            if execution is not None:
                filled.append(execution)
            self.updates.take()
            line = self.updates.head
        self.orders.end_step()
        if self.orders.maintenance is not None:
            self.orders.end_maintenance()
        return Step(first.at, rank, first.event["cause_id"], filled)


def _same_step(first: Written, line: Written) -> bool:
    """Whether an update belongs to the step that began with `first`."""
    same_cause = (line.event["cause_id"], line.at) == (first.event["cause_id"], first.at)
    return same_cause and not answers(line.event)
