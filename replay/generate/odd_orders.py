"""Orders that go wrong, on purpose: every way to be refused, repeats, cancels."""

from collections.abc import Mapping
from typing import NamedTuple

from replay.generate.agenda import HOUR, Agenda, Story
from replay.generate.cast import (
    CLOSED,
    CLOSING_ONLY,
    LOCKED,
    ORPHAN,
    PROHIBITED,
    SELL_ONLY,
    Cast,
    Customer,
    Habit,
)
from replay.generate.chance import Draw
from replay.generate.instrument import HALTED, UNKNOWN, UNQUOTED
from replay.generate.order_kinds import LIMIT_GTC, LIMIT_GTD, but
from replay.generate.orders import Orders
from schemas.instant import MINUTE, SECOND, Micros, time_text
from schemas.money import usd
from topics.catalogue import ORDERS


class OddOrder(NamedTuple):
    """A market buy of 50.00, but for `fields` (None: left out), and how it ends.

    `limit_percent` is of the best ask. `whose`: a customer of that habit, else of the flow.
    """

    ends: str
    fields: Mapping[str, str | None]
    limit_percent: int | None = None
    expires_after: Micros | None = None
    whose: Habit | None = None


# Every reason of contract section 6, but MAINTENANCE and those of repeats, which are stories.
ODD_ORDERS = (
    OddOrder("UNKNOWN_ACCOUNT", {"account_id": "NOBODY00"}),
    OddOrder("UNKNOWN_CLIENT", {}, whose=ORPHAN),
    OddOrder("INVALID_ORDER", {"quantity": "0.01"}),
    OddOrder("INVALID_ORDER", {"notional": None}),
    OddOrder("INVALID_ORDER", {"notional": "10.005"}),
    OddOrder("INVALID_ORDER", {"notional": "0.00"}),
    OddOrder("INVALID_ORDER", {"notional": "-50.00"}),
    OddOrder("INVALID_ORDER", {"notional": "12345678901234.50"}),
    OddOrder("INVALID_ORDER", {"limit_price": "100.00"}),
    OddOrder("INVALID_ORDER", {"time_in_force": "GTC"}),
    OddOrder("INVALID_ORDER", LIMIT_GTC),
    OddOrder("INVALID_ORDER", LIMIT_GTD, limit_percent=100),
    OddOrder("INVALID_ORDER", {"order_type": "STOP_LIMIT", "stop_price": "1.00"}, 100),
    OddOrder("ACCOUNT_NOT_OPEN", {}, whose=LOCKED),
    OddOrder("ACCOUNT_NOT_OPEN", {}, whose=CLOSED),
    OddOrder("ACCOUNT_NOT_OPEN", {}, whose=CLOSING_ONLY),
    OddOrder("UNKNOWN_SYMBOL", {"symbol": UNKNOWN}),
    OddOrder("UNKNOWN_SYMBOL", {"symbol": HALTED}),
    OddOrder("ORDER_EXPIRED", LIMIT_GTD, limit_percent=100, expires_after=-SECOND),
    OddOrder("JURISDICTION", {}, whose=SELL_ONLY),
    OddOrder("JURISDICTION", {}, whose=PROHIBITED),
    OddOrder("PRICE_PRECISION", LIMIT_GTC | {"limit_price": "100.001"}),
    OddOrder("QUANTITY_PRECISION", {"notional": None, "quantity": "0.123456789"}),
    OddOrder("EMPTY_QUOTES", {"symbol": UNQUOTED}),
    OddOrder("PRICE_TOO_FAR", {"order_type": "LIMIT"}, limit_percent=120),
    OddOrder("BELOW_MINIMUM", {"notional": "0.99"}),
    OddOrder("EXCEEDS_POSITION", {"side": "SELL", "notional": None, "quantity": "1000000"}),
    OddOrder("NOT_MARKETABLE", {"order_type": "LIMIT"}, limit_percent=90),
    OddOrder("END_OF_DAY", {"order_type": "LIMIT", "time_in_force": "DAY"}, limit_percent=80),
    OddOrder("MAINTENANCE", LIMIT_GTC, limit_percent=80),
    OddOrder("EXPIRE_TIME", LIMIT_GTD, limit_percent=80, expires_after=HOUR),
)


class OddOrders:
    """Places the odd orders by turns."""

    def __init__(self, agenda: Agenda, cast: Cast, orders: Orders, draw: Draw) -> None:
        self._agenda = agenda
        self._cast = cast
        self._orders = orders
        self._draw = draw
        self._stories = (
            self._repeats,
            self._repeats_otherwise,
            self._cancels_working,
            self._cancels_done,
            self._cancels_unknown,
        )

    def place(self, turn: int) -> bool:
        """Place the odd order whose turn it is; False where the day has nobody for it."""
        best = self._orders.some_market()
        if best is None:
            return False
        turn %= len(ODD_ORDERS) + len(self._stories)
        traders = self._cast.traders
        if turn >= len(ODD_ORDERS):
            trader = traders[self._draw(len(traders))]
            self._agenda.tell(self._stories[turn - len(ODD_ORDERS)](trader))
            return True
        odd = ODD_ORDERS[turn]
        customers = traders if odd.whose is None else self._cast.by_habit.get(odd.whose.name, [])
        if not customers:
            return False
        customer = customers[self._draw(len(customers))]
        fields = but(odd.fields)
        if odd.limit_percent is not None:
            fields["limit_price"] = usd(best.ask * odd.limit_percent // 100)
        if odd.expires_after is not None:
            fields["expire_time"] = time_text(self._agenda.now + odd.expires_after)
        self._orders.submit(customer, best.symbol, fields)
        return True

    def _repeats(self, _: Customer) -> Story:
        """Send the last order once more: no effect."""
        order = self._orders.last
        yield self._agenda.now + SECOND, ORDERS
        if order is not None:
            self._agenda.say(ORDERS, "OrderSubmitted", order)

    def _repeats_otherwise(self, _: Customer) -> Story:
        """Send other content under the last order's id: DUPLICATE_ORDER_ID."""
        order = self._orders.last
        yield self._agenda.now + SECOND, ORDERS
        if order is not None:
            other = {"side": "SELL" if order["side"] == "BUY" else "BUY"}
            self._agenda.say(ORDERS, "OrderSubmitted", order | other)

    def _cancels_working(self, customer: Customer) -> Story:
        """Cancel a resting order; again under the same id (no effect) and another (ORDER_DONE)."""
        yield self._agenda.now + SECOND, ORDERS
        order = self._orders.rest_far_away(customer)
        if order is None:
            return
        first, second = self._orders.cancel_id(), self._orders.cancel_id()
        for cancel_id in (first, first, second):
            yield self._agenda.now + MINUTE, ORDERS
            self._orders.cancel(order, cancel_id)

    def _cancels_done(self, _: Customer) -> Story:
        """Cancel the last order, most likely filled by now: ORDER_DONE."""
        order = self._orders.last
        yield self._agenda.now + SECOND, ORDERS
        if order is not None:
            self._orders.cancel(order, self._orders.cancel_id())

    def _cancels_unknown(self, customer: Customer) -> Story:
        """Cancel an order that was never sent: UNKNOWN_ORDER."""
        yield self._agenda.now + SECOND, ORDERS
        never_sent = {"account_id": customer.account_id, "client_order_id": "never-sent"}
        self._orders.cancel(never_sent, self._orders.cancel_id())
