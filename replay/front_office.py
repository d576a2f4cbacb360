"""The front office of one partition: the market, trading, and the windows that trading opens.

Time is that of the inputs (contract section 4): it starts with the first that is not reference
data, and moves to each input before that is applied. A dead-lettered input moves no time.
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
# Whether an input of these is acted on is for the back office to say.
_BACK_OFFICE_TOPICS = frozenset({FUNDINGS, APEX_JOURNAL_RESULTS, NET_WIRES})


class ToBackOffice(Protocol):
    """What the back office is told, in order (back_office.py has the words), and asked."""

    # The time of the last input that was acted on, as far as the front office knows.
    last: Micros | None

    def begin(self) -> None:
        """Let time begin."""

    def executed(self, event: Execution, fill: Fill, rank: int) -> None:
        """Settle an execution."""

    def opened(self, event: WindowOpened) -> None:
        """Do what a window asks for."""

    def told(self, line: InputLine) -> None:
        """Take what the front office acts on, too."""

    def refused(self, line: Line, refused: Refused) -> None:
        """Dead-letter what the front office does not act on."""

    def asked(self, line: InputLine, *, decided: bool = False) -> None:
        """Act on an input, or dead-letter it."""

    def refuses(self, line: InputLine) -> bool:
        """Dead-letter an input unless it is to be acted on; say whether it was."""

    def answer_before(self, at: Micros, rank: int) -> Micros | None:
        """Return when the clearing firm answers next, if that is before such an input."""

    def answer(self) -> None:
        """Take the firm's next answer."""


class FrontOffice:
    """Market and trading: lines in, best quotes and order updates out, the rest handed on.

    It waits for the back office in one case: a window or an expiry is due, or time has not begun,
    before an input that is dead-lettered or may be. Only the back office knows whether that moves
    time, and whether the clearing firm's answers from before it do.
    """

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
            ProviderQuote: self.market.refusal,
            QuoteLine: self.market.refusal,
            InstrumentUpdated: self.market.instrument_refusal,
            AccountUpdated: self.trading.refusal,
            OrderCancelRequested: self.trading.refusal,
        }
        self._decisions: dict[type, Callable[[Any, Micros, Line], None]] = {
            ClientUpdated: self._client_updated,
            InstrumentUpdated: self._instrument_updated,
            AccountUpdated: self._account_updated,
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
        decided = self._best_quote(line)
        if isinstance(decided, Refused):
            self._back_office.refused(line, decided)
            return
        self._back_office.last = at
        if decided is not None:
            # `_quoted`, written out.
            self._emit_text(BBO, decided)
            out: Out = []
            self._trading_quoted(line.symbol, decided, at, out)
            if out:
                self._traded(out, QuoteLine.rank)

    def _apply_any(self, line: Line) -> None:
        summary, trading, back_office = self._summary, self.trading, self._back_office
        summary.inputs[line.topic] += 1
        event, at = line.event, line.at
        if isinstance(event, PriceTick):
            event = self.market.check(event, at)
        # Whether it moves time matters at once.
        moves = trading.now is None or trading.due(at)
        refused = self._refused(event)
        if refused is not None:
            if moves:
                self._answers_before(line)
            back_office.refused(line, refused)
            return
        theirs = line if line.topic in _BACK_OFFICE_TOPICS and isinstance(line, InputLine) else None
        if theirs is not None:
            if not moves:
                back_office.asked(theirs)
                return
            self._answers_before(line)
            if back_office.refuses(theirs):
                return
        # It is acted on from here on.
        if summary.first_time is None:
            summary.first_time = at
        if trading.now is None and line.topic not in REFERENCE_TOPICS:
            trading.start(at)
            summary.time_began = at
            back_office.begin()
        if moves:
            self._open_due(at)
        back_office.last = at
        if theirs is not None:
            back_office.asked(theirs, decided=True)
        else:
            self._decisions[type(event)](event, at, line)

    def _refused(self, event: object) -> Refused | None:
        if isinstance(event, Refused):
            return event
        refusal = self._refusals.get(type(event))
        return None if refusal is None else refusal(event)

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

    def _answers_before(self, line: Line) -> None:
        """Let the clearing firm say what comes before an input: that may open windows first."""
        back_office = self._back_office
        while (answer_at := back_office.answer_before(line.at, line.rank)) is not None:
            self._open_due(answer_at)
            back_office.answer()

    def _ticked(self, quote: ProviderQuote, at: Micros, line: Line) -> None:  # noqa: ARG002 - one signature for all
        text = self._best_quote(quote)
        if isinstance(text, str):
            self._quoted(quote, text, at)

    def _quoted(self, quote: ProviderQuote, text: str, at: Micros) -> None:
        """Publish a best quote, and let trading answer it."""
        self._emit_text(BBO, text)
        out: Out = []
        self.trading.quoted(quote.symbol, text, at, out)
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
