"""`settle verify` finds planted damage and names it, also when what is stored of it is made to fit.

Each row of the tables in damage_*.py damages a copy of a replay directory and says what the
audit's one line must name.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from audit.directory import audit_directory
from replay.difference import DifferenceError
from replay.generate.day import write_generated_day
from replay.generate.options import DayOptions
from scripts.errors import Failure
from scripts.replay import run_replay
from scripts.verify import verify
from tests.simulation.damage_to_a_month import MONTH
from tests.simulation.damage_to_files import FILES
from tests.simulation.damage_to_settlement import SETTLEMENT
from tests.simulation.damage_to_trading import TRADING
from tests.simulation.damage_with_inputs import INPUTS
from tests.simulation.must_be_found import STORED, must_be_found
from tests.simulation.replay_copy import ReplayCopy

DAY = TRADING | SETTLEMENT | FILES | INPUTS


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated day across all windows."""
    root = tmp_path_factory.mktemp("day")
    source = root / "day.jsonl"
    # Marketplace alone: what other models add is damaged in days of their own.
    options = DayOptions(
        seed=5,
        accounts=100,
        hours=22,
        orders=400,
        quote_interval_ms=300_000,
        models=("MARKETPLACE",),
    )
    write_generated_day(options, source)
    run_replay([str(source)], root / "out", None)
    return root / "out"


@pytest.fixture(scope="session")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A customer who never pays: a call that is written off 30 days later, and quiet days."""
    root = tmp_path_factory.mktemp("month")
    source = root / "month.jsonl"
    source.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in _a_call_never_paid()))
    run_replay([str(source)], root / "out", None)
    return root / "out"


def _a_call_never_paid() -> list[dict[str, Any]]:
    def line(topic: str, kind: str, number: int, date: str, **fields: object) -> dict[str, Any]:
        time = f"2026-02-{date}:{number:02d}.000000Z"
        value = {"type": kind, "event_id": f"{topic}-{number}", "event_time": time, **fields}
        return {"topic": topic, "value": value}

    noon = "03T18:00"
    increments = {"minimum_price_increment": "0.01", "minimum_quantity_increment": "0.00000001"}
    quoted = {"bid_price": "99.00", "bid_size": "5", "ask_price": "100.00", "ask_size": "5"}
    market = {"symbol": "BTCUSD", "side": "BUY", "order_type": "MARKET", "time_in_force": "IOC"}
    ours = {"account_id": "ACME0001"}
    deposit = {**ours, "funding_id": "d-1", "amount": "20.00"}
    # Chicago: noon on the 3rd, 22:00 on the 4th of March.
    return [
        line("clients", "ClientUpdated", 0, noon, client="ACME", commission_model="TRADE_FEE"),
        line(
            "instruments", "InstrumentUpdated", 1, noon, symbol="BTCUSD", base="BTC", **increments
        ),
        line("accounts", "AccountUpdated", 2, noon, **ours, client="ACME"),
        line("fundings", "DepositSettled", 3, noon, **deposit),
        line("price-ticks", "PriceTick", 4, noon, provider="v", symbol="BTCUSD", **quoted),
        line(
            "orders",
            "OrderSubmitted",
            5,
            noon,
            **ours,
            client_order_id="a",
            quantity="0.5",
            **market,
        ),
        {
            "topic": "clock",
            "value": {
                "type": "ClockTicked",
                "event_id": "clock-1",
                "event_time": "2026-03-08T04:00:00.000000Z",
                "at": "2026-03-08T04:00:00.000000Z",
            },
        },
    ]


# -- what is whole verifies ----------------------------------------------------------------------


def test_a_replay_verifies(day: Path) -> None:
    checked = dict(audit_directory(day))
    assert int(checked["executions, each recomputed"].replace(",", "")) > 300
    assert checked["windows"] == "8"
    assert int(checked["inputs, each answered"].replace(",", "")) > 2000


def test_a_written_off_call_and_quiet_days_verify(month: Path) -> None:
    checked = dict(audit_directory(month))
    assert checked["windows"] == str(32 * 8 + 5)
    assert checked["money in the FBO"] == "20.00 USD"


def test_inputs_that_all_come_twice_verify(tmp_path: Path) -> None:
    """An order that nobody may place yet is answered as often as it comes; all else only once."""
    source = tmp_path / "twice.jsonl"
    lines = _a_call_never_paid()
    order = next(line for line in lines if line["topic"] == "orders")
    early = {**order, "value": {**order["value"], "event_time": lines[0]["value"]["event_time"]}}
    twice = [line for line in [early, *lines] for _ in range(2)]
    source.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in twice))
    run_replay([str(source)], tmp_path / "out", None)
    audit_directory(tmp_path / "out")
    updates = (tmp_path / "out/topics/order-updates.jsonl").read_bytes().splitlines()
    kinds = [(event["type"], event.get("reason")) for event in map(orjson.loads, updates)]
    assert kinds[:2] == [("OrderRejected", "UNKNOWN_ACCOUNT")] * 2
    assert kinds.count(("OrderAccepted", None)) == 1


def test_what_is_stored_anew_still_verifies(day: Path, tmp_path: Path) -> None:
    """The tables' own helper does no damage: neither the copy nor what it counts."""
    copy = ReplayCopy(day, tmp_path / "copy")
    copy.store_anew()
    audit_directory(copy.root)


