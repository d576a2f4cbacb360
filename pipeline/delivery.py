"""Task delivery: which files are to be put, in which order, and that they were.

    report-issues --> a queue for each client --> (agents/file_queues.py puts them)
                                                         |
    report-deliveries <-- each file once <-- report-puts <

Nothing here waits for a bucket. What became of a put comes back as a record of `report-puts`, so
deliveries can be refolded like every other decision. That a file was put may be said many times and
counts once. A client whose file can't be put is parked: its files wait, in order, and go on when a
put succeeds. The content of a file stays in `report-issues`; the state knows where.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import orjson
from typing_extensions import override

from pipeline.task import Change, Head, Record, Task
from schemas.instant import Micros, micros, milliseconds_text
from schemas.report import (
    FileNotPut,
    FilePut,
    PutReason,
    ReportDelivered,
    ReportIssued,
    ReportName,
)
from settlement.cause import Cause, Out
from topics.catalogue import DELIVERY_TASK, REPORT_DELIVERIES, REPORT_ISSUES, REPORT_PUTS

# The state topic's keys of files that wait, and of clients that are parked; the client follows.
WAITING = b"file|"
PARKED = b"parked|"
_UNDER_WAY = b"parts|"


class File(NamedTuple):
    """One file of a client: its key in the client's bucket, and its bytes."""

    client: str
    key: str
    content: bytes


class IssuedFile(NamedTuple):
    """A file that is to be put: the facts of `ReportIssued`.

    `first` and `last`: the offsets of its first and last part in the client's partition of
    `report-issues`.
    """

    client: str
    key: str
    report: ReportName
    first: int
    last: int
    rows: int
    sha256: str
    control_total: str
    delivered_id: str
    event_time: str
    cause_id: str


class Parked(NamedTuple):
    """Why a client's files wait. `since_ms`: when it was said first, in broker time."""

    key: str
    reason: PutReason
    detail: str
    since_ms: int


