"""Decimal strings outside, integers of minor units inside (contract section 1).

A `Cents` counts 10^-2 USD, a `Units` 10^-8 of an asset, a `Price` 10^-18 USD per whole asset, a
`Bps` 10^-8 of a basis point. The scales are written here and nowhere else.
"""

import re
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

NUMBER_PATTERN = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"

# `Cents`, `Units`, `Price` and `Bps` are plain integers: the decisions are the hot path. The names
# keep the dimension for the reader; conversions between them are the named functions of
# settlement/rounding.py.
Cents = int
Units = int
Price = int
Bps = int

CENTS_DECIMALS = 2
UNITS_DECIMALS = 8
# Prices may be finer than their instrument's increment and are printed in full (section 5), so
# the scale has room for the 15 significant digits of a coin worth a thousandth of a cent.
PRICE_DECIMALS = 18
BPS_DECIMALS = 8

# Limits of what an input states (contract section 1): significant digits, and digits before the
# point. USD amounts, prices and quantities are below 10^12, rates in basis points below 10^6.
DIGITS_MAX = 15
WHOLE_DIGITS_MAX = 12
BPS_WHOLE_DIGITS_MAX = 6

DOLLAR: Cents = 10**CENTS_DECIMALS
# USD amounts are below this (contract section 1, Limits).
USD_LIMIT: Cents = 10**12 * DOLLAR
WHOLE: Units = 10**UNITS_DECIMALS
PRICE_ONE: Price = 10**PRICE_DECIMALS

_SCALE: tuple[int, ...] = tuple(int("1" + "0" * places) for places in range(PRICE_DECIMALS + 1))
_CENTS_TEXTS: tuple[str, ...] = tuple(f".{cents:02d}" for cents in range(DOLLAR))
_is_number = re.compile(NUMBER_PATTERN).fullmatch
# One fill writes the same few numbers in a dozen places: remembering the last texts saves a good
# part of a replay's time. Few of them, so that they stay in the processor's cache.
_TEXTS_REMEMBERED = 1 << 9
# Characters of a number in a message.
_SHOWN_MAX = 40


class FinerThanScaleError(ValueError):
    """A decimal string with more decimal places than its kind of number has."""


class TooManyDigitsError(ValueError):
    """A decimal string with more than 15 significant digits."""


class BeyondLimitError(ValueError):
    """A number that is too large for its kind (contract section 1, Limits)."""


@lru_cache(maxsize=_TEXTS_REMEMBERED)
def scaled(text: str, decimals: int, whole_digits: int = WHOLE_DIGITS_MAX) -> int:
    """Read a decimal string that matches `NUMBER_PATTERN` as an integer of 10^-`decimals`.

    Significant digits are counted as written, from the first that is not zero. The number is below
    10^`whole_digits`, and above its negative.

    Raises:
        FinerThanScaleError: more decimal places than `decimals` (zeros at the end do not count).
        TooManyDigitsError: more than 15 significant digits.
        BeyondLimitError: more than `whole_digits` digits before the point.
    """
    # Shorter texts have nothing to count: those are nearly all numbers.
    if len(text) > whole_digits:
        digits = text.replace(".", "").lstrip("-0")
        if len(digits) > DIGITS_MAX:
            raise TooManyDigitsError(
                f"{_start_of(text)} has more than {DIGITS_MAX} significant digits"
            )
        if len(text.partition(".")[0].lstrip("-")) > whole_digits:
            raise BeyondLimitError(f"{text} is not below 10^{whole_digits}")
    return reread(text, decimals)


@lru_cache(maxsize=_TEXTS_REMEMBERED)
def reread(text: str, decimals: int) -> int:
    """Read a number that we wrote ourselves: a sum or a product may have more than 15 digits.

    Raises:
        FinerThanScaleError: more decimal places than `decimals` (zeros at the end do not count).
    """
    whole, point, fraction = text.partition(".")
    if not point:
        return int(whole) * _SCALE[decimals]
    missing = decimals - len(fraction)
    if missing >= 0:
        return int(whole + fraction) * _SCALE[missing]
    if fraction[decimals:].strip("0"):
        raise FinerThanScaleError(f"{_start_of(text)} has more than {decimals} decimal places")
    return int(whole + fraction[:decimals])


def _start_of(text: str) -> str:
    """Return a number for a message: of a very long one, how it begins."""
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."


def minor_units(text: str, decimals: int) -> int:
    """Read a number that is known to be one, not negative, with at most `decimals` places.

    Soonest of all where few numbers come again.
    """
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(decimals, "0"))


@lru_cache(maxsize=_TEXTS_REMEMBERED)
def usd(cents: Cents) -> str:
    """Write cents as dollars with two decimals: -5 is `-0.05`."""
    if cents < 0:
        return "-" + usd(-cents)
    return f"{cents // DOLLAR}{_CENTS_TEXTS[cents % DOLLAR]}"


def json_cents(cents: Cents) -> int | str:
    """Return a sum of amounts as JSON that only tasks read, with `int`.

    Sums have no limit, and orjson writes no integer beyond 64 bits: those become text.
    """
    return cents if -(1 << 63) <= cents < 1 << 63 else str(cents)


def usd_for_a_person(cents: Cents) -> str:
    """Write cents as dollars, thousands apart: 123456 is `1,234.56`."""
    sign = "-" if cents < 0 else ""
    whole, fraction = divmod(abs(cents), DOLLAR)
    return f"{sign}{whole:,}{_CENTS_TEXTS[fraction]}"


