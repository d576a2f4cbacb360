"""What a task partition skips, as far as the topics say: settlement/tasks/quarantine.py."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from agents.broker import Broker
from agents.task_state import read_state
from agents.transaction import POSITION
from settlement.tasks.quarantine import (
    Place,
    earlier_readers,
    is_dead_lettered,
    quarantined,
    skip_mark,
)
from settlement.tasks.task import Task
from topics.catalogue import state_topic


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
        for place, why in quarantined(values).items()
        if place[0] in positions and place[1] >= positions[place[0]]
    }
    states: dict[str, dict[bytes, bytes]] = {}
    dead_lettered: dict[Place, bool | None] = {}
    for place in reasons:
        earlier = [reader.name for reader in earlier_readers(kind, place[0])]
        for name in earlier:
            if name not in states:
                of_earlier = TopicPartition(state_topic(name), partition)
                states[name], _ = await read_state(broker, of_earlier)
        position, (mark, _) = POSITION + place[0].encode(), skip_mark(place)
        passed = [
            (int(states[name].get(position, b"0")), mark in states[name]) for name in earlier
        ]
        dead_lettered[place] = is_dead_lettered(place, passed)
    return Skips(reasons, dead_lettered)
