"""The usual tick, read in one go, against the model: what the one takes, the other takes alike."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.price_tick import PriceTick
from settlement.provider_quote import ProviderQuote, usual_quote
from topics.decode import Refused, decode

Value = dict[str, Any]

USUAL: Value = {
    "type": "PriceTick",
    "event_id": "finex-1",
    "event_time": "2026-03-03T12:00:00.000000Z",
    "provider": "finex",
    "symbol": "BTCUSD",
    "bid_price": "6238.21",
    "bid_size": "0.123",
    "ask_price": "6240.79",
    "ask_size": "10",
}

ODD_NUMBERS = """
    0 0.0 0.10 10 1. .5 01 -1 +1 1e3 1_0 \u0661 999999999.999999 9999999.99999999
    1234567890.123456 0.123456789
"""
NUMBERS: st.SearchStrategy[Any] = st.one_of(
    st.from_regex(r"\A(0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?\Z"),
    st.text("0123456789. -+e_\u0661", max_size=6),
    st.sampled_from([*ODD_NUMBERS.split(), "1 2", "1\n", ""]),
    st.sampled_from([None, 5, 5.0, True, [], {}]),
)
ODD_TIMES = """
    2026-02-30T12:00:00.000000Z 2026-03-03T24:00:00.000000Z 2026-W10-2T12:00:00.00000Z
    2026-W10-2T12:00:00.000000Z 20260303T120000.0000000Z 2026-03-03T12:00:00,000000Z
    2026-03-03T12:00:60.000000Z 2026-03-03T12:00:00Z 1969-12-31T23:59:59.999999Z
    9999-01-01T00:00:00.000000Z 1970-01-01T00:00:00.0Z 2026-03-03T12:00:00.00000\u0661Z
    2026-03-03T12:00:00.000000z 2026-03-03T12:00:00.000+00:00Z
"""
TIMES: st.SearchStrategy[Any] = st.one_of(
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.sampled_from([*ODD_TIMES.split(), "2026-03-03 12:00:00.000000Z", "", None, 5]),
)
NAMES: st.SearchStrategy[Any] = st.one_of(
    st.from_regex(r"\A[A-Za-z0-9_.-]{1,40}\Z"),
    st.text(max_size=3),
    st.sampled_from(["", "BTCUSD\n", "a" * 33, "A" * 21, None, 5, []]),
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["PriceTick", "PriceTicks", None, 5]),
    "event_id": st.one_of(st.text(max_size=3), st.sampled_from(["a" * 200, "a" * 201, None, 5])),
    "event_time": TIMES,
    "provider": NAMES,
    "symbol": NAMES,
    "bid_price": NUMBERS,
    "bid_size": NUMBERS,
    "ask_price": NUMBERS,
    "ask_size": NUMBERS,
    "valid_until": TIMES,
    "colour": st.sampled_from(["blue", None]),
}


def said(quote: ProviderQuote | None) -> Value | None:
    """Return all that a quote consists of; of the prices' texts only that there are some."""
    if quote is None:
        return None
    return {name: getattr(quote, name) for name in ProviderQuote.__slots__}


def read_with_care(value: Value) -> ProviderQuote | None:
    event = decode("price-ticks", value)
    if isinstance(event, Refused):
        return None
    assert isinstance(event, PriceTick)
    try:
        return ProviderQuote(event, event.own_time)
    except ValueError:
        return None


def test_a_usual_tick_is_read_in_one_go() -> None:
    """So that the property below speaks of more than refusals."""
    assert said(usual_quote(USUAL)) == said(read_with_care(USUAL))
    assert usual_quote(USUAL) is not None


@given(
    st.lists(st.sampled_from(sorted(FIELDS)), max_size=2).flatmap(
        lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names})
    ),
    st.lists(st.sampled_from(sorted(FIELDS)), max_size=1),
)
def test_what_is_read_in_one_go_is_read_alike_with_care(changed: Value, missing: list[str]) -> None:
    """Up to two fields are something else, or one is missing."""
    value = {name: field for name, field in (USUAL | changed).items() if name not in missing}
    quote = usual_quote(value)
    if quote is not None:
        assert said(quote) == said(read_with_care(value))
