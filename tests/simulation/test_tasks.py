"""The tasks of the live engine, without a broker, make what the history engine makes.

In one partition and in several, in transactions of any size, with workers dying anywhere: the same
events with the same ids in the same order per key, and the same files.
"""

import random
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import orjson
import pytest

from replay.read import read_inputs
from schemas.instant import Micros, micros
from tests.golden.renew import DAY
from tests.pipeline_in_memory import (
    Event,
    PipelineInMemory,
    Point,
    Told,
    both_engines,
    differences,
    told_of,
)
from topics.catalogue import (
    AGED_FAILURES,
    BALANCES,
    CASH_CALLS,
    CLIENT_LINES,
    DEAD_LETTERS,
    EXECUTIONS,
    FUNDING_UPDATES,
    JOURNAL,
    ORDER_UPDATES,
    ORDERS,
)
from topics.partition import partition_of

GOLDEN = list(told_of(read_inputs([str(DAY)])))
Killed = Callable[[Point], bool]


def by_chance(seed: int, chance: float) -> Killed:
    random_ = random.Random(seed)
    return lambda _: random_.random() < chance


def never(_: Point) -> bool:
    return False


def behind_every_transaction(point: Point) -> bool:
    return point == "after"


def every_other_step_is_lost() -> Killed:
    """Nothing of it was committed: it is done again, from the state."""
    coin = by_chance(0, 0.5)
    return lambda point: point != "after" and coin(point)


@pytest.mark.parametrize("partitions", [1, 4, 7])
@pytest.mark.parametrize(
    "killed",
    [
        pytest.param(lambda: never, id="never"),
        pytest.param(lambda: behind_every_transaction, id="behind every transaction"),
        pytest.param(every_other_step_is_lost, id="every other step is lost"),
        *[pytest.param(lambda s=s: by_chance(s, 0.1), id=f"by chance, seed {s}") for s in range(8)],
    ],
)
def test_the_golden_day(partitions: int, killed: Callable[[], Killed]) -> None:
    pipeline = PipelineInMemory(partitions, killed())
    replayed = both_engines(GOLDEN, pipeline)
    assert differences(replayed, pipeline) == []
    assert len(pipeline.files) == 34
    assert len(pipeline.of_type(DEAD_LETTERS)) == 6


@pytest.mark.parametrize("seed", range(6))
def test_what_is_in_one_transaction_makes_no_difference(seed: int) -> None:
    """A worker that takes in much at once writes what one writes that commits every input."""
    each, many = PipelineInMemory(3), PipelineInMemory(3, by_chance(seed, 0.03))
    chance = random.Random(seed)
    many.commits = lambda: chance.random() < 0.2
    for pipeline in (each, many):
        assert differences(both_engines(GOLDEN, pipeline), pipeline) == []
    assert sum(len(records) for records in each.log.values()) > sum(
        len(records) for records in many.log.values()
    )


# -- a small world -------------------------------------------------------------------------------


def account_in(partition: int, partitions: int, client: str = "ACME", nth: int = 0) -> str:
    """Return an account id that belongs to a partition."""
    ids = (f"{client}{number:04}" for number in count())
    found = (name for name in ids if partition_of(name, partitions) == partition)
    for _ in range(nth):
        next(found)
    return next(found)


