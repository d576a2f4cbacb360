"""The limits of an order's value, of a fill, and of an account's assets (contract section 6)."""

from functools import cache
from typing import Any

import pytest

from audit import numbers
from schemas.money import USD_LIMIT, WHOLE
from settlement.rounding import sells_below, value_of
from tests.order_story import reason
from tests.story import Story

# 10^14 - 1 = 9,999,999 x 10,000,001: the largest value that passes is a product of these.
LARGEST = "999999999999.99"


def at_market(bid: str, ask: str, size: str, **instrument: Any) -> Story:  # noqa: ANN401 - any JSON
    story = Story()
    story.instrument(at="11:59", stale_after_ms=86_400_000, **instrument)
    story.tick(bid=bid, ask=ask, bid_size=size, ask_size=size, at="12:00:00")
    return story


@pytest.mark.parametrize(
    ("ask", "order", "why"),
    [
        pytest.param(
            "100000.01", {"quantity": "9999999", "limit_price": "100000.01"}, None, id="largest"
        ),
        pytest.param(
            "100000.00",
            {"quantity": "10000000", "limit_price": "100000.00"},
            "ABOVE_MAXIMUM",
            id="10^12",
        ),
        pytest.param("100000.01", {"quantity": "9999999"}, None, id="largest-at-market"),
        pytest.param("100000.00", {"quantity": "10000000"}, "ABOVE_MAXIMUM", id="10^12-at-market"),
        # 1,999,999,999.99998 x 500 = 999,999,999,999.99; one digit more is half a cent more.
        pytest.param(
            "500.00", {"quantity": "1999999999.99998", "limit_price": "500"}, None, id="rounds-down"
        ),
        pytest.param(
            "500.00",
            {"quantity": "1999999999.99999", "limit_price": "500"},
            "ABOVE_MAXIMUM",
            id="rounds-to-10^12",
        ),
        pytest.param("100.00", {"notional": LARGEST}, None, id="largest-notional"),
        # A stop that waits is tested by its limit; both prices are far from the market.
        pytest.param(
            "100.00",
            {"quantity": "9999999", "stop_price": "100000.00", "limit_price": "100000.01"},
            None,
            id="largest-stop",
        ),
        pytest.param(
            "100.00",
            {"quantity": "10000000", "stop_price": "100000.00", "limit_price": "100000.00"},
            "ABOVE_MAXIMUM",
            id="stop-of-10^12",
        ),
    ],
)
def test_a_value_of_10_12_is_above_the_maximum(
    ask: str, order: dict[str, str], why: str | None
) -> None:
    assert reason(at_market("1.00", ask, "1"), **order) == why


def test_above_maximum_comes_before_the_position() -> None:
    """The account has nothing. A minimum is below 10^12, so no order fails both value checks."""
    huge = {"side": "SELL", "quantity": "10000000", "limit_price": "100000.00"}
    assert reason(at_market("100000.00", "100001.00", "1"), **huge) == "ABOVE_MAXIMUM"


def resting_sell(quantity: str) -> Story:
    """Sell 2 x 10^9 BTC that were bought at 1.00 (or a part of them) for 400.00 or more."""
    story = Story()
    story.instrument(at="11:59", stale_after_ms=86_400_000)
    story.tick(bid="1.00", ask="1.00", ask_size="2000000000", at="12:00:00")
    story.order("seed", quantity="2000000000")
    story.order("o1", side="SELL", quantity=quantity, limit_price="400.00")
    return story


@pytest.mark.parametrize(
    ("quantity", "bid", "filled"),
    [
        # 9,999,999 x 100,000.01 = 999,999,999,999.99 is one fill, a unit more is not.
        pytest.param("9999999", "100000.01", [("9999999", LARGEST)], id="largest"),
        # 2 x 10^9 x 500.00 = 10^12. The largest below: 999,999,999,999.995 would round up to 10^12,
        # so it is 1,999,999,999.99998999 (999,999,999,999.994995).
        pytest.param("2000000000", "500.00", [("1999999999.99998999", LARGEST)], id="10^12"),
        pytest.param(
            "1999999999.99999", "500.00", [("1999999999.99998999", LARGEST)], id="half-a-cent-more"
        ),
    ],
)
def test_a_fill_is_reduced_to_a_gross_below_10_12(
    quantity: str, bid: str, filled: list[tuple[str, str]]
) -> None:
    happened = resting_sell(quantity).tick(bid=bid, bid_size="2000000000")
    assert [(e["quantity"], e["gross"]) for e in happened.all("Execution")] == filled


def test_the_rest_of_a_reduced_fill_waits_for_the_next_quote() -> None:
    """2 x 10^9 - 1,999,999,999.99998999 = 0.00001001."""
    story = resting_sell("2000000000")
    first = story.tick(bid="500.00", bid_size="2000000000").one("OrderFilled")
    assert first["leaves_quantity"] == "0.00001001"
    second = story.tick(bid="999.00", bid_size="2000000000").one("Execution")
    assert (second["quantity"], second["gross"]) == ("0.00001001", "0.01")


