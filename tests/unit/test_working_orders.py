"""Orders at work: their turn, what they hold, what triggers and what ends them (section 6)."""

from typing import Any

import pytest

from tests.story import ACCOUNT, Happened, Story, ct, event_id, only

Fields = dict[str, Any]
SECOND = "ACME0002"


def market(**instrument: Any) -> Story:  # noqa: ANN401 - any JSON
    """A market of 100.00 / 101.00, two accounts with 10 BTC each."""
    story = Story()
    story.account(SECOND, at="11:59")
    story.tick(bid="100.00", ask="101.00", at="12:00:00")
    for account in (ACCOUNT, SECOND):
        story.order("seed", account_id=account, quantity="10", at="12:00:00")
    if instrument:
        story.instrument(**instrument)
    return story


def filled(happened: Happened) -> list[str]:
    """Return which orders filled, in order, as `account/order`."""
    return [f"{e['account_id'][-1]}/{e['client_order_id']}" for e in happened.all("Execution")]


def sell(story: Story, order_id: str, quantity: str, **fields: object) -> str:
    """Tell a market sell and return what comes of it: a reason, or the last event's type."""
    line = story.order(order_id, side="SELL", quantity=quantity, **fields).said()[-1]  # type: ignore[arg-type]  # of an order
    return line[-1] if len(line) > 2 else line[0]


# -- whose turn it is -----------------------------------------------------------------------------


def test_working_orders_are_tried_by_accepted_time_then_account_then_id() -> None:
    story = market()
    for account, order_id, at in (
        (SECOND, "late", "12:10"),
        (ACCOUNT, "later", "12:11"),
        (SECOND, "a", "12:12"),
        (ACCOUNT, "o9", "12:12"),
        (ACCOUNT, "o10", "12:12"),
        (ACCOUNT, "O9", "12:12"),
    ):
        story.order(order_id, account_id=account, quantity="1", limit_price="99.00", at=at)
    assert filled(story.tick(ask="99.00")) == ["2/late", "1/later", "1/O9", "1/o10", "1/o9", "2/a"]


def test_neither_price_nor_side_nor_kind_changes_the_turn() -> None:
    """Sells, a stop and the better limits come in their turn, too."""
    story = market()
    story.order("b1", quantity="1", limit_price="97.00")
    story.order("s1", side="SELL", quantity="1", limit_price="103.00")
    story.order("stop", quantity="1", stop_price="102.00", limit_price="104.00")
    story.order("b2", quantity="1", limit_price="99.00")
    story.order("s2", side="SELL", quantity="1", limit_price="102.00")
    story.tick()
    assert filled(story.tick(bid="103.00", ask="103.00")) == ["1/s1", "1/stop", "1/s2"]
    assert filled(story.tick(bid="97.00", ask="97.00")) == ["1/b1", "1/b2"]


def test_a_partly_filled_order_keeps_its_turn() -> None:
    story = market()
    story.order("o1", quantity="2", limit_price="99.00")
    story.order("o2", quantity="2", limit_price="99.00")
    assert filled(story.tick(ask="99.00", ask_size="1")) == ["1/o1", "1/o2"]
    assert filled(story.tick(ask="98.00", ask_size="1")) == ["1/o1", "1/o2"]


def test_a_stop_has_the_turn_of_its_acceptance_not_of_its_trigger() -> None:
    """Triggered at 102.00 without a fill, it comes before a limit that was accepted later."""
    story = market()
    story.order("stop", quantity="1", stop_price="102.00", limit_price="101.50")
    story.order("limit", quantity="1", limit_price="100.00")
    assert story.tick(ask="102.00").said() == [("OrderTriggered", "stop")]
    assert filled(story.tick(ask="100.00")) == ["1/stop", "1/limit"]


def test_one_symbols_quote_says_nothing_to_anothers_orders() -> None:
    story = market()
    story.instrument("ETHUSD")
    story.tick(ask="101.00", symbol="ETHUSD")
    story.order("btc", quantity="1", limit_price="99.00")
    story.order("eth", quantity="1", limit_price="99.00", symbol="ETHUSD")
    assert filled(story.tick(ask="99.00", symbol="ETHUSD")) == ["1/eth"]
    assert filled(story.tick(ask="99.00")) == ["1/btc"]


