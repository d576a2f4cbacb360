"""Stage best_quote (BBO): the best bid and offer across providers (contract section 5).

A `BestQuote` is put into words once, as the text that is sent: its sides are kept as such text, and
who wants to read one as an event reads that.
"""

from operator import attrgetter

import orjson

from schemas.best_quote import QuoteStatus
from schemas.instant import MILLISECOND, Micros, time_text
from schemas.instrument import InstrumentUpdated
from schemas.money import UNITS_DECIMALS, Price, minor_units, price_as_sent, quantity
from schemas.price_tick import PriceTick
from settlement.cause import Out
from settlement.provider_quote import NEVER, NO_ASK, NO_BID, ProviderQuote
from topics.catalogue import BBO
from topics.decode import Refused

# How many providers may have a quote of one symbol at a time (contract section 1): it bounds the
# symbol's state record.
PROVIDERS_MAX = 100

# One side of a best quote: its price; who shows it, as it is sent (the value of `bid_providers` or
# `ask_providers`: equal texts are equal lists); until when; the whole text. A plain tuple: every
# tick makes one or two, and a class of its own takes three times as long to make.
BestSide = tuple[Price | None, str, Micros | None, str]

_NO_SIDE = '"{0}_price":null,"{0}_size":null,"{0}_providers":[],"{0}_valid_until":null'
_EMPTY_BID: BestSide = (None, "[]", None, _NO_SIDE.format("bid"))
_EMPTY_ASK: BestSide = (None, "[]", None, _NO_SIDE.format("ask"))


class SymbolQuotes:
    """One symbol: its providers' quotes, its now, and the last best quote emitted.

    `quotes` has the latest quote of each provider until it is discarded: as soon as now >= its
    time + `stale_after`. A quote whose `valid_until` has passed is kept, but is not active.
    """

    __slots__ = (
        "ask",
        "at_ask",
        "at_bid",
        "base",
        "bid",
        "counting",
        "dated",
        "decimals",
        "emitted",
        "expiry",
        "now",
        "quotes",
        "sequence",
        "stale_after",
        "with_ask",
        "with_bid",
    )

    def __init__(self) -> None:
        """Start without a quote or a time; the instrument sets the rest."""
        self.base = ""
        self.decimals = 0
        self.stale_after: Micros = 0
        self.now: Micros = -1
        self.sequence = 0
        self.quotes: dict[str, ProviderQuote] = {}
        # Bid and ask as they were last emitted.
        self.emitted: tuple[BestSide, BestSide] | None = None
        # The active quotes in dropping order: oldest first; on a tie, the provider name that sorts
        # last.
        self.counting: list[ProviderQuote] = []
        # No quote expires or is discarded before `expiry`, so a review earlier finds nothing.
        # `dated`: whether a kept quote may have a `valid_until`; if not, all kept are active.
        self.expiry: Micros = NEVER
        self.dated = False
        # What `best_quotes` found last, and the sides that it makes: what is the same is not put
        # into words again, and if both are there is no news.
        self.at_bid: ProviderQuote | None = None
        self.at_ask: ProviderQuote | None = None
        self.with_bid: list[ProviderQuote] | None = None
        self.with_ask: list[ProviderQuote] | None = None
        self.bid, self.ask = _EMPTY_BID, _EMPTY_ASK

    def set_terms(self, decimals: int, stale_after: Micros) -> None:
        """Set the instrument's terms; they take effect at the next tick that is kept."""
        self.decimals = decimals
        self.stale_after = stale_after
        for quote in self.quotes.values():
            quote.expire_after(stale_after)
        self.counting = self._active()
        # The next kept tick reviews all quotes and serializes both sides again. Only then are
        # quotes discarded under the new terms: until then they may be changed back.
        self.dated, self.expiry = True, -1
        self.with_bid = self.with_ask = None

    def is_full(self, at: Micros) -> bool:
        """Return whether as many providers as allowed have a quote that is not stale at `at`."""
        if len(self.quotes) < PROVIDERS_MAX:
            return False
        now = max(self.now, at)
        fresh = [quote for quote in self.quotes.values() if now < quote.at + self.stale_after]
        return len(fresh) >= PROVIDERS_MAX

    def keep(self, quote: ProviderQuote, latest: ProviderQuote | None) -> None:
        """Replace the provider's latest quote (None: it has none) and move now on."""
        counting = self.counting
        if latest is not None and latest.expires_at > self.now:
            counting.remove(latest)
        self.quotes[quote.provider] = quote
        # `ProviderQuote.expire_after`, written out, and no call of max(): every tick comes here.
        at, valid_until = quote.at, quote.valid_until
        stale_at = at + self.stale_after
        quote.expires_at = stale_at if stale_at < valid_until else valid_until  # noqa: FURB136 - see above
        if at > self.now:  # noqa: PLR1730 - see above
            self.now = at
        if counting and at <= counting[-1].at:
            self._review()
            return
        counting.append(quote)
        if valid_until != NEVER:
            self.dated = True
        if not self.dated:
            self.expiry = counting[0].expires_at  # the oldest is the first to be stale
        elif quote.expires_at < self.expiry:
            self.expiry = quote.expires_at
        if self.now >= self.expiry:
            self._review()

    def _review(self) -> None:
        """Discard the quotes that are stale now, and find those that are active."""
        now, stale_after, quotes = self.now, self.stale_after, self.quotes
        for quote in [quote for quote in quotes.values() if now >= quote.at + stale_after]:
            del quotes[quote.provider]
        self.counting = self._active()
        # An active quote expires next, an inactive one is discarded next.
        self.expiry = min(
            [
                quote.expires_at if now < quote.expires_at else quote.at + stale_after
                for quote in quotes.values()
            ],
            default=NEVER,
        )
        self.dated = any(quote.valid_until != NEVER for quote in quotes.values())

    def _active(self) -> list[ProviderQuote]:
        """Return the active quotes in dropping order."""
        active = [quote for quote in self.quotes.values() if self.now < quote.expires_at]
        active.sort(key=attrgetter("provider"), reverse=True)
        active.sort(key=attrgetter("at"))
        return active


