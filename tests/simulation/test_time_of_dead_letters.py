"""Every input that is not refused for its form moves time (contract section 1).

In both engines and in the audit: what is due at or before a refused input happens first, and its
dead letter carries the input's own time. An input refused for its form moves nothing.

The market is 99.00 to 100.00; windows of the day, in UTC, are 22:30, 22:40, 23:00 (RETRY), 23:05.
"""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from audit.directory import audit_directory
from pipeline.quarantine import record_quarantined
from replay.difference import DifferenceError
from scripts.replay import run_replay
from tests.form_reasons import FORM_REASONS, STATE_REASONS
from tests.pipeline_in_memory import (
    Event,
    PipelineInMemory,
    Replayed,
    Told,
    both_engines,
    differences,
)
from tests.simulation.replay_copy import ReplayCopy
from tests.simulation.test_tasks import World, windows
from topics.catalogue import CASH_CALLS, DEAD_LETTERS, EXECUTIONS, QUARANTINES
from topics.partition import partition_of

MARKETPLACE, APEX, NET = "ACME0001", "ACME0002", "ACME0003"
JOURNAL = f"{APEX}-o2-1-TPJ-1"
Tell = Callable[[World, str], object]


def day() -> World:
    """Return a day until 18:00:07: an open call, an answered journal, a deposit under way."""
    world = World([MARKETPLACE])
    world.account(APEX, funding_model="APEX_CLEARING")
    world.account(NET, funding_model="NET_SETTLEMENT")
    world.tick("18:00:00")
    world.buy(MARKETPLACE, "o1", "18:00:01")
    world.buy(APEX, "o2", "18:00:02")
    answer(world, "18:00:04")
    net(world, "18:00:05", "NetWireReceived", wire_id="W0", amount="1.00")
    cancel(world, "18:00:06", "o8")
    funding(world, "18:00:07", "DepositInitiated")
    return world


def tick(world: World, at: str, **fields: object) -> None:
    usual = {"bid_price": "99.00", "bid_size": "1", "ask_price": "100.00", "ask_size": "1"}
    head = {"provider": "beta", "symbol": "BTCUSD"}
    world.tell("price-ticks", "PriceTick", at, **head | usual | fields)


def a_hundred_providers(world: World, at: str) -> None:
    """The hundredth and the one beyond it: `alpha` has a quote already."""
    for number in range(99):
        tick(world, "18:00:08", provider=f"p{number:02}")
    tick(world, at)


def instrument(world: World, at: str, **fields: object) -> None:
    value = next(line.value for line in world.lines if line.topic == "instruments")
    same = {name: value[name] for name in value if name not in {"type", "event_id", "event_time"}}
    world.tell("instruments", "InstrumentUpdated", at, **same | fields)


def funding(world: World, at: str, kind: str, **fields: object) -> None:
    usual = {"funding_id": "D0", "amount": "1.00", "instrument_type": "ACH"}
    world.tell("fundings", kind, at, **{"account_id": MARKETPLACE} | usual | fields)


def answer(world: World, at: str, kind: str = "ApexJournalCompleted", **fields: object) -> None:
    usual = {"account_id": APEX, "journal_id": JOURNAL, "amount": "100.00"}
    world.tell("apex-journal-results", kind, at, **usual | fields)


def cancel(world: World, at: str, order_id: str) -> None:
    ids = {"account_id": MARKETPLACE, "client_order_id": order_id, "cancel_id": "c0"}
    world.tell("orders", "OrderCancelRequested", at, **ids)


def net(world: World, at: str, kind: str, **fields: object) -> None:
    world.tell("net-wires", kind, at, **{"client": "ACME"} | fields)


def an_unanswered_call(world: World, at: str, amount: str) -> None:
    world.buy(APEX, "o3", "18:00:08")
    answer(world, at, journal_id=f"{APEX}-o3-1-TPJ-1", amount=amount)


