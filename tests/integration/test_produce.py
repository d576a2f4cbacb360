"""`settle produce`: each input is in its topic once, whatever is killed."""

import asyncio
import random
import subprocess
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from aiokafka import ConsumerRecord, TopicPartition

from agents.producing import Outgoing, Producing
from agents.record_batches import headers_kept
from tests.integration.conftest import PARTITIONS, SETTLE, Kafka
from topics.catalogue import CATALOGUE, CLOCK, INPUT_ORDER, PRODUCE, state_topic
from topics.decode import Refused, decode
from topics.partition import partition_of

pytestmark = pytest.mark.integration

LINES = 60_000


async def _records(kafka: Kafka) -> list[ConsumerRecord]:
    consumer = kafka.broker.consumer()
    try:
        await consumer.start()
        places = [TopicPartition(topic, p) for topic in INPUT_ORDER for p in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        records: list[ConsumerRecord] = []
        for place in places:
            while await consumer.position(place) < ends[place]:
                with headers_kept():
                    for fetched in (await consumer.getmany(place, timeout_ms=1000)).values():
                        records += fetched
        return records
    finally:
        await consumer.stop()


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up day of some thousand lines, a bad one among them."""
    path = tmp_path_factory.mktemp("day") / "day.jsonl"
    arguments = ["generate", "--seed", "3", "--accounts", "40", "--hours", "36", "--out", str(path)]
    subprocess.run([SETTLE, *arguments], check=True, capture_output=True)
    lines = path.read_bytes().splitlines(keepends=True)[:LINES]
    lines.insert(
        5000, b'{"topic": "orders", "value": {"type": "OrderSubmitted", "account_id": 7}}\n'
    )
    path.write_bytes(b"".join(lines))
    return path


def test_killed_ten_times_and_run_again_each_line_is_sent_once(kafka: Kafka, day: Path) -> None:
    rng = random.Random(5)
    killed = 0
    for _ in range(10):
        process = subprocess.Popen(
            [SETTLE, "produce", str(day), "--flat-out"],
            env=kafka.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(rng.uniform(0.9, 1.5))
        if process.poll() is None:
            killed += 1
        process.kill()
        process.wait()
    said = kafka.settle("produce", str(day), "--flat-out").stdout
    assert killed >= 5, said

    records = [r for r in asyncio.run(_records(kafka)) if r.topic != CLOCK]
    sent = [orjson.loads(line) for line in day.read_bytes().splitlines()]
    assert Counter((r.topic, orjson.dumps(orjson.loads(r.value))) for r in records) == Counter(
        (line["topic"], orjson.dumps(line["value"])) for line in sent
    )
    # Within a partition they stand in the order of the file.
    places = {orjson.dumps(line["value"]): at for at, line in enumerate(sent)}
    for topic in INPUT_ORDER:
        for partition in range(PARTITIONS):
            order = [
                places[orjson.dumps(orjson.loads(r.value))]
                for r in records
                if (r.topic, r.partition) == (topic, partition)
            ]
            assert order == sorted(order)


def test_a_transaction_has_at_most_500_lines_also_flat_out(kafka: Kafka) -> None:
    """It is committed long before others stop waiting for it. Its mark takes an offset."""
    offsets: dict[tuple[str, int], list[int]] = {}
    for record in asyncio.run(_records(kafka)):
        offsets.setdefault((record.topic, record.partition), []).append(record.offset)
    for place, taken in offsets.items():
        breaks = [n for n, (a, b) in enumerate(pairwise(taken), 1) if b != a + 1]
        longest = max(b - a for a, b in pairwise([0, *breaks, len(taken)]))
        assert longest <= 500, place
    assert max(map(len, offsets.values())) > 2 * 500


def test_interrupted_in_a_transaction_it_ends_and_nothing_of_it_is_sent(kafka: Kafka) -> None:
    """An abort whose producer was closed first never returned."""

    async def interrupt() -> None:
        producing = Producing(kafka.broker, PARTITIONS, "interrupted")
        assert await producing.start() == 0
        record = Outgoing(CLOCK, 0, None, b"{}", ())
        # So many groups that they take seconds.
        sending = asyncio.create_task(producing.commit([[record]] * 3000, 3000))
        await asyncio.sleep(0.5)
        assert not sending.done()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await producing.stop()

    async def lines_done() -> int:
        producing = Producing(kafka.broker, PARTITIONS, "interrupted")
        done = await producing.start()
        await producing.stop()
        return done

    asyncio.run(interrupt())
    assert asyncio.run(lines_done()) == 0


def test_what_another_input_has_open_does_not_hide_how_far_this_one_has_come(kafka: Kafka) -> None:
    """Inputs share the state's partitions, and what is committed behind it can't be read yet."""
    place = TopicPartition(state_topic(PRODUCE), partition_of("this", PARTITIONS))

    async def run() -> None:
        other = kafka.broker.producer(f"{PRODUCE}-other")
        await other.start()
        this = Producing(kafka.broker, PARTITIONS, "this")
        assert await this.start() == 0
        await other.begin_transaction()
        await other.send_and_wait(place.topic, b'{"lines":1}', b"other", place.partition)
        await this.commit([], 5)
        await this.stop()
        again = Producing(kafka.broker, PARTITIONS, "this")
        starting = asyncio.create_task(again.start())
        await asyncio.sleep(2)
        assert not starting.done()
        await other.abort_transaction()
        assert await starting == 5
        await again.stop()
        await other.stop()

    asyncio.run(run())


def test_each_record_has_its_key_its_partition_and_cloud_events_headers(kafka: Kafka) -> None:
    bad = 0
    for record in asyncio.run(_records(kafka)):
        event = orjson.loads(record.value)
        if isinstance(decode(record.topic, event), Refused):
            assert record.headers == ()
            bad += 1
            continue
        headers = dict(record.headers)
        assert headers["ce_id"].decode() == event["event_id"]
        assert headers["ce_type"].decode() == event["type"]
        assert headers["ce_time"].decode() == event["event_time"]
        assert headers["ce_specversion"] == b"1.0"
        name = CATALOGUE[record.topic].key
        if name is not None:
            assert record.key.decode() == event[name]
            assert record.partition == partition_of(event[name], PARTITIONS)
    assert bad >= 1  # ours, and those that a made-up day has


def test_an_input_that_is_sent_is_sent_anew_only_when_asked(kafka: Kafka, day: Path) -> None:
    before = len(asyncio.run(_records(kafka)))
    assert "were sent before" in kafka.settle("produce", str(day), "--flat-out").stdout
    assert len(asyncio.run(_records(kafka))) == before
    kafka.settle("produce", str(day), "--flat-out", "--again")
    assert len(asyncio.run(_records(kafka))) > before + LINES


def test_an_input_without_a_line_says_so(kafka: Kafka, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    said = kafka.settle("produce", str(tmp_path / "empty"), "--flat-out").stdout
    assert said == "there is no line to send\n"


def test_a_bad_line_is_one_clear_line_and_what_was_before_it_is_sent(
    kafka: Kafka, tmp_path: Path
) -> None:
    path = tmp_path / "bad.jsonl"
    good = '{"topic": "clients", "value": {"type": "ClientUpdated", "event_id": "%d", '
    good += (
        '"event_time": "2026-03-02T00:00:00Z", "client": "ACME", "commission_model": "MARKUP"}}\n'
    )
    path.write_text(good % 1 + good % 2 + "no JSON\n")
    refused = kafka.settle("produce", str(path), "--flat-out", check=False)
    assert refused.returncode == 1
    assert "bad.jsonl, line 3: not a JSON object" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_real_time_is_kept(kafka: Kafka, tmp_path: Path) -> None:
    path = tmp_path / "slow.jsonl"
    line = '{"topic": "clients", "value": {"type": "ClientUpdated", "event_id": "%d", '
    line += (
        '"event_time": "2026-03-02T00:00:%02dZ", "client": "ACME", "commission_model": "MARKUP"}}\n'
    )
    path.write_text("".join(line % (at, at) for at in (0, 10, 20)))
    started = time.monotonic()
    kafka.settle("produce", str(path), "--speed", "10")
    assert time.monotonic() - started > 2


def test_two_ways_at_once_is_wrong_usage(kafka: Kafka, day: Path) -> None:
    assert kafka.settle("produce", str(day), "--flat-out", "--in-step", check=False).returncode == 2


def test_a_missing_file_is_one_clear_line(kafka: Kafka) -> None:
    refused = kafka.settle("produce", "nowhere.jsonl", check=False)
    assert refused.returncode == 1
    assert refused.stderr == "settle: nowhere.jsonl: No such file or directory\n"


def test_a_step_of_more_than_forty_days_names_the_line_and_can_be_allowed(
    kafka: Kafka, tmp_path: Path
) -> None:
    path = tmp_path / "gap.jsonl"
    tick = '{"topic": "clock", "value": {"type": "ClockTicked", "event_id": "%s", '
    tick += '"event_time": "%s", "at": "%s"}}\n'
    days = ("2026-03-02T00:00:00Z", "2026-04-11T00:00:00Z", "2026-05-21T00:00:00.000001Z")
    path.write_text("".join(tick % (day, day, day) for day in days))
    refused = kafka.settle("produce", str(path), "--flat-out", check=False)
    assert refused.returncode == 1
    assert f"{path}, line 3: event_time 2026-05-21T00:00:00.000001Z is 40 days" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    kafka.settle("produce", str(path), "--flat-out", "--allow-gaps")
