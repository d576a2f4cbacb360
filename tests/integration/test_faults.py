"""What goes wrong around a running pipeline, on a real broker: nothing is lost, nothing twice.

Random kills are in test_chaos.py, what a transaction promises in test_runner.py. The tests are told
in their order, on one broker; the last ones stop what the others need.
"""

import asyncio
import datetime as dt
import time
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Callable
from hashlib import sha256
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.request import urlopen

import orjson
import pytest

from agents.live_topics import read_live
from pipeline.task import Record
from schemas.instant import Micros, micros, time_text
from scripts.local_kafka import free_port
from settlement.calendar import first_window, window_after
from tests.integration.conftest import PARTITIONS, Kafka
from topics.catalogue import (
    CATALOGUE,
    CLOCK,
    DEAD_LETTERS,
    EXECUTIONS,
    FUNDINGS,
    ORDER_UPDATES,
    ORDERS,
    REPORT_DELIVERIES,
    TASK_LOG,
)
from topics.partition import partition_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PATIENCE_SECONDS = 60.0
ACCOUNTS = [f"ACME{number:04d}" for number in range(8)]
MEGABYTE = b"x" * 1_000_000
INPUTS = [topic.name for topic in CATALOGUE.values() if topic.direction == "in"]
TRADING = ("--task", "market", "--task", "trading", "--task", "settlement")


