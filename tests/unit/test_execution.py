"""Fills: how much, of whom, when, and what is left (contract section 6)."""

from typing import Any

import pytest

from tests.story import ACCOUNT, Event, Happened, Story, ct, event_id, only

Fields = dict[str, Any]


def market(**instrument: Any) -> Story:  # noqa: ANN401 - any JSON
    """An account with 100 BTC, bought at 1.00, and no quote any more."""
    story = Story()
    story.tick(ask="1.00", ask_size="100", at="12:00:00")
    story.order("seed", quantity="100", at="12:00:00")
    if instrument:
        story.instrument(**instrument)
    story.tick()
    return story


def fills(happened: Happened) -> list[tuple[str, str, str]]:
    """Return (quantity, price, gross) of each execution."""
    return [(e["quantity"], e["price"], e["gross"]) for e in happened.all("Execution")]


def leaves(happened: Happened) -> list[str]:
    """Return what each `OrderFilled` leaves."""
    return [e["leaves_quantity"] or e["leaves_notional"] for e in happened.all("OrderFilled")]


# -- accepted, then per fill an Execution and an OrderFilled ---------------------------------------


def test_a_market_order_fills_at_once() -> None:
    story = market()
    story.tick(bid="99.00", ask="100.00")
    happened = story.order("o1", quantity="2.50", at="12:30", event_id="e")
    assert happened.types("order-updates", "executions") == [
        "OrderAccepted",
        "Execution",
        "OrderFilled",
    ]
    assert happened.one("OrderFilled") == {
        "type": "OrderFilled",
        "event_id": event_id("orders", "e", "OrderFilled", ACCOUNT),
        "event_time": ct("12:30"),
        "cause_id": "e",
        "account_id": ACCOUNT,
        "client": "ACME",
        "client_order_id": "o1",
        "execution_id": "ACME0001-o1-1",
        "cumulative_quantity": "2.5",
        "leaves_quantity": "0",
        "leaves_notional": None,
        "average_price": "100.00000000",
    }


def test_an_order_that_is_done_is_done() -> None:
    """Filled, it neither fills again nor can be cancelled."""
    story = market()
    story.tick(ask="100.00")
    story.order("o1", quantity="2", limit_price="100.00")
    assert story.tick(ask="99.00").said() == []
    assert story.cancel("o1").said() == [("OrderCancelRejected", "o1", "ORDER_DONE")]


def test_fills_are_numbered_and_add_up() -> None:
    """1 at 100.00, 2 at 99.00, 1.5 at 98.00: 100, 298 / 3, 445 / 4.5 on the average."""
    story = market()
    story.tick(ask="100.00", ask_size="1")
    happened = [
        story.order("o1", quantity="4.5", limit_price="100.00"),
        story.tick(ask="99.00", ask_size="2"),
        story.tick(ask="98.00", ask_size="3"),
    ]
    filled = [each.one("OrderFilled") for each in happened]
    names = ("execution_id", "cumulative_quantity", "leaves_quantity", "average_price")
    assert [tuple(event[name] for name in names) for event in filled] == [
        ("ACME0001-o1-1", "1", "3.5", "100.00000000"),
        ("ACME0001-o1-2", "3", "1.5", "99.33333333"),
        ("ACME0001-o1-3", "4.5", "0", "98.88888889"),
    ]
    executions = [each.one("Execution") for each in happened]
    assert [(e["execution_id"], e["quote_sequence"]) for e in executions] == [
        ("ACME0001-o1-1", 3),
        ("ACME0001-o1-2", 4),
        ("ACME0001-o1-3", 5),
    ]
    assert [e["cause_id"] for e in executions[1:]] == ["BTCUSD-4", "BTCUSD-5"]


