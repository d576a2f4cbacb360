"""What the market has to make of the orders at work (section 6).

A quote triggers the stops and fills the limits that it reaches. So no fill, trigger or end can be
taken out without a trace, however consistently.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from audit import numbers
from audit.orders_at_work import OrderId, OrdersAtWork
from audit.quotes import Quote, Side
from audit.working_order import WorkingOrder
from schemas.instrument import InstrumentUpdated


class Due(NamedTuple):
    """The types of event that an order has to get, and how much it has to fill in units.

    `over`: it ends without a word, a notional order that filled before and can't buy more.
    """

    kinds: set[str]
    units: int
    over: bool


class Duties:
    """What is due of the latest quote, order by order."""

    def __init__(self, at_work: OrdersAtWork) -> None:
        """Start without a duty."""
        self.at_work = at_work
        self.instruments: dict[str, InstrumentUpdated] = {}
        # Units of an asset that an account has.
        self.position: Callable[[str, str], int] = lambda _account, _asset: 0
        self.due: dict[OrderId, set[str]] = {}

    def quoted(self, quote: Quote) -> None:
        """Work out what a quote has to make of the orders that it reaches.

        While the instrument is not tradable, orders rest. They keep all other terms.
        """
        if not self.is_tradable(quote.symbol):
            return
        sold: dict[str, int] = defaultdict(int)  # by account: what earlier sells may take
        for order in self.at_work.reached_by(quote):
            side = order.side_taken(quote)
            if side is None:
                continue
            base = order.instrument.base
            position = self.position(order.account_id, base) - sold[order.account_id]
            due = due_at(order, side, position)
            if due.over:
                self.at_work.end(order)
            elif due.kinds:
                self.due[order.order_id] = due.kinds
            if not order.buy:
                sold[order.account_id] += due.units

    def is_tradable(self, symbol: str) -> bool:
        """Whether an instrument is known and tradable now."""
        instrument = self.instruments.get(symbol)
        return instrument is not None and instrument.tradable

    def at_acceptance(self, order: WorkingOrder, quote: Quote | None) -> set[str]:
        """Return what an order has to get of the latest quote in its own step."""
        side = order.side_taken(quote)
        if side is None or not side.open_at(order.accepted.at):
            return set()
        position = self.position(order.account_id, order.instrument.base)
        return due_at(order, side, position).kinds

    def done(self, order: WorkingOrder, kind: str) -> None:
        """Note an event of an order; its end settles all that was due."""
        due = self.due.get(order.order_id)
        if due is None:
            return
        due.discard(kind)
        if not due or order.order_id not in self.at_work.by_id:
            del self.due[order.order_id]


def due_at(order: WorkingOrder, side: Side, position: int) -> Due:
    """Return what the side of a quote has to make of an order that its raw price reaches.

    `position`: units that the account has at least, which a sell may take.
    """
    kinds: set[str] = set()
    if not order.triggered:
        if not order.stop_reached(side):
            return Due(kinds, 0, over=False)
        kinds.add("OrderTriggered")
        if order.too_far(side):
            return Due(kinds | {"OrderCancelled"}, 0, over=False)
    instrument = order.instrument
    own = numbers.customer_price(
        side.price, order.rates[:2], instrument.minimum_price_increment, buy=order.buy
    )
    beyond = order.limit is not None and (own > order.limit if order.buy else own < order.limit)
    if own <= 0 or beyond:
        return Due(kinds, 0, over=False)
    step = instrument.minimum_quantity_increment
    left = order.left_at(own)
    if order.notional is not None and left < step:
        over = order.fills > 0 and not kinds
        return Due(kinds if order.fills else kinds | {"OrderCancelled"}, 0, over=over)
    units = min(left - left % step, side.size - side.size % step)
    if not order.buy:
        units = min(units, position)
    units = numbers.fillable(units, own, step)
    if units <= 0 or not numbers.worth(units, own):
        return Due(kinds, 0, over=False)
    return Due(kinds | {"OrderFilled"}, units, over=False)