# Each reason, and the topics on which an input may be refused for it.
STATE: dict[str, tuple[str, Tell]] = {
    "unknown symbol": ("UNKNOWN_SYMBOL", lambda w, at: tick(w, at, symbol="XRPUSD")),
    "crossed tick": ("CROSSED_TICK", lambda w, at: tick(w, at, bid_price="100.01")),
    "no size": ("NOT_POSITIVE", lambda w, at: tick(w, at, bid_size="0")),
    "one provider too many": ("TOO_MANY_PROVIDERS", a_hundred_providers),
    "another base": ("BASE_CHANGED", lambda w, at: instrument(w, at, base="ETH")),
    "another client": ("CLIENT_CHANGED", lambda w, at: w.account(MARKETPLACE, at, client="BETA")),
    "a cancel used before": ("CONFLICT", lambda w, at: cancel(w, at, "o9")),
    "a funding of nobody": (
        "UNKNOWN_ACCOUNT",
        lambda w, at: funding(w, at, "DepositSettled", account_id="NOBODY00"),
    ),
    "a funding used before": (
        "CONFLICT",
        lambda w, at: funding(w, at, "DepositInitiated", amount="2.00"),
    ),
    "no such step of a funding": (
        "BAD_TRANSITION",
        lambda w, at: funding(w, at, "DepositReturned", funding_id="D9"),
    ),
    "another amount of a funding": (
        "AMOUNT_MISMATCH",
        lambda w, at: funding(w, at, "DepositSettled", amount="2.00"),
    ),
    "not our funding": (
        "FUNDING_NOT_OURS",
        lambda w, at: funding(w, at, "DepositSettled", account_id=NET),
    ),
    "an answer to nobody": (
        "UNKNOWN_ACCOUNT",
        lambda w, at: answer(w, at, account_id="NOBODY00"),
    ),
    "an answer to nothing": (
        "UNKNOWN_JOURNAL",
        lambda w, at: answer(w, at, journal_id=f"{APEX}-o2-1-TPJ-2"),
    ),
    "an answer for no known reason": (
        "UNKNOWN_REASON",
        lambda w, at: answer(w, at, "ApexJournalRejected", reason="WHIM"),
    ),
    "another answer": (
        "CONTRADICTION",
        lambda w, at: answer(w, at, "ApexJournalRejected", reason="LIMIT_REVIEW"),
    ),
    "another amount of an answer": (
        "AMOUNT_MISMATCH",
        lambda w, at: an_unanswered_call(w, at, "99.00"),
    ),
    "a wire of nobody": (
        "UNKNOWN_ACCOUNT",
        lambda w, at: net(w, at, "NetWireReceived", wire_id="W1", client="NONE", amount="1.00"),
    ),
    "a wire used before": (
        "CONFLICT",
        lambda w, at: net(w, at, "NetWireReceived", wire_id="W0", amount="2.00"),
    ),
    "no such net": (
        "BAD_TRANSITION",
        lambda w, at: net(w, at, "NetSettlementConfirmed", window_to="2026-03-03T15:00:00Z"),
    ),
}


def raw_line(world: World, value: str) -> None:
    world.lines.append(Told("orders", orjson.loads(value), value.encode()))


# Each has an `event_time` behind the windows, as far as it has one.
FORM: dict[str, tuple[str, Tell]] = {
    "no object": ("MALFORMED", lambda w, _: raw_line(w, "[1]")),
    "unknown type": ("UNKNOWN_TYPE", lambda w, at: w.tell("orders", "OrderVanished", at)),
    "a part of a cent": (
        "INVALID",
        lambda w, at: funding(w, at, "DepositSettled", amount="1.001"),
    ),
    "too long": (
        "TOO_LARGE",
        lambda w, at: w.tell("orders", "OrderVanished", at, note="x" * 65_536),
    ),
}


def times(events: list[tuple[str, Event]]) -> tuple[list[str], list[str]]:
    """Return when windows opened, and the time of each dead letter."""
    opened = [e for topic, e in events if topic == EXECUTIONS and e["type"] == "WindowOpened"]
    letters = [event for topic, event in events if topic == DEAD_LETTERS]
    return (
        [event["scheduled_at"][11:19] for event in opened],
        [event["event_time"][11:19] for event in letters],
    )


