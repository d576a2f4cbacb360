"""Task delivery: which files are to be put, and that they were.

What is said here is pure; the agent puts `files` before the step is committed. A file that was put
and whose step was then lost is put again with the same bytes, which has no effect.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import orjson
from typing_extensions import override

from schemas.instant import Micros, micros
from schemas.report import ReportDelivered, ReportIssued
from settlement.cause import Out
from settlement.tasks.task import Change, Head, Record, Task
from topics.catalogue import DELIVERY_TASK, REPORT_DELIVERIES, REPORT_ISSUES


class File(NamedTuple):
    """One file of a client: its key in the client's bucket, and its bytes."""

    client: str
    key: str
    content: bytes


class DeliveryTask(Task):
    """Gathers the parts of each file; `files` is what the steps since the last commit must put."""

    name: ClassVar[str] = DELIVERY_TASK
    inputs: ClassVar[tuple[str, ...]] = (REPORT_ISSUES,)
    writes: ClassVar[tuple[str, ...]] = (REPORT_DELIVERIES,)

    def __init__(self, partition: int, partitions: int) -> None:
        """Start with nothing to put."""
        super().__init__(partition, partitions)
        self.files: list[File] = []
        self._now: Micros | None = None
        self._parts: dict[tuple[str, str], list[str]] = {}
        self._fresh: dict[bytes, bytes | None] = {}
        self._restored: list[tuple[int, str, str, str]] = []

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
        event: ReportIssued = head.event
        client, key = event["client"], event["key"]
        parts = self._parts.setdefault((client, key), [])
        if event["part"] != len(parts) + 1:
            raise AssertionError(f"part {event['part']} of {client}/{key} after {len(parts)}")
        parts.append(event["text"])
        if event["delivered_id"] is None:
            self._fresh[_part_key(client, key, event["part"])] = event["text"].encode()
            return
        del self._parts[client, key]
        for part in range(1, len(parts)):
            self._fresh[_part_key(client, key, part)] = None
        self.files.append(File(client, key, "".join(parts).encode()))
        delivered: ReportDelivered = {
            "type": "ReportDelivered",
            "event_id": event["delivered_id"],
            "event_time": event["event_time"],
            "cause_id": event["cause_id"],
            "client": client,
            "report": event["report"],
            "uri": f"s3://{client}/{key}",
            "rows": event["rows"] or 0,
            "sha256": event["sha256"] or "",
            "control_total": event["control_total"] or "",
        }
        out.append((REPORT_DELIVERIES, client, delivered))

    @override
    def changes(self) -> Iterator[Change]:
        yield from self._fresh.items()
        self._fresh.clear()

    @override
    def restore(self, key: bytes, value: bytes) -> None:
        _, client, number, name = key.decode().split("|", 3)
        self._restored.append((int(number), client, name, value.decode()))

    @override
    def restored(self) -> None:
        for _, client, name, text in sorted(self._restored):
            self._parts.setdefault((client, name), []).append(text)
        self._restored.clear()

    @override
    def status(self) -> dict[str, Any]:
        return {"files_under_way": len(self._parts)}


def _part_key(client: str, key: str, part: int) -> bytes:
    return f"part|{client}|{part}|{key}".encode()