class Market:
    """The stage's state: all symbols of a partition."""

    __slots__ = ("symbols",)

    def __init__(self) -> None:
        """Start without any symbol."""
        self.symbols: dict[str, SymbolQuotes] = {}

    def instrument_updated(self, event: InstrumentUpdated) -> None:
        """Take an instrument's new terms; nothing is emitted before the next tick."""
        symbol = self.symbols.setdefault(event.symbol, SymbolQuotes())
        symbol.base = event.base
        symbol.set_terms(event.price_decimals, event.stale_after_ms * MILLISECOND)

    def instrument_refusal(self, event: InstrumentUpdated) -> Refused | None:
        """Say why an instrument is dead-lettered, None if it is not. Changes nothing."""
        symbol = self.symbols.get(event.symbol)
        if symbol is None or symbol.base in {"", event.base}:
            return None
        return Refused("BASE_CHANGED", f"the base of {event.symbol} is {symbol.base}")

    def check(self, tick: PriceTick, at: Micros) -> ProviderQuote | Refused:
        """Read a tick of the time e, or say why it is dead-lettered. Changes nothing."""
        quote = ProviderQuote(tick, at)
        return self.refusal(quote) or quote

    def refusal(self, quote: ProviderQuote) -> Refused | None:
        """Say why a quote that was read is dead-lettered, None if it is not. Changes nothing."""
        symbol = self.symbols.get(quote.symbol)
        if symbol is None:
            return Refused("UNKNOWN_SYMBOL", f"no InstrumentUpdated for {quote.symbol}")
        if quote.bid > quote.ask:
            return Refused("CROSSED_TICK", "bid_price is above ask_price")
        if not quote.positive:
            return Refused("NOT_POSITIVE", "a price or size is not above 0")
        if quote.provider not in symbol.quotes and symbol.is_full(quote.at):
            return Refused(
                "TOO_MANY_PROVIDERS", f"{PROVIDERS_MAX} providers have a quote of {quote.symbol}"
            )
        return None

    def apply(self, quote: ProviderQuote, out: Out) -> None:
        """Apply a quote that was read; emit a `BestQuote` if there is news."""
        text = self.best_quote(quote)
        if isinstance(text, str):
            out.append((BBO, quote.symbol, text))

    def best_quote(self, quote: ProviderQuote) -> str | Refused | None:
        """Apply a quote that was read, unless it is refused.

        Returns the `BestQuote` as it is sent, None without news, or why the quote is dead-lettered.
        A quote older than the provider's latest, or equal to it in time and content, has no effect.
        News: a status, price, size or provider list changed, or a side's validity has moved on by
        at least half of `stale_after_ms`, or back at all.
        """
        symbol = self.symbols.get(quote.symbol)
        if symbol is None:
            return self.refusal(quote)
        latest = symbol.quotes.get(quote.provider)
        if (
            quote.bid > quote.ask
            or not quote.positive
            or (latest is None and len(symbol.quotes) >= PROVIDERS_MAX)
        ):
            refused = self.refusal(quote)
            if refused is not None:
                return refused
        if (
            latest is not None
            and quote.at <= latest.at
            and (quote.at < latest.at or quote.content() == latest.content())
        ):
            return None
        symbol.keep(quote, latest)
        at_bid, with_bid, at_ask, with_ask = best_quotes(symbol.counting)
        emitted = symbol.emitted
        news = emitted is None
        if at_bid is not symbol.at_bid or with_bid != symbol.with_bid:
            symbol.at_bid = at_bid
            symbol.with_bid = with_bid
            symbol.bid = bid = _bid_side(at_bid, with_bid, symbol.decimals)
            news = emitted is None or _is_news(emitted[0], bid, symbol.stale_after)
        if at_ask is not symbol.at_ask or with_ask != symbol.with_ask:
            symbol.at_ask = at_ask
            symbol.with_ask = with_ask
            symbol.ask = ask = _ask_side(at_ask, with_ask, symbol.decimals)
            news = news or emitted is None or _is_news(emitted[1], ask, symbol.stale_after)
        if not news:
            return None
        bid, ask = symbol.emitted = (symbol.bid, symbol.ask)
        status: QuoteStatus = "LIVE"
        if bid[0] == ask[0]:
            status = "EMPTY" if at_bid is None else "LOCKED"
        symbol.sequence += 1
        sequence = str(symbol.sequence)
        at_text = quote.at_text if quote.at == symbol.now else time_text(symbol.now)
        return (
            f'{{"type":"BestQuote","event_id":"{quote.symbol}-{sequence}","event_time":"{at_text}",'
            f'"cause_id":{quote.id_text},"symbol":"{quote.symbol}",'
            f'"status":"{status}",{bid[3]},{ask[3]},"sequence":{sequence}}}'
        )


