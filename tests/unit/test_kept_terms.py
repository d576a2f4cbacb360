"""An order keeps the terms of its instrument as they were when it was accepted (section 6).

Each story: 10 BTC in the account, a market of 100.00 / 101.00, and a change while orders rest.
"""

from typing import Any

import orjson
import pytest

from pipeline.task import Record
from pipeline.trading import TradingTask
from settlement.cause import Out
from settlement.cause import fields as fields_of
from tests.story import ACCOUNT, Event, Story, only


def market(**instrument: Any) -> Story:  # noqa: ANN401 - any JSON
    story = Story()
    story.tick(bid="100.00", ask="101.00", at="12:00:00")
    story.order("seed", quantity="10", at="12:00:00")
    if instrument:
        story.instrument(**instrument)
    return story


def sell(story: Story, order_id: str, quantity: str) -> str:
    """Return what comes of a market sell: a reason, or the last event's type."""
    line = story.order(order_id, side="SELL", quantity=quantity).said()[-1]
    return line[-1] if len(line) > 2 else line[0]


def test_an_instrument_that_is_not_tradable_fills_nothing() -> None:
    """Orders stay at work and are tried at the next quote after it is tradable again."""
    story = market()
    story.order("o1", quantity="1", limit_price="99.00")
    story.order("stop", quantity="1", stop_price="105.00", limit_price="107.00")
    assert story.instrument(tradable=False).said() == []
    assert story.tick(ask="99.00").said() == []
    assert story.tick(ask="105.00").said() == []
    assert story.instrument(tradable=True).said() == []
    assert story.tick(ask="98.00").said() == [("OrderFilled", "o1")]
    assert story.tick(ask="105.00").said() == [("OrderTriggered", "stop"), ("OrderFilled", "stop")]


def test_an_order_keeps_its_increments() -> None:
    """Accepted at 0.01 and 0.00000001; a new order has 0.25 and 0.1.

    98.60 + 0.30 = 98.90 for the old one, up to 0.25 = 99.00 for the new one. Of 1.25 displayed the
    old one takes 1.25, the new one 1.2. 98.71 + 0.30 = 99.01 is above both limits.
    """
    story = market()
    story.order("old", quantity="2.55", limit_price="99.00", markup_fixed="0.30")
    story.instrument(minimum_price_increment="0.25", minimum_quantity_increment="0.1")
    story.order("new", quantity="2.5", limit_price="99.00", markup_fixed="0.30")
    found = story.tick(ask="98.60", ask_size="1.25").all("Execution")
    assert [(e["client_order_id"], e["quantity"], e["price"]) for e in found] == [
        ("old", "1.25", "98.90"),
        ("new", "1.2", "99.00"),
    ]
    assert story.tick(ask="98.71", ask_size="1.3").said() == []
    found = story.tick(ask="98.70", ask_size="1.3").all("Execution")
    assert [(e["client_order_id"], e["quantity"], e["price"]) for e in found] == [
        ("old", "1.3", "99.00"),
        ("new", "1.3", "99.00"),
    ]


def test_a_limit_between_two_new_increments_is_still_reached() -> None:
    """A buy at 98.90, accepted at 0.01, trades at 98.90: up to 0.25 that would be 99.00."""
    story = market()
    story.order("o1", quantity="1", limit_price="98.90")
    story.instrument(minimum_price_increment="0.25")
    assert story.tick(ask="98.90").one("Execution")["price"] == "98.90"


def test_an_order_prints_at_its_own_scale() -> None:
    """Accepted at 0.5: 101 is printed 101.0, though the instrument prints 101.00 by then."""
    story = market(minimum_price_increment="0.5", minimum_quantity_increment="0.001")
    story.order("o1", quantity="0.5", stop_price="102.0", limit_price="102.0")
    story.instrument(minimum_price_increment="0.01", minimum_quantity_increment="1")
    happened = story.tick(ask="102.00")
    assert happened.one("OrderTriggered")["stop_price"] == "102.0"
    wanted = {"quantity": "0.5", "price": "102.0", "quote_price": "102.0"}
    assert only(happened.one("Execution"), wanted) == wanted
    assert happened.one("BestQuote")["ask_price"] == "102.00"


def test_a_notional_order_ends_by_its_own_increment() -> None:
    """250.00 at 99.00 to 0.1: 2.5, gross 247.50. The rest, 2.50, buys 0.02 in new increments."""
    story = market(minimum_quantity_increment="0.1")
    story.order("o1", notional="250.00", limit_price="99.00")
    story.instrument(minimum_quantity_increment="0.01")
    execution = story.tick(ask="99.00").one("Execution")
    assert (execution["quantity"], execution["gross"]) == ("2.5", "247.50")
    assert story.tick(ask="98.00").said() == []
    assert story.cancel("o1", "c1").said() == [("OrderCancelRejected", "o1", "ORDER_DONE")]


def test_a_notional_sell_holds_by_its_own_increment() -> None:
    """100.00 / 105.00 = 0.952..., up to 0.001: 0.953. In new increments of 1 it would hold 1."""
    story = market(minimum_quantity_increment="0.001")
    story.order("o1", side="SELL", notional="100.00", limit_price="105.00")
    story.instrument(minimum_quantity_increment="1")
    story.instrument(minimum_quantity_increment="0.0001")
    assert sell(story, "more", "9.0471") == "EXCEEDS_POSITION"
    assert sell(story, "all", "9.047") == "OrderFilled"


