"""May this order work? The checks of contract section 6, their boundaries and their order."""

from collections.abc import Callable
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest

from tests.story import ACCOUNT, Story, ct, event_id

Fields = dict[str, Any]


def traded(**instrument: Any) -> Story:  # noqa: ANN401 - any JSON
    """A market of 100.00 / 101.00, x 10 on both sides, and an account that has 1 BTC."""
    story = Story()
    if instrument:
        story.instrument(at="11:59", **instrument)
    story.tick(bid="100.00", ask="101.00", at="12:00:00")
    story.order("seed", quantity="1", at="12:00:00")
    return story


def reason(story: Story, **fields: Any) -> str | None:  # noqa: ANN401 - any JSON
    """Tell the order `o1` and return why it is rejected, None if it is accepted."""
    happened = story.order("o1", **fields)
    rejected = happened.all("OrderRejected")
    if not rejected:
        assert happened.types("order-updates")[0] == "OrderAccepted"
        return None
    assert happened.types("order-updates") == ["OrderRejected"]  # and nothing else comes of it
    assert happened.all("Execution") == []
    return str(rejected[0]["reason"])


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


# -- the market -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tick", "order", "why"),
    [
        pytest.param({"bid": "100"}, {}, "EMPTY_QUOTES", id="market-buy-without-ask"),
        pytest.param({"ask": "101"}, {}, None, id="market-buy-without-bid"),
        pytest.param({"ask": "101"}, {"side": "SELL"}, "EMPTY_QUOTES", id="market-sell-no-bid"),
        pytest.param({"bid": "100"}, {"side": "SELL"}, None, id="market-sell-without-ask"),
        pytest.param({}, {"limit_price": "50"}, "EMPTY_QUOTES", id="a-resting-limit-too"),
        pytest.param({"bid": "100"}, {"limit_price": "50"}, "EMPTY_QUOTES", id="limit-no-ask"),
        pytest.param(
            {}, {"limit_price": "111", "stop_price": "110"}, None, id="not-for-an-untriggered-stop"
        ),
        pytest.param(
            {"ask": "101"},
            {"limit_price": "105", "stop_price": "101", "side": "SELL"},
            None,
            id="a-sell-stop-without-bid-is-untriggered",
        ),
    ],
)
def test_empty_quotes(tick: Fields, order: Fields, why: str | None) -> None:
    story = traded()
    story.tick(**tick)
    assert reason(story, quantity="1", **order) == why


def test_without_any_quote() -> None:
    story = Story()
    assert reason(story, quantity="1") == "EMPTY_QUOTES"


@pytest.mark.parametrize(
    ("fixed", "order", "why"),
    [
        pytest.param("99.99", {}, None, id="one-cent-is-left"),
        pytest.param("100", {}, "EMPTY_QUOTES", id="nothing-is-left"),
        pytest.param("150", {}, "EMPTY_QUOTES", id="less-than-nothing"),
        pytest.param("99.995", {}, "EMPTY_QUOTES", id="half-a-cent-rounds-down-to-nothing"),
        pytest.param("150", {"limit_price": "120"}, "EMPTY_QUOTES", id="a-resting-limit-too"),
        pytest.param(
            "150", {"limit_price": "90", "stop_price": "95"}, None, id="not-for-an-untriggered-stop"
        ),
        pytest.param(
            "150",
            {"limit_price": "95", "stop_price": "100"},
            "EMPTY_QUOTES",
            id="a-stop-that-triggers-at-once",
        ),
    ],
)
def test_a_customer_price_of_0_or_less_counts_as_an_empty_side(
    fixed: str, order: Fields, why: str | None
) -> None:
    """The bid is 100.00; the order's own markup takes it all."""
    assert reason(traded(), side="SELL", quantity="1", markup_fixed=fixed, **order) == why


@pytest.mark.parametrize(
    ("order", "why"),
    [
        # ask 101.00 x 1.10 = 111.10; bid 100.00 x 0.90 = 90.00
        pytest.param({"limit_price": "111.10"}, None, id="buy-exactly-10-percent"),
        pytest.param({"limit_price": "111.11"}, "PRICE_TOO_FAR", id="buy-a-cent-more"),
        pytest.param({"limit_price": "1.00"}, None, id="buy-far-below-just-rests"),
        pytest.param({"side": "SELL", "limit_price": "90.00"}, None, id="sell-exactly-10-percent"),
        pytest.param(
            {"side": "SELL", "limit_price": "89.99"}, "PRICE_TOO_FAR", id="sell-a-cent-less"
        ),
        pytest.param({"side": "SELL", "limit_price": "9999"}, None, id="sell-far-above-just-rests"),
        pytest.param(
            {"limit_price": "111.11", "time_in_force": "IOC"}, "PRICE_TOO_FAR", id="ioc-too"
        ),
        pytest.param(
            {"limit_price": "111.11", "markup_bps": "1000"},
            "PRICE_TOO_FAR",
            id="the-raw-quote-counts-not-the-customers-price",
        ),
        pytest.param(
            {"limit_price": "150", "stop_price": "140"}, None, id="not-for-an-untriggered-stop"
        ),
        pytest.param(
            {"limit_price": "111.11", "stop_price": "101.00"},
            "PRICE_TOO_FAR",
            id="a-stop-that-triggers-at-once",
        ),
        pytest.param(
            {"limit_price": "111.10", "stop_price": "101.00"}, None, id="such-a-stop-within-10"
        ),
    ],
)
def test_price_too_far(order: Fields, why: str | None) -> None:
    assert reason(traded(), quantity="1", **order) == why


