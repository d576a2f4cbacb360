"""Stage best_quote (BBO): the best bid and offer across providers (contract section 5)."""

from typing import NamedTuple

from schemas.best_quote import BestQuote, ProviderSize, QuoteStatus
from schemas.instant import MILLISECOND, Micros, micros, time_text
from schemas.instrument import InstrumentUpdated
from schemas.money import (
    PRICE_DECIMALS,
    UNITS_DECIMALS,
    Price,
    Units,
    price,
    quantity,
    scaled,
)
from schemas.price_tick import PriceTick
from settlement.cause import Out
from topics.catalogue import BBO
from topics.decode import Refused

NEVER: Micros = 1 << 62
# The price of a side that is not quoted: below every bid, above every ask.
NO_BID: Price = -(1 << 128)
NO_ASK: Price = 1 << 128


class ProviderQuote:
    """A provider's latest quote; a side that it does not quote has NO_BID or NO_ASK, and size 0."""

    __slots__ = (
        "ask",
        "ask_size",
        "at",
        "bid",
        "bid_size",
        "expires_at",
        "provider",
        "symbol",
        "tick_id",
        "valid_until",
    )

    def __init__(self, tick: PriceTick, at: Micros) -> None:
        """Read a tick; `at` is its own time e (contract section 4).

        Raises:
            ValueError: a number has more digits or decimals than such a number has, or one of
                price and size is missing.
        """
        self.symbol = tick.symbol
        self.tick_id = tick.event_id
        self.provider = tick.provider
        self.at = at
        self.bid, self.bid_size = _side("bid", tick.bid_price, tick.bid_size, NO_BID)
        self.ask, self.ask_size = _side("ask", tick.ask_price, tick.ask_size, NO_ASK)
        self.valid_until = _until(tick.valid_until)
        self.expires_at = self.valid_until

    def expire_after(self, stale_after: Micros) -> None:
        """Set when the quote stops counting."""
        self.expires_at = min(self.at + stale_after, self.valid_until)

    def content(self) -> tuple[int, ...]:
        """Return all but the tick's id and time: what a repeat must share."""
        return (self.bid, self.bid_size, self.ask, self.ask_size, self.valid_until)


class BestSide(NamedTuple):
    """The best price of one side, who shows it (in listed order), and until when."""

    price: Price | None
    providers: list[tuple[str, Units]]
    valid_until: Micros | None


_NO_SIDE = BestSide(None, [], None)


# What the last best quote showed: bid, who shows it, ask, who shows it.
Shown = tuple[Price | None, list[tuple[str, Units]], Price | None, list[tuple[str, Units]]]


class SymbolQuotes:
    """One symbol: its providers' quotes, its now, and the last best quote emitted."""

    __slots__ = ("decimals", "emitted", "emitted_until", "now", "quotes", "sequence", "stale_after")

    def __init__(self) -> None:
        """Start without a quote or a time; the instrument sets the rest."""
        self.decimals = 0
        self.stale_after: Micros = 0
        self.now: Micros = -1
        self.sequence = 0
        self.quotes: dict[str, ProviderQuote] = {}
        self.emitted: Shown | None = None
        self.emitted_until: tuple[Micros | None, Micros | None] = (None, None)