@pytest.mark.parametrize(
    ("prices", "average"),
    [
        # (1.00000000 + 1.00000001) / 2 = 1.000000005: a tie, 0 is even
        pytest.param(("1.00000001", "1.00000000"), "1.00000000", id="tie-to-even-down"),
        # (1.00000001 + 1.00000002) / 2 = 1.000000015: a tie, 2 is even
        pytest.param(("1.00000002", "1.00000001"), "1.00000002", id="tie-to-even-up"),
        # (1.00000002 + 1.00000001 + 1.00000001) / 3 = 1.0000000133...
        pytest.param(("1.00000002", "1.00000001", "1.00000001"), "1.00000001", id="below-a-tie"),
        # (1.00000002 + 1.00000002 + 1.00000001) / 3 = 1.0000000166...
        pytest.param(("1.00000002", "1.00000002", "1.00000001"), "1.00000002", id="above-a-tie"),
    ],
)
def test_the_average_price_is_half_even_to_8_places(prices: tuple[str, ...], average: str) -> None:
    """One BTC at each price."""
    story = market(minimum_price_increment="0.00000001")
    limit = max(prices)
    story.tick(ask=prices[0], ask_size="1")
    happened = story.order("o1", quantity=str(len(prices)), limit_price=limit)
    for number, price in enumerate(prices[1:]):
        happened = story.tick(ask=price, ask_size="1", bid=f"0.{number + 1}")
    filled = happened.one("OrderFilled")
    assert (filled["leaves_quantity"], filled["average_price"]) == ("0", average)


# -- how much -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "increment", "order", "filled", "said"),
    [
        pytest.param("10", "0.01", "10", "10", ["OrderFilled"], id="all-that-is-displayed"),
        pytest.param("10", "0.01", "9.99", "9.99", ["OrderFilled"], id="less-than-displayed"),
        pytest.param(
            "10", "0.01", "10.01", "10", ["OrderFilled", "OrderCancelled"], id="at-most-displayed"
        ),
        pytest.param(
            "10.59", "0.1", "20", "10.5", ["OrderFilled", "OrderCancelled"], id="rounded-down"
        ),
        pytest.param("10.59", "3", "21", "9", ["OrderFilled", "OrderCancelled"], id="to-threes"),
        pytest.param("0.99", "1", "5", None, ["OrderCancelled"], id="not-one-increment-displayed"),
    ],
)
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_fill_takes_at_most_the_displayed_size(
    side: str, shown: str, increment: str, order: str, filled: str | None, said: list[str]
) -> None:
    story = market(minimum_quantity_increment=increment)
    story.tick(bid="100.00", ask="100.00", bid_size=shown, ask_size=shown)
    happened = story.order("o1", side=side, quantity=order)
    assert happened.types("order-updates") == ["OrderAccepted", *said]
    assert [e["quantity"] for e in happened.all("Execution")] == ([filled] if filled else [])


def test_only_the_size_at_the_best_price() -> None:
    """3 at 100.00, 50 at 100.01: a market order for 10 takes 3."""
    story = market()
    story.tick(ask="100.00", ask_size="3")
    story.tick(ask="100.01", ask_size="50", provider="beta")
    happened = story.order("o1", quantity="10")
    assert fills(happened) == [("3", "100.00", "300.00")]
    assert happened.said()[-1] == ("OrderCancelled", "o1", "IOC_REMAINDER")


def test_displayed_size_is_not_used_up_by_our_own_orders() -> None:
    """Two orders of 10 each take the same 10, and a third of the other side sees its own."""
    story = market()
    story.tick(bid="99.00", ask="100.00")
    for number in (1, 2):
        assert fills(story.order(f"o{number}", quantity="10")) == [("10", "100.00", "1000.00")]
    story.order("r1", quantity="10", limit_price="98.00")
    story.order("r2", quantity="10", limit_price="98.00")
    assert [e["quantity"] for e in story.tick(ask="98.00").all("Execution")] == ["10", "10"]


def test_at_most_one_fill_per_quote() -> None:
    """What is left of a resting order waits for the next best quote, however alike it looks."""
    story = market()
    story.tick(ask="100.00", ask_size="1")
    assert leaves(story.order("o1", quantity="3", limit_price="100.00")) == ["2"]
    # Behind the best, so no new best quote: no fill.
    assert story.tick(ask="101.00", provider="beta").types() == []
    # Only the bid is new: a new sequence, the ask stands as it stood.
    happened = story.tick(bid="90.00", ask="100.00", ask_size="1")
    assert leaves(happened) == ["1"]
    assert happened.one("Execution")["quote_sequence"] == 4


