"""Stage best_quote (BBO): the best bid and offer across providers (contract section 5)."""

from operator import attrgetter
from typing import NamedTuple

from schemas.best_quote import BestQuote, ProviderSize, QuoteStatus
from schemas.instant import MILLISECOND, Micros, time_text
from schemas.instrument import InstrumentUpdated
from schemas.money import UNITS_DECIMALS, Price, price_as_written, quantity, reread
from schemas.price_tick import PriceTick
from settlement.cause import Out
from settlement.provider_quote import NEVER, NO_ASK, NO_BID, ProviderQuote
from topics.catalogue import BBO
from topics.decode import Refused

# Who shows a best price, in listed order: provider and size.
Listed = list[tuple[str, str]]
# What a best quote shows: bid, who shows it, ask, who shows it.
Shown = tuple[Price | None, Listed, Price | None, Listed]


class BestSide(NamedTuple):
    """One side of a best quote: its price, who shows it, until when; and all that as it is sent."""

    price: Price | None
    listed: Listed
    until: Micros | None
    price_text: str | None
    total: str | None
    sizes: list[ProviderSize]
    until_text: str | None


_EMPTY_SIDE = BestSide(None, [], None, None, None, [], None)


class SymbolQuotes:
    """One symbol: its providers' quotes, its now, and the last best quote emitted."""

    __slots__ = (
        "ask",
        "asks",
        "bid",
        "bids",
        "counting",
        "decimals",
        "emitted",
        "emitted_until",
        "expiry",
        "now",
        "quotes",
        "sequence",
        "stale_after",
    )

    def __init__(self) -> None:
        """Start without a quote or a time; the instrument sets the rest."""
        self.decimals = 0
        self.stale_after: Micros = 0
        self.now: Micros = -1
        self.sequence = 0
        self.quotes: dict[str, ProviderQuote] = {}
        self.emitted: Shown | None = None
        self.emitted_until: tuple[Micros | None, Micros | None] = (None, None)
        # What counts, in dropping order. None of it expires before `expiry`, so that nobody looks
        # for what is over before something may be.
        self.counting: list[ProviderQuote] = []
        self.expiry: Micros = NEVER
        # The best quotes as they were last found, and the sides that they make: what is the same
        # is not put into words again, and if both are there is no news.
        self.bids: list[ProviderQuote] | None = None
        self.asks: list[ProviderQuote] | None = None
        self.bid = self.ask = _EMPTY_SIDE

    def set_terms(self, decimals: int, stale_after: Micros) -> None:
        """Take the instrument's terms, also for the quotes that are there."""
        self.decimals = decimals
        self.stale_after = stale_after
        for quote in self.quotes.values():
            quote.expire_after(stale_after)
        self.count_all()

    def take(self, quote: ProviderQuote, latest: ProviderQuote | None) -> None:
        """Let a quote take the place of its provider's latest; now is the greatest time."""
        if latest is not None and latest.expires_at > self.now:
            self.counting.remove(latest)
        self.quotes[quote.provider] = quote
        quote.expire_after(self.stale_after)
        # Every tick runs through here, and a call of max() costs as much as all the rest.
        if quote.at > self.now:  # noqa: PLR1730 - see above
            self.now = quote.at
        if self.counting and quote.at <= self.counting[-1].at:
            self.count_all()
            return
        self.counting.append(quote)
        if quote.expires_at < self.expiry:  # noqa: PLR1730 - see above
            self.expiry = quote.expires_at
        if self.now >= self.expiry:
            self.count(self.counting)

    def count(self, quotes: list[ProviderQuote]) -> None:
        """Keep those quotes that count now, out of `quotes` in dropping order."""
        self.counting = [quote for quote in quotes if self.now < quote.expires_at]
        self.expiry = min([quote.expires_at for quote in self.counting], default=NEVER)

    def count_all(self) -> None:
        """Find what counts now among all quotes."""
        # Dropping order: oldest first; of equally old ones the provider's name that sorts last.
        by_name = sorted(self.quotes.values(), key=attrgetter("provider"), reverse=True)
        self.count(sorted(by_name, key=attrgetter("at")))
        self.bids = self.asks = None


