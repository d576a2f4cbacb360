"""The front office of one partition: the market, trading, and the windows that trading opens.

Time is that of the inputs (contract sections 1 and 4): it starts with the first that is not
reference data, and moves to each input before that is decided. Only an input that is dead-lettered
for its form moves no time.
"""

from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import Any, Protocol, cast

from replay.back_office import Destination, takes_text
from replay.read import InputLine, Line
from replay.summary import Summary
from replay.usual_tick import QuoteLine
from schemas.account import AccountUpdated
from schemas.client import ClientUpdated
from schemas.execution import Execution
from schemas.instant import Micros
from schemas.instrument import InstrumentUpdated
from schemas.order import OrderCancelRequested, OrderSubmitted
from schemas.price_tick import PriceTick
from schemas.window import ClockTicked, WindowOpened
from settlement.best_quote import Market
from settlement.cause import Out
from settlement.execution import Trading
from settlement.fill import Fill
from settlement.provider_quote import ProviderQuote
from settlement.submitted_order import SubmittedOrder
from topics.catalogue import (
    APEX_JOURNAL_RESULTS,
    BBO,
    EXECUTIONS,
    FUNDINGS,
    NET_WIRES,
    ORDER_UPDATES,
    PRICE_TICKS,
    REFERENCE_TOPICS,
)
from topics.decode import Refused

# The output topics that the front office writes.
TOPICS = (BBO, ORDER_UPDATES)
# Inputs of these are decided by the back office alone.
_BACK_OFFICE_TOPICS = frozenset({FUNDINGS, APEX_JOURNAL_RESULTS, NET_WIRES})


class ToBackOffice(Protocol):
    """What the back office is told, in order; nothing comes back (back_office.py has the words)."""

    # The time of the last input that moved time.
    last: Micros | None

    def executed(self, event: Execution, fill: Fill, rank: int) -> None:
        """Settle an execution."""

    def opened(self, event: WindowOpened) -> None:
        """Do what a window asks for."""

    def told(self, line: InputLine) -> None:
        """Act on an input of its own, or one that the front office acts on, too."""

    def refused(self, line: Line, refused: Refused) -> None:
        """Dead-letter what the front office does not act on."""


