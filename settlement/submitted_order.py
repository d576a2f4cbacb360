"""A submitted order: what it says, its numbers read (contract section 6)."""

import re
from functools import cache
from operator import itemgetter
from typing import Any

from schemas.event import EVENT_ID_LENGTH_MAX
from schemas.instant import TIME_LENGTH, Micros, micros
from schemas.money import (
    BPS_DECIMALS,
    CENTS_DECIMALS,
    PRICE_DECIMALS,
    UNITS_DECIMALS,
    Bps,
    Cents,
    FinerThanScaleError,
    Price,
    Units,
    scaled,
)
from schemas.order import OrderSubmitted, OrderType, Side, TimeInForce
from settlement.remembered import checksum, fingerprint

# Its own markup_bps, markup_fixed, commission_bps, commission_fixed; None: the client's.
OwnRates = tuple[Bps | None, Price | None, Bps | None, Cents | None]


class SubmittedOrder:
    """An order as it came. Amounts: cents, units, prices; None: not given.

    `wrong`: why it is INVALID_ORDER, None if it is not; its numbers are of no use then. A number
    that is finer than our scale fits no increment: `quantity_fits` and `prices_fit` say so.
    `own_rates` is None where it has none. `limit_text` and `stop_text` are
    the prices as they came. `id` and `content` are what is remembered of it: the
    fingerprint of its id, and a checksum of all but `event_id` and `event_time`.
    """

    __slots__ = (
        "account_id",
        "at",
        "buy",
        "client_order_id",
        "content",
        "event_id",
        "expire_time",
        "id",
        "limit",
        "limit_text",
        "notional",
        "order_type",
        "own_rates",
        "prices_fit",
        "quantity",
        "quantity_fits",
        "side",
        "stop",
        "stop_text",
        "symbol",
        "time_in_force",
        "wrong",
    )

    def __init__(self, order: OrderSubmitted) -> None:
        """Read an order."""
        self.event_id = order.event_id
        self.at: Micros = order.own_time
        self.account_id = order.account_id
        self.client_order_id = order.client_order_id
        self.symbol = order.symbol
        self.side: Side = order.side
        self.buy = order.side == "BUY"
        self.order_type: OrderType = order.order_type
        self.time_in_force: TimeInForce = order.time_in_force
        self.expire_time = order.expire_time
        self.limit_text, self.stop_text = order.limit_price or "", order.stop_price or ""
        self.id = fingerprint(order.account_id, order.client_order_id)
        self.content = _content(order)
        self.notional: Cents | None = None
        self.quantity: Units | None = None
        self.limit: Price | None = None
        self.stop: Price | None = None
        self.quantity_fits = limit_fits = stop_fits = True
        self.own_rates: OwnRates | None = None
        self.wrong = _wrong_form(order)
        try:
            if order.notional is not None:
                self.notional = _positive("notional", order.notional, CENTS_DECIMALS)
            if order.quantity is not None:
                self.quantity, self.quantity_fits = _positive_or_finer(
                    "quantity", order.quantity, UNITS_DECIMALS
                )
            if order.limit_price is not None:
                self.limit, limit_fits = _positive_or_finer(
                    "limit_price", order.limit_price, PRICE_DECIMALS
                )
            if order.stop_price is not None:
                self.stop, stop_fits = _positive_or_finer(
                    "stop_price", order.stop_price, PRICE_DECIMALS
                )
            own_rates = (
                _rate("markup_bps", order.markup_bps, BPS_DECIMALS),
                _rate("markup_fixed", order.markup_fixed, PRICE_DECIMALS),
                _rate("commission_bps", order.commission_bps, BPS_DECIMALS),
                _rate("commission_fixed", order.commission_fixed, CENTS_DECIMALS),
            )
            if own_rates != (None, None, None, None):
                self.own_rates = own_rates
        except ValueError as error:
            self.wrong = self.wrong or str(error)
        self.prices_fit = limit_fits and stop_fits


def _content(order: OrderSubmitted) -> bytes:
    """Return a checksum of all but `event_id` and `event_time`: what a repeat must share."""
    return checksum(
        f"{order.symbol}|{order.side}|{order.order_type}|{order.time_in_force}|"
        f"{order.notional}|{order.quantity}|{order.limit_price}|{order.stop_price}|"
        f"{order.expire_time}|{order.markup_bps}|{order.markup_fixed}|"
        f"{order.commission_bps}|{order.commission_fixed}"
    )


def _wrong_form(order: OrderSubmitted) -> str | None:
    """What is missing or surplus, None if nothing is."""
    if (order.notional is None) == (order.quantity is None):
        return "exactly one of notional and quantity is wanted"
    return _wrong_terms(
        order.order_type,
        order.time_in_force,
        order.limit_price is None,
        order.stop_price is None,
        order.expire_time is None,
    )


# There are 96 combinations.
@cache
def _wrong_terms(
    kind: OrderType,
    force: TimeInForce,
    no_limit: bool,  # noqa: FBT001 - a key of the cache
    no_stop: bool,  # noqa: FBT001 - as above
    no_expiry: bool,  # noqa: FBT001 - as above
) -> str | None:
    if no_limit != (kind == "MARKET"):
        return "limit_price is wanted, but not of a MARKET order"
    if no_stop != (kind != "STOP_LIMIT"):
        return "stop_price is wanted of a STOP_LIMIT order, and of no other"
    if no_expiry != (force != "GTD"):
        return "expire_time is wanted of a GTD order, and of no other"
    if kind == "MARKET" and force != "IOC":
        return "a MARKET order is IOC"
    if kind == "STOP_LIMIT" and force == "IOC":
        return "a STOP_LIMIT order is not IOC"
    return None