def test_orders_at_prices_that_are_not_reached_stay_where_they_are() -> None:
    story = market()
    for limit in ("95.00", "96.00", "97.00", "98.00"):
        story.order(f"b{limit[:2]}", quantity="1", limit_price=limit)
    for limit in ("105.00", "106.00", "107.00"):
        story.order(f"s{limit[:3]}", side="SELL", quantity="1", limit_price=limit)
    assert filled(story.tick(bid="96.00", ask="97.00")) == ["1/b97", "1/b98"]
    assert filled(story.tick(bid="106.00", ask="107.00")) == ["1/s105", "1/s106"]
    assert filled(story.tick(bid="94.00", ask="95.00")) == ["1/b95", "1/b96"]
    assert filled(story.tick(bid="200.00", ask="201.00")) == ["1/s107"]


# -- what working sell orders hold ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("working", "available"),
    [
        pytest.param({"quantity": "6", "limit_price": "105.00"}, "4", id="limit"),
        pytest.param(
            {"quantity": "6", "limit_price": "90.00", "stop_price": "95.00"}, "4", id="stop"
        ),
        # 100.00 / 105.00 = 0.952380952... -> 0.95238096
        pytest.param(
            {"notional": "100.00", "limit_price": "105.00"}, "9.04761904", id="notional-rounded-up"
        ),
        pytest.param({"notional": "105.00", "limit_price": "105.00"}, "9", id="notional-even"),
        pytest.param(
            {"notional": "90.00", "limit_price": "90.00", "stop_price": "95.00"},
            "9",
            id="notional-stop",
        ),
        pytest.param(
            {"side": "BUY", "quantity": "6", "limit_price": "95.00"}, "10", id="buys-hold-nothing"
        ),
        pytest.param(
            {"quantity": "6", "limit_price": "105.00", "time_in_force": "IOC"},
            "10",
            id="nor-an-ioc",
        ),
    ],
)
def test_available_is_the_position_less_what_working_sells_hold(
    working: Fields, available: str
) -> None:
    story = market()
    story.order("o1", **({"side": "SELL"} | working))
    whole, _, fraction = available.partition(".")
    a_unit_more = f"{whole}.{int((fraction or '0').ljust(8, '0')) + 1:08d}"
    assert sell(story, "more", a_unit_more) == "EXCEEDS_POSITION"
    assert sell(story, "all", available) == "OrderFilled"


def test_a_notional_sell_holds_whole_increments() -> None:
    """100.00 / 105.00 = 0.9524, rounded up to 0.001: 0.953; of 10 BTC 9.047 are available."""
    story = market(minimum_quantity_increment="0.001")
    story.order("o1", side="SELL", notional="100.00", limit_price="105.00")
    assert sell(story, "more", "9.048") == "EXCEEDS_POSITION"
    assert sell(story, "all", "9.047") == "OrderFilled"


def test_a_partly_filled_sell_still_holds_its_rest() -> None:
    """6 held, 2 filled: the position is 8, 4 are held, 4 are available."""
    story = market()
    story.order("o1", side="SELL", quantity="6", limit_price="105.00")
    story.tick(bid="105.00", bid_size="2")
    story.tick(bid="100.00", bid_size="50")
    assert sell(story, "more", "4.00000001") == "EXCEEDS_POSITION"
    assert sell(story, "all", "4") == "OrderFilled"


def test_a_partly_filled_notional_sell_still_holds_its_rest() -> None:
    """420.00 at 105.00 hold 4; 1 fills at 110.00: 310.00 / 105.00 = 2.952380952... -> 2.95238096.

    The position is 9, so 6.04761904 are available.
    """
    story = market()
    story.order("o1", side="SELL", notional="420.00", limit_price="105.00")
    assert filled(story.tick(bid="110.00", bid_size="1")) == ["1/o1"]
    story.tick(bid="100.00", bid_size="50")
    assert sell(story, "more", "6.04761905") == "EXCEEDS_POSITION"
    assert sell(story, "all", "6.04761904") == "OrderFilled"


def test_holds_add_up() -> None:
    story = market()
    story.order("o1", side="SELL", quantity="3", limit_price="105.00")
    story.order("o2", side="SELL", quantity="4", limit_price="106.00")
    assert sell(story, "o3", "4", limit_price="107.00") == "EXCEEDS_POSITION"
    assert sell(story, "o4", "3", limit_price="107.00") == "OrderAccepted"
    assert sell(story, "o5", "0.1") == "EXCEEDS_POSITION"