def best_quotes(
    counting: list[ProviderQuote],
) -> tuple[ProviderQuote | None, list[ProviderQuote], ProviderQuote | None, list[ProviderQuote]]:
    """Return a quote at the best bid and the others at it, and the same of the best ask.

    Where nobody bids there is no quote at the best bid, and the others are those without a bid.
    `counting` is in dropping order: while best bid > best ask, the first of it that is at either of
    them is dropped, a whole quote.

    So a quote never changes what happens to those behind it: it is dropped as soon as it is at the
    best bid or best ask of a crossed market, or they are uncrossed without it and crossed with it.
    One walk from the last to the first does it all. Real markets are crossed most of the time.
    """
    # The best of the quotes behind, when all that is dropped of them is. And the best of them the
    # last time that they were crossed: bids fall and asks rise while quotes are dropped, so a quote
    # that is inside of both was never at either. (A quote that is inside of the best changes
    # nothing, dropped or not: it is not looked at further.)
    bid, ask = NO_BID, NO_ASK
    crossed_bid, crossed_ask = NO_ASK, NO_BID
    at_bid: ProviderQuote | None = None
    at_ask: ProviderQuote | None = None
    with_bid: list[ProviderQuote] = []
    with_ask: list[ProviderQuote] = []
    for quote in reversed(counting):
        quote_bid = quote.bid
        quote_ask = quote.ask
        if quote_bid < bid:
            if quote_ask > ask or quote_ask <= crossed_ask:
                continue
            if quote_ask < bid:
                crossed_bid, crossed_ask = bid, quote_ask
                continue
        else:
            if quote_bid >= crossed_bid or quote_ask <= crossed_ask:
                continue
            if quote_bid > ask:
                crossed_bid, crossed_ask = quote_bid, ask
                continue
            if quote_bid > bid:
                bid = quote_bid
                at_bid = quote
                with_bid = []
            else:
                with_bid.append(quote)
        if quote_ask < ask:
            ask = quote_ask
            at_ask = quote
            with_ask = []
        elif quote_ask == ask:
            with_ask.append(quote)
    return at_bid, with_bid, at_ask, with_ask


