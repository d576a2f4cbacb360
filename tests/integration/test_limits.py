"""What any producer can write to an input topic is acted on or dead-lettered, on a real broker.

Each test sends one batch: good inputs before and behind those that are beyond a limit. The tests
run in their order, on one broker with one partition; the last ones restart the worker and audit all
that was done.
"""

import asyncio
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from agents.live_topics import read_live
from pipeline.task import Record
from tests.integration.conftest import Kafka
from tests.limits.values import GOOD
from topics.catalogue import (
    ACCOUNTS,
    BBO,
    CLIENTS,
    CLOCK,
    DEAD_LETTERS,
    EXECUTIONS,
    FUNDINGS,
    INSTRUMENTS,
    JOURNAL,
    ORDERS,
    PRICE_TICKS,
)

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PARTITIONS = 1
PATIENCE_SECONDS = 60.0
UNCOMPRESSED_BYTES_MAX = 10_000_000
AT = "2026-03-03T18:00:00Z"
ACCOUNT = "ACME0001"

Event = dict[str, Any]


class Sent(NamedTuple):
    """A record's key and value."""

    key: bytes | None
    value: bytes | None


def of(kind: str, key: str, name: str, **fields: Any) -> Sent:  # noqa: ANN401 - any JSON
    event = {"type": kind, "event_id": name, "event_time": AT} | GOOD[kind] | fields
    return Sent(key.encode(), orjson.dumps(event))


def instrument(symbol: str, name: str, **fields: Any) -> Sent:  # noqa: ANN401 - any JSON
    return of("InstrumentUpdated", symbol, name, symbol=symbol, **fields)


def tick(symbol: str, name: str, **fields: Any) -> Sent:  # noqa: ANN401 - any JSON
    return of("PriceTick", symbol, name, symbol=symbol, **fields)


def order(symbol: str, name: str) -> Sent:
    fields: Event = {"order_type": "MARKET", "time_in_force": "IOC", "limit_price": None}
    return of("OrderSubmitted", ACCOUNT, name, symbol=symbol, client_order_id=name, **fields)


def deposit(name: str, amount: str = "100.00", **fields: Any) -> Sent:  # noqa: ANN401 - any JSON
    return of("DepositSettled", ACCOUNT, name, **{"funding_id": name, "amount": amount} | fields)


def deepened(sent: Sent, levels: int) -> Sent:
    """Return a record with an unknown field, so that its value has so many levels."""
    extra = b'{"extra":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b","
    return Sent(sent.key, extra + (sent.value or b"")[1:])


