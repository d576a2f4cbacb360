"""All tasks of one partition in memory: lines in, events and files out.

The tasks are those that run live; here an event goes from task to task without a topic between
them. Data flows one way, so the chain has two parts, which may run in two processes:

    lines --> Upstream (market, trading) --> Downstream (settlement, client-books, delivery)

Time is that of the inputs (contract sections 1 and 4): it starts with the first that is not
reference data, and moves to each input before that is decided. Only an input that is dead-lettered
for its form moves no time.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile
from operator import attrgetter
from typing import Any, Protocol, cast

from pipeline.books import joint_books
from pipeline.client_books import ClientBooksTask, SpreadsheetSafeClientBooksTask
from pipeline.delivery import DeliveryTask, File, file_put
from pipeline.market import MarketTask
from pipeline.settlement import SettlementTask, Trade
from pipeline.task import Head, Task, refuse
from pipeline.trading import Quoted, TradingTask
from schemas.dead_letter import DeadLetter
from schemas.execution import Execution
from schemas.instant import FIRST_TIME, Micros, micros, time_text
from schemas.report import ReportIssued
from schemas.window import ClockTicked
from settlement.cause import Out, Said, fields
from settlement.dead_letter import RepeatedPlaces
from settlement.fill import Fill
from settlement.invariants import Books, books_difference
from settlement.reports.rows import Rows
from topics.catalogue import (
    APEX_JOURNALS,
    BBO,
    CLIENT_LINES,
    CLOCK,
    DEAD_LETTERS,
    EXECUTIONS,
    INPUT_ORDER,
    MARKET_FEED,
    ORDER_UPDATES,
    REFERENCE_TOPICS,
    REPORT_ISSUES,
    REPORT_PUTS,
)
from topics.decode import Refused
from topics.record import Record

# The output topics of `Upstream`; all others are written by `Downstream`.
UPSTREAM_TOPICS = (BBO, ORDER_UPDATES)
# So few lines are decided on together that they are still in the processor's cache downstream.
_TOGETHER = 128
# Before and behind every input of the same time.
_BEFORE_ALL = -1
_AFTER_ALL = len(INPUT_ORDER)
_MARKET_INPUTS = frozenset(MarketTask.inputs)
_TRADING_INPUTS = frozenset(TradingTask.inputs)
_SETTLEMENT_INPUTS = frozenset(SettlementTask.inputs)
# Events that more is done with than writing them.
_PASSED_ON = frozenset({APEX_JOURNALS, DEAD_LETTERS, REPORT_ISSUES})
_topic_of = attrgetter("topic")
_DOWNSTREAM_INPUTS = _SETTLEMENT_INPUTS | frozenset(ClientBooksTask.inputs)


class Line(Head, Protocol):
    """An input, or what it caused; of one time, the lower `rank` comes first."""

    @property
    def rank(self) -> int:
        """The place of the input's topic in `INPUT_ORDER`."""


class Emitted:
    """An event on its way from task to task, with the rank of the input that caused it."""

    __slots__ = ("at", "event", "key", "offset", "rank", "topic")

    def __init__(  # noqa: PLR0913, PLR0917 - one is made for most events
        self,
        topic: str,
        key: str,
        event: Any,  # noqa: ANN401 - any event
        at: Micros,
        rank: int = _BEFORE_ALL,
        offset: int = 0,
    ) -> None:
        """Take an event; `at` is its own time, `offset` its number in its topic."""
        self.topic = topic
        self.key = key
        self.event = event
        self.at = at
        self.rank = rank
        self.offset = offset

    @property
    def record(self) -> Record:
        """The record that it would be; nobody reads its value."""
        return Record(self.topic, 0, self.offset, 0, self.key.encode(), None)


class ClearingFirm(Protocol):
    """Who answers Apex journals if the inputs do not."""

    def requested(self, event: Mapping[str, Any]) -> None:
        """Take an `ApexJournalRequested`."""

    def is_before(self, at: Micros, rank: int) -> bool:
        """Whether the next answer comes before an input of this time and rank."""

    def answer(self) -> Head:
        """Give the next answer, an input of `apex-journal-results`."""


class Destination(Protocol):
    """Where events and files go."""

    def event(self, topic: str, event: Said) -> None:
        """Take one event of an output topic, or its JSON."""

    def file(self, file: File) -> None:
        """Take one file of a client."""