# -- the minimum ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "why"),
    [
        pytest.param({"notional": "1.00"}, None, id="notional-exactly-the-minimum"),
        pytest.param({"notional": "0.99"}, "BELOW_MINIMUM", id="notional-a-cent-less"),
        # market buys pay 101.00: 0.00990 x 101 = 0.9999 -> 1.00; 0.00985 x 101 = 0.99485 -> 0.99
        pytest.param({"quantity": "0.0099"}, None, id="market-quantity-rounds-to-1.00"),
        pytest.param({"quantity": "0.00985"}, "BELOW_MINIMUM", id="market-quantity-rounds-to-0.99"),
        # with 1,000 bps on top it pays 111.10: 0.009 x 111.10 = 0.9999 -> 1.00
        pytest.param(
            {"quantity": "0.009", "markup_bps": "1000"}, None, id="market-at-the-customers-price"
        ),
        pytest.param({"quantity": "0.009"}, "BELOW_MINIMUM", id="market-at-the-raw-price-0.91"),
        # a limit of 90: 0.01105 x 90 = 0.9945 -> 0.99; 0.0111 x 90 = 0.999 -> 1.00
        pytest.param({"quantity": "0.0111", "limit_price": "90"}, None, id="quantity-x-limit"),
        pytest.param(
            {"quantity": "0.01105", "limit_price": "90"},
            "BELOW_MINIMUM",
            id="quantity-x-limit-less",
        ),
        # half-even at 0.995: 0.00995 x 100 -> 1.00 (99.5 cents is a tie, 100 is even)
        pytest.param({"quantity": "0.00995", "limit_price": "100"}, None, id="half-even-tie-up"),
        pytest.param(
            {"quantity": "0.00994999", "limit_price": "100"}, "BELOW_MINIMUM", id="below-the-tie"
        ),
        pytest.param(
            {"quantity": "0.005", "limit_price": "150", "stop_price": "140"},
            "BELOW_MINIMUM",
            id="an-untriggered-stop-at-its-limit",
        ),
        pytest.param({"side": "SELL", "quantity": "0.0099"}, "BELOW_MINIMUM", id="sell-0.99"),
        pytest.param({"side": "SELL", "quantity": "0.01"}, None, id="sell-1.00"),
    ],
)
def test_the_minimum_order_value(order: Fields, why: str | None) -> None:
    assert reason(traded(), **order) == why


def test_a_tie_goes_to_the_even_cent_below_the_minimum() -> None:
    """Minimum 0.05: 0.00045 x 100 = 4.5 cents -> 4, and 0.00055 x 100 = 5.5 -> 6."""
    story = traded(minimum_order_value="0.05")
    assert reason(story, quantity="0.00045", limit_price="100") == "BELOW_MINIMUM"
    assert story.order("o2", quantity="0.00055", limit_price="100").said() == [
        ("OrderAccepted", "o2")
    ]


@pytest.mark.parametrize(
    ("order", "why"),
    [
        pytest.param({"quantity": "0.004"}, None, id="market-all"),
        pytest.param({"quantity": "0.0039"}, "BELOW_MINIMUM", id="market-nearly-all"),
        pytest.param({"quantity": "0.004", "limit_price": "105"}, None, id="limit-all"),
        pytest.param(
            {"quantity": "0.0039", "limit_price": "105"}, "BELOW_MINIMUM", id="limit-nearly-all"
        ),
        pytest.param({"quantity": "0.0041"}, "BELOW_MINIMUM", id="more-than-all"),
        # MARKET: floor(0.40 / 100.00) = 0.004, and floor(0.39 / 100.00) = 0.0039
        pytest.param({"notional": "0.40"}, None, id="market-notional-that-comes-to-all"),
        pytest.param({"notional": "0.39"}, "BELOW_MINIMUM", id="market-notional-nearly-all"),
        # floor(0.41 / 100.00) = 0.0041 > 0.004
        pytest.param({"notional": "0.41"}, "BELOW_MINIMUM", id="market-notional-more-than-all"),
    ],
)
def test_selling_all_that_is_available_always_passes(order: Fields, why: str | None) -> None:
    """Of 1 BTC 0.996 is held by a working sell: 0.004 is available, worth 0.40."""
    story = traded(minimum_quantity_increment="0.0001")
    story.order("held", side="SELL", quantity="0.996", limit_price="105")
    assert reason(story, side="SELL", **order) == why


