"""Whatever bytes Kafka accepts in a batch: compressed, or made to break whoever parses them.

One account has deposits of a cent each. Good ones stand before and behind each hostile record, in
the same batch, and all that can be read is applied.
"""

import asyncio
import struct
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import confluent_kafka
import orjson
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from agents.record_batches import Batch
from tests.integration.conftest import PARTITIONS, Kafka
from topics.catalogue import ACCOUNTS, CLIENTS, CLOCK, DEAD_LETTERS, FUNDINGS
from topics.partition import partition_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ACCOUNT = "ACME0001"
PLACE = partition_of(ACCOUNT, PARTITIONS)
AT = "2026-03-02T15:00:00Z"
PATIENCE_SECONDS = 60.0
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


def _deposit(number: str) -> bytes:
    return orjson.dumps(
        {
            "type": "DepositSettled",
            "event_id": number,
            "event_time": AT,
            "account_id": ACCOUNT,
            "funding_id": number,
            "instrument_type": "WIRE",
            "amount": "0.01",
        }
    )


def _settled(kafka: Kafka, cents: int) -> None:
    """Wait until the deposits that can be read have been applied, and no other."""
    wanted = f"{cents / 100:.2f}"  # a test's number, not money that is decided on
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        lines = kafka.settle("consume", "balances", "--json").stdout.splitlines()
        settled = orjson.loads(lines[-1])["settled"] if lines else "0.00"
        if settled == wanted:
            return
        assert time.monotonic() < until, (settled, wanted, kafka.said()[-2000:])
        time.sleep(0.2)


class Altered:
    """A builder of aiokafka whose batch is altered when it is built."""

    def __init__(self, inner: Any, alter: Callable[[bytearray], None]) -> None:  # noqa: ANN401 - aiokafka has no types
        self._inner, self._alter = inner, alter

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        return getattr(self._inner, name)

    def build(self) -> bytearray:
        batch = bytearray(self._inner.build())
        self._alter(batch)
        struct.pack_into(">I", batch, 17, calc_crc32c(bytes(batch[21:])))
        return batch


Headers = list[tuple[str, bytes | None]]
# A key of a header, of seven bytes; the second is of the same length and no UTF-8.
NAME, NO_NAME = "h-name!", b"\xff\xfe\xc3(\x80\xa0\xff"


def _nothing(_: bytearray) -> None: ...


def _rename(batch: bytearray) -> None:
    at = batch.index(NAME.encode())
    batch[at : at + len(NO_NAME)] = NO_NAME


def _send(
    kafka: Kafka,
    records: list[tuple[bytes, Headers]],
    alter: Callable[[bytearray], None] = _nothing,
    codec: str | None = None,
) -> int:
    """Send one batch of fundings as it is altered; return its first offset."""

    async def send() -> int:
        # Without idempotence: that would need a type which the altered builder has not.
        limits = {"max_batch_size": 4 << 20, "max_request_size": 400 << 20}
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka.address, compression_type=codec, **limits
        )
        await producer.start()
        try:
            batch = producer.create_batch()
            for value, headers in records:
                appended = batch.append(
                    key=ACCOUNT.encode(), value=value, timestamp=None, headers=headers
                )
                assert appended is not None
            batch.close()
            batch._builder = Altered(batch._builder, alter)  # noqa: SLF001 - no other way to bad bytes
            sent = await producer.send_batch(batch, FUNDINGS, partition=PLACE)
            offset: int = (await sent).offset
            return offset
        finally:
            await producer.stop()

    return asyncio.run(send())


