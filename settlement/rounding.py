"""Conversions between money, quantities and prices: each rounding has its name here.

Everything is integers (schemas/money.py), so nothing is lost before the rounding that is named.
"""

from schemas.money import (
    BPS_DECIMALS,
    CENTS_DECIMALS,
    PRICE_DECIMALS,
    UNITS_DECIMALS,
    Bps,
    Cents,
    Price,
    Units,
)

# units x price counts 10^-(8+18) USD; this many of them are a cent.
PER_CENT: int = 10 ** (UNITS_DECIMALS + PRICE_DECIMALS - CENTS_DECIMALS)
_HALF_CENT = PER_CENT // 2
# A rate of one, in the scale of `Bps`.
BPS_ONE: Bps = 10_000 * 10**BPS_DECIMALS
# An average price is printed with 8 places.
AVERAGE_DECIMALS = 8
_PER_AVERAGE_STEP: int = 10 ** (PRICE_DECIMALS - AVERAGE_DECIMALS)


def half_even(numerator: int, denominator: int) -> int:
    """Divide; a tie goes to the even neighbour. `denominator` > 0."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient & 1):
        return quotient + 1
    return quotient


def round_up(value: int, increment: int) -> int:
    """Return the smallest multiple of `increment` that is at least `value`."""
    return -(-value // increment) * increment


def round_down(value: int, increment: int) -> int:
    """Return the largest multiple of `increment` that is at most `value`."""
    return value - value % increment


def value_of(units: Units, price: Price) -> Cents:
    """Quantity x price, half-even to cents (section 6)."""
    # `half_even`, written out: every fill comes here several times.
    cents, rest = divmod(units * price, PER_CENT)
    if rest > _HALF_CENT or (rest == _HALF_CENT and cents & 1):
        return cents + 1
    return cents


def buys_at_most(cents: Cents, price: Price, increment: Units) -> Units:
    """How much an amount buys at a price, rounded down to the quantity increment."""
    units = cents * PER_CENT // price
    return units - units % increment


def sells_below(cents: Cents, price: Price, increment: Units) -> Units:
    """The largest multiple of the increment whose value, half-even to cents, is below an amount.

    `cents` is even, so half a cent below it would already be rounded up to it.
    """
    return round_down((cents * PER_CENT - _HALF_CENT - 1) // price, increment)


def holds_at_least(cents: Cents, price: Price, increment: Units) -> Units:
    """How much an amount is at a price, rounded up to the quantity increment."""
    return round_up(-(-cents * PER_CENT // price), increment)


def share_of(cents: Cents, bps: Bps) -> Cents:
    """Basis points of an amount, half-even to cents."""
    return half_even(cents * bps, BPS_ONE)


def average_price(total: int, units: Units) -> Price:
    """sum(units x price) / units, half-even to 8 places."""
    return half_even(total, units * _PER_AVERAGE_STEP) * _PER_AVERAGE_STEP