def test_of_a_coin_worth_10_12_each_nothing_is_sold() -> None:
    """One increment is worth too much, so the order rests as if nothing was offered."""
    story = Story()
    story.instrument(at="11:59", minimum_quantity_increment="1", stale_after_ms=86_400_000)
    story.tick(bid="1.00", ask="1.00", at="12:00:00")
    story.order("seed", quantity="1")
    story.order("o1", side="SELL", quantity="1", limit_price="400.00")
    assert story.tick(bid="1000000000000.00").types("executions", "order-updates") == []
    assert story.tick(bid="999999999999.99").one("Execution")["gross"] == LARGEST


@pytest.mark.parametrize("increment", ["0.00000001", "0.001", "1", "7"])
@pytest.mark.parametrize("price", ["0.000000000000000001", "0.03", "500", "100000.01", "333333.33"])
def test_the_largest_quantity_below_the_limit(price: str, increment: str) -> None:
    """One increment more is worth 10^12 or more; the audit finds the same quantity by itself."""
    at_price = numbers.price(price)
    step = numbers.units(increment)
    most = sells_below(USD_LIMIT, at_price, step)
    assert most % step == 0
    assert value_of(most, at_price) < 10**14 <= value_of(most + step, at_price)
    assert numbers.fillable(most + 1000 * step, at_price, step) == most
    assert numbers.fillable(most, at_price, step) == most
    assert numbers.fillable(WHOLE, 1, step) == WHOLE


# -- assets ----------------------------------------------------------------------------------------


@cache
def symbols() -> list[str]:
    return [f"A{number:04}USD" for number in range(1002)]


def holder(assets: int, working: int = 0) -> Story:
    """An account that bought 1 of each of so many assets, and has working buys of further ones."""
    story = Story()
    for number, symbol in enumerate(symbols()):
        story.instrument(symbol, at="11:59", stale_after_ms=86_400_000)
        story.tick(bid="1.00", ask="1.00", symbol=symbol, at="12:00:00")
        if number < assets:
            story.order(f"b{number}", symbol=symbol, quantity="1")
        elif number < assets + working:
            story.order(f"b{number}", symbol=symbol, quantity="2", limit_price="0.95")
    return story


def buys(story: Story, number: int, order_id: str = "o1", **fields: str) -> str | None:
    """Order 1 of an asset at market, if nothing else is said; return why it is rejected."""
    happened = story.order(order_id, symbol=symbols()[number], **{"quantity": "1"} | fields)
    rejected = happened.all("OrderRejected")
    return rejected[0]["reason"] if rejected else None


@pytest.mark.parametrize(
    ("assets", "working", "number", "why"),
    [
        pytest.param(999, 0, 999, None, id="the-1000th"),
        pytest.param(1000, 0, 1000, "TOO_MANY_ASSETS", id="the-1001st"),
        pytest.param(1000, 0, 0, None, id="one-that-it-has"),
        pytest.param(998, 1, 1000, None, id="999-with-a-working-buy"),
        pytest.param(998, 2, 1001, "TOO_MANY_ASSETS", id="1000-with-working-buys"),
        pytest.param(998, 2, 999, None, id="one-that-a-working-buy-is-for"),
    ],
)
def test_an_account_has_at_most_1000_assets(
    assets: int, working: int, number: int, why: str | None
) -> None:
    assert buys(holder(assets, working), number) == why


def test_what_frees_a_place_and_what_does_not() -> None:
    story = holder(998, 2)
    # Another order of an asset that counts already takes no place, and frees none when it ends.
    story.order("again", symbol=symbols()[999], quantity="2", limit_price="0.95")
    story.cancel("again")
    assert buys(story, 1000) == "TOO_MANY_ASSETS"
    # An asset that was sold out was held: it counts for ever, and may be bought again.
    story.order("sold", symbol=symbols()[0], side="SELL", quantity="1")
    assert buys(story, 1000, "o2") == "TOO_MANY_ASSETS"
    story.order("back", symbol=symbols()[0], quantity="1")
    # A working buy that ends without a fill frees its place.
    story.cancel("b999", "c2")
    assert buys(story, 1000, "o3") is None
    assert len(story.so_far().all("AccountBalance")[-1]["positions"]) == 999


def test_too_many_assets_is_the_last_check() -> None:
    """A sell of what is not there is EXCEEDS_POSITION; another account may buy."""
    story = holder(1000)
    assert buys(story, 1000, "o1", quantity="0.1") == "BELOW_MINIMUM"
    assert buys(story, 1000, "o2", side="SELL") == "EXCEEDS_POSITION"
    assert buys(story, 1000, "o3") == "TOO_MANY_ASSETS"
    story.account("ACME0002")
    assert buys(story, 1000, "o4", account_id="ACME0002") is None
