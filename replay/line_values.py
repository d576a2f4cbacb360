"""Lines as plain values, on their way from the process that reads them to one that acts on them.

Usual ticks and orders travel as they were read, all else as it came.
"""

from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

from replay.read import InputLine, Line, event_of
from replay.usual_tick import QuoteLine, quote_line, quote_values
from schemas.order import OrderSubmitted
from settlement.submitted_order import SubmittedOrder
from topics.catalogue import INPUT_ORDER, ORDERS, PRICE_TICKS

# A line as plain values, the first says what it is.
Packed = tuple[Any, ...]
_TICK, _SPACED_TICK, _ORDER, _OTHER = range(4)
_ORDERS_RANK = INPUT_ORDER.index(ORDERS)
_order_values = attrgetter(*SubmittedOrder.__slots__)
_new_order = SubmittedOrder.__new__


def packed(line: Line) -> Packed:
    """Return a line as plain values."""
    if isinstance(line, QuoteLine):
        return (_TICK, quote_values(line))
    if type(line.event) is QuoteLine:
        return (_SPACED_TICK, quote_values(line.event), line.source, line.number, line.text)
    order = line.event
    if isinstance(order, OrderSubmitted):
        order = SubmittedOrder(order)
    if isinstance(order, SubmittedOrder):
        return (_ORDER, _order_values(order), line.source, line.number)
    return (_OTHER, line.at, line.source, line.number, line.topic, line.text)


def all_unpacked(lines: Iterable[Packed]) -> Iterator[Line]:
    """Return the lines that were packed."""
    for values in lines:
        # A history consists of ticks, and a call less for each is worth it.
        yield quote_line(values[1]) if values[0] == _TICK else unpacked(values)


def unpacked(values: Packed) -> Line:
    """Return the line that was packed."""
    kind = values[0]
    if kind == _TICK:
        return quote_line(values[1])
    if kind == _ORDER:
        _, order_values, source, number = values
        order = _order(order_values)
        # What is well formed is answered, never dead-lettered: nobody asks for the line itself.
        return InputLine(order.at, _ORDERS_RANK, source, number, ORDERS, order, b"")
    if kind == _SPACED_TICK:
        _, tick_values, source, number, text = values
        quote = quote_line(tick_values)
        return InputLine(quote.at, quote.rank, source, number, PRICE_TICKS, quote, text)
    _, at, source, number, topic, text = values
    return InputLine(at, INPUT_ORDER.index(topic), source, number, topic, event_of(text), text)


def _order(values: tuple[Any, ...]) -> SubmittedOrder:
    """Return an order with these values, in the order of its slots."""
    order = _new_order(SubmittedOrder)
    (
        order.account_id,
        order.at,
        order.at_text,
        order.buy,
        order.client_order_id,
        order.content,
        order.event_id,
        order.expire_time,
        order.id,
        order.limit,
        order.limit_text,
        order.notional,
        order.order_type,
        order.own_rates,
        order.prices_fit,
        order.quantity,
        order.quantity_fits,
        order.side,
        order.stop,
        order.stop_text,
        order.symbol,
        order.time_in_force,
        order.wrong,
    ) = values
    return order
