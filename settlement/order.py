"""May this order work? The checks of contract section 6, in its order."""

from functools import cache
from typing import NamedTuple

from schemas.instant import Micros
from schemas.money import (
    BPS_DECIMALS,
    CENTS_DECIMALS,
    PRICE_DECIMALS,
    UNITS_DECIMALS,
    Cents,
    FinerThanScaleError,
    Price,
    Units,
    scaled,
)
from schemas.order import OrderSubmitted, OrderType, RejectReason, TimeInForce
from settlement.calendar import in_maintenance
from settlement.commission import Rates, customer_price
from settlement.rounding import buys_at_most, holds_at_least, value_of
from settlement.working_orders import Instrument, Order, QuoteSide, TradingAccount


class Rejection(NamedTuple):
    """The first check that failed, and the same in words."""

    reason: RejectReason
    detail: str


def account_not_open(account: TradingAccount, *, buy: bool) -> bool:
    """Whether the account's mode bars the order: closed, locked, or a buy when closing only."""
    return account.mode != "OPEN" and not (account.mode == "CLOSING_ONLY" and not buy)


def jurisdiction_bars(account: TradingAccount, *, buy: bool) -> bool:
    """Whether the account's jurisdiction bars the order: all, or buys where only selling is."""
    return account.jurisdiction != "OPEN" and not (account.jurisdiction == "CLOSE" and not buy)


def too_far(order: Order, side: QuoteSide) -> bool:
    """Whether a limit is more than 10% through the raw market."""
    if order.limit is None:
        return False
    if order.buy:
        return order.limit * 10 > side.price * 11
    return order.limit * 10 < side.price * 9


def is_triggered(order: Order, side: QuoteSide | None) -> bool:
    """Whether the raw market has traded through the order's stop: buy ask >= stop, sell bid <=."""
    if order.triggered or side is None or order.stop is None:
        return order.triggered
    return side.price >= order.stop if order.buy else side.price <= order.stop


def is_marketable(order: Order, price: int) -> bool:
    """Whether the order may trade at this customer price."""
    if order.limit is None:
        return True
    return order.limit >= price if order.buy else order.limit <= price


def admission(
    submitted: OrderSubmitted,
    account: TradingAccount | None,
    rates: Rates | None,
    instrument: Instrument | None,
    side: QuoteSide | None,
    at: Micros,
) -> tuple[Order, Price] | Rejection:
    """Return the order ready to work and its price, or the first check it fails. Changes nothing.

    `rates` are the client's own (None: the client is unknown), `side` the one that the order takes
    (None: it is empty). The price is what the order would pay or get now; 0: it waits for its stop.
    The duplicate check comes before, in `execution`.
    """
    if account is None:
        return Rejection("UNKNOWN_ACCOUNT", f"no AccountUpdated for {submitted.account_id}")
    if rates is None:
        return Rejection("UNKNOWN_CLIENT", f"no ClientUpdated for {account.client}")
    wrong = _wrong_form(submitted)
    if wrong is not None:
        return Rejection("INVALID_ORDER", wrong)
    numbers = _numbers(submitted, rates)
    if isinstance(numbers, Rejection):
        return numbers
    notional, quantity, limit, stop, rates, quantity_fits, prices_fit = numbers
    buy = submitted.side == "BUY"
    if account_not_open(account, buy=buy):
        return Rejection("ACCOUNT_NOT_OPEN", f"the account is {account.mode}")
    if instrument is None or not instrument.tradable:
        return Rejection("UNKNOWN_SYMBOL", f"{submitted.symbol} is not traded here")
    if in_maintenance(at):
        return Rejection("MAINTENANCE", "orders are taken again at 17:05 Chicago time")
    if submitted.expire_time is not None and submitted.expire_time <= at:
        return Rejection("ORDER_EXPIRED", "expire_time has passed")
    if jurisdiction_bars(account, buy=buy):
        return Rejection("JURISDICTION", f"the jurisdiction is {account.jurisdiction}")
    if not (
        prices_fit
        and (limit is None or limit % instrument.price_increment == 0)
        and (stop is None or stop % instrument.price_increment == 0)
    ):
        return Rejection("PRICE_PRECISION", "a price is no multiple of the price increment")
    if not quantity_fits or (quantity is not None and quantity % instrument.quantity_increment):
        return Rejection(
            "QUANTITY_PRECISION", "the quantity is no multiple of the quantity increment"
        )
    order = Order(submitted, account, instrument, rates, at)
    order.notional, order.quantity, order.limit, order.stop = notional, quantity, limit, stop
    return _against_the_market(order, side)