@pytest.mark.parametrize(
    ("quantity", "providers"),
    [
        pytest.param("2", [("beta", "2")], id="the-first-alone"),
        pytest.param("3", [("beta", "3")], id="the-first-whole"),
        pytest.param("3.5", [("beta", "3"), ("alpha", "0.5")], id="then-the-second"),
        pytest.param("6", [("beta", "3"), ("alpha", "2"), ("gamma", "1")], id="all-whole"),
        pytest.param(
            "5.00000001",
            [("beta", "3"), ("alpha", "2"), ("gamma", "0.00000001")],
            id="a-unit-of-the-last",
        ),
        pytest.param("100", [("beta", "3"), ("alpha", "2"), ("gamma", "1")], id="never-more"),
    ],
)
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_providers_are_used_up_in_listed_order(
    side: str, quantity: str, providers: list[tuple[str, str]]
) -> None:
    """Alpha shows 2, beta 3, gamma 1: listed by size."""
    story = market()
    for provider, size in (("alpha", "2"), ("beta", "3"), ("gamma", "1")):
        story.tick(bid="100", ask="100", bid_size=size, ask_size=size, provider=provider)
    execution = story.order("o1", side=side, quantity=quantity).one("Execution")
    assert [(p["provider"], p["quantity"]) for p in execution["providers"]] == providers


def test_providers_sizes_may_be_finer_than_the_increment() -> None:
    """0.7 and 0.6 make 1.3, rounded down to 1: 0.7 of beta and 0.3 of alpha."""
    story = market(minimum_quantity_increment="1")
    story.tick(ask="100", ask_size="0.6")
    story.tick(ask="100", ask_size="0.7", provider="beta")
    execution = story.order("o1", quantity="1").one("Execution")
    assert execution["providers"] == [
        {"provider": "beta", "quantity": "0.7"},
        {"provider": "alpha", "quantity": "0.3"},
    ]


# -- a fill that grosses 0.00 is not made ---------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "gross"),
    [
        # x 100.00
        pytest.param("0.00004999", None, id="0.4999-cents"),
        pytest.param("0.00005", None, id="half-a-cent-is-even-at-0"),
        pytest.param("0.00005001", "0.01", id="a-hair-more"),
    ],
)
def test_selling_all_of_next_to_nothing(position: str, gross: str | None) -> None:
    """The minimum lets it pass; a sell that would bring 0.00 is accepted and not filled."""
    story = Story()
    story.tick(bid="100.00", ask="100.00")
    story.order("o1", quantity=f"1.{position[2:]}")
    story.order("o2", side="SELL", quantity="1")
    happened = story.order("o3", side="SELL", quantity=position)
    if gross is None:
        assert happened.said() == [
            ("OrderAccepted", "o3"),
            ("OrderCancelled", "o3", "NOT_MARKETABLE"),
        ]
    else:
        assert happened.said() == [("OrderAccepted", "o3"), ("OrderFilled", "o3")]
        assert happened.one("Execution")["gross"] == gross


def test_a_resting_order_waits_until_a_fill_is_worth_a_cent() -> None:
    """0.00005 displayed at 100.00 is 0.005 -> 0.00; 0.0002 is 0.02."""
    story = market()
    story.tick(ask="100.00", ask_size="0.00005")
    accepted = story.order("o1", quantity="1", limit_price="100.00")
    assert accepted.said() == [("OrderAccepted", "o1")]
    assert fills(story.tick(ask="100.00", ask_size="0.0002")) == [("0.0002", "100.00", "0.02")]