class Market:
    """The stage's state: all symbols of a partition."""

    __slots__ = ("symbols",)

    def __init__(self) -> None:
        """Start without any symbol."""
        self.symbols: dict[str, SymbolQuotes] = {}

    def instrument_updated(self, event: InstrumentUpdated) -> None:
        """Take an instrument's new terms; nothing is emitted before the next tick."""
        symbol = self.symbols.setdefault(event.symbol, SymbolQuotes())
        symbol.set_terms(event.price_decimals, event.stale_after_ms * MILLISECOND)

    def check(self, tick: PriceTick, at: Micros) -> ProviderQuote | Refused:
        """Read a tick of the time e, or say why it is dead-lettered. Changes nothing."""
        try:
            quote = ProviderQuote(tick, at)
        except ValueError as error:
            return Refused("INVALID", str(error))
        return self.refusal(quote) or quote

    def refusal(self, quote: ProviderQuote) -> Refused | None:
        """Say why a quote that was read is dead-lettered, None if it is not. Changes nothing."""
        symbol = self.symbols.get(quote.symbol)
        if symbol is None:
            return Refused("UNKNOWN_SYMBOL", f"no InstrumentUpdated for {quote.symbol}")
        latest = symbol.quotes.get(quote.provider)
        if latest is not None and latest.at == quote.at and latest.content() != quote.content():
            return Refused(
                "CONFLICT", f"{quote.provider} has another quote of {quote.symbol} at that time"
            )
        if quote.bid > quote.ask:
            return Refused("CROSSED_TICK", "bid_price is above ask_price")
        if not quote.positive:
            return Refused("NOT_POSITIVE", "a price or size is not above 0")
        return None

    def apply(self, quote: ProviderQuote, out: Out) -> None:
        """Apply a quote that was read; emit a `BestQuote` if there is news.

        News: a status, price, size or provider list changed, or a side's validity has moved on by
        at least half of `stale_after_ms`, or back at all.
        """
        symbol = self.symbols[quote.symbol]
        latest = symbol.quotes.get(quote.provider)
        if latest is not None and quote.at <= latest.at:
            return
        symbol.take(quote, latest)
        bids, asks = best_quotes(symbol.counting)
        if bids != symbol.bids:
            symbol.bids, symbol.bid = bids, _bid_side(bids, symbol.decimals)
            if asks != symbol.asks:
                symbol.asks, symbol.ask = asks, _ask_side(asks, symbol.decimals)
        elif asks != symbol.asks:
            symbol.asks, symbol.ask = asks, _ask_side(asks, symbol.decimals)
        else:
            return
        bid, ask = symbol.bid, symbol.ask
        shown = (bid.price, bid.listed, ask.price, ask.listed)
        if (
            shown == symbol.emitted
            and not _validity_moved(symbol.emitted_until[0], bid.until, symbol.stale_after)
            and not _validity_moved(symbol.emitted_until[1], ask.until, symbol.stale_after)
        ):
            return
        symbol.emitted = shown
        symbol.emitted_until = (bid.until, ask.until)
        symbol.sequence = sequence = symbol.sequence + 1
        event: BestQuote = {
            "type": "BestQuote",
            "event_id": f"{quote.symbol}-{sequence}",
            "event_time": quote.at_text if quote.at == symbol.now else time_text(symbol.now),
            "cause_id": quote.event_id,
            "symbol": quote.symbol,
            "status": _status(bid.price, ask.price),
            "bid_price": bid.price_text,
            "bid_size": bid.total,
            "bid_providers": bid.sizes,
            "bid_valid_until": bid.until_text,
            "ask_price": ask.price_text,
            "ask_size": ask.total,
            "ask_providers": ask.sizes,
            "ask_valid_until": ask.until_text,
            "sequence": sequence,
        }
        out.append((BBO, quote.symbol, event))


