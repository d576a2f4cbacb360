"""`settle produce` on a fresh broker: causes are appended and applied before their effects.

The replay of the same file says what is right. The days of this module follow each other.
"""

import asyncio
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from aiokafka import TopicPartition

from tests.integration.conftest import PARTITIONS, SETTLE, Kafka
from topics.catalogue import (
    ACCOUNTS,
    CLIENTS,
    CLOCK,
    DEAD_LETTERS,
    INPUT_ORDER,
    INSTRUMENTS,
    ORDER_UPDATES,
    ORDERS,
    PRICE_TICKS,
)

pytestmark = [pytest.mark.integration, pytest.mark.slow]

Line = Mapping[str, Any]


class Sent(NamedTuple):
    """A line, or the ticks of one time, as they were appended."""

    topic: str
    first_ms: int
    last_ms: int


def _line(topic: str, kind: str, at: str, number: int, **fields: Any) -> Line:  # noqa: ANN401 - any JSON
    head = {"type": kind, "event_id": f"{topic}-{number}", "event_time": f"2026-01-{at}Z"}
    return {"topic": topic, "value": head | fields}


def _order_of_quotes(day: str, prefix: str) -> list[Line]:
    """One client, instrument and account; a quote, an order at it; a quote of the next day.

    The order fills at 101. Behind the second quote's clock, the first quote would be stale.
    """
    rates = dict.fromkeys(("markup_bps", "markup_fixed", "commission_bps", "commission_fixed"), "0")
    rates |= {"commission_minimum": "0", "revenue_share_bps": "0"}
    symbol, client = f"{prefix}USD", f"{prefix}X"
    account = f"{client}0001"
    prices = {"bid_price": "100", "bid_size": "9", "ask_size": "9"}
    quote = {"provider": "alpha", "symbol": symbol} | prices
    terms = {"minimum_price_increment": "0.01", "minimum_quantity_increment": "0.00000001"}
    terms |= {"minimum_order_value": "1.00", "base": prefix, "quote": "USD"}
    more = {"stale_after_ms": 3_600_000, "tradable": True}
    state = {"mode": "OPEN", "jurisdiction": "OPEN", "funding_model": "NET_SETTLEMENT"}
    order = {"client_order_id": "o", "symbol": symbol, "side": "BUY", "quantity": "1"}
    how = {"order_type": "MARKET", "time_in_force": "IOC", "account_id": account}
    after = f"{int(day) + 1:02}"
    name = {"client": client, "name": client, "commission_model": "MARKUP"}
    morning = f"{day}T09:00:00"
    return [
        _line(CLIENTS, "ClientUpdated", morning, 1, **name, **rates),
        _line(INSTRUMENTS, "InstrumentUpdated", morning, 1, symbol=symbol, **terms, **more),
        _line(ACCOUNTS, "AccountUpdated", morning, 1, account_id=account, client=client, **state),
        _line(PRICE_TICKS, "PriceTick", f"{day}T15:00:00", 1, ask_price="101", **quote),
        _line(ORDERS, "OrderSubmitted", f"{day}T15:00:01", 1, **order, **how),
        _line(PRICE_TICKS, "PriceTick", f"{after}T15:00:00", 2, ask_price="102", **quote),
    ]


