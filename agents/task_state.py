"""A partition of a state topic, read back: what a task knew, or how far inputs were sent."""

import time

from aiokafka import TopicPartition

from agents.broker import Broker
from agents.deadlines import START_SECONDS, StalledError, closed, within

# Longer than a dead producer's transaction stays open.
UNENDED_SECONDS = 30.0


async def read_state(broker: Broker, place: TopicPartition) -> tuple[dict[bytes, bytes], int]:
    """Return the last value of each key of a state partition, and how many records were read.

    It is read to the end of all that was ever sent there, committed or not. What is committed ends
    before a transaction that is open, and the fence has left none of ours: what is not ended yet is
    another's, or Kafka has lost its mark (docs/decisions/0018), and what comes behind is ours.

    Raises:
        StalledError: a transaction in it is not ended in time.
    """
    stored: dict[bytes, bytes] = {}
    records = 0
    end = await _sent_end(broker, place)
    consumer = broker.consumer(None)
    try:
        await within(START_SECONDS, consumer.start(), f"reading {place.topic}")
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        reached, until = -1, 0.0
        # Control records occupy offsets, so a position is waited for, not a record.
        while (at := await consumer.position(place)) < end:
            if at > reached:
                reached, until = at, time.monotonic() + UNENDED_SECONDS
            elif time.monotonic() > until:
                raise StalledError(
                    f"{place.topic}-{place.partition}: Kafka says neither that the transaction at"
                    f" offset {at} is committed nor that it is not; see docs/operations.md"
                )
            fetched = await within(
                START_SECONDS, consumer.getmany(place, timeout_ms=500), f"reading {place.topic}"
            )
            for record in fetched.get(place, []):
                records += 1
                if record.value is None:
                    stored.pop(record.key, None)
                else:
                    stored[record.key] = record.value
    finally:
        await closed(consumer)
    return stored, records


async def _sent_end(broker: Broker, place: TopicPartition) -> int:
    """Return the offset behind all that was sent to a partition, committed or not."""
    asking = broker.consumer(None, isolation_level="read_uncommitted")
    try:
        await within(START_SECONDS, asking.start(), f"asking where {place.topic} ends")
        end: int = (await asking.end_offsets([place]))[place]
        return end
    finally:
        await closed(asking)
