"""`settle verify` on live topics: no difference behind workers that were killed, damage is named.

The tests of this module follow each other on one broker: each leaves its damage to the next.
"""

import asyncio
import re
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from pipeline.task import Record
from replay.read import read_inputs
from tests.golden.renew import DAY
from tests.integration.conftest import PARTITIONS, Kafka
from tests.pipeline_in_memory import PipelineInMemory, Told, told_of
from topics.catalogue import CLOCK, FUNDINGS, JOURNAL, state_topic

pytestmark = [pytest.mark.integration, pytest.mark.slow]

GOLDEN = list(told_of(read_inputs([str(DAY)])))
QUIET_SECONDS = 90


async def send(kafka: Kafka, records: Iterable[Record]) -> None:
    """Send records one after the other, as they are."""
    producer = kafka.broker.producer()
    try:
        await producer.start()
        for record in records:
            await producer.send_and_wait(
                record.topic, record.value, key=record.key, partition=record.partition
            )
    finally:
        await producer.stop()


async def last(kafka: Kafka, topic: str, prefix: bytes = b"") -> Record:
    """Return the last record of a topic whose key has a prefix."""
    found = None
    consumer = kafka.broker.consumer()
    try:
        await consumer.start()
        places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        for place in places:
            while await consumer.position(place) < ends[place]:
                for records in (await consumer.getmany(place, timeout_ms=500)).values():
                    for r in records:
                        if (r.key or b"").startswith(prefix) and r.value is not None:
                            found = Record(topic, r.partition, r.offset, 0, r.key, r.value)
    finally:
        await consumer.stop()
    assert found is not None
    return found


def keyed(told: Iterable[Told]) -> list[Record]:
    """Return inputs as records, in their partitions."""
    pipeline = PipelineInMemory(PARTITIONS)
    records = []
    for topic, value, raw in told:
        pipeline.send(topic, value, raw)
        records += [record for log in pipeline.log.values() for record in log]
        pipeline.log.clear()
    return records


def clock(at: str) -> list[Record]:
    value = {"type": "ClockTicked", "event_id": f"clock-{at}", "event_time": at, "at": at}
    return [Record(CLOCK, p, 0, 0, None, orjson.dumps(value)) for p in range(PARTITIONS)]


def test_killed_workers_leave_no_difference(kafka: Kafka) -> None:
    first = kafka.worker("--no-clock")
    asyncio.run(send(kafka, clock("2026-03-07T13:30:00Z") + keyed(GOLDEN[:60])))
    first.send_signal(signal.SIGKILL)
    second = kafka.worker("--no-clock")
    asyncio.run(send(kafka, keyed(GOLDEN[60:75])))
    third = kafka.worker("--no-clock", "--task", "settlement", "--task", "client-books")
    asyncio.run(send(kafka, keyed(GOLDEN[75:])))
    going_on = kafka.settle("verify", "--running")
    assert "no difference" in going_on.stdout
    second.send_signal(signal.SIGKILL)
    kafka.worker("--no-clock")
    for at in ("2026-03-08T01:30:00Z", "2026-03-09T15:00:00Z"):
        asyncio.run(send(kafka, clock(at)))
    deadline = time.monotonic() + QUIET_SECONDS
    while True:
        done = kafka.settle("verify", check=False)
        if done.returncode == 0:
            break
        # Until all is applied, nothing but that is said.
        assert "inputs unanswered: " in done.stderr, done.stderr
        assert time.monotonic() < deadline, done.stderr + kafka.said()
        time.sleep(0.5)
    shown = dict(line.rsplit(None, 1) for line in done.stdout.splitlines()[1:])
    shown = {name.strip(): value for name, value in shown.items()}
    assert shown["task partitions refolded"] == shown["states compared"] == str(5 * PARTITIONS)
    assert shown["inputs"] == str(len(GOLDEN) + 3 * PARTITIONS)
    assert shown["inputs unanswered"] == "0"
    assert int(shown["files"]) >= 16
    assert re.search(r"money in the FBO +\d,\d{3}\.\d\d USD\b", done.stdout)
    assert third.poll() is None
    for process in kafka.processes:
        process.kill()
        process.wait()


