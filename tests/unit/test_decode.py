"""A value is one JSON object whose `type` names an event of its topic (contract section 1)."""

from typing import Any

import pytest

from schemas.order import OrderSubmitted
from topics.decode import Refused, decode

ORDER: dict[str, Any] = {
    "type": "OrderSubmitted",
    "event_id": "e1",
    "event_time": "2026-03-03T18:00:00Z",
    "account_id": "ACME0001",
    "client_order_id": "o1",
    "symbol": "BTCUSD",
    "side": "BUY",
    "order_type": "MARKET",
    "time_in_force": "IOC",
    "quantity": "1",
}
TICK: dict[str, Any] = {
    "type": "PriceTick",
    "event_id": "e1",
    "event_time": "2026-03-03T18:00:00Z",
    "provider": "alpha",
    "symbol": "BTCUSD",
    "bid_price": "99.00",
    "bid_size": "1",
}
ACCOUNT: dict[str, Any] = {
    "type": "AccountUpdated",
    "event_id": "e1",
    "event_time": "2026-03-03T18:00:00Z",
    "account_id": "ACME0001",
    "client": "ACME",
}
INSTRUMENT: dict[str, Any] = {
    "type": "InstrumentUpdated",
    "event_id": "e1",
    "event_time": "2026-03-03T18:00:00Z",
    "symbol": "BTCUSD",
    "base": "BTC",
    "minimum_price_increment": "0.01",
    "minimum_quantity_increment": "0.0001",
}
CANCEL: dict[str, Any] = {
    "type": "OrderCancelRequested",
    "event_id": "e1",
    "event_time": "2026-03-03T18:00:00Z",
    "account_id": "ACME0001",
    "client_order_id": "o1",
    "cancel_id": "c1",
}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="null"),
        pytest.param([ORDER], id="list"),
        pytest.param("OrderSubmitted", id="string"),
        pytest.param(1, id="number"),
    ],
)
def test_no_json_object_is_malformed(value: object) -> None:
    assert decode("orders", value) == Refused("MALFORMED", "the value is no JSON object")


@pytest.mark.parametrize(
    ("topic", "value"),
    [
        pytest.param("orders", ORDER | {"type": "OrderAmended"}, id="no-such-event"),
        pytest.param("orders", TICK, id="an-event-of-another-topic"),
        pytest.param("orders", ORDER | {"type": "ordersubmitted"}, id="other-letters"),
        pytest.param("orders", ORDER | {"type": None}, id="null"),
        pytest.param("orders", ORDER | {"type": ["OrderSubmitted"]}, id="list"),
        pytest.param("orders", {}, id="none-at-all"),
        pytest.param("orders", ORDER | {"type": "OrderAccepted"}, id="an-event-that-we-emit"),
    ],
)
def test_an_unknown_type(topic: str, value: object) -> None:
    refused = decode(topic, value)
    assert isinstance(refused, Refused)
    assert refused.reason == "UNKNOWN_TYPE"


def test_unknown_fields_are_ignored() -> None:
    plain, more = decode("orders", ORDER), decode("orders", ORDER | {"colour": "red"})
    assert isinstance(plain, OrderSubmitted)
    assert plain == more


