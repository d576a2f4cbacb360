"""A provider's quote: what a tick says, its prices read (contract section 5)."""

import re
from functools import lru_cache
from operator import itemgetter
from typing import Any

from schemas.event import EVENT_ID_LENGTH_MAX, PROVIDER_PATTERN, SYMBOL_PATTERN
from schemas.instant import TIME_LENGTH, Micros, micros, time_text
from schemas.money import PRICE_DECIMALS, UNITS_DECIMALS, Price, Units, quantity, reread, scaled
from schemas.price_tick import PriceTick

NEVER: Micros = 1 << 62
# The price of a side that is not quoted: below every bid, above every ask.
NO_BID: Price = -(1 << 128)
NO_ASK: Price = 1 << 128


class ProviderQuote:
    """A provider's latest quote; a side that it does not quote has NO_BID or NO_ASK, and size "0".

    `bid_text` and `ask_text` are the prices as they came. Sizes are texts as `quantity` writes
    them, so that equal sizes are equal texts: only where providers meet at the best price does
    anybody count with them.
    """

    __slots__ = (
        "ask",
        "ask_size",
        "ask_text",
        "at",
        "at_text",
        "bid",
        "bid_size",
        "bid_text",
        "event_id",
        "expires_at",
        "positive",
        "provider",
        "symbol",
        "valid_until",
    )

    def __init__(self, tick: PriceTick, at: Micros) -> None:
        """Read a tick; `at` is its own time e (contract section 4).

        Raises:
            ValueError: a number has more digits or decimals than such a number has, or one of
                price and size is missing.
        """
        self.symbol = tick.symbol
        self.event_id = tick.event_id
        self.provider = tick.provider
        self.at = at
        self.at_text = time_text(at)
        self.bid, bid_size = _side("bid", tick.bid_price, tick.bid_size, NO_BID)
        self.ask, ask_size = _side("ask", tick.ask_price, tick.ask_size, NO_ASK)
        self.bid_text, self.ask_text = tick.bid_price or "", tick.ask_price or ""
        self.bid_size, self.ask_size = quantity(bid_size), quantity(ask_size)
        # Whether each price and size that is quoted is above 0.
        self.positive = (self.bid == NO_BID or (self.bid > 0 and bid_size > 0)) and (
            self.ask == NO_ASK or (self.ask > 0 and ask_size > 0)
        )
        self.valid_until = _until(tick.valid_until)
        self.expires_at = self.valid_until

    @property
    def bid_units(self) -> Units:
        """The size of the bid."""
        return reread(self.bid_size, UNITS_DECIMALS)

    @property
    def ask_units(self) -> Units:
        """The size of the ask."""
        return reread(self.ask_size, UNITS_DECIMALS)

    def expire_after(self, stale_after: Micros) -> None:
        """Set when the quote stops counting."""
        self.expires_at = min(self.at + stale_after, self.valid_until)

    def content(self) -> tuple[object, ...]:
        """Return all but the tick's id and time: what a repeat must share."""
        return (self.bid, self.bid_size, self.ask, self.ask_size, self.valid_until)


def _side(side: str, price: str | None, size: str | None, none: Price) -> tuple[Price, Units]:
    """Read one side of a tick; a side that is not quoted has the price `none` and size 0."""
    if price is None or size is None:
        if price is not size:
            raise ValueError(f"{side}_price: {side}_price and {side}_size go together")
        return none, 0
    try:
        return scaled(price, PRICE_DECIMALS), scaled(size, UNITS_DECIMALS)
    except ValueError as error:
        name = "price" if str(error).startswith(f"{price} ") else "size"
        raise ValueError(f"{side}_{name}: {error}") from None


def _until(text: str | None) -> Micros:
    try:
        return NEVER if text is None else micros(text)
    except ValueError as error:
        raise ValueError(f"valid_until: {error}") from None


# -- the usual tick, read in one go ----------------------------------------------------------------

_HEAD = itemgetter("type", "event_id", "event_time", "provider", "symbol")
_NUMBERS = itemgetter("bid_price", "bid_size", "ask_price", "ask_size")
# Positive numbers with at most 15 digits; sizes as `quantity` writes them.
_USUAL_PRICE = r"(?![0.]+ )(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?"
_USUAL_SIZE = r"(?:[1-9][0-9]{0,6}|(?:0|[1-9][0-9]{0,6})\.[0-9]{0,7}[1-9])"
_are_usual = re.compile(f"{_USUAL_PRICE} {_USUAL_SIZE} {_USUAL_PRICE} {_USUAL_SIZE}").fullmatch
_new = ProviderQuote.__new__


def usual_quote(value: dict[str, Any]) -> ProviderQuote | None:
    """Read the JSON value of a well-formed tick that has both sides and no `valid_until`.

    None: it is not of that kind, or not well formed. What this takes, `PriceTick` takes too, and
    reads to the same quote: a history consists of such ticks, and a model of each takes longer
    than all that is decided on it.
    """
    try:
        kind, event_id, time, provider, symbol = _HEAD(value)
        numbers = _NUMBERS(value)
        if (
            kind != "PriceTick"
            or type(event_id) is not str
            or not 0 < len(event_id) <= EVENT_ID_LENGTH_MAX
            or not _is_provider(provider)
            or not _is_symbol(symbol)
            # One look at all four: a number has no space, and what is no text can't be joined.
            or not _are_usual(" ".join(numbers))
            or len(time) != TIME_LENGTH
            or "valid_until" in value
        ):
            return None
        quote = _new(ProviderQuote)
        quote.at = micros(time)
    except (KeyError, TypeError, ValueError):
        return None
    bid, bid_size, ask, ask_size = numbers
    quote.at_text = time
    quote.symbol = symbol
    quote.event_id = event_id
    quote.provider = provider
    quote.bid = _price(bid)
    quote.bid_text = bid
    quote.bid_size = bid_size
    quote.ask = _price(ask)
    quote.ask_text = ask
    quote.ask_size = ask_size
    quote.positive = True
    quote.valid_until = quote.expires_at = NEVER
    return quote


# A market's prices move in small steps, so that its last few thousand texts come again.
@lru_cache(maxsize=4096)
def _price(text: str) -> Price:
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(PRICE_DECIMALS, "0"))


# Names come again and again: remembering them costs less than matching them.
@lru_cache(maxsize=1024)
def _is_provider(text: str) -> bool:
    return re.fullmatch(PROVIDER_PATTERN, text) is not None


@lru_cache(maxsize=1024)
def _is_symbol(text: str) -> bool:
    return re.fullmatch(SYMBOL_PATTERN, text) is not None