def _write(path: Path, lines: Iterable[Line]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return path


def _answers(kafka: Kafka, topic: str) -> list[dict[str, Any]]:
    return _events(kafka.settle("consume", topic, "--json").stdout.encode())


def _events(lines: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in lines.splitlines()]


def _admitted(events: Iterable[Mapping[str, Any]]) -> Counter[tuple[Any, ...]]:
    """Count what was accepted or refused, and why: what causes decide.

    Fills of resting orders are left out. Quotes of two symbols travel through two partitions, and
    where one is minutes ahead, the other's quotes are stale when they arrive.
    """
    names = ("type", "reason", "source_topic", "account_id", "client_order_id")
    kinds = {"OrderAccepted", "OrderRejected", "DeadLetter"}
    return Counter(tuple(map(event.get, names)) for event in events if event["type"] in kinds)


async def _appended(kafka: Kafka, since: str) -> list[Sent]:
    """Return the inputs of a time and later, in their order; the ticks of an instant as one."""
    consumer = kafka.broker.consumer()
    try:
        await consumer.start()
        places = [TopicPartition(topic, p) for topic in INPUT_ORDER for p in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        found: dict[tuple[str, int, str], Sent] = {}
        for place, end in (await consumer.end_offsets(places)).items():
            # Ticks go before the line of the same instant.
            rank = -1 if place.topic == CLOCK else INPUT_ORDER.index(place.topic)
            while await consumer.position(place) < end:
                for record in (await consumer.getmany(place, timeout_ms=500)).get(place, []):
                    at, event = record.timestamp, orjson.loads(record.value)
                    key = (event["event_time"], rank, event["event_id"])
                    seen = found.get(key, Sent(place.topic, at, at))
                    found[key] = Sent(place.topic, min(seen.first_ms, at), max(seen.last_ms, at))
        return [found[key] for key in sorted(found) if key[0] >= since]
    finally:
        await consumer.stop()


@pytest.fixture(scope="module")
def workers(kafka: Kafka) -> None:
    """Two workers; produce waits until they serve."""
    for _ in range(2):
        kafka.worker("--no-clock")


@pytest.mark.usefixtures("workers")
def test_no_quote_overtakes_its_instrument_and_no_clock_an_order(
    kafka: Kafka, tmp_path: Path
) -> None:
    kafka.settle("produce", str(_write(tmp_path / "day.jsonl", _order_of_quotes("05", "ABC"))))
    appended = asyncio.run(_appended(kafka, "2026-01-05"))
    # The ticks of the end have the time, and the ID, of those before the last line.
    assert [sent.topic for sent in appended] == [
        CLIENTS,
        INSTRUMENTS,
        ACCOUNTS,
        CLOCK,
        PRICE_TICKS,
        ORDERS,
        CLOCK,
        PRICE_TICKS,
    ]
    for before, after in pairwise(appended):
        assert before.last_ms < after.first_ms or after is appended[-1], (before, after)
    answers = _answers(kafka, ORDER_UPDATES)
    assert [event["type"] for event in answers] == ["OrderAccepted", "OrderFilled"]
    assert answers[1]["average_price"] == "101.00000000"
    assert _answers(kafka, DEAD_LETTERS) == []


def test_flat_out_keeps_reference_data_and_time_in_their_places(
    kafka: Kafka, tmp_path: Path
) -> None:
    lines = _order_of_quotes("20", "GHI")
    kafka.settle("produce", str(_write(tmp_path / "day.jsonl", lines)), "--flat-out")
    *reference, clock, quote, order, _, _ = asyncio.run(_appended(kafka, "2026-01-20"))
    assert [sent.topic for sent in reference] == [CLIENTS, INSTRUMENTS, ACCOUNTS]
    for before, after in pairwise((*reference, clock)):
        assert before.last_ms < after.first_ms
    assert clock.last_ms < min(quote.first_ms, order.first_ms)


@pytest.mark.usefixtures("workers")
def test_a_day_is_admitted_as_in_its_replay(kafka: Kafka, tmp_path: Path) -> None:
    day = tmp_path / "day.jsonl"
    arguments = ["--seed", "3", "--accounts", "20", "--hours", "2", "--out", str(day)]
    subprocess.run([SETTLE, "generate", *arguments], check=True, capture_output=True)
    kafka.settle("replay", str(day), "--out", str(tmp_path / "replay"))
    topics = (ORDER_UPDATES, DEAD_LETTERS)
    before = {topic: _admitted(_answers(kafka, topic)) for topic in topics}
    kafka.settle("produce", str(day))
    # A line in step is settled, and all before it.
    (one, *_) = _order_of_quotes("05", "DEF")
    kafka.settle("produce", str(_write(tmp_path / "one.jsonl", [one])), "--in-step")
    for topic in topics:
        replayed = (tmp_path / "replay" / "topics" / f"{topic}.jsonl").read_bytes()
        assert _admitted(_answers(kafka, topic)) - before[topic] == _admitted(_events(replayed))
