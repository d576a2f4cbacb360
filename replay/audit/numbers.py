"""Decimal strings as integers of minor units, and the contract's roundings, read anew.

The scales are those of schemas/money.py. Nothing here is shared with the decisions.
"""

from schemas.money import BPS_DECIMALS, PRICE_DECIMALS, UNITS_DECIMALS

CENTS_DECIMALS = 2
# units x price, in 10^-26 USD: so many are a cent.
UNIT_PRICES_PER_CENT: int = 10 ** (UNITS_DECIMALS + PRICE_DECIMALS - CENTS_DECIMALS)
WHOLE_BPS: int = 10_000 * 10**BPS_DECIMALS


def minor(text: str, decimals: int) -> int:
    """Read a decimal string as an integer of 10^-`decimals`.

    Raises:
        ValueError: it is finer than that.
    """
    whole, _, fraction = text.partition(".")
    if len(fraction) > decimals:
        raise ValueError(f"{text} has more than {decimals} decimals")
    return int(whole + fraction.ljust(decimals, "0"))


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
    """quantity x price in cents, half-even."""
    return half_even(quantity * at_price, UNIT_PRICES_PER_CENT)


def share(amount: int, bps: int) -> int:
    """Basis points of an amount in cents, half-even."""
    return half_even(amount * bps, WHOLE_BPS)


def customer_price(raw: int, markup: tuple[int, int], increment: int, *, buy: bool) -> int:
    """Return the price with markup (bps and fixed), rounded to the increment against the customer."""
    sign = 1 if buy else -1
    exact = raw * (WHOLE_BPS + sign * markup[0]) + sign * markup[1] * WHOLE_BPS
    step = increment * WHOLE_BPS
    return (-(-exact // step) if buy else exact // step) * increment