def test_a_market_notional_sell_counts_as_all_when_its_floor_does() -> None:
    """Increment 0.003, and 0.003 is available: 0.59 / 100 comes to 0.003, 0.60 / 100 to 0.006."""
    story = traded(minimum_quantity_increment="0.001")
    story.order("held", side="SELL", quantity="0.997", limit_price="105")
    story.instrument(minimum_quantity_increment="0.003")
    assert reason(story, side="SELL", notional="0.60") == "BELOW_MINIMUM"
    assert story.order("o2", side="SELL", notional="0.59").said() == [
        ("OrderAccepted", "o2"),
        ("OrderFilled", "o2"),
    ]


@pytest.mark.parametrize(
    ("order", "why"),
    [
        # 1.00 buys floor(1.00 / 101.00 to 0.01) = 0
        pytest.param({"notional": "1.00"}, "BELOW_MINIMUM", id="market-buys-nothing"),
        pytest.param({"notional": "1.01"}, None, id="market-buys-one-increment"),
        pytest.param(
            {"notional": "1.01", "markup_fixed": "0.01"}, "BELOW_MINIMUM", id="at-customers-price"
        ),
        pytest.param(
            {"notional": "1.00", "limit_price": "101"}, "BELOW_MINIMUM", id="marketable-limit"
        ),
        pytest.param({"notional": "1.00", "limit_price": "100.99"}, None, id="a-limit-that-rests"),
        pytest.param(
            {"notional": "1.00", "limit_price": "110", "stop_price": "101"},
            "BELOW_MINIMUM",
            id="a-stop-that-triggers-at-once",
        ),
        pytest.param(
            {"notional": "1.00", "limit_price": "110", "stop_price": "102"},
            None,
            id="a-stop-that-waits",
        ),
        pytest.param({"notional": "1.00", "side": "SELL"}, None, id="sell-one-increment-at-100"),
    ],
)
def test_a_notional_that_buys_nothing_at_the_first_fill(order: Fields, why: str | None) -> None:
    """The quantity increment is 0.01."""
    assert reason(traded(minimum_quantity_increment="0.01"), **order) == why


# -- what can be sold -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "why"),
    [
        pytest.param({"quantity": "1"}, None, id="all"),
        pytest.param({"quantity": "1.00000001"}, "EXCEEDS_POSITION", id="a-unit-more"),
        pytest.param({"notional": "100.00"}, None, id="market-notional-all"),
        # floor(100.01 / 100.00) = 1.0001
        pytest.param({"notional": "100.01"}, "EXCEEDS_POSITION", id="market-notional-more"),
        # 105.00 / 105 = 1; 105.01 / 105 = 1.000095... rounded up
        pytest.param({"notional": "105.00", "limit_price": "105"}, None, id="limit-notional-all"),
        pytest.param(
            {"notional": "105.01", "limit_price": "105"}, "EXCEEDS_POSITION", id="limit-notional"
        ),
        pytest.param({"quantity": "2", "limit_price": "105"}, "EXCEEDS_POSITION", id="resting"),
        pytest.param(
            {"quantity": "2", "limit_price": "90", "stop_price": "95"},
            "EXCEEDS_POSITION",
            id="stop",
        ),
    ],
)
def test_exceeds_position(order: Fields, why: str | None) -> None:
    assert reason(traded(), side="SELL", **order) == why


def test_a_buy_needs_no_position_and_no_money() -> None:
    """No funds check before the trade: buying power is the client's duty."""
    assert reason(traded(), quantity="10") is None


def test_another_asset_is_no_position() -> None:
    story = traded()
    story.instrument("ETHUSD")
    story.tick(bid="10.00", symbol="ETHUSD")
    assert reason(story, side="SELL", symbol="ETHUSD", quantity="1") == "EXCEEDS_POSITION"


# -- the order of the checks ----------------------------------------------------------------------

