"""`settle topics`: the catalogue on a broker, and every difference named."""

import asyncio

import pytest
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.integration.conftest import PARTITIONS, Kafka
from topics.catalogue import CATALOGUE

pytestmark = pytest.mark.integration


def test_what_was_created_is_as_the_catalogue_says(kafka: Kafka) -> None:
    assert f"{len(CATALOGUE)} topics" in kafka.settle("topics", "check").stdout


def test_creating_twice_changes_nothing(kafka: Kafka) -> None:
    said = kafka.settle("topics", "create").stdout
    assert said.startswith(f"0 topics made, {len(CATALOGUE)} were there")


def test_the_list_shows_every_topic_with_its_key(kafka: Kafka) -> None:
    said = kafka.settle("topics", "list").stdout
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines()[1:]}
    assert rows["orders"] == ["account_id", "in", str(PARTITIONS), "1", "delete"]
    assert rows["trading-state"] == ["-", "internal", str(PARTITIONS), "1", "compact"]
    assert set(rows) == set(CATALOGUE)


def test_another_number_of_partitions_is_a_difference_of_every_topic(kafka: Kafka) -> None:
    checked = kafka.settle("topics", "check", check=False, SETTLE_PARTITIONS="8")
    assert checked.returncode == 1
    assert "orders: partitions are 4, wanted 8" in checked.stdout
    assert len(checked.stdout.splitlines()) == len(CATALOGUE)
    assert f"{len(CATALOGUE)} differences" in checked.stderr


@pytest.mark.parametrize("partitions", ["2", "8"])
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["worker"], id="worker"),
        pytest.param(["produce", "README.md"], id="produce"),
        pytest.param(["consume", "cash-calls", "--key", "MARK0002"], id="consume"),
    ],
)
def test_nobody_starts_on_another_number_of_partitions(
    kafka: Kafka, command: list[str], partitions: str
) -> None:
    """Keys would be sent to, or looked for in, other partitions."""
    refused = kafka.settle(*command, check=False, SETTLE_PARTITIONS=partitions)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.endswith(
        f"has 4 partitions, SETTLE_PARTITIONS is {partitions};"
        " settle topics check names every topic that differs"
    )


async def _damage(kafka: Kafka) -> None:
    admin = kafka.broker.admin()
    try:
        await admin.start()
        await admin.delete_topics(["bbo", "journal"])
        await asyncio.sleep(1)
        await admin.create_topics([NewTopic("bbo", PARTITIONS, 1)])
        changed = {"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"}
        resource = ConfigResource(ConfigResourceType.TOPIC, "orders", changed)
        await admin.alter_configs([resource])
    finally:
        await admin.close()


def test_each_difference_is_named_and_only_what_is_missing_is_made(kafka: Kafka) -> None:
    asyncio.run(_damage(kafka))
    said = kafka.settle("topics", "check", check=False).stdout.splitlines()
    assert "journal: is not there" in said
    refused = kafka.settle("worker", check=False)
    assert refused.returncode == 1
    assert refused.stderr == (
        "settle: topic journal is not there; make it with settle topics create\n"
    )
    assert "bbo: message.timestamp.type is CreateTime, wanted LogAppendTime" in said
    assert "bbo: retention.ms is 604800000, wanted -1" in said
    assert "orders: cleanup.policy is compact, wanted delete" in said
    assert kafka.settle("topics", "create").stdout.startswith("1 topics made")


def test_no_broker_is_one_clear_line(kafka: Kafka) -> None:
    refused = kafka.settle("topics", "check", check=False, SETTLE_BROKERS="127.0.0.1:1")
    assert refused.returncode == 1
    assert refused.stderr.startswith("settle: no Kafka at 127.0.0.1:1")
    assert len(refused.stderr.splitlines()) == 1
