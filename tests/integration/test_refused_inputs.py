"""A day whose first and last inputs are dead-lettered for their state, live and replayed.

Both start and move time as other inputs do (contract section 1), and windows lie beside them.
"""

from pathlib import Path

import orjson
import pytest

from tests.both_ways import differences, settled_in, settled_live
from tests.integration.conftest import PARTITIONS, Kafka
from tests.simulation.test_tasks import World
from topics.catalogue import EXECUTIONS

pytestmark = pytest.mark.integration

ACCOUNT = "ACME0001"


def day(path: Path) -> None:
    """Write a day from 14:59:59 to 23:00:01 UTC: 08:59:59 to 17:00:01 in Chicago."""
    world = World([ACCOUNT])
    world.deposit("NOBODY00", "D0", "14:59:59")
    world.tick("18:00:00")
    world.buy(ACCOUNT, "o1", "18:00:01")
    world.deposit(ACCOUNT, "D1", "18:00:02")
    world.account(ACCOUNT, "23:00:01", client="BETA")
    lines = [orjson.dumps({"topic": line.topic, "value": line.value}) for line in world.lines]
    path.write_bytes(b"\n".join(lines) + b"\n")


def test_a_day_between_two_refused_inputs_equals_its_replay(kafka: Kafka, tmp_path: Path) -> None:
    """The net of 09:00 closes, and the retry of 17:00 settles the call, both ways."""
    day(tmp_path / "day.jsonl")
    kafka.settle("replay", str(tmp_path / "day.jsonl"), "--out", str(tmp_path / "out"))
    kafka.worker("--no-clock")
    kafka.settle("produce", str(tmp_path / "day.jsonl"), "--in-step")
    live = settled_live(kafka.broker, PARTITIONS, kafka.directory / "s3")
    replayed = settled_in(tmp_path / "out")
    assert list(differences(live, replayed)) == []
    opened = [
        event["scheduled_at"][11:16]
        for text in (tmp_path / "out" / "topics" / f"{EXECUTIONS}.jsonl").read_bytes().splitlines()
        if (event := orjson.loads(text))["type"] == "WindowOpened"
    ]
    assert opened == ["15:00", "15:30", "22:30", "22:40", "23:00"]
    assert len(replayed.letters) == 2
    assert "no difference" in kafka.settle("verify").stdout
