"""A made-up market: an integer random walk per coin, quoted by three providers."""

from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from replay.generate.chance import chance
from replay.generate.instrument import instrument
from replay.generate.options import DayOptions
from replay.generate.quote import MarketLine, Quote
from replay.quotes import input_line
from schemas.instant import MILLISECOND, SECOND, time_text
from schemas.instrument import STALE_AFTER_MS_MAX
from schemas.money import WHOLE, Cents, quantity, usd
from topics.catalogue import INSTRUMENTS, PRICE_TICKS


class Coin(NamedTuple):
    """A coin and the cents it is quoted at first."""

    symbol: str
    price: Cents


SYNTHETIC_COINS = (Coin("BTCUSD", 6_500_000), Coin("ETHUSD", 340_000))
SYNTHETIC_PROVIDERS = ("kestrel", "northex", "orion")
# Turns are random: about one quote in 150 is stale before its provider quotes again.
_STALE_AFTER_INTERVALS = 5
# Every so many quotes show only a bid, are withdrawn, or say themselves until when they are valid.
_ONE_SIDED_EVERY, _WITHDRAWN_EVERY, _SHORT_LIVED_EVERY = 401, 1009, 499
# The mid price moves by up to 1/5000 (2 bps) a quote, about 1.6% a day; spreads are 2 to 6 bps.
_STEP_PARTS, _HALF_SPREAD_PARTS = 5_000, 10_000


def synthetic_market(options: DayOptions) -> Iterator[MarketLine]:
    """Make an endless integer random walk, quoted by the providers in random turns."""
    start = options.start
    stale_after_ms = min(options.quote_interval_ms * _STALE_AFTER_INTERVALS, STALE_AFTER_MS_MAX)
    for coin in SYNTHETIC_COINS:
        yield MarketLine(
            start,
            INSTRUMENTS,
            None,
            input_line(INSTRUMENTS, instrument(coin.symbol, start, stale_after_ms)),
        )
    draw = chance(options.seed, "market")
    mids = {coin.symbol: coin.price for coin in SYNTHETIC_COINS}
    # Quotes come twice this far apart at most, so this far on average.
    apart = (
        options.quote_interval_ms * MILLISECOND // (len(SYNTHETIC_COINS) * len(SYNTHETIC_PROVIDERS))
    )
    at = start
    for turn in count(1):
        at += 1 + draw(2 * apart)
        symbol = SYNTHETIC_COINS[turn % len(SYNTHETIC_COINS)].symbol
        provider = SYNTHETIC_PROVIDERS[draw(len(SYNTHETIC_PROVIDERS))]
        mid = mids[symbol]
        step = mid // _STEP_PARTS
        # Far below its start the price only rises.
        mid = mids[symbol] = mid + (draw(2 * step + 1) - step if step else 1)
        unit = mid // _HALF_SPREAD_PARTS + 1
        skew = draw(4 * unit + 1) - 2 * unit
        bid = max(1, mid + skew - unit - draw(2 * unit))
        ask = mid + skew + unit + draw(2 * unit)
        # Sizes are worth 1,000 to about 200,000 dollars.
        size = 100_000 * WHOLE // mid
        bid_size = size + draw(200 * size)
        ask_size = size + draw(200 * size)
        until = at + stale_after_ms * MILLISECOND
        value: dict[str, object] = {
            "type": "PriceTick",
            "event_id": f"{provider}-{turn}",
            "event_time": time_text(at),
            "provider": provider,
            "symbol": symbol,
            "bid_price": usd(bid),
            "bid_size": quantity(bid_size),
            "ask_price": usd(ask),
            "ask_size": quantity(ask_size),
        }
        if not turn % _SHORT_LIVED_EVERY:
            until = at + SECOND
            value["valid_until"] = time_text(until)
        if not turn % _ONE_SIDED_EVERY:
            ask = ask_size = 0
            value["ask_price"] = value["ask_size"] = None
        if not turn % _WITHDRAWN_EVERY:
            bid = bid_size = ask = ask_size = 0
            value["bid_price"] = value["bid_size"] = None
            value["ask_price"] = value["ask_size"] = None
        yield MarketLine(
            at,
            PRICE_TICKS,
            Quote(symbol, provider, at, until, bid, bid_size, ask, ask_size),
            input_line(PRICE_TICKS, value),
        )
