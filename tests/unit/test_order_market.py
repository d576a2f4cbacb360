"""May an order work: what the market, the minimum and the position say (contract section 6)."""

import pytest

from tests.order_story import Fields, reason, traded
from tests.story import Story


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
