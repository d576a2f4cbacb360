"""Quarantines on Kafka: written by `settle quarantine`, read by each task partition.

Which record is skipped by whom, and who dead-letters it: pipeline/quarantine.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException

from agents.broker import Broker, started
from agents.task_state import read_state, read_whole
from pipeline.quarantine import (
    Place,
    earlier_readers,
    is_dead_lettered,
    quarantined,
    record_quarantined,
    skip_mark,
)
from pipeline.task import Task
from topics.catalogue import QUARANTINES, state_topic
from topics.input_positions import position_key


@dataclass(frozen=True, slots=True)
class Skips:
    """The quarantined records that a task partition has not passed yet."""

    reasons: Mapping[Place, str] = field(default_factory=dict)
    # Whether an earlier task dead-letters each of them; None: not known yet.
    dead_lettered: Mapping[Place, bool | None] = field(default_factory=dict)


async def skips_of(
    broker: Broker,
    kind: type[Task],
    partition: int,
    values: Iterable[bytes | None],
    positions: Mapping[str, int],
) -> Skips:
    """Return what a task partition skips, given the records of `quarantines` and its positions.

    The states of earlier tasks are read only where that decides who emits a dead letter.

    Raises:
        StalledError: a transaction in such a state is not ended in time.
    """
    reasons = {
        place: why
        for place, why in quarantined(values, partition).items()
        if place[0] in positions and place[1] >= positions[place[0]]
    }
    states: dict[str, dict[bytes, bytes]] = {}
    dead_lettered: dict[Place, bool | None] = {}
    for place in reasons:
        earlier = earlier_readers(kind.name, place[0])
        for name in earlier:
            if name not in states:
                of_earlier = TopicPartition(state_topic(name), partition)
                states[name], _ = await read_state(broker, of_earlier)
        position, (mark, _) = position_key(place[0]), skip_mark(place)
        passed = [(int(states[name].get(position, b"0")), mark in states[name]) for name in earlier]
        dead_lettered[place] = is_dead_lettered(place, passed)
    return Skips(reasons, dead_lettered)


class NoSuchRecordError(Exception):
    """There is no committed record at an offset; the message names the place."""


async def quarantine_record(
    broker: Broker, topic: str, partition: int, offset: int, why: str
) -> str | None:
    """Quarantine a record; return the reason if it was quarantined before, and write nothing.

    Raises:
        NoSuchRecordError: there is no such record.
        StalledError: a transaction in `quarantines` is not ended in time.
    """
    await _demand_record(broker, TopicPartition(topic, partition), offset)
    values: list[bytes | None] = []
    to = TopicPartition(QUARANTINES, partition)
    await read_whole(broker, [to], lambda record: values.append(record.value))
    before = quarantined(values, partition).get((topic, offset))
    if before is not None:
        return before
    event = record_quarantined(topic, partition, offset, why)
    producer = await started(broker.producer())
    try:
        await producer.send_and_wait(
            QUARANTINES, orjson.dumps(event), event["event_id"].encode(), partition
        )
    finally:
        await producer.stop()
    return None


async def _demand_record(broker: Broker, place: TopicPartition, offset: int) -> None:
    """Find a record. Its content does not matter: it may be unreadable."""
    name = f"{place.topic}-{place.partition}"
    consumer = await started(broker.consumer())
    try:
        consumer.assign([place])
        begin = (await consumer.beginning_offsets([place]))[place]
        end = (await consumer.end_offsets([place]))[place]
        if not begin <= offset < end:
            raise NoSuchRecordError(
                f"{name} has no record at offset {offset}: its committed records are at offsets"
                f" {begin} to {end - 1}"
                if begin < end
                else f"{name} has no committed record"
            )
        consumer.seek(place, offset)
        while await consumer.position(place) <= offset:
            try:
                fetched = await consumer.getmany(place, timeout_ms=500, max_records=1)
            except (CorruptRecordException, UnicodeDecodeError):
                return  # aiokafka cannot decode it, so it is there
            if any(record.offset == offset for record in fetched.get(place, [])):
                return
            if fetched:
                break
        raise NoSuchRecordError(
            f"{name} has no record at offset {offset}: a marker of a transaction, or a record that"
            " was aborted, is there"
        )
    finally:
        await consumer.stop()
