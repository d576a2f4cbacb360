"""What a trade costs: customer price, gross, markup, commission (contract section 6)."""

from decimal import Decimal
from typing import Any

import pytest

from tests.story import ACCOUNT, Event, Story, ct, event_id, only

Fields = dict[str, Any]


def market(terms: Fields | None = None, **instrument: Any) -> Story:  # noqa: ANN401 - any JSON
    """A client with `terms`, and 1,000 BTC in the account, bought before at no charge."""
    story = Story()
    story.tick(ask="1.00", ask_size="1000", at="12:00:00")
    story.order("seed", quantity="1000", at="12:00:00")
    if instrument:
        story.instrument(**instrument)
    if terms is not None:
        story.client(**terms)
    return story


MARKUP: Fields = {"commission_model": "MARKUP"}
FEE: Fields = {"commission_model": "TRADE_FEE"}


# -- the whole event ------------------------------------------------------------------------------


def test_a_buy_with_markup() -> None:
    """100.00 x 1.0025 + 0.10 = 100.35; 0.4 x 100.35 = 40.14, of which 0.4 x 0.35 = 0.14 markup."""
    story = market(MARKUP | {"markup_bps": "25.0", "markup_fixed": "0.10"})
    story.tick(bid="99.00", ask="100.00")
    execution = story.order("o1", quantity="0.40", at="12:30", event_id="e").one("Execution")
    assert execution == {
        "type": "Execution",
        "event_id": event_id("orders", "e", "Execution", ACCOUNT),
        "event_time": ct("12:30"),
        "cause_id": "e",
        "account_id": ACCOUNT,
        "client": "ACME",
        "execution_id": "ACME0001-o1-1",
        "client_order_id": "o1",
        "symbol": "BTCUSD",
        "base": "BTC",
        "side": "BUY",
        "quantity": "0.4",
        "price": "100.35",
        "quote_price": "100.00",
        "quote_sequence": 2,
        "gross": "40.14",
        "markup": "0.14",
        "commission": "0.00",
        "net_money": "40.14",
        "markup_bps": "25",
        "markup_fixed": "0.1",
        "commission_bps": "0",
        "commission_fixed": "0.00",
        "commission_minimum": "0.00",
        "providers": [{"provider": "alpha", "quantity": "0.4"}],
        "trade_date": "2026-03-03",
        "funding_model": "MARKETPLACE",
    }


def test_a_sell_with_a_fee() -> None:
    """2 x 99.00 = 198.00; 12.5 bps of it = 0.2475 -> 0.25, and 1.00: 1.25 off."""
    story = market(
        FEE | {"commission_bps": "12.5", "commission_fixed": "1", "commission_minimum": "0.5"}
    )
    story.tick(bid="99.00", ask="100.00")
    execution = story.order("o1", side="SELL", quantity="2").one("Execution")
    wanted = {
        "side": "SELL",
        "quantity": "2",
        "price": "99.00",
        "quote_price": "99.00",
        "gross": "198.00",
        "markup": "0.00",
        "commission": "1.25",
        "net_money": "196.75",
        "markup_bps": "0",
        "markup_fixed": "0",
        "commission_bps": "12.5",
        "commission_fixed": "1.00",
        "commission_minimum": "0.50",
    }
    assert only(execution, wanted) == wanted


