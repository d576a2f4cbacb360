"""Task client-books: what each client's files consist of, out of all settlement partitions.

A window closes when the markers of all partitions are in and their counts and totals agree with the
lines that came (settlement/tasks/client_lines.py). Until then a line of the open window is folded
into the books; a line of a partition that is already further waits behind that partition's marker.
A partition says when its time starts, and which window is its first: it has nothing in earlier
ones. Time starts here when it has in all partitions; until then lines and wires wait.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, ClassVar, cast

import orjson
from typing_extensions import override

from schemas.client import ClientUpdated
from schemas.event import Input
from schemas.instant import Micros, micros, time_text
from schemas.report import ReportIssued
from settlement.calendar import ScheduledWindow, first_window, window_after
from settlement.cause import Cause, Out
from settlement.clients import Clients
from settlement.net_wire import is_net_input
from settlement.reports.books import ClientAccount
from settlement.reports.report import Report
from settlement.reports.rows import RowKind
from settlement.tasks.client_lines import (
    Counts,
    TimeStarted,
    WindowMarker,
    count_line,
    counts_of,
    counts_text,
)
from settlement.tasks.client_nets import changed_nets, restore_net, restored_nets
from settlement.tasks.rows import TaskRows
from settlement.tasks.task import Change, Head, Record, Task, read_outside
from topics.catalogue import (
    CLIENT_BOOKS_TASK,
    CLIENT_LINES,
    CLIENTS,
    JOURNAL,
    NET_SETTLEMENTS,
    NET_WIRES,
    REPORT_ISSUES,
    REVENUE_SHARES,
)
from topics.decode import Refused
from topics.partition import partition_of

_TIME = b"time"
# A part of a file is one Kafka record: far below what a broker takes.
_PART_BYTES = 512 * 1024


class _Source:
    """What one settlement partition has sent: `next` is the window of its next lines.

    `ahead` are lines and markers that wait, with their offsets; `came` counts what was folded since
    its last marker whose window closed, by client.
    """

    __slots__ = ("ahead", "came", "next")

    def __init__(self) -> None:
        # None: its time has not started.
        self.next: Micros | None = None
        self.ahead: deque[tuple[int, str, Mapping[str, Any]]] = deque()
        self.came: Counts = {}

    def marker(self) -> WindowMarker | None:
        """Return the first marker that waits."""
        for _, _, line in self.ahead:
            if line["type"] == "WindowMarker":
                return cast("WindowMarker", line)
        return None


class ClientBooksTask(Task):
    """The books of the clients of one partition."""

    name: ClassVar[str] = CLIENT_BOOKS_TASK
    inputs: ClassVar[tuple[str, ...]] = (CLIENT_LINES, CLIENTS, NET_WIRES)
    writes: ClassVar[tuple[str, ...]] = (NET_SETTLEMENTS, REVENUE_SHARES, JOURNAL, REPORT_ISSUES)

    def __init__(self, partition: int, partitions: int) -> None:
        """Start without a client."""
        super().__init__(partition, partitions)
        self.rows = TaskRows()
        self.clients = Clients(self.rows)
        # The next window that closes; None: time has not started.
        self._next: Micros | None = None
        # Of a window that is closing: its time, and the last client whose files are issued.
        self._closing: tuple[Micros, str] | None = None
        self._sources = [_Source() for _ in range(partitions)]
        # What the state topic is to learn.
        self._touched_accounts: set[tuple[str, str]] = set()
        self._fresh_clients: set[str] = set()
        self._touched_sources: set[int] = set()
        self._fresh_ahead: dict[bytes, bytes] = {}
        self._gone_ahead: list[bytes] = []
        self._time_written: list[Any] = [None, None, None, self.reference_time]
        self._restored_chunks: list[tuple[int, bytes, str, RowKind, list[str]]] = []

    @property
    @override
    def now(self) -> Micros | None:
        return self.clients.now

    @override
    def read(self, record: Record) -> Head:
        if record.topic != CLIENT_LINES:
            return read_outside(record, self.partitions)
        return Head(record, orjson.loads(record.value or b""), 0)

    @override
    def waits(self, head: Head) -> bool:
        if head.record.topic == CLIENT_LINES:
            return False
        if self._closing is not None:
            return True  # nothing comes between the steps of a window
        if isinstance(head.event, Refused):
            return False
        if self._next is None:
            return head.record.topic != CLIENTS  # reference data does not wait for time to start
        return head.at >= self._next

    @override
    def apply(self, head: Head, out: Out) -> Iterator[None]:
        if head.record.topic != CLIENT_LINES:
            self._outside(head, head.event, out)
            return
        line = head.event
        if self._closing is None:
            if line["type"] == "TimeStarted":
                self._start(cast("TimeStarted", line), out)
            else:
                self._take(head, line, out)
        if line["type"] in {"TimeStarted", "WindowMarker"}:
            yield from self._close_windows(out)

    def _outside(self, head: Head, event: Input | Refused, out: Out) -> None:
        if isinstance(event, ClientUpdated):
            if self._next is None:
                self.reference_time = head.at
            else:
                self.clients.move_time(head.at)
            self.clients.client_updated(event)
            self._fresh_clients.add(event.client)
        elif head.record.topic == NET_WIRES:
            if not isinstance(event, Refused) and is_net_input(event):
                # All windows up to its own time have closed: it waited for them.
                refused = self.clients.refusal(event, head.at, head.at)
                if refused is None:
                    self.clients.wired(event, head.at, out)
                    return
                event = refused
            if isinstance(event, Refused):
                self.refuse(head, event, out)
        # Of a bad client, which two tasks read, market is the one that dead-letters.

    def _start(self, started: TimeStarted, out: Out) -> None:
        """Note the first window of a partition; when all are known, fold what waits."""
        self._check_count(started["partitions"])
        number = started["partition"]
        self._sources[number].next = micros(started["first_window"])
        self._touched_sources.add(number)
        firsts = [source.next for source in self._sources if source.next is not None]
        if len(firsts) == self.partitions:
            self._next = min(firsts)
            self._fold_open(out)

    def _check_count(self, partitions: int) -> None:
        if partitions != self.partitions:
            raise AssertionError(f"a marker of {partitions} partitions")

    # -- lines -----------------------------------------------------------------------------------

    def _take(self, head: Head, line: Mapping[str, Any], out: Out) -> None:
        """Fold a line of the open window, or let it wait behind its partition's marker."""
        marker = line["type"] == "WindowMarker"
        number = line["partition"] if marker else partition_of(line["account_id"], self.partitions)
        client = (head.record.key or b"").decode()
        source = self._sources[number]
        if not marker and not source.ahead and self._is_open(source):
            self._fold(source, client, line, out)
        else:
            if marker:
                self._check_count(line["partitions"])
            source.ahead.append((head.record.offset, client, line))
            key = _ahead_key(number, head.record.offset)
            self._fresh_ahead[key] = orjson.dumps([client, line])
        self._touched_sources.add(number)

    def _is_open(self, source: _Source) -> bool:
        return self._next is not None and source.next == self._next

    def _fold(self, source: _Source, client: str, line: Mapping[str, Any], out: Out) -> None:
        count_line(source.came, client, line)
        if "event_time" in line:
            self.clients.move_time(micros(line["event_time"]))
        self.clients.line(client, line, out)
        if line["type"] in {"AccountBalance", "AccountLine"}:
            self._touched_accounts.add((client, line["account_id"]))

    def _fold_open(self, out: Out) -> None:
        """Fold what waits of each partition in the open window, up to its marker."""
        for number, source in enumerate(self._sources):
            if not self._is_open(source):
                continue
            while source.ahead and source.ahead[0][2]["type"] != "WindowMarker":
                offset, client, line = source.ahead.popleft()
                self._fold(source, client, line, out)
                self._forget_ahead(number, offset)
                self._touched_sources.add(number)

    def _forget_ahead(self, number: int, offset: int) -> None:
        key = _ahead_key(number, offset)
        if self._fresh_ahead.pop(key, None) is None:
            self._gone_ahead.append(key)

    # -- windows ---------------------------------------------------------------------------------

    def _close_windows(self, out: Out) -> Iterator[None]:
        """Close each window of which every partition has sent its marker, or begins later."""
        while self._next is not None:
            at = self._next
            if self._closing is None:
                if not all(self._has_sent(source, at) for source in self._sources):
                    return
                for number, source in enumerate(self._sources):
                    if self._is_open(source):
                        self._check(number, source.marker())
                self._closing = (at, "")
            window = first_window(at)
            yield from self._issue(window, self._closing[1], out)
            self._next = window_after(window).scheduled_at
            for number, source in enumerate(self._sources):
                if source.next == at:
                    offset, _, _ = source.ahead.popleft()
                    self._forget_ahead(number, offset)
                    source.next, source.came = self._next, {}
                    self._touched_sources.add(number)
            self._closing = None
            self._fold_open(out)

    @staticmethod
    def _has_sent(source: _Source, at: Micros) -> bool:
        """Whether all of a partition's lines of the window that ends at `at` are in."""
        if source.next is None or source.next > at:
            return source.next is not None
        marker = source.marker()
        if marker is not None and micros(marker["scheduled_at"]) != at:
            raise AssertionError(f"{marker['cause_id']} comes before that of {time_text(at)}")
        return marker is not None

    def _check(self, number: int, marker: WindowMarker | None) -> None:
        """Compare what came with what was sent; a mismatch stops the worker."""
        came = {name: counts_text(counts) for name, counts in self._sources[number].came.items()}
        if marker is not None and came != marker["clients"]:
            raise AssertionError(
                f"{CLIENT_LINES} of partition {number} up to {marker['cause_id']}:"
                f" sent {marker['clients']}, came {came}"
            )

    def _issue(self, window: ScheduledWindow, after: str, out: Out) -> Iterator[None]:
        """Issue the files of a window, one client per step."""
        at = window.scheduled_at
        cause_id = f"{window.window}@{time_text(at)}"
        for cause, client, reports in self.clients.close(window, cause_id, out, after):
            for report in reports:
                _issue_parts(report, cause, out)
            self._closing = (at, client)
            yield

    # -- the state topic -------------------------------------------------------------------------

    @override
    def changes(self) -> Iterator[Change]:
        time = [self.clients.now, self._next, self._closing, self.reference_time]
        if time != self._time_written:
            self._time_written = time
            yield _TIME, orjson.dumps(time)
        for client in sorted(self._fresh_clients):
            yield b"client|" + client.encode(), b"1"
        yield from changed_nets(self.clients)
        for client, account_id in sorted(self._touched_accounts):
            book = self.clients.reports.account(client, account_id)
            yield f"account|{client}|{account_id}".encode(), orjson.dumps(_account_record(book))
        for number in sorted(self._touched_sources):
            source = self._sources[number]
            came = {client: counts_text(counts) for client, counts in source.came.items()}
            yield f"source|{number}".encode(), orjson.dumps([source.next, came])
        for key in self._gone_ahead:
            yield key, None
        yield from self._fresh_ahead.items()
        yield from self.rows.changes()
        self._fresh_clients.clear()
        self._touched_accounts.clear()
        self._touched_sources.clear()
        self._gone_ahead.clear()
        self._fresh_ahead.clear()

    @override
    def restore(self, key: bytes, value: bytes) -> None:
        if restore_net(self.clients, key, value):
            return
        stored = orjson.loads(value)
        kind, *rest = key.decode().split("|")
        match kind:
            case "time":
                self._time_written = orjson.loads(value)
                self.clients.now, self._next, closing, self.reference_time = stored
                self._closing = None if closing is None else (closing[0], closing[1])
            case "client":
                self.clients.reports.client_updated(rest[0])
            case "account":
                book = self.clients.reports.account(rest[0], rest[1])
                book.funding_model, book.settled, book.unsettled, book.positions = stored
                model = {"account_id": rest[1], "funding_model": book.funding_model}
                self.clients.nets.account_line(rest[0], model)
            case "source":
                source = self._sources[int(rest[0])]
                source.next, came = stored
                source.came = {client: counts_of(text) for client, text in came.items()}
            case "ahead":
                client, line = stored
                self._sources[int(rest[0])].ahead.append((int(rest[1]), client, line))
            case "rows":
                client, row_kind, number = rest
                chunk = (int(number), key, client, cast("RowKind", row_kind), stored)
                self._restored_chunks.append(chunk)
            case _:
                raise AssertionError(f"a record of no known kind: {key!r}")

    @override
    def restored(self) -> None:
        for source in self._sources:
            source.ahead = deque(sorted(source.ahead, key=lambda waiting: waiting[0]))
        self.rows.restore(self._restored_chunks)
        self._restored_chunks.clear()
        restored_nets(self.clients)

    @override
    def status(self) -> Mapping[str, Any]:
        return {
            "next_window": None if self._next is None else time_text(self._next),
            "clients": len(self.clients.reports.clients),
            "lines_ahead": sum(len(source.ahead) for source in self._sources),
        }


