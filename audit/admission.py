"""May this order work? Contract section 6 read anew, from inputs and what was audited so far."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from audit import numbers
from audit.quotes import Side
from audit.working_order import Rates, Terms
from schemas.account import AccountUpdated
from schemas.client import ClientUpdated
from schemas.instant import Micros
from schemas.instrument import InstrumentUpdated
from schemas.money import (
    BPS_DECIMALS,
    BPS_WHOLE_DIGITS_MAX,
    CENTS_DECIMALS,
    PRICE_DECIMALS,
    UNITS_DECIMALS,
    WHOLE_DIGITS_MAX,
)
from schemas.order import OrderSubmitted
from settlement.calendar import in_maintenance

# An account has at most so many assets, its working buys included (check 18).
_ASSETS_MAX = 1000


class World(NamedTuple):
    """The reference data as they are now."""

    clients: dict[str, ClientUpdated]
    instruments: dict[str, InstrumentUpdated]
    accounts: dict[str, AccountUpdated]


class Holdings(NamedTuple):
    """What the order's account has.

    `available`: units of an asset that it may still sell. `assets`: those that it ever held or that
    its working buys are for.
    """

    available: Callable[[str], int]
    assets: Callable[[], AbstractSet[str]]


def mode_bars(account: AccountUpdated, *, buy: bool) -> bool:
    """Whether the account's mode bars an order (check 6)."""
    return account.mode in {"CLOSED", "LOCKED"} or (account.mode == "CLOSING_ONLY" and buy)


def jurisdiction_bars(account: AccountUpdated, *, buy: bool) -> bool:
    """Whether the account's jurisdiction bars an order (check 10)."""
    return account.jurisdiction == "PROHIBITED" or (account.jurisdiction == "CLOSE" and buy)


def rates_of(order: OrderSubmitted, client: ClientUpdated) -> Rates:
    """Return the rates that are fixed at acceptance: the minimum only in the TRADE_FEE model.

    Raises:
        ValueError: one of the order's own is negative, too long, too fine or too large.
    """
    markup = client.commission_model == "MARKUP"
    fee = not markup
    bps = (BPS_DECIMALS, BPS_WHOLE_DIGITS_MAX)
    return (
        _own(order.markup_bps, client.markup_bps if markup else 0, *bps),
        _own(order.markup_fixed, client.markup_fixed if markup else 0, PRICE_DECIMALS),
        _own(order.commission_bps, client.commission_bps if fee else 0, *bps),
        _own(order.commission_fixed, client.commission_fixed if fee else 0, CENTS_DECIMALS),
        client.commission_minimum if fee else 0,
    )


def refusal(
    order: OrderSubmitted,
    world: World,
    side: Side | None,
    holdings: Holdings,
    at: Micros,
) -> str | Terms:
    """Return the first check from the second on that an order fails, else its terms.

    `side`: the one that it would take, None if it is empty.
    """
    account = world.accounts.get(order.account_id)
    if account is None:
        return "UNKNOWN_ACCOUNT"
    client = world.clients.get(account.client)
    if client is None:
        return "UNKNOWN_CLIENT"
    try:
        terms = _terms(order, client)
    except ValueError:
        return "INVALID_ORDER"
    buy = order.side == "BUY"
    instrument = world.instruments.get(order.symbol)
    if mode_bars(account, buy=buy):
        return "ACCOUNT_NOT_OPEN"
    if instrument is None or not instrument.tradable:
        return "UNKNOWN_SYMBOL"
    if in_maintenance(at):
        return "MAINTENANCE"
    if order.expire_time is not None and order.expire_time <= at:
        return "ORDER_EXPIRED"
    if jurisdiction_bars(account, buy=buy):
        return "JURISDICTION"
    return _market_refusal(order, terms, instrument, side, holdings) or terms


def _market_refusal(
    order: OrderSubmitted,
    terms: Terms,
    instrument: InstrumentUpdated,
    side: Side | None,
    holdings: Holdings,
) -> str | None:
    """Return the first check from the eleventh on that an order fails, None if it passes."""
    if not all(
        _fits(text, PRICE_DECIMALS, instrument.minimum_price_increment)
        for text in (order.limit_price, order.stop_price)
    ):
        return "PRICE_PRECISION"
    if not _fits(order.quantity, UNITS_DECIMALS, instrument.minimum_quantity_increment):
        return "QUANTITY_PRECISION"
    buy = order.side == "BUY"
    waits = terms.stop is not None and (
        side is None or (side.price < terms.stop if buy else side.price > terms.stop)
    )
    own_price = 0
    if not waits:
        if side is not None:
            own_price = numbers.customer_price(
                side.price, terms.rates[:2], instrument.minimum_price_increment, buy=buy
            )
        if side is None or own_price <= 0:
            return "EMPTY_QUOTES"
        limit = terms.limit
        if limit is not None and (
            10 * limit > 11 * side.price if buy else 10 * limit < 9 * side.price
        ):
            return "PRICE_TOO_FAR"
    return _size_refusal(terms, instrument, own_price, holdings, buy=buy)


