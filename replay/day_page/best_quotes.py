"""The best quote of one symbol over a period, and where its executions lie.

A day has hundreds of thousands of quotes; a screen has a thousand columns. Per step of time the
lowest and highest best bid and best ask are kept, so no spike is lost, and executions that would be
drawn on the same spot are one mark: what is kept does not grow with the number of events.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from replay.day_page.period import Period, Steps
from replay.day_page.topic_events import Event
from schemas.instant import Micros, micros
from schemas.money import PRICE_DECIMALS, Price, reread

# Two minutes apart over the longest day, of 25 hours.
_STEPS_MAX = 750
# Marks: columns and rows of spots.
_COLUMNS_MAX = 300
_ROWS = 90
# How far beyond the quotes the scale may reach for executions, in parts of the quotes' own range
# and of the price: a strange price is marked at the edge.
_BEYOND_RANGE = 1
_BEYOND_PRICE = 50


@dataclass(slots=True)
class Band:
    """The lowest and the highest best bid and best ask of a step."""

    bid_low: Price
    bid_high: Price
    ask_low: Price
    ask_high: Price

    def widen(self, bid: Price, ask: Price) -> None:
        """Take in another best quote."""
        self.bid_low = min(self.bid_low, bid)
        self.bid_high = max(self.bid_high, bid)
        self.ask_low = min(self.ask_low, ask)
        self.ask_high = max(self.ask_high, ask)


@dataclass(frozen=True, slots=True)
class Spot:
    """Executions of one side drawn as one mark: a column of time, the middle of a row of prices."""

    column: int
    price: Price
    side: str


class BestQuotes:
    """The bands of one symbol, and the marks of its executions at the price that customers got."""

    def __init__(self, symbol: str, period: Period) -> None:
        """Start with none."""
        self.symbol = symbol
        self.period = period
        self.steps = Steps(period, _STEPS_MAX)
        self.columns = Steps(period, _COLUMNS_MAX)
        self.quotes = 0
        self.bands: list[Band | None] = [None] * self.steps.count
        self.low: Price | None = None
        self.high: Price | None = None
        self.last: tuple[Price, Price] | None = None
        self.executions = 0
        self.beyond_scale = 0
        self.spots: Counter[Spot] = Counter()

    def read_quotes(self, events: Iterable[Event]) -> None:
        """Fold the symbol's best quotes, in order; one side alone, or none, is a gap."""
        quote: tuple[Price, Price] | None = None
        good_until: Micros = 0
        at_step = 0
        for event in events:
            at = micros(event["event_time"])
            if event["symbol"] != self.symbol or at >= self.period.end:
                continue
            if at >= self.period.start:
                self.quotes += 1
                step = self.steps.index(at)
                self._stands(quote, at_step, step, good_until)
                at_step = step
            bid, ask = event["bid_price"], event["ask_price"]
            quote = None
            if bid is not None and ask is not None:
                quote = (reread(bid, PRICE_DECIMALS), reread(ask, PRICE_DECIMALS))
                good_until = min(micros(event["bid_valid_until"]), micros(event["ask_valid_until"]))
                if at >= self.period.start:
                    self._widen(at_step, quote)
                    self.last = quote
        self._stands(quote, at_step, self.steps.count, good_until)

    def read_executions(self, events: Iterable[Event]) -> None:
        """Mark the symbol's executions of the period; the quotes have been read before."""
        if self.low is None or self.high is None:
            return
        reach = min((self.high - self.low) * _BEYOND_RANGE, self.low // _BEYOND_PRICE)
        floor, ceiling = self.low - reach, self.high + reach
        prices: Counter[tuple[int, Price, str]] = Counter()
        spacing = max(1, (ceiling - floor) // _ROWS)
        lowest, highest = self.low, self.high
        for event in events:
            if event["type"] != "Execution" or event["symbol"] != self.symbol:
                continue
            at = micros(event["event_time"])
            if at not in self.period:
                continue
            price = reread(event["price"], PRICE_DECIMALS)
            self.executions += 1
            inside = min(max(price, floor), ceiling)
            self.beyond_scale += inside != price
            lowest, highest = min(lowest, inside), max(highest, inside)
            prices[self.columns.index(at), (inside - floor) // spacing, event["side"]] += 1
        self.low, self.high = lowest, highest
        for (column, row, side), count in prices.items():
            self.spots[Spot(column, floor + row * spacing + spacing // 2, side)] += count

    def _stands(
        self, quote: tuple[Price, Price] | None, after: int, before: int, until: Micros
    ) -> None:
        """A quote stands until the next, or until it ends: also in steps without one."""
        if quote is None:
            return
        for step in range(after + 1, before):
            if self.steps.begin(step) >= until:
                return
            self._widen(step, quote)

    def _widen(self, step: int, quote: tuple[Price, Price]) -> None:
        bid, ask = quote
        band = self.bands[step]
        if band is None:
            self.bands[step] = Band(bid, bid, ask, ask)
        else:
            band.widen(bid, ask)
        self.low = bid if self.low is None else min(self.low, bid)
        self.high = ask if self.high is None else max(self.high, ask)