def test_what_is_held_is_held_of_the_asset_in_whatever_symbol() -> None:
    """A second instrument of the same base: 10 BTC are there once."""
    story = market()
    story.instrument("XBTUSD", base="BTC")
    story.tick(bid="100.00", symbol="XBTUSD")
    story.order("o1", side="SELL", quantity="6", limit_price="105.00")
    assert sell(story, "more", "5", symbol="XBTUSD") == "EXCEEDS_POSITION"
    assert sell(story, "all", "4", symbol="XBTUSD") == "OrderFilled"


def test_another_accounts_orders_hold_nothing_of_ours() -> None:
    story = market()
    story.order("o1", account_id=SECOND, side="SELL", quantity="10", limit_price="105.00")
    assert sell(story, "all", "10") == "OrderFilled"


def _cancelled(story: Story) -> None:
    story.cancel("o1")


def _expired(story: Story) -> None:
    story.wait("12:30")


def _filled(story: Story) -> None:
    """And bought back."""
    story.tick(bid="105.00", ask="105.00")
    story.order("back", quantity="6")


def _barred(story: Story) -> None:
    story.account(mode="LOCKED")
    story.account(mode="OPEN")


def _maintained(story: Story) -> None:
    story.wait("17:05")


@pytest.mark.parametrize(
    "ended",
    [
        pytest.param(_cancelled, id="cancelled"),
        pytest.param(_expired, id="expired"),
        pytest.param(_filled, id="filled"),
        pytest.param(_barred, id="barred"),
        pytest.param(_maintained, id="maintenance"),
    ],
)
def test_what_ended_holds_nothing(ended: Any) -> None:  # noqa: ANN401 - any JSON
    story = market(stale_after_ms=86_400_000)
    story.order("o1", side="SELL", quantity="6", limit_price="105.00", expire_time="12:30")
    assert sell(story, "o2", "10") == "EXCEEDS_POSITION"
    ended(story)
    story.tick(bid="100.00")
    assert sell(story, "o3", "10") == "OrderFilled"


# -- stops ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "stop", "limit", "tick", "said"),
    [
        pytest.param("BUY", "105", "107", {"ask": "104.99"}, [], id="buy-below-its-stop"),
        pytest.param(
            "BUY",
            "105",
            "107",
            {"ask": "105.00"},
            ["OrderTriggered", "OrderFilled"],
            id="buy-at-its-stop",
        ),
        pytest.param(
            "BUY",
            "105",
            "107",
            {"ask": "107.00"},
            ["OrderTriggered", "OrderFilled"],
            id="buy-above-its-stop-at-its-limit",
        ),
        pytest.param(
            "BUY", "105", "107", {"ask": "107.01"}, ["OrderTriggered"], id="buy-above-its-limit"
        ),
        pytest.param(
            "BUY", "105", "103", {"ask": "105.00"}, ["OrderTriggered"], id="buy-limit-below-stop"
        ),
        pytest.param("BUY", "105", "107", {"bid": "106.00"}, [], id="buy-looks-at-the-ask"),
        pytest.param("SELL", "95", "93", {"bid": "95.01"}, [], id="sell-above-its-stop"),
        pytest.param(
            "SELL",
            "95",
            "93",
            {"bid": "95.00"},
            ["OrderTriggered", "OrderFilled"],
            id="sell-at-its-stop",
        ),
        pytest.param(
            "SELL",
            "95",
            "93",
            {"bid": "93.00"},
            ["OrderTriggered", "OrderFilled"],
            id="sell-below-its-stop-at-its-limit",
        ),
        pytest.param(
            "SELL", "95", "93", {"bid": "92.99"}, ["OrderTriggered"], id="sell-below-its-limit"
        ),
        pytest.param("SELL", "95", "93", {"ask": "94.00"}, [], id="sell-looks-at-the-bid"),
        # a limit of 115.50 is 10% through an ask of 105.00; 115.51 is more
        pytest.param(
            "BUY",
            "105",
            "115.50",
            {"ask": "105.00"},
            ["OrderTriggered", "OrderFilled"],
            id="buy-exactly-10-percent-through",
        ),
        pytest.param(
            "BUY",
            "105",
            "115.51",
            {"ask": "105.00"},
            ["OrderTriggered", "PRICE_TOO_FAR"],
            id="buy-too-far-by-then",
        ),
        # 95.00 x 0.90 = 85.50
        pytest.param(
            "SELL",
            "95",
            "85.50",
            {"bid": "95.00"},
            ["OrderTriggered", "OrderFilled"],
            id="sell-exactly-10-percent-through",
        ),
        pytest.param(
            "SELL",
            "95",
            "85.49",
            {"bid": "95.00"},
            ["OrderTriggered", "PRICE_TOO_FAR"],
            id="sell-too-far-by-then",
        ),
    ],
)
def test_a_stop_waits_for_the_market(
    side: str, stop: str, limit: str, tick: Fields, said: list[str]
) -> None:
    story = market()
    waiting = story.order("o1", side=side, quantity="1", stop_price=stop, limit_price=limit)
    assert waiting.said() == [("OrderAccepted", "o1")]
    assert [line[-1] if len(line) > 2 else line[0] for line in story.tick(**tick).said()] == said


