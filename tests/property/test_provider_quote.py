"""The usual tick, read in one go, against the model: what the one takes, the other takes alike."""

import json
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.usual_tick import usual_tick, usual_tick_value
from schemas.event import LEVELS_MAX
from schemas.price_tick import PriceTick
from settlement.provider_quote import ProviderQuote
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
    1234567890.123456 0.123456789 999999999999.99 1000000000000 999999.99999999 1000000
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
    2026-03-03T12:00:00.000000z 2026-03-03T12:00:00.000+00:00Z 2000-01-01T00:00:00.000000Z
    1999-12-31T23:59:59.999999Z 2099-12-31T23:59:59.999999Z 2100-01-01T00:00:00.000000Z
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


def line_of(value: Value) -> bytes:
    """Return the usual line of a value."""
    return orjson.dumps({"topic": "price-ticks", "value": value}) + b"\n"


def said(quote: ProviderQuote | None) -> Value | None:
    """Return all that a quote consists of."""
    if quote is None:
        return None
    return {name: getattr(quote, name) for name in ProviderQuote.__slots__}


def read_with_care(value: Value) -> ProviderQuote | None:
    event = decode("price-ticks", value)
    if isinstance(event, Refused):
        return None
    assert isinstance(event, PriceTick)
    return ProviderQuote(event, event.own_time)


def agree(line: bytes) -> bool:
    """Whether a line is read in one go; if so, then as orjson and the model read it."""
    quote = usual_tick(line)
    if quote is None:
        return False
    read = orjson.loads(line)
    assert read["topic"] == "price-ticks"
    assert said(quote) == said(read_with_care(read["value"]))
    # What a dead letter shows of it is made of what was read.
    assert quote.text == line.rstrip(b"\r\n")
    return True


def test_a_usual_tick_is_read_in_one_go() -> None:
    """So that the properties below speak of more than refusals."""
    assert agree(line_of(USUAL))
    assert said(usual_tick_value(USUAL)) == said(usual_tick(line_of(USUAL))) is not None


@given(
    st.lists(st.sampled_from(sorted(FIELDS)), max_size=2).flatmap(
        lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names})
    ),
    st.lists(st.sampled_from(sorted(FIELDS)), max_size=1),
    st.randoms(use_true_random=False),
)
def test_what_is_read_in_one_go_is_read_alike_with_care(
    changed: Value, missing: list[str], chance: Random
) -> None:
    """Up to two fields are something else, or one is missing; members come in any order."""
    value = {name: field for name, field in (USUAL | changed).items() if name not in missing}
    agree(line_of(value))
    names = list(value)
    chance.shuffle(names)
    shuffled = {name: value[name] for name in names}
    agree(line_of(shuffled))
    quote = usual_tick_value(shuffled)
    assert said(quote) == said(usual_tick_value(value))
    if quote is not None:
        assert said(quote) == said(read_with_care(value))


LINE = line_of(USUAL).decode()
MEMBERS = [f'"{name}":"{field}"' for name, field in USUAL.items()]


