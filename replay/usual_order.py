"""The usual order, read in one go: straight from its line to what is decided on."""

import re
from operator import itemgetter
from typing import Any, cast

import orjson

from replay.read import InputLine
from schemas.event import (
    ACCOUNT_ID_PATTERN,
    CLIENT_ORDER_ID_PATTERN,
    ID_LENGTH_MAX,
    SYMBOL_PATTERN,
)
from schemas.instant import INPUT_TIME_PATTERN, USUAL_TIME_PATTERN, micros, usual_micros
from schemas.money import BPS_DECIMALS, CENTS_DECIMALS, PRICE_DECIMALS, UNITS_DECIMALS, minor_units
from schemas.order import OrderType, Side, TimeInForce
from settlement.remembered import fingerprint
from settlement.submitted_order import SubmittedOrder, content, wrong_terms
from topics.catalogue import INPUT_ORDER, ORDERS

_RANK = INPUT_ORDER.index(ORDERS)
# Positive numbers with at most 15 digits, as most people write them.
_PRICE = r"(?![0.]+\")(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?"
# What each member looks like, in the order in which they are written.
_ALWAYS = {
    "type": "OrderSubmitted",
    # As JSON: no character that is escaped in it.
    "event_id": rf'([^"\\\x00-\x1f]{{1,{ID_LENGTH_MAX}}})',
    "event_time": f"({USUAL_TIME_PATTERN[1:-1]})",
    "account_id": f"({ACCOUNT_ID_PATTERN[1:-1]})",
    "client_order_id": f"({CLIENT_ORDER_ID_PATTERN[1:-1]})",
    "symbol": f"({SYMBOL_PATTERN[1:-1]})",
    "side": "(BUY|SELL)",
    "order_type": "(MARKET|LIMIT|STOP_LIMIT)",
    "time_in_force": "(IOC|GTC|DAY|GTD)",
}
_SOMETIMES = {
    "notional": r"((?![0.]+\")(?:0|[1-9][0-9]{0,8})\.[0-9]{2})",
    "quantity": r"((?![0.]+\")(?:0|[1-9][0-9]{0,6})(?:\.[0-9]{1,8})?)",
    "limit_price": f"({_PRICE})",
    "stop_price": f"({_PRICE})",
    "expire_time": f"({INPUT_TIME_PATTERN[1:-1].replace('(', '(?:')})",
    "markup_bps": r"((?:0|[1-9][0-9]{0,4})(?:\.[0-9]{1,8})?)",
    "markup_fixed": r"((?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?)",
    "commission_bps": r"((?:0|[1-9][0-9]{0,4})(?:\.[0-9]{1,8})?)",
    "commission_fixed": r"((?:0|[1-9][0-9]{0,8})\.[0-9]{2})",
}
_MEMBERS = frozenset(_ALWAYS | _SOMETIMES)
_HEAD = itemgetter(*_ALWAYS)
_read = re.compile(
    rf'\{{"topic":"{ORDERS}","value":\{{'
    + ",".join(f'"{name}":"{value}"' for name, value in _ALWAYS.items())
    + "".join(f'(?:,"{name}":"{value}")?' for name, value in _SOMETIMES.items())
    + r"\}\}\r?\n?"
).fullmatch
_NO_RATES = (None, None, None, None)
_new = SubmittedOrder.__new__


def usual_order(line: bytes, number: int = 0, source: int = 0) -> InputLine | None:
    """Read a line that is a well-formed order and nothing else.

    None: it is not of that kind, not well formed, or its members stand in another order. What this
    takes, `OrderSubmitted` takes too, and reads to the same order: a model of each takes longer
    than reading all its numbers.
    """
    try:
        order = _order(line.decode())
    except ValueError:
        return None
    if order is None:
        return None
    return InputLine(order.at, _RANK, source, number, ORDERS, order, line)


def usual_order_value(value: Any) -> SubmittedOrder | None:  # noqa: ANN401 - a JSON value
    """Read the value of such an order however it was written; None as above."""
    if not isinstance(value, dict) or not value.keys() <= _MEMBERS:
        return None
    try:
        told = dict(zip(_ALWAYS, _HEAD(value), strict=True))
        told |= {name: value[name] for name in _SOMETIMES if name in value}
        return _order(orjson.dumps({"topic": ORDERS, "value": told}).decode())
    except (KeyError, ValueError):
        return None


def _order(text: str) -> SubmittedOrder | None:
    """Read the text of a line.

    Raises:
        ValueError: there is no such day or hour.
    """
    found = _read(text)
    if found is None:
        return None
    (
        event_id,
        time,
        account_id,
        client_order_id,
        symbol,
        side,
        kind,
        force,
        notional,
        quantity,
        limit,
        stop,
        expire_text,
        markup_bps,
        markup_fixed,
        commission_bps,
        commission_fixed,
    ) = found.groups()
    if (notional is None) == (quantity is None) or wrong_terms(
        kind, force, limit is None, stop is None, expire_text is None
    ):
        return None
    order = _new(SubmittedOrder)
    order.event_id = event_id
    order.at = usual_micros(time)
    order.at_text = time
    order.account_id = account_id
    order.client_order_id = client_order_id
    order.symbol = symbol
    order.side = cast("Side", side)
    order.buy = side == "BUY"
    order.order_type = cast("OrderType", kind)
    order.time_in_force = cast("TimeInForce", force)
    order.expire_time = None if expire_text is None else micros(expire_text)
    order.notional = None if notional is None else minor_units(notional, CENTS_DECIMALS)
    order.quantity = None if quantity is None else minor_units(quantity, UNITS_DECIMALS)
    order.limit = None if limit is None else minor_units(limit, PRICE_DECIMALS)
    order.limit_text = limit or ""
    order.stop = None if stop is None else minor_units(stop, PRICE_DECIMALS)
    order.stop_text = stop or ""
    rates = (markup_bps, markup_fixed, commission_bps, commission_fixed)
    order.own_rates = None
    if rates != _NO_RATES:
        order.own_rates = (
            None if markup_bps is None else minor_units(markup_bps, BPS_DECIMALS),
            None if markup_fixed is None else minor_units(markup_fixed, PRICE_DECIMALS),
            None if commission_bps is None else minor_units(commission_bps, BPS_DECIMALS),
            None if commission_fixed is None else minor_units(commission_fixed, CENTS_DECIMALS),
        )
    order.id = fingerprint(account_id, client_order_id)
    order.content = content(
        (symbol, side, kind, force), (notional, quantity, limit, stop), order.expire_time, rates
    )
    order.wrong = None
    order.quantity_fits = order.prices_fit = True
    return order
