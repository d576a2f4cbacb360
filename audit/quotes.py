"""Best quotes out of the ticks: contract section 5 read plainly, quote by quote."""

from typing import NamedTuple

from audit import numbers
from audit.cause import emitted
from audit.topic_file import TopicFile
from schemas.instant import MILLISECOND, Micros, time_text
from schemas.instrument import InstrumentUpdated
from schemas.money import PRICE_DECIMALS, UNITS_DECIMALS, price, quantity
from schemas.price_tick import PriceTick

# How many providers may have a quote of one symbol (contract section 1).
_PROVIDERS_MAX = 100

_Printed = tuple[str | None, str | None, list[dict[str, str]]]
_EMPTY: _Printed = (None, None, [])


class _Symbol:
    """One symbol: its providers' latest ticks, its now, and the last quote that was due."""

    def __init__(self) -> None:
        self.stale_after: Micros = 0
        self.decimals = 0
        self.quotes: dict[str, _Quote] = {}
        self.now: Micros = -1
        self.sequence = 0
        self.quoted: tuple[_Printed, _Printed] | None = None
        self.valid_until: tuple[Micros | None, Micros | None] = (None, None)

    def is_stale(self, quote: "_Quote", now: Micros) -> bool:
        return now >= quote.at + self.stale_after

    def expiry(self, quote: "_Quote") -> Micros:
        stale = quote.at + self.stale_after
        return stale if quote.valid_until is None else min(stale, quote.valid_until)


class _Quote(NamedTuple):
    """A provider's tick in minor units; a side that it does not quote is None."""

    provider: str
    at: Micros
    bid_price: int | None
    bid_size: int | None
    ask_price: int | None
    ask_size: int | None
    valid_until: Micros | None


class Side(NamedTuple):
    """One side of a best quote: its price, size, the providers in listed order, its validity."""

    price: int
    size: int
    providers: list[tuple[str, int]]
    valid_until: Micros

    def printed(self, decimals: int) -> _Printed:
        """Return its price, size and providers as an event has them."""
        listed = [{"provider": name, "size": quantity(size)} for name, size in self.providers]
        return price(self.price, decimals), quantity(self.size), listed


class Quote(NamedTuple):
    """One best quote; a side that nobody quotes is None."""

    symbol: str
    sequence: int
    bid: Side | None
    ask: Side | None

    @property
    def event_id(self) -> str:
        """`{symbol}-{sequence}` (section 3)."""
        return f"{self.symbol}-{self.sequence}"

    def taken(self, *, buy: bool, at: Micros) -> Side | None:
        """Return the side that an order decided at `at` may take, None if it is empty."""
        side = self.ask if buy else self.bid
        return None if side is None or at >= side.valid_until else side


