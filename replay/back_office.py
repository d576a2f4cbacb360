"""The back office of one partition: what follows from trades, windows and money.

Settlement, the clients' books and files, the clearing firm's answers, and the dead letters.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, get_args, runtime_checkable

from pipeline.books import joint_books
from pipeline.settlement import settle_window
from replay.output import WrittenFile
from replay.read import InputLine, Line, line_key, raw_value
from replay.simulated_firm import SimulatedFirm
from replay.summary import Summary
from schemas.account import AccountUpdated
from schemas.client import ClientUpdated
from schemas.execution import Execution
from schemas.funding import Funding
from schemas.instant import FIRST_TIME, Micros, micros
from schemas.journal import FBO
from schemas.report import ReportDelivered
from schemas.window import WindowOpened
from settlement import apex_answer, customer_funding
from settlement.apex_answer import ApexResult
from settlement.calendar import first_window
from settlement.cash_call import Settlement
from settlement.cause import Cause, Out, fields
from settlement.clients import Clients
from settlement.customer_funding import RECORD_BYTES
from settlement.dead_letter import RepeatedPlaces, dead_letter
from settlement.fill import Fill
from settlement.invariants import Books, books_difference
from settlement.net_wire import NetInput
from settlement.reports.report import Report
from settlement.reports.rows import Rows
from topics.catalogue import (
    APEX_JOURNALS,
    CLIENT_LINES,
    EXECUTIONS,
    INPUT_ORDER,
    REPORT_DELIVERIES,
)
from topics.decode import Refused

# Before and behind every input of the same time.
_BEFORE_ALL = -1
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


def takes_text(destination: Destination) -> Callable[[str, str], None]:
    """Return what takes an event in its JSON, whether the destination does or not."""
    if isinstance(destination, TextDestination):
        return destination.text
    return lambda topic, text: destination.event(topic, fields(text))


class BackOffice:
    """Settlement and the clients' books, told by the front office (front_office.py) in order.

    `last`: the time of the last input that moved time, which is T once time has started. The front
    office moves it for inputs that nobody else acts on (quotes, orders that are not filled), so the
    clearing firm's answers from before them wait until something is told here: nothing sees the
    difference.
    """

    def __init__(
        self,
        destination: Destination,
        rows: Rows,
        summary: Summary,
        clearing_firm: SimulatedFirm | None = None,
        *,
        csv_safe: bool = False,
    ) -> None:
        """Start before time; `rows` and `csv_safe` as `ClientBooks`.

        `clearing_firm` answers Apex journals; None: the inputs do.
        """
        self.settlement = Settlement(RECORD_BYTES)
        self.clients = Clients(rows, csv_safe=csv_safe)
        self.last: Micros | None = None
        self._summary = summary
        self._destination = destination
        self._emit = destination.event
        self._emit_text = takes_text(destination)
        self._clearing_firm = clearing_firm
        self._refusals: dict[type, Callable[[Any], Refused | None]] = {
            **dict.fromkeys(get_args(Funding), self._funding_refusal),
            **dict.fromkeys(get_args(ApexResult), self._answer_refusal),
            **dict.fromkeys(get_args(NetInput), self.clients.refusal),
        }
        self._decisions: dict[type, Callable[[Any, Micros], None]] = {
            AccountUpdated: self._account_updated,
            ClientUpdated: self._client_updated,
            **dict.fromkeys(get_args(Funding), self._funded),
            **dict.fromkeys(get_args(ApexResult), self._answered),
            **dict.fromkeys(get_args(NetInput), self._wired),
        }
        self._places = RepeatedPlaces()

    # -- told by the front office ----------------------------------------------------------------

    def executed(self, event: Execution, fill: Fill, rank: int) -> None:
        """Settle an execution, which an input of this rank caused."""
        self._answers_before(fill.executed_at, rank)
        self._emit(EXECUTIONS, event)
        out: Out = []
        self.settlement.executed(event, fill, fill.executed_at, out)
        self._settled(out)

    def opened(self, event: WindowOpened) -> None:
        """Do all that a window asks of settlement and of the clients' books."""
        at = micros(event["scheduled_at"])
        self._answers_before(at, _BEFORE_ALL)
        self._emit(EXECUTIONS, event)
        out: Out = []
        for _ in settle_window(self.settlement, event, out):
            self._settled(out)
            out.clear()
        closed: Out = []
        for cause, _, reports in self.clients.close(first_window(at), event["cause_id"], closed):
            self._publish(closed)
            closed.clear()
            for report in reports:
                self._deliver(report, cause)

    def told(self, line: InputLine) -> None:
        """Act on an input of ours, or on one that the front office acts on, too, or dead-letter it.

        The firm's answers from before it come first: they are of the account as it was.
        """
        self._answers_before(line.at, line.rank)
        self._decide(line)

    def refused(self, line: Line, refused: Refused) -> None:
        """Dead-letter an input that the front office does not act on."""
        self._answers_before(line.at, line.rank)
        self._dead_letter(line, refused)

    def finish(self) -> None:
        """Take what the firm answers until now; all books must be right.

        Raises:
            AssertionError: they are not.
        """
        if self.last is not None:
            self._answers_before(self.last, _AFTER_ALL)
        self._summary.last_time = self.last
        difference = books_difference(self.books())
        if difference is not None:
            raise AssertionError(f"broken invariant: {difference}")
        self._summary.fbo = self.settlement.ledger.totals.get(FBO, 0)

    def books(self) -> Books:
        """Show all books to the invariants (settlement/invariants.py)."""
        return joint_books([self.settlement], [self.clients])

    # -- decisions on inputs ---------------------------------------------------------------------

    def _answers_before(self, at: Micros, rank: int) -> None:
        """Take the firm's answers from before an input, which are inputs as any other."""
        firm = self._clearing_firm
        while firm is not None and firm.is_before(at, rank):
            line = firm.answer()
            self._summary.inputs[line.topic] += 1
            self._decide(line)

    def _decide(self, line: InputLine) -> None:
        kind = type(line.event)
        refusal = self._refusals.get(kind)
        refused = None if refusal is None else refusal(line.event)
        if refused is None:
            self._decisions[kind](line.event, line.at)
        else:
            self._dead_letter(line, refused)

    def _funding_refusal(self, event: Funding) -> Refused | None:
        return customer_funding.refusal(self.settlement, event)

    def _answer_refusal(self, event: ApexResult) -> Refused | None:
        return apex_answer.refusal(self.settlement, event)

    def _account_updated(self, event: AccountUpdated, at: Micros) -> None:
        out: Out = []
        self.settlement.account_updated(event, at, out)
        self._settled(out)

    def _client_updated(self, event: ClientUpdated, at: Micros) -> None:  # noqa: ARG002 - one signature for all
        self.clients.client_updated(event)

    def _funded(self, event: Funding, at: Micros) -> None:
        out: Out = []
        customer_funding.funded(self.settlement, event, at, out)
        self._settled(out)

    def _answered(self, event: ApexResult, at: Micros) -> None:
        out: Out = []
        apex_answer.answered(self.settlement, event, at, out)
        self._settled(out)

    def _wired(self, event: NetInput, at: Micros) -> None:
        out: Out = []
        self.clients.wired(event, at, out)
        self._publish(out)

    # -- what goes out ---------------------------------------------------------------------------

    def _settled(self, out: Out) -> None:
        """Publish what settlement decided, and hand its lines to the clients' books."""
        emit, emit_text, take = self._emit, self._emit_text, self.clients.line
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

    def _deliver(self, report: Report, cause: Cause) -> None:
        written = self._destination.report(report)
        self._summary.files += 1
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
        key = line_key(line.topic, raw)
        at = FIRST_TIME if self.last is None else self.last
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
