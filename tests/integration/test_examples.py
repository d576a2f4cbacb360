"""docs/examples: what other people's programs send is read, and they read what is committed."""

import asyncio
import json
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from schemas.event import Input
from tests.integration.conftest import PARTITIONS, Kafka
from topics.catalogue import FUNDINGS, ORDER_UPDATES, ORDERS
from topics.decode import decode
from topics.partition import partition_of

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SECONDS_MAX = 60  # for one program, on a busy machine


def an_account() -> str:
    """Return an account for which CRC32, librdkafka's habit, picks another partition than ours."""
    while True:
        account_id = uuid4().hex[:8].upper()
        crc32 = zlib.crc32(account_id.encode()) % PARTITIONS
        if crc32 != partition_of(account_id, PARTITIONS):
            return account_id


async def records_of(kafka: Kafka, topic: str, account_id: str) -> list[ConsumerRecord[Any, Any]]:
    found: list[ConsumerRecord[Any, Any]] = []
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    async with kafka.broker.consumer() as consumer:
        consumer.assign(places)
        for place, end in (await consumer.end_offsets(places)).items():
            while await consumer.position(place) < end:
                found += (await consumer.getmany(place, timeout_ms=500)).get(place, [])
    return [record for record in found if record.key == account_id.encode()]


@pytest.mark.parametrize(
    ("program", "topic", "arguments"),
    [
        pytest.param("produce_aiokafka.py", ORDERS, ["o-1"], id="aiokafka"),
        pytest.param("produce_confluent.py", FUNDINGS, ["f-1", "650.00"], id="confluent"),
    ],
)
def test_what_is_produced_lies_in_its_partition_and_is_read(
    kafka: Kafka, program: str, topic: str, arguments: list[str]
) -> None:
    for _ in range(3):
        account_id = an_account()
        subprocess.run(
            [sys.executable, EXAMPLES / program, account_id, *arguments],
            env=kafka.environment(),
            check=True,
            timeout=SECONDS_MAX,
        )
        (record,) = asyncio.run(records_of(kafka, topic, account_id))
        assert record.key == account_id.encode()
        assert record.partition == partition_of(account_id, PARTITIONS)
        assert isinstance(decode(topic, json.loads(record.value)), Input)


@pytest.mark.parametrize("program", ["consume_aiokafka.py", "consume_confluent.py"])
def test_what_is_consumed_was_committed(kafka: Kafka, program: str) -> None:
    account_id = an_account()
    asyncio.run(emit(kafka, account_id))
    with subprocess.Popen(
        [sys.executable, EXAMPLES / program, f"reader-{account_id}"],
        env=kafka.environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        end = threading.Timer(SECONDS_MAX, reader.kill)
        end.start()
        found = []
        assert reader.stdout is not None
        for line in reader.stdout:
            key, _, value = line.partition(" ")
            if key == account_id:
                found.append(json.loads(value)["event_id"])
            if found[-1:] == ["last"]:
                break
        end.cancel()
        reader.kill()
    assert found == ["first", "last"]


async def emit(kafka: Kafka, account_id: str) -> None:
    """Send three events in a transaction each; the second is taken back."""
    async with kafka.broker.producer(f"examples-{account_id}") as producer:
        for event_id in ("first", "taken back", "last"):
            await producer.begin_transaction()
            value = json.dumps({"event_id": event_id}).encode()
            await producer.send_and_wait(ORDER_UPDATES, value, account_id.encode())
            if event_id == "taken back":
                await producer.abort_transaction()
            else:
                await producer.commit_transaction()