def with_value(members: list[str]) -> str:
    return '{"topic":"price-ticks","value":{' + ",".join(members) + "}}\n"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        pytest.param(LINE, True, id="usual"),
        pytest.param(LINE.rstrip(), True, id="no-line-end"),
        pytest.param(LINE.rstrip() + "\r\n", True, id="crlf"),
        pytest.param(LINE.replace("finex-1", "\u00e9\U0001f600/\u2028"), True, id="beyond-ascii"),
        pytest.param(LINE.replace("finex-1", "\x7f"), True, id="delete"),
        pytest.param(LINE.replace("finex-1", "\U0001f600" * 200), True, id="200-characters"),
        pytest.param(LINE.replace("finex-1", "\U0001f600" * 201), False, id="201-characters"),
        pytest.param(LINE.replace("finex-1", ""), False, id="no-id"),
        pytest.param(LINE.replace("finex-1", r"\u0041"), False, id="an-escape"),
        pytest.param(LINE.replace("finex-1", r"\"\\"), False, id="an-escaped-quote"),
        pytest.param(LINE.replace("finex-1", "a\tb"), False, id="a-tab-in-a-string"),
        pytest.param(LINE.replace("event_id", r"event\u005fid"), False, id="an-escaped-name"),
        pytest.param(LINE.replace(":", ": "), False, id="spaces"),
        pytest.param(" " + LINE, False, id="a-space-before"),
        pytest.param(LINE + "\n", False, id="two-line-ends"),
        pytest.param(LINE.rstrip() + "}\n", False, id="one-bracket-more"),
        pytest.param(LINE.rstrip()[:-1], False, id="one-bracket-less"),
        pytest.param(LINE.replace("price-ticks", "orders"), False, id="another-topic"),
        pytest.param(with_value(MEMBERS[::-1]), False, id="members-the-other-way-round"),
        pytest.param(with_value([*MEMBERS, MEMBERS[5]]), False, id="a-member-twice"),
        pytest.param(with_value([*MEMBERS, '"ask_size":null']), False, id="twice-the-last-counts"),
        pytest.param(with_value([*MEMBERS, '"valid_until":null']), False, id="valid-until"),
        pytest.param(with_value(MEMBERS[:-1]), False, id="a-member-less"),
        pytest.param(with_value([*MEMBERS, '"colour":"blue"']), False, id="a-member-more"),
        pytest.param(LINE.rstrip()[:-1] + ',"a":1}', False, id="a-member-beside-the-value"),
        pytest.param(LINE.replace('"10"', "10"), False, id="a-size-that-is-a-number"),
        pytest.param(LINE.replace('"10"', "null"), False, id="a-size-that-is-null"),
        pytest.param(LINE.replace('"10"', '"10.0"'), False, id="a-size-with-a-zero-behind"),
        pytest.param(LINE.replace('"10"', '"9999999.99999999"'), True, id="15-digits-of-a-size"),
        pytest.param(LINE.replace('"10"', '"10000000"'), False, id="8-digits-before-the-point"),
        pytest.param(LINE.replace("6238.21", "999.999999"), True, id="6-decimals"),
        pytest.param(LINE.replace("6238.21", "999.9999999"), False, id="7-decimals"),
        pytest.param(LINE.replace("6238.21", "999999999.999999"), True, id="15-digits-of-a-price"),
        pytest.param(LINE.replace("6238.21", "0.000001"), True, id="a-small-price"),
        pytest.param(LINE.replace("6238.21", "0.00"), False, id="a-price-of-nothing"),
        pytest.param(LINE.replace("6238.21", "-1"), False, id="a-price-below-zero"),
        pytest.param(LINE.replace("6238.21", "6238."), False, id="a-point-at-the-end"),
        pytest.param(LINE.replace("6238.21", "06238.21"), False, id="a-zero-before"),
        pytest.param(LINE.replace("6238.21", "\u06616238"), False, id="another-alphabet's-digit"),
        pytest.param(LINE.replace("6238.21", "7000"), True, id="crossed-is-for-the-decision"),
        pytest.param(LINE.replace("03-03T", "02-29T"), False, id="no-such-day"),
        pytest.param(LINE.replace("03-03T", "02-28T"), True, id="another-day"),
        pytest.param(LINE.replace("2026", "2028").replace("03-03T", "02-29T"), True, id="leap-day"),
        pytest.param(LINE.replace("T12:", "T24:"), False, id="no-such-hour"),
        pytest.param(LINE.replace("T12:", "T23:"), True, id="the-last-hour"),
        pytest.param(LINE.replace(":00.0", ":60.0"), False, id="a-leap-second"),
        pytest.param(LINE.replace(":00.000000", ":59.999999"), True, id="the-minute's-last"),
        pytest.param(LINE.replace(".000000Z", ".000Z"), False, id="milliseconds"),
        pytest.param(LINE.replace(".000000Z", "Z"), False, id="seconds"),
        pytest.param(LINE.replace("2026", "1969"), False, id="before-1970"),
        pytest.param(LINE.replace("2026", "9999"), False, id="beyond-the-calendar"),
        pytest.param(LINE.replace('"finex"', '"' + "a" * 33 + '"'), False, id="a-long-provider"),
        pytest.param(LINE.replace("BTCUSD", "btcusd"), False, id="a-small-symbol"),
    ],
)
def test_which_lines_are_read_in_one_go(line: str, wanted: bool) -> None:
    assert agree(line.encode()) is wanted


def test_what_is_no_text_is_not_read_in_one_go() -> None:
    for bad in (b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"):
        assert usual_tick(LINE.encode().replace(b"finex-1", bad)) is None


def test_a_value_that_is_no_tick_is_not_read_in_one_go() -> None:
    deep: Any = []
    for _ in range(LEVELS_MAX):
        deep = [deep]
    values: list[Any] = [None, 5, "x", [], {}, USUAL | {"bid_size": deep}, USUAL | {"type": "X"}]
    for value in values:
        assert usual_tick_value(value) is None


MARKS = [*'"\\,:{}01.-e \n\x00\u00e9', "null"]


@given(st.data())
def test_a_line_with_something_changed_is_read_alike_or_not_in_one_go(data: st.DataObject) -> None:
    """Up to three places of a line are cut out, doubled or overwritten, wherever they are."""
    line = data.draw(st.sampled_from([LINE, json.dumps(orjson.loads(LINE)) + "\n"]))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(line)))
        end = min(len(line), start + data.draw(st.integers(0, 4)))
        middle = data.draw(st.sampled_from([*MARKS, "", line[start:end] * 2]))
        line = line[:start] + middle + line[end:]
    try:
        agree(line.encode())
    except orjson.JSONDecodeError:
        raise AssertionError(f"read in one go, and no JSON: {line!r}") from None


@given(st.data())
def test_numbers_of_a_line_are_read_alike(data: st.DataObject) -> None:
    """Any two numbers of a line are something else."""
    changed = USUAL.copy()
    for name in data.draw(st.sets(st.sampled_from(list(USUAL)[5:]), min_size=1, max_size=2)):
        changed[name] = data.draw(st.from_regex(r"\A[0-9]{1,10}(\.[0-9]{1,9})?\Z"))
    agree(line_of(changed))
