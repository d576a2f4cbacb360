"""Values at their limits, and beyond, in both engines and in the audit (contract section 1)."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from audit.directory import audit_directory
from replay.read import read_inputs
from schemas.instant import SECOND, Micros, micros, time_text
from scripts.replay import run_replay
from scripts.settle import app
from tests.limits.values import GOOD, HEAD, cases
from tests.pipeline_in_memory import (
    PipelineInMemory,
    Point,
    Told,
    both_engines,
    differences,
    told_of,
)

LIMITS = Path(__file__).parents[1] / "limits"
Line = dict[str, Any]


def _behind_every_transaction(point: Point) -> bool:
    return point == "after"


def _write(path: Path, lines: list[Told]) -> str:
    path.write_bytes(
        b"".join(orjson.dumps({"topic": line.topic, "value": line.value}) + b"\n" for line in lines)
    )
    return str(path)


def _events(directory: Path, topic: str) -> list[Line]:
    lines = (directory / f"topics/{topic}.jsonl").read_bytes().splitlines()
    return [orjson.loads(line) for line in lines]


# -- every field of every input --------------------------------------------------------------------

# What makes an input a new one, so that it is acted on.
_IDS = ("event_id", "funding_id", "wire_id", "client_order_id", "cancel_id")


def _told() -> Iterator[Told]:
    """Tell each case a second after the one before; a good event follows those of its type.

    A case of `event_time` that passes would move time by decades: the years have days of their own.
    """
    at: Micros = micros("2026-03-03T18:00:00Z")
    number = 0
    previous = ""
    for case in cases():
        if case.field == "event_time" and case.fits:
            continue
        if case.kind != previous:
            if previous in {"ClientUpdated", "InstrumentUpdated", "AccountUpdated"}:
                yield _good(previous, at, f"good-{number}")
            previous = case.kind
            yield _good(case.kind, at, f"first-{number}")
        at += SECOND
        number += 1
        new = {name: f"{name[:2]}-{number}" for name in _IDS if name in case.value}
        new["event_time"] = time_text(at)
        new.pop(case.field, None)
        yield Told(case.topic, case.value | new)


def _good(kind: str, at: Micros, name: str) -> Told:
    topic = next(case.topic for case in cases() if case.kind == kind)
    value = {"type": kind} | HEAD | GOOD[kind] | {"event_time": time_text(at), "event_id": name}
    return Told(topic, value)


@pytest.fixture(scope="module")
def told() -> list[Told]:
    return list(_told())


def test_both_engines_answer_every_field_at_its_limits_alike(told: list[Told]) -> None:
    """The tasks are restored from their states behind every transaction."""
    pipeline = PipelineInMemory(2, _behind_every_transaction)
    replayed = both_engines(told, pipeline)
    assert differences(replayed, pipeline) == []
    letters = [event for topic, event in replayed.emitted if topic == "dead-letters"]
    invalid = sum(not case.fits for case in cases())
    assert Counter(letter["reason"] for letter in letters)["INVALID"] == invalid
    # Those that fit are answered by the decisions, most of them by more than a dead letter.
    assert len(replayed.emitted) - len(letters) > 200


@pytest.mark.parametrize("processes", [1, 3])
def test_the_audit_finds_a_replay_of_them_right(
    told: list[Told], tmp_path: Path, processes: int
) -> None:
    source = _write(tmp_path / "day.jsonl", told)
    run_replay([source], tmp_path / "out", None, processes)
    checked = dict(audit_directory(tmp_path / "out", [source]))
    assert checked


# -- small histories -------------------------------------------------------------------------------

_HISTORIES = [
    pytest.param(
        "deposit-1970",
        [(n, "INVALID") for n in range(1, 5)] + [(5, "UNKNOWN_ACCOUNT")],
        id="deposit-1970",
    ),
    pytest.param("deposit-after-2149", [(n, "INVALID") for n in range(1, 6)], id="after-2149"),
    pytest.param(
        "stale_after_ms-huge", [(2, "INVALID"), (4, "UNKNOWN_SYMBOL")], id="stale_after_ms-huge"
    ),
    pytest.param("years-2000", [(4, "INVALID")], id="years-2000"),
    pytest.param("years-2099", [(4, "INVALID")], id="years-2099"),
]


@pytest.mark.parametrize(("name", "letters"), _HISTORIES)
def test_a_history_beyond_a_limit(
    name: str, letters: list[tuple[int, str]], tmp_path: Path
) -> None:
    source = str(LIMITS / f"{name}.jsonl")
    run_replay([source], tmp_path / "out", None)
    found = _events(tmp_path / "out", "dead-letters")
    assert [(letter["source_offset"], letter["reason"]) for letter in found] == letters
    assert audit_directory(tmp_path / "out", [source])
    pipeline = PipelineInMemory(1, _behind_every_transaction)
    # Appended behind the last time of an input: what is produced is history.
    pipeline.now_ms = micros("2100-01-02T00:00:00Z") // 1000
    replayed = both_engines(told_of(read_inputs([source])), pipeline)
    # Live, an input that is refused for its state waits for time to start.
    last = max(line.at for line in read_inputs([source]))
    if last:
        pipeline.tick_clock(time_text(last))
    assert differences(replayed, pipeline) == []


@pytest.mark.parametrize("year", ["2000", "2099"])
def test_the_first_and_the_last_deposit_settle(year: str, tmp_path: Path) -> None:
    run_replay([str(LIMITS / f"years-{year}.jsonl")], tmp_path, None)
    (balance,) = _events(tmp_path, "balances")
    assert balance["settled"] == "10.00"
    assert balance["event_time"][:4] == year


def test_an_order_of_an_instrument_that_was_refused(tmp_path: Path) -> None:
    run_replay([str(LIMITS / "stale_after_ms-huge.jsonl")], tmp_path, None)
    (update,) = _events(tmp_path, "order-updates")
    assert (update["type"], update["reason"]) == ("OrderRejected", "UNKNOWN_SYMBOL")


def test_before_time_starts_a_dead_letter_has_the_first_time_that_there_is(tmp_path: Path) -> None:
    run_replay([str(LIMITS / "deposit-after-2149.jsonl")], tmp_path, None)
    times = {letter["event_time"] for letter in _events(tmp_path, "dead-letters")}
    assert times == {"2000-01-01T00:00:00.000000Z"}


# -- the largest numbers, in the first and the last days -------------------------------------------


def _largest(start: str, hours: int) -> list[Told]:
    """Tell a day of three accounts, one for each model, with the largest numbers everywhere."""
    lines: list[Told] = []
    begin = micros(start)

    def tell(topic: str, kind: str, second: int, **fields: Any) -> None:  # noqa: ANN401 - any JSON
        head = {"type": kind, "event_id": f"{'x' * 190}-{len(lines)}"}
        head["event_time"] = time_text(begin + second * SECOND)
        lines.append(Told(topic, head | GOOD[kind] | fields))

    most = "999999999999.99"
    tell(
        "clients",
        "ClientUpdated",
        0,
        name="\N{GRINNING FACE}" * 140,
        commission_model="TRADE_FEE",
        commission_bps="10000",
        commission_fixed="0.00",
        revenue_share_bps="999999.99999999",
    )
    tell("instruments", "InstrumentUpdated", 0, base="A" * 16)
    models = ("MARKETPLACE", "NET_SETTLEMENT", "APEX_CLEARING")
    accounts = [f"ACME000{n}" for n in range(3)]
    for account_id, model in zip(accounts, models, strict=True):
        tell("accounts", "AccountUpdated", 0, account_id=account_id, funding_model=model)
    side = {"bid_price": most, "ask_price": most}
    sizes = {"bid_size": "999999999999.999", "ask_size": "999999999999.999"}
    for number in range(3):
        tell("price-ticks", "PriceTick", 1, provider=f"p{number}", **side, **sizes)
    for account_id in accounts:
        for step in range(3):
            tell(
                "fundings",
                "DepositSettled",
                2,
                account_id=account_id,
                funding_id=f"{'f' * 190}{step}",
                amount=most,
                reference="\N{GRINNING FACE}" * 140,
            )
    order = {"order_type": "MARKET", "time_in_force": "IOC"}
    for number, account_id in enumerate(accounts):
        tell(
            "orders",
            "OrderSubmitted",
            3 + number,
            account_id=account_id,
            **order,
            client_order_id="b" * 64,
            quantity=None,
            notional=most,
            limit_price=None,
        )
    for number, account_id in enumerate(accounts):
        tell(
            "orders",
            "OrderSubmitted",
            6 + number,
            account_id=account_id,
            **order,
            client_order_id="s" * 64,
            side="SELL",
            quantity="0.5",
            limit_price=None,
        )
    for number in range(3):
        tell("net-wires", "NetWireReceived", 9, wire_id=f"{'w' * 190}{number}", amount=most)
        tell("net-wires", "RevenueSharePaid", 9, wire_id=f"{'p' * 190}{number}", amount=most)
    tell("clock", "ClockTicked", hours * 3600, at=time_text(begin + hours * 3600 * SECOND))
    return lines


# The last day has no window behind it that an input could reach: 18:00 CT on December 31.
_DAYS = [
    pytest.param("2000-01-01T00:00:00Z", 24 * 40, id="from-2000-on"),
    pytest.param("2099-11-28T15:00:00Z", 33 * 24 + 8, id="until-2099"),
]


@pytest.mark.parametrize(("start", "hours"), _DAYS)
def test_the_largest_numbers_fit_everywhere(start: str, hours: int, tmp_path: Path) -> None:
    """Both engines, the audit, the page of each day, and the journal for other programs."""
    lines = _largest(start, hours)
    pipeline = PipelineInMemory(2, _behind_every_transaction)
    pipeline.now_ms = micros("2100-01-02T00:00:00Z") // 1000
    replayed = both_engines(lines, pipeline)
    assert differences(replayed, pipeline) == []
    source = _write(tmp_path / "day.jsonl", lines)
    run_replay([source], tmp_path / "out", None)
    assert audit_directory(tmp_path / "out", [source])
    executions = _events(tmp_path / "out", "executions")
    assert sum(event["type"] == "Execution" for event in executions) == 6
    assert _events(tmp_path / "out", "dead-letters") != []
    runner = CliRunner()
    page = ["report-day", str(tmp_path / "out"), "--out", str(tmp_path / "page.html")]
    done = runner.invoke(app, page)
    assert done.exit_code == 0, done.output
    for form in ("beancount", "hledger", "csv"):
        exported = str(tmp_path / f"journal.{form}")
        export = ["export-journal", str(tmp_path / "out"), "--format", form, "--out", exported]
        done = runner.invoke(app, export)
        assert done.exit_code == 0, done.output