class World:
    """Lines that are told to a pipeline, or kept for both engines."""

    def __init__(self, accounts: Iterable[str]) -> None:
        self.lines: list[Told] = []
        self.tell(
            "clients",
            "ClientUpdated",
            "11:59:00",
            client="ACME",
            name="Acme",
            commission_model="MARKUP",
        )
        self.tell(
            "instruments",
            "InstrumentUpdated",
            "11:59:00",
            symbol="BTCUSD",
            base="BTC",
            quote="USD",
            minimum_price_increment="0.01",
            minimum_quantity_increment="0.00000001",
            minimum_order_value="1.00",
            stale_after_ms=86_400_000,
            tradable=True,
        )
        for account_id in accounts:
            self.account(account_id)

    def tell(self, topic: str, kind: str, at: str, **fields: object) -> Event:
        """Tell an event; `at` is UTC on a winter day: six hours ahead of Chicago."""
        time = at if "T" in at else f"2026-03-03T{at}Z"
        head = {"type": kind, "event_id": f"in-{len(self.lines)}", "event_time": time}
        value: Event = head | fields
        self.lines.append(Told(topic, value))
        return value

    def account(self, account_id: str, at: str = "11:59:00", **fields: object) -> Event:
        usual = {
            "account_id": account_id,
            "client": "ACME",
            "funding_model": "MARKETPLACE",
            "mode": "OPEN",
            "jurisdiction": "OPEN",
        }
        return self.tell("accounts", "AccountUpdated", at, **usual | fields)

    def tick(self, at: str, ask: str = "100.00") -> Event:
        return self.tell(
            "price-ticks",
            "PriceTick",
            at,
            provider="alpha",
            symbol="BTCUSD",
            bid_price="99.00",
            bid_size="1000",
            ask_price=ask,
            ask_size="1000",
        )

    def buy(self, account_id: str, order_id: str, at: str, quantity: str = "1") -> Event:
        return self.tell(
            "orders",
            "OrderSubmitted",
            at,
            account_id=account_id,
            client_order_id=order_id,
            symbol="BTCUSD",
            side="BUY",
            order_type="MARKET",
            time_in_force="IOC",
            quantity=quantity,
        )

    def deposit(self, account_id: str, funding_id: str, at: str, amount: str = "100.00") -> Event:
        return self.tell(
            "fundings",
            "DepositSettled",
            at,
            funding_id=funding_id,
            account_id=account_id,
            instrument_type="WIRE",
            amount=amount,
        )

    def told_to(self, pipeline: PipelineInMemory) -> None:
        """Produce all lines that are not told yet."""
        for topic, value, raw in self.lines:
            pipeline.produce(topic, value, raw)
        self.lines.clear()


def windows(pipeline: PipelineInMemory, partition: int) -> list[str]:
    return [
        event["cause_id"].removesuffix(".000000Z")
        for event in pipeline.in_partition(EXECUTIONS, partition)
        if event["type"] == "WindowOpened"
    ]


def as_bags(pipeline: PipelineInMemory) -> dict[tuple[str, int], list[tuple[Any, Any]]]:
    """Return what was written; `client-lines` sorted, where several partitions' lines may meet."""
    return {
        place: sorted(written, key=str) if place[0] == CLIENT_LINES else written
        for place, written in pipeline.written().items()
    }


# -- windows -------------------------------------------------------------------------------------


def test_a_partition_whose_time_starts_later_holds_up_files_not_books() -> None:
    """Its first marker stands for all earlier ones: the files are those of the history engine."""
    names = [account_in(partition, 4) for partition in range(4)]
    world = World(names[:3])
    world.tick("18:00:00")
    for number, name in enumerate(names[:3]):
        world.deposit(name, f"d{number}", f"18:00:0{number + 1}")
        world.buy(name, f"o{number}", f"18:01:0{number}", "0.5" if number else "2")
    world.deposit(names[0], "d3", "22:45:00")
    started: list[int] = []  # files that were there when the last partition's time started

    def clocks(now: Micros) -> Iterable[int]:
        if now < micros("2026-03-03T23:09:00Z"):
            return range(3)
        started.append(len(pipeline.files))
        return range(4)

    world.account(names[3], "23:09:00")
    world.deposit(names[3], "d4", "23:10:00")
    world.tick("23:20:00")
    world.buy(names[3], "o3", "23:20:01")
    world.deposit(names[0], "d5", "2026-03-04T01:31:00Z")
    pipeline = PipelineInMemory(4, by_chance(1, 0.1))
    replayed = both_engines(world.lines, pipeline, clocks)
    assert differences(replayed, pipeline) == []
    early = [
        "MAINTENANCE_BEGIN@2026-03-03T22:30:00",
        "START_OF_DAY@2026-03-03T22:40:00",
        "RETRY@2026-03-03T23:00:00",
        "MAINTENANCE_END@2026-03-03T23:05:00",
    ]
    late = ["AGED_REPORT@2026-03-04T01:30:00"]
    assert [windows(pipeline, partition) for partition in range(4)] == [early + late] * 3 + [late]
    assert started[0] == 0
    assert len(pipeline.files) == 6