def _bid_side(best: ProviderQuote | None, others: list[ProviderQuote], decimals: int) -> BestSide:
    """Return the side that these quotes at the best bid make."""
    if best is None:
        return _EMPTY_BID
    first, size = best, best.bid_size
    providers = f'[{{"provider":"{best.provider}","size":"{size}"}}]'
    if others:
        sizes = [(quote.bid_size, quote) for quote in (best, *others)]
        first, size, providers = _together(sizes)
    price_text = best.bid_text  # mostly it came with the decimals that are sent
    if price_text[-1 - decimals : -decimals] != ".":
        price_text = price_as_sent(price_text, decimals)
    text = (
        f'"bid_price":"{price_text}","bid_size":"{size}","bid_providers":{providers},'
        f'"bid_valid_until":"{first.until_text or first.say_until()}"'
    )
    return best.bid, providers, first.expires_at, text


def _ask_side(best: ProviderQuote | None, others: list[ProviderQuote], decimals: int) -> BestSide:
    """Return the side that these quotes at the best ask make."""
    if best is None:
        return _EMPTY_ASK
    first, size = best, best.ask_size
    providers = f'[{{"provider":"{best.provider}","size":"{size}"}}]'
    if others:
        sizes = [(quote.ask_size, quote) for quote in (best, *others)]
        first, size, providers = _together(sizes)
    price_text = best.ask_text  # mostly it came with the decimals that are sent
    if price_text[-1 - decimals : -decimals] != ".":
        price_text = price_as_sent(price_text, decimals)
    text = (
        f'"ask_price":"{price_text}","ask_size":"{size}","ask_providers":{providers},'
        f'"ask_valid_until":"{first.until_text or first.say_until()}"'
    )
    return best.ask, providers, first.expires_at, text


def _together(sizes: list[tuple[str, ProviderQuote]]) -> tuple[ProviderQuote, str, str]:
    """Several providers show the best price: their sizes add up, the earliest expiry counts.

    Returns the quote that expires first, the size, and the list of providers in listed order.
    """
    in_listed_order = sorted(
        [
            (-minor_units(size, UNITS_DECIMALS), quote.at, quote.provider, size, quote)
            for size, quote in sizes
        ]
    )
    total = 0
    first = in_listed_order[0][-1]
    providers = ""
    for negative_units, _, provider, size, quote in in_listed_order:
        total -= negative_units
        if quote.expires_at < first.expires_at:
            first = quote
        providers += f',{{"provider":"{provider}","size":"{size}"}}'
    return first, quantity(total), f"[{providers[1:]}]"


def listed(sizes: list[tuple[str, str]]) -> str:
    """Return a list of providers and sizes as it is sent."""
    return orjson.dumps([{"provider": name, "size": size} for name, size in sizes]).decode()


def _is_news(old: BestSide, new: BestSide, stale_after: Micros) -> bool:
    old_price, old_providers, old_until, _ = old
    price, providers, until, _ = new
    if price != old_price or providers != old_providers:
        return True
    if old_until is None or until is None:
        return False
    return until < old_until or 2 * (until - old_until) >= stale_after