# -- what an IOC cannot fill ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param(
            {"quantity": "11"}, ["OrderFilled", "IOC_REMAINDER"], id="market-partly-filled"
        ),
        pytest.param({"quantity": "10"}, ["OrderFilled"], id="market-filled"),
        pytest.param(
            {"quantity": "11", "limit_price": "100.00"},
            ["OrderFilled", "IOC_REMAINDER"],
            id="limit-partly-filled",
        ),
        pytest.param(
            {"quantity": "1", "limit_price": "99.99"}, ["NOT_MARKETABLE"], id="limit-not-marketable"
        ),
        pytest.param(
            {"notional": "1000.01"}, ["OrderFilled", "IOC_REMAINDER"], id="notional-partly-filled"
        ),
        pytest.param({"notional": "1000.00"}, ["OrderFilled"], id="notional-filled"),
    ],
)
def test_an_ioc_order_fills_what_it_can_at_once(fields: Fields, said: list[str]) -> None:
    """10 are displayed at 100.00."""
    story = market()
    story.tick(ask="100.00")
    happened = story.order("o1", time_in_force="IOC", **fields)
    assert [line[-1] if len(line) > 2 else line[0] for line in happened.said()] == [
        "OrderAccepted",
        *said,
    ]
    assert story.tick(ask="90.00").said() == []


def test_what_is_cancelled_of_an_ioc_order() -> None:
    story = market()
    story.tick(ask="100.00")
    happened = story.order("o1", quantity="11", at="12:30", event_id="e")
    assert happened.one("OrderCancelled") == {
        "type": "OrderCancelled",
        "event_id": event_id("orders", "e", "OrderCancelled", ACCOUNT),
        "event_time": ct("12:30"),
        "cause_id": "e",
        "account_id": ACCOUNT,
        "client": "ACME",
        "client_order_id": "o1",
        "reason": "IOC_REMAINDER",
        "detail": "more was not there at once",
    }


@pytest.mark.parametrize("force", ["GTC", "DAY", "GTD"])
def test_a_limit_that_is_not_marketable_rests_and_fills_later(force: str) -> None:
    story = market()
    story.tick(ask="100.00")
    expiry = {"expire_time": "15:00"} if force == "GTD" else {}
    rested = story.order("o1", quantity="1", limit_price="99.00", time_in_force=force, **expiry)
    assert rested.said() == [("OrderAccepted", "o1")]
    assert story.tick(ask="99.01").said() == []
    assert fills(story.tick(ask="99.00")) == [("1", "99.00", "99.00")]


def test_a_resting_order_gets_the_better_price() -> None:
    story = market()
    story.tick(bid="100.00", ask="101.00")
    story.order("buy", quantity="1", limit_price="99.00")
    story.order("sell", side="SELL", quantity="1", limit_price="103.00")
    assert fills(story.tick(ask="97.00")) == [("1", "97.00", "97.00")]
    assert fills(story.tick(bid="105.00")) == [("1", "105.00", "105.00")]


# -- notional orders ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("notional", "price", "increment", "filled", "left"),
    [
        pytest.param("100.00", "50.00", "0.01", ("2", "100.00"), "0.00", id="even"),
        # floor(100 / 33) = 3.0303 -> 3.03; 3.03 x 33 = 99.99
        pytest.param("100.00", "33.00", "0.01", ("3.03", "99.99"), "0.01", id="rounded-down"),
        # 3.0 x 33 = 99.00: a dollar is left, and no remainder
        pytest.param("100.00", "33.00", "0.1", ("3", "99.00"), "1.00", id="a-residue"),
        # 0.33333333 x 3 = 0.99999999 -> 1.00
        pytest.param("1.00", "3.00", "0.00000001", ("0.33333333", "1.00"), "0.00", id="units"),
        # floor(0.01 / 0.015 to 0.1) = 0.6; 0.6 x 0.015 = 0.009 -> 0.01
        pytest.param("1.00", "0.015", "0.1", ("66.6", "1.00"), "0.00", id="gross-rounds-up"),
    ],
)
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_notional_order_is_rounded_down_to_the_increment(
    side: str, notional: str, price: str, increment: str, filled: tuple[str, str], left: str
) -> None:
    """Filled at once and done, the residue stays in `leaves_notional`."""
    story = market(minimum_quantity_increment=increment, minimum_price_increment="0.001")
    story.tick(bid=price, ask=price, bid_size="1000", ask_size="1000")
    happened = story.order("o1", side=side, notional=notional)
    assert happened.said() == [("OrderAccepted", "o1"), ("OrderFilled", "o1")]
    execution, done = happened.one("Execution"), happened.one("OrderFilled")
    assert (execution["quantity"], execution["gross"]) == filled
    assert (done["leaves_quantity"], done["leaves_notional"]) == (None, left)