class Desk:
    """Sends inputs, and reads what became of them."""

    def __init__(self, kafka: Kafka) -> None:
        self.kafka = kafka
        self.worker = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        self.worker = self.kafka.worker("--no-clock")
        return self.worker

    def send(self, topic: str, sent: Sequence[Sent]) -> None:
        """Send records as one batch, compressed: the broker's limit is on what it stores."""

        async def send() -> None:
            producer = self.kafka.broker.producer(
                compression_type="gzip",
                max_batch_size=UNCOMPRESSED_BYTES_MAX,
                max_request_size=UNCOMPRESSED_BYTES_MAX,
            )
            await producer.start()
            batch = producer.create_batch()
            for record in sent:
                assert batch.append(key=record.key, value=record.value, timestamp=None) is not None
            batch.close()
            await (await producer.send_batch(batch, topic, partition=0))
            await producer.stop()

        asyncio.run(send())

    def events(self, *topics: str) -> list[Event]:
        """Return what is committed in topics."""
        records: list[Record] = []
        asyncio.run(read_live(self.kafka.broker, records.append, topics))
        return [orjson.loads(record.value or b"") for record in records]

    def wait(self, what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert self.worker.poll() is None, self.kafka.said()[-3000:]
            assert time.monotonic() < deadline, f"{what}\n{self.kafka.said()[-3000:]}"
            time.sleep(0.2)

    def wait_for_causes(self, topic: str, *causes: str) -> None:
        """Wait until inputs of these event IDs have caused an event of `topic`."""
        self.wait(
            f"{topic} of {causes}",
            lambda: {event["cause_id"] for event in self.events(topic)} >= set(causes),
        )

    def refusals(self, topic: str, since: int, count: int) -> list[Event]:
        """Wait for the dead letters of a topic behind the first `since` ones, and return them."""

        def found() -> list[Event]:
            letters = self.events(DEAD_LETTERS)
            return [letter for letter in letters if letter["source_topic"] == topic][since:]

        self.wait(f"{count} dead letters of {topic}", lambda: len(found()) >= count)
        return found()

    def letters_of(self, topic: str) -> int:
        return sum(letter["source_topic"] == topic for letter in self.events(DEAD_LETTERS))


@pytest.fixture(scope="module")
def desk(kafka: Kafka) -> Desk:
    """A client, an instrument, an account, and a quote that lasts for a day."""
    desk = Desk(kafka)
    desk.send(CLIENTS, [of("ClientUpdated", "ACME", "client")])
    desk.send(INSTRUMENTS, [instrument("BTCUSD", "btc")])
    desk.send(ACCOUNTS, [of("AccountUpdated", ACCOUNT, "account")])
    desk.send(CLOCK, [Sent(None, of("ClockTicked", "", "start").value)])
    desk.wait("the instrument", lambda: bool(desk.events("market-feed")))
    desk.send(PRICE_TICKS, [tick("BTCUSD", "quote")])
    desk.wait_for_causes(BBO, "quote")
    return desk


def test_amounts_beyond_the_limit(desk: Desk) -> None:
    """The largest one is acted on, and remembered with all its digits."""
    most, beyond = "999999999999.99", "999999999999999"
    adjusted = {"funding_id": "a1"}
    before = desk.letters_of(FUNDINGS)
    desk.send(
        FUNDINGS,
        [
            deposit("d1"),
            deposit("d2", beyond),
            of("WithdrawalRequested", ACCOUNT, "w1", funding_id="w1", amount=beyond),
            of("CashAdjusted", ACCOUNT, "a1", **adjusted | {"amount": beyond}),
            of("CashAdjusted", ACCOUNT, "a2", **adjusted | {"amount": f"-{beyond}"}),
            deposit("d3", most),
            deposit("d3-again", most, funding_id="d3"),
            of("CashAdjusted", ACCOUNT, "a3", **adjusted | {"amount": f"-{most}"}),
            deposit("d4"),
        ],
    )
    letters = desk.refusals(FUNDINGS, before, 4)
    assert [letter["reason"] for letter in letters] == ["INVALID"] * 4
    desk.wait_for_causes(JOURNAL, "d1", "d3", "a3", "d4")
    assert not [e for e in desk.events(JOURNAL) if e["cause_id"] == "d3-again"]


def test_times_beyond_the_limit(desk: Desk) -> None:
    before = desk.letters_of(FUNDINGS)
    times = (
        "1970-01-01T00:00:00Z",
        "1999-12-31T23:59:59.999999Z",
        "2100-01-01T00:00:00Z",
        "9998-12-31T00:00:00Z",
    )
    beyond = [deposit(f"t{number}", event_time=at) for number, at in enumerate(times)]
    first = deposit("y2000", event_time="2000-01-01T00:00:00Z")
    desk.send(FUNDINGS, [deposit("d5"), *beyond, first, deposit("d6")])
    assert [letter["reason"] for letter in desk.refusals(FUNDINGS, before, 4)] == ["INVALID"] * 4
    desk.wait_for_causes(JOURNAL, "d5", "y2000", "d6")


def test_a_quote_that_would_never_be_stale(desk: Desk) -> None:
    before, ticks = desk.letters_of(INSTRUMENTS), desk.letters_of(PRICE_TICKS)
    beyond = (0, 86_400_001, 10**15, 2**63 - 1)
    desk.send(
        INSTRUMENTS,
        [
            instrument("AAAUSD", "aaa"),
            *(instrument("XXXUSD", f"x{n}", stale_after_ms=n) for n in beyond),
            instrument("CCCUSD", "ccc"),
        ],
    )
    letters = desk.refusals(INSTRUMENTS, before, 4)
    assert [letter["reason"] for letter in letters] == ["INVALID"] * 4
    quotes = [tick(symbol, f"tick-{symbol}") for symbol in ("AAAUSD", "XXXUSD", "CCCUSD")]
    desk.send(PRICE_TICKS, quotes)
    (letter,) = desk.refusals(PRICE_TICKS, ticks, 1)
    assert letter["reason"] == "UNKNOWN_SYMBOL"
    desk.wait_for_causes(BBO, "tick-AAAUSD", "tick-CCCUSD")


@pytest.mark.parametrize(
    ("topic", "kind", "key"),
    [
        pytest.param(INSTRUMENTS, "InstrumentUpdated", "DEEPUSD", id="instrument"),
        pytest.param(CLIENTS, "ClientUpdated", "DEEP", id="client"),
    ],
)
def test_a_field_that_nobody_knows_is_not_forwarded(
    desk: Desk, topic: str, kind: str, key: str
) -> None:
    """At 32 levels it is ignored; at 301 the record is refused; either way trading goes on."""
    field = "symbol" if topic == INSTRUMENTS else "client"
    before = desk.letters_of(topic)
    levels = {"fits": 32, "beyond": 33, "far": 301}
    events = [
        deepened(of(kind, key, f"{key}-{name}", **{field: key}), count)
        for name, count in levels.items()
    ]
    desk.send(topic, events)
    letters = desk.refusals(topic, before, 2)
    assert [letter["reason"] for letter in letters] == ["TOO_LARGE"] * 2
    desk.wait(
        f"{key} on market-feed",
        lambda: any(event.get(field) == key for event in desk.events("market-feed")),
    )
    (forwarded,) = [e for e in desk.events("market-feed") if e["event_id"] == f"{key}-fits"]
    assert "extra" not in forwarded
    assert forwarded["own_time"] == "2026-03-03T18:00:00.000000Z"
    desk.send(ORDERS, [order("BTCUSD", f"behind-{key}")])
    desk.wait_for_causes(EXECUTIONS, f"behind-{key}")


def test_a_base_that_is_money_or_another(desk: Desk) -> None:
    before = desk.letters_of(INSTRUMENTS)
    desk.send(
        INSTRUMENTS,
        [
            instrument("EEEUSD", "eee", base="EEE"),
            instrument("USDUSD", "usd", base="USD"),
            instrument("EEEUSD", "other", base="FFF"),
            instrument("EEEUSD", "same", base="EEE"),
            instrument("GGGUSD", "ggg", base="GGG"),
        ],
    )
    letters = desk.refusals(INSTRUMENTS, before, 2)
    assert [letter["reason"] for letter in letters] == ["INVALID", "BASE_CHANGED"]
    desk.send(PRICE_TICKS, [tick("EEEUSD", "tick-EEEUSD"), tick("GGGUSD", "tick-GGGUSD")])
    desk.wait_for_causes(BBO, "tick-EEEUSD", "tick-GGGUSD")
    desk.send(ORDERS, [order("EEEUSD", "buy-EEE")])
    desk.wait_for_causes(EXECUTIONS, "buy-EEE")
    (bought,) = [e for e in desk.events(EXECUTIONS) if e["cause_id"] == "buy-EEE"]
    assert bought["base"] == "EEE"


def test_references_of_more_than_a_million_characters(desk: Desk) -> None:
    """One of 1.2 million, and four of 1.5 million: 7.2 MB of input are five dead letters."""
    before = desk.letters_of(FUNDINGS)
    lengths = (1_200_000, *[1_500_000] * 4)
    beyond = [
        deposit(f"r{number}", reference="x" * length) for number, length in enumerate(lengths)
    ]
    desk.send(FUNDINGS, [deposit("r-before"), *beyond, deposit("r-behind", reference="x" * 140)])
    letters = desk.refusals(FUNDINGS, before, 5)
    assert [letter["reason"] for letter in letters] == ["TOO_LARGE"] * 5
    assert all(len(b64decode(letter["raw"])) == 65_536 for letter in letters)
    desk.wait_for_causes(JOURNAL, "r-before", "r-behind")


def test_5200_providers_of_one_symbol(desk: Desk) -> None:
    """The first 100 have quotes; the others get an answer, and the symbol is traded."""
    before, beyond = desk.letters_of(PRICE_TICKS), 5200 - 100
    desk.send(INSTRUMENTS, [instrument("HHHUSD", "hhh", base="HHH")])
    desk.wait(
        "the instrument",
        lambda: any(event.get("symbol") == "HHHUSD" for event in desk.events("market-feed")),
    )
    # Each asks a little less than the one before, so the 100th is the best.
    asks = [f"{1000 - number // 100}.{99 - number % 100:02}" for number in range(5200)]
    desk.send(
        PRICE_TICKS,
        [
            tick("HHHUSD", f"p{number}", provider=f"p{number}", ask_price=ask)
            for number, ask in enumerate(asks)
        ],
    )
    refused = desk.refusals(PRICE_TICKS, before, beyond)
    assert [letter["reason"] for letter in refused] == ["TOO_MANY_PROVIDERS"] * beyond
    assert b'"p100"' in b64decode(refused[0]["raw"])
    desk.send(ORDERS, [order("HHHUSD", "buy-HHH")])
    desk.wait_for_causes(EXECUTIONS, "buy-HHH")
    (bought,) = [e for e in desk.events(EXECUTIONS) if e["cause_id"] == "buy-HHH"]
    assert [part["provider"] for part in bought["providers"]] == ["p99"]


LARGE = 900_000


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(Sent(b"k" * 650_000, b"{}"), "TOO_LARGE", id="a-key-of-650-KB"),
        pytest.param(Sent(b"k" * LARGE, None), "TOO_LARGE", id="a-key-of-900-KB-and-no-value"),
        pytest.param(Sent(b"\xff" * 257, b"{}"), "TOO_LARGE", id="a-key-of-257-bytes-no-text"),
        pytest.param(
            Sent(None, b'{"type":"' + b"x" * LARGE + b'"}'), "TOO_LARGE", id="a-type-of-900-KB"
        ),
        pytest.param(
            Sent(None, b'{"type":"' + b"x" * 65_000 + b'"}'), "UNKNOWN_TYPE", id="a-type-of-65-KB"
        ),
        pytest.param(Sent(b"\xff\x00", b"\xff"), "MALFORMED", id="nothing-is-text"),
        pytest.param(Sent(b"", b""), "MALFORMED", id="nothing-at-all"),
        pytest.param(Sent(b"k" * 256, None), "MALFORMED", id="a-key-of-256-bytes-and-no-value"),
        pytest.param(
            Sent(("x" + "\N{GRINNING FACE}" * 64).encode(), b"1"), "TOO_LARGE", id="cut-in-a-letter"
        ),
    ],
)
@pytest.mark.parametrize("topic", [ORDERS, FUNDINGS, PRICE_TICKS, CLIENTS, ACCOUNTS])
def test_a_dead_letter_is_bounded(desk: Desk, topic: str, bad: Sent, reason: str) -> None:
    """What was sent before and behind it, in the same batch, is acted on."""
    before = desk.letters_of(topic)
    # In each topic something that is refused for its state stands around it, and shows the order.
    mark = Sent(b"mark", b'{"type":"Mark"}')
    desk.send(topic, [mark, bad, mark])
    letters = desk.refusals(topic, before, 3)
    assert [letter["reason"] for letter in letters] == ["UNKNOWN_TYPE", reason, "UNKNOWN_TYPE"]
    letter = letters[1]
    key, value = bad.key, bad.value
    shown = None if key is None else b64encode(key[:256]).decode()
    assert (letter["source_key_raw"], letter["source_key_length"]) == (shown, len(key or b""))
    assert letter["raw_length"] == len(value or b"")
    assert (letter["raw"] is None) is (value is None)
    assert b64decode(letter["raw"] or "") == (value or b"")[:65_536]
    assert len(letter["detail"]) <= 512
    text = key is not None and len(key) <= 256 and b"\xff" not in key
    assert letter["source_key"] == (key.decode() if text and key is not None else None)
    keys: list[bytes | None] = []

    def note(record: Record) -> None:
        if orjson.loads(record.value or b"")["event_id"] == letter["event_id"]:
            keys.append(record.key)

    asyncio.run(read_live(desk.kafka.broker, note, [DEAD_LETTERS]))
    assert keys == [None if key is None else key[:256]]


def test_a_worker_that_restarts_goes_on(desk: Desk) -> None:
    desk.worker.kill()
    desk.worker.wait()
    desk.start()
    desk.send(FUNDINGS, [deposit("d7")])
    desk.send(ORDERS, [order("EEEUSD", "after-restart")])
    desk.wait_for_causes(JOURNAL, "d7")
    desk.wait_for_causes(EXECUTIONS, "after-restart")


def test_the_audit_agrees_and_a_dump_is_replayed(desk: Desk, tmp_path: Path) -> None:
    assert "no difference" in desk.kafka.settle("verify", "--running").stdout
    dump = str(tmp_path / "dump.jsonl")
    desk.kafka.settle("dump", "--out", dump)
    desk.kafka.settle("replay", "--recorded", dump, "--out", str(tmp_path / "out"))
    written = (tmp_path / "out/topics/dead-letters.jsonl").read_bytes().splitlines()
    assert len(written) == len(desk.events(DEAD_LETTERS))