def test_a_funding_of_a_later_window_waits_for_it() -> None:
    """Its money is not there for the retry before it, though it came in before the retry."""
    name = account_in(1, 2)
    world = World([name])
    pipeline = PipelineInMemory(2, behind_every_transaction)
    world.tick("18:00:00")
    world.deposit(name, "d1", "18:00:00", "99.99")
    world.buy(name, "o1", "18:00:01")
    pipeline.tick_clock("2026-03-03T18:00:00Z")
    world.told_to(pipeline)
    assert [e["type"] for e in pipeline.of_type(CASH_CALLS)][1:] == ["CashCallFailed"]
    pipeline.tick_clock("2026-03-03T22:59:59Z")
    before = len(pipeline.of_type(JOURNAL))
    world.deposit(name, "d2", "23:00:00.000000")
    world.told_to(pipeline)
    assert len(pipeline.of_type(JOURNAL)) == before  # it waits
    # What belongs to the open window waits behind it: one topic is one order.
    world.deposit(name, "d3", "22:59:59.999999")
    world.told_to(pipeline)
    assert len(pipeline.of_type(JOURNAL)) == before
    pipeline.tick_clock("2026-03-03T23:00:00Z")
    calls = pipeline.of_type(CASH_CALLS)
    assert [e["type"] for e in calls][1:] == ["CashCallFailed"] * 2
    assert calls[-1]["attempt"] == 2
    entries = pipeline.of_type(JOURNAL)[before:]
    assert [entry["event_time"] for entry in entries] == ["2026-03-03T23:00:00.000000Z"] * 2


def test_an_account_of_a_later_window_waits_in_settlement_and_clients_do_in_their_books() -> None:
    name = account_in(0, 2)
    world = World([name])
    pipeline = PipelineInMemory(2)
    world.tick("18:00:00")
    world.buy(name, "o1", "18:00:01")
    pipeline.tick_clock("2026-03-03T18:00:00Z")
    world.told_to(pipeline)
    # Trading's time goes on with it, so the window opens: nothing is left waiting.
    world.account(name, "23:00:01", mode="LOCKED")
    world.told_to(pipeline)
    failed = pipeline.of_type(CASH_CALLS, "CashCallFailed")
    assert [event["reason"] for event in failed] == ["INSUFFICIENT_FUNDS"] * 2


def test_a_retry_that_is_cut_off_after_each_account_goes_on_where_it_was() -> None:
    """With and without deaths in the middle: the same events, the same windows, the same books."""
    names = [account_in(partition, 2, nth=nth) for nth in range(12) for partition in range(2)]
    day = World(names)
    day.tick("18:00:00")
    for number, name in enumerate(names):
        for k in range(3):
            day.buy(name, f"o{k}", f"18:{number:02}:0{k}")
        # One of three calls can be paid at the retry, or two.
        day.deposit(name, "d1", f"18:{number:02}:30", f"{100 * (1 + number % 2)}.00")
    day.deposit(names[0], "d2", "2026-03-04T01:31:00Z")

    def told(killed: Killed) -> PipelineInMemory:
        pipeline = PipelineInMemory(2, killed)
        assert differences(both_engines(day.lines, pipeline), pipeline) == []
        return pipeline

    unbroken = told(never)
    retried = [e for e in unbroken.of_type(CASH_CALLS) if e["cause_id"].startswith("RETRY")]
    assert len(retried) == 3 * len(names)
    assert len(unbroken.of_type(AGED_FAILURES)) > len(names)
    for killed in (behind_every_transaction, every_other_step_is_lost(), by_chance(3, 0.3)):
        assert as_bags(told(killed)) == as_bags(unbroken)


# -- what does not fit ---------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["accounts", "orders", "fundings", "clients", "instruments"])
def test_an_input_in_another_partition_is_a_dead_letter_and_nothing_else(topic: str) -> None:
    name = account_in(0, 4)
    world = World([name])
    pipeline = PipelineInMemory(4, behind_every_transaction)
    world.tick("18:00:00")
    world.deposit(name, "d1", "18:00:01")
    pipeline.tick_clock("2026-03-03T18:00:00Z")
    world.told_to(pipeline)
    told: dict[str, Callable[[], Event]] = {
        "accounts": lambda: world.account(account_in(0, 4, nth=1), "18:01:00"),
        "orders": lambda: world.buy(name, "o1", "18:01:00"),
        "fundings": lambda: world.deposit(name, "d2", "18:01:00"),
        "clients": lambda: World([]).lines[0].value | {"event_id": "again"},
        "instruments": lambda: World([]).lines[1].value | {"event_id": "again"},
    }
    value = told[topic]()
    before = pipeline.written()
    key = str(value[{"clients": "client", "instruments": "symbol"}.get(topic, "account_id")])
    wrong = (partition_of(key, 4) + 1) % 4
    pipeline.append(topic, wrong, key.encode(), orjson.dumps(value))
    pipeline.settle()
    (letter,) = pipeline.of_type(DEAD_LETTERS)
    assert letter["reason"] == "WRONG_PARTITION"
    assert (letter["source_topic"], letter["source_partition"], letter["source_key"]) == (
        topic,
        wrong,
        key,
    )
    # In the partition of its key, whichever its source's was.
    assert pipeline.in_partition(DEAD_LETTERS, partition_of(key, 4)) == [letter]
    changed = {
        place for place, written in pipeline.written().items() if before.get(place) != written
    }
    assert changed == {(topic, wrong), (DEAD_LETTERS, partition_of(key, 4))}