# -- the customer's price -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "raw", "bps", "fixed", "increment", "price"),
    [
        pytest.param("BUY", "100.00", "0", "0", "0.01", "100.00", id="buy-no-markup"),
        pytest.param("BUY", "100.00", "25", "0", "0.01", "100.25", id="buy-exact-stays"),
        # 100 x 1.00245 = 100.245
        pytest.param("BUY", "100.00", "24.5", "0", "0.01", "100.25", id="buy-half-a-cent-up"),
        # 100 x 1.002401 = 100.2401
        pytest.param("BUY", "100.00", "24.01", "0", "0.01", "100.25", id="buy-a-hair-up"),
        pytest.param("BUY", "100.00", "0", "0.001", "0.01", "100.01", id="buy-fixed-up"),
        # 100 x 1.001 + 0.05: the fixed part is not marked up itself
        pytest.param("BUY", "100.00", "10", "0.05", "0.01", "100.15", id="buy-bps-then-fixed"),
        # 100 x 1.0000000001 = 100.00000001
        pytest.param("BUY", "100.00", "0.000001", "0", "0.01", "100.01", id="buy-tiny-bps-up"),
        pytest.param("BUY", "100.00", "0", "0.01", "0.05", "100.05", id="buy-up-to-five-cents"),
        pytest.param("BUY", "100.00", "0", "0", "3", "102", id="buy-up-to-three-dollars"),
        pytest.param("BUY", "100.001", "0", "0", "0.01", "100.01", id="buy-fine-quote-up"),
        pytest.param("BUY", "0.00001", "0", "0", "0.01", "0.01", id="buy-up-from-nearly-nothing"),
        pytest.param("SELL", "100.00", "0", "0", "0.01", "100.00", id="sell-no-markup"),
        pytest.param("SELL", "100.00", "25", "0", "0.01", "99.75", id="sell-exact-stays"),
        # 100 x 0.99755 = 99.755
        pytest.param("SELL", "100.00", "24.5", "0", "0.01", "99.75", id="sell-half-a-cent-down"),
        # 100 x 0.99759999 = 99.759999
        pytest.param("SELL", "100.00", "24.0001", "0", "0.01", "99.75", id="sell-a-hair-down"),
        pytest.param("SELL", "100.00", "0", "0.001", "0.01", "99.99", id="sell-fixed-down"),
        pytest.param("SELL", "100.00", "10", "0.05", "0.01", "99.85", id="sell-bps-then-fixed"),
        pytest.param("SELL", "100.00", "0", "0.01", "0.05", "99.95", id="sell-down-to-five-cents"),
        pytest.param("SELL", "100.00", "0", "0", "3", "99", id="sell-down-to-three-dollars"),
        pytest.param("SELL", "100.009", "0", "0", "0.01", "100.00", id="sell-fine-quote-down"),
    ],
)
def test_the_customers_price_is_rounded_against_the_customer(
    side: str, raw: str, bps: str, fixed: str, increment: str, price: str
) -> None:
    story = market(
        MARKUP | {"markup_bps": bps, "markup_fixed": fixed}, minimum_price_increment=increment
    )
    story.tick(bid=raw, ask=raw)
    execution = story.order("o1", side=side, quantity="100").one("Execution")
    assert (execution["price"], Decimal(execution["quote_price"])) == (price, Decimal(raw))


@pytest.mark.parametrize(
    ("side", "limit", "said"),
    [
        # ask 100.00 and bid 100.00 with 25 bps: a buy pays 100.25, a sell gets 99.75
        pytest.param("BUY", "100.25", "OrderFilled", id="buy-at-the-customers-price"),
        pytest.param("BUY", "100.24", "OrderCancelled", id="buy-a-cent-below-it"),
        pytest.param("SELL", "99.75", "OrderFilled", id="sell-at-the-customers-price"),
        pytest.param("SELL", "99.76", "OrderCancelled", id="sell-a-cent-above-it"),
    ],
)
def test_marketability_compares_the_limit_with_the_customers_price(
    side: str, limit: str, said: str
) -> None:
    story = market(MARKUP | {"markup_bps": "25"})
    story.tick(bid="100.00", ask="100.00")
    happened = story.order("o1", side=side, quantity="1", limit_price=limit, time_in_force="IOC")
    assert happened.types("order-updates") == ["OrderAccepted", said]


@pytest.mark.parametrize(
    ("side", "limit", "short", "enough"),
    [
        # 99.75 x 1.0025 = 99.999375 -> 100.00; 99.76 x 1.0025 = 100.0094 -> 100.01
        pytest.param("BUY", "100.00", "99.76", "99.75", id="buy"),
        # 100.25 x 0.9975 = 99.999375 -> 99.99; 100.26 x 0.9975 = 100.00935 -> 100.00
        pytest.param("SELL", "100.00", "100.25", "100.26", id="sell"),
    ],
)
def test_a_resting_limit_waits_for_the_customers_price(
    side: str, limit: str, short: str, enough: str
) -> None:
    story = market(MARKUP | {"markup_bps": "25"})
    story.tick(bid="95.00", ask="105.00")
    story.order("o1", side=side, quantity="1", limit_price=limit)
    assert story.tick(bid=short, ask=short).said() == []
    execution = story.tick(bid=enough, ask=enough).one("Execution")
    wanted = {"price": "100.00", "quote_price": enough, "gross": "100.00"}
    assert only(execution, wanted) == wanted