# In the contract's order. Each fault can be put beside any other but for one pair: an empty side
# is not too far from anything.
CHECKS = (
    "DUPLICATE_ORDER_ID",
    "UNKNOWN_ACCOUNT",
    "UNKNOWN_CLIENT",
    "INVALID_ORDER",
    "ACCOUNT_NOT_OPEN",
    "UNKNOWN_SYMBOL",
    "MAINTENANCE",
    "ORDER_EXPIRED",
    "JURISDICTION",
    "PRICE_PRECISION",
    "QUANTITY_PRECISION",
    "EMPTY_QUOTES",
    "PRICE_TOO_FAR",
    "BELOW_MINIMUM",
    "EXCEEDS_POSITION",
)


def faulty(*faults: str) -> str | None:
    """Tell a sell order with the given faults and return the answer's reason.

    Without a fault: 0.5 BTC of 1 at a limit of 100.00 until 18:00 at a bid of 100.00.
    """
    story = Story()
    story.instrument(at="11:59", minimum_quantity_increment="0.001", stale_after_ms=86_400_000)
    story.tick(bid="100.00", ask="101.00", at="12:00:00")
    account = ACCOUNT
    if "UNKNOWN_CLIENT" in faults:
        account = "ZETA0001"
        story.account(account, client="ZETA")
    if "UNKNOWN_ACCOUNT" in faults:
        account = "NOBODY01"
    if "EXCEEDS_POSITION" not in faults and account == ACCOUNT:
        story.order("seed", quantity="1")
    if "DUPLICATE_ORDER_ID" in faults:
        story.order("o1", account_id=account, quantity="0")  # rejected, and so used up
    if "EMPTY_QUOTES" in faults:
        story.tick()
    story.account(
        mode="LOCKED" if "ACCOUNT_NOT_OPEN" in faults else "OPEN",
        jurisdiction="PROHIBITED" if "JURISDICTION" in faults else "OPEN",
    )
    limit = Decimal("80.00" if "PRICE_TOO_FAR" in faults else "100.00")
    quantity = Decimal("0.005" if "BELOW_MINIMUM" in faults else "0.5")
    fields = {
        "symbol": "DOGEUSD" if "UNKNOWN_SYMBOL" in faults else "BTCUSD",
        "limit_price": str(limit + ("PRICE_PRECISION" in faults) * Decimal("0.005")),
        "quantity": str(quantity + ("QUANTITY_PRECISION" in faults) * Decimal("0.0005")),
        "expire_time": "14:00" if "ORDER_EXPIRED" in faults else "18:00",
    }
    if "INVALID_ORDER" in faults:
        fields["notional"] = "50.00"
    at = "17:04" if "MAINTENANCE" in faults else "14:00"
    return reason(story, account_id=account, side="SELL", at=at, **fields)


def test_without_a_fault_it_is_accepted() -> None:
    assert faulty() is None


@pytest.mark.parametrize("fault", CHECKS)
def test_each_fault_alone(fault: str) -> None:
    assert faulty(fault) == fault


def _pairs() -> list[Any]:
    """All pairs but two: what names nobody has no earlier order, so no id that is used."""
    impossible = {
        ("EMPTY_QUOTES", "PRICE_TOO_FAR"),
        ("DUPLICATE_ORDER_ID", "UNKNOWN_ACCOUNT"),
        ("DUPLICATE_ORDER_ID", "UNKNOWN_CLIENT"),
    }
    return [
        pytest.param(first, second, id=f"{first}-before-{second}")
        for first, second in combinations(CHECKS, 2)
        if (first, second) not in impossible
    ]


@pytest.mark.parametrize(("first", "second"), _pairs())
def test_of_two_faults_the_first_check_answers(first: str, second: str) -> None:
    """Whichever way round the faults are named."""
    assert faulty(first, second) == first


def test_all_faults_at_once() -> None:
    """Mended one after the other, each check answers in its turn."""
    possible = [check for check in CHECKS[1:] if check != "PRICE_TOO_FAR"]
    assert [faulty(*possible[number:]) for number in range(len(possible))] == possible


@pytest.mark.parametrize(
    ("story_of", "order", "why"),
    [
        pytest.param(
            traded,
            {"side": "SELL", "quantity": "1.001", "limit_price": "89", "markup_fixed": "150"},
            "EMPTY_QUOTES",
            id="no-customer-price-before-too-far",
        ),
        pytest.param(
            traded,
            {"quantity": "0.001", "limit_price": "111.11"},
            "PRICE_TOO_FAR",
            id="too-far-before-the-minimum-of-a-buy",
        ),
        pytest.param(
            lambda: traded(minimum_quantity_increment="2"),
            {"side": "SELL", "notional": "150.00", "limit_price": "100"},
            "BELOW_MINIMUM",
            id="buys-nothing-before-exceeds-position",
        ),
    ],
)
def test_close_calls(story_of: Callable[[], Story], order: Fields, why: str) -> None:
    story = story_of()
    assert reason(story, **order) == why
