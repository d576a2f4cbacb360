"""The usual tick, read in one go: a history consists of such lines."""

import re
from collections.abc import Callable
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias

import orjson

from schemas.event import ID_LENGTH_MAX, PROVIDER_PATTERN, SYMBOL_PATTERN
from schemas.instant import USUAL_TIME_PATTERN, Micros, usual_micros
from schemas.money import PRICE_DECIMALS, Price, minor_units
from settlement.provider_quote import NEVER, ProviderQuote
from topics.catalogue import INPUT_ORDER, PRICE_TICKS

_MEMBERS = (
    "type",
    "event_id",
    "event_time",
    "provider",
    "symbol",
    "bid_price",
    "bid_size",
    "ask_price",
    "ask_size",
)
# Positive numbers with at most 15 digits; sizes as `quantity` writes them.
_PRICE = r"(?![0.]+\")(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?"
_SIZE = r"[1-9][0-9]{0,6}|(?:0|[1-9][0-9]{0,6})\.[0-9]{0,7}[1-9]"
# As JSON: no character that is escaped in it.
_ID = rf'"[^"\\\x00-\x1f]{{1,{ID_LENGTH_MAX}}}"'
_VALUES = (
    '"PriceTick"',
    f"({_ID})",
    f'"({USUAL_TIME_PATTERN[1:-1]})"',
    f'"({PROVIDER_PATTERN[1:-1]})"',
    f'"({SYMBOL_PATTERN[1:-1]})"',
    *(f'"({number})"' for number in (_PRICE, _SIZE, _PRICE, _SIZE)),
)
_read = re.compile(
    rf'\{{"topic":"{PRICE_TICKS}","value":\{{'
    + ",".join(f'"{name}":{value}' for name, value in zip(_MEMBERS, _VALUES, strict=True))
    + r"\}\}\r?\n?"
).fullmatch
_values_of = itemgetter(*_MEMBERS)


# Of a usual tick: line number, time, time as text, id as JSON, provider, symbol, then price and
# size of bid and ask, all as text.
QuoteValues: TypeAlias = tuple[int, Micros, str, str, str, str, str, str, str, str]


class QuoteLine(ProviderQuote):
    """A line of input that is a usual tick: the quote, and where it came from."""

    __slots__ = ("number", "source")
    topic = PRICE_TICKS
    rank = INPUT_ORDER.index(PRICE_TICKS)
    number: int
    source: int

    @property
    def event(self) -> ProviderQuote:
        """The quote itself."""
        return self

    @property
    def text(self) -> bytes:
        """The line itself, less what ends it."""
        sides = (self.bid_text, self.bid_size, self.ask_text, self.ask_size)
        values = (self.at_text, self.provider, self.symbol, *sides)
        members = zip(_MEMBERS[2:], values, strict=True)
        told = ",".join(f'"{name}":"{value}"' for name, value in members)
        value = f'{{"type":"PriceTick","event_id":{self.id_text},{told}}}'
        return f'{{"topic":"{PRICE_TICKS}","value":{value}}}'.encode()


_new = QuoteLine.__new__
# The same of a quote: see QuoteValues.
quote_values: Callable[[QuoteLine], QuoteValues] = attrgetter(
    "number",
    "at",
    "at_text",
    "id_text",
    "provider",
    "symbol",
    "bid_text",
    "bid_size",
    "ask_text",
    "ask_size",
)


def usual_tick(line: bytes, number: int = 0, source: int = 0) -> QuoteLine | None:
    """Read a line that is a well-formed tick with both sides, no `valid_until`, and nothing else.

    None: it is not of that kind, not well formed, or not written as `orjson` writes it. What this
    takes, `PriceTick` takes too, and reads to the same quote: a model of each tick takes longer
    than all that is decided on it.
    """
    try:
        found = _read(line.decode())
        if found is None:
            return None
        id_text, time, provider, symbol, bid, bid_size, ask, ask_size = found.groups()
        at = usual_micros(time)
    except ValueError:
        return None
    quote = quote_line((number, at, time, id_text, provider, symbol, bid, bid_size, ask, ask_size))
    quote.source = source
    return quote


def quote_line(values: QuoteValues) -> QuoteLine:
    """Return the quote that these values make; they can travel between processes."""
    quote = _new(QuoteLine)
    (
        quote.number,
        quote.at,
        quote.at_text,
        quote.id_text,
        quote.provider,
        quote.symbol,
        bid,
        quote.bid_size,
        ask,
        quote.ask_size,
    ) = values
    quote.bid = _prices[bid]
    quote.bid_text = bid
    quote.ask = _prices[ask]
    quote.ask_text = ask
    quote.positive = True
    quote.valid_until = quote.expires_at = NEVER
    quote.until_text = ""
    return quote


def usual_tick_value(value: Any) -> ProviderQuote | None:  # noqa: ANN401 - a JSON value
    """Read the value of such a tick however it was written; None as above."""
    if not isinstance(value, dict) or "valid_until" in value:
        return None
    try:
        tick = dict(zip(_MEMBERS, _values_of(value), strict=True))
        line = orjson.dumps({"topic": PRICE_TICKS, "value": tick})
    except KeyError:
        return None
    return usual_tick(line)


class _Prices(dict[str, Price]):
    """Prices by their texts: a market's move in small steps, so that the last thousands come again.

    Forgetting all of them now and then costs less than knowing which one was used last.
    """

    def __missing__(self, text: str) -> Price:
        if len(self) >= _PRICES_MAX:
            self.clear()
        value = self[text] = minor_units(text, PRICE_DECIMALS)
        return value


_PRICES_MAX = 1 << 14
_prices = _Prices()