@lru_cache(maxsize=_TEXTS_REMEMBERED)
def quantity(units: Units) -> str:
    """Write a quantity without trailing zeros."""
    if units < 0:
        return "-" + quantity(-units)
    # Cutting digits apart takes half as long as dividing them.
    digits = str(units).zfill(UNITS_DECIMALS + 1)
    whole, places = digits[:-UNITS_DECIMALS], digits[-UNITS_DECIMALS:].rstrip("0")
    return f"{whole}.{places}" if places else whole


@lru_cache(maxsize=_TEXTS_REMEMBERED)
def price(value: Price, decimals: int) -> str:
    """Write a price with `decimals` places, more if it is finer: nothing is rounded."""
    if value < 0:
        return "-" + price(-value, decimals)
    digits = str(value).zfill(PRICE_DECIMALS + 1)
    whole = digits[:-PRICE_DECIMALS]
    places = digits[-PRICE_DECIMALS:].rstrip("0").ljust(decimals, "0")
    return f"{whole}.{places}" if places else whole


def price_as_sent(text: str, decimals: int) -> str:
    """Write a price above 0 that came as `text` as `price` does, without reading it."""
    whole, _, places = text.partition(".")
    places = places.rstrip("0").ljust(decimals, "0")
    return f"{whole}.{places}" if places else whole


def price_as_written(text: str, value: Price, decimals: int) -> str:
    """Write a price that came as `text`: mostly that is how `price` writes it."""
    return text if text[-1 - decimals : -decimals] == "." else price(value, decimals)


def bps(value: Bps) -> str:
    """Write basis points without trailing zeros."""
    return quantity(value)  # the same scale


def _pattern(whole_digits: int) -> str:
    """Return the pattern of a number below 10^`whole_digits`."""
    return NUMBER_PATTERN.replace("[0-9]*", f"[0-9]{{0,{whole_digits - 1}}}", 1)


def _reader(
    decimals: int, *, signed: bool, zero: bool, whole_digits: int = WHOLE_DIGITS_MAX
) -> BeforeValidator:
    def read(value: object) -> int:
        if not isinstance(value, str) or not _is_number(value):
            raise ValueError('a decimal string such as "650.00" is wanted')
        number = scaled(value, decimals, whole_digits)
        if number < 0 and not signed:
            raise ValueError("must not be negative")
        if number == 0 and not zero:
            raise ValueError("must not be zero")
        return number

    return BeforeValidator(read)


def _wire(what: str, whole_digits: int = WHOLE_DIGITS_MAX) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": "string", "pattern": _pattern(whole_digits), "description": what}
    )


def _fits(decimals: int) -> AfterValidator:
    """Return the check of a number that stays text: its digits and decimals."""

    def check(text: str) -> str:
        scaled(text, decimals)
        return text

    return AfterValidator(check)


# What pydantic reads from the wire into an integer of minor units, and writes again.
UsdIn = Annotated[
    int,
    _reader(CENTS_DECIMALS, signed=False, zero=True),
    PlainSerializer(usd),
    _wire("USD, not negative, at most 2 decimals"),
]
PositiveUsdIn = Annotated[
    int,
    _reader(CENTS_DECIMALS, signed=False, zero=False),
    PlainSerializer(usd),
    _wire("USD, more than 0, at most 2 decimals"),
]
SignedUsdIn = Annotated[
    int,
    _reader(CENTS_DECIMALS, signed=True, zero=False),
    PlainSerializer(usd),
    _wire("USD, signed, not 0, at most 2 decimals"),
]
BpsIn = Annotated[
    int,
    _reader(BPS_DECIMALS, signed=False, zero=True, whole_digits=BPS_WHOLE_DIGITS_MAX),
    PlainSerializer(bps),
    _wire("Basis points, not negative, at most 8 decimals", BPS_WHOLE_DIGITS_MAX),
]
PriceIn = Annotated[
    int,
    _reader(PRICE_DECIMALS, signed=False, zero=True),
    PlainSerializer(lambda value: price(value, 0)),
    _wire("USD per whole asset, not negative"),
]
IncrementUnitsIn = Annotated[
    int,
    _reader(UNITS_DECIMALS, signed=False, zero=False),
    PlainSerializer(quantity),
    _wire("A quantity, more than 0, at most 8 decimals"),
]
# Its instrument writes it again, with the decimals that it came with.
IncrementPriceIn = Annotated[
    int,
    _reader(PRICE_DECIMALS, signed=False, zero=False),
    _wire("USD per whole asset, more than 0"),
]
# A tick's numbers stay text, since most are printed as they came. One that is not above 0 is the
# decision's to refuse (section 5).
PriceDecimal = Annotated[str, Field(pattern=_pattern(WHOLE_DIGITS_MAX)), _fits(PRICE_DECIMALS)]
QuantityDecimal = Annotated[str, Field(pattern=_pattern(WHOLE_DIGITS_MAX)), _fits(UNITS_DECIMALS)]
# An order's numbers stay text, too. The decision answers a bad one, also one beyond its limit, with
# the reason that section 6 gives it.
DecimalText = Annotated[str, Field(pattern=NUMBER_PATTERN)]

# What we write.
UsdText = Annotated[str, Field(pattern=r"^-?(0|[1-9][0-9]*)\.[0-9]{2}$")]
QuantityText = Annotated[str, Field(pattern=r"^-?(0|[1-9][0-9]*)(\.[0-9]{0,7}[1-9])?$")]
PriceText = Annotated[str, Field(pattern=NUMBER_PATTERN)]