def both(world: World) -> tuple[Replayed, PipelineInMemory]:
    pipeline = PipelineInMemory(1)
    replayed = both_engines(world.lines, pipeline)
    assert differences(replayed, pipeline) == []
    return replayed, pipeline


def audited(world: World, tmp_path: Path) -> Path:
    """Replay a day into a directory, which passes the audit."""
    texts = [
        b'{"topic":"%s","value":%s}\n' % (line.topic.encode(), line.raw or orjson.dumps(line.value))
        for line in world.lines
    ]
    (tmp_path / "day.jsonl").write_bytes(b"".join(texts))
    run_replay([str(tmp_path / "day.jsonl")], tmp_path / "out", None)
    audit_directory(tmp_path / "out")
    return tmp_path / "out"


def written(out: Path) -> list[tuple[str, Event]]:
    return [
        (topic, orjson.loads(text))
        for topic in (EXECUTIONS, DEAD_LETTERS)
        for text in (out / "topics" / f"{topic}.jsonl").read_bytes().splitlines()
    ]


def test_the_tables_have_every_reason() -> None:
    assert {reason for reason, _ in STATE.values()} == STATE_REASONS
    live_only = {"WRONG_PARTITION", "QUARANTINED"}
    assert {reason for reason, _ in FORM.values()} | live_only == FORM_REASONS


@pytest.mark.parametrize("name", STATE)
def test_what_is_due_comes_before_an_input_that_is_refused(name: str, tmp_path: Path) -> None:
    """Refused at 23:00:01 behind three windows: the RETRY tries the open call a second time."""
    reason, tell = STATE[name]
    world = day()
    tell(world, "23:00:01")
    replayed, pipeline = both(world)
    opened = ["22:30:00", "22:40:00", "23:00:00"]
    assert times(replayed.emitted) == (opened, ["23:00:01"])
    assert [at[-8:] for at in windows(pipeline, 0)] == opened
    topics = [topic for topic, _ in replayed.emitted]
    assert topics[-1] == DEAD_LETTERS
    assert replayed.emitted[-1][1]["reason"] == reason
    (failed,) = (e for t, e in replayed.emitted if t == CASH_CALLS and e["attempt"] == 2)
    assert (failed["type"], failed["event_time"][11:19]) == ("CashCallFailed", "23:00:00")
    assert times(written(audited(world, tmp_path))) == (opened, ["23:00:01"])


@pytest.mark.parametrize("name", STATE)
def test_it_moves_time_also_where_nothing_is_due(name: str) -> None:
    """Its dead letter has its own time in both engines."""
    world = day()
    STATE[name][1](world, "18:00:09")
    replayed, pipeline = both(world)
    assert times(replayed.emitted) == ([], ["18:00:09"])
    (letter,) = pipeline.of_type(DEAD_LETTERS)
    assert letter["event_time"] == "2026-03-03T18:00:09.000000Z"


@pytest.mark.parametrize("name", FORM)
def test_an_input_refused_for_its_form_moves_nothing(name: str, tmp_path: Path) -> None:
    """Its dead letter has the time of the input before it, and no window opens."""
    reason, tell = FORM[name]
    world = day()
    tell(world, "23:00:01")
    replayed, pipeline = both(world)
    assert times(replayed.emitted) == ([], ["18:00:07"])
    assert replayed.emitted[-1][1]["reason"] == reason
    assert windows(pipeline, 0) == []
    assert times(written(audited(world, tmp_path))) == ([], ["18:00:07"])