def test_a_notional_order_over_several_fills() -> None:
    """100.00: 1 at 30 leaves 70, 1 at 28 leaves 42, floor(42 / 20) = 2.1 leaves 0."""
    story = market(minimum_quantity_increment="0.1")
    story.tick(ask="30.00", ask_size="1")
    first = story.order("o1", notional="100.00", limit_price="30.00")
    second = story.tick(ask="28.00", ask_size="1")
    third = story.tick(ask="20.00", ask_size="50")
    assert fills(first) + fills(second) + fills(third) == [
        ("1", "30.00", "30.00"),
        ("1", "28.00", "28.00"),
        ("2.1", "20.00", "42.00"),
    ]
    assert leaves(first) + leaves(second) + leaves(third) == ["70.00", "42.00", "0.00"]
    # 100 / 4.1 = 24.390243902...
    assert third.one("OrderFilled")["average_price"] == "24.39024390"
    assert story.cancel("o1").said() == [("OrderCancelRejected", "o1", "ORDER_DONE")]


def test_gross_so_far_is_the_rounded_gross() -> None:
    """0.5 at 100.01 is 50.005 -> 50.00, so 50.00 of 100.00 are left, not 49.995."""
    story = market(minimum_quantity_increment="0.0001")
    story.tick(ask="100.01", ask_size="0.5")
    happened = story.order("o1", notional="100.00", limit_price="100.01")
    assert (fills(happened), leaves(happened)) == ([("0.5", "100.01", "50.00")], ["50.00"])
    # 50.00 / 100.00 = 0.5; 49.995 would buy 0.4999
    assert fills(story.tick(ask="100.00")) == [("0.5", "100.00", "50.00")]


def test_a_residue_that_buys_nothing_at_a_later_price_ends_the_order() -> None:
    """2.9 at 33.00 = 95.70 of 99.20; 3.50 buys 0.1 at 33 but nothing at 36: done, silently."""
    story = market(minimum_quantity_increment="0.1")
    story.tick(ask="33.00", ask_size="2.9")
    assert leaves(story.order("o1", notional="99.20", limit_price="36.00")) == ["3.50"]
    assert story.tick(ask="36.00").said() == []
    assert story.tick(ask="20.00").said() == []
    assert story.cancel("o1").said() == [("OrderCancelRejected", "o1", "ORDER_DONE")]


def test_a_resting_notional_that_buys_nothing_at_its_first_fill_is_cancelled() -> None:
    """1.00 at 100.99 to the increment 0.01 is 0."""
    story = market(minimum_quantity_increment="0.01")
    story.tick(ask="101.00")
    rested = story.order("o1", notional="1.00", limit_price="100.99")
    assert rested.said() == [("OrderAccepted", "o1")]
    happened = story.tick(ask="100.99")
    assert happened.said() == [("OrderCancelled", "o1", "BELOW_MINIMUM")]
    wanted = {
        "cause_id": "BTCUSD-4",
        "event_id": event_id("bbo", "BTCUSD-4", "OrderCancelled", ACCOUNT),
    }
    assert only(happened.one("OrderCancelled"), wanted) == wanted
    assert story.tick(ask="1.00").said() == []


def test_a_resting_notional_fills_when_it_buys_something() -> None:
    """The same order, when the ask falls to 99.00 at once: floor(1.00 / 99.00) is 0.01."""
    story = market(minimum_quantity_increment="0.01")
    story.tick(ask="101.00")
    story.order("o1", notional="1.00", limit_price="100.99")
    assert fills(story.tick(ask="99.00")) == [("0.01", "99.00", "0.99")]