def test_a_trigger() -> None:
    story = market()
    story.order("o1", quantity="1", stop_price="105", limit_price="107")
    happened = story.tick(ask="105.00", at="12:30")
    assert happened.types("bbo", "order-updates", "executions") == [
        "BestQuote",
        "OrderTriggered",
        "Execution",
        "OrderFilled",
    ]
    assert happened.one("OrderTriggered") == {
        "type": "OrderTriggered",
        "event_id": event_id("bbo", "BTCUSD-2", "OrderTriggered", ACCOUNT),
        "event_time": ct("12:30"),
        "cause_id": "BTCUSD-2",
        "account_id": ACCOUNT,
        "client": "ACME",
        "client_order_id": "o1",
        "stop_price": "105.00",
        "quote_sequence": 2,
    }


def test_triggered_it_is_a_limit_order() -> None:
    """Triggered at 108.00, above its limit of 107.00; it fills at 104.00, below its stop."""
    story = market()
    story.order("o1", quantity="1", stop_price="105.00", limit_price="107.00")
    assert story.tick(ask="108.00").said() == [("OrderTriggered", "o1")]
    assert story.tick(ask="109.00").said() == []
    assert story.tick(ask="104.00").said() == [("OrderFilled", "o1")]


def test_a_stop_looks_at_the_raw_quote_and_its_limit_at_the_customers_price() -> None:
    """500 bps: a buy pays 105.00 x 1.05 = 110.25."""
    story = market()
    order: Fields = {"quantity": "1", "stop_price": "105.00", "markup_bps": "500"}
    story.order("o1", limit_price="110.24", **order)
    story.order("o2", limit_price="110.25", **order)
    assert story.tick(ask="104.99").said() == []
    happened = story.tick(ask="105.00")
    assert happened.said() == [
        ("OrderTriggered", "o1"),
        ("OrderTriggered", "o2"),
        ("OrderFilled", "o2"),
    ]
    assert happened.one("Execution")["price"] == "110.25"


@pytest.mark.parametrize(
    ("order", "said"),
    [
        # bid 100.00, ask 101.00
        pytest.param(
            {"stop_price": "101.00", "limit_price": "105.00"},
            ["OrderAccepted", "OrderTriggered", "OrderFilled"],
            id="buy-at-its-stop",
        ),
        pytest.param(
            {"stop_price": "90.00", "limit_price": "100.00"},
            ["OrderAccepted", "OrderTriggered"],
            id="buy-past-its-stop-rests-at-its-limit",
        ),
        pytest.param(
            {"stop_price": "101.01", "limit_price": "105.00"}, ["OrderAccepted"], id="buy-waits"
        ),
        pytest.param(
            {"side": "SELL", "stop_price": "100.00", "limit_price": "95.00"},
            ["OrderAccepted", "OrderTriggered", "OrderFilled"],
            id="sell-at-its-stop",
        ),
        pytest.param(
            {"side": "SELL", "stop_price": "99.99", "limit_price": "95.00"},
            ["OrderAccepted"],
            id="sell-waits",
        ),
        pytest.param(
            {"stop_price": "101.00", "limit_price": "111.11"},
            ["OrderRejected"],
            id="triggered-at-once-and-too-far",
        ),
    ],
)
def test_a_stop_may_trigger_at_once(order: Fields, said: list[str]) -> None:
    """Reading: accepted, then triggered, then a limit order, all in one step."""
    story = market()
    happened = story.order("o1", quantity="1", event_id="e", **order)
    assert happened.types("order-updates") == said
    for triggered in happened.all("OrderTriggered"):
        wanted = {
            "cause_id": "e",
            "event_id": event_id("orders", "e", "OrderTriggered", ACCOUNT),
            "quote_sequence": 1,
        }
        assert only(triggered, wanted) == wanted