def best_quotes(counting: list[ProviderQuote]) -> tuple[list[ProviderQuote], list[ProviderQuote]]:
    """Return the quotes at the best bid and at the best ask, each in listed order.

    `counting` is in dropping order: oldest first, of equally old ones the provider's name that
    sorts last.
    """
    quotes, bid, ask = _uncrossed(counting)
    bids = []
    asks = []
    for quote in quotes:
        if quote.bid == bid:
            bids.append(quote)
        if quote.ask == ask:
            asks.append(quote)
    if bid == NO_BID:
        bids = []
    elif len(bids) > 1:
        bids.sort(key=lambda q: (-q.bid_units, q.at, q.provider))
    if ask == NO_ASK:
        asks = []
    elif len(asks) > 1:
        asks.sort(key=lambda q: (-q.ask_units, q.at, q.provider))
    return bids, asks


def _uncrossed(counting: list[ProviderQuote]) -> tuple[list[ProviderQuote], Price, Price]:
    """Return what is left of the quotes, and the best bid and the best ask among that.

    While best bid > best ask, the whole quote that comes first in dropping order among those at
    either of them is dropped.
    """
    # Plain loops: every tick runs through here, and real markets are crossed most of the time. A
    # call of max() costs as much as a loop. Comparisons are strict, so that of quotes at the same
    # price the first in dropping order is found.
    bid, ask = NO_BID, NO_ASK
    if not counting:
        return counting, bid, ask
    at_bid = at_ask = counting[0]
    for quote in counting:
        if quote.bid > bid:
            bid, at_bid = quote.bid, quote
        if quote.ask < ask:
            ask, at_ask = quote.ask, quote
    if bid <= ask:
        return counting, bid, ask
    quotes = counting.copy()
    while bid > ask:
        # No quote is crossed in itself: the dropped one was at the best price of one side only.
        if at_bid.at < at_ask.at or (at_bid.at == at_ask.at and at_bid.provider > at_ask.provider):
            quotes.remove(at_bid)
            bid = NO_BID
            for quote in quotes:
                if quote.bid > bid:
                    bid, at_bid = quote.bid, quote
        else:
            quotes.remove(at_ask)
            ask = NO_ASK
            for quote in quotes:
                if quote.ask < ask:
                    ask, at_ask = quote.ask, quote
    return quotes, bid, ask


def _bid_side(bids: list[ProviderQuote], decimals: int) -> BestSide:
    """Return the side that these quotes at the best bid make."""
    if not bids:
        return _EMPTY_SIDE
    best = bids[0]
    price_text = price_as_written(best.bid_text, best.bid, decimals)
    if len(bids) == 1:
        return _alone(best, best.bid, price_text, best.bid_size)
    return _together(bids, best.bid, price_text, [(q.provider, q.bid_size) for q in bids])


def _ask_side(asks: list[ProviderQuote], decimals: int) -> BestSide:
    """Return the side that these quotes at the best ask make."""
    if not asks:
        return _EMPTY_SIDE
    best = asks[0]
    price_text = price_as_written(best.ask_text, best.ask, decimals)
    if len(asks) == 1:
        return _alone(best, best.ask, price_text, best.ask_size)
    return _together(asks, best.ask, price_text, [(q.provider, q.ask_size) for q in asks])


def _alone(quote: ProviderQuote, best: Price, price_text: str, size: str) -> BestSide:
    """One provider alone shows the best price, as is mostly so."""
    provider, until = quote.provider, quote.expires_at
    sizes: list[ProviderSize] = [{"provider": provider, "size": size}]
    return BestSide(best, [(provider, size)], until, price_text, size, sizes, time_text(until))


def _together(
    quotes: list[ProviderQuote], best: Price, price_text: str, listed: Listed
) -> BestSide:
    """Several providers show the best price: their sizes add up, the earliest expiry counts."""
    until = min(quote.expires_at for quote in quotes)
    total = quantity(sum(reread(size, UNITS_DECIMALS) for _, size in listed))
    sizes: list[ProviderSize] = [{"provider": name, "size": size} for name, size in listed]
    return BestSide(best, listed, until, price_text, total, sizes, time_text(until))


def _validity_moved(old: Micros | None, new: Micros | None, stale_after: Micros) -> bool:
    if old is None or new is None:
        return False
    return new < old or 2 * (new - old) >= stale_after


def _status(bid: Price | None, ask: Price | None) -> QuoteStatus:
    if bid is None and ask is None:
        return "EMPTY"
    return "LOCKED" if bid == ask else "LIVE"
