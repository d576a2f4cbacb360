"""A provider's quote: what a tick says, its prices read (contract section 5)."""

import orjson

from schemas.instant import Micros, new_time_text, time_text
from schemas.money import PRICE_DECIMALS, UNITS_DECIMALS, Price, Units, quantity, reread
from schemas.price_tick import PriceTick

NEVER: Micros = 1 << 62
# The price of a side that is not quoted: below every bid, above every ask.
NO_BID: Price = -(1 << 128)
NO_ASK: Price = 1 << 128


class ProviderQuote:
    """A provider's latest quote; a side that it does not quote has NO_BID or NO_ASK, and size "0".

    `id_text` is the tick's id as JSON, `bid_text` and `ask_text` are the prices as they came. Sizes
    are texts as `quantity` writes them, so that equal sizes are equal texts: only where providers
    meet at the best price does anybody count with them. `until_text`: `expires_at` in words, once
    somebody asked for it.
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
        "expires_at",
        "id_text",
        "positive",
        "provider",
        "symbol",
        "until_text",
        "valid_until",
    )

    def __init__(self, tick: PriceTick, at: Micros) -> None:
        """Read a tick; `at` is its own time e (contract section 4)."""
        self.symbol = tick.symbol
        self.id_text = orjson.dumps(tick.event_id).decode()
        self.provider = tick.provider
        self.at = at
        self.at_text = time_text(at)
        self.bid, bid_size = _side(tick.bid_price, tick.bid_size, NO_BID)
        self.ask, ask_size = _side(tick.ask_price, tick.ask_size, NO_ASK)
        self.bid_text, self.ask_text = tick.bid_price or "", tick.ask_price or ""
        self.bid_size, self.ask_size = quantity(bid_size), quantity(ask_size)
        # Whether each price and size that is quoted is above 0.
        self.positive = (self.bid == NO_BID or (self.bid > 0 and bid_size > 0)) and (
            self.ask == NO_ASK or (self.ask > 0 and ask_size > 0)
        )
        self.valid_until = NEVER if tick.valid_until is None else tick.valid_until
        self.expires_at = self.valid_until
        self.until_text = ""

    @property
    def event_id(self) -> str:
        """The tick's id."""
        event_id: str = orjson.loads(self.id_text)
        return event_id

    def expire_after(self, stale_after: Micros) -> None:
        """Set when the quote stops counting."""
        self.expires_at = min(self.at + stale_after, self.valid_until)
        self.until_text = ""

    def say_until(self) -> str:
        """Return when the quote stops counting, as text; it is kept until that changes."""
        self.until_text = new_time_text(self.expires_at)
        return self.until_text

    def content(self) -> tuple[object, ...]:
        """Return all but the tick's id and time: what a repeat must share."""
        return (self.bid, self.bid_size, self.ask, self.ask_size, self.valid_until)


def _side(price: str | None, size: str | None, none: Price) -> tuple[Price, Units]:
    """Read one side of a tick; a side that is not quoted has the price `none` and size 0."""
    if price is None or size is None:
        return none, 0
    return reread(price, PRICE_DECIMALS), reread(size, UNITS_DECIMALS)