# -- damage is found -----------------------------------------------------------------------------


@STORED
@pytest.mark.parametrize("name", DAY)
def test_damage_is_found(name: str, day: Path, tmp_path: Path, *, stored_anew: bool) -> None:
    copy = ReplayCopy(day, tmp_path / "copy")
    must_be_found(copy, DAY[name], stored_anew=stored_anew)


@STORED
@pytest.mark.parametrize("name", MONTH)
def test_damage_to_a_month_is_found(
    name: str, month: Path, tmp_path: Path, *, stored_anew: bool
) -> None:
    copy = ReplayCopy(month, tmp_path / "copy")
    must_be_found(copy, MONTH[name], stored_anew=stored_anew)


def test_stored_counts_are_compared(day: Path, tmp_path: Path) -> None:
    copy = ReplayCopy(day, tmp_path / "copy")
    path = copy.root / "summary.json"
    summary = orjson.loads(path.read_bytes())
    summary["emitted"]["journal"]["JournalEntry"] += 1
    path.write_bytes(orjson.dumps(summary))
    with pytest.raises(DifferenceError, match=r"summary\.json: emitted\.journal"):
        audit_directory(copy.root)


# -- the second reading is one ------------------------------------------------------------------


def test_the_audit_imports_no_decision() -> None:
    """It shares schemas, topics, the calendar, the invariants, and how a directory is read."""
    names = "import sys, audit.directory; print(*sys.modules)"
    loaded = subprocess.run(  # in a process of its own: here everything is loaded
        [sys.executable, "-c", names], capture_output=True, check=True, text=True
    ).stdout.split()
    shared = {name for name in loaded if name.startswith(("agents", "settlement.", "replay."))}
    assert shared == {
        "replay.difference",
        "replay.input_files",
        "replay.open_input",
        "replay.read",
        "replay.stored_summary",
        "replay.surplus_files",
        "settlement.ach_return_codes",
        "settlement.calendar",
        "settlement.invariants",
    }


# -- the command ---------------------------------------------------------------------------------


def test_the_command_prints_what_it_checked(day: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verify(day)
    printed = capsys.readouterr().out
    assert "no difference" in printed
    assert "money in the FBO" in printed


def test_without_a_directory_it_asks_the_broker_and_says_where_none_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Nothing listens on port 1.
    monkeypatch.setenv("SETTLE_BROKERS", "127.0.0.1:1")
    with pytest.raises(Failure, match=r"no Kafka at 127\.0\.0\.1:1"):
        verify()


def test_the_command_names_what_is_no_replay(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no such directory"):
        verify(tmp_path / "nothing")
    with pytest.raises(Failure, match="no replay directory"):
        verify(tmp_path)