def test_a_key_that_is_no_text_and_a_record_without_a_value_are_dead_letters() -> None:
    pipeline = PipelineInMemory(2)
    pipeline.tick_clock("2026-03-03T18:00:00Z")
    pipeline.append(ORDERS, 1, b"\xff\xfe", None)
    pipeline.append(ORDERS, 1, None, b"\xff\xfe")
    pipeline.settle()
    letters = pipeline.of_type(DEAD_LETTERS)
    assert [letter["reason"] for letter in letters] == ["MALFORMED"] * 2
    assert {
        (letter["source_key"], letter["source_key_raw"], letter["source_key_length"], letter["raw"])
        for letter in letters
    } == {
        (None, "//4=", 2, None),
        (None, None, 0, "//4="),
    }


# -- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "reference", "refused"),
    [
        pytest.param("trading", "accounts", ORDERS, id="trading"),
        pytest.param("trading", "clients", ORDERS, id="trading-by-market"),
        pytest.param("settlement", "accounts", "fundings", id="settlement"),
        pytest.param("client-books", "clients", "net-wires", id="client-books"),
    ],
)
def test_before_time_starts_a_dead_letter_has_the_time_of_the_last_reference_data(
    task: str, reference: str, refused: str
) -> None:
    """None at all: the first time that there is. It is kept in the state."""
    pipeline = PipelineInMemory(1, behind_every_transaction)
    world = World([account_in(0, 1)])
    values = {line.topic: line.value for line in world.lines}
    pipeline.append(refused, 0, None, b"1")
    pipeline.settle()
    later = values[reference] | {"event_time": "2026-03-03T17:00:00.25Z"}
    pipeline.produce(reference, later)
    pipeline.append(refused, 0, None, b"2")
    pipeline.settle()
    times = [letter["event_time"] for letter in pipeline.of_type(DEAD_LETTERS)]
    assert times == ["2000-01-01T00:00:00.000000Z", "2026-03-03T17:00:00.250000Z"], task


def test_nobody_trades_on_a_future_stamp_nor_on_a_late_one() -> None:
    """A stamp of 2099 counts as its append time, the last microsecond of it; one of 2000 as T."""
    name = account_in(0, 2)
    world = World([name])
    pipeline = PipelineInMemory(2, behind_every_transaction)
    pipeline.now_ms = micros("2026-03-03T18:00:00Z") // 1000
    world.tick("18:00:00")
    pipeline.tick_clock("2026-03-03T18:00:00Z")
    world.told_to(pipeline)
    pipeline.now_ms += 1234
    world.buy(name, "o1", "2099-12-31T23:59:59.999999Z")
    world.deposit(name, "d1", "2099-12-31T23:59:59.999999Z")
    world.told_to(pipeline)
    appended = "2026-03-03T18:00:01.234999Z"
    pipeline.now_ms += 1000
    world.buy(name, "o2", "2000-01-01T00:00:00Z")
    world.deposit(name, "d2", "2000-01-01T00:00:00Z")
    world.told_to(pipeline)
    for topic in (ORDER_UPDATES, EXECUTIONS, CASH_CALLS, JOURNAL, BALANCES):
        events = pipeline.of_type(topic)
        assert {event["event_time"] for event in events} == {appended}, topic
    orders = pipeline.of_type(ORDER_UPDATES, "OrderFilled")
    assert [event["client_order_id"] for event in orders] == ["o1", "o2"]
    assert pipeline.of_type(FUNDING_UPDATES) == []
