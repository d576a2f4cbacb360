"""State topics, restored: what a task knew, or how many lines of an input were sent."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.broker import RECORDS_PER_FETCH_MAX, Broker
from agents.deadlines import START_SECONDS, StalledError, closed, within

# Longer than a dead producer's transaction stays open.
UNENDED_SECONDS = 30.0


async def read_state(broker: Broker, place: TopicPartition) -> tuple[dict[bytes, bytes], int]:
    """Return the last value of each key of a state partition, and how many records were read.

    Raises:
        StalledError: see `read_whole`.
    """
    stored: dict[bytes, bytes] = {}
    records = await read_whole(broker, [place], lambda record: keep_last(stored, record))
    return stored, records


def keep_last(stored: dict[bytes, bytes], record: Any) -> None:  # noqa: ANN401 - aiokafka has no types
    """Apply a record of a compacted topic to the last value of each key."""
    if record.value is None:
        stored.pop(record.key, None)
    else:
        stored[record.key] = record.value


async def read_whole(
    broker: Broker, places: Sequence[TopicPartition], took: Callable[[Any], None]
) -> int:
    """Give every committed record of some partitions to `took`; return how many there were.

    They are read to the end of all that was ever sent there, committed or not. What is committed
    ends before a transaction that is open, and the fence has left none of ours: what is not ended
    yet is another's, or Kafka has lost its mark (docs/decisions/0018), and what comes behind is
    ours.

    Raises:
        StalledError: a transaction in one of them is not ended in time.
    """
    ends = await _sent_ends(broker, places)
    consumer = broker.consumer(None)
    try:
        await within(START_SECONDS, consumer.start(), f"reading {places[0].topic}")
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        return await read_to(consumer, ends, took)
    finally:
        await closed(consumer)


async def read_to(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], took: Callable[[Any], None]
) -> int:
    """Give every committed record before the offsets `ends` to `took`; return how many there were.

    The consumer is assigned these partitions, and stands where reading begins.

    Raises:
        StalledError: a transaction before an end is not ended in time, or the broker is silent.
    """
    records = 0
    reached, until = -1, 0.0
    # Control records occupy offsets, so a position is waited for, not a record.
    while behind := {
        place: at for place, end in ends.items() if (at := await consumer.position(place)) < end
    }:
        if sum(behind.values()) != reached:
            reached, until = sum(behind.values()), time.monotonic() + UNENDED_SECONDS
        elif time.monotonic() > until:
            place, at = next(iter(behind.items()))
            raise StalledError(
                f"{place.topic}-{place.partition}: Kafka says neither that the transaction at"
                f" offset {at} is committed nor that it is not; see docs/operations.md"
            )
        fetched = await within(
            START_SECONDS,
            consumer.getmany(*behind, timeout_ms=500, max_records=RECORDS_PER_FETCH_MAX),
            f"reading {next(iter(behind)).topic}",
        )
        for place, found in fetched.items():
            for record in found:
                if record.offset < ends[place]:
                    records += 1
                    took(record)
    return records


async def _sent_ends(broker: Broker, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """Return the offsets behind all that was sent to partitions, committed or not."""
    asking = broker.consumer(None, isolation_level="read_uncommitted")
    try:
        await within(START_SECONDS, asking.start(), f"asking where {places[0].topic} ends")
        ends: dict[TopicPartition, int] = await asking.end_offsets(places)
        return ends
    finally:
        await closed(asking)
