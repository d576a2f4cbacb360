"""The topics of the catalogue on a real broker: create what is missing, name what differs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from agents.broker import Broker
from topics.catalogue import CATALOGUE, Topic

# With three copies, two must have a record before it is acknowledged: one node may die.
_COPIES_FOR_TWO_IN_SYNC = 3
_TOPIC_ALREADY_EXISTS = 36
# Of a partition without a leader for the moment: not a difference.
_DESCRIBE_FINE = (0, 5)


class TopicRefusedError(Exception):
    """The broker refused a topic; the message says which and why."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the broker has it; None where there is no such topic."""

    topic: Topic
    partitions: int | None
    replication: int | None
    configs: Mapping[str, str]


def wanted_configs(topic: Topic, replication: int) -> dict[str, str]:
    """Return a topic's settings as Kafka names them."""
    return {
        "cleanup.policy": topic.cleanup,
        "retention.ms": str(topic.retention_ms),
        "message.timestamp.type": topic.timestamps,
        "max.message.bytes": str(topic.message_bytes_max),
        "min.insync.replicas": "2" if replication >= _COPIES_FOR_TWO_IN_SYNC else "1",
    }


def differences(state: TopicState, partitions: int, replication: int) -> Iterator[str]:
    """Name every difference between the catalogue and a broker's topic."""
    name = state.topic.name
    if state.partitions is None:
        yield f"{name}: is not there"
        return
    if state.partitions != partitions:
        yield f"{name}: partitions are {state.partitions}, wanted {partitions}"
    if state.replication != replication:
        yield f"{name}: copies are {state.replication}, wanted {replication}"
    for config, wanted in wanted_configs(state.topic, replication).items():
        found = state.configs.get(config)
        if found != wanted:
            yield f"{name}: {config} is {found}, wanted {wanted}"


async def create(broker: Broker, partitions: int, replication: int) -> list[str]:
    """Create the topics that are missing; return their names.

    Raises:
        TopicRefusedError: the broker refused one.
    """
    admin = broker.admin()
    try:
        await admin.start()
        there = set(await admin.list_topics())
        missing = [topic for topic in CATALOGUE.values() if topic.name not in there]
        if not missing:
            return []
        answer = await admin.create_topics(
            [
                NewTopic(
                    topic.name,
                    partitions,
                    replication,
                    topic_configs=wanted_configs(topic, replication),
                )
                for topic in missing
            ]
        )
        for name, code, *said in answer.topic_errors:
            if code not in {0, _TOPIC_ALREADY_EXISTS}:
                reason = (said[0] if said else None) or for_code(code).__name__
                raise TopicRefusedError(f"topic {name}: {reason}")
        return [topic.name for topic in missing]
    finally:
        await admin.close()


async def states(broker: Broker) -> list[TopicState]:
    """Return every topic of the catalogue as the broker has it."""
    admin = broker.admin()
    try:
        await admin.start()
        return await _states(admin)
    finally:
        await admin.close()


async def _states(admin: AIOKafkaAdminClient) -> list[TopicState]:
    there = set(await admin.list_topics())
    names = [name for name in CATALOGUE if name in there]
    described = {
        found["topic"]: found["partitions"]
        for found in (await admin.describe_topics(names) if names else [])
        if found["error_code"] in _DESCRIBE_FINE
    }
    configs: dict[str, dict[str, str]] = {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    for answer in await admin.describe_configs(resources) if names else []:
        for _, _, _, name, entries in answer.resources:
            configs[name] = {entry[0]: entry[1] for entry in entries}
    result = []
    for name, topic in CATALOGUE.items():
        parts = described.get(name)
        if parts is None:
            result.append(TopicState(topic, None, None, {}))
        else:
            copies = min((len(part["replicas"]) for part in parts), default=0)
            result.append(TopicState(topic, len(parts), copies, configs.get(name, {})))
    return result