def _against_the_market(order: Order, side: QuoteSide | None) -> tuple[Order, Price] | Rejection:
    instrument = order.instrument
    increment = instrument.quantity_increment
    price = 0
    if order.triggered or is_triggered(order, side):
        if side is not None:
            price = customer_price(
                side.price, order.rates, instrument.price_increment, buy=order.buy
            )
        if side is None or price <= 0:
            return Rejection("EMPTY_QUOTES", "nobody quotes the side that the order would take")
        if too_far(order, side):
            return Rejection("PRICE_TOO_FAR", "the limit is more than 10% through the market")

    needed = _needed(order, price)
    value = order.notional
    if value is None:
        value = value_of(needed, price if order.limit is None else order.limit)
    # A sell of all that is available passes the minimum.
    available = needed if order.buy else order.account.available(instrument.base)
    if value < instrument.minimum_order_value and (order.buy or not 0 < needed == available):
        return Rejection("BELOW_MINIMUM", "the order is worth less than the minimum order value")
    if (
        price
        and order.notional is not None
        and is_marketable(order, price)
        and not buys_at_most(order.notional, price, increment)
    ):
        return Rejection("BELOW_MINIMUM", "the notional is less than one quantity increment")
    if needed > available:
        return Rejection("EXCEEDS_POSITION", "the order sells more than is available")
    return order, price


def _needed(order: Order, price: int) -> Units:
    """How much of the asset the order is about; `price` is the customer price of a MARKET order."""
    if order.quantity is not None:
        return order.quantity
    notional = order.notional or 0
    increment = order.instrument.quantity_increment
    if order.limit is not None:
        return holds_at_least(notional, order.limit, increment)
    return buys_at_most(notional, price, increment)


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
    no_stop: bool,  # noqa: FBT001
    no_expiry: bool,  # noqa: FBT001
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


# notional, quantity, limit, stop, the rates that hold; whether the quantity fits our scale, and
# whether the prices do: a number finer than our scale fits no increment either.
_Numbers = tuple[Cents | None, Units | None, Price | None, Price | None, Rates, bool, bool]


def _numbers(order: OrderSubmitted, client: Rates) -> _Numbers | Rejection:
    """Read the order's decimals into minor units, its own rates first."""
    notional = quantity = limit = stop = None
    quantity_fits = limit_fits = stop_fits = True
    rates = client
    try:
        if order.notional is not None:
            notional = _positive("notional", order.notional, CENTS_DECIMALS)
        if order.quantity is not None:
            quantity, quantity_fits = _positive_or_finer("quantity", order.quantity, UNITS_DECIMALS)
        if order.limit_price is not None:
            limit, limit_fits = _positive_or_finer("limit_price", order.limit_price, PRICE_DECIMALS)
        if order.stop_price is not None:
            stop, stop_fits = _positive_or_finer("stop_price", order.stop_price, PRICE_DECIMALS)
        if not (
            order.markup_bps is None
            and order.markup_fixed is None
            and order.commission_bps is None
            and order.commission_fixed is None
        ):
            rates = _own_rates(order, client)
    except ValueError as error:
        return Rejection("INVALID_ORDER", str(error))
    return notional, quantity, limit, stop, rates, quantity_fits, limit_fits and stop_fits


def _own_rates(order: OrderSubmitted, client: Rates) -> Rates:
    return Rates(
        _rate("markup_bps", order.markup_bps, BPS_DECIMALS, client.markup_bps),
        _rate("markup_fixed", order.markup_fixed, PRICE_DECIMALS, client.markup_fixed),
        _rate("commission_bps", order.commission_bps, BPS_DECIMALS, client.commission_bps),
        _rate("commission_fixed", order.commission_fixed, CENTS_DECIMALS, client.commission_fixed),
        client.commission_minimum,
    )


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


def _rate(name: str, text: str | None, decimals: int, client_rate: int) -> int:
    if text is None:
        return client_rate
    number = scaled(text, decimals)
    if number < 0:
        raise ValueError(f"{name} must not be negative")
    return number