class Upstream:
    """Market and trading.

    `inputs` counts by topic. `first_time`, `last_time`: of the first and last input that moved
    time. `time_began`: when time started; None: it has not.
    """

    def __init__(self, destination: Destination) -> None:
        """Start before time."""
        self._market = MarketTask(0, 1, stored=False)
        self._trading = TradingTask(0, 1, stored=False)
        self.trading = self._trading.trading
        self._fills: list[Fill] = []
        self.trading.fills = self._fills
        self._emit = destination.event
        self.inputs: Counter[str] = Counter()
        self.first_time: Micros | None = None
        self.time_began: Micros | None = None
        self.last_time: Micros | None = None

    def decide(self, lines: Sequence[Line]) -> list[Line]:
        """Decide on inputs in order; return what goes downstream."""
        market, trading = self._market, self._trading
        emit = self._emit
        down: list[Line] = []
        news: Out = []
        fed = Emitted(MARKET_FEED, "", None, 0)  # one for all: trading keeps none
        out: Out = []
        self.inputs.update(map(_topic_of, lines))
        for line in lines:
            topic, at = line.topic, line.at
            if type(line.event) is Refused:
                refuse(line.record, line.event, self._now(), out)
                self._send(out, line, down)
                continue
            self.last_time = at
            if self.time_began is None:
                self._begin(line, down)
            if topic in _MARKET_INPUTS:
                # Neither task takes more than one step for a head.
                market.apply(line, news)
                if not news:
                    continue  # a quote that changes nothing
                for topic_out, symbol, event in news:
                    if topic_out == BBO:
                        emit(BBO, event)
                    elif topic_out == MARKET_FEED:
                        # Reference data goes on as it came.
                        fed.event = Quoted(symbol, event) if symbol else line.event
                        fed.at = at
                        trading.apply(fed, out)
                    else:
                        out.append((topic_out, symbol, event))
                news.clear()
            elif topic in _TRADING_INPUTS:
                trading.apply(line, out)
            else:
                self.trading.move_time(at, out)
            if out:
                self._send(out, line, down)
            if topic in _DOWNSTREAM_INPUTS:
                down.append(line)
        return down

    def _now(self) -> Micros:
        return FIRST_TIME if self.last_time is None else self.last_time

    def _begin(self, line: Line, down: list[Line]) -> None:
        """Let time start with an input that is not reference data, as a clock's tick does live."""
        if self.first_time is None:
            self.first_time = line.at
        if line.topic not in REFERENCE_TOPICS:
            self.time_began = line.at
            head = clock_tick(line.at)
            self._trading.apply(head, [])
            down.append(head)

    def move_time(self, at: Micros) -> list[Line]:
        """Let all that is due at or before `at` happen, in time order; then time is `at`."""
        down: list[Line] = []
        if self.time_began is not None:
            out: Out = []
            self.trading.move_time(at, out)
            self.last_time = max(self._now(), at)
            self._send(out, Emitted(CLOCK, "", None, at), down)
        return down

    def _send(self, out: Out, line: Line, down: list[Line]) -> None:
        """Publish order updates; executions, windows and dead letters go downstream."""
        fills = iter(self._fills)
        for topic, key, event in out:
            if topic == ORDER_UPDATES:
                self._emit(topic, event)
                continue
            said = fields(event)
            if topic == DEAD_LETTERS:
                down.append(Emitted(topic, key, said, line.at, line.rank))
            elif said["type"] == "Execution":
                trade = Trade(cast("Execution", said), next(fills))
                down.append(Emitted(topic, key, trade, trade.fill.executed_at, line.rank))
            else:
                down.append(Emitted(topic, key, said, micros(said["scheduled_at"])))
        self._fills.clear()
        out.clear()