def test_triggered_at_once_it_rests_and_fills_later() -> None:
    story = market()
    story.order("o1", quantity="1", stop_price="90.00", limit_price="100.00")
    assert story.tick(ask="100.00").said() == [("OrderFilled", "o1")]


def test_a_stop_waits_through_an_empty_market() -> None:
    story = market()
    story.tick()
    rested = story.order("o1", quantity="1", stop_price="105.00", limit_price="107.00")
    assert rested.said() == [("OrderAccepted", "o1")]
    assert story.tick(bid="110.00").said() == []
    assert story.tick(ask="105.00").said() == [("OrderTriggered", "o1"), ("OrderFilled", "o1")]


def test_a_stale_side_triggers_nothing_at_once() -> None:
    """The ask of 101.00 was valid until 13:00."""
    story = market()
    waiting = story.order("o1", quantity="1", stop_price="90", limit_price="110", at="13:00")
    assert waiting.said() == [("OrderAccepted", "o1")]


def test_a_triggered_notional_that_buys_nothing_is_cancelled() -> None:
    """1.05 at 106.00 to 0.01 is 0."""
    story = market(minimum_quantity_increment="0.01")
    story.order("o1", notional="1.05", stop_price="105.00", limit_price="107.00")
    assert story.tick(ask="106.00").said() == [
        ("OrderTriggered", "o1"),
        ("OrderCancelled", "o1", "BELOW_MINIMUM"),
    ]


def test_too_far_by_then_is_the_end() -> None:
    story = market()
    story.order("o1", side="SELL", quantity="10", stop_price="95.00", limit_price="80.00")
    happened = story.tick(bid="94.00")
    wanted = {"cause_id": "BTCUSD-2", "client_order_id": "o1", "reason": "PRICE_TOO_FAR"}
    assert only(happened.one("OrderCancelled"), wanted) == wanted
    assert story.tick(bid="88.00").said() == []  # 80.00 is 79.20 x 1.01: not too far any more
    assert sell(story, "all", "10") == "OrderFilled"


# -- a side that is no side -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bps", "said"),
    [
        pytest.param("9999", [("OrderFilled", "o1")], id="a-hundredth-of-a-percent-is-left"),
        pytest.param("10000", [], id="nothing-is-left"),
        pytest.param("12000", [], id="less-than-nothing"),
    ],
)
def test_a_sell_with_a_markup_of_everything_waits_for_ever(
    bps: str, said: list[tuple[str, ...]]
) -> None:
    """A stop needs no market when it comes; triggered, it may find no price that it gets."""
    story = market()
    order: Fields = {"quantity": "1", "stop_price": "95.00", "limit_price": "90.00"}
    story.order("o1", side="SELL", markup_bps=bps, **order)
    assert story.tick(bid="95.00").said() == [("OrderTriggered", "o1")]
    # 1,000,000.00 x 0.0001 = 100.00
    assert story.tick(bid="1000000.00", ask="1000001.00").said() == said


# -- cancels --------------------------------------------------------------------------------------


def test_a_cancel_of_a_working_order() -> None:
    story = market()
    story.order("o1", quantity="1", limit_price="99.00")
    happened = story.cancel("o1", at="12:30", event_id="e")
    assert happened.emitted == [
        (
            "order-updates",
            {
                "type": "OrderCancelled",
                "event_id": event_id("orders", "e", "OrderCancelled", ACCOUNT),
                "event_time": ct("12:30"),
                "cause_id": "e",
                "account_id": ACCOUNT,
                "client": "ACME",
                "client_order_id": "o1",
                "reason": "CLIENT_REQUEST",
                "detail": "the client asked for it",
            },
        )
    ]
    assert story.tick(ask="99.00").said() == []