class Market:
    """The stage's state: all symbols of a partition."""

    __slots__ = ("symbols",)

    def __init__(self) -> None:
        """Start without any symbol."""
        self.symbols: dict[str, SymbolQuotes] = {}

    def instrument_updated(self, event: InstrumentUpdated) -> None:
        """Take an instrument's new terms; nothing is emitted before the next tick."""
        symbol = self.symbols.setdefault(event.symbol, SymbolQuotes())
        symbol.decimals = event.price_decimals
        symbol.stale_after = event.stale_after_ms * MILLISECOND
        for quote in symbol.quotes.values():
            quote.expire_after(symbol.stale_after)

    def check(self, tick: PriceTick, at: Micros) -> ProviderQuote | Refused:
        """Read a tick of the time e, or say why it is dead-lettered. Changes nothing."""
        try:
            quote = ProviderQuote(tick, at)
        except ValueError as error:
            return Refused("INVALID", str(error))
        symbol = self.symbols.get(quote.symbol)
        if symbol is None:
            return Refused("UNKNOWN_SYMBOL", f"no InstrumentUpdated for {quote.symbol}")
        latest = symbol.quotes.get(quote.provider)
        if latest is not None and latest.at == quote.at and latest.content() != quote.content():
            return Refused(
                "CONFLICT", f"{quote.provider} has another quote of {quote.symbol} at that time"
            )
        bid, ask = quote.bid, quote.ask
        if bid > ask:
            return Refused("CROSSED_TICK", "bid_price is above ask_price")
        if (bid != NO_BID and (bid <= 0 or quote.bid_size <= 0)) or (
            ask != NO_ASK and (ask <= 0 or quote.ask_size <= 0)
        ):
            return Refused("NOT_POSITIVE", "a price or size is not above 0")
        return quote

    def apply(self, quote: ProviderQuote, out: Out) -> None:
        """Apply a quote that was read; emit a `BestQuote` if there is news.

        News: a status, price, size or provider list changed, or a side's validity has moved on by
        at least half of `stale_after_ms`, or back at all.
        """
        symbol = self.symbols[quote.symbol]
        quotes = symbol.quotes
        latest = quotes.get(quote.provider)
        if latest is not None and quote.at <= latest.at:
            return
        quote.expire_after(symbol.stale_after)
        quotes[quote.provider] = quote
        now = symbol.now = max(symbol.now, quote.at)
        bid, ask = best_sides([q for q in quotes.values() if q.expires_at > now])
        shown = (bid.price, bid.providers, ask.price, ask.providers)
        if (
            shown == symbol.emitted
            and not _validity_moved(symbol.emitted_until[0], bid.valid_until, symbol.stale_after)
            and not _validity_moved(symbol.emitted_until[1], ask.valid_until, symbol.stale_after)
        ):
            return
        symbol.emitted = shown
        symbol.emitted_until = (bid.valid_until, ask.valid_until)
        symbol.sequence += 1
        event: BestQuote = {
            "type": "BestQuote",
            "event_id": f"{quote.symbol}-{symbol.sequence}",
            "event_time": time_text(now),
            "cause_id": quote.tick_id,
            "symbol": quote.symbol,
            "status": _status(bid.price, ask.price),
            "bid_price": None if bid.price is None else price(bid.price, symbol.decimals),
            "bid_size": _total_size(bid),
            "bid_providers": _provider_sizes(bid),
            "bid_valid_until": None if bid.valid_until is None else time_text(bid.valid_until),
            "ask_price": None if ask.price is None else price(ask.price, symbol.decimals),
            "ask_size": _total_size(ask),
            "ask_providers": _provider_sizes(ask),
            "ask_valid_until": None if ask.valid_until is None else time_text(ask.valid_until),
            "sequence": symbol.sequence,
        }
        out.append((BBO, quote.symbol, event))


def best_sides(quotes: list[ProviderQuote]) -> tuple[BestSide, BestSide]:
    """Return the best bid and the best ask among the quotes that count; `quotes` is used up.

    While the market is crossed, the oldest whole quote at either best price is dropped; of equally
    old ones that whose provider's name sorts last.
    """
    # Plain loops: every tick runs through here, and real markets are crossed most of the time.
    while True:
        bid, ask = NO_BID, NO_ASK
        for quote in quotes:
            if quote.bid > bid:  # noqa: PLR1730 - a call of max() costs as much as all the rest
                bid = quote.bid
            if quote.ask < ask:  # noqa: PLR1730
                ask = quote.ask
        if bid <= ask:
            break
        dropped = None
        for quote in quotes:
            if (quote.bid == bid or quote.ask == ask) and (
                dropped is None
                or quote.at < dropped.at
                or (quote.at == dropped.at and quote.provider > dropped.provider)
            ):
                dropped = quote
        quotes = [quote for quote in quotes if quote is not dropped]
    bids = [(-q.bid_size, q.at, q.provider, q.expires_at) for q in quotes if q.bid == bid]
    asks = [(-q.ask_size, q.at, q.provider, q.expires_at) for q in quotes if q.ask == ask]
    return (
        _NO_SIDE if bid == NO_BID else _best_side(bid, bids),
        _NO_SIDE if ask == NO_ASK else _best_side(ask, asks),
    )


def _best_side(best: Price, at_best: list[tuple[Units, Micros, str, Micros]]) -> BestSide:
    """List who shows the best price, by size descending, then time, then name."""
    if len(at_best) == 1:
        size, _, provider, expires_at = at_best[0]
        return BestSide(best, [(provider, -size)], expires_at)
    at_best.sort()
    return BestSide(
        best,
        [(provider, -size) for size, _, provider, _ in at_best],
        min([expires_at for _, _, _, expires_at in at_best]),
    )


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


def _validity_moved(old: Micros | None, new: Micros | None, stale_after: Micros) -> bool:
    if old is None or new is None:
        return False
    return new < old or 2 * (new - old) >= stale_after


def _status(bid: Price | None, ask: Price | None) -> QuoteStatus:
    if bid is None and ask is None:
        return "EMPTY"
    return "LOCKED" if bid == ask else "LIVE"


def _total_size(side: BestSide) -> str | None:
    if len(side.providers) == 1:
        return quantity(side.providers[0][1])
    return quantity(sum([size for _, size in side.providers])) if side.providers else None


def _provider_sizes(side: BestSide) -> list[ProviderSize]:
    return [{"provider": provider, "size": quantity(size)} for provider, size in side.providers]