class Place(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


def _past_window() -> Micros:
    """Return when the first retry of a day was, at least a whole day ago: trading is open then.

    The day is history, so it says its time itself; what comes after it follows the wall clock. At
    any hour that this runs, every kind of window lies between the two.
    """
    now = dt.datetime.now(dt.UTC)
    window = first_window(micros((now - dt.timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")))
    last = window.scheduled_at
    while window.scheduled_at < micros((now - dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")):
        if window.window == "RETRY" and time_text(window.scheduled_at)[11:13] in {"11", "12"}:
            last = window.scheduled_at
        window = window_after(window)
    return last


WINDOW = _past_window()
BEFORE = time_text(WINDOW - 60_000_000)


class Desk:
    """Sends inputs, and reads what became of them."""

    def __init__(self, kafka: Kafka) -> None:
        self.kafka = kafka

    def send(self, *sent: tuple[str, bytes | None, bytes | None, int | None]) -> list[Place]:
        """Send values with their keys; partition None: that of the key."""

        async def send() -> list[Place]:
            producer = self.kafka.broker.producer()
            await producer.start()
            places = []
            for topic, value, key, partition in sent:
                to = partition_of((key or b"").decode(), PARTITIONS)
                at = await producer.send_and_wait(
                    topic, value, key, to if partition is None else partition
                )
                places.append(Place(topic, at.partition, at.offset))
            await producer.stop()
            return places

        return asyncio.run(send())

    def events(self, topic: str) -> list[dict[str, Any]]:
        """Return what is committed in a topic."""
        records: list[Record] = []
        asyncio.run(read_live(self.kafka.broker, records.append, [topic]))
        return [orjson.loads(record.value or b"") for record in records]

    def wait(self, what: str, is_so: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                pytest.fail(f"{what}: not within {seconds:.0f} s\n{self.kafka.said()[-3000:]}")
            time.sleep(0.2)

    def executed(self, *names: str) -> bool:
        found = {event.get("client_order_id") for event in self.events(EXECUTIONS)}
        return found >= set(names)


def _event(kind: str, event_id: str, event_time: str = BEFORE, /, **fields: Any) -> bytes:  # noqa: ANN401 - any JSON
    event = {"type": kind, "event_id": event_id, "event_time": event_time} | fields
    return orjson.dumps(event)


def _order(account: str, name: str, at: str = BEFORE, **more: Any) -> bytes:  # noqa: ANN401 - any JSON
    order = {
        "account_id": account,
        "client_order_id": name,
        "symbol": "BTCUSD",
        "side": "BUY",
        "order_type": "MARKET",
        "time_in_force": "IOC",
        "notional": "10.00",
    }
    return _event("OrderSubmitted", f"event-{name}", at, **(order | more))


def _deposit(account: str, name: str, amount: str = "100.00") -> bytes:
    return _event(
        "DepositSettled",
        f"event-{name}",
        account_id=account,
        funding_id=name,
        instrument_type="WIRE",
        amount=amount,
    )


def _tick(event_id: str, at: str = BEFORE) -> list[tuple[str, bytes, None, int]]:
    value = _event("ClockTicked", event_id, at, at=at)
    return [(CLOCK, value, None, partition) for partition in range(PARTITIONS)]


@pytest.fixture(scope="module")
def desk(kafka: Kafka) -> Desk:
    """A market that is open, with a quote that counts all day, and eight customers."""
    desk = Desk(kafka)
    kafka.worker("--no-clock", *TRADING)
    kafka.worker("--no-clock", *TRADING, "--task", "client-books")
    client = {"client": "ACME", "commission_model": "TRADE_FEE", "commission_bps": "25"}
    instrument: dict[str, Any] = {
        "symbol": "BTCUSD",
        "base": "BTC",
        "minimum_price_increment": "0.01",
        "minimum_quantity_increment": "0.00000001",
        "stale_after_ms": 86_400_000,
    }
    desk.send(
        ("clients", _event("ClientUpdated", "c", **client), b"ACME", None),
        ("instruments", _event("InstrumentUpdated", "i", **instrument), b"BTCUSD", None),
        *(
            ("accounts", _event("AccountUpdated", a, account_id=a, client="ACME"), a.encode(), None)
            for a in ACCOUNTS
        ),
        *_tick("start"),
    )
    sides = {"bid_price": "60000", "bid_size": "9", "ask_price": "60001", "ask_size": "9"}
    quote = _event("PriceTick", "q", provider="alpha", symbol="BTCUSD", **sides)
    desk.send(("price-ticks", quote, b"BTCUSD", None))
    desk.wait("the quote", lambda: bool(desk.events("bbo")))
    return desk


def test_poison_is_answered_and_the_stream_goes_on(desk: Desk) -> None:
    wrong = (partition_of(ACCOUNTS[0], PARTITIONS) + 1) % PARTITIONS
    poison: dict[str, list[bytes | None]] = {
        "TOO_LARGE": [MEGABYTE, b'{"type":"' + MEGABYTE + b'"}', b"[" * 33],
        "MALFORMED": [b"{ no JSON \xff", b"", None, b"[1]", b"[" * 32],
        "UNKNOWN_TYPE": [
            b'{"type":"OrderAmended","event_id":"1","event_time":"2026-03-02T15:00:00Z"}',
            b'{"type":"' + b"x" * 65_000 + b'"}',
        ],
    }
    sent: list[tuple[str, bytes | None, bytes | None, int | None]] = [
        (topic, value, key, 0)
        for topic in INPUTS
        for values in poison.values()
        for value in values
        for key in (b"ACME0000", b"", None)
        if value is not None or key is not None  # the client sends no such record
    ]
    reason_of = {value: reason for reason, values in poison.items() for value in values}
    reasons = [reason_of[value] for _, value, _, _ in sent]
    sent.append((ORDERS, _order(ACCOUNTS[0], "lost"), ACCOUNTS[0].encode(), wrong))
    reasons.append("WRONG_PARTITION")
    expected = dict(zip(desk.send(*sent), reasons, strict=True))
    desk.send(*((ORDERS, _order(a, f"good-{a}"), a.encode(), None) for a in ACCOUNTS))
    desk.wait("the orders", lambda: desk.executed(*(f"good-{a}" for a in ACCOUNTS)))
    desk.wait("the letters", lambda: len(desk.events(DEAD_LETTERS)) >= len(expected))
    letters = desk.events(DEAD_LETTERS)
    found = [
        (Place(e["source_topic"], e["source_partition"], e["source_offset"]), e["reason"])
        for e in letters
    ]
    assert Counter(found) == Counter(expected.items())
    values = dict(zip(expected, (value for _, value, _, _ in sent), strict=True))
    for place, letter in zip((place for place, _ in found), letters, strict=True):
        raw = values[place] or b""
        assert (letter["raw"] is None) is (values[place] is None)
        assert b64decode(letter["raw"] or "") == raw[: 64 * 1024]
        assert letter["raw_length"] == len(raw)
        assert letter["raw_sha256"] == sha256(raw).hexdigest()


def test_repeats_have_no_effect_and_other_content_is_refused(desk: Desk) -> None:
    account = ACCOUNTS[1]
    key = account.encode()
    order, deposit = _order(account, "twice"), _deposit(account, "paid-twice")
    desk.send((ORDERS, order, key, None), (FUNDINGS, deposit, key, None))
    desk.wait("the order", lambda: desk.executed("twice"))
    letters = len(desk.events(DEAD_LETTERS))
    desk.send(
        *((ORDERS, order, key, None) for _ in range(3)),
        *((FUNDINGS, deposit, key, None) for _ in range(3)),
        (ORDERS, _order(account, "twice", notional="11.00"), key, None),
        (FUNDINGS, _deposit(account, "paid-twice", "100.01"), key, None),
        (ORDERS, _order(account, "after"), key, None),
    )
    desk.wait("the order after", lambda: desk.executed("after"))
    desk.wait("the conflict", lambda: len(desk.events(DEAD_LETTERS)) > letters)
    updates = [e for e in desk.events(ORDER_UPDATES) if e["client_order_id"] == "twice"]
    kinds = [event["type"] for event in updates]
    assert kinds == ["OrderAccepted", "OrderFilled", "OrderRejected"]
    assert updates[-1]["reason"] == "DUPLICATE_ORDER_ID"
    assert [e["reason"] for e in desk.events(DEAD_LETTERS)[letters:]] == ["CONFLICT"]
    paid = [e for e in desk.events("journal") if e["cause_id"] == "event-paid-twice"]
    assert len(paid) == 1


def test_nobody_trades_on_a_stamp_of_2000_or_2099(desk: Desk) -> None:
    """2000 is decided at the partition's time, 2099 in the millisecond it was appended."""
    account = ACCOUNTS[2]
    key = account.encode()
    desk.send(
        (ORDERS, _order(account, "old", "2000-01-01T00:00:00Z"), key, None),
        (ORDERS, _order(account, "new", "2099-12-31T23:59:59.999999Z"), key, None),
    )

    def answers() -> list[dict[str, Any]]:
        names = {"old", "new"}
        updates = [e for e in desk.events(ORDER_UPDATES) if e["client_order_id"] in names]
        return [e for e in updates if e["type"] in {"OrderAccepted", "OrderRejected"}]

    desk.wait("the answers", lambda: len(answers()) == len({"old", "new"}))
    old, new = answers()
    assert old["event_time"] == time_text(micros(BEFORE))
    appended: list[int] = []

    def note(record: Record) -> None:
        if b'"new"' in (record.value or b""):
            appended.append(record.appended_ms)

    asyncio.run(read_live(desk.kafka.broker, note, [ORDERS]))
    assert micros(new["event_time"]) == appended[0] * 1000 + 999


def test_a_folder_that_cannot_be_written_is_waited_for(desk: Desk) -> None:
    """A file lies where the folder should be: as good as a full disk, for root too."""
    folder = desk.kafka.directory / "s3"
    folder.write_text("in the way")
    desk.kafka.worker("--no-clock", "--task", "delivery")
    desk.send(*_tick("window", time_text(WINDOW)), *_tick("now", "2099-12-31T23:59:59.999999Z"))
    desk.wait("the issues", lambda: bool(desk.events("report-issues")))
    desk.wait("a clear line", lambda: "are parked" in desk.kafka.said())
    assert desk.events(REPORT_DELIVERIES) == []
    folder.unlink()
    desk.wait("the deliveries", lambda: bool(desk.events(REPORT_DELIVERIES)))

    def issued() -> set[str]:
        return {e["delivered_id"] for e in desk.events("report-issues") if e["delivered_id"]}

    desk.wait(
        "all deliveries",
        lambda: {e["event_id"] for e in desk.events(REPORT_DELIVERIES)} == issued(),
    )
    delivered = desk.events(REPORT_DELIVERIES)
    assert len(delivered) == len(issued())
    for event in delivered:
        content = (folder / event["uri"].removeprefix("s3://")).read_bytes()
        assert sha256(content).hexdigest() == event["sha256"]


def test_a_broker_that_dies_and_comes_back_loses_nothing(desk: Desk) -> None:
    node = desk.kafka.node
    if node is None:
        pytest.skip("the broker runs in a container: it can't be killed from here")
    account = ACCOUNTS[3]
    key = account.encode()
    before = [
        (ORDERS, _order(account, f"b-{n}", "2099-12-31T23:59:59.999999Z"), key, None)
        for n in range(50)
    ]
    desk.send(*before)
    node.kill()
    time.sleep(2)
    node.start()
    _restart_the_ended(desk)
    desk.send((ORDERS, _order(account, "back", "2099-12-31T23:59:59.999999Z"), key, None))

    def answered() -> bool:
        _restart_the_ended(desk)
        names = {e["client_order_id"] for e in desk.events(ORDER_UPDATES)}
        return names >= {f"b-{n}" for n in range(50)} | {"back"}

    # A transaction that the broker has forgotten is waited for 18 s, a worker's absence for 6 s.
    desk.wait("the answers", answered, 2 * PATIENCE_SECONDS)
    desk.wait("the end", lambda: desk.kafka.settle("verify", check=False).returncode == 0)
    accepted = Counter(
        e["client_order_id"]
        for e in desk.events(ORDER_UPDATES)
        if e["account_id"] == account and e["type"] in {"OrderAccepted", "OrderRejected"}
    )
    assert set(accepted.values()) == {1}


def test_a_worker_told_to_stop_while_kafka_is_away_ends_in_order_and_loses_nothing(
    desk: Desk,
) -> None:
    """It can't commit, nor leave its groups; what it had under way is done by the next one."""
    node = desk.kafka.node
    if node is None:
        pytest.skip("the broker runs in a container: it can't be killed from here")
    for process in desk.kafka.processes:
        process.terminate()
        process.wait(timeout=PATIENCE_SECONDS)
    desk.kafka.processes.clear()
    tasks = ("--no-clock", *TRADING, "--task", "client-books", "--task", "delivery")
    port = free_port()
    worker = desk.kafka.worker(*tasks, "--web-port", str(port))
    desk.wait("a worker", lambda: _is_ready(port))
    account = ACCOUNTS[4]
    names = {f"s-{n}" for n in range(50)}
    late = "2099-12-31T23:59:59.999999Z"
    desk.send(*((ORDERS, _order(account, n, late), account.encode(), None) for n in sorted(names)))
    node.kill()
    worker.terminate()
    assert worker.wait(timeout=PATIENCE_SECONDS) == 0, desk.kafka.said()[-3000:]
    assert "is done again by the next worker" in desk.kafka.said()
    node.start()
    _restart_the_ended(desk)

    def answered() -> bool:
        _restart_the_ended(desk)
        return {e["client_order_id"] for e in desk.events(ORDER_UPDATES)} >= names

    desk.wait("the answers", answered, 2 * PATIENCE_SECONDS)
    desk.wait("the end", lambda: desk.kafka.settle("verify", check=False).returncode == 0)


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as page:
            return bool(page.status == HTTPStatus.OK)
    except OSError:  # not up yet, or a 503
        return False


def _restart_the_ended(desk: Desk) -> None:
    """Start a worker for each that ended, as a supervisor does."""
    for process in list(desk.kafka.processes):
        if process.poll() is not None:
            desk.kafka.processes.remove(process)
            assert isinstance(process.args, list)
            desk.kafka.worker(*process.args[4:])


def test_what_went_wrong_left_no_difference(desk: Desk) -> None:
    said = desk.kafka.settle("verify").stdout
    assert "no difference" in said
    assert "inputs unanswered 0" in " ".join(said.split())


def test_a_broken_invariant_parks_its_partition_at_the_same_event_each_time(desk: Desk) -> None:
    """An execution that names no account: none of ours, and nothing that may be skipped."""
    for process in desk.kafka.processes:
        process.terminate()
        process.wait(timeout=PATIENCE_SECONDS)
    place = desk.send((EXECUTIONS, _execution(), b"ACME0000", 0))[0]
    parked = f"settlement-0 is parked at {EXECUTIONS}-0 offset {place.offset}"
    for started in (1, 2):
        process = desk.kafka.worker("--no-clock", "--task", "settlement")
        give_up = time.monotonic() + PATIENCE_SECONDS
        while desk.kafka.said().count(parked) < started:
            assert process.poll() is None
            assert time.monotonic() < give_up, desk.kafka.said()[-3000:]
            time.sleep(0.5)
        process.terminate()
        assert process.wait(timeout=PATIENCE_SECONDS) == 0
    assert desk.kafka.said().count("broken-1 names no account") >= 2
    covered: dict[tuple[str, int], list[range]] = defaultdict(list)
    for entry in desk.events(TASK_LOG):
        if entry["task"] == "settlement":
            for topic, first, count in entry["spans"]:
                covered[topic, entry["partition"]].append(range(first, first + count))
    assert not any(place.offset in span for span in covered[EXECUTIONS, 0])


def _execution() -> bytes:
    numbers = dict.fromkeys(("quantity", "gross", "markup", "commission", "net_money"), "1.00")
    names: dict[str, Any] = {"execution_id": "broken-1", "account_id": None, "client": None}
    return _event("Execution", "broken", **names, **numbers)