# -- selling --------------------------------------------------------------------------------------


def test_a_position_can_be_sold_to_the_last_unit() -> None:
    story = Story()
    story.tick(bid="100.00", ask="100.00")
    story.order("o1", quantity="1.23456789")
    happened = story.order("o2", side="SELL", quantity="1.23456789")
    assert fills(happened) == [("1.23456789", "100.00", "123.46")]
    assert happened.one("AccountBalance")["positions"] == {"BTC": "0"}
    again = story.order("o3", side="SELL", quantity="0.1")
    assert again.said() == [("OrderRejected", "o3", "EXCEEDS_POSITION")]


def test_what_was_bought_can_be_sold_at_once() -> None:
    """The coin counts as cleared at execution, though the cash call failed."""
    story = Story()
    story.tick(bid="100.00", ask="100.00", at="12:00")
    bought = story.order("o1", quantity="1", at="12:01")
    assert bought.one("CashCallFailed")["reason"] == "INSUFFICIENT_FUNDS"
    assert fills(story.order("o2", side="SELL", quantity="1", at="12:01")) == [
        ("1", "100.00", "100.00")
    ]


def test_a_sell_fill_takes_at_most_the_position() -> None:
    """Rounding down each gross leaves a notional sell more than the position can bring.

    10 BTC, 10.04 at 1.004: one BTC at a time brings 1.00. After nine, 1.04 are left, which is
    floor(1.04 / 1.004) = 1.03 BTC, but the position is 1. It never goes below zero.
    """
    story = Story()
    story.instrument(at="11:59", minimum_price_increment="0.001", minimum_quantity_increment="0.01")
    story.tick(ask="1.000")
    story.order("seed", quantity="10")
    story.tick(bid="1.000", ask="1.100")
    story.order("o1", side="SELL", notional="10.04", limit_price="1.004")
    executions: list[Event] = []
    for number in range(12):
        size = "1" if number < 9 else "50"
        executions += story.tick(bid="1.004", bid_size=size).all("Execution")
        story.tick()
    assert [(e["quantity"], e["gross"]) for e in executions] == [("1", "1.00")] * 10
    assert story.so_far().all("AccountBalance")[-1]["positions"] == {"BTC": "0"}


# -- trade date and funding model -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "date"),
    [
        pytest.param("2026-03-03T22:29:59.999999Z", "2026-03-03", id="before-maintenance"),
        pytest.param("2026-03-03T23:05:00Z", "2026-03-04", id="from-17:05-the-next-date"),
        pytest.param("2026-03-04T05:59:59Z", "2026-03-04", id="in-the-evening"),
        pytest.param("2026-03-04T06:00:00Z", "2026-03-04", id="from-midnight"),
        pytest.param("2026-03-09T21:29:00Z", "2026-03-09", id="summer-before"),
        pytest.param("2026-03-09T22:05:00Z", "2026-03-10", id="summer-from-17:05"),
        pytest.param("2026-12-31T23:05:00Z", "2027-01-01", id="the-next-year"),
        pytest.param("2028-02-28T23:05:00Z", "2028-02-29", id="a-leap-day"),
    ],
)
def test_the_trade_date(at: str, date: str) -> None:
    """The Chicago date; from 17:05 on the next."""
    story = Story(date=at[:10])
    story.tick(ask="100.00", at=at)
    execution = story.order("o1", quantity="1", at=at).one("Execution")
    assert (execution["trade_date"], execution["event_time"]) == (date, ct(at))


def test_the_largest_gross_does_not_stop_the_stream() -> None:
    """11,111,111.111111 BTC at 90,000.00 is 999,999,999,999.99."""
    story = Story()
    story.tick(bid="80000.00", ask="90000.00", ask_size="99999999")
    execution = story.order("o1", quantity="11111111.111111").one("Execution")
    assert execution["gross"] == "999999999999.99"
    assert story.order("o2", quantity="1").said() == [
        ("OrderAccepted", "o2"),
        ("OrderFilled", "o2"),
    ]