class FrontOffice:
    """Market and trading: lines in, best quotes and order updates out, the rest handed on."""

    def __init__(
        self, destination: Destination, back_office: ToBackOffice, summary: Summary
    ) -> None:
        """Start before time."""
        self.market = Market()
        self.trading = Trading()
        self._fills: list[Fill] = []
        self.trading.fills = self._fills
        self._back_office = back_office
        self._summary = summary
        self._emit = destination.event
        self._emit_text = takes_text(destination)
        self._best_quote = self.market.best_quote
        self._trading_quoted = self.trading.quoted
        # What says that an input is dead-lettered, and what decides on it, by its type.
        self._refusals: dict[type, Callable[[Any], Refused | None]] = {
            InstrumentUpdated: self.market.instrument_refusal,
            AccountUpdated: self.trading.refusal,
            OrderCancelRequested: self.trading.refusal,
        }
        self._decisions: dict[type, Callable[[Any, Micros, Line], None]] = {
            ClientUpdated: self._client_updated,
            InstrumentUpdated: self._instrument_updated,
            AccountUpdated: self._account_updated,
            PriceTick: self._price_ticked,
            ProviderQuote: self._ticked,
            QuoteLine: self._ticked,
            OrderSubmitted: self._order_submitted,
            SubmittedOrder: self._submitted,
            OrderCancelRequested: self._cancel_requested,
            ClockTicked: self._clock_ticked,
        }
        # Nothing is due before this time, as long as only quotes come: whatever they fill, nothing
        # is due sooner for it. 0 if that is not known.
        self._quiet_before: Micros = 0

    def run(self, lines: Iterable[Line], until: Micros | None = None) -> None:
        """Apply lines in order, up to and including the time `until`, then move time to it."""
        apply = self.apply
        if until is not None:
            last = until
            lines = takewhile(lambda line: line.at <= last, lines)
        for line in lines:
            apply(line)
        if until is not None and self.trading.now is not None:
            self.move_time(until)

    def apply(self, line: Line) -> None:
        """Apply one input and all that it causes."""
        at = line.at
        if type(line) is not QuoteLine or at >= self._quiet_before:
            self._apply_any(line)
            self._quiet_before = self.trading.next_due() if line.topic == PRICE_TICKS else 0
            return
        # A history consists of quotes, and mostly nothing is due.
        self._summary.inputs[PRICE_TICKS] += 1
        self._back_office.last = at
        self._ticked(line, at, line)

    def _apply_any(self, line: Line) -> None:
        summary, trading, back_office = self._summary, self.trading, self._back_office
        summary.inputs[line.topic] += 1
        event, at = line.event, line.at
        if isinstance(event, Refused):
            back_office.refused(line, event)
            return
        if summary.first_time is None:
            summary.first_time = at
        if trading.now is None and line.topic not in REFERENCE_TOPICS:
            trading.start(at)
            summary.time_began = at
        self._open_due(at)
        back_office.last = at
        if line.topic in _BACK_OFFICE_TOPICS:
            back_office.told(cast("InputLine", line))
            return
        refusal = self._refusals.get(type(event))
        refused = None if refusal is None else refusal(event)
        if refused is None:
            self._decisions[type(event)](event, at, line)
        else:
            back_office.refused(line, refused)

    def move_time(self, at: Micros) -> None:
        """Let all that is due at or before `at` happen, in time order; then time is `at`."""
        self._open_due(at)
        self.trading.now = max(self.trading.now or 0, at)
        self._back_office.last = max(self._back_office.last or 0, at)

    def _open_due(self, at: Micros) -> None:
        trading = self.trading
        while trading.due(at):
            out: Out = []
            trading.open_next(out)
            self._traded(out)

    def _price_ticked(self, event: PriceTick, at: Micros, line: Line) -> None:
        self._ticked(ProviderQuote(event, at), at, line)

    def _ticked(self, quote: ProviderQuote, at: Micros, line: Line) -> None:
        """Publish a best quote, if the tick makes one, and let trading answer it."""
        decided = self._best_quote(quote)
        if isinstance(decided, Refused):
            self._back_office.refused(line, decided)
        elif decided is not None:
            self._emit_text(BBO, decided)
            out: Out = []
            self._trading_quoted(quote.symbol, decided, at, out)
            if out:
                self._traded(out, QuoteLine.rank)

    def _order_submitted(self, event: OrderSubmitted, at: Micros, line: Line) -> None:
        self._submitted(SubmittedOrder(event), at, line)

    def _submitted(self, event: SubmittedOrder, at: Micros, line: Line) -> None:
        out: Out = []
        self.trading.submitted(event, at, out)
        self._traded(out, line.rank)

    def _cancel_requested(self, event: OrderCancelRequested, at: Micros, line: Line) -> None:
        out: Out = []
        self.trading.cancel_requested(event, at, out)
        self._traded(out, line.rank)

    def _account_updated(self, event: AccountUpdated, at: Micros, line: Line) -> None:
        out: Out = []
        self.trading.account_updated(event, at, out)
        self._traded(out, line.rank)
        self._back_office.told(cast("InputLine", line))

    def _client_updated(self, event: ClientUpdated, at: Micros, line: Line) -> None:  # noqa: ARG002 - as above
        self.trading.client_updated(event)
        self._back_office.told(cast("InputLine", line))

    def _instrument_updated(self, event: InstrumentUpdated, at: Micros, line: Line) -> None:  # noqa: ARG002 - as above
        self.market.instrument_updated(event)
        self.trading.instrument_updated(event)

    def _clock_ticked(self, event: ClockTicked, at: Micros, line: Line) -> None:
        """Nothing but time, which has moved."""

    def _traded(self, out: Out, rank: int = -1) -> None:
        """Publish what trading decided; its executions and windows are handed on.

        `rank`: of the input that caused executions; what is scheduled causes none.
        """
        emit, emit_text, back_office = self._emit, self._emit_text, self._back_office
        fills = iter(self._fills)
        for topic, _, event in out:
            if isinstance(event, str):
                emit_text(topic, event)
            elif topic != EXECUTIONS:
                emit(topic, event)
            elif event["type"] == "Execution":
                back_office.executed(cast("Execution", event), next(fills), rank)
            else:
                back_office.opened(cast("WindowOpened", event))
        self._fills.clear()
