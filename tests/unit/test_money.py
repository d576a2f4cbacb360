"""Decimal strings outside, integers inside (contract section 1)."""

from typing import Any

import pytest

from schemas.money import (
    FinerThanScaleError,
    TooManyDigitsError,
    bps,
    minor_units,
    price,
    price_as_sent,
    quantity,
    scaled,
    usd,
    usd_for_a_person,
)
from tests.story import Story

ONE = 10**18  # a price of 1 USD


@pytest.mark.parametrize(
    ("text", "decimals", "number"),
    [
        pytest.param("650.00", 2, 65_000, id="dollars-and-cents"),
        pytest.param("650", 2, 65_000, id="no-decimals"),
        pytest.param("650.5", 2, 65_050, id="fewer-decimals"),
        pytest.param("650.5000", 2, 65_050, id="zeros-beyond-the-scale"),
        pytest.param("0.00000001", 8, 1, id="smallest-quantity"),
        pytest.param("-0.05", 2, -5, id="negative-below-one"),
        pytest.param("-12.3", 2, -1_230, id="negative"),
        pytest.param("0", 2, 0, id="zero"),
        pytest.param("-0.00", 2, 0, id="negative-zero"),
        pytest.param("999999999999.999", 3, 999_999_999_999_999, id="fifteen-digits"),
        pytest.param("999999999999", 2, 99_999_999_999_900, id="the-largest-dollar"),
        pytest.param("-99999.9999999999", 10, -999_999_999_999_999, id="fifteen-digits-negative"),
        pytest.param("0.000123456789012345", 18, 123_456_789_012_345, id="zeros-in-front-are-free"),
    ],
)
def test_reads_exactly(text: str, decimals: int, number: int) -> None:
    assert scaled(text, decimals) == number
    if not text.startswith("-") and len(text.partition(".")[2]) <= decimals:
        assert minor_units(text, decimals) == number


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1234567890123456", id="sixteen-before-the-point"),
        pytest.param("12345678.90123456", id="sixteen-in-all"),
        pytest.param("0.0001234567890123456", id="sixteen-after-zeros"),
        pytest.param("1.000000000000000", id="zeros-at-the-end-count-as-written"),
        pytest.param("-1.234567890123456", id="sixteen-negative"),
    ],
)
def test_sixteen_significant_digits_are_too_many(text: str) -> None:
    with pytest.raises(TooManyDigitsError):
        scaled(text, 18)


@pytest.mark.parametrize(
    ("text", "decimals"),
    [
        pytest.param("0.001", 2, id="a-tenth-of-a-cent"),
        pytest.param("0.000000001", 8, id="a-tenth-of-a-unit"),
        pytest.param("-650.005", 2, id="half-a-cent"),
    ],
)
def test_never_rounds_what_is_finer_than_the_scale(text: str, decimals: int) -> None:
    with pytest.raises(FinerThanScaleError):
        scaled(text, decimals)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(650.0, id="float"),
        pytest.param(650, id="integer"),
        pytest.param(True, id="boolean"),
        pytest.param("", id="empty"),
        pytest.param("650.", id="no-digit-after-the-point"),
        pytest.param(".5", id="no-digit-before-the-point"),
        pytest.param("+650.00", id="plus-sign"),
        pytest.param("0650.00", id="leading-zero"),
        pytest.param("6.5e2", id="exponent"),
        pytest.param("1,000.00", id="thousands"),
        pytest.param(" 650.00", id="blank-before"),
        pytest.param("650.00 ", id="blank-after"),
        pytest.param("650.00\n", id="line-end"),
        pytest.param("6_5", id="underscore"),
        pytest.param("٦٥٠", id="arabic-digits"),
        pytest.param("NaN", id="nan"),
        pytest.param("Infinity", id="infinity"),
        pytest.param("--1", id="two-signs"),
        pytest.param("1234567890123456", id="sixteen-digits"),
        pytest.param("0.0000000000000000001", id="finer-than-18-decimals"),
    ],
)
def test_what_is_no_decimal_string_is_dead_lettered(number: object) -> None:
    """No floats, anywhere: a tick's price of 650.0 is refused, and the market does not move."""
    happened = Story().tick(bid="640.00", ask_price=number, ask_size="1")
    assert happened.types() == ["DeadLetter"]
    letter = happened.one("DeadLetter")
    assert letter["reason"] == "INVALID"
    assert letter["detail"].startswith("ask_price: ")


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        pytest.param(65_000, "650.00", id="two-decimals-always"),
        pytest.param(5, "0.05", id="below-a-dime"),
        pytest.param(-5, "-0.05", id="negative-below-a-dollar"),
        pytest.param(-65_010, "-650.10", id="negative"),
        pytest.param(0, "0.00", id="zero"),
        pytest.param(123_456_789_012_345, "1234567890123.45", id="large"),
    ],
)
def test_dollars_have_two_decimals(cents: int, text: str) -> None:
    assert usd(cents) == text


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        pytest.param(99_999, "999.99", id="below-a-thousand"),
        pytest.param(100_000, "1,000.00", id="a-thousand"),
        pytest.param(123_456_789_012_345, "1,234,567,890,123.45", id="large"),
        pytest.param(-5, "-0.05", id="negative-below-a-dollar"),
        pytest.param(-224_759_657, "-2,247,596.57", id="negative"),
        pytest.param(0, "0.00", id="zero"),
    ],
)
def test_a_person_reads_dollars_with_thousands_apart(cents: int, text: str) -> None:
    assert usd_for_a_person(cents) == text


