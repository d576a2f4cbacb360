"""May this order work? The checks of contract section 6, their boundaries and their order."""

import pytest

from tests.order_story import Fields, reason, traded
from tests.story import ACCOUNT, Story, ct, event_id

# -- the answer -----------------------------------------------------------------------------------


def test_a_rejection() -> None:
    story = traded()
    happened = story.order("o1", quantity="1", symbol="DOGEUSD", at="12:30", event_id="e")
    assert happened.emitted == [
        (
            "order-updates",
            {
                "type": "OrderRejected",
                "event_id": event_id("orders", "e", "OrderRejected", ACCOUNT),
                "event_time": ct("12:30"),
                "cause_id": "e",
                "account_id": ACCOUNT,
                "client": "ACME",
                "client_order_id": "o1",
                "reason": "UNKNOWN_SYMBOL",
                "detail": "DOGEUSD is not traded here",
            },
        )
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param(
            {"side": "SELL", "quantity": "0.50", "limit_price": "101.5", "time_in_force": "DAY"},
            {
                "side": "SELL",
                "order_type": "LIMIT",
                "time_in_force": "DAY",
                "notional": None,
                "quantity": "0.5",
                "limit_price": "101.50",
                "stop_price": None,
                "expire_time": None,
            },
            id="limit-day-quantity",
        ),
        pytest.param(
            {
                "notional": "50",
                "limit_price": "110",
                "stop_price": "105",
                "expire_time": "2026-03-03T20:00:00Z",
            },
            {
                "side": "BUY",
                "order_type": "STOP_LIMIT",
                "time_in_force": "GTD",
                "notional": "50.00",
                "quantity": None,
                "limit_price": "110.00",
                "stop_price": "105.00",
                "expire_time": "2026-03-03T20:00:00.000000Z",
            },
            id="stop-limit-gtd-notional",
        ),
    ],
)
def test_an_acceptance_says_what_works_now(fields: Fields, said: Fields) -> None:
    happened = traded().order("o1", at="12:30", event_id="e", **fields)
    assert happened.emitted == [
        (
            "order-updates",
            {
                "type": "OrderAccepted",
                "event_id": event_id("orders", "e", "OrderAccepted", ACCOUNT),
                "event_time": ct("12:30"),
                "cause_id": "e",
                "account_id": ACCOUNT,
                "client": "ACME",
                "client_order_id": "o1",
                "symbol": "BTCUSD",
            }
            | said,
        )
    ]


# -- same id --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"side": "BUY"}, id="side"),
        pytest.param({"symbol": "ETHUSD"}, id="symbol"),
        pytest.param({"quantity": "0.4"}, id="quantity"),
        pytest.param({"quantity": "0.50"}, id="a-number-as-written"),
        pytest.param({"quantity": None, "notional": "50.00"}, id="notional"),
        pytest.param({"limit_price": "104.00"}, id="limit"),
        pytest.param({"stop_price": "90.00"}, id="stop-and-type"),
        pytest.param({"time_in_force": "DAY"}, id="time-in-force"),
        pytest.param({"expire_time": "15:00"}, id="expiry"),
        pytest.param({"markup_bps": "1"}, id="markup-bps"),
        pytest.param({"markup_fixed": "0"}, id="markup-fixed"),
        pytest.param({"commission_bps": "1"}, id="commission-bps"),
        pytest.param({"commission_fixed": "1"}, id="commission-fixed"),
    ],
)
def test_same_id_other_content(changed: Fields) -> None:
    """`DUPLICATE_ORDER_ID`, each time; the original is untouched and still fills at 105."""
    story = traded()
    order: Fields = {"side": "SELL", "quantity": "0.5", "limit_price": "105.00"}
    story.order("o1", **order)
    for _ in range(2):
        assert story.order("o1", **(order | changed)).said() == [
            ("OrderRejected", "o1", "DUPLICATE_ORDER_ID")
        ]
    assert story.order("o1", **order).emitted == []
    filled = story.tick(bid="105.00", ask="106.00")
    assert filled.said() == [("OrderFilled", "o1")]
    assert filled.one("Execution")["quantity"] == "0.5"


