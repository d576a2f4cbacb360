"""May this order work? The checks of contract section 6, in its order."""

from typing import NamedTuple

from schemas.instant import Micros
from schemas.money import USD_LIMIT, Price, Units
from schemas.order import RejectReason
from settlement.calendar import in_maintenance
from settlement.commission import Rates, customer_price, own_rates
from settlement.rounding import buys_at_most, holds_at_least, value_of
from settlement.submitted_order import SubmittedOrder
from settlement.working_orders import Instrument, Order, QuoteSide, TradingAccount

# An account's positions are one state record and part of each `AccountBalance`, so their number has
# a limit (contract section 6, check 18).
ASSETS_MAX = 1000


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


def has_too_many_assets(account: TradingAccount, asset: str) -> bool:
    """Whether a buy would give the account an asset beyond the limit (section 6, check 18).

    Counted are the assets that the account ever held and those that its working buys are for.
    """
    held, bought = account.positions or {}, account.bought or {}
    if len(held) + len(bought) < ASSETS_MAX or asset in held or asset in bought:
        return False
    return len(held.keys() | bought.keys()) >= ASSETS_MAX


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
    submitted: SubmittedOrder,
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
    if submitted.wrong is not None:
        return Rejection("INVALID_ORDER", submitted.wrong)
    buy = submitted.buy
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
        submitted.prices_fit
        and (submitted.limit is None or submitted.limit % instrument.price_increment == 0)
        and (submitted.stop is None or submitted.stop % instrument.price_increment == 0)
    ):
        return Rejection("PRICE_PRECISION", "a price is no multiple of the price increment")
    if not submitted.quantity_fits or (
        submitted.quantity is not None and submitted.quantity % instrument.quantity_increment
    ):
        return Rejection(
            "QUANTITY_PRECISION", "the quantity is no multiple of the quantity increment"
        )
    if submitted.own_rates is not None:
        rates = own_rates(submitted.own_rates, rates)
    order = Order(submitted, account, instrument, rates, at)
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
    if value >= USD_LIMIT:
        return Rejection("ABOVE_MAXIMUM", "the order is worth 10^12 USD or more")
    if needed > available:
        return Rejection("EXCEEDS_POSITION", "the order sells more than is available")
    if order.buy and has_too_many_assets(order.account, instrument.base):
        detail = f"the account has {ASSETS_MAX} assets, its working buys included"
        return Rejection("TOO_MANY_ASSETS", detail)
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