@pytest.mark.parametrize(
    ("units", "text"),
    [
        pytest.param(150_000_000, "1.5", id="no-trailing-zeros"),
        pytest.param(100_000_000, "1", id="whole"),
        pytest.param(1_000_000_000, "10", id="zeros-before-the-point-stay"),
        pytest.param(1, "0.00000001", id="eight-decimals"),
        pytest.param(-1_050_000_000, "-10.5", id="negative"),
        pytest.param(-1, "-0.00000001", id="negative-smallest"),
        pytest.param(0, "0", id="zero"),
    ],
)
def test_a_quantity_has_no_trailing_zeros(units: int, text: str) -> None:
    assert quantity(units) == text
    assert bps(units) == text


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        pytest.param(650 * ONE, 2, "650.00", id="padded-to-the-scale"),
        pytest.param(650 * ONE, 0, "650", id="whole-increments"),
        pytest.param(650 * ONE + ONE // 1000, 2, "650.001", id="finer-is-printed-in-full"),
        pytest.param(1, 2, "0.000000000000000001", id="finest"),
        pytest.param(ONE // 10, 8, "0.10000000", id="eight-places"),
        pytest.param(-ONE // 4, 2, "-0.25", id="negative"),
        pytest.param(-12 * ONE - 1, 2, "-12.000000000000000001", id="negative-finest"),
        pytest.param(0, 2, "0.00", id="zero"),
    ],
)
def test_a_price_is_printed_at_its_scale(value: int, decimals: int, text: str) -> None:
    assert price(value, decimals) == text


@pytest.mark.parametrize("decimals", [0, 1, 2, 8])
@pytest.mark.parametrize(
    "text", ["650", "650.5", "650.50", "650.05", "650.0000", "650.123456", "0.1", "0.000001", "10"]
)
def test_a_price_is_sent_as_if_it_had_been_read(text: str, decimals: int) -> None:
    assert price_as_sent(text, decimals) == price(scaled(text, 18), decimals)


# increment, the ask as it comes in, the ask as it goes out
_SCALES: list[Any] = [
    pytest.param("0.01", "100", "100.00", id="cents"),
    pytest.param("0.00001", "0.5", "0.50000", id="five-decimals"),
    pytest.param("0.05", "100.1", "100.10", id="five-cents"),
    pytest.param("1", "100.00", "100", id="dollars"),
    pytest.param("10", "100.00", "100", id="ten-dollars"),
    pytest.param("0.01", "100.0050", "100.005", id="finer-than-the-increment"),
]


@pytest.mark.parametrize(("increment", "ask", "printed"), _SCALES)
def test_events_print_prices_at_the_scale_of_the_increment(
    increment: str, ask: str, printed: str
) -> None:
    story = Story()
    story.instrument(minimum_price_increment=increment)
    quote = story.tick(ask=ask).one("BestQuote")
    assert quote["ask_price"] == printed
    execution = story.order("o1", quantity="4").one("Execution")
    assert execution["quote_price"] == printed