# -- gross and markup -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "quantity", "raw", "fixed", "money"),
    [
        # quantity x customer price, quantity x quote price, each half-even to cents
        pytest.param("BUY", "0.5", "100.01", "0", ("50.00", "0.00"), id="tie-50.005-to-even-down"),
        pytest.param("BUY", "0.5", "100.03", "0", ("50.02", "0.00"), id="tie-50.015-to-even-up"),
        pytest.param("BUY", "0.51", "100.01", "0", ("51.01", "0.00"), id="51.0051-up"),
        pytest.param("BUY", "0.49", "100.01", "0", ("49.00", "0.00"), id="49.0049-down"),
        # 0.5 x 100.03 = 50.015 -> 50.02, 0.5 x 100.00 = 50.00
        pytest.param("BUY", "0.5", "100.00", "0.03", ("50.02", "0.02"), id="markup-of-a-buy"),
        # 0.5 x 99.97 = 49.985 -> 49.98, 0.5 x 100.00 = 50.00
        pytest.param("SELL", "0.5", "100.00", "0.03", ("49.98", "0.02"), id="markup-of-a-sell"),
        # 0.5 x 99.99 = 49.995 -> 50.00 (even), and 50.00
        pytest.param("SELL", "0.5", "100.00", "0.01", ("50.00", "0.00"), id="markup-lost-in-a-tie"),
        # 0.5 x 100.02 = 50.01, 0.5 x 100.01 = 50.005 -> 50.00: both parts are rounded first
        pytest.param("BUY", "0.5", "100.01", "0.01", ("50.01", "0.01"), id="both-rounded-first"),
        # 0.5 x 100.01 = 50.005 -> 50.00, 0.5 x 100.009 = 50.0045 -> 50.00
        pytest.param("BUY", "0.5", "100.009", "0", ("50.00", "0.00"), id="rounding-of-the-price"),
        # 10 x 100.01 = 1000.10, 10 x 100.009 = 1000.09
        pytest.param("BUY", "10", "100.009", "0", ("1000.10", "0.01"), id="its-rounding-is-markup"),
    ],
)
def test_gross_and_markup(
    side: str, quantity: str, raw: str, fixed: str, money: tuple[str, str]
) -> None:
    story = market(MARKUP | {"markup_fixed": fixed})
    story.tick(bid=raw, ask=raw)
    execution = story.order("o1", side=side, quantity=quantity).one("Execution")
    assert (execution["gross"], execution["markup"]) == money
    assert (execution["commission"], execution["net_money"]) == ("0.00", money[0])


# -- commission -----------------------------------------------------------------------------------

Fill = tuple[str, str, str]  # gross, commission, net_money


def fills(story: Story, side: str, *sizes: str) -> list[Fill]:
    """Fill an order at 1.00, once for each size shown, and return its executions."""
    total = str(sum(int(size) for size in sizes))
    executions: list[Event] = []
    for number, size in enumerate(sizes):
        ticked = story.tick(bid="1.00", ask="1.00", bid_size=size, ask_size=size)
        executions += ticked.all("Execution")
        if number == 0:
            ordered = story.order("o1", side=side, quantity=total, limit_price="1.00")
            executions += ordered.all("Execution")
        story.tick(bid="0.50", ask="1.50")  # so that the next is news, of whatever size
    return [(e["gross"], e["commission"], e["net_money"]) for e in executions]