@pytest.fixture(scope="module")
def cents(kafka: Kafka) -> list[str]:
    """A worker, time, and the account; the deposits so far, of a cent each."""
    kafka.worker("--no-clock")
    rates = ("markup_bps", "markup_fixed", "commission_bps", "commission_fixed")
    client = dict.fromkeys((*rates, "commission_minimum", "revenue_share_bps"), "0")
    client |= {"client": "ACME", "name": "Acme", "commission_model": "MARKUP"}
    state = {"mode": "OPEN", "jurisdiction": "OPEN", "funding_model": "MARKETPLACE"}
    account = {"account_id": ACCOUNT, "client": "ACME"} | state
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.address})
    for topic, kind, key, fields in (
        (CLIENTS, "ClientUpdated", "ACME", client),
        (ACCOUNTS, "AccountUpdated", ACCOUNT, account),
    ):
        event = {"type": kind, "event_id": key, "event_time": AT} | fields
        producer.produce(topic, orjson.dumps(event), key, partition_of(key, PARTITIONS))
        producer.flush()
    tick = {"type": "ClockTicked", "event_id": "tick", "event_time": AT, "at": AT}
    for partition in range(PARTITIONS):
        producer.produce(CLOCK, orjson.dumps(tick), partition=partition)
    producer.flush()
    return []


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_read_by_the_tasks_and_by_the_commands(
    kafka: Kafka, cents: list[str], codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{codec}-{number}" for number in range(50)]
    settings = {"bootstrap.servers": kafka.address, "compression.type": codec, "linger.ms": 500}
    producer = confluent_kafka.Producer(settings)
    for name in names:
        producer.produce(FUNDINGS, _deposit(name), ACCOUNT, PLACE)
    assert producer.flush(PATIENCE_SECONDS) == 0
    cents += names
    _settled(kafka, len(cents))
    # librdkafka leaves alone what does not get smaller: these batches do.
    codecs: set[int] = set()
    records = Batch.__iter__

    def seen(batch: Batch) -> Iterator[Any]:
        codecs.add(batch._attributes & 7)  # noqa: SLF001 - what is looked for
        return records(batch)

    monkeypatch.setattr(Batch, "__iter__", seen)
    asyncio.run(_read(kafka))
    assert CODECS[codec] in codecs
    shown = kafka.settle("consume", FUNDINGS, "--json").stdout
    assert all(f'"{name}"' in shown for name in names)


async def _read(kafka: Kafka) -> None:
    consumer = kafka.broker.consumer()
    try:
        await consumer.start()
        place = TopicPartition(FUNDINGS, PLACE)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        while await consumer.position(place) < end:
            await consumer.getmany(place, timeout_ms=500)
    finally:
        await consumer.stop()


MANY = 10_000
HOSTILE: dict[str, tuple[Headers, Callable[[bytearray], None]]] = {
    "a header whose key is not UTF-8": ([(NAME, b"x")], _rename),
    "10,000 headers": ([(f"h{number}", b"x") for number in range(MANY)], _nothing),
    "900 KB of headers": ([("big", b"x" * 450_000), ("bigger", b"y" * 450_000)], _nothing),
    "a header without a value": ([("null", None)], _nothing),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("codec", [None, "zstd"])
def test_headers_do_not_matter(
    kafka: Kafka, cents: list[str], name: str, codec: str | None
) -> None:
    headers, alter = HOSTILE[name]
    if codec is not None and alter is _rename:
        alter = _nothing  # compressed, the key is not found; its own case has the same bytes
    names = [f"{name}-{codec}-{at}" for at in ("before", "hostile", "behind")]
    records = [(_deposit(one), headers if "hostile" in one else []) for one in names]
    _send(kafka, records, alter, codec)
    cents += names
    _settled(kafka, len(cents))


def _wrong_offset(batch: bytearray) -> None:
    """Let the second record claim a place far behind: its offset delta is one byte, 1 as zigzag."""
    first = batch[61] >> 1 if batch[61] < 0x80 else (batch[61] & 0x7F | batch[62] << 7) >> 1
    second = 61 + (1 if batch[61] < 0x80 else 2) + first
    length_bytes = 1 if batch[second] < 0x80 else 2
    offset_delta = second + length_bytes + 2
    assert batch[offset_delta] == 2
    batch[offset_delta] = 126  # 63


def test_a_record_that_claims_another_offset_stays_in_its_place(
    kafka: Kafka, cents: list[str]
) -> None:
    names = [f"offset-{at}" for at in ("before", "hostile", "behind")]
    offset = _send(kafka, [(_deposit(name), []) for name in names], _wrong_offset)
    cents += names
    _settled(kafka, len(cents))
    shown = kafka.settle("consume", FUNDINGS, "--key", ACCOUNT).stdout
    assert f"{PLACE}/{offset + 1} " in shown
    assert f"{PLACE}/{offset + 63} " not in shown


def test_a_batch_that_is_too_large_when_decompressed_is_dead_lettered_by_offset(
    kafka: Kafka, cents: list[str]
) -> None:
    """300 MB of zeros in some KB: nothing of that batch is read, and what is around it is."""
    _send(kafka, [(_deposit("bomb-before"), [])])
    offset = _send_bomb(kafka)
    _send(kafka, [(_deposit("bomb-behind"), [])])
    cents += ["bomb-before", "bomb-behind"]
    _settled(kafka, len(cents))
    letters = map(orjson.loads, kafka.settle("consume", DEAD_LETTERS, "--json").stdout.splitlines())
    found = [(one["source_offset"], one["reason"]) for one in letters]
    assert found == [(offset, "MALFORMED"), (offset + 1, "MALFORMED")]


def _send_bomb(kafka: Kafka) -> int:
    builder = DefaultRecordBatchBuilder(2, 4, 0, -1, -1, 0, 1 << 30)
    for number in range(2):
        builder.append(number, 1, ACCOUNT.encode(), bytes(150 << 20), [])
    whole = bytes(builder.build())

    def replace(batch: bytearray) -> None:
        batch[:] = whole

    return _send(kafka, [(b"one", []), (b"two", [])], replace)


def test_a_dump_has_all_of_it_and_its_replay_and_the_audit_agree(
    kafka: Kafka, cents: list[str], tmp_path: Path
) -> None:
    dump = tmp_path / "dump.jsonl"
    kafka.settle("dump", "--out", str(dump))
    lines = [orjson.loads(line) for line in dump.read_bytes().splitlines()]
    headers = [line["headers"] for line in lines if "headers" in line]
    assert [{"key_raw": b64encode(NO_NAME).decode(), "value": "x"}] in headers
    assert [{"key": "null", "value": None}] in headers
    assert sorted(map(len, headers))[-2:] == [MANY, MANY]
    done = kafka.settle("replay", "--recorded", str(dump), "--out", str(tmp_path / "recorded"))
    assert "not applied" not in done.stderr
    assert "no difference" in kafka.settle("verify").stdout
    assert cents
