"""`settle consume` and `settle dump`: what is committed, for a person, a program, a replay."""

import asyncio
import gzip
import signal
import subprocess
from base64 import b64decode
from pathlib import Path

import orjson
import pytest

from tests.integration.conftest import PARTITIONS, SETTLE, Kafka
from topics.partition import partition_of

pytestmark = pytest.mark.integration

ORDERS = [f"ACME{number:04d}" for number in range(6)]


async def _send(kafka: Kafka) -> None:
    producer = kafka.broker.producer()
    await producer.start()
    for account in ORDERS:
        value = orjson.dumps({"type": "OrderSubmitted", "event_id": account, "quantity": "0.5"})
        place = partition_of(account, PARTITIONS)
        await producer.send_and_wait("orders", value, account.encode(), place)
    await producer.send_and_wait("orders", b"{ no JSON \xff", b"ACME0001", 0)
    await producer.send_and_wait("orders", None, b"ACME0001", 1)
    await producer.send_and_wait("orders", b'{"a":  1}', b"ACME0001", 2)
    await producer.stop()
    # What is not committed is not shown.
    hidden = kafka.broker.producer("hidden")
    await hidden.start()
    await hidden.begin_transaction()
    await hidden.send_and_wait("fundings", b'{"type":"Hidden"}', b"ACME0001", 3)
    await hidden.abort_transaction()
    await hidden.stop()


@pytest.fixture(scope="module", autouse=True)
def _sent(kafka: Kafka) -> None:
    asyncio.run(_send(kafka))


def test_events_are_shown_with_place_key_type_and_fields(kafka: Kafka) -> None:
    lines = kafka.settle("consume", "orders").stdout.splitlines()
    assert len(lines) == len(ORDERS) + 3
    line = next(line for line in lines if "ACME0003" in line)
    assert line.endswith("ACME0003 OrderSubmitted quantity=0.5")
    assert f" {partition_of('ACME0003', PARTITIONS)}/0 " in line
    assert sum("no JSON object" in line for line in lines) == 2


def test_one_key_is_read_from_its_partition_alone(kafka: Kafka) -> None:
    said = kafka.settle("consume", "orders", "--key", "ACME0003", "--json").stdout
    assert [orjson.loads(line)["event_id"] for line in said.splitlines()] == ["ACME0003"]


def test_from_the_end_and_from_a_time(kafka: Kafka) -> None:
    assert not kafka.settle("consume", "orders", "--from", "end").stdout
    since = kafka.settle("consume", "orders", "--from", "2020-01-01T00:00:00Z").stdout
    assert len(since.splitlines()) == len(ORDERS) + 3
    assert not kafka.settle("consume", "orders", "--from", "2100-01-01T00:00:00Z").stdout
    assert kafka.settle("consume", "orders", "--from", "noon", check=False).returncode == 2


def test_an_unknown_topic_is_one_clear_line(kafka: Kafka) -> None:
    refused = kafka.settle("consume", "order", check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("settle: no topic 'order'; there are clients, instruments")


@pytest.mark.parametrize("form", ["readable", "--json"])
def test_a_reader_that_has_gone_is_not_told_of_it(kafka: Kafka, form: str) -> None:
    consuming = subprocess.Popen(
        [str(SETTLE), "consume", "orders", *([form] if form == "--json" else [])],
        env=kafka.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert consuming.stdout is not None
    consuming.stdout.close()
    _, said = consuming.communicate(timeout=60)
    assert (consuming.returncode, said) == (1, b"")


def test_following_shows_what_comes_and_ends_with_ctrl_c(kafka: Kafka) -> None:
    following = subprocess.Popen(
        [SETTLE, "consume", "orders", "--from", "beginning", "--follow", "--json"],
        env=kafka.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert following.stdout is not None
    for _ in range(len(ORDERS) + 3):
        assert following.stdout.readline()
    following.send_signal(signal.SIGINT)
    _, said = following.communicate(timeout=60)
    assert (following.returncode, said) == (0, b"")


def test_a_dump_has_every_committed_record_and_its_bytes(kafka: Kafka, tmp_path: Path) -> None:
    kafka.settle("dump", "--out", str(tmp_path / "day.jsonl"))
    lines = [orjson.loads(line) for line in (tmp_path / "day.jsonl").read_bytes().splitlines()]
    orders = [line for line in lines if line["topic"] == "orders"]
    assert lines == orders
    assert [(line["partition"], line["offset"]) for line in orders] == sorted(
        (line["partition"], line["offset"]) for line in orders
    )
    raw = sorted(b64decode(line["raw"]) for line in orders if "raw" in line)
    assert raw == [b"{ no JSON \xff", b'{"a":  1}']
    assert [line["key"] for line in orders if line.get("value", 0) is None] == ["ACME0001"]
    assert {line["append_time"][-1] for line in orders} == {"Z"}


def test_a_packed_dump_is_the_same_and_the_same_again(kafka: Kafka, tmp_path: Path) -> None:
    for name in ("plain", "one.gz", "two.gz"):
        kafka.settle("dump", "--out", str(tmp_path / name))
    packed = (tmp_path / "one.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "plain").read_bytes()
    assert packed == (tmp_path / "two.gz").read_bytes()
    assert kafka.settle("dump", "--out", "-").stdout.encode() == (tmp_path / "plain").read_bytes()


def test_a_folder_that_is_a_file_is_one_clear_line(kafka: Kafka, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = kafka.settle("dump", "--out", str(tmp_path / "file" / "day"), check=False)
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "nothing was written" in refused.stderr