@pytest.mark.parametrize(
    ("account", "known", "why"),
    [
        pytest.param("NOBODY01", "account", "UNKNOWN_ACCOUNT", id="unknown-account"),
        pytest.param("ZETA0001", "client", "UNKNOWN_CLIENT", id="unknown-client"),
    ],
)
def test_an_id_that_named_nobody_may_come_again(account: str, known: str, why: str) -> None:
    """Also with other content: the first two reasons do not use up an id."""
    story = traded()
    if known == "client":
        story.account("ZETA0001", client="ZETA")
    assert story.order("o1", account_id=account, quantity="1").said() == [
        ("OrderRejected", "o1", why)
    ]
    assert story.order("o1", account_id=account, quantity="2").said() == [
        ("OrderRejected", "o1", why)
    ]
    if known == "client":
        story.client("ZETA")
    else:
        story.account("NOBODY01")
    assert story.order("o1", account_id=account, quantity="1").said() == [
        ("OrderAccepted", "o1"),
        ("OrderFilled", "o1"),
    ]


def test_an_order_of_an_unknown_account_has_no_client() -> None:
    rejected = traded().order("o1", account_id="NOBODY01", quantity="1").one("OrderRejected")
    assert (rejected["account_id"], rejected["client"]) == ("NOBODY01", None)


def test_an_order_of_an_unknown_client_names_it() -> None:
    story = traded()
    story.account("ZETA0001", client="ZETA")
    rejected = story.order("o1", account_id="ZETA0001", quantity="1").one("OrderRejected")
    assert (rejected["account_id"], rejected["client"]) == ("ZETA0001", "ZETA")


# -- INVALID_ORDER --------------------------------------------------------------------------------

GOOD: dict[str, Fields] = {
    "MARKET": {"order_type": "MARKET", "time_in_force": "IOC", "quantity": "1"},
    "LIMIT": {"order_type": "LIMIT", "time_in_force": "GTC", "quantity": "1", "limit_price": "99"},
    "STOP": {
        "order_type": "STOP_LIMIT",
        "time_in_force": "GTC",
        "quantity": "1",
        "limit_price": "111",
        "stop_price": "110",
    },
}


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        pytest.param("MARKET", {}, id="market-ioc"),
        pytest.param("MARKET", {"quantity": None, "notional": "10.00"}, id="market-notional"),
        pytest.param("LIMIT", {}, id="limit-gtc"),
        pytest.param("LIMIT", {"time_in_force": "IOC"}, id="limit-ioc"),
        pytest.param("LIMIT", {"time_in_force": "DAY"}, id="limit-day"),
        pytest.param("LIMIT", {"time_in_force": "GTD", "expire_time": "20:00"}, id="limit-gtd"),
        pytest.param("STOP", {}, id="stop-gtc"),
        pytest.param("STOP", {"time_in_force": "DAY"}, id="stop-day"),
        pytest.param("STOP", {"time_in_force": "GTD", "expire_time": "20:00"}, id="stop-gtd"),
        pytest.param("MARKET", {"quantity": "1.00000000000000"}, id="fifteen-digits"),
        pytest.param("MARKET", {"quantity": None, "notional": "10.500"}, id="zeros-beyond-cents"),
        pytest.param("MARKET", {"markup_bps": "0", "commission_fixed": "0"}, id="rates-of-0"),
    ],
)
def test_a_well_formed_order(kind: str, changed: Fields) -> None:
    assert reason(traded(), **(GOOD[kind] | changed)) is None


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        pytest.param("MARKET", {"notional": "10.00"}, id="both-notional-and-quantity"),
        pytest.param("MARKET", {"quantity": None}, id="neither-notional-nor-quantity"),
        pytest.param("LIMIT", {"limit_price": None, "order_type": "LIMIT"}, id="limit-missing"),
        pytest.param("MARKET", {"limit_price": "110", "order_type": "MARKET"}, id="limit-surplus"),
        pytest.param("STOP", {"stop_price": None, "order_type": "STOP_LIMIT"}, id="stop-missing"),
        pytest.param(
            "STOP", {"limit_price": None, "order_type": "STOP_LIMIT"}, id="stop-without-limit"
        ),
        pytest.param("LIMIT", {"stop_price": "98", "order_type": "LIMIT"}, id="stop-surplus"),
        pytest.param("MARKET", {"stop_price": "98", "order_type": "MARKET"}, id="stop-of-a-market"),
        pytest.param("LIMIT", {"time_in_force": "GTD"}, id="expiry-missing"),
        pytest.param("LIMIT", {"expire_time": "20:00"}, id="expiry-surplus-gtc"),
        pytest.param(
            "LIMIT", {"expire_time": "20:00", "time_in_force": "DAY"}, id="expiry-surplus-day"
        ),
        pytest.param("MARKET", {"expire_time": "20:00"}, id="expiry-surplus-ioc"),
        pytest.param("MARKET", {"time_in_force": "GTC"}, id="market-gtc"),
        pytest.param("MARKET", {"time_in_force": "DAY"}, id="market-day"),
        pytest.param("MARKET", {"time_in_force": "GTD", "expire_time": "20:00"}, id="market-gtd"),
        pytest.param("STOP", {"time_in_force": "IOC"}, id="stop-ioc"),
        pytest.param("MARKET", {"quantity": "1.000000000000000"}, id="quantity-16-digits"),
        pytest.param("MARKET", {"quantity": "1234567890123456"}, id="quantity-16-before"),
        pytest.param(
            "MARKET", {"quantity": None, "notional": "1234567890123456"}, id="notional-16-digits"
        ),
        pytest.param("LIMIT", {"limit_price": "99.00000000000000"}, id="limit-16-digits"),
        pytest.param("STOP", {"stop_price": "110.0000000000000"}, id="stop-16-digits"),
        pytest.param("MARKET", {"markup_bps": "1234567890.123456"}, id="rate-16-digits"),
        pytest.param("MARKET", {"quantity": "0"}, id="quantity-0"),
        pytest.param("MARKET", {"quantity": "-1"}, id="quantity-negative"),
        pytest.param("MARKET", {"quantity": "-0.0000000001"}, id="quantity-negative-and-fine"),
        pytest.param("MARKET", {"quantity": None, "notional": "0.00"}, id="notional-0"),
        pytest.param("MARKET", {"quantity": None, "notional": "-5.00"}, id="notional-negative"),
        pytest.param("LIMIT", {"limit_price": "0"}, id="limit-0"),
        pytest.param("LIMIT", {"limit_price": "-99"}, id="limit-negative"),
        pytest.param("STOP", {"stop_price": "0.00"}, id="stop-0"),
        pytest.param("STOP", {"stop_price": "-110"}, id="stop-negative"),
        pytest.param("MARKET", {"markup_bps": "-1"}, id="markup-bps-negative"),
        pytest.param("MARKET", {"markup_fixed": "-1"}, id="markup-fixed-negative"),
        pytest.param("MARKET", {"commission_bps": "-1"}, id="commission-bps-negative"),
        pytest.param("MARKET", {"commission_fixed": "-1"}, id="commission-fixed-negative"),
        pytest.param(
            "MARKET", {"quantity": None, "notional": "10.001"}, id="notional-beyond-cents"
        ),
        pytest.param("MARKET", {"commission_fixed": "0.001"}, id="dollars-beyond-cents"),
    ],
)
def test_a_malformed_order(kind: str, changed: Fields) -> None:
    assert reason(traded(), **(GOOD[kind] | changed)) == "INVALID_ORDER"


