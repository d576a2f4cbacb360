"""A parked partition as the desk meets it: /health, settle quarantine, and what is audited after.

The fault is real: the broker is told to accept no record of `executions`, so no order can be
filled, while orders that rest are answered as ever. The tests are told in their order.
"""

import asyncio
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import orjson
import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from agents.live_topics import read_live
from agents.topics import wanted_configs
from pipeline.task import Record
from schemas.quarantine import WHY_LENGTH_MAX
from scripts.local_kafka import free_port
from tests.integration.conftest import PARTITIONS, Kafka
from topics.catalogue import (
    CATALOGUE,
    CLOCK,
    DEAD_LETTERS,
    EXECUTIONS,
    ORDER_UPDATES,
    ORDERS,
    TASK_LOG,
)
from topics.partition import partition_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PATIENCE_SECONDS = 90.0
AT = "2026-03-02T15:45:00.000000Z"
ACCOUNT = "ACME0001"
HERE = partition_of(ACCOUNT, PARTITIONS)
OTHER = next(name for n in range(2, 99) if partition_of(name := f"ACME{n:04d}", PARTITIONS) != HERE)
PLACE = f"{ORDERS}-{HERE} offset 1"
WHY = "no fill gets through, ticket 7"


def _event(kind: str, event_id: str, **fields: object) -> bytes:
    return orjson.dumps({"type": kind, "event_id": event_id, "event_time": AT} | fields)


def _order(account: str, name: str, **terms: str) -> tuple[str, bytes, bytes, int]:
    order = {"account_id": account, "client_order_id": name, "symbol": "BTCUSD", "side": "BUY"}
    value = _event("OrderSubmitted", f"event-{name}", **order, **terms)
    return ORDERS, value, account.encode(), partition_of(account, PARTITIONS)


def _resting(account: str, name: str) -> tuple[str, bytes, bytes, int]:
    """An order that the market does not fill."""
    terms = {"order_type": "LIMIT", "time_in_force": "GTC", "limit_price": "59000"}
    return _order(account, name, quantity="1", **terms)


def _filled(account: str, name: str) -> tuple[str, bytes, bytes, int]:
    return _order(account, name, order_type="MARKET", time_in_force="IOC", notional="10.00")


class Desk:
    """The broker, one worker after the other, and its pages."""

    def __init__(self, kafka: Kafka) -> None:
        self.kafka = kafka
        self.port = 0
        self.worker = self.start()

    def start(self) -> Any:  # noqa: ANN401 - subprocess has no generic in its name
        self.port = free_port()
        self.worker = self.kafka.worker("--no-clock", "--web-port", str(self.port))
        return self.worker

    def send(self, *records: tuple[str, bytes, bytes | None, int]) -> None:
        async def send() -> None:
            producer = self.kafka.broker.producer()
            await producer.start()
            for topic, value, key, partition in records:
                await producer.send_and_wait(topic, value, key, partition)
            await producer.stop()

        asyncio.run(send())

    def allow(self, topic: str, size: int) -> None:
        """Let the broker accept batches of a topic up to so many bytes."""

        async def allow() -> None:
            admin = self.kafka.broker.admin()
            await admin.start()
            config = wanted_configs(CATALOGUE[topic], 1) | {"max.message.bytes": str(size)}
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)])
            await admin.close()

        asyncio.run(allow())
        time.sleep(1)

    def events(self, topic: str) -> list[dict[str, Any]]:
        records: list[Record] = []
        asyncio.run(read_live(self.kafka.broker, records.append, [topic]))
        return [orjson.loads(record.value or b"") for record in records]

    def page(self, name: str) -> tuple[int, dict[str, Any]]:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/{name}", timeout=5) as page:
                return page.status, orjson.loads(page.read())
        except HTTPError as refused:
            with refused:
                return refused.code, orjson.loads(refused.read())
        except (URLError, OSError):
            return 0, {}

    def health(self, wanted: int, word: str = "") -> dict[str, Any]:
        """Wait until the page answers so, with a reason that holds a word."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            status, shown = self.page("health")
            if status == wanted and word in " ".join(shown["because"]):
                return shown
            assert time.monotonic() < deadline, (status, shown, self.kafka.said()[-3000:])
            time.sleep(0.1)

    def answers(self, *names: str) -> None:
        """Wait until orders have been accepted."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            updates = self.events(ORDER_UPDATES)
            found = {e["client_order_id"] for e in updates if e["type"] == "OrderAccepted"}
            if found >= set(names):
                return
            assert time.monotonic() < deadline, (found, self.kafka.said()[-3000:])
            time.sleep(0.2)


