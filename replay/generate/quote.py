"""The market as an order's sender sees it."""

from typing import NamedTuple

from schemas.instant import Micros
from schemas.money import Cents, Units

_NEVER: Micros = 1 << 62


class Quote(NamedTuple):
    """A provider's quote as customers see it: whole cents, a missing side 0 cents."""

    symbol: str
    provider: str
    at: Micros
    until: Micros
    bid: Cents
    bid_size: Units
    ask: Cents
    ask_size: Units


class MarketLine(NamedTuple):
    """A line of the market, ready to be written; `quote` is None for an instrument."""

    at: Micros
    topic: str
    quote: Quote | None
    line: bytes


class Best(NamedTuple):
    """The market of one symbol as an order's sender sees it; both sides are there."""

    symbol: str
    bid: Cents
    bid_size: Units
    ask: Cents
    ask_size: Units


class SeenQuotes:
    """The last quote of each provider, by symbol."""

    __slots__ = ("_best", "_by_symbol", "symbols")

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self._by_symbol: dict[str, dict[str, Quote]] = {}
        # What was found last, and until when it holds if nothing new is seen.
        self._best: dict[str, tuple[Micros, Best | None]] = {}

    def see(self, quote: Quote) -> None:
        """Take the provider's newest quote."""
        providers = self._by_symbol.get(quote.symbol)
        if providers is None:
            providers = self._by_symbol[quote.symbol] = {}
            self.symbols.append(quote.symbol)
        # The newest stands last.
        providers.pop(quote.provider, None)
        providers[quote.provider] = quote
        self._best.pop(quote.symbol, None)

    def best(self, symbol: str, at: Micros) -> Best | None:
        """Return the best bid and ask that are fresh, None where a side is missing."""
        until, best = self._best.get(symbol, (at, None))
        if at >= until:
            fresh = [quote for quote in self._by_symbol[symbol].values() if quote.until > at]
            best = _best_of(fresh)
            self._best[symbol] = (min((quote.until for quote in fresh), default=_NEVER), best)
        return best


def _best_of(quotes: list[Quote]) -> Best | None:
    """Return the best bid and ask of quotes in time order.

    Of two that cross each other the older is left out.
    """
    bid: Quote | None = None
    ask: Quote | None = None
    for quote in reversed(quotes):
        if (ask is not None and quote.bid > ask.ask) or (
            bid is not None and 0 < quote.ask < bid.bid
        ):
            continue
        if quote.bid and (bid is None or quote.bid > bid.bid):
            bid = quote
        if quote.ask and (ask is None or quote.ask < ask.ask):
            ask = quote
    if bid is None or ask is None:
        return None
    return Best(bid.symbol, bid.bid, bid.bid_size, ask.ask, ask.ask_size)
