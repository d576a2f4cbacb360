"""A task partition as its state topic has it: the task, its input positions, and what it skips."""

from typing import Any, NamedTuple

from aiokafka import TopicPartition

from agents.broker import Broker
from agents.parking import TaskFailedError
from agents.quarantines import Skips, skips_of
from agents.task_state import keep_last, read_whole
from pipeline.quarantine import SKIPPED
from pipeline.task import Task
from topics.catalogue import QUARANTINES, state_topic
from topics.input_positions import topic_of_position


class Restored(NamedTuple):
    """A task, the offset of its next input in each topic, and how many records were read."""

    task: Task
    positions: dict[str, int]
    skips: Skips
    records: int


async def restore(broker: Broker, kind: type[Task], partition: int, partitions: int) -> Restored:
    """Restore partition number `partition` of `partitions`.

    Raises:
        TaskFailedError: the task cannot be restored from its state.
        StalledError: a transaction in the state topic is not ended in time.
    """
    stored: dict[bytes, bytes] = {}
    quarantines: list[bytes | None] = []

    def took(record: Any) -> None:  # noqa: ANN401 - aiokafka has no types
        if record.topic == QUARANTINES:
            quarantines.append(record.value)
        else:
            keep_last(stored, record)

    topics = (state_topic(kind.name), QUARANTINES)
    records = await read_whole(broker, [TopicPartition(name, partition) for name in topics], took)
    positions = dict.fromkeys(kind.inputs, 0)
    try:
        task = kind(partition, partitions)
        for key, value in stored.items():
            if (topic := topic_of_position(key)) is not None:
                positions[topic] = int(value)
            elif not key.startswith(SKIPPED):
                task.restore(key, value)
        task.restored()
    except Exception as error:
        raise TaskFailedError(None, error) from error
    skips = await skips_of(broker, kind, partition, quarantines, positions)
    return Restored(task, positions, skips, records)
