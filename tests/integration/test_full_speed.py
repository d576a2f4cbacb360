"""A live run at full speed, dumped and replayed as recorded: the same bytes as its topics."""

import time
from collections import defaultdict
from pathlib import Path

import orjson
import pytest

from tests.integration.conftest import Kafka
from topics.catalogue import OUTPUT_TOPICS

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ANSWERED_SECONDS = 240


def test_what_three_workers_settled_flat_out_is_replayed_to_the_same_bytes(
    kafka: Kafka, tmp_path: Path
) -> None:
    day, dump, out = (str(tmp_path / name) for name in ("day.jsonl", "dump.jsonl.gz", "out"))
    for _ in range(3):
        kafka.worker("--no-clock")
    kafka.settle("generate", "--seed", "5", "--accounts", "40", "--hours", "24", "--out", day)
    kafka.settle("produce", day, "--flat-out")
    deadline = time.monotonic() + ANSWERED_SECONDS
    while (verified := kafka.settle("verify", check=False)).returncode:
        assert "inputs unanswered" in verified.stderr, verified.stderr
        assert time.monotonic() < deadline, verified.stderr + kafka.said()
        time.sleep(1)

    kafka.settle("dump", "--out", dump)
    kafka.settle("replay", "--recorded", dump, "--out", out)
    recorded = _values(kafka, tmp_path)
    assert recorded["executions"], "nothing was executed"
    for topic in OUTPUT_TOPICS:
        replayed = (Path(out) / "topics" / f"{topic}.jsonl").read_bytes().splitlines()
        assert replayed == recorded[topic], topic
    replayed_files = _files(Path(out) / "s3")
    assert replayed_files
    assert replayed_files == _files(kafka.directory / "s3")
    assert "no difference" in kafka.settle("verify", out).stdout


def _values(kafka: Kafka, directory: Path) -> dict[str, list[bytes]]:
    """Return what is in each topic now, partition by partition."""
    plain = directory / "again.jsonl"
    kafka.settle("dump", "--out", str(plain))
    found: dict[str, list[tuple[int, int, bytes]]] = defaultdict(list)
    for line in plain.read_bytes().splitlines():
        record = orjson.loads(line)
        found[record["topic"]].append(
            (record["partition"], record["offset"], orjson.dumps(record["value"]))
        )
    return {topic: [value for *_, value in sorted(found[topic])] for topic in OUTPUT_TOPICS}


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.csv")}
