"""Task market: the best bid and offer, and what every account partition must know of the world."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import orjson
from typing_extensions import override

from pipeline.market_feed import forwarded
from pipeline.task import Change, Head, Record, Task, read_outside
from schemas.client import ClientUpdated
from schemas.instant import Micros, time_text
from schemas.instrument import InstrumentUpdated
from schemas.money import PRICE_DECIMALS, price, reread
from schemas.price_tick import PriceTick
from settlement.best_quote import BestSide, Market, SymbolQuotes, listed
from settlement.cause import Out
from settlement.provider_quote import NEVER, NO_ASK, NO_BID, ProviderQuote
from topics.catalogue import BBO, CLIENTS, INSTRUMENTS, MARKET_FEED, MARKET_TASK, PRICE_TICKS
from topics.decode import Refused

_TIME = b"time"
_SYMBOL = b"symbol|"


class MarketTask(Task):
    """Each best quote goes to `bbo` and, in the same transaction, to every account partition.

    So do instruments and clients: nothing is looked up at the side.
    """

    name: ClassVar[str] = MARKET_TASK
    inputs: ClassVar[tuple[str, ...]] = (CLIENTS, INSTRUMENTS, PRICE_TICKS)
    writes: ClassVar[tuple[str, ...]] = (BBO, MARKET_FEED)

    def __init__(self, partition: int, partitions: int) -> None:
        """Start without any symbol."""
        super().__init__(partition, partitions)
        self.market = Market()
        self._now: Micros | None = None
        self._touched: set[str] = set()
        self._time_written: Micros | None = None

    @property
    @override
    def now(self) -> Micros | None:
        return self._now

    @override
    def read(self, record: Record) -> Head:
        return read_outside(record, self.partitions)

    @override
    def waits(self, head: Head) -> bool:
        return False

    @override
    def apply(self, head: Head, out: Out) -> Iterator[None]:
        yield from ()
        event: Any = head.event
        if not isinstance(event, Refused):
            self._now = max(self._now or 0, head.at)
        if isinstance(event, InstrumentUpdated):
            event = self.market.instrument_refusal(event) or event
        if isinstance(event, PriceTick):
            quote = self.market.check(event, head.at)
            if isinstance(quote, Refused):
                event = quote
            else:
                before = len(out)
                self.market.apply(quote, out)
                out += [(MARKET_FEED, "", emitted) for _, _, emitted in out[before:]]
                self._touched.add(quote.symbol)
        if isinstance(event, Refused):
            self.refuse(head, event, out)
            return
        if isinstance(event, InstrumentUpdated):
            self.market.instrument_updated(event)
            self._touched.add(event.symbol)
        if isinstance(event, InstrumentUpdated | ClientUpdated):
            out.append((MARKET_FEED, "", forwarded(event, head.at)))

    @override
    def changes(self) -> Iterator[Change]:
        if self._now is not None and self._now != self._time_written:
            self._time_written = self._now
            yield _TIME, orjson.dumps(self._now)
        for symbol in sorted(self._touched):
            yield _SYMBOL + symbol.encode(), orjson.dumps(_record(self.market.symbols[symbol]))
        self._touched.clear()

    @override
    def restore(self, key: bytes, value: bytes) -> None:
        stored = orjson.loads(value)
        if key == _TIME:
            self._now = self._time_written = stored
        else:
            symbol = key.removeprefix(_SYMBOL).decode()
            self.market.symbols[symbol] = _symbol_of(symbol, stored)

    @override
    def status(self) -> Mapping[str, Any]:
        return {
            "quotes": {
                name: {
                    "now": time_text(symbol.now),
                    "sequence": symbol.sequence,
                    "bid": _price(emitted[0], symbol.decimals),
                    "ask": _price(emitted[1], symbol.decimals),
                }
                for name, symbol in sorted(self.market.symbols.items())
                if (emitted := symbol.emitted) is not None
            }
        }


def _price(side: BestSide, decimals: int) -> str | None:
    return None if side[0] is None else price(side[0], decimals)


def _record(symbol: SymbolQuotes) -> dict[str, Any]:
    """Return a symbol's quotes as JSON: numbers in their wire form, times in microseconds."""
    emitted = symbol.emitted
    return {
        "base": symbol.base,
        "decimals": symbol.decimals,
        "stale_after": symbol.stale_after,
        "now": symbol.now,
        "sequence": symbol.sequence,
        "quotes": [
            [
                quote.provider,
                quote.event_id,
                quote.at,
                None if quote.bid == NO_BID else price(quote.bid, 0),
                quote.bid_size,
                None if quote.ask == NO_ASK else price(quote.ask, 0),
                quote.ask_size,
                None if quote.valid_until == NEVER else quote.valid_until,
            ]
            for quote in symbol.quotes.values()
        ],
        "emitted": None if emitted is None else [part for side in emitted for part in _shown(side)],
        "emitted_until": (None, None) if emitted is None else [until for _, _, until, _ in emitted],
    }


def _shown(side: BestSide) -> list[Any]:
    """Return the price of a side, and pairs of provider and size."""
    providers = [(shown["provider"], shown["size"]) for shown in orjson.loads(side[1])]
    return [_price(side, 0), providers]


def _symbol_of(name: str, stored: dict[str, Any]) -> SymbolQuotes:
    symbol = SymbolQuotes()
    symbol.base = stored.get("base", "")  # an earlier version stored none
    symbol.now = stored["now"]
    symbol.sequence = stored["sequence"]
    for provider, tick_id, at, bid, bid_size, ask, ask_size, valid_until in stored["quotes"]:
        tick = PriceTick.model_construct(
            type="PriceTick",
            event_id=tick_id,
            event_time=time_text(at),
            provider=provider,
            symbol=name,
            bid_price=bid,
            bid_size=None if bid is None else bid_size,
            ask_price=ask,
            ask_size=None if ask is None else ask_size,
            valid_until=valid_until,
        )
        symbol.quotes[provider] = ProviderQuote(tick, at)
    symbol.set_terms(stored["decimals"], stored["stale_after"])
    emitted = stored["emitted"]
    if emitted is not None:
        bid, bid_providers, ask, ask_providers = emitted
        bid_until, ask_until = stored["emitted_until"]
        symbol.emitted = (
            _emitted_side(bid, bid_providers, bid_until),
            _emitted_side(ask, ask_providers, ask_until),
        )
    return symbol


def _emitted_side(
    price_text: str | None, providers: list[tuple[str, str]], until: Micros | None
) -> BestSide:
    best = None if price_text is None else reread(price_text, PRICE_DECIMALS)
    return best, listed(providers), until, ""  # a side that is only compared needs no text
