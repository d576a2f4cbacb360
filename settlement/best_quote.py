"""Stage best_quote (BBO): the best bid and offer across providers (contract section 5)."""

from typing import NamedTuple

from schemas.best_quote import BestQuote, ProviderSize, QuoteStatus
from schemas.instant import MILLISECOND, Micros, time_text
from schemas.instrument import InstrumentUpdated
from schemas.money import PRICE_DECIMALS, Price, Units, price, quantity
from schemas.price_tick import PriceTick
from settlement.cause import Out
from topics.catalogue import BBO
from topics.decode import Refused

_NEVER: Micros = 1 << 62


class Shown(NamedTuple):
    """What one provider shows on one side."""

    price: Price
    size: Units


class ProviderQuote:
    """A provider's latest quote; both sides None: withdrawn."""

    __slots__ = ("ask", "at", "bid", "expires_at", "provider", "tick")

    def __init__(self, tick: PriceTick, stale_after: Micros) -> None:
        """Take the quote as it came; `stale_after` in microseconds."""
        self.tick = tick
        self.provider = tick.provider
        self.at = tick.event_time
        self.bid = _shown(tick.bid_price, tick.bid_size)
        self.ask = _shown(tick.ask_price, tick.ask_size)
        self.expire_after(stale_after)

    def expire_after(self, stale_after: Micros) -> None:
        """Set when the quote stops counting."""
        until = self.tick.valid_until
        self.expires_at = min(self.at + stale_after, _NEVER if until is None else until)


class BestSide(NamedTuple):
    """The best price of one side, who shows it (in listed order), and until when."""

    price: Price | None
    providers: tuple[tuple[str, Units], ...]
    valid_until: Micros | None


_NO_SIDE = BestSide(None, (), None)


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
        self.emitted: tuple[object, ...] | None = None
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
        symbol.decimals = decimals_of(event.minimum_price_increment)
        symbol.stale_after = event.stale_after_ms * MILLISECOND
        for quote in symbol.quotes.values():
            quote.expire_after(symbol.stale_after)

    def refusal(self, tick: PriceTick) -> Refused | None:
        """Say why a tick is dead-lettered, None if it is not. Changes nothing."""
        symbol = self.symbols.get(tick.symbol)
        if symbol is None:
            return Refused("UNKNOWN_SYMBOL", f"no InstrumentUpdated for {tick.symbol}")
        latest = symbol.quotes.get(tick.provider)
        if latest is not None and latest.at == tick.event_time and not _same(latest.tick, tick):
            return Refused(
                "CONFLICT", f"{tick.provider} has another quote of {tick.symbol} at that time"
            )
        bid, ask = tick.bid_price, tick.ask_price
        if bid is not None and ask is not None and bid > ask:
            return Refused("CROSSED_TICK", "bid_price is above ask_price")
        for number in (bid, tick.bid_size, ask, tick.ask_size):
            if number is not None and number <= 0:
                return Refused("NOT_POSITIVE", "a price or size is not above 0")
        return None

    def tick(self, tick: PriceTick, out: Out) -> None:
        """Apply a tick that is not refused; emit a `BestQuote` if there is news.

        News: a status, price, size or provider list changed, or a side's validity has moved on by
        at least half of `stale_after_ms`, or back at all.
        """
        symbol = self.symbols[tick.symbol]
        latest = symbol.quotes.get(tick.provider)
        if latest is not None and tick.event_time <= latest.at:
            return
        symbol.quotes[tick.provider] = ProviderQuote(tick, symbol.stale_after)
        symbol.now = max(symbol.now, tick.event_time)

        bid, ask = best_sides([q for q in symbol.quotes.values() if q.expires_at > symbol.now])
        shown = (bid.price, bid.providers, ask.price, ask.providers)
        until = (bid.valid_until, ask.valid_until)
        if shown == symbol.emitted and not any(
            _validity_moved(old, new, symbol.stale_after)
            for old, new in zip(symbol.emitted_until, until, strict=True)
        ):
            return
        symbol.emitted = shown
        symbol.emitted_until = until
        symbol.sequence += 1
        event: BestQuote = {
            "type": "BestQuote",
            "event_id": f"{tick.symbol}-{symbol.sequence}",
            "event_time": time_text(symbol.now),
            "cause_id": tick.event_id,
            "symbol": tick.symbol,
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
        out.append((BBO, tick.symbol, event))


def best_sides(quotes: list[ProviderQuote]) -> tuple[BestSide, BestSide]:
    """Return the best bid and the best ask among the quotes that count.

    While the market is crossed, the oldest whole quote at either best price is dropped; of equally
    old ones that whose provider's name sorts last.
    """
    while True:
        bid = max([q.bid.price for q in quotes if q.bid is not None], default=None)
        ask = min([q.ask.price for q in quotes if q.ask is not None], default=None)
        if bid is None or ask is None or bid <= ask:
            break
        at_best = [
            q
            for q in quotes
            if (q.bid is not None and q.bid.price == bid)
            or (q.ask is not None and q.ask.price == ask)
        ]
        oldest = min(q.at for q in at_best)
        dropped = max((q for q in at_best if q.at == oldest), key=lambda q: q.provider)
        quotes = [q for q in quotes if q is not dropped]
    return (
        _best_side([(q.bid, q) for q in quotes if q.bid is not None and q.bid.price == bid]),
        _best_side([(q.ask, q) for q in quotes if q.ask is not None and q.ask.price == ask]),
    )


def _best_side(at_best: list[tuple[Shown, ProviderQuote]]) -> BestSide:
    if not at_best:
        return _NO_SIDE
    if len(at_best) > 1:
        at_best.sort(key=lambda shown: (-shown[0].size, shown[1].at, shown[1].provider))
    return BestSide(
        at_best[0][0].price,
        tuple((quote.provider, shown.size) for shown, quote in at_best),
        min(quote.expires_at for _, quote in at_best),
    )


def _shown(price: Price | None, size: Units | None) -> Shown | None:
    return None if price is None or size is None else Shown(price, size)


def _same(one: PriceTick, other: PriceTick) -> bool:
    """Whether two ticks have the same content: all but `event_id` and `event_time`."""
    return (
        one.bid_price == other.bid_price
        and one.bid_size == other.bid_size
        and one.ask_price == other.ask_price
        and one.ask_size == other.ask_size
        and one.valid_until == other.valid_until
    )


def _validity_moved(old: Micros | None, new: Micros | None, stale_after: Micros) -> bool:
    if old is None or new is None:
        return False
    return new < old or 2 * (new - old) >= stale_after


def _status(bid: Price | None, ask: Price | None) -> QuoteStatus:
    if bid is None and ask is None:
        return "EMPTY"
    return "LOCKED" if bid == ask else "LIVE"


def _total_size(side: BestSide) -> str | None:
    return quantity(sum(size for _, size in side.providers)) if side.providers else None


def _provider_sizes(side: BestSide) -> list[ProviderSize]:
    return [{"provider": provider, "size": quantity(size)} for provider, size in side.providers]


def decimals_of(increment: Price) -> int:
    """Return how many decimal places a price increment has: its prices are printed with as many."""
    places = PRICE_DECIMALS
    while places and increment % 10 == 0:
        increment //= 10
        places -= 1
    return places