def _positive(name: str, text: str, decimals: int) -> int:
    number = scaled(text, decimals)
    if number <= 0:
        raise ValueError(f"{name} must be above 0")
    return number


def _positive_or_finer(name: str, text: str, decimals: int) -> tuple[int, bool]:
    try:
        return _positive(name, text, decimals), True
    except FinerThanScaleError:
        if text.startswith("-"):
            raise ValueError(f"{name} must be above 0") from None
        return 0, False


def _rate(name: str, text: str | None, decimals: int) -> int | None:
    if text is None:
        return None
    number = scaled(text, decimals)
    if number < 0:
        raise ValueError(f"{name} must not be negative")
    return number


# -- the usual order, read in one go --------------------------------------------------------------

_HEAD = itemgetter("type", "event_id", "event_time")
_WORDS = itemgetter(
    "account_id", "client_order_id", "symbol", "side", "order_type", "time_in_force"
)
# By order type and time in force, how many fields such an order has if it has no rates of its own.
_FIELDS = {
    ("MARKET", "IOC"): 10,
    ("LIMIT", "IOC"): 11,
    ("LIMIT", "GTC"): 11,
    ("LIMIT", "DAY"): 11,
    ("LIMIT", "GTD"): 12,
    ("STOP_LIMIT", "GTC"): 12,
    ("STOP_LIMIT", "DAY"): 12,
    ("STOP_LIMIT", "GTD"): 13,
}
# Positive numbers with at most 15 digits, as most people write them; `-`: none.
_NOTIONAL = r"(?![0.]+ )(?:0|[1-9][0-9]{0,8})\.[0-9]{2}"
_QUANTITY = r"(?![0.]+ )(?:0|[1-9][0-9]{0,6})(?:\.[0-9]{1,8})?"
_PRICE = r"(?![0.]+ )(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?"
_is_usual = re.compile(
    r"[A-Z0-9]{8} [A-Za-z0-9._-]{1,64} [A-Z0-9]{2,20} (?:BUY|SELL) "
    rf"(?:MARKET [A-Z]+ (?:{_NOTIONAL} -|- {_QUANTITY}) - -"
    rf"|LIMIT [A-Z]+ (?:{_NOTIONAL} -|- {_QUANTITY}) {_PRICE} -"
    rf"|STOP_LIMIT [A-Z]+ (?:{_NOTIONAL} -|- {_QUANTITY}) {_PRICE} {_PRICE}) "
).fullmatch
_new = SubmittedOrder.__new__


def usual_order(value: dict[str, Any]) -> SubmittedOrder | None:
    """Read the JSON value of a well-formed order that has no rates of its own.

    None: it is not of that kind, or not well formed. What this takes, `OrderSubmitted` takes too,
    and reads to the same order: a model of each takes longer than reading all its numbers.
    """
    try:
        kind, event_id, time = _HEAD(value)
        words = _WORDS(value)
        account_id, client_order_id, symbol, side, order_type, force = words
        get = value.get
        notional, quantity = get("notional", "-"), get("quantity", "-")
        limit, stop = get("limit_price", "-"), get("stop_price", "-")
        if (
            kind != "OrderSubmitted"
            or type(event_id) is not str
            or not 0 < len(event_id) <= EVENT_ID_LENGTH_MAX
            # No other field than those that are read here.
            or len(value) != _FIELDS.get((order_type, force))
            # One look at all: none of them has a space, and what is no text can't be joined.
            or not _is_usual(" ".join((*words, notional, quantity, limit, stop, "")))
            or len(time) != TIME_LENGTH
        ):
            return None
        expire_time = micros(value["expire_time"]) if force == "GTD" else None
        order = _new(SubmittedOrder)
        order.at = micros(time)
    except (KeyError, TypeError, ValueError):
        return None
    order.event_id = event_id
    order.account_id = account_id
    order.client_order_id = client_order_id
    order.symbol = symbol
    order.side = side
    order.buy = side == "BUY"
    order.order_type = order_type
    order.time_in_force = force
    order.expire_time = expire_time
    order.id = fingerprint(account_id, client_order_id)
    order.wrong = order.own_rates = None
    order.quantity_fits = order.prices_fit = True
    if quantity == "-":
        order.notional, order.quantity = int(notional.replace(".", "")), None
        amounts = f"{notional}|None"
    else:
        order.notional, order.quantity = None, _number(quantity, UNITS_DECIMALS)
        amounts = f"None|{quantity}"
    if limit == "-":
        order.limit, order.limit_text, limit = None, "", None
    else:
        order.limit, order.limit_text = _number(limit, PRICE_DECIMALS), limit
    if stop == "-":
        order.stop, order.stop_text, stop = None, "", None
    else:
        order.stop, order.stop_text = _number(stop, PRICE_DECIMALS), stop
    order.content = checksum(
        f"{symbol}|{side}|{order_type}|{force}|{amounts}|{limit}|{stop}|{expire_time}"
        "|None|None|None|None"
    )
    return order


def _number(text: str, decimals: int) -> int:
    """Read a usual number, which has no more decimals than its kind."""
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(decimals, "0"))