@pytest.mark.parametrize("reason", ["WRONG_PARTITION", "QUARANTINED"])
def test_live_alone_an_input_may_be_refused_for_its_place(reason: str) -> None:
    """A cancel of 23:00:01: trading stays at 18:00:00, and opens no window."""
    pipeline = PipelineInMemory(2)
    pipeline.tick_clock("2026-03-03T18:00:00Z")
    world = World([])
    cancel(world, "23:00:01", "o1")
    value = world.lines.pop().value
    if reason == "QUARANTINED":
        for partition in range(2):
            quarantine = record_quarantined("orders", partition, 0, "why not")
            pipeline.append(QUARANTINES, partition, None, orjson.dumps(quarantine))
        pipeline.send("orders", value)
    else:
        other = 1 - partition_of(MARKETPLACE, 2)
        pipeline.append("orders", other, MARKETPLACE.encode(), orjson.dumps(value))
    pipeline.settle()
    (letter,) = pipeline.of_type(DEAD_LETTERS)
    assert (letter["reason"], letter["event_time"][11:19]) == (reason, "18:00:00")
    assert windows(pipeline, 0) == windows(pipeline, 1) == []


@pytest.mark.parametrize("name", ["a cancel used before", "another client"])
def test_live_trading_opens_windows_before_it_refuses(name: str) -> None:
    """No clock ticks after 18:00: the refused input itself moves the partition's time."""
    pipeline = PipelineInMemory(1)
    world = day()
    pipeline.tick_clock("2026-03-03T18:00:00Z")
    world.told_to(pipeline)
    STATE[name][1](world, "23:00:01")
    world.told_to(pipeline)
    assert [at[-8:] for at in windows(pipeline, 0)] == ["22:30:00", "22:40:00", "23:00:00"]
    assert [e["event_time"][11:19] for e in pipeline.of_type(DEAD_LETTERS)] == ["23:00:01"]


# -- the first input -------------------------------------------------------------------------------

# What comes first at 22:59:59, whether it starts time, and the time of its dead letter. Reference
# data is of 11:59:00.
FIRST: dict[str, tuple[Tell, bool, str]] = {
    "a tick": (STATE["unknown symbol"][1], True, "22:59:59"),
    "a funding": (STATE["a funding of nobody"][1], True, "22:59:59"),
    "a wire": (STATE["a wire of nobody"][1], True, "22:59:59"),
    "an answer": (STATE["an answer to nothing"][1], True, "22:59:59"),
    "an instrument": (STATE["another base"][1], False, "22:59:59"),
    "an account": (STATE["another client"][1], False, "22:59:59"),
    "no object": (FORM["no object"][1], False, "11:59:00"),
    "a part of a cent": (FORM["a part of a cent"][1], False, "11:59:00"),
}


@pytest.mark.parametrize("name", FIRST)
def test_the_first_input_starts_time_though_it_is_refused(name: str, tmp_path: Path) -> None:
    """Unless it is reference data, or refused for its form. The RETRY of 23:00 shows it."""
    tell, starts, letter_at = FIRST[name]
    world = World([MARKETPLACE, APEX])
    tell(world, "22:59:59")
    world.tick("23:00:01")
    replayed, _ = both(world)
    opened = ["23:00:00"] if starts else []
    assert times(replayed.emitted) == (opened, [letter_at])
    out = audited(world, tmp_path)
    assert times(written(out)) == (opened, [letter_at])
    began = orjson.loads((out / "summary.json").read_bytes())["time_began"]
    assert began == f"2026-03-03T{'22:59:59' if starts else '23:00:01'}.000000Z"


# -- the audit demands it --------------------------------------------------------------------------


@pytest.mark.parametrize("name", STATE)
def test_the_audit_finds_a_refused_input_that_moved_no_time(name: str, tmp_path: Path) -> None:
    """Its letter has the time of the input before it; or no window opened before it."""
    world = day()
    STATE[name][1](world, "23:00:01")
    out = audited(world, tmp_path)
    earlier = ReplayCopy(out, tmp_path / "earlier")
    earlier.topic(DEAD_LETTERS)[-1]["event_time"] = "2026-03-03T18:00:07.000000Z"
    without = ReplayCopy(out, tmp_path / "without")
    without.drop_caused_by(*(e["cause_id"] for e in without.of_type(EXECUTIONS, "WindowOpened")))
    for copy, found in ((earlier, "dead-letters"), (without, "WindowOpened|executions")):
        copy.save()
        with pytest.raises(DifferenceError, match=found):
            audit_directory(copy.root)
