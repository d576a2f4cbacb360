"""A submitted order: what it says, its numbers read (contract section 6)."""

from functools import cache

from schemas.instant import Micros, time_text
from schemas.money import (
    BPS_DECIMALS,
    BPS_WHOLE_DIGITS_MAX,
    CENTS_DECIMALS,
    PRICE_DECIMALS,
    UNITS_DECIMALS,
    WHOLE_DIGITS_MAX,
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

    `at` is the time that it says, `at_text` the same as we write it; a task may decide on it at
    another (contract section 4).
    `wrong`: why it is INVALID_ORDER, None if it is not; its numbers are of no use then. A number
    that is finer than our scale fits no increment: `quantity_fits` and `prices_fit` say so.
    `own_rates` is None where it has none. `limit_text` and `stop_text` are the prices as they came.
    `id` and `content` are what is remembered of it: the fingerprint of its id, and a checksum of
    all but `event_id` and `event_time`.
    """

    __slots__ = (
        "account_id",
        "at",
        "at_text",
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
        self.at_text = time_text(self.at)
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
        self.content = content(
            (order.symbol, order.side, order.order_type, order.time_in_force),
            (order.notional, order.quantity, order.limit_price, order.stop_price),
            order.expire_time,
            (order.markup_bps, order.markup_fixed, order.commission_bps, order.commission_fixed),
        )
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
                _rate("markup_bps", order.markup_bps, BPS_DECIMALS, BPS_WHOLE_DIGITS_MAX),
                _rate("markup_fixed", order.markup_fixed, PRICE_DECIMALS),
                _rate("commission_bps", order.commission_bps, BPS_DECIMALS, BPS_WHOLE_DIGITS_MAX),
                _rate("commission_fixed", order.commission_fixed, CENTS_DECIMALS),
            )
            if own_rates != (None, None, None, None):
                self.own_rates = own_rates
        except ValueError as error:
            self.wrong = self.wrong or str(error)
        self.prices_fit = limit_fits and stop_fits


def content(
    words: tuple[str, str, str, str],
    amounts: tuple[str | None, str | None, str | None, str | None],
    expire_time: Micros | None,
    rates: tuple[str | None, str | None, str | None, str | None],
) -> bytes:
    """Return a checksum of all but `event_id` and `event_time`: what a repeat must share.

    Symbol, side, type, time in force; notional, quantity, limit, stop; the order's own rates.
    """
    symbol, side, kind, force = words
    notional, quantity, limit, stop = amounts
    markup_bps, markup_fixed, commission_bps, commission_fixed = rates
    return checksum(
        f"{symbol}|{side}|{kind}|{force}|{notional}|{quantity}|{limit}|{stop}|{expire_time}|"
        f"{markup_bps}|{markup_fixed}|{commission_bps}|{commission_fixed}"
    )


def _wrong_form(order: OrderSubmitted) -> str | None:
    """What is missing or surplus, None if nothing is."""
    if (order.notional is None) == (order.quantity is None):
        return "exactly one of notional and quantity is wanted"
    return wrong_terms(
        order.order_type,
        order.time_in_force,
        order.limit_price is None,
        order.stop_price is None,
        order.expire_time is None,
    )


# There are 96 combinations.
@cache
def wrong_terms(
    kind: OrderType,
    force: TimeInForce,
    no_limit: bool,  # noqa: FBT001 - a key of the cache
    no_stop: bool,  # noqa: FBT001 - as above
    no_expiry: bool,  # noqa: FBT001 - as above
) -> str | None:
    """What is missing or surplus but for the amount, None if nothing is."""
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


def _rate(
    name: str, text: str | None, decimals: int, whole_digits: int = WHOLE_DIGITS_MAX
) -> int | None:
    if text is None:
        return None
    number = scaled(text, decimals, whole_digits)
    if number < 0:
        raise ValueError(f"{name} must not be negative")
    return number