# -- the account ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "side", "why"),
    [
        pytest.param({"mode": "OPEN"}, "BUY", None, id="open-buy"),
        pytest.param({"mode": "OPEN"}, "SELL", None, id="open-sell"),
        pytest.param({"mode": "CLOSED"}, "BUY", "ACCOUNT_NOT_OPEN", id="closed-buy"),
        pytest.param({"mode": "CLOSED"}, "SELL", "ACCOUNT_NOT_OPEN", id="closed-sell"),
        pytest.param({"mode": "LOCKED"}, "BUY", "ACCOUNT_NOT_OPEN", id="locked-buy"),
        pytest.param({"mode": "LOCKED"}, "SELL", "ACCOUNT_NOT_OPEN", id="locked-sell"),
        pytest.param({"mode": "CLOSING_ONLY"}, "BUY", "ACCOUNT_NOT_OPEN", id="closing-only-buy"),
        pytest.param({"mode": "CLOSING_ONLY"}, "SELL", None, id="closing-only-sell"),
        pytest.param({"jurisdiction": "CLOSE"}, "BUY", "JURISDICTION", id="sell-only-buy"),
        pytest.param({"jurisdiction": "CLOSE"}, "SELL", None, id="sell-only-sell"),
        pytest.param({"jurisdiction": "PROHIBITED"}, "BUY", "JURISDICTION", id="prohibited-buy"),
        pytest.param({"jurisdiction": "PROHIBITED"}, "SELL", "JURISDICTION", id="prohibited-sell"),
    ],
)
def test_account(account: Fields, side: str, why: str | None) -> None:
    story = traded()
    story.account(**account)
    assert reason(story, side=side, quantity="0.5") == why


