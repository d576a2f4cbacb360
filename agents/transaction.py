"""One transaction of a task partition: what a batch of inputs causes, all of it committed or none.

It holds events, changed state, input positions, and in `task-log` which inputs were applied in
which order, and which of them were skipped: from that `settle verify` refolds the partition.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownError,
    UnsupportedForMessageFormatError,
)

from pipeline.quarantine import skip_mark
from pipeline.task import Record, Task, address
from settlement.cause import Out, fields
from topics.catalogue import OUTPUT_TOPICS, TASK_LOG, state_topic
from topics.cloud_events import headers
from topics.input_positions import position_key

# What other programs read bears CloudEvents headers (contract section 1).
_PUBLISHED = frozenset(OUTPUT_TOPICS)
# What a record takes beside its key and its value, about.
_RECORD_BYTES = 100
# What a broker answers to a record that it does not accept. Codes that aiokafka does not know, such
# as INVALID_RECORD, are UnknownError. Any other error of Kafka is about the broker or the producer.
_REJECTIONS = (
    CorruptRecordException,
    InvalidTimestampError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownError,
    UnsupportedForMessageFormatError,
)


class RejectedError(Exception):
    """The broker does not accept a record; the message names the topic partition."""


class Transaction:
    """Gathers what is caused, and commits it once; then the next one is another."""

    def __init__(self, producer: AIOKafkaProducer, name: str, partition: int) -> None:
        """Take the task's name, and the transactional producer of its partition."""
        self._producer = producer
        self._name = name
        self._partition = partition
        self._source = f"/settle/{name}"
        self._batches: dict[tuple[str, int], list[Any]] = {}
        self._positions: dict[str, int] = {}
        # Inputs in the order in which they were applied: topic, first offset, how many in a row.
        self._spans: list[list[Any]] = []
        # Of these, the quarantined ones: topic and offset.
        self._skipped: list[tuple[str, int]] = []
        self.inputs = 0
        self.events = 0
        self.bytes = 0

    def say(self, task: Task, out: Out) -> None:
        """Take events; `out` is empty then."""
        for topic, key, said in out:
            # What was put into words where it was decided is sent as it is.
            value = said.encode() if isinstance(said, str) else orjson.dumps(said)
            about = headers(fields(said), self._source) if topic in _PUBLISHED else None
            to = address(topic, key, said, task)
            for partition in to.partitions:
                self._append(topic, partition, to.key, value, about)
        self.events += len(out)
        out.clear()

    def applied(self, record: Record, *, skipped: bool = False) -> None:
        """Take an input as applied, all of it; `skipped`: it is quarantined."""
        if skipped:
            self._skipped.append((record.topic, record.offset))
        self._positions[record.topic] = record.offset + 1
        if self._spans and self._spans[-1][0] == record.topic:
            self._spans[-1][2] += 1
        else:
            self._spans.append([record.topic, record.offset, 1])
        self.inputs += 1

    def reached(self) -> dict[str, int]:
        """Return the offset of the last input of each topic."""
        return {topic: position - 1 for topic, position in self._positions.items()}

    def complete(self, task: Task) -> None:
        """Take what else belongs to it: the task's changed state, positions, the task-log."""
        state = state_topic(self._name)
        for key, value in task.changes():
            self._append(state, self._partition, key, value)
        for topic, position in self._positions.items():
            self._append(state, self._partition, position_key(topic), b"%d" % position)
        for place in self._skipped:
            self._append(state, self._partition, *skip_mark(place))
        if self._spans:
            applied = {"task": self._name, "partition": self._partition, "spans": self._spans}
            if self._skipped:
                applied["skipped"] = self._skipped
            self._append(TASK_LOG, self._partition, None, orjson.dumps(applied))

    async def commit(self) -> None:
        """Send all of it and commit.

        Raises:
            RejectedError: the broker does not accept a record.
            KafkaError: it may be committed or not; only who reads back after the next fence knows.
        """
        rejected: RejectedError | None = None
        try:
            async with self._producer.transaction():
                sent: dict[asyncio.Future[Any], str] = {}
                for (topic, partition), batches in self._batches.items():
                    for batch in batches:
                        batch.close()
                        future = await self._producer.send_batch(batch, topic, partition=partition)
                        # If a later batch cannot be sent, this future is never awaited.
                        future.add_done_callback(_seen)
                        sent[future] = f"{topic}-{partition}"
                try:
                    # A commit succeeds although a batch of it was rejected: every future must have
                    # come.
                    await asyncio.gather(*sent)
                except _REJECTIONS as error:
                    rejected = _rejected(sent, error)
                    raise
        except Exception as error:
            if rejected is not None:
                raise rejected from error  # also if the abort failed
            raise

    def _append(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        about: list[tuple[str, bytes]] | None = None,
    ) -> None:
        about = about or []  # aiokafka takes a list, no tuple and no None
        batches = self._batches.get((topic, partition))
        if batches is None:
            batches = self._batches[topic, partition] = [self._producer.create_batch()]
        # A full batch says so by returning None, silently otherwise (docs/decisions/0008).
        if batches[-1].append(timestamp=None, key=key, value=value, headers=about) is None:
            batch = self._producer.create_batch()
            if batch.append(timestamp=None, key=key, value=value, headers=about) is None:
                raise AssertionError(f"{topic}: a record of {len(value or b'')} bytes fits nowhere")
            batches.append(batch)
        self.bytes += len(value or b"") + len(key or b"") + _RECORD_BYTES


def _rejected(sent: Mapping[asyncio.Future[Any], str], error: KafkaError) -> RejectedError:
    """Name the topic partition that rejected its batch."""
    place = next(
        (
            place
            for future, place in sent.items()
            if future.done() and not future.cancelled() and future.exception() is error
        ),
        "the broker",
    )
    return RejectedError(f"{place} does not accept a record: {error}")


def _seen(future: asyncio.Future[Any]) -> None:
    """Look at what a future ended with; a gather that awaits it raises it all the same."""
    if not future.cancelled():
        future.exception()