@pytest.fixture(scope="module")
def desk(kafka: Kafka) -> Desk:
    """A market that is open, with a parked partition."""
    desk = Desk(kafka)
    desk.health(200)
    accounts = [
        ("accounts", _event("AccountUpdated", a, account_id=a, client="ACME"), a.encode(), p)
        for a, p in ((ACCOUNT, HERE), (OTHER, partition_of(OTHER, PARTITIONS)))
    ]
    client = _event(
        "ClientUpdated", "c", client="ACME", commission_model="TRADE_FEE", commission_bps="25"
    )
    terms = {"minimum_price_increment": "0.01", "minimum_quantity_increment": "0.00000001"}
    instrument = _event(
        "InstrumentUpdated", "i", symbol="BTCUSD", base="BTC", stale_after_ms=86_400_000, **terms
    )
    sides = {"bid_price": "60000", "bid_size": "9", "ask_price": "60001", "ask_size": "9"}
    quote = _event("PriceTick", "q", provider="alpha", symbol="BTCUSD", **sides)
    symbol_at, client_at = (partition_of(key, PARTITIONS) for key in ("BTCUSD", "ACME"))
    tick = _event("ClockTicked", "start", at=AT)
    desk.send(
        ("clients", client, b"ACME", client_at),
        ("instruments", instrument, b"BTCUSD", symbol_at),
        *accounts,
        *((CLOCK, tick, None, partition) for partition in range(PARTITIONS)),
    )
    desk.send(("price-ticks", quote, b"BTCUSD", symbol_at))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not desk.events("bbo"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    desk.allow(EXECUTIONS, 100)
    desk.send(_resting(ACCOUNT, "g1"), _filled(ACCOUNT, "bad"), _resting(ACCOUNT, "g2"))
    return desk


def test_health_names_the_input_and_the_worker_lives(desk: Desk) -> None:
    shown = desk.health(503, "parked")
    (line,) = shown["because"]
    assert line.startswith(f"trading-{HERE}: parked at {PLACE} for ")
    assert f"RejectedError: executions-{HERE} does not accept a record" in line
    assert desk.page("live") == (200, {"live": True})
    parked = {
        number: shown["parked"] is not None
        for number, shown in desk.page("status")[1]["tasks"]["trading"].items()
    }
    assert parked == {str(number): number == HERE for number in range(PARTITIONS)}
    desk.send(_resting(OTHER, "other"))
    desk.answers("g1", "other")
    said = desk.kafka.said()
    assert said.count(" is parked at ") == 1
    assert "Traceback" not in said


def test_a_restart_finds_the_partition_parked_at_the_same_place(desk: Desk) -> None:
    desk.worker.terminate()
    assert desk.worker.wait(timeout=PATIENCE_SECONDS) == 0
    desk.start()
    (line,) = desk.health(503, "parked")["because"]
    assert line.startswith(f"trading-{HERE}: parked at {PLACE} for ")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        pytest.param(("no-topic", "0", "0"), "no topic 'no-topic'; there are", id="no-topic"),
        pytest.param((EXECUTIONS, "0", "0"), "can only be cured in the code", id="between-tasks"),
        pytest.param((TASK_LOG, "0", "0"), "can only be cured in the code", id="internal"),
        pytest.param((ORDERS, "4", "0"), "orders has partitions 0 to 3, not 4", id="partition"),
        pytest.param(
            (ORDERS, str(HERE), "3"),
            f"orders-{HERE} has no record at offset 3: its committed records are at offsets 0 to 2",
            id="behind-the-end",
        ),
        pytest.param(("net-wires", "0", "0"), "net-wires-0 has no committed record", id="empty"),
        pytest.param(("market-feed", "0", "0"), "", id="market-feed-can-be-quarantined", marks=[]),
    ],
)
def test_a_place_that_cannot_be_quarantined_is_refused(
    desk: Desk, place: tuple[str, str, str], said: str
) -> None:
    done = desk.kafka.settle("quarantine", *place, "--why", "no", check=False)
    if not said:  # applied long ago: it has no effect
        assert (done.returncode, done.stderr) == (0, "")
        return
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert said in line


@pytest.mark.parametrize("why", ["", "x" * (WHY_LENGTH_MAX + 1), "two\nlines"])
def test_a_reason_that_fits_no_dead_letter_is_wrong_usage(desk: Desk, why: str) -> None:
    done = desk.kafka.settle("quarantine", ORDERS, str(HERE), "1", "--why", why, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_the_partition_goes_on_behind_a_quarantined_input(desk: Desk, tmp_path: Path) -> None:
    """The broker still refuses every fill, and the audit knows why that order has no answer."""
    command = ("quarantine", ORDERS, str(HERE), "1", "--why")
    assert desk.kafka.settle(*command, WHY).stdout.startswith(f"{PLACE} is quarantined; ")
    desk.health(200)
    desk.answers("g2")
    again = desk.kafka.settle(*command, "another reason").stdout
    assert again == f"{PLACE} is quarantined already: {WHY}\n"
    (letter,) = desk.events(DEAD_LETTERS)
    assert (letter["reason"], letter["detail"]) == ("QUARANTINED", WHY)
    assert (letter["source_topic"], letter["source_offset"]) == (ORDERS, 1)
    skipped = [e["skipped"] for e in desk.events(TASK_LOG) if "skipped" in e]
    assert skipped == [[[ORDERS, 1]]]
    desk.allow(EXECUTIONS, 4 << 20)
    desk.send(_filled(ACCOUNT, "after"))
    desk.answers("after")
    assert {e["client_order_id"] for e in desk.events(EXECUTIONS)} == {"after"}
    time.sleep(3)  # all tasks apply the rest
    assert "no difference" in desk.kafka.settle("verify").stdout
    dump, out = tmp_path / "dump.jsonl", tmp_path / "replayed"
    desk.kafka.settle("dump", "--out", str(dump))
    desk.kafka.settle("replay", "--recorded", str(dump), "--out", str(out))
    replayed = (out / "topics" / "dead-letters.jsonl").read_bytes()
    assert replayed == orjson.dumps(letter) + b"\n"