@pytest.mark.parametrize(
    ("symbol", "tradable", "why"),
    [
        pytest.param("BTCUSD", True, None, id="tradable"),
        pytest.param("BTCUSD", False, "UNKNOWN_SYMBOL", id="not-tradable"),
        pytest.param("DOGEUSD", True, "UNKNOWN_SYMBOL", id="unknown"),
    ],
)
def test_symbol(symbol: str, tradable: bool, why: str | None) -> None:
    story = traded()
    story.instrument(tradable=tradable)
    assert reason(story, symbol=symbol, quantity="1") == why


# -- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "at", "why"),
    [
        pytest.param("2026-03-03", "16:29:59.999999", None, id="last-microsecond-before"),
        pytest.param("2026-03-03", "16:30:00.000000", "MAINTENANCE", id="begins-at-16:30"),
        pytest.param("2026-03-03", "17:04:59.999999", "MAINTENANCE", id="last-microsecond-of-it"),
        pytest.param("2026-03-03", "17:05:00.000000", None, id="over-at-17:05"),
        # After 8 March 2026 Chicago is 5 hours behind UTC: 16:30 is 21:30Z, 17:05 is 22:05Z.
        pytest.param("2026-03-08", "2026-03-08T21:29:59.999999Z", None, id="summer-before"),
        pytest.param("2026-03-08", "2026-03-08T21:30:00Z", "MAINTENANCE", id="summer-begins"),
        pytest.param("2026-03-08", "2026-03-08T22:05:00Z", None, id="summer-over"),
        pytest.param("2026-11-01", "2026-11-01T22:30:00Z", "MAINTENANCE", id="winter-begins"),
        pytest.param("2026-11-01", "2026-11-01T22:05:00Z", None, id="winter-not-yet"),
        pytest.param("2026-11-01", "2026-11-01T23:05:00Z", None, id="winter-over"),
    ],
)
def test_maintenance(date: str, at: str, why: str | None) -> None:
    story = Story(date=date)
    story.instrument(stale_after_ms=86_400_000, at="11:59")
    story.tick(bid="100.00", ask="101.00", at="12:00:00")
    assert reason(story, quantity="1", at=at) == why


@pytest.mark.parametrize(
    ("expire_time", "why"),
    [
        pytest.param("12:30:00.000001", None, id="a-microsecond-ahead"),
        pytest.param("12:30", "ORDER_EXPIRED", id="at-its-expiry"),
        pytest.param("12:29:59.999999", "ORDER_EXPIRED", id="after-its-expiry"),
    ],
)
def test_expired_when_it_comes(expire_time: str, why: str | None) -> None:
    story = traded()
    fields = {"quantity": "1", "limit_price": "99.00", "expire_time": expire_time}
    assert reason(story, at="12:30", **fields) == why


# -- precision ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "stop", "why"),
    [
        pytest.param("99.05", None, None, id="a-multiple"),
        pytest.param("99.050", None, None, id="a-multiple-with-a-zero"),
        pytest.param("99.01", None, "PRICE_PRECISION", id="limit-between"),
        pytest.param("99.001", None, "PRICE_PRECISION", id="limit-finer"),
        pytest.param("0.0000000000000000001", None, "PRICE_PRECISION", id="limit-finer-than-all"),
        pytest.param("111.00", "110.01", "PRICE_PRECISION", id="stop-between"),
        pytest.param("111.01", "110.00", "PRICE_PRECISION", id="limit-of-a-stop"),
        pytest.param("111.00", "110.00", None, id="both-multiples"),
    ],
)
def test_price_precision(limit: str, stop: str | None, why: str | None) -> None:
    """The increment is 0.05."""
    story = traded(minimum_price_increment="0.05")
    assert reason(story, quantity="1", limit_price=limit, stop_price=stop) == why


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        pytest.param({"quantity": "0.25"}, None, id="a-multiple"),
        pytest.param({"quantity": "0.250"}, None, id="a-multiple-with-a-zero"),
        pytest.param({"quantity": "0.26"}, "QUANTITY_PRECISION", id="between"),
        pytest.param({"quantity": "0.250000001"}, "QUANTITY_PRECISION", id="finer-than-8-decimals"),
        pytest.param({"notional": "25.26"}, None, id="a-notional-is-rounded-down-instead"),
    ],
)
def test_quantity_precision(fields: Fields, why: str | None) -> None:
    """The increment is 0.05."""
    assert reason(traded(minimum_quantity_increment="0.05"), **fields) == why