def test_a_new_minimum_applies_to_new_orders_only() -> None:
    story = market()
    story.order("o1", quantity="0.5", limit_price="99.00")
    story.instrument(minimum_order_value="1000.00")
    assert story.tick(ask="99.00").said() == [("OrderFilled", "o1")]
    wanted = [("OrderRejected", "o2", "BELOW_MINIMUM")]
    assert story.order("o2", quantity="0.5", limit_price="99.00").said() == wanted


def test_a_change_of_terms_leaves_the_turn_of_an_order() -> None:
    """By accepted time, whatever the terms of each."""
    story = market()
    story.order("o1", quantity="1", limit_price="99.00", at="12:01")
    story.instrument(minimum_price_increment="0.5", at="12:02")
    story.order("o2", quantity="1", limit_price="99.00", at="12:03")
    assert story.tick(ask="99.00").said() == [("OrderFilled", "o1"), ("OrderFilled", "o2")]


# -- the live task --------------------------------------------------------------------------------

NOON = "2026-03-03T18:00:00.000000Z"
NOON_MS = 1_772_560_800_000


class Live:
    """The live task on one partition, and its state topic."""

    def __init__(self) -> None:
        self.task = TradingTask(0, 1)
        self.state: dict[bytes, bytes] = {}

    def tell(self, topic: str, kind: str, **fields: object) -> list[Event]:
        """Apply one input, store what changed, return the events."""
        out: Out = []
        value = {"type": kind, "event_id": "e", "event_time": NOON} | fields
        record = Record(topic, 0, 0, NOON_MS, b"", orjson.dumps(value))
        for _ in self.task.apply(self.task.read(record), out):
            pass
        for key, changed in self.task.changes():
            self.state.pop(key, None)
            if changed is not None:
                self.state[key] = changed
        return [dict(fields_of(said)) for _, _, said in out]

    def instrument(self, price_increment: str, quantity_increment: str) -> None:
        self.tell(
            "market-feed",
            "InstrumentUpdated",
            symbol="BTCUSD",
            base="BTC",
            minimum_price_increment=price_increment,
            minimum_quantity_increment=quantity_increment,
        )

    def restart(self, *without: str) -> None:
        """Restore a new task, in the worst order: orders first. Leave fields out of the orders."""
        self.task = TradingTask(0, 1)
        for key in sorted(self.state, key=lambda key: not key.startswith(b"order|")):
            stored = self.state[key]
            if key.startswith(b"order|"):
                fields = orjson.loads(stored)
                stored = orjson.dumps({k: v for k, v in fields.items() if k not in without})
            self.task.restore(key, stored)
        self.task.restored()


@pytest.mark.parametrize(
    ("without", "filled"),
    [
        pytest.param((), [("0.5", "101.0", "101.0")], id="as-it-is-written"),
        # A version whose orders took every change of their instrument wrote no terms.
        pytest.param(("terms",), [("1", "101.00", "101.00")], id="by-the-version-before"),
    ],
)
def test_a_restored_order_keeps_its_terms(
    without: tuple[str, ...], filled: list[tuple[str, ...]]
) -> None:
    """Accepted at 0.5 and 0.25, restored under 0.01 and 1.

    Of 0.6 displayed it takes 0.5 at 101.0; by the new terms, of 1.2 displayed 1 at 101.00.
    """
    live = Live()
    live.tell("market-feed", "ClientUpdated", client="ACME", commission_model="MARKUP")
    live.instrument("0.5", "0.25")
    live.tell("accounts", "AccountUpdated", account_id=ACCOUNT, client="ACME")
    live.tell("clock", "ClockTicked", at=NOON)
    accepted = live.tell(
        "orders",
        "OrderSubmitted",
        account_id=ACCOUNT,
        client_order_id="o1",
        symbol="BTCUSD",
        side="BUY",
        order_type="STOP_LIMIT",
        time_in_force="GTC",
        quantity="1.5",
        stop_price="101.0",
        limit_price="101.0",
    )
    assert [event["type"] for event in accepted] == ["OrderAccepted"]
    live.instrument("0.01", "1")
    live.restart(*without)
    size = "1.2" if without else "0.6"
    happened = live.tell(
        "market-feed",
        "BestQuote",
        symbol="BTCUSD",
        sequence=1,
        bid_price=None,
        bid_size=None,
        bid_providers=[],
        bid_valid_until=None,
        ask_price="101.00",
        ask_size=size,
        ask_providers=[{"provider": "alpha", "size": size}],
        ask_valid_until="2026-03-03T19:00:00.000000Z",
    )
    assert filled == [
        (event["quantity"], event["price"], event["quote_price"])
        for event in happened
        if event["type"] == "Execution"
    ]
    # What is stored of the order by now has the same terms.
    (record,) = [stored for key, stored in live.state.items() if key.startswith(b"order|")]
    wanted = ["0.01", "1", "1.00"] if without else ["0.5", "0.25", "1.00"]
    assert orjson.loads(record)["terms"] == wanted
