"""`settle verify` and the limits of contract section 6: it reads them by itself."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from audit.directory import audit_directory
from replay.difference import DifferenceError
from scripts.replay import run_replay
from tests.simulation.test_clearing_firm import line

ASSETS = 1001
# Each input has a time, and so an ID, of its own.
PER_SECOND = 10_000


def _order(second: float, order_id: str, **fields: str) -> bytes:
    usual = {"side": "BUY", "order_type": "MARKET", "time_in_force": "IOC", "quantity": "1"}
    names = {"account_id": "ACME0001", "client_order_id": order_id, "symbol": "A0000USD"}
    return line("orders", "OrderSubmitted", second, **usual | names | fields)


def _tick(second: float, symbol: str, price: str) -> bytes:
    sides = {"bid_price": price, "bid_size": "2000000000", "ask_price": price}
    fields = {"provider": "alpha", "symbol": symbol, "ask_size": "2000000000"}
    return line("price-ticks", "PriceTick", second, **sides | fields)


def _lines() -> Iterator[bytes]:
    """A sell that is reduced to a gross below 10^12, a value of 10^12, and a 1001st asset."""
    yield line("clients", "ClientUpdated", 0, client="ACME", commission_model="MARKUP")
    for number in range(ASSETS):
        fields = {"symbol": f"A{number:04}USD", "base": f"A{number:04}", "quote": "USD"}
        increments = {"minimum_price_increment": "0.01", "minimum_quantity_increment": "0.00000001"}
        terms = {"minimum_order_value": "1.00", "stale_after_ms": 3_600_000, "tradable": True}
        yield line(
            "instruments", "InstrumentUpdated", number / PER_SECOND, **fields | increments | terms
        )
    fields = {"account_id": "ACME0001", "client": "ACME", "funding_model": "MARKETPLACE"}
    yield line("accounts", "AccountUpdated", 0.5, **fields)
    for number in range(ASSETS):
        yield _tick(1 + number / PER_SECOND, f"A{number:04}USD", "1.00")
    yield _order(2, "seed", quantity="2000000000")
    limit = {"order_type": "LIMIT", "time_in_force": "GTC"}
    sell = {"side": "SELL", "quantity": "2000000000", "limit_price": "400.00"}
    yield _order(3, "sell", **limit | sell)
    yield _tick(4, "A0000USD", "500.00")
    # 2 x 10^9 x 500.00
    yield _order(5, "huge", quantity="2000000000")
    yield _order(6, "rests", symbol="A0001USD", limit_price="0.95", quantity="2", **limit)
    for number in range(2, ASSETS):
        yield _order(7 + number / PER_SECOND, f"b{number}", symbol=f"A{number:04}USD")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("limits")
    (folder / "input.jsonl").write_bytes(b"".join(_lines()))
    run_replay([str(folder / "input.jsonl")], folder / "out", None)
    return folder / "out"


def test_a_replay_at_the_limits_verifies(replayed: Path) -> None:
    updates = (replayed / "topics" / "order-updates.jsonl").read_bytes().splitlines()
    rejected = [event for update in updates if (event := orjson.loads(update)).get("reason")]
    assert [(event["client_order_id"], event["reason"]) for event in rejected] == [
        ("huge", "ABOVE_MAXIMUM"),
        ("b1000", "TOO_MANY_ASSETS"),
    ]
    executions = (replayed / "topics" / "executions.jsonl").read_bytes().splitlines()
    sold = [event for row in executions if (event := orjson.loads(row)).get("side") == "SELL"]
    assert [(event["quantity"], event["gross"]) for event in sold] == [
        ("1999999999.99998999", "999999999999.99")
    ]
    audit_directory(replayed)


@pytest.mark.parametrize(
    ("limit", "place", "says"),
    [
        ("audit.admission._ASSETS_MAX", 1001, "b1000"),
        ("audit.numbers.CENTS_LIMIT", 10**15, "cumulative_quantity: expected 2000000000,"),
    ],
)
def test_the_audit_notices_another_limit(
    replayed: Path, monkeypatch: pytest.MonkeyPatch, limit: str, place: int, says: str
) -> None:
    """As if the engine had stopped short of the contract's limit."""
    monkeypatch.setattr(limit, place)
    with pytest.raises(DifferenceError, match=says):
        audit_directory(replayed)