class DeliveryTask(Task):
    """The queues of the clients of one partition.

    `files`: the files that became whole since this was last asked, to be cleared by who asks; one
    is left out if its beginning was before a restart.
    """

    name: ClassVar[str] = DELIVERY_TASK
    inputs: ClassVar[tuple[str, ...]] = (REPORT_ISSUES, REPORT_PUTS)
    writes: ClassVar[tuple[str, ...]] = (REPORT_DELIVERIES,)

    def __init__(self, partition: int, partitions: int) -> None:
        """Start with nothing to put."""
        super().__init__(partition, partitions)
        self.files: list[File] = []
        # By client, its files that wait, by key, in the order of their issue.
        self.queues: dict[str, dict[str, IssuedFile]] = {}
        self.parked: dict[str, Parked] = {}
        self._now: Micros | None = None
        # Of the file under way of each client: its key, first offset, how many parts.
        self._under_way: dict[str, tuple[str, int, int]] = {}
        self._texts: dict[str, list[str]] = {}
        self._fresh: dict[bytes, bytes | None] = {}
        self._restored: list[IssuedFile] = []

    @property
    @override
    def now(self) -> Micros | None:
        return self._now

    @override
    def read(self, record: Record) -> Head:
        event = orjson.loads(record.value or b"")
        return Head(record, event, micros(event["event_time"]))

    @override
    def waits(self, head: Head) -> bool:
        return False

    @override
    def apply(self, head: Head, out: Out) -> Iterator[None]:
        yield from ()
        self._now = max(self._now or 0, head.at)
        match head.event["type"]:
            case "ReportIssued":
                self._issued(head.record, head.event)
            case "FilePut":
                self._put(head.event, out)
            case "FileNotPut":
                self._not_put(head.record, head.event)
            case kind:
                raise AssertionError(f"a {kind} in {head.record.topic}")

    def _issued(self, record: Record, event: ReportIssued) -> None:
        client, key, part = event["client"], event["key"], event["part"]
        under_way, first, parts = self._under_way.pop(client, (key, record.offset, 0))
        if under_way != key or part != parts + 1:
            raise AssertionError(
                f"part {part} of {client}/{key} after part {parts} of {client}/{under_way}"
            )
        if part == 1:
            self._texts[client] = []
        if client in self._texts:  # it began before a restart otherwise
            self._texts[client].append(event["text"])
        if event["delivered_id"] is None:
            self._under_way[client] = (key, first, part)
            self._fresh[_UNDER_WAY + client.encode()] = orjson.dumps([key, first, part])
            return
        if part > 1:
            self._fresh[_UNDER_WAY + client.encode()] = None
        texts = self._texts.pop(client, None)
        if texts is not None:
            self.files.append(File(client, key, "".join(texts).encode()))
        file = IssuedFile(
            client=client,
            key=key,
            report=event["report"],
            first=first,
            last=record.offset,
            rows=event["rows"] or 0,
            sha256=event["sha256"] or "",
            control_total=event["control_total"] or "",
            delivered_id=event["delivered_id"],
            event_time=event["event_time"],
            cause_id=event["cause_id"],
        )
        if self.queues.setdefault(client, {}).setdefault(key, file) is not file:
            raise AssertionError(f"{client}/{key} is issued twice")
        self._fresh[_waiting_key(file)] = orjson.dumps(file._asdict())

    def _put(self, event: FilePut, out: Out) -> None:
        """Say once that a file is delivered; its client's other files go on."""
        client = event["client"]
        queue = self.queues.get(client, {})
        file = queue.get(event["key"])
        if file is None:
            return  # it was said before
        if event["sha256"] != file.sha256:
            raise AssertionError(f"{client}/{file.key}: put with sha256 {event['sha256']}")
        del queue[file.key]
        if not queue:
            del self.queues[client]
        self._fresh[_waiting_key(file)] = None
        if self.parked.pop(client, None) is not None:
            self._fresh[PARKED + client.encode()] = None
        delivered: ReportDelivered = {
            "type": "ReportDelivered",
            "event_id": file.delivered_id,
            "event_time": file.event_time,
            "cause_id": file.cause_id,
            "client": client,
            "report": file.report,
            "uri": f"s3://{client}/{file.key}",
            "rows": file.rows,
            "sha256": file.sha256,
            "control_total": file.control_total,
        }
        out.append((REPORT_DELIVERIES, client, delivered))

    def _not_put(self, record: Record, event: FileNotPut) -> None:
        client = event["client"]
        if event["key"] not in self.queues.get(client, {}):
            return  # it was put after all
        before = self.parked.get(client)
        since = record.appended_ms if before is None else before.since_ms
        parked = Parked(event["key"], event["reason"], event["detail"], since)
        self.parked[client] = parked
        self._fresh[PARKED + client.encode()] = orjson.dumps(parked._asdict())

    @override
    def changes(self) -> Iterator[Change]:
        yield from self._fresh.items()
        self._fresh.clear()

    @override
    def restore(self, key: bytes, value: bytes) -> None:
        stored = orjson.loads(value)
        if key.startswith(WAITING):
            self._restored.append(IssuedFile(**stored))
        elif key.startswith(PARKED):
            self.parked[client_of(key)] = Parked(**stored)
        elif key.startswith(_UNDER_WAY):
            file, first, parts = stored
            self._under_way[client_of(key)] = (file, first, parts)
        else:
            raise AssertionError(f"a record of no known kind: {key!r}")

    @override
    def restored(self) -> None:
        for file in sorted(self._restored, key=lambda file: file.last):
            self.queues.setdefault(file.client, {})[file.key] = file
        self._restored.clear()

    @override
    def status(self) -> dict[str, Any]:
        return {
            "files_waiting": sum(map(len, self.queues.values())),
            "parked_clients": {
                client: {
                    "files": len(self.queues[client]),
                    "since": milliseconds_text(parked.since_ms * 1000),
                    "reason": parked.reason,
                    "detail": parked.detail,
                }
                for client, parked in sorted(self.parked.items())
            },
        }

    @override
    def alerts(self) -> Sequence[str]:
        return [
            f"{len(self.queues[client])} files of {client} are parked since"
            f" {milliseconds_text(parked.since_ms * 1000)}: {parked.reason}: {parked.detail}"
            for client, parked in sorted(self.parked.items())
        ]


def client_of(key: bytes) -> str:
    """Return the client that a key of the state topic names."""
    return key.decode().split("|", 2)[1]


def file_put(file: IssuedFile) -> FilePut:
    """Return what says that a file is in its bucket."""
    cause = Cause(REPORT_ISSUES, file.delivered_id, micros(file.event_time))
    return {
        "type": "FilePut",
        "event_id": cause.event_id("FilePut", file.client),
        "event_time": file.event_time,
        "cause_id": file.delivered_id,
        "client": file.client,
        "key": file.key,
        "sha256": file.sha256,
    }


def file_not_put(file: IssuedFile, reason: PutReason, detail: str) -> FileNotPut:
    """Return what parks a client; the same again, under the same id, for the same reason."""
    why = f"{file.delivered_id}-{reason}-{detail}"
    cause = Cause(REPORT_ISSUES, why, micros(file.event_time))
    return {
        "type": "FileNotPut",
        "event_id": cause.event_id("FileNotPut", file.client),
        "event_time": file.event_time,
        "cause_id": file.delivered_id,
        "client": file.client,
        "key": file.key,
        "reason": reason,
        "detail": detail,
    }


def _waiting_key(file: IssuedFile) -> bytes:
    return b"%s%s|%d" % (WAITING, file.client.encode(), file.last)