def test_a_cancel_of_an_order_that_nobody_knows() -> None:
    happened = market().cancel("o1", "c7", at="12:30", event_id="e")
    assert happened.emitted == [
        (
            "order-updates",
            {
                "type": "OrderCancelRejected",
                "event_id": event_id("orders", "e", "OrderCancelRejected", ACCOUNT),
                "event_time": ct("12:30"),
                "cause_id": "e",
                "account_id": ACCOUNT,
                "client": "ACME",
                "client_order_id": "o1",
                "cancel_id": "c7",
                "reason": "UNKNOWN_ORDER",
                "detail": "no order of the account has this client_order_id",
            },
        )
    ]


def _filled_at_once(story: Story) -> None:
    story.order("o1", quantity="1")


def _partly_filled_and_resting(story: Story) -> None:
    story.order("o1", quantity="11", limit_price="101.00")


def _untriggered(story: Story) -> None:
    story.order("o1", quantity="1", stop_price="105.00", limit_price="107.00")


def _rejected(story: Story) -> None:
    story.order("o1", quantity="0")


def _cancelled_before(story: Story) -> None:
    story.order("o1", quantity="1", limit_price="99.00")
    story.cancel("o1", "before")


def _expired_before(story: Story) -> None:
    story.order("o1", quantity="1", limit_price="99.00", expire_time="12:30")
    story.wait("12:30")


def _anothers(story: Story) -> None:
    story.order("o1", account_id=SECOND, quantity="1", limit_price="99.00")


def _of_no_account(story: Story) -> None:
    """Rejected for an unknown account, the id was not used up."""
    story.order("o1", account_id="ACME0003", quantity="1")


@pytest.mark.parametrize(
    ("before", "account", "said"),
    [
        pytest.param(
            _partly_filled_and_resting, ACCOUNT, ("OrderCancelled", "CLIENT_REQUEST"), id="partly"
        ),
        pytest.param(_untriggered, ACCOUNT, ("OrderCancelled", "CLIENT_REQUEST"), id="untriggered"),
        pytest.param(
            _filled_at_once, ACCOUNT, ("OrderCancelRejected", "ORDER_DONE"), id="filled-at-once"
        ),
        pytest.param(_rejected, ACCOUNT, ("OrderCancelRejected", "ORDER_DONE"), id="rejected"),
        pytest.param(
            _cancelled_before, ACCOUNT, ("OrderCancelRejected", "ORDER_DONE"), id="cancelled-before"
        ),
        pytest.param(_expired_before, ACCOUNT, ("OrderCancelRejected", "ORDER_DONE"), id="expired"),
        pytest.param(
            _anothers, ACCOUNT, ("OrderCancelRejected", "UNKNOWN_ORDER"), id="of-another-account"
        ),
        pytest.param(
            _of_no_account,
            "ACME0003",
            ("OrderCancelRejected", "UNKNOWN_ORDER"),
            id="of-an-unknown-account",
        ),
    ],
)
def test_what_a_cancel_answers(before: Any, account: str, said: tuple[str, str]) -> None:  # noqa: ANN401 - any JSON
    story = market()
    before(story)
    happened = story.cancel("o1", "c1", account_id=account)
    assert happened.said() == [(said[0], "o1", said[1])]
    client = happened.emitted[0][1]["client"]
    assert client == (None if account == "ACME0003" else "ACME")


def test_the_id_of_a_cancel_is_its_accounts() -> None:
    story = market()
    story.order("o1", quantity="1", limit_price="99.00")
    story.order("o2", account_id=SECOND, quantity="1", limit_price="99.00")
    assert story.cancel("o1", "c1").said() == [("OrderCancelled", "o1", "CLIENT_REQUEST")]
    assert story.cancel("o2", "c1", account_id=SECOND).said() == [
        ("OrderCancelled", "o2", "CLIENT_REQUEST")
    ]


# -- expiries -------------------------------------------------------------------------------------


def test_an_expiry_has_its_own_time() -> None:
    """Whenever the next input comes."""
    story = market()
    story.order("o1", quantity="1", limit_price="99.00", expire_time="12:30", event_id="e")
    happened = story.tick(ask="99.00", at="12:45")
    assert happened.one("OrderExpired") == {
        "type": "OrderExpired",
        "event_id": event_id("orders", "e", "OrderExpired", ACCOUNT),
        "event_time": ct("12:30"),
        "cause_id": "e",
        "account_id": ACCOUNT,
        "client": "ACME",
        "client_order_id": "o1",
        "reason": "EXPIRE_TIME",
        "detail": "expire_time is reached",
    }
    assert happened.types() == ["OrderExpired", "BestQuote"]


