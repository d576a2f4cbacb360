"""The usual order, read in one go, against the model: what the one takes, the other takes alike."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.usual_order import usual_order_value
from schemas.order import OrderSubmitted
from settlement.submitted_order import SubmittedOrder
from tests.property.test_provider_quote import NAMES, NUMBERS, TIMES
from topics.decode import Refused, decode

Value = dict[str, Any]

MARKET: Value = {
    "type": "OrderSubmitted",
    "event_id": "orders-1",
    "event_time": "2026-03-03T12:00:00.000000Z",
    "account_id": "ACME0001",
    "client_order_id": "order-1",
    "symbol": "BTCUSD",
    "side": "BUY",
    "order_type": "MARKET",
    "time_in_force": "IOC",
    "notional": "650.00",
}
LIMIT: Value = {
    name: field for name, field in MARKET.items() if name not in {"notional", "order_type"}
} | {
    "order_type": "LIMIT",
    "time_in_force": "GTD",
    "quantity": "0.00837516",
    "limit_price": "3430.71",
    "expire_time": "2026-03-03T14:00:00Z",
}
STOP: Value = LIMIT | {"order_type": "STOP_LIMIT", "stop_price": "3400.5", "side": "SELL"}

ODD_NUMBERS = ["-", "- 1", "1 -", "0.00", "0", "1.00", "12.5", "1e3"]
AMOUNTS = st.one_of(NUMBERS, st.sampled_from(ODD_NUMBERS))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["OrderSubmitted", "OrderCancelRequested", None, 5]),
    "event_id": st.one_of(st.text(max_size=3), st.sampled_from(["a" * 200, "a" * 201, None, 5])),
    "event_time": TIMES,
    "account_id": st.one_of(
        NAMES, st.sampled_from(["ACME0002", "acme0001", "ACME000", "ACME0001\n"])
    ),
    "client_order_id": st.one_of(NAMES, st.sampled_from(["a" * 64, "a" * 65, "a b", "o MARKET"])),
    "symbol": st.one_of(NAMES, st.sampled_from(["ETHUSD", "A", "A" * 20, "A" * 21])),
    "side": st.sampled_from(["BUY", "SELL", "buy", "", None, 5, []]),
    "order_type": st.sampled_from(["MARKET", "LIMIT", "STOP_LIMIT", "STOP", "", None, 5, []]),
    "time_in_force": st.sampled_from(["IOC", "GTC", "DAY", "GTD", "FOK", "", None, 5, []]),
    "notional": AMOUNTS,
    "quantity": AMOUNTS,
    "limit_price": AMOUNTS,
    "stop_price": AMOUNTS,
    "expire_time": TIMES,
    "markup_bps": NUMBERS,
    "commission_fixed": NUMBERS,
    "colour": st.sampled_from(["blue", None]),
}


def said(order: SubmittedOrder | None) -> Value | None:
    """Return all that an order consists of."""
    if order is None:
        return None
    return {name: getattr(order, name) for name in SubmittedOrder.__slots__}


def read_with_care(value: Value) -> SubmittedOrder | None:
    event = decode("orders", value)
    if isinstance(event, Refused):
        return None
    return SubmittedOrder(event) if isinstance(event, OrderSubmitted) else None


@pytest.mark.parametrize("value", [MARKET, LIMIT, STOP], ids=["market", "limit", "stop"])
def test_a_usual_order_is_read_in_one_go(value: Value) -> None:
    """So that the property below speaks of more than refusals."""
    assert said(usual_order_value(value)) == said(read_with_care(value))
    order = usual_order_value(value)
    assert order is not None
    assert order.wrong is None


@given(
    st.sampled_from([MARKET, LIMIT, STOP]),
    st.lists(st.sampled_from(sorted(FIELDS)), max_size=3).flatmap(
        lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names})
    ),
    st.lists(st.sampled_from(sorted(FIELDS)), max_size=2),
)
def test_what_is_read_in_one_go_is_read_alike_with_care(
    usual: Value, changed: Value, missing: list[str]
) -> None:
    """Up to three fields are something else, or up to two are missing."""
    value = {name: field for name, field in (usual | changed).items() if name not in missing}
    order = usual_order_value(value)
    if order is not None:
        assert said(order) == said(read_with_care(value))
        assert order.wrong is None
