"""Decimal strings as integers of minor units, and the contract's roundings, read anew.

The scales are those of schemas/money.py. Nothing here is shared with the decisions.
"""

import re

from schemas.money import (
    BPS_DECIMALS,
    DIGITS_MAX,
    PRICE_DECIMALS,
    UNITS_DECIMALS,
    WHOLE_DIGITS_MAX,
)

CENTS_DECIMALS = 2
# No order and no fill is worth this many cents or more: 10^12 USD.
CENTS_LIMIT: int = 10 ** (12 + CENTS_DECIMALS)
# units x price, in 10^-26 USD: so many are a cent.
UNIT_PRICES_PER_CENT: int = 10 ** (UNITS_DECIMALS + PRICE_DECIMALS - CENTS_DECIMALS)
WHOLE_BPS: int = 10_000 * 10**BPS_DECIMALS

# Sign and leading zeros, which are no significant digits.
_LEADING = re.compile(r"^[-0.]*")


class FinerError(ValueError):
    """A number with more decimals than its kind has."""


def minor(text: str, decimals: int) -> int:
    """Read a decimal string as an integer of 10^-`decimals`.

    Raises:
        FinerError: it is finer than that.
    """
    whole, _, fraction = text.partition(".")
    if len(fraction) > decimals:
        raise FinerError(f"{text} has more than {decimals} decimals")
    return int(whole + fraction.ljust(decimals, "0"))


def stated(text: str, decimals: int, whole_digits: int = WHOLE_DIGITS_MAX) -> int:
    """Read a number as somebody outside states it; zeros at the end of a fraction say nothing.

    Raises:
        ValueError: it has more than 15 significant digits, or `whole_digits` before the point.
        FinerError: it is finer than `decimals`.
    """
    if len(text.lstrip("-").split(".")[0]) > whole_digits:
        raise ValueError(f"{text} has more than {whole_digits} digits before the point")
    if len(_LEADING.sub("", text).replace(".", "")) > DIGITS_MAX:
        raise ValueError(f"{text} has more than {DIGITS_MAX} significant digits")
    return minor(text.rstrip("0").rstrip(".") if "." in text else text, decimals)


def cents(text: str) -> int:
    """Read dollars."""
    return minor(text, CENTS_DECIMALS)


def units(text: str) -> int:
    """Read a quantity."""
    return minor(text, UNITS_DECIMALS)


def price(text: str) -> int:
    """Read a price."""
    return minor(text, PRICE_DECIMALS)


def basis_points(text: str) -> int:
    """Read basis points."""
    return minor(text, BPS_DECIMALS)


def half_even(numerator: int, denominator: int) -> int:
    """Divide; exactly half goes to the even neighbour. `denominator` is above 0."""
    below, rest = divmod(numerator, denominator)
    if 2 * rest == denominator:
        return below + (below & 1)
    return below + (2 * rest > denominator)


def worth(quantity: int, at_price: int) -> int:
    """Return quantity x price in cents, half-even."""
    return half_even(quantity * at_price, UNIT_PRICES_PER_CENT)


def fillable(quantity: int, at_price: int, step: int) -> int:
    """Return how much of a quantity, a multiple of `step`, one fill can take: below 10^12 USD."""
    if worth(quantity, at_price) < CENTS_LIMIT:
        return quantity
    # Half a cent below the limit is a tie, which goes to the limit: it is even.
    steps = (2 * CENTS_LIMIT - 1) * UNIT_PRICES_PER_CENT // (2 * at_price * step)
    if worth(steps * step, at_price) >= CENTS_LIMIT:
        steps -= 1
    return steps * step


def share(amount: int, bps: int) -> int:
    """Return basis points of an amount in cents, half-even."""
    return half_even(amount * bps, WHOLE_BPS)


def customer_price(raw: int, markup: tuple[int, int], increment: int, *, buy: bool) -> int:
    """Return the price with markup (bps, fixed), rounded to the increment against the customer."""
    sign = 1 if buy else -1
    exact = raw * (WHOLE_BPS + sign * markup[0]) + sign * markup[1] * WHOLE_BPS
    step = increment * WHOLE_BPS
    return (-(-exact // step) if buy else exact // step) * increment
