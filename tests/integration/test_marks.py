"""The broker that we pin ends every transaction everywhere (docs/decisions/0018).

A transaction is ended by a mark in each partition that it wrote to. Where a partition has no leader
in that moment its mark has to wait; Kafka 4.2 to 4.4 leave it out instead, for ever.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError

from agents.broker import Broker
from scripts.local_kafka import LocalKafka, cluster
from tests.chaos.transactions import transactions
from tests.integration.conftest import has_docker

pytestmark = [pytest.mark.integration, pytest.mark.slow]

_PATIENCE_SECONDS = 40.0
_HERE, _GONE = TopicPartition("here", 0), TopicPartition("gone", 0)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[LocalKafka]]:
    """Three nodes: one can be gone, and they still agree that it is."""
    if has_docker():
        pytest.skip("the broker runs in a container, with an image of its own")
    nodes = cluster(tmp_path, 3)
    try:
        for node in nodes:
            node.launch()
        for node in nodes:
            node.wait()
        yield nodes
    finally:
        for node in nodes:
            node.kill()


def test_a_transaction_ends_in_a_partition_that_had_no_leader(nodes: list[LocalKafka]) -> None:
    broker = Broker(",".join(node.address for node in nodes))

    async def committed(place: TopicPartition) -> int:
        consumer = broker.consumer()
        try:
            await consumer.start()
            end: int = (await consumer.end_offsets([place]))[place]
            return end
        finally:
            await consumer.stop()

    async def run() -> None:
        async with asyncio.timeout(3 * _PATIENCE_SECONDS):
            producer = broker.producer("a-task-0")
            await producer.start()
            (coordinator,) = [
                node
                for node in nodes
                if "a-task-0" in await asyncio.to_thread(transactions, node.address)
            ]
            gone, here = [node for node in nodes if node is not coordinator]
            admin = broker.admin()
            await admin.start()
            await admin.create_topics(
                [
                    NewTopic(place.topic, -1, -1, replica_assignments={0: [node.node]})
                    for place, node in ((_HERE, here), (_GONE, gone))
                ]
            )
            await admin.close()
            await producer.begin_transaction()
            for place in (_HERE, _GONE):
                await producer.send_and_wait(place.topic, b"1", partition=place.partition)
            gone.kill()
            await _has_no_leader(Broker(coordinator.address), _GONE)
            await producer.commit_transaction()
            while await committed(_HERE) < 2:
                await asyncio.sleep(0.1)
            await asyncio.to_thread(gone.start)
            # Its record, and the mark.
            while await committed(_GONE) < 2:
                await asyncio.sleep(0.2)
            await producer.stop()

    asyncio.run(run())


async def _has_no_leader(broker: Broker, place: TopicPartition) -> None:
    """Wait until a partition's leader is known to be gone."""
    leader = 0
    while leader != -1:
        admin = broker.admin()
        # It may ask the one that is gone.
        with contextlib.suppress(KafkaError):
            await admin.start()
            (topic,) = await admin.describe_topics([place.topic])
            leader = topic["partitions"][place.partition]["leader"]
        await admin.close()
        await asyncio.sleep(0.2)