@pytest.mark.parametrize(
    ("side", "terms", "sizes", "wanted"),
    [
        pytest.param(
            "BUY", {"commission_bps": "30"}, ["50"], [("50.00", "0.15", "50.15")], id="bps-of-a-buy"
        ),
        pytest.param(
            "SELL",
            {"commission_bps": "30"},
            ["50"],
            [("50.00", "0.15", "49.85")],
            id="bps-of-a-sell",
        ),
        # 50 x 1 bp = 0.005 -> 0.00; 150 x 1 bp = 0.015 -> 0.02
        pytest.param(
            "BUY", {"commission_bps": "1"}, ["50"], [("50.00", "0.00", "50.00")], id="tie-to-even-0"
        ),
        pytest.param(
            "BUY",
            {"commission_bps": "1"},
            ["150"],
            [("150.00", "0.02", "150.02")],
            id="tie-to-even-2",
        ),
        # on the cumulative gross: 0.005 -> 0.00, then 0.015 -> 0.02, then 0.02
        pytest.param(
            "BUY",
            {"commission_bps": "1"},
            ["50", "100", "50"],
            [("50.00", "0.00", "50.00"), ("100.00", "0.02", "100.02"), ("50.00", "0.00", "50.00")],
            id="of-the-cumulative-gross",
        ),
        pytest.param(
            "BUY",
            {"commission_bps": "100", "commission_fixed": "0.50"},
            ["10", "20"],
            [("10.00", "0.60", "10.60"), ("20.00", "0.20", "20.20")],
            id="fixed-once-per-order",
        ),
        pytest.param(
            "BUY",
            {"commission_minimum": "1.00"},
            ["10", "20"],
            [("10.00", "1.00", "11.00"), ("20.00", "0.00", "20.00")],
            id="minimum-once-per-order",
        ),
        # owed: max(1.00, 0.30), max(1.00, 0.80), max(1.00, 1.30)
        pytest.param(
            "BUY",
            {"commission_bps": "100", "commission_minimum": "1.00"},
            ["30", "50", "50"],
            [("30.00", "1.00", "31.00"), ("50.00", "0.00", "50.00"), ("50.00", "0.30", "50.30")],
            id="minimum-until-it-is-outgrown",
        ),
        # max(1.00, 0.30 + 0.60) = 1.00; max(1.00, 0.50 + 0.60) = 1.10
        pytest.param(
            "BUY",
            {"commission_bps": "100", "commission_fixed": "0.60", "commission_minimum": "1.00"},
            ["30", "20"],
            [("30.00", "1.00", "31.00"), ("20.00", "0.10", "20.10")],
            id="minimum-of-bps-and-fixed-together",
        ),
        pytest.param(
            "BUY",
            {"commission_minimum": "5.00"},
            ["3"],
            [("3.00", "5.00", "8.00")],
            id="a-buy-is-not-capped",
        ),
        pytest.param(
            "SELL",
            {"commission_minimum": "5.00"},
            ["3"],
            [("3.00", "3.00", "0.00")],
            id="a-sell-is-capped-at-its-gross-and-the-rest-lapses",
        ),
        pytest.param(
            "SELL",
            {"commission_minimum": "5.00"},
            ["3", "4"],
            [("3.00", "3.00", "0.00"), ("4.00", "2.00", "2.00")],
            id="the-rest-moves-to-the-next-fill",
        ),
        pytest.param(
            "SELL",
            {"commission_minimum": "5.00"},
            ["2", "1", "1", "3"],
            [
                ("2.00", "2.00", "0.00"),
                ("1.00", "1.00", "0.00"),
                ("1.00", "1.00", "0.00"),
                ("3.00", "1.00", "2.00"),
            ],
            id="and-to-later-fills",
        ),
        # owed 3.00 + 0.03, capped at 3; then 3.00 + 0.10 - 3.00
        pytest.param(
            "SELL",
            {"commission_bps": "100", "commission_fixed": "3.00"},
            ["3", "7"],
            [("3.00", "3.00", "0.00"), ("7.00", "0.10", "6.90")],
            id="capped-with-bps-and-fixed",
        ),
        pytest.param(
            "SELL",
            {"commission_bps": "20000"},
            ["3", "4"],
            [("3.00", "3.00", "0.00"), ("4.00", "4.00", "0.00")],
            id="never-more-than-the-gross",
        ),
    ],
)
def test_commission(side: str, terms: Fields, sizes: list[str], wanted: list[Fill]) -> None:
    assert fills(market(FEE | terms), side, *sizes) == wanted