class Downstream:
    """Settlement, client-books and delivery. `answers` counts those of the clearing firm."""

    def __init__(
        self,
        destination: Destination,
        rows: Rows,
        clearing_firm: ClearingFirm | None = None,
        *,
        csv_safe: bool = False,
    ) -> None:
        """Start before time; `rows` and `csv_safe` as `ClientBooks`.

        `clearing_firm` answers Apex journals; None: the inputs do.
        """
        self._settlement = SettlementTask(0, 1, stored=False)
        kind = SpreadsheetSafeClientBooksTask if csv_safe else ClientBooksTask
        self._client_books = kind(0, 1, stored=False, rows=rows)
        self._delivery = DeliveryTask(0, 1, stored=False)
        self.settlement = self._settlement.settlement
        self.clients = self._client_books.clients
        self.answers = 0
        self._destination = destination
        self._emit = destination.event
        self._clearing_firm = clearing_firm
        self._places = RepeatedPlaces()
        self._offset = 0

    def settle(self, heads: Iterable[Line]) -> None:
        """Act on what comes from upstream, in order."""
        for head in heads:
            self._take_answers(head.at, head.rank)
            if head.topic == DEAD_LETTERS:
                self._pass_on(head.topic, head.event)
                continue
            if head.topic == EXECUTIONS:
                event = head.event
                self._emit(EXECUTIONS, event.execution if isinstance(event, Trade) else event)
            read_by_settlement = head.topic in _SETTLEMENT_INPUTS
            self._run(self._settlement if read_by_settlement else self._client_books, head)

    def finish(self, last: Micros | None) -> None:
        """Take what the firm answers until `last`; all books must be right.

        Raises:
            AssertionError: they are not.
        """
        if last is not None:
            self._take_answers(last, _AFTER_ALL)
        difference = books_difference(self.books())
        if difference is not None:
            raise AssertionError(f"broken invariant: {difference}")

    def books(self) -> Books:
        """Show all books to the invariants (settlement/invariants.py)."""
        return joint_books([self.settlement], [self.clients])

    def _take_answers(self, at: Micros, rank: int) -> None:
        """Take the firm's answers from before an input, which are inputs as any other."""
        firm = self._clearing_firm
        while firm is not None and firm.is_before(at, rank):
            self.answers += 1
            self._run(self._settlement, firm.answer())

    def _run(self, task: Task, head: Head) -> None:
        """Let a task decide on a head, and pass on what it emits, step by step."""
        out: Out = []
        for _ in task.apply(head, out):
            self._pass_on_all(out)
        self._pass_on_all(out)

    def _pass_on_all(self, out: Out) -> None:
        emit = self._emit
        for topic, key, event in out:
            if topic == CLIENT_LINES:
                self._offset += 1
                line = Emitted(topic, key, event, 0, offset=self._offset)
                self._run(self._client_books, line)
            elif topic in _PASSED_ON:
                self._pass_on(topic, fields(event))
            else:
                emit(topic, event)
        out.clear()

    def _pass_on(self, topic: str, event: Mapping[str, Any]) -> None:
        if topic == REPORT_ISSUES:
            self._deliver(cast("ReportIssued", event))
            return
        if topic == DEAD_LETTERS:
            event = self._places.counted(cast("DeadLetter", event))
        elif self._clearing_firm is not None:
            self._clearing_firm.requested(event)
        self._emit(topic, event)

    def _deliver(self, part: ReportIssued) -> None:
        """Take a part of a file; a whole file is put at once."""
        delivery, client, at = self._delivery, part["client"], micros(part["event_time"])
        self._offset += 1
        self._run(delivery, Emitted(REPORT_ISSUES, client, part, at, offset=self._offset))
        for file in delivery.files:
            self._destination.file(file)
            put = file_put(delivery.queues[client][file.key])
            self._run(delivery, Emitted(REPORT_PUTS, client, put, at))
        delivery.files.clear()


def clock_tick(at: Micros) -> Emitted:
    """Return the tick of a clock that lets time start."""
    text = time_text(at)
    tick = {"type": "ClockTicked", "event_id": "start", "event_time": text, "at": text}
    return Emitted(CLOCK, "", ClockTicked.model_validate(tick), at)


class Driver:
    """One partition of the pipeline in one process."""

    def __init__(
        self,
        destination: Destination,
        rows: Rows,
        clearing_firm: ClearingFirm | None = None,
        *,
        csv_safe: bool = False,
    ) -> None:
        """Start before time; arguments as of `Downstream`."""
        self.upstream = Upstream(destination)
        self.downstream = Downstream(destination, rows, clearing_firm, csv_safe=csv_safe)

    @property
    def now(self) -> Micros | None:
        """The time T of the partition, None before it starts."""
        return None if self.upstream.time_began is None else self.upstream.last_time

    def apply(self, line: Line) -> None:
        """Apply one input and all that it causes."""
        self.downstream.settle(self.upstream.decide([line]))

    def move_time(self, at: Micros) -> None:
        """Let all that is due at or before `at` happen, in time order; then time is `at`."""
        self.downstream.settle(self.upstream.move_time(at))

    def run(self, lines: Iterable[Line], until: Micros | None = None) -> None:
        """Apply lines in order, up to and including the time `until`, then move time to it.

        Raises:
            AssertionError: a broken invariant.
        """
        for together in blocks(lines, until):
            self.downstream.settle(self.upstream.decide(together))
        if until is not None:
            self.move_time(until)
        self.downstream.finish(self.upstream.last_time)


def blocks(lines: Iterable[Line], until: Micros | None) -> Iterator[list[Line]]:
    """Return lines in blocks, up to and including the time `until`."""
    if until is not None:
        lines = takewhile(lambda line: line.at <= until, lines)
    ahead = iter(lines)
    while together := list(islice(ahead, _TOGETHER)):
        yield together