def verify_names(kafka: Kafka, *words: str) -> None:
    done = kafka.settle("verify", check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def test_a_dump_of_the_topics_replays_to_the_same_files(kafka: Kafka, tmp_path: Path) -> None:
    kafka.settle("dump", "--out", str(tmp_path / "dump.jsonl.gz"))
    out = tmp_path / "out"
    kafka.settle("replay", "--recorded", str(tmp_path / "dump.jsonl.gz"), "--out", str(out))
    delivered = kafka.directory / "s3"
    names = {path.relative_to(out / "s3") for path in (out / "s3").rglob("*.csv")}
    assert names == {path.relative_to(delivered) for path in delivered.rglob("*.csv")}
    for name in names:
        assert (out / "s3" / name).read_bytes() == (delivered / name).read_bytes()
    assert "no difference" in kafka.settle("verify", str(out)).stdout


def test_a_file_that_is_gone_or_other_is_named(kafka: Kafka) -> None:
    path: Path = max((kafka.directory / "s3").rglob("*aged_tpj*.csv"))
    content = path.read_bytes()
    path.unlink()
    verify_names(kafka, path.name, "No such file")
    path.write_bytes(content.replace(b",", b";", 1))
    verify_names(kafka, f"{path.name} line 1", "a delivered file")
    path.write_bytes(content)
    assert kafka.settle("verify").returncode == 0


def test_an_input_without_a_worker_is_unanswered(kafka: Kafka) -> None:
    value = GOLDEN[-2].value | {"funding_id": "late", "event_time": "2026-03-09T14:59:00Z"}
    (record,) = keyed([Told(FUNDINGS, value)])
    asyncio.run(send(kafka, [record]))
    place = f"{FUNDINGS}-{record.partition}"
    verify_names(kafka, f"1 inputs unanswered: settlement: 1 of {place}, from offset")
    assert kafka.settle("verify", "--running").returncode == 0


def test_a_state_that_was_tampered_with_is_named(kafka: Kafka) -> None:
    topic = state_topic("settlement")
    record = asyncio.run(last(kafka, topic, b"account|"))
    stored = orjson.loads(record.value or b"")
    stored[3] = "1000000.00"
    asyncio.run(send(kafka, [record._replace(value=orjson.dumps(stored))]))
    verify_names(kafka, f"{topic}-{record.partition}", (record.key or b"").decode(), "1000000.00")


def test_an_entry_that_nobody_booked_is_named(kafka: Kafka) -> None:
    record = asyncio.run(last(kafka, JOURNAL))
    # Where no input waits: there it might be of a transaction that is still to come.
    waits = keyed([Told(FUNDINGS, GOLDEN[-2].value)])[0].partition
    other = next(p for p in range(PARTITIONS) if p != waits)
    asyncio.run(send(kafka, [record._replace(partition=other)]))
    verify_names(kafka, f"{JOURNAL}-{other} offset", "expected nothing more")


def test_a_topic_without_its_beginning_can_not_be_verified(kafka: Kafka) -> None:
    record = asyncio.run(last(kafka, JOURNAL))

    async def delete() -> None:
        admin = kafka.broker.admin()
        try:
            await admin.start()
            place = TopicPartition(JOURNAL, record.partition)
            await admin.delete_records({place: RecordsToDelete(before_offset=1)})
        finally:
            await admin.close()

    asyncio.run(delete())
    verify_names(kafka, f"{JOURNAL}-{record.partition} begins at offset 1")


def test_without_a_broker_it_says_so(kafka: Kafka) -> None:
    done = kafka.settle("verify", check=False, SETTLE_BROKERS="127.0.0.1:1")
    assert done.returncode == 1
    assert "no Kafka at 127.0.0.1:1" in done.stderr