def test_a_notional_has_markup_inside_and_a_fee_on_top() -> None:
    """100 bps: floor(100 / 101.00) = 0.990099 for 100.00; as a fee 1 for 100.00, and 1.00 more."""
    money = []
    for terms in (MARKUP | {"markup_bps": "100"}, FEE | {"commission_bps": "100"}):
        story = market(terms)
        story.tick(ask="100.00")
        execution = story.order("o1", notional="100.00").one("Execution")
        money.append(
            [execution[name] for name in ("quantity", "gross", "markup", "commission", "net_money")]
        )
    assert money == [
        ["0.990099", "100.00", "0.99", "0.00", "100.00"],
        ["1", "100.00", "0.00", "1.00", "101.00"],
    ]


# -- which rates ----------------------------------------------------------------------------------

TERMS: Fields = {
    "markup_bps": "10",
    "markup_fixed": "0.20",
    "commission_bps": "30",
    "commission_fixed": "0.40",
    "commission_minimum": "0.50",
}
NAMES = ("markup_bps", "markup_fixed", "commission_bps", "commission_fixed", "commission_minimum")


@pytest.mark.parametrize(
    ("model", "own", "rates"),
    [
        pytest.param(MARKUP, {}, ("10", "0.2", "0", "0.00", "0.00"), id="markup-client"),
        pytest.param(FEE, {}, ("0", "0", "30", "0.40", "0.50"), id="fee-client"),
        pytest.param(
            MARKUP,
            {"commission_bps": "5"},
            ("10", "0.2", "5", "0.00", "0.00"),
            id="markup-client-with-own-fee-has-no-minimum",
        ),
        pytest.param(
            MARKUP, {"markup_bps": "0"}, ("0", "0.2", "0", "0.00", "0.00"), id="own-markup-of-0"
        ),
        pytest.param(
            MARKUP,
            {"markup_fixed": "0.123"},
            ("10", "0.123", "0", "0.00", "0.00"),
            id="own-fixed-markup",
        ),
        pytest.param(
            FEE, {"commission_bps": "5"}, ("0", "0", "5", "0.40", "0.50"), id="own-bps-of-a-fee"
        ),
        pytest.param(
            FEE, {"commission_fixed": "9"}, ("0", "0", "30", "9.00", "0.50"), id="own-fixed-fee"
        ),
        pytest.param(
            FEE,
            {"markup_bps": "7.5"},
            ("7.5", "0", "30", "0.40", "0.50"),
            id="fee-client-with-own-markup",
        ),
        pytest.param(
            FEE,
            {
                "markup_bps": "1",
                "markup_fixed": "2",
                "commission_bps": "3",
                "commission_fixed": "4",
            },
            ("1", "2", "3", "4.00", "0.50"),
            id="all-its-own-but-the-minimum",
        ),
    ],
)
def test_the_orders_own_rates_else_the_clients_for_its_model_else_0(
    model: Fields, own: Fields, rates: tuple[str, ...]
) -> None:
    story = market(TERMS | model)
    story.tick(ask="100.00")
    execution = story.order("o1", quantity="1", **own).one("Execution")
    assert tuple(execution[name] for name in NAMES) == rates


def test_rates_are_fixed_when_the_order_is_accepted() -> None:
    """The client goes from 10 to 20 bps: a working order keeps 10, a new one pays 20."""
    story = market(FEE | {"commission_bps": "10"})
    story.tick(ask="101.00")
    story.order("old", quantity="1", limit_price="100.00")
    story.client(**FEE, commission_bps="20")
    old = story.tick(ask="100.00").one("Execution")
    new = story.order("new", quantity="1").one("Execution")
    assert (old["commission_bps"], old["commission"]) == ("10", "0.10")
    assert (new["commission_bps"], new["commission"]) == ("20", "0.20")


def test_rates_stay_over_all_fills_of_an_order() -> None:
    """10 bps of 200 = 0.20 in two parts, though the client has other terms by the second."""
    story = market(FEE | {"commission_bps": "10"})
    story.tick(ask="100.00", ask_size="1")
    first = story.order("o1", quantity="2", limit_price="100.00").one("Execution")
    story.client(**MARKUP, markup_bps="500")
    second = story.tick(ask="100.00", ask_size="2").one("Execution")
    assert [(e["commission"], e["markup"]) for e in (first, second)] == [("0.10", "0.00")] * 2
