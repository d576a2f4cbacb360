"""What a replay counts per funding model, what is printed of it, and the audit that counts anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from audit.directory import audit_directory
from replay.difference import DifferenceError
from replay.summary import Summary
from scripts.replay import run_replay, show
from tests.golden.renew import DAYS, HERE
from tests.simulation.replay_copy import ReplayCopy
from tests.simulation.test_clearing_firm import day as day_of_three_models
from tests.simulation.test_clearing_firm import line, order
from tests.simulation.test_verify_apex import month as month_of_apex_calls


def replayed(root: Path, lines: list[bytes]) -> Summary:
    source = root / "input.jsonl"
    source.write_bytes(b"".join(lines))
    return run_replay([str(source)], root / "out", None)


def stored(directory: Path) -> dict[str, Any]:
    models: dict[str, Any] = orjson.loads((directory / "summary.json").read_bytes())[
        "funding_models"
    ]
    return models


def test_an_apex_call_ends_in_its_model_s_counts(tmp_path: Path) -> None:
    """Six calls of 10.00: one completed at once, two later, three given up, of which one is paid.

    The one of an account that becomes Apex behind it stays a Marketplace call.
    """
    replayed(tmp_path, month_of_apex_calls())
    models = stored(tmp_path / "out")
    assert models["APEX_CLEARING"] == {
        "orders_executed": 6,
        "executions": 6,
        "gross": "60.00",
        "cash_calls": {
            "requested": 6,
            "settled_at_once": 1,
            "settled_after_retry": 2,
            "written_off": 3,
            "open": 0,
        },
        "recovered": 1,
        "journals": len(
            (tmp_path / "out/topics/apex-journals.jsonl").read_bytes().splitlines(),
        ),
    }
    assert models["MARKETPLACE"]["cash_calls"] == {
        "requested": 1,
        "settled_at_once": 0,
        "settled_after_retry": 0,
        "written_off": 1,
        "open": 0,
    }


def test_all_three_models_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An account of each model trades."""
    summary = replayed(tmp_path, day_of_three_models())
    show(summary, tmp_path / "out", 1.0)
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    models = stored(tmp_path / "out")
    assert ["by", "funding", "model"] in printed
    assert ["Marketplace", "Apex", "Clearing", "Net", "Settlement"] in printed
    executions = [
        f"{models[model]['executions']}"
        for model in ("MARKETPLACE", "APEX_CLEARING", "NET_SETTLEMENT")
    ]
    assert "0" not in executions
    assert ["executions", *executions] in printed
    calls = [f"{models[m]['cash_calls']['requested']}" for m in ("MARKETPLACE", "APEX_CLEARING")]
    assert ["cash", "calls", *calls] in printed


def test_a_call_is_counted_behind_its_execution(tmp_path: Path) -> None:
    """Topics are written in batches of their own; a call's model is that of its execution."""
    orders = [order(30 + at, "ACME0001") for at in range(50)]
    last = line("clock", "ClockTicked", 90, at="2026-03-03T15:01:30Z")
    replayed(tmp_path, [*day_of_three_models()[:6], *orders, last])
    assert stored(tmp_path / "out")["APEX_CLEARING"]["cash_calls"] == {
        "requested": 50,
        "settled_at_once": 50,
        "settled_after_retry": 0,
        "written_off": 0,
        "open": 0,
    }


def test_what_clients_are_to_pay_and_to_get_is_not_mixed_up() -> None:
    """One is to pay 10.00, one is to get 3.00; a third has paid. The last word of each counts."""
    summary = Summary()
    for client, status, outstanding in (
        ("ACME", "PENDING", "25.00"),
        ("BETA", "DISPUTED", "-3.00"),
        ("GONE", "PENDING", "1.00"),
        ("ACME", "CONFIRMED", "10.00"),
        ("GONE", "PAID", "0.00"),
    ):
        event = {"type": "NetSettlementStatus", "client": client, "window_to": "09:00"}
        summary.count("net-settlements", [event | {"status": status, "outstanding": outstanding}])
    lines = dict(summary.model_lines())
    assert lines["  clients are to pay, USD"][-1] == "10.00"
    assert lines["  clients are to get, USD"][-1] == "3.00"
    assert [name.strip() for name in lines if name.strip().isupper()] == [
        "CONFIRMED",
        "DISPUTED",
        "PAID",
    ]


def places(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the path of each number and sum in a stored summary."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    else:
        yield path


@pytest.mark.parametrize(
    ("day", "path"),
    [
        pytest.param(day, path, id=f"{day.relative_to(HERE)}-{'.'.join(path)}")
        for day in DAYS
        for path in places(stored(day / "expected"))
    ],
)
def test_each_count_of_a_model_is_audited(day: Path, path: tuple[str, ...], tmp_path: Path) -> None:
    copy = ReplayCopy(day / "expected", tmp_path / "copy")
    file = copy.root / "summary.json"
    summary = orjson.loads(file.read_bytes())
    place = summary["funding_models"]
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = 7 if isinstance(place[path[-1]], int) else "0.07"
    file.write_bytes(orjson.dumps(summary))
    with pytest.raises(DifferenceError) as found:
        audit_directory(copy.root)
    assert f"summary.json: funding_models.{'.'.join(path)}" in str(found.value)


def test_the_counts_of_apex_calls_are_audited(tmp_path: Path) -> None:
    """A call that a retry settled, said to be settled at once."""
    replayed(tmp_path, month_of_apex_calls())
    copy = ReplayCopy(tmp_path / "out", tmp_path / "copy")
    file = copy.root / "summary.json"
    summary = orjson.loads(file.read_bytes())
    for model, change in (("APEX_CLEARING", 1), ("MARKETPLACE", -1)):
        summary["funding_models"][model]["cash_calls"]["written_off"] += change
        summary["funding_models"][model]["cash_calls"]["open"] -= change
    file.write_bytes(orjson.dumps(summary))
    with pytest.raises(DifferenceError, match=r"APEX_CLEARING\.cash_calls\.open"):
        audit_directory(copy.root)
