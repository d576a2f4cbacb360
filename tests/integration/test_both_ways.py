"""The same day, both ways: settled live in step by three workers, and replayed.

Per topic and key the events are the same, ids included. `WindowOpened` depends on partitions, and
so do the place and the time of a dead letter: it bears that of its task partition.
"""

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import TopicPartition

from tests.integration.conftest import PARTITIONS, Kafka
from topics.catalogue import CATALOGUE, DEAD_LETTERS, OUTPUT_TOPICS

pytestmark = pytest.mark.integration

GOLDEN = Path(__file__).parents[1] / "golden"
Events = dict[tuple[str, str], list[dict[str, Any]]]


async def _read(kafka: Kafka) -> Events:
    """Return the events of the output topics by topic and key, in order."""
    events: Events = defaultdict(list)
    consumer = kafka.broker.consumer()
    try:
        await consumer.start()
        places = [TopicPartition(topic, p) for topic in OUTPUT_TOPICS for p in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        for place in places:
            while await consumer.position(place) < ends[place]:
                fetched = await consumer.getmany(place, timeout_ms=1000)
                for record in fetched.get(place, []):
                    event = orjson.loads(record.value)
                    if event["type"] != "WindowOpened":
                        events[place.topic, (record.key or b"").decode()].append(event)
    finally:
        await consumer.stop()
    return events


def _replayed(day: Path) -> Events:
    events: Events = defaultdict(list)
    for topic in OUTPUT_TOPICS:
        for line in (day / "expected" / "topics" / f"{topic}.jsonl").read_bytes().splitlines():
            event = orjson.loads(line)
            if event["type"] != "WindowOpened":
                name = "source_key" if topic == DEAD_LETTERS else CATALOGUE[topic].key
                # A client's own entries of the journal are keyed by the client.
                key = event.get(name) or event.get("client") or ""
                events[topic, key].append(event)
    return events


def _without_places(letters: Events) -> list[tuple[Any, ...]]:
    names = ("source_topic", "source_key", "raw", "reason", "detail")
    return sorted(
        tuple(str(event[name]) for name in names)
        for (topic, _), events in letters.items()
        if topic == DEAD_LETTERS
        for event in events
    )


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_golden_day_settled_live_equals_its_replay(kafka: Kafka) -> None:
    equals_its_replay(kafka, GOLDEN)


def equals_its_replay(kafka: Kafka, day: Path) -> None:
    """Settle a golden day live, by three workers, and compare."""
    for _ in range(3):
        kafka.worker("--no-clock")
    said = kafka.settle("produce", str(day / "day.jsonl"), "--in-step").stdout
    live, replayed = asyncio.run(_read(kafka)), _replayed(day)
    assert _without_places(live) == _without_places(replayed), said
    for events in (live, replayed):
        for key in [key for key in events if key[0] == DEAD_LETTERS]:
            del events[key]
    assert {key: len(found) for key, found in live.items()} == {
        key: len(expected) for key, expected in replayed.items()
    }
    for key, expected in replayed.items():
        assert live[key] == expected, key
    assert _files(kafka.directory / "s3") == _files(day / "expected" / "s3")


def test_an_input_that_was_sent_is_not_sent_twice(kafka: Kafka) -> None:
    before = asyncio.run(_read(kafka))
    assert "were sent before" in kafka.settle("produce", str(GOLDEN / "day.jsonl")).stdout
    assert asyncio.run(_read(kafka)) == before


def test_workers_stop_cleanly_and_in_time(kafka: Kafka) -> None:
    for process in kafka.processes:
        process.terminate()
    assert [process.wait(timeout=10) for process in kafka.processes] == [0, 0, 0], kafka.said()
    assert "ERROR" not in kafka.said()
