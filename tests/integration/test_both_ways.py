"""The same day, both ways: settled live in step by three workers, and replayed."""

import asyncio
from pathlib import Path

import pytest

from tests.both_ways import differences, read_live, settled_in, settled_live
from tests.integration.conftest import PARTITIONS, Kafka

pytestmark = pytest.mark.integration

GOLDEN = Path(__file__).parents[1] / "golden"


def test_the_golden_day_settled_live_equals_its_replay(kafka: Kafka) -> None:
    equals_its_replay(kafka, GOLDEN)


def equals_its_replay(kafka: Kafka, day: Path) -> None:
    """Settle a golden day live, by three workers, and compare."""
    for _ in range(3):
        kafka.worker("--no-clock")
    said = kafka.settle("produce", str(day / "day.jsonl"), "--in-step").stdout
    live = settled_live(kafka.broker, PARTITIONS, kafka.directory / "s3")
    assert live.files, said
    assert list(differences(live, settled_in(day / "expected"))) == []


def test_an_input_that_was_sent_is_not_sent_twice(kafka: Kafka) -> None:
    before = asyncio.run(read_live(kafka.broker, PARTITIONS))
    assert "were sent before" in kafka.settle("produce", str(GOLDEN / "day.jsonl")).stdout
    assert asyncio.run(read_live(kafka.broker, PARTITIONS)) == before


def test_workers_stop_cleanly_and_in_time(kafka: Kafka) -> None:
    for process in kafka.processes:
        process.terminate()
    # 0 is in time: a worker that takes longer ends itself with 1, however busy the machine is.
    assert [process.wait(timeout=60) for process in kafka.processes] == [0, 0, 0], kafka.said()
    assert "ERROR" not in kafka.said()
