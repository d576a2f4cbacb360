"""Every file that was issued, what became of it, and which clients there are, as the topics say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.broker import Broker
from agents.issued_files import FETCH_WAIT_MS
from agents.live_topics import as_read
from agents.task_state import keep_last, read_to
from pipeline.delivery import DeliveryTask, IssuedFile, Parked
from pipeline.task import Record, read_outside
from schemas.account import AccountUpdated
from schemas.client import ClientUpdated
from schemas.instant import Micros, micros
from settlement.cause import Out
from topics.catalogue import (
    ACCOUNTS,
    CLIENTS,
    DELIVERY_TASK,
    REPORT_DELIVERIES,
    REPORT_ISSUES,
    state_topic,
)
from topics.input_positions import position_key, topic_of_position
from topics.partition import partition_of

State = Literal["waiting", "parked", "delivered"]


@dataclass(frozen=True, slots=True)
class IssuedReport:
    """One file. `delivered_ms`: when that was said, in broker time; `parked`: why its client is."""

    client: str
    key: str
    report: str
    at: Micros
    rows: int
    control_total: str
    sha256: str
    delivered_ms: int | None = None
    parked: Parked | None = None

    @property
    def state(self) -> State:
        """Return what a person asks first."""
        if self.delivered_ms is not None:
            return "delivered"
        return "waiting" if self.parked is None else "parked"


async def issued_reports(
    broker: Broker, partitions: int, client: str | None = None
) -> list[IssuedReport]:
    """Return the files of all clients, or of one: by window, client, then as they were issued.

    Raises:
        KafkaError: the broker does not give what it has.
    """
    chosen = range(partitions) if client is None else [partition_of(client, partitions)]
    found: list[IssuedReport] = []
    consumer = broker.consumer(None, fetch_max_wait_ms=FETCH_WAIT_MS)
    try:
        await consumer.start()
        for partition in chosen:
            # In this order nothing is missed: what was delivered meanwhile is found then.
            task = await _task(consumer, partition, partitions)
            delivered = await _delivered(consumer, partition)
            uris = {(report.client, report.key) for report in delivered}
            found += delivered
            found += [
                _waiting(file, task.parked.get(file.client))
                for queue in task.queues.values()
                for file in queue.values()
                if (file.client, file.key) not in uris
            ]
    finally:
        await consumer.stop()
    kept = [report for report in found if client in {None, report.client}]
    return sorted(kept, key=lambda report: (report.at, report.client))


async def known_clients(broker: Broker, partitions: int) -> set[str]:
    """Return the codes of all clients that a `ClientUpdated` or an account names.

    Raises:
        KafkaError: the broker does not give what it has.
    """
    found: set[str] = set()

    def note(record: Record) -> None:
        event = read_outside(record, partitions).event
        if isinstance(event, ClientUpdated | AccountUpdated):
            found.add(event.client)

    consumer = broker.consumer(None, fetch_max_wait_ms=FETCH_WAIT_MS)
    try:
        await consumer.start()
        for topic in (CLIENTS, ACCOUNTS):
            for partition in range(partitions):
                await _read(consumer, topic, partition, note)
    finally:
        await consumer.stop()
    return found


async def issued_file(broker: Broker, partitions: int, client: str, key: str) -> IssuedFile | None:
    """Return where a file's content is in `report-issues`, None if it was never issued."""
    partition = partition_of(client, partitions)
    consumer = broker.consumer(None, fetch_max_wait_ms=FETCH_WAIT_MS)
    try:
        await consumer.start()
        task = DeliveryTask(partition, partitions)
        await _apply_issues(consumer, task, 0)
        return task.queues.get(client, {}).get(key)
    finally:
        await consumer.stop()


async def _task(consumer: AIOKafkaConsumer, partition: int, partitions: int) -> DeliveryTask:
    """Return task delivery as it is committed, and all that was issued since applied to it."""
    stored: dict[bytes, bytes] = {}
    state = state_topic(DELIVERY_TASK)
    await _read(consumer, state, partition, lambda record: keep_last(stored, record))
    task = DeliveryTask(partition, partitions)
    for key, value in stored.items():
        if topic_of_position(key) is None:
            task.restore(key, value)
    task.restored()
    await _apply_issues(consumer, task, int(stored.get(position_key(REPORT_ISSUES), b"0")))
    return task


async def _apply_issues(consumer: AIOKafkaConsumer, task: DeliveryTask, start: int) -> None:
    out: Out = []

    def issue(record: Record) -> None:
        for _ in task.apply(task.read(record), out):
            pass
        task.files.clear()

    await _read(consumer, REPORT_ISSUES, task.partition, issue, start)


async def _delivered(consumer: AIOKafkaConsumer, partition: int) -> list[IssuedReport]:
    delivered: list[IssuedReport] = []

    def note(record: Record) -> None:
        event = orjson.loads(record.value or b"")
        report = IssuedReport(
            client=event["client"],
            key=event["uri"].removeprefix(f"s3://{event['client']}/"),
            report=event["report"],
            at=micros(event["event_time"]),
            rows=event["rows"],
            control_total=event["control_total"],
            sha256=event["sha256"],
            delivered_ms=record.appended_ms,
        )
        delivered.append(report)

    await _read(consumer, REPORT_DELIVERIES, partition, note)
    return delivered


def _waiting(file: IssuedFile, parked: Parked | None) -> IssuedReport:
    return IssuedReport(
        client=file.client,
        key=file.key,
        report=file.report,
        at=micros(file.event_time),
        rows=file.rows,
        control_total=file.control_total,
        sha256=file.sha256,
        parked=parked,
    )


async def _read(
    consumer: AIOKafkaConsumer,
    topic: str,
    partition: int,
    took: Callable[[Record], None],
    start: int = 0,
) -> None:
    """Give the committed records of a topic partition to `took`, up to where it ends now."""
    place = TopicPartition(topic, partition)
    consumer.assign([place])
    ends = await consumer.end_offsets([place])
    consumer.seek(place, start)
    await read_to(consumer, ends, lambda fetched: took(as_read(fetched)))