@pytest.mark.parametrize(
    ("at", "said"),
    [
        pytest.param("12:29:59.999999", [("OrderFilled", "o1")], id="a-microsecond-before"),
        pytest.param("12:30", [("OrderExpired", "o1", "EXPIRE_TIME")], id="at-its-expiry"),
    ],
)
def test_what_is_due_happens_before_an_input_of_that_time(
    at: str, said: list[tuple[str, ...]]
) -> None:
    story = market()
    story.order("o1", quantity="1", limit_price="99.00", expire_time="12:30")
    assert story.tick(ask="99.00", at=at).said() == said


def test_expiries_come_in_time_order_then_by_turn() -> None:
    story = market()
    order: Fields = {"quantity": "1", "limit_price": "99.00"}
    story.order("late", expire_time="13:00", **order)
    story.order("b", expire_time="12:45", at="12:10", **order)
    story.order("a", expire_time="12:45", at="12:10", **order)
    story.order("soon", expire_time="12:40", **order)
    happened = story.wait("14:00")
    assert [(e["client_order_id"], e["event_time"]) for e in happened.all("OrderExpired")] == [
        ("soon", ct("12:40")),
        ("a", ct("12:45")),
        ("b", ct("12:45")),
        ("late", ct("13:00")),
    ]


def test_an_order_that_ended_before_does_not_expire() -> None:
    story = market()
    story.order("o1", quantity="1", limit_price="99.00", expire_time="12:30")
    story.order("o2", quantity="1", limit_price="98.00", expire_time="12:30")
    story.tick(ask="99.00")
    story.cancel("o2")
    assert story.wait("13:00").said() == []


def test_an_untriggered_and_a_partly_filled_order_expire_too() -> None:
    story = market()
    story.order("stop", quantity="1", stop_price="105", limit_price="107", expire_time="12:30")
    story.order("part", quantity="11", limit_price="101", expire_time="12:30")
    assert story.wait("12:30").said() == [
        ("OrderExpired", "stop", "EXPIRE_TIME"),
        ("OrderExpired", "part", "EXPIRE_TIME"),
    ]


# -- maintenance ----------------------------------------------------------------------------------


def test_maintenance_ends_all_working_orders() -> None:
    """DAY orders expire, all others are cancelled, in their turn; then the window opens."""
    story = market()
    order: Fields = {"quantity": "1", "limit_price": "99.00"}
    story.order("gtc", **order)
    story.order("day", time_in_force="DAY", **order)
    story.order("gtd", expire_time="2026-03-04T18:00:00Z", **order)
    story.order("stop", quantity="1", stop_price="105.00", limit_price="107.00")
    story.order("part", quantity="11", limit_price="101.00", time_in_force="DAY")
    story.order("a", account_id=SECOND, side="SELL", quantity="1", limit_price="105.00")
    happened = story.wait("16:30")
    assert happened.said() == [
        ("OrderCancelled", "gtc", "MAINTENANCE"),
        ("OrderExpired", "day", "END_OF_DAY"),
        ("OrderCancelled", "gtd", "MAINTENANCE"),
        ("OrderCancelled", "stop", "MAINTENANCE"),
        ("OrderExpired", "part", "END_OF_DAY"),
        ("OrderCancelled", "a", "MAINTENANCE"),
    ]
    assert {e["event_time"] for _, e in happened.emitted} == {ct("16:30")}
    assert happened.types()[-1] == "WindowOpened"
    assert happened.one("WindowOpened")["window"] == "MAINTENANCE_BEGIN"
    assert story.tick(bid="200.00", ask="99.00", at="17:06").said() == []
    assert story.wait("2026-03-04T19:00:00Z").said() == []


@pytest.mark.parametrize(
    ("expire_time", "said"),
    [
        pytest.param("16:29:59.999999", ("OrderExpired", "EXPIRE_TIME"), id="before-it"),
        pytest.param("16:30", ("OrderExpired", "EXPIRE_TIME"), id="at-one-instant-expiry-first"),
        pytest.param("16:30:00.000001", ("OrderCancelled", "MAINTENANCE"), id="an-upper-bound"),
    ],
)
def test_an_expiry_and_maintenance(expire_time: str, said: tuple[str, str]) -> None:
    story = market()
    story.order("o1", quantity="1", limit_price="99.00", expire_time=expire_time)
    happened = story.wait("16:31")
    assert happened.said() == [(said[0], "o1", said[1])]
    assert happened.types() == [said[0], "WindowOpened"]


