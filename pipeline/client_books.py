"""Task client-books: what each client's files consist of, out of all settlement partitions.

A window closes when the markers of all partitions are in and their counts and totals agree with the
lines that came (pipeline/client_lines.py). Until then a line of the open window is folded
into the books; a line of a partition that is already further waits behind that partition's marker.
A partition says when its time starts, and which window is its first: it has nothing in earlier
ones. Time starts here when it has in all partitions; until then lines and wires wait.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, cast

import orjson
from typing_extensions import override

from pipeline.client_lines import (
    TO_PARTITION,
    TimeStarted,
    WindowMarker,
    count_line,
    count_of,
    count_record,
)
from pipeline.client_nets import changed_nets, restore_net, restored_nets
from pipeline.report_parts import issue_parts
from pipeline.rows import TaskRows
from pipeline.task import Change, Head, Record, Task, read_outside
from schemas.client import ClientUpdated
from schemas.event import Input
from schemas.instant import Micros, micros, time_text
from settlement.calendar import ScheduledWindow, first_window, window_after
from settlement.cause import Out
from settlement.clients import Clients
from settlement.net_wire import is_net_input
from settlement.reports.books import ClientAccount
from settlement.reports.rows import RowKind
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


class _Source:
    """What one settlement partition has sent: `next` is the window of its next lines.

    `ahead` are lines, counts and markers that wait, with their offsets; `came` counts what was
    folded since its last marker whose window closed, by client.
    """

    __slots__ = ("ahead", "came", "next")

    def __init__(self) -> None:
        # None: its time has not started.
        self.next: Micros | None = None
        self.ahead: deque[tuple[int, str, Mapping[str, Any]]] = deque()
        self.came: dict[str, list[int]] = {}

    def marker(self) -> WindowMarker | None:
        """Return the first marker that waits."""
        for _, _, line in self.ahead:
            if line["type"] == "WindowMarker":
                return cast("WindowMarker", line)
        return None

    def sent(self) -> dict[str, list[int]]:
        """Return what the counts and the marker that are first in `ahead` contain, by client."""
        sent: dict[str, list[int]] = {}
        for _, _, line in self.ahead:
            for client, count in line["clients"].items():
                sent[client] = count_of(count)
            if line["type"] == "WindowMarker":
                break
        return sent


class ClientBooksTask(Task):
    """The books of the clients of one partition."""

    name: ClassVar[str] = CLIENT_BOOKS_TASK
    inputs: ClassVar[tuple[str, ...]] = (CLIENT_LINES, CLIENTS, NET_WIRES)
    writes: ClassVar[tuple[str, ...]] = (NET_SETTLEMENTS, REVENUE_SHARES, JOURNAL, REPORT_ISSUES)
    csv_safe: ClassVar[bool] = False

    def __init__(self, partition: int, partitions: int) -> None:
        """Start without a client."""
        super().__init__(partition, partitions)
        self.rows = TaskRows()
        self.clients = Clients(self.rows, csv_safe=self.csv_safe)
        # The next window that closes; None: time has not started.
        self._next: Micros | None = None
        # Of a window that is closing: its time, and the last client whose files are issued.
        self._closing: tuple[Micros, str] | None = None
        self._sources = [_Source() for _ in range(partitions)]
        # What the state topic is to learn.
        self._touched_accounts: set[tuple[str, str]] = set()
        self._fresh_clients: set[str] = set()
        self._touched_sources: set[int] = set()
        self._touched_counts: set[tuple[int, str]] = set()
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
                at = self.clients.move_time(head.at)
                refused = self.clients.refusal(event)
                if refused is None:
                    self.clients.wired(event, at, out)
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
        is_end = line["type"] in TO_PARTITION
        number = line["partition"] if is_end else partition_of(line["account_id"], self.partitions)
        client = (head.record.key or b"").decode()
        source = self._sources[number]
        if not is_end and not source.ahead and self._is_open(source):
            self._fold(number, client, line, out)
        else:
            if line["type"] == "WindowMarker":
                self._check_count(line["partitions"])
            source.ahead.append((head.record.offset, client, line))
            key = _ahead_key(number, head.record.offset)
            self._fresh_ahead[key] = orjson.dumps([client, line])

    def _is_open(self, source: _Source) -> bool:
        return self._next is not None and source.next == self._next

    def _fold(self, number: int, client: str, line: Mapping[str, Any], out: Out) -> None:
        count_line(self._sources[number].came, client, line)
        self._touched_counts.add((number, client))
        if "event_time" in line:
            self.clients.move_time(micros(line["event_time"]))
        self.clients.line(client, line, out)
        if line["type"] in {"AccountBalance", "AccountLine"}:
            self._touched_accounts.add((client, line["account_id"]))

    def _fold_open(self, out: Out) -> None:
        """Fold what waits of each partition in the open window, up to its counts and marker."""
        for number, source in enumerate(self._sources):
            if not self._is_open(source):
                continue
            while source.ahead and source.ahead[0][2]["type"] not in TO_PARTITION:
                client, line = self._next_ahead(number)
                self._fold(number, client, line, out)

    def _next_ahead(self, number: int) -> tuple[str, Mapping[str, Any]]:
        """Take the first line that waits of a partition: its client, and the line."""
        offset, client, line = self._sources[number].ahead.popleft()
        key = _ahead_key(number, offset)
        if self._fresh_ahead.pop(key, None) is None:
            self._gone_ahead.append(key)
        return client, line

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
                        self._check(number)
                self._closing = (at, "")
            window = first_window(at)
            yield from self._issue(window, self._closing[1], out)
            self._next = window_after(window).scheduled_at
            for number, source in enumerate(self._sources):
                if source.next == at:
                    while self._next_ahead(number)[1]["type"] != "WindowMarker":
                        pass  # the counts before it
                    self._touched_counts.update((number, client) for client in source.came)
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

    def _check(self, number: int) -> None:
        """Compare what came with what was sent; a mismatch parks the partition."""
        source = self._sources[number]
        sent, came = source.sent(), source.came
        if came == sent:
            return
        client = min(name for name in sent | came if sent.get(name) != came.get(name))
        marker = source.marker()
        raise AssertionError(
            f"{CLIENT_LINES} of partition {number} up to {marker and marker['cause_id']}: count and"
            f" total of {client}: sent {sent.get(client)}, came {came.get(client)}"
        )

    def _issue(self, window: ScheduledWindow, after: str, out: Out) -> Iterator[None]:
        """Issue the files of a window, one client per step."""
        at = window.scheduled_at
        cause_id = f"{window.window}@{time_text(at)}"
        for cause, client, reports in self.clients.close(window, cause_id, out, after):
            for report in reports:
                issue_parts(report, cause, out)
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
            yield f"source|{number}".encode(), orjson.dumps([self._sources[number].next])
        for number, client in sorted(self._touched_counts):
            came = self._sources[number].came.get(client)
            record = None if came is None else orjson.dumps(count_record(came))
            yield f"came|{number}|{client}".encode(), record
        for key in self._gone_ahead:
            yield key, None
        yield from self._fresh_ahead.items()
        yield from self.rows.changes()
        self._fresh_clients.clear()
        self._touched_accounts.clear()
        self._touched_sources.clear()
        self._touched_counts.clear()
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
                # An earlier version stored no reference time.
                stored = [*stored, self.reference_time][:4]
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
                self._restore_source(int(rest[0]), *stored)
            case "came":
                self._sources[int(rest[0])].came[rest[1]] = count_of(stored)
            case "ahead":
                client, line = stored
                self._sources[int(rest[0])].ahead.append((int(rest[1]), client, line))
            case "rows":
                client, row_kind, number = rest
                chunk = (int(number), key, client, cast("RowKind", row_kind), stored)
                self._restored_chunks.append(chunk)
            case _:
                raise AssertionError(f"a record of no known kind: {key!r}")

    def _restore_source(
        self, number: int, next_: Micros | None, came: Mapping[str, list[int]] | None = None
    ) -> None:
        """Restore a source; earlier versions stored all its counts in the same record."""
        source = self._sources[number]
        source.next = next_
        if came is not None:
            source.came.update(came)
            self._touched_sources.add(number)
            self._touched_counts.update((number, client) for client in came)

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


class SpreadsheetSafeClientBooksTask(ClientBooksTask):
    """The same, with files whose free texts are safe to open in a spreadsheet."""

    csv_safe: ClassVar[bool] = True


def _ahead_key(number: int, offset: int) -> bytes:
    return f"ahead|{number}|{offset}".encode()


def _account_record(book: ClientAccount) -> list[Any]:
    return [book.funding_model, book.settled, book.unsettled, book.positions]
