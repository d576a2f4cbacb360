"""The flow of orders, evenly over the time in which orders are taken; and two when they are not."""

from replay.generate.agenda import Agenda, Story
from replay.generate.cast import Cast
from replay.generate.chance import Draw
from replay.generate.odd_orders import OddOrders
from replay.generate.order_kinds import LIMIT_GTC, MARKET_BUY, but
from replay.generate.orders import Orders
from replay.generate.quote import SeenQuotes
from schemas.instant import MINUTE, Micros
from settlement.calendar import first_window, in_maintenance, window_after
from topics.catalogue import ORDERS

# One order in this many is odd, by turns: the rest keeps well above 90% executed.
_ODD_EVERY = 25


def order_flow(
    agenda: Agenda, orders: Orders, odd: OddOrders, draw: Draw, wanted: int, first: Micros
) -> Story:
    """Place so many orders from `first` on."""
    spans = _trading_spans(first, agenda.end)
    in_all = sum(to - from_ for from_, to in spans)
    span, passed = 0, 0
    slot_end = 0
    for number in range(wanted):
        slot, slot_end = slot_end, in_all * (number + 1) // wanted
        at = slot + draw(max(1, slot_end - slot))
        while at - passed >= spans[span][1] - spans[span][0]:
            passed += spans[span][1] - spans[span][0]
            span += 1
        yield spans[span][0] + at - passed, ORDERS
        turn, place = divmod(number, _ODD_EVERY)
        if place != _ODD_EVERY - 1 or not odd.place(turn):
            orders.of_the_flow(number)


def maintenance_orders(agenda: Agenda, cast: Cast, seen: SeenQuotes, orders: Orders) -> Story:
    """Send two orders into every maintenance: they are refused."""
    window = first_window(agenda.start)
    while window.scheduled_at < agenda.end:
        if window.window == "MAINTENANCE_BEGIN":
            for fields in (MARKET_BUY, but(LIMIT_GTC | {"limit_price": "1.00"})):
                yield window.scheduled_at + 3 * MINUTE, ORDERS
                if seen.symbols:
                    orders.submit(cast.traders[0], seen.symbols[0], fields)
        window = window_after(window)


def _trading_spans(first: Micros, end: Micros) -> list[tuple[Micros, Micros]]:
    """Return the times, from and to, in which orders are taken; a day has at least one."""
    spans = []
    open_since = None if in_maintenance(first) else first
    window = first_window(first)
    while window.scheduled_at < end:
        if window.window == "MAINTENANCE_BEGIN" and open_since is not None:
            spans.append((open_since, window.scheduled_at))
            open_since = None
        elif window.window == "MAINTENANCE_END":
            open_since = window.scheduled_at
        window = window_after(window)
    if open_since is not None:
        spans.append((open_since, end))
    return spans