def _size_refusal(
    terms: Terms, instrument: InstrumentUpdated, own_price: int, holdings: Holdings, *, buy: bool
) -> str | None:
    """Return the first check from the fifteenth on that an order fails.

    `own_price`: what the customer would pay or get now; 0: the order waits for its stop.
    """
    available = 0 if buy else holdings.available(instrument.base)
    about = _about(terms, own_price, instrument.minimum_quantity_increment)
    worth = terms.notional
    if worth is None:
        worth = numbers.worth(about, terms.limit or own_price)
    sells_all = not buy and 0 < about == available
    if worth < instrument.minimum_order_value and not sells_all:
        return "BELOW_MINIMUM"
    if terms.notional is not None and own_price:
        fills_now = terms.limit is None or (
            terms.limit >= own_price if buy else terms.limit <= own_price
        )
        if fills_now and not _bought(terms.notional, own_price, instrument):
            return "BELOW_MINIMUM"
    if worth >= numbers.CENTS_LIMIT:
        return "ABOVE_MAXIMUM"
    if not buy:
        return "EXCEEDS_POSITION" if about > available else None
    assets = holdings.assets()
    full = len(assets) >= _ASSETS_MAX and instrument.base not in assets
    return "TOO_MANY_ASSETS" if full else None


def _about(terms: Terms, own_price: int, increment: int) -> int:
    """Return how many units the order is about: by its limit rounded up, at market down."""
    if terms.quantity is not None:
        return terms.quantity
    value = (terms.notional or 0) * numbers.UNIT_PRICES_PER_CENT
    if terms.limit is not None:
        return -(-value // (terms.limit * increment)) * increment
    return value // (own_price * increment) * increment


def _bought(notional: int, own_price: int, instrument: InstrumentUpdated) -> int:
    step = own_price * instrument.minimum_quantity_increment
    return notional * numbers.UNIT_PRICES_PER_CENT // step


def _terms(order: OrderSubmitted, client: ClientUpdated) -> Terms:
    """Read the order's numbers.

    Raises:
        ValueError: the order is INVALID_ORDER.
    """
    kind, force = order.order_type, order.time_in_force
    well_formed = (
        (order.notional is None) != (order.quantity is None)
        and (order.limit_price is None) == (kind == "MARKET")
        and (order.stop_price is None) == (kind != "STOP_LIMIT")
        and (order.expire_time is None) == (force != "GTD")
        and (kind != "MARKET" or force == "IOC")
        and (kind != "STOP_LIMIT" or force != "IOC")
    )
    if not well_formed:
        raise ValueError("something is missing or surplus")
    return Terms(
        _positive(order.notional, CENTS_DECIMALS),
        _positive(order.quantity, UNITS_DECIMALS, finer=1),
        _positive(order.limit_price, PRICE_DECIMALS, finer=1),
        _positive(order.stop_price, PRICE_DECIMALS, finer=1),
        rates_of(order, client),
    )


def _positive(text: str | None, decimals: int, finer: int | None = None) -> int | None:
    """Read a number of an order; `finer` stands for one that is finer than its scale.

    Raises:
        ValueError: it is not above 0, beyond its limit, or finer and must not be.
    """
    if text is None:
        return None
    try:
        number = numbers.stated(text, decimals)
    except numbers.FinerError:
        if finer is None:
            raise
        number = finer
    if number <= 0 or text.startswith("-"):
        raise ValueError(f"{text} is not above 0")
    return number


def _own(
    text: str | None, client_rate: int, decimals: int, whole_digits: int = WHOLE_DIGITS_MAX
) -> int:
    if text is None:
        return client_rate
    number = numbers.stated(text, decimals, whole_digits)
    if number < 0:
        raise ValueError(f"{text} is negative")
    return number


def _fits(text: str | None, decimals: int, increment: int) -> bool:
    """Whether a number is a multiple of its increment; one that is finer than its scale is not."""
    if text is None:
        return True
    try:
        return numbers.stated(text, decimals) % increment == 0
    except ValueError:
        return False
