"""Two different inputs of one `event_id`: both are acted on, and the audit agrees.

A producer should keep its IDs apart, but nothing that it sends may make an audit fail.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from audit.directory import audit_directory
from scripts.replay import run_replay

Line = dict[str, Any]

AT, EVENING = "2026-03-02T15:00:00Z", "2026-03-02T23:00:00Z"
ACCOUNT, OTHER = "ACME0001", "ACME0002"
_RATES = ("markup_bps", "markup_fixed", "commission_bps", "commission_fixed")


def _line(topic: str, kind: str, **fields: Any) -> Line:  # noqa: ANN401 - any JSON
    return {"topic": topic, "value": {"type": kind, "event_id": "same", "event_time": AT} | fields}


def _order(name: str, account: str = ACCOUNT, **fields: Any) -> Line:  # noqa: ANN401 - as above
    terms = {"symbol": "BTCUSD", "side": "BUY", "order_type": "MARKET", "time_in_force": "IOC"}
    order = {"account_id": account, "client_order_id": name, "quantity": "0.1"}
    return _line("orders", "OrderSubmitted", **terms | order | fields)


def _cancel(name: str, order: str) -> Line:
    named = {"account_id": ACCOUNT, "client_order_id": order, "cancel_id": name}
    return _line("orders", "OrderCancelRequested", **named)


def _funding(kind: str, name: str, amount: str) -> Line:
    named = {"funding_id": name, "account_id": ACCOUNT, "instrument_type": "ACH"}
    return _line("fundings", kind, **named, amount=amount)


def _wire(name: str) -> Line:
    return _line("net-wires", "NetWireReceived", wire_id=name, client="ACME", amount="1.00")


_RESTING = {"order_type": "LIMIT", "time_in_force": "GTC", "limit_price": "95"}


def _opening() -> list[Line]:
    terms = dict.fromkeys((*_RATES, "commission_minimum", "revenue_share_bps"), "0")
    client = {"client": "ACME", "name": "", "commission_model": "MARKUP"}
    trading = {"trading": "OPEN", "maximum_order_value": None}
    instrument = {
        "symbol": "BTCUSD",
        "base": "BTC",
        "quote": "USD",
        "minimum_price_increment": "0.01",
        "minimum_quantity_increment": "0.0001",
        "minimum_order_value": "1.00",
        "stale_after_ms": 60_000,
        "tradable": True,
    }
    state = {"client": "ACME", "mode": "OPEN", "jurisdiction": "OPEN"}
    sides = {"bid_price": "99", "bid_size": "9", "ask_price": "100", "ask_size": "9"}
    return [
        _line("clients", "ClientUpdated", **client, **trading, **terms),
        _line("instruments", "InstrumentUpdated", **instrument),
        *(
            _line("accounts", "AccountUpdated", account_id=one, funding_model=model, **state)
            for one, model in ((ACCOUNT, "MARKETPLACE"), (OTHER, "APEX_CLEARING"))
        ),
        _line("price-ticks", "PriceTick", provider="p", symbol="BTCUSD", **sides),
    ]


@pytest.mark.parametrize(
    ("lines", "topic", "kind", "count"),
    [
        pytest.param([_wire("w1"), _wire("w2")], "journal", "JournalEntry", 2, id="wires"),
        pytest.param(
            [_funding("DepositSettled", "d1", "50.00"), _funding("DepositSettled", "d2", "48.00")],
            "journal",
            "JournalEntry",
            2,
            id="deposits",
        ),
        pytest.param(
            [
                _funding("WithdrawalRequested", "w1", "50.00"),
                _funding("WithdrawalRequested", "w2", "50.00"),
            ],
            "funding-updates",
            "WithdrawalRefused",
            2,
            id="refused withdrawals",
        ),
        pytest.param([_order("o1"), _order("o2")], "executions", "Execution", 2, id="orders"),
        pytest.param(
            [_order("o1"), _order("o1", OTHER)],
            "executions",
            "Execution",
            2,
            id="orders of two accounts",
        ),
        pytest.param(
            [_order("o1", quantity="0"), _order("o2", quantity="0")],
            "order-updates",
            "OrderRejected",
            2,
            id="rejected orders",
        ),
        pytest.param(
            [_order("o1", quantity="0"), _order("o2"), _order("o3", quantity="0")],
            "order-updates",
            "OrderRejected",
            2,
            id="a filled order between rejected ones",
        ),
        pytest.param(
            [_cancel("c1", "none"), _cancel("c2", "none")],
            "order-updates",
            "OrderCancelRejected",
            2,
            id="cancels of no order",
        ),
        pytest.param(
            [
                _order("o1", **_RESTING),
                _order("o2", **_RESTING),
                _cancel("c1", "o1"),
                _cancel("c2", "o2"),
            ],
            "order-updates",
            "OrderCancelled",
            2,
            id="cancels of resting orders",
        ),
    ],
)
def test_both_inputs_are_acted_on_and_the_audit_agrees(
    lines: list[Line], topic: str, kind: str, count: int, tmp_path: Path
) -> None:
    source, out = tmp_path / "inputs.jsonl", tmp_path / "out"
    # Behind the cut at 16:40 in Chicago, so that the day's files are audited, too.
    evening = _line("clock", "ClockTicked", event_time=EVENING, at=EVENING)
    told = [*_opening(), *lines, evening]
    source.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in told))
    run_replay([str(source)], out, None)
    events = map(orjson.loads, (out / f"topics/{topic}.jsonl").read_bytes().splitlines())
    assert [event["type"] for event in events].count(kind) == count
    audit_directory(out)
