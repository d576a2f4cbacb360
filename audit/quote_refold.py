"""Best quotes out of the ticks: contract section 5 read plainly, quote by quote."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from audit import numbers
from replay.difference import DifferenceError, described
from replay.open_input import open_input
from schemas.instant import MILLISECOND, Micros, time_text
from schemas.instrument import InstrumentUpdated
from schemas.money import PRICE_DECIMALS, UNITS_DECIMALS, price, quantity
from schemas.price_tick import PriceTick

# How many providers may have a quote of one symbol (contract section 1).
_PROVIDERS_MAX = 100

_Sides = tuple[dict[str, Any], dict[str, Any]]


class _Symbol:
    """One symbol: its providers' latest ticks, its now, and the last quote that was due."""

    def __init__(self) -> None:
        self.stale_after: Micros = 0
        self.decimals = 0
        self.quotes: dict[str, _Quote] = {}
        self.now: Micros = -1
        self.sequence = 0
        self.quoted: _Sides | None = None
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


class _Level(NamedTuple):
    """The best price of a side and the ticks that show it."""

    price: int
    size_by_provider: list[tuple[str, int]]
    valid_until: Micros


class QuoteRefold:
    """Makes each best quote that is due and holds it against `bbo`."""

    def __init__(self, directory: Path) -> None:
        """Open `bbo` once more; its schema is checked elsewhere."""
        self.symbols: dict[str, _Symbol] = {}
        self.ticks = 0
        self._written = _numbered(directory / "topics" / "bbo.jsonl")

    def instrument(self, event: InstrumentUpdated) -> None:
        """Take an instrument's terms."""
        symbol = self.symbols.setdefault(event.symbol, _Symbol())
        symbol.stale_after = event.stale_after_ms * MILLISECOND
        symbol.decimals = event.price_decimals

    def refusals(self, tick: PriceTick, at: Micros) -> set[str]:
        """Return the reason for which a tick is dead-lettered; empty: it is not.

        The checks come in the order of section 5.
        """
        symbol = self.symbols.get(tick.symbol)
        if symbol is None:
            return {"UNKNOWN_SYMBOL"}
        quote = _read(tick, at)
        bid, ask = quote.bid_price, quote.ask_price
        if bid is not None and ask is not None and bid > ask:
            return {"CROSSED_TICK"}
        stated = (bid, quote.bid_size, ask, quote.ask_size)
        if any(number is not None and number <= 0 for number in stated):
            return {"NOT_POSITIVE"}
        now = max(symbol.now, at)
        others = [
            other
            for other in symbol.quotes.values()
            if other.provider != tick.provider and not symbol.is_stale(other, now)
        ]
        return {"TOO_MANY_PROVIDERS"} if len(others) >= _PROVIDERS_MAX else set()

    def tick(self, tick: PriceTick, at: Micros) -> None:
        """Apply a tick that counts; if a best quote is due, `bbo` has to hold it next.

        Raises:
            DifferenceError: it does not.
        """
        self.ticks += 1
        symbol = self.symbols[tick.symbol]
        before = symbol.quotes.get(tick.provider)
        quote = _read(tick, at)
        if before is not None and (at < before.at or quote == before):
            return
        symbol.now = max(symbol.now, at)
        symbol.quotes[tick.provider] = quote
        for kept in list(symbol.quotes.values()):
            if symbol.is_stale(kept, symbol.now):
                del symbol.quotes[kept.provider]
        bid, ask = _best(symbol)
        sides = (_side("bid", bid, symbol.decimals), _side("ask", ask, symbol.decimals))
        until = (bid and bid.valid_until, ask and ask.valid_until)
        if sides == symbol.quoted and not _validity_is_news(symbol, until):
            return
        symbol.quoted, symbol.valid_until = sides, until
        symbol.sequence += 1
        status = "LIVE"
        if bid is None and ask is None:
            status = "EMPTY"
        elif bid is not None and ask is not None and bid.price == ask.price:
            status = "LOCKED"
        self._expect(
            {
                "type": "BestQuote",
                "event_id": f"{tick.symbol}-{symbol.sequence}",
                "event_time": time_text(symbol.now),
                "cause_id": tick.event_id,
                "symbol": tick.symbol,
                "status": status,
                **sides[0],
                "bid_valid_until": None if until[0] is None else time_text(until[0]),
                **sides[1],
                "ask_valid_until": None if until[1] is None else time_text(until[1]),
                "sequence": symbol.sequence,
            }
        )

    def nothing_more(self) -> None:
        """Demand that no further quote was written.

        Raises:
            DifferenceError: one was.
        """
        surplus = next(self._written, None)
        if surplus is not None:
            number, event = surplus
            raise DifferenceError(
                f"topics/bbo.jsonl line {number}",
                "no tick makes it",
                expected="no such event",
                found=described(event),
                event_id=event["event_id"],
            )

    def _expect(self, expected: dict[str, Any]) -> None:
        number, event = next(self._written, (0, None))
        if event == expected:
            return
        place = f"topics/bbo.jsonl line {number}" if number else "topics/bbo.jsonl end"
        if event is None or event.get("event_id") != expected["event_id"]:
            raise DifferenceError(
                place,
                "the next event",
                expected=described(expected),
                found="none" if event is None else described(event),
                event_id=expected["event_id"],
            )
        field = next(field for field in expected if expected[field] != event.get(field))
        raise DifferenceError(
            place,
            field,
            expected=expected[field],
            found=event.get(field),
            event_id=expected["event_id"],
        )


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


def _best(symbol: _Symbol) -> tuple[_Level | None, _Level | None]:
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


def _level(symbol: _Symbol, best: int | None, shown: list[tuple[_Quote, int]]) -> _Level | None:
    """Return a side's best level; `shown`: the quotes at it, and their sizes."""
    if best is None:
        return None
    shown.sort(key=lambda one: (-one[1], one[0].at, one[0].provider))
    return _Level(
        best,
        [(quote.provider, size) for quote, size in shown],
        min(symbol.expiry(quote) for quote, _ in shown),
    )


def _side(name: str, level: _Level | None, decimals: int) -> dict[str, Any]:
    if level is None:
        return {f"{name}_price": None, f"{name}_size": None, f"{name}_providers": []}
    return {
        f"{name}_price": price(level.price, decimals),
        f"{name}_size": quantity(sum(size for _, size in level.size_by_provider)),
        f"{name}_providers": [
            {"provider": provider, "size": quantity(size)}
            for provider, size in level.size_by_provider
        ],
    }


def _validity_is_news(symbol: _Symbol, until: tuple[Micros | None, Micros | None]) -> bool:
    """Whether a side's validity moved back, or on by at least half of `stale_after_ms`."""
    return any(
        new < old or (new - old) * 2 >= symbol.stale_after
        for old, new in zip(symbol.valid_until, until, strict=True)
        if old is not None and new is not None
    )


def _numbered(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with open_input(path) as lines:
        for number, line in enumerate(lines, 1):
            yield number, orjson.loads(line)