class QuoteAudit:
    """Computes each best quote that is due; `bbo` must have it next."""

    def __init__(self, bbo: TopicFile) -> None:
        """Take the topic of the best quotes."""
        self.bbo = bbo
        self.symbols: dict[str, _Symbol] = {}

    def instrument(self, event: InstrumentUpdated) -> None:
        """Take an instrument's terms."""
        symbol = self.symbols.setdefault(event.symbol, _Symbol())
        symbol.stale_after = event.stale_after_ms * MILLISECOND
        symbol.decimals = event.price_decimals

    def refusal(self, tick: PriceTick, at: Micros) -> str | None:
        """Return the reason for which a tick is dead-lettered; None: it is not.

        The checks come in the order of section 5.
        """
        symbol = self.symbols.get(tick.symbol)
        if symbol is None:
            return "UNKNOWN_SYMBOL"
        quote = _read(tick, at)
        bid, ask = quote.bid_price, quote.ask_price
        if bid is not None and ask is not None and bid > ask:
            return "CROSSED_TICK"
        stated = (bid, quote.bid_size, ask, quote.ask_size)
        if any(number is not None and number <= 0 for number in stated):
            return "NOT_POSITIVE"
        now = max(symbol.now, at)
        others = [
            other
            for other in symbol.quotes.values()
            if other.provider != tick.provider and not symbol.is_stale(other, now)
        ]
        return "TOO_MANY_PROVIDERS" if len(others) >= _PROVIDERS_MAX else None

    def tick(self, tick: PriceTick, at: Micros) -> Quote | None:
        """Apply a tick that is not refused; return the best quote that it makes due, if any.

        Raises:
            DifferenceError: the next quote on `bbo` is another.
        """
        symbol = self.symbols[tick.symbol]
        before = symbol.quotes.get(tick.provider)
        quote = _read(tick, at)
        if before is not None and (at < before.at or quote == before):
            return None
        symbol.now = max(symbol.now, at)
        symbol.quotes[tick.provider] = quote
        for kept in list(symbol.quotes.values()):
            if symbol.is_stale(kept, symbol.now):
                del symbol.quotes[kept.provider]
        bid, ask = _best(symbol)
        printed = (
            bid.printed(symbol.decimals) if bid else _EMPTY,
            ask.printed(symbol.decimals) if ask else _EMPTY,
        )
        until = (bid and bid.valid_until, ask and ask.valid_until)
        if printed == symbol.quoted and not _validity_is_news(symbol, until):
            return None
        symbol.quoted, symbol.valid_until = printed, until
        symbol.sequence += 1
        best = Quote(tick.symbol, symbol.sequence, bid, ask)
        status = "LIVE" if bid or ask else "EMPTY"
        if bid and ask and bid.price == ask.price:
            status = "LOCKED"
        expected = emitted("BestQuote", best.event_id, time_text(symbol.now), tick.event_id)
        expected.update(symbol=tick.symbol, status=status, sequence=best.sequence)
        for name, side, side_until in zip(("bid", "ask"), printed, until, strict=True):
            expected[f"{name}_price"], expected[f"{name}_size"], expected[f"{name}_providers"] = (
                side
            )
            expected[f"{name}_valid_until"] = None if side_until is None else time_text(side_until)
        self.bbo.expect(expected)
        return best


def _read(tick: PriceTick, at: Micros) -> _Quote:
    """Read a tick's numbers."""
    prices = [
        None if text is None else numbers.stated(text, PRICE_DECIMALS)
        for text in (tick.bid_price, tick.ask_price)
    ]
    sizes = [
        None if text is None else numbers.stated(text, UNITS_DECIMALS)
        for text in (tick.bid_size, tick.ask_size)
    ]
    return _Quote(tick.provider, at, prices[0], sizes[0], prices[1], sizes[1], tick.valid_until)


def _best(symbol: _Symbol) -> tuple[Side | None, Side | None]:
    counting = [quote for quote in symbol.quotes.values() if symbol.now < symbol.expiry(quote)]
    while True:
        bids = [quote.bid_price for quote in counting if quote.bid_price is not None]
        asks = [quote.ask_price for quote in counting if quote.ask_price is not None]
        bid, ask = max(bids, default=None), min(asks, default=None)
        if bid is None or ask is None or bid <= ask:
            shown_bid = [(q, q.bid_size or 0) for q in counting if q.bid_price == bid]
            shown_ask = [(q, q.ask_size or 0) for q in counting if q.ask_price == ask]
            return (_level(symbol, bid, shown_bid), _level(symbol, ask, shown_ask))
        at_best = [quote for quote in counting if bid == quote.bid_price or ask == quote.ask_price]
        at_best.sort(key=lambda quote: quote.provider, reverse=True)
        counting.remove(min(at_best, key=lambda quote: quote.at))


def _level(symbol: _Symbol, best: int | None, shown: list[tuple[_Quote, int]]) -> Side | None:
    """Return a side's best level; `shown`: the quotes at it, and their sizes."""
    if best is None:
        return None
    shown.sort(key=lambda one: (-one[1], one[0].at, one[0].provider))
    return Side(
        best,
        sum(size for _, size in shown),
        [(quote.provider, size) for quote, size in shown],
        min(symbol.expiry(quote) for quote, _ in shown),
    )


def _validity_is_news(symbol: _Symbol, until: tuple[Micros | None, Micros | None]) -> bool:
    """Whether a side's validity moved back, or on by at least half of `stale_after_ms`."""
    return any(
        new < old or (new - old) * 2 >= symbol.stale_after
        for old, new in zip(symbol.valid_until, until, strict=True)
        if old is not None and new is not None
    )