def test_a_quote_at_16_30_comes_after_maintenance() -> None:
    story = market()
    story.order("o1", quantity="1", limit_price="99.00")
    happened = story.tick(ask="99.00", at="16:30")
    assert happened.types() == ["OrderCancelled", "WindowOpened", "BestQuote"]


def test_an_order_of_the_evening_works_until_the_next_maintenance() -> None:
    story = market(stale_after_ms=86_400_000)
    story.tick(bid="100.00", ask="101.00", at="17:05")
    story.order("day", quantity="1", limit_price="99.00", time_in_force="DAY", at="17:05")
    story.order("gtc", quantity="1", limit_price="98.00", at="17:05")
    assert filled(story.tick(ask="99.00", at="23:59")) == ["1/day"]
    assert story.wait("2026-03-04T22:29:59.999999Z").said() == []
    assert story.wait("2026-03-04T22:30:00Z").said() == [("OrderCancelled", "gtc", "MAINTENANCE")]


# -- account updates ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("update", "said"),
    [
        pytest.param({}, [], id="nothing-changed"),
        pytest.param(
            {"mode": "LOCKED"}, ["buy ACCOUNT_NOT_OPEN", "sell ACCOUNT_NOT_OPEN"], id="locked"
        ),
        pytest.param(
            {"mode": "CLOSED"}, ["buy ACCOUNT_NOT_OPEN", "sell ACCOUNT_NOT_OPEN"], id="closed"
        ),
        pytest.param({"mode": "CLOSING_ONLY"}, ["buy ACCOUNT_NOT_OPEN"], id="closing-only"),
        pytest.param({"jurisdiction": "CLOSE"}, ["buy JURISDICTION"], id="sell-only"),
        pytest.param(
            {"jurisdiction": "PROHIBITED"},
            ["buy JURISDICTION", "sell JURISDICTION"],
            id="prohibited",
        ),
        pytest.param(
            {"mode": "CLOSING_ONLY", "jurisdiction": "PROHIBITED"},
            ["buy ACCOUNT_NOT_OPEN", "sell JURISDICTION"],
            id="each-by-its-first-check",
        ),
    ],
)
def test_an_account_update_cancels_what_is_no_longer_admissible(
    update: Fields, said: list[str]
) -> None:
    """Of that account alone; what is left works on."""
    story = market()
    story.order("buy", quantity="1", limit_price="99.00")
    story.order("sell", side="SELL", quantity="1", limit_price="105.00")
    story.order("other", account_id=SECOND, quantity="1", limit_price="99.00")
    happened = story.account(at="12:30", event_id="e", **update)
    cancelled = happened.all("OrderCancelled")
    assert happened.types() == ["OrderCancelled"] * len(said)
    assert [f"{e['client_order_id']} {e['reason']}" for e in cancelled] == said
    assert [(e["account_id"], e["cause_id"], e["event_time"]) for e in cancelled] == [
        (ACCOUNT, "e", ct("12:30"))
    ] * len(said)
    gone = {line.split()[0] for line in said}
    left = [name for name in ("1/buy", "1/sell", "2/other") if name[2:] not in gone]
    assert filled(story.tick(bid="99.00", ask="99.00")) + filled(
        story.tick(bid="105.00", ask="106.00")
    ) == [name for name in ("1/buy", "2/other", "1/sell") if name in left]


def test_they_are_cancelled_in_their_turn() -> None:
    story = market()
    for order_id, at in (("z", "12:10"), ("b", "12:11"), ("a", "12:11")):
        story.order(order_id, quantity="1", limit_price="99.00", at=at)
    cancelled = story.account(mode="CLOSED").all("OrderCancelled")
    assert [e["client_order_id"] for e in cancelled] == ["z", "a", "b"]


def test_a_stop_and_a_partly_filled_order_are_cancelled_too() -> None:
    story = market()
    story.order("stop", quantity="1", stop_price="105.00", limit_price="107.00")
    story.order("part", quantity="11", limit_price="101.00")
    assert story.account(mode="LOCKED").said() == [
        ("OrderCancelled", "stop", "ACCOUNT_NOT_OPEN"),
        ("OrderCancelled", "part", "ACCOUNT_NOT_OPEN"),
    ]