def _ahead_key(number: int, offset: int) -> bytes:
    return f"ahead|{number}|{offset}".encode()


def _account_record(book: ClientAccount) -> list[Any]:
    return [book.funding_model, book.settled, book.unsettled, book.positions]


def _issue_parts(report: Report, cause: Cause, out: Out) -> None:
    """Emit a file in parts; the last one carries the facts of the whole."""
    digest = sha256()
    rows = control = part = 0
    text = "".join(f"{line}\n" for line in report.header)
    for row in report.rows:
        if len(text) >= _PART_BYTES:
            part += 1
            digest.update(text.encode())
            out.append((REPORT_ISSUES, report.client, _part(report, cause, part, text)))
            text = ""
        text += f"{row.text}\n"
        rows += 1
        control += row.control
    digest.update(text.encode())
    last = _part(report, cause, part + 1, text)
    last["delivered_id"] = cause.event_id("ReportDelivered", report.client)
    last["rows"] = rows
    last["sha256"] = digest.hexdigest()
    last["control_total"] = report.control_text(control)
    out.append((REPORT_ISSUES, report.client, last))


def _part(report: Report, cause: Cause, part: int, text: str) -> ReportIssued:
    return {
        "type": "ReportIssued",
        "event_id": cause.event_id("ReportIssued", report.client),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "client": report.client,
        "report": report.name,
        "key": report.key,
        "part": part,
        "text": text,
        "delivered_id": None,
        "rows": None,
        "sha256": None,
        "control_total": None,
    }
