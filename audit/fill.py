"""The arithmetic of one fill: quantity, gross, markup, commission, net (contract section 6)."""

from typing import Any

from audit import numbers
from audit.quotes import Quote, Side
from audit.working_order import WorkingOrder
from schemas.instant import Micros
from schemas.money import bps, price, quantity, usd
from settlement.calendar import trade_date

_AVERAGE_STEP = 10**10  # eight of a price's eighteen places


def fillable_units(order: WorkingOrder, side: Side, customer_price: int, position: int) -> int:
    """Return how much one fill takes, 0 if there is none; a sell takes at most `position`."""
    step = order.instrument.minimum_quantity_increment
    units = min(order.left_at(customer_price), side.size - side.size % step)
    if not order.buy:
        units = min(units, position)
    units = numbers.fillable(units, customer_price, step)
    return units if units > 0 and numbers.worth(units, customer_price) else 0


def fill(
    order: WorkingOrder, quote: Quote, side: Side, taken: int, at: Micros
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Count a fill in its order; return the fields of its `Execution` and `OrderFilled`."""
    terms, instrument, event = order.terms, order.instrument, order.event
    at_price = order.customer_price(side)
    gross = numbers.worth(taken, at_price)
    order.fills += 1
    order.units += taken
    order.gross += gross
    order.weighted += taken * at_price
    rates = terms.rates
    owed = max(rates[4], numbers.share(order.gross, rates[2]) + rates[3])
    commission = owed - order.commission
    if not order.buy:
        commission = min(commission, gross)  # the rest moves to later fills
    order.commission += commission
    execution_id = f"{event.account_id}-{event.client_order_id}-{order.fills}"
    execution = {
        "execution_id": execution_id,
        "client_order_id": event.client_order_id,
        "symbol": event.symbol,
        "base": instrument.base,
        "side": event.side,
        "quantity": quantity(taken),
        "price": price(at_price, instrument.price_decimals),
        "quote_price": price(side.price, instrument.price_decimals),
        "quote_sequence": quote.sequence,
        "gross": usd(gross),
        "markup": usd(abs(gross - numbers.worth(taken, side.price))),
        "commission": usd(commission),
        "net_money": usd(gross + commission if order.buy else gross - commission),
        "markup_bps": bps(rates[0]),
        "markup_fixed": price(rates[1], 0),
        "commission_bps": bps(rates[2]),
        "commission_fixed": usd(rates[3]),
        "commission_minimum": usd(rates[4]),
        "providers": _used_up(side.providers, taken),
        "trade_date": trade_date(at),
    }
    average = numbers.half_even(order.weighted, order.units * _AVERAGE_STEP) * _AVERAGE_STEP
    filled = {
        "execution_id": execution_id,
        "cumulative_quantity": quantity(order.units),
        "leaves_quantity": terms.quantity and quantity(terms.quantity - order.units),
        "leaves_notional": terms.notional and usd(terms.notional - order.gross),
        "average_price": price(average, 8),
    }
    return execution, filled


def _used_up(shown: list[tuple[str, int]], taken: int) -> list[dict[str, str]]:
    """Use the providers up in listed order."""
    used: list[dict[str, str]] = []
    for provider, size in shown:
        if not taken:
            break
        part = min(size, taken)
        used.append({"provider": provider, "quantity": quantity(part)})
        taken -= part
    return used