@pytest.mark.parametrize(
    ("topic", "value", "place"),
    [
        pytest.param("orders", ORDER | {"event_id": ""}, "event_id", id="event_id-empty"),
        pytest.param("orders", ORDER | {"event_id": "x" * 201}, "event_id", id="event_id-201"),
        pytest.param("orders", ORDER | {"event_id": 7}, "event_id", id="event_id-number"),
        pytest.param("orders", ORDER | {"event_time": None}, "event_time", id="event_time-null"),
        pytest.param("orders", ORDER | {"account_id": "ACME001"}, "account_id", id="account-7"),
        pytest.param("orders", ORDER | {"account_id": "ACME00001"}, "account_id", id="account-9"),
        pytest.param("orders", ORDER | {"account_id": "acme0001"}, "account_id", id="account-low"),
        pytest.param("orders", ORDER | {"account_id": "ACME0001\n"}, "account_id", id="account-lf"),
        pytest.param(
            "orders", ORDER | {"client_order_id": "x" * 65}, "client_order_id", id="order-id-65"
        ),
        pytest.param(
            "orders", ORDER | {"client_order_id": ""}, "client_order_id", id="order-id-empty"
        ),
        pytest.param(
            "orders", ORDER | {"client_order_id": "a b"}, "client_order_id", id="order-id-blank"
        ),
        pytest.param(
            "orders", ORDER | {"client_order_id": "a|b"}, "client_order_id", id="order-id-bar"
        ),
        pytest.param("orders", ORDER | {"side": "HOLD"}, "side", id="side"),
        pytest.param("orders", ORDER | {"order_type": "STOP"}, "order_type", id="order-type"),
        pytest.param("orders", ORDER | {"time_in_force": "FOK"}, "time_in_force", id="force"),
        pytest.param("orders", ORDER | {"quantity": 1}, "quantity", id="quantity-number"),
        pytest.param("orders", ORDER | {"quantity": "1e3"}, "quantity", id="quantity-exponent"),
        pytest.param("orders", ORDER | {"quantity": "1\n"}, "quantity", id="quantity-line-end"),
        pytest.param("orders", ORDER | {"expire_time": "soon"}, "expire_time", id="expire-time"),
        pytest.param(
            "orders",
            {name: ORDER[name] for name in ORDER if name != "symbol"},
            "symbol",
            id="a-field-is-missing",
        ),
        pytest.param("orders", CANCEL | {"cancel_id": ""}, "cancel_id", id="cancel-id-empty"),
        pytest.param("accounts", ACCOUNT | {"client": "ACM"}, "client", id="client-3"),
        pytest.param("accounts", ACCOUNT | {"client": "ACME1"}, "client", id="client-5"),
        pytest.param("accounts", ACCOUNT | {"client": "ACM1"}, "client", id="client-digit"),
        pytest.param("accounts", ACCOUNT | {"mode": "FROZEN"}, "mode", id="mode"),
        pytest.param("accounts", ACCOUNT | {"mode": None}, "mode", id="mode-null"),
        pytest.param(
            "accounts", ACCOUNT | {"jurisdiction": "LOCKED"}, "jurisdiction", id="jurisdiction"
        ),
        pytest.param("price-ticks", TICK | {"provider": ""}, "provider", id="provider-empty"),
        pytest.param("price-ticks", TICK | {"provider": "a" * 33}, "provider", id="provider-33"),
        pytest.param("price-ticks", TICK | {"provider": "a b"}, "provider", id="provider-blank"),
        pytest.param(
            "instruments",
            INSTRUMENT | {"minimum_price_increment": "0"},
            "minimum_price_increment",
            id="price-increment-0",
        ),
        pytest.param(
            "instruments",
            INSTRUMENT | {"minimum_quantity_increment": "-1"},
            "minimum_quantity_increment",
            id="quantity-increment-negative",
        ),
        pytest.param(
            "instruments",
            INSTRUMENT | {"minimum_order_value": "1.0\n"},
            "minimum_order_value",
            id="dollars-and-a-line-end",
        ),
        pytest.param(
            "instruments",
            INSTRUMENT | {"minimum_order_value": "1.001"},
            "minimum_order_value",
            id="dollars-beyond-cents",
        ),
        pytest.param(
            "instruments",
            INSTRUMENT | {"minimum_order_value": "-1.00"},
            "minimum_order_value",
            id="dollars-negative",
        ),
        pytest.param("instruments", INSTRUMENT | {"quote": "EUR"}, "quote", id="quote-euro"),
        pytest.param(
            "instruments", INSTRUMENT | {"stale_after_ms": 0}, "stale_after_ms", id="stale-0"
        ),
        pytest.param(
            "instruments",
            INSTRUMENT | {"stale_after_ms": 2000.0},
            "stale_after_ms",
            id="stale-float",
        ),
        pytest.param(
            "instruments", INSTRUMENT | {"stale_after_ms": True}, "stale_after_ms", id="stale-true"
        ),
        pytest.param(
            "instruments", INSTRUMENT | {"tradable": "yes"}, "tradable", id="tradable-text"
        ),
    ],
)
def test_what_does_not_fit_its_schema_names_the_place(
    topic: str, value: object, place: str
) -> None:
    refused = decode(topic, value)
    assert isinstance(refused, Refused)
    assert refused.reason == "INVALID"
    assert refused.detail.startswith(f"{place}: ")


@pytest.mark.parametrize(
    ("topic", "value"),
    [
        pytest.param("orders", ORDER | {"event_id": "x" * 200}, id="event_id-of-200"),
        pytest.param("orders", ORDER | {"event_id": "é☃"}, id="event_id-of-any-letters"),
        pytest.param("orders", ORDER | {"client_order_id": "Az09._-" + "x" * 57}, id="order-id-64"),
        pytest.param("orders", ORDER | {"quantity": None}, id="null-is-absent"),
        pytest.param("orders", ORDER | {"quantity": "-1"}, id="a-bad-number-is-the-decisions"),
        pytest.param("price-ticks", TICK | {"provider": "aZ09_.-" + "x" * 25}, id="provider-32"),
        pytest.param("price-ticks", TICK | {"bid_price": "-1"}, id="a-bad-tick-is-the-decisions"),
        pytest.param("accounts", ACCOUNT, id="an-account"),
        pytest.param("instruments", INSTRUMENT, id="an-instrument"),
        pytest.param("orders", CANCEL, id="a-cancel"),
    ],
)
def test_what_fits(topic: str, value: object) -> None:
    assert not isinstance(decode(topic, value), Refused)


def test_an_instrument_has_a_minimum_of_a_dollar_and_two_seconds() -> None:
    """The contract's defaults."""
    instrument = decode("instruments", INSTRUMENT)
    assert instrument == decode(
        "instruments",
        INSTRUMENT
        | {"quote": "USD", "minimum_order_value": "1.00", "stale_after_ms": 2000, "tradable": True},
    )
