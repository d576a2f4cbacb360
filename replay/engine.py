"""One partition of the pipeline: each input, and all that it causes, before the next.

Time is that of the inputs (contract section 4): it starts with the first that is not reference
data, and moves to each input before that is applied. A dead-lettered input moves no time.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, cast, get_args, runtime_checkable

import orjson

from replay.output import WrittenFile
from replay.read import Line, raw_value
from replay.simulated_firm import SimulatedFirm
from replay.summary import Summary
from replay.usual_tick import QuoteLine
from schemas.account import AccountUpdated
from schemas.client import ClientUpdated
from schemas.execution import Execution
from schemas.funding import Funding
from schemas.instant import Micros, micros
from schemas.instrument import InstrumentUpdated
from schemas.journal import FBO
from schemas.order import OrderCancelRequested, OrderSubmitted
from schemas.price_tick import PriceTick
from schemas.report import ReportDelivered
from schemas.window import ClockTicked, WindowOpened
from settlement import apex_answer, customer_funding
from settlement.apex_answer import ApexResult
from settlement.calendar import first_window, next_retry
from settlement.cause import Cause, Out, fields
from settlement.dead_letter import RepeatedPlaces, dead_letter
from settlement.fill import Fill
from settlement.invariants import books_difference
from settlement.net_wire import NetInput
from settlement.pipeline import Pipeline, settle_window
from settlement.provider_quote import ProviderQuote
from settlement.reports.report import Report
from settlement.reports.rows import Rows
from settlement.submitted_order import SubmittedOrder
from topics.catalogue import (
    APEX_JOURNALS,
    BBO,
    CATALOGUE,
    CLIENT_LINES,
    EXECUTIONS,
    INPUT_ORDER,
    PRICE_TICKS,
    REFERENCE_TOPICS,
    REPORT_DELIVERIES,
)
from topics.decode import Refused

# Behind every input of the same time.
_AFTER_ALL = len(INPUT_ORDER)


class Destination(Protocol):
    """Where events and files go."""

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        """Take one event of an output topic."""

    def report(self, report: Report) -> WrittenFile:
        """Take one file of a client."""


@runtime_checkable
class TextDestination(Destination, Protocol):
    """Where events may also go in their JSON."""

    def text(self, topic: str, text: str) -> None:
        """Take one event of an output topic, in its JSON."""


class History:
    """A replay under way."""

    def __init__(
        self,
        destination: Destination,
        rows: Rows,
        summary: Summary | None = None,
        clearing_firm: SimulatedFirm | None = None,
    ) -> None:
        """Start before time; `rows` keeps what the clients' files will consist of.

        `clearing_firm` answers Apex journals; None: the inputs do.
        """
        self.pipeline = Pipeline(rows)
        self.summary = summary if summary is not None else Summary()
        self._destination = destination
        self._emit = destination.event
        self._emit_text = (
            destination.text if isinstance(destination, TextDestination) else self._read_text
        )
        self._clearing_firm = clearing_firm
        pipeline = self.pipeline
        self._trading = pipeline.trading
        self._best_quote = pipeline.market.best_quote
        # What says that an input is dead-lettered, and what decides on it, by its type.
        self._refusals: dict[type, Callable[[Any], Refused | None]] = {
            ProviderQuote: pipeline.market.refusal,
            QuoteLine: pipeline.market.refusal,
            AccountUpdated: pipeline.trading.refusal,
            OrderCancelRequested: pipeline.trading.refusal,
            **dict.fromkeys(get_args(Funding), self._funding_refusal),
            **dict.fromkeys(get_args(ApexResult), self._answer_refusal),
            **dict.fromkeys(get_args(NetInput), self._net_refusal),
        }
        self._decisions: dict[type, Callable[[Any, Micros], None]] = {
            ClientUpdated: self._client_updated,
            InstrumentUpdated: self._instrument_updated,
            AccountUpdated: self._account_updated,
            ProviderQuote: self._ticked,
            QuoteLine: self._ticked,
            OrderSubmitted: self._order_submitted,
            SubmittedOrder: self._submitted,
            OrderCancelRequested: self._cancel_requested,
            ClockTicked: self._clock_ticked,
            **dict.fromkeys(get_args(Funding), self._funded),
            **dict.fromkeys(get_args(ApexResult), self._answered),
            **dict.fromkeys(get_args(NetInput), self._wired),
        }
        self._places = RepeatedPlaces()
        self._fills: list[Fill] = []
        # Nothing is due before this time, as long as only quotes come: 0 if that is not known.
        self._quiet_before: Micros = 0
        self.pipeline.trading.fills = self._fills

    @property
    def now(self) -> Micros | None:
        """The time T of the partition, None before the first input that moves time."""
        return self.pipeline.trading.now

    def run(self, lines: Iterable[Line], until: Micros | None = None) -> Summary:
        """Apply lines in order, up to and including the time `until`, then move time to it."""
        for line in lines:
            if until is not None and line.at > until:
                break
            self.apply(line)
        if self.now is not None:
            self.move_time(self.now if until is None else until)
        difference = books_difference(self.pipeline.books())
        if difference is not None:
            raise AssertionError(f"broken invariant: {difference}")
        self.summary.fbo = self.pipeline.settlement.ledger.totals.get(FBO, 0)
        return self.summary

    def apply(self, line: Line) -> None:
        """Apply one input and all that it causes."""
        at = line.at
        if type(line) is not QuoteLine or at >= self._quiet_before:
            self._apply_any(line)
            self._quiet_before = self._find_quiet() if line.topic == PRICE_TICKS else 0
            return
        # A history consists of quotes, and mostly nothing is due.
        summary, trading = self.summary, self._trading
        summary.inputs[PRICE_TICKS] += 1
        decided = self._best_quote(line)
        if isinstance(decided, Refused):
            self._dead_letter(line, decided)
            return
        summary.last_time = at
        if trading.now is None or at > trading.now:
            trading.now = at
        if decided is not None:
            self._quoted(line, decided, at)

    def _find_quiet(self) -> Micros:
        """Return until when only inputs happen, not what is scheduled; 0 if that is not known."""
        trading, firm = self.pipeline.trading, self._clearing_firm
        if trading.now is None or (firm is not None and firm.waiting):
            return 0
        return trading.next_due()

    def _apply_any(self, line: Line) -> None:
        self._answers_before(line.at, line.rank)
        summary = self.summary
        summary.inputs[line.topic] += 1
        event = line.event
        at = line.at
        if isinstance(event, PriceTick):
            event = self.pipeline.market.check(event, at)
        if isinstance(event, Refused):
            self._dead_letter(line, event)
            return
        refusal = self._refusals.get(type(event))
        refused = refusal(event) if refusal is not None else None
        if refused is not None:
            self._dead_letter(line, refused)
            return
        # It is acted on from here on.
        if summary.first_time is None:
            summary.first_time = at
        trading, firm = self.pipeline.trading, self._clearing_firm
        if trading.now is None:
            if line.topic not in REFERENCE_TOPICS:
                trading.start(at)
                summary.time_began = at
                self.move_time(at)
        elif trading.due(at) or (firm is not None and firm.waiting):
            self.move_time(at, line.rank)
        elif at > trading.now:
            trading.now = at
        summary.last_time = at
        self._decisions[type(event)](event, at)

    def _answers_before(self, at: Micros, rank: int) -> None:
        """Let the clearing firm say what comes before an input, also before one that is refused."""
        firm = self._clearing_firm
        while firm is not None and (answer_at := firm.before(at, rank)) is not None:
            self.move_time(answer_at)

    def move_time(self, at: Micros, rank: int = _AFTER_ALL) -> None:
        """Let all that is due at or before `at` happen, in time order.

        Of the clearing firm's answers those that come before an input of this rank.
        """
        trading, firm = self.pipeline.trading, self._clearing_firm
        while True:
            answer_at = None if firm is None else firm.before(at, rank)
            if trading.due(at if answer_at is None else answer_at):
                out: Out = []
                trading.open_next(out)
                self._traded(out)
            elif firm is not None and answer_at is not None:
                self.apply(firm.answer())
            else:
                break
        trading.now = max(trading.now or 0, at)
        self.summary.last_time = trading.now

    def _funding_refusal(self, event: Funding) -> Refused | None:
        return customer_funding.refusal(self.pipeline.settlement, event, self.now)

    def _answer_refusal(self, event: ApexResult) -> Refused | None:
        retry_before = None  # the first RETRY that opens before this input, if one does
        if self.now is not None:
            retry_at = next_retry(self.now)
            retry_before = retry_at if retry_at <= event.own_time else None
        return apex_answer.refusal(self.pipeline.settlement, event, retry_before)

    def _net_refusal(self, event: NetInput) -> Refused | None:
        at = event.own_time
        # Before time starts no window was passed.
        now = at - 1 if self.now is None else self.now
        return self.pipeline.clients.refusal(event, now, at)

    def _ticked(self, quote: ProviderQuote, at: Micros) -> None:
        text = self.pipeline.market.best_quote(quote)
        if isinstance(text, str):
            self._quoted(quote, text, at)

    def _quoted(self, quote: ProviderQuote, text: str, at: Micros) -> None:
        """Publish a best quote, and let trading answer it."""
        self._emit_text(BBO, text)
        traded: Out = []
        self.pipeline.trading.quoted(quote.symbol, text, at, traded)
        if traded:
            self._quiet_before = 0
            self._traded(traded)

    def _order_submitted(self, event: OrderSubmitted, at: Micros) -> None:
        self._submitted(SubmittedOrder(event), at)

    def _submitted(self, event: SubmittedOrder, at: Micros) -> None:
        out: Out = []
        self.pipeline.trading.submitted(event, at, out)
        self._traded(out)

    def _cancel_requested(self, event: OrderCancelRequested, at: Micros) -> None:
        out: Out = []
        self.pipeline.trading.cancel_requested(event, at, out)
        self._traded(out)

    def _funded(self, event: Funding, at: Micros) -> None:
        out: Out = []
        customer_funding.funded(self.pipeline.settlement, event, at, out)
        self._settled(out)

    def _answered(self, event: ApexResult, at: Micros) -> None:
        out: Out = []
        apex_answer.answered(self.pipeline.settlement, event, at, out)
        self._settled(out)

    def _wired(self, event: NetInput, at: Micros) -> None:
        out: Out = []
        self.pipeline.clients.wired(event, at, out)
        self._publish(out)

    def _account_updated(self, event: AccountUpdated, at: Micros) -> None:
        traded: Out = []
        self.pipeline.trading.account_updated(event, at, traded)
        self._traded(traded)
        settled: Out = []
        self.pipeline.settlement.account_updated(event, at, settled)
        self._settled(settled)

    def _instrument_updated(self, event: InstrumentUpdated, at: Micros) -> None:  # noqa: ARG002 - one signature for all
        self.pipeline.market.instrument_updated(event)
        self.pipeline.trading.instrument_updated(event)

    def _client_updated(self, event: ClientUpdated, at: Micros) -> None:  # noqa: ARG002 - one signature for all
        self.pipeline.trading.client_updated(event)
        self.pipeline.clients.client_updated(event)

    def _clock_ticked(self, event: ClockTicked, at: Micros) -> None:
        """Nothing but time, which has moved."""

    def _traded(self, out: Out) -> None:
        """Publish what trading decided, and let settlement answer its executions and windows."""
        settlement, emit, emit_text = self.pipeline.settlement, self._emit, self._emit_text
        fills = iter(self._fills)
        for topic, _, event in out:
            if isinstance(event, str):
                emit_text(topic, event)
                continue
            emit(topic, event)
            if topic != EXECUTIONS:
                continue
            if event["type"] == "Execution":
                fill = next(fills)
                lines: Out = []
                settlement.executed(cast("Execution", event), fill, fill.executed_at, lines)
                self._settled(lines)
            else:
                self.opened(cast("WindowOpened", event))
        self._fills.clear()

    def opened(self, event: WindowOpened) -> None:
        """Do all that a window asks of settlement and of the clients' books."""
        out: Out = []
        for _ in settle_window(self.pipeline.settlement, event, out):
            self._settled(out)
            out.clear()
        window = first_window(micros(event["scheduled_at"]))
        closed: Out = []
        for cause, _, reports in self.pipeline.clients.close(window, event["cause_id"], closed):
            self._publish(closed)
            closed.clear()
            for report in reports:
                self._deliver(report, cause)

    def _settled(self, out: Out) -> None:
        """Publish what settlement decided, and hand its lines to the clients' books."""
        emit, emit_text, take = self._emit, self._emit_text, self.pipeline.clients.line
        lines: Out = []
        for topic, key, event in out:
            if isinstance(event, str):
                emit_text(topic, event)
                continue
            if topic == CLIENT_LINES:
                take(key, event, lines)
                continue
            emit(topic, event)
            if topic == APEX_JOURNALS and self._clearing_firm is not None:
                self._clearing_firm.requested(event)
        if lines:
            self._publish(lines)

    def _publish(self, out: Out) -> None:
        for topic, _, event in out:
            if isinstance(event, str):
                self._emit_text(topic, event)
            else:
                self._emit(topic, event)

    def _read_text(self, topic: str, text: str) -> None:
        """Publish an event to who takes none in its JSON."""
        self._emit(topic, fields(text))

    def _deliver(self, report: Report, cause: Cause) -> None:
        written = self._destination.report(report)
        self.summary.files += 1
        delivered: ReportDelivered = {
            "type": "ReportDelivered",
            "event_id": cause.event_id("ReportDelivered", report.client),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "client": report.client,
            "report": report.name,
            "uri": f"s3://{written.path}",
            "rows": written.rows,
            "sha256": written.sha256,
            "control_total": report.control_text(written.control),
        }
        self._emit(REPORT_DELIVERIES, delivered)

    def _dead_letter(self, line: Line, refused: Refused) -> None:
        raw = raw_value(line.text)
        key = _key(line.topic, raw)
        at = self.now if self.now is not None else self.summary.last_time or 0
        out: Out = []
        dead_letter(
            refused,
            self._places.cause(line.topic, 0, line.number, key, at),
            topic=line.topic,
            partition=0,
            offset=line.number,
            key=key,
            raw=raw,
            out=out,
        )
        self._publish(out)


def _key(topic: str, raw: bytes) -> str | None:
    """Return the Kafka key that a bad value would have travelled under, None if it names none."""
    name = CATALOGUE[topic].key
    value = orjson.loads(raw)
    key = value.get(name) if isinstance(value, dict) and name is not None else None
    return key if isinstance(key, str) else None
