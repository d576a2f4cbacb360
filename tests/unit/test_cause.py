"""Every id that we emit is a function of its cause (contract section 1).

`Story` checks the id of each event of each test by the same formula; here it is written out once,
with digests made by sha256sum.
"""

from hashlib import sha256

import pytest

from settlement.cause import Cause
from tests.story import ACCOUNT, Story, event_id


def test_the_first_32_hex_digits_of_sha256() -> None:
    """`printf %s 'orders|in-5|OrderAccepted|ACME0001|1' | sha256sum | cut -c1-32`."""
    cause = Cause("orders", "in-5", 0)
    assert cause.event_id("OrderAccepted", "ACME0001") == "031b75893511f2168cc1999eb6d1acbc"


def test_k_counts_the_events_of_one_type_and_key() -> None:
    cause = Cause("executions", "RETRY@2026-03-03T12:00:00.000000Z", 0)
    told = [
        ("CashCallSettled", "A"),
        ("CashCallSettled", "A"),
        ("CashCallFailed", "A"),
        ("CashCallSettled", "B"),
        ("CashCallSettled", "A"),
    ]
    ids = [cause.event_id(kind, key) for kind, key in told]
    counted = [("A", 1, 0), ("A", 2, 0), ("A", 1, 1), ("B", 1, 0), ("A", 3, 0)]
    kinds = ("CashCallSettled", "CashCallFailed")
    assert ids == [
        sha256(
            f"executions|RETRY@2026-03-03T12:00:00.000000Z|{kinds[kind]}|{key}|{k}".encode()
        ).hexdigest()[:32]
        for key, k, kind in counted
    ]


def test_an_order_is_the_cause_of_its_answers() -> None:
    story = Story()
    story.tick(ask="100.00")
    happened = story.order("o1", quantity="20", event_id="my order")
    assert [
        (event["type"], event["cause_id"], event["event_id"])
        for event in happened.on("order-updates", "executions")
    ] == [
        (kind, "my order", event_id("orders", "my order", kind, ACCOUNT))
        for kind in ("OrderAccepted", "Execution", "OrderFilled", "OrderCancelled")
    ]


def test_a_quote_is_the_cause_of_what_it_triggers() -> None:
    """Two resting orders of one account fill at one quote: k is 1 and 2."""
    story = Story()
    story.tick(ask="100.00")
    story.order("o1", quantity="1", limit_price="99.00")
    story.order("o2", quantity="1", limit_price="99.00")
    happened = story.tick(ask="99.00")
    assert happened.one("BestQuote")["event_id"] == "BTCUSD-2"
    for kind in ("Execution", "OrderFilled"):
        assert [(event["cause_id"], event["event_id"]) for event in happened.all(kind)] == [
            ("BTCUSD-2", event_id("bbo", "BTCUSD-2", kind, ACCOUNT, k)) for k in (1, 2)
        ]


def test_an_expiry_at_its_own_time_has_the_order_as_its_cause() -> None:
    story = Story()
    story.tick(ask="100.00")
    story.order("o1", quantity="1", limit_price="99.00", expire_time="13:00", event_id="gtd")
    expired = story.wait("13:00").one("OrderExpired")
    assert expired["cause_id"] == "gtd"
    assert expired["event_id"] == event_id("orders", "gtd", "OrderExpired", ACCOUNT)


def test_a_window_is_the_cause_of_what_it_ends() -> None:
    """16:30 in Chicago is 22:30 UTC on 3 March; the key of a `WindowOpened` is its partition."""
    story = Story()
    story.tick(ask="100.00", at="15:45")
    story.order("o1", quantity="1", limit_price="99.00", time_in_force="DAY")
    story.order("o2", quantity="1", limit_price="99.00", time_in_force="DAY")
    happened = story.wait("16:30")
    window = "MAINTENANCE_BEGIN@2026-03-03T22:30:00.000000Z"
    assert [
        (event["type"], event["cause_id"], event["event_id"]) for _, event in happened.emitted
    ] == [
        ("OrderExpired", window, event_id("executions", window, "OrderExpired", ACCOUNT, 1)),
        ("OrderExpired", window, event_id("executions", window, "OrderExpired", ACCOUNT, 2)),
        ("WindowOpened", window, event_id("executions", window, "WindowOpened", "0")),
    ]


def test_an_account_update_is_the_cause_of_the_cancels_that_it_brings() -> None:
    story = Story()
    story.tick(ask="100.00")
    story.order("o1", quantity="1", limit_price="99.00")
    cancelled = story.account(mode="LOCKED", event_id="locked").one("OrderCancelled")
    assert cancelled["cause_id"] == "locked"
    assert cancelled["event_id"] == event_id("accounts", "locked", "OrderCancelled", ACCOUNT)


@pytest.mark.parametrize(
    ("topic", "value", "key"),
    [
        pytest.param("orders", {"account_id": "ACME0001"}, "ACME0001", id="keyed-by-the-account"),
        pytest.param("price-ticks", {"symbol": "BTCUSD"}, "BTCUSD", id="keyed-by-the-symbol"),
        pytest.param("orders", 7, "", id="no-key"),
    ],
)
def test_a_dead_letter_is_caused_by_its_place(topic: str, value: object, key: str) -> None:
    """The story's fourth line."""
    letter = Story().tell(topic, value).one("DeadLetter")
    assert letter["cause_id"] == f"{topic}-0-4"
    assert letter["event_id"] == event_id(topic, f"{topic}-0-4", "DeadLetter", key)


def test_nothing_is_random() -> None:
    """The same history twice gives the same events."""

    def told() -> list[tuple[str, dict[str, object]]]:
        story = Story()
        story.tick(bid="99.00", ask="100.00")
        story.order("o1", quantity="1")
        story.order("o2", side="SELL", quantity="0.4", limit_price="101.00")
        story.wait("17:10")
        return story.so_far().emitted

    assert told() == told()


@pytest.mark.parametrize(
    "odd", ['say "no"', "a\\b", "line\nbreak\t", "\u00e9\u2028\x7f\x01", "{}", "'", "%s{id}"]
)
def test_an_input_id_is_passed_on_as_it_came_whatever_it_is_made_of(odd: str) -> None:
    """What the usual events are written in needs an escape in it alone."""
    story = Story()
    story.tick("99.00", "100.00", bid_size="5", ask_size="5")
    deposit = story.funding("DepositSettled", "money", "60.00", event_id=odd)
    assert {event["cause_id"] for event in deposit.all("JournalEntry", "AccountBalance")} == {odd}
    order = story.order("o1", quantity="0.5", event_id=f"{odd} too")
    told = order.all("OrderAccepted", "OrderFilled", "Execution")
    assert [event["cause_id"] for event in told] == [f"{odd} too"] * 3
