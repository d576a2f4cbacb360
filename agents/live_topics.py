"""Read all live topics once, up to where they end now, for an audit."""

from collections.abc import Callable, Iterable

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError

from agents.broker import Broker
from agents.task_state import read_to
from agents.topics import states
from pipeline.task import Record
from topics.catalogue import CATALOGUE, PRODUCE, TASK_LOG, state_topic

_LAST_FETCH_MS = 20
# How far inputs were sent is no part of the pipeline.
PIPELINE_TOPICS = tuple(name for name in CATALOGUE if name != state_topic(PRODUCE))


class UnverifiableTopicsError(Exception):
    """The topics can't be audited, whatever is in them; the message says why."""


async def read_live(
    broker: Broker, took: Callable[[Record], None], names: Iterable[str] = PIPELINE_TOPICS
) -> int:
    """As `read_records`; give each record as a task reads it."""
    return await read_records(broker, lambda fetched: took(as_read(fetched)), names)


def as_read(fetched: ConsumerRecord) -> Record:
    """Return what a task reads of a record: all but its headers."""
    return Record(
        fetched.topic,
        fetched.partition,
        fetched.offset,
        fetched.timestamp,
        fetched.key,
        fetched.value,
    )


async def read_records(
    broker: Broker, took: Callable[[ConsumerRecord], None], names: Iterable[str]
) -> int:
    """Give every committed record of some topics to `took`; return the partition count.

    The end of `task-log` is looked at first: what it says was applied is there in all other topics,
    and they may go on behind it.

    Raises:
        UnverifiableTopicsError: the beginning of a topic partition is gone.
        UnknownTopicOrPartitionError: a topic of the catalogue is not there.
        StalledError: the broker does not give what it has.
    """
    partitions = await _partitions(broker)
    places = [TopicPartition(name, partition) for name in names for partition in range(partitions)]
    # Each change of partitions waits for the fetch before it, which waits for data so long.
    consumer = broker.consumer(None, fetch_max_wait_ms=_LAST_FETCH_MS)
    try:
        await consumer.start()
        log = [place for place in places if place.topic == TASK_LOG]
        ends: dict[TopicPartition, int] = dict(await consumer.end_offsets(log))
        ends |= await consumer.end_offsets([place for place in places if place not in ends])
        for place, begin in (await consumer.beginning_offsets(places)).items():
            if begin and CATALOGUE[place.topic].cleanup == "delete":
                raise UnverifiableTopicsError(
                    f"{place.topic}-{place.partition} begins at offset {begin}: what was before it"
                    " is deleted and can't be verified"
                )
        for place in (place for place in places if ends[place]):  # a change of partitions is slow
            consumer.assign([place])
            consumer.seek(place, 0)
            await read_to(consumer, {place: ends[place]}, took)
        return partitions
    finally:
        await consumer.stop()


async def _partitions(broker: Broker) -> int:
    """Return how many partitions every topic has."""
    counts: set[int] = set()
    for state in await states(broker):
        if state.partitions is None:
            raise UnknownTopicOrPartitionError(state.topic.name)
        counts.add(state.partitions)
    if len(counts) != 1:
        raise UnverifiableTopicsError(
            "topics have different partition counts; settle topics check names them"
        )
    return counts.pop()
