"""The best quote of a symbol and its executions over a period."""

from itertools import pairwise

from markupsafe import Markup

from replay.day_page.best_quotes import Band, BestQuotes
from schemas.instant import MINUTE, Micros
from schemas.money import Price
from scripts.day_page.plot import WIDTH, Plot, Scale, columns, number, plot
from scripts.day_page.time_axis import TimeAxis
from scripts.day_page.words import clock_text, counted, quoted, rough_price

_HEIGHT = 300
_ROWS_MAX = 48
_HOVER_MAX = 150


def quote_plot(quotes: BestQuotes, axis: TimeAxis) -> Plot | None:
    """Return the plot; None if there was no two-sided quote."""
    if quotes.low is None or quotes.high is None:
        return None
    scale = Scale(quotes.low, quotes.high, _HEIGHT, 6)
    steps = quotes.steps
    edges = [WIDTH * axis.percent(steps.begin(index)) / 100 for index in range(steps.count + 1)]
    stretches = [
        _band(edges[first : first + len(bands) + 1], bands, scale)
        for first, bands in _stretches(quotes.bands)
    ]
    # The lines lie over the marks: they are thin.
    shapes = [
        *(fill for fill, _ in stretches),
        *_marks(quotes, axis, scale, "BUY"),
        *_marks(quotes, axis, scale, "SELL"),
        *(lines for _, lines in stretches),
        _hover(quotes, axis),
    ]
    last = ""
    if quotes.last is not None:
        last = f"; the last was {quoted(quotes.last[0])} to {quoted(quotes.last[1])}"
    return plot(
        axis,
        scale,
        lambda value: rough_price(value, scale.spacing),
        shapes,
        name=quotes.symbol,
        unit="USD",
        label=(
            f"{counted(quotes.quotes, 'best quote')} of {quotes.symbol}{last};"
            f" {counted(quotes.executions, 'execution')} in {counted(len(quotes.spots), 'mark')}"
        ),
        retries=False,
    )


def _hover(quotes: BestQuotes, axis: TimeAxis) -> Markup:
    """Say the prices to who points at a time; some steps together, so that a hand can hit them."""
    steps = quotes.steps
    together = -(-steps.count // _HOVER_MAX)
    edges, texts = [], []
    for first in range(0, steps.count, together):
        edges.append(WIDTH * axis.percent(steps.begin(first)) / 100)
        bands = [band for band in quotes.bands[first : first + together] if band is not None]
        texts.append(_prices_text(steps.begin(first), bands) if bands else "")
    return columns([*edges, WIDTH], texts, _HEIGHT)


def _prices_text(at: Micros, bands: list[Band]) -> str:
    bid_low, bid_high = min(b.bid_low for b in bands), max(b.bid_high for b in bands)
    ask_low, ask_high = min(b.ask_low for b in bands), max(b.ask_high for b in bands)
    return (
        f"from {clock_text(at)}: bid {quoted(bid_low)} to {quoted(bid_high)},"
        f" ask {quoted(ask_low)} to {quoted(ask_high)}"
    )


def _stretches(bands: list[Band | None]) -> list[tuple[int, list[Band]]]:
    """Return the stretches without a gap: where each begins, and its bands."""
    stretches: list[tuple[int, list[Band]]] = []
    before: Band | None = None
    for index, band in enumerate(bands):
        if band is not None:
            if before is None:
                stretches.append((index, []))
            stretches[-1][1].append(band)
        before = band
    return stretches


def _band(edges: list[float], bands: list[Band], scale: Scale) -> tuple[Markup, Markup]:
    """Draw from the lowest bid to the highest ask of each step; and these two as lines."""
    middles = [(left + right) / 2 for left, right in pairwise(edges)]
    xs = [edges[0], *middles[1:-1], edges[-1]] if len(middles) > 1 else edges[:2]
    if len(middles) == 1:
        bands = bands * 2
    asks = [(x, scale.y(band.ask_high)) for x, band in zip(xs, bands, strict=True)]
    bids = [(x, scale.y(band.bid_low)) for x, band in zip(xs, bands, strict=True)]
    return (
        Markup('<path class="band" d="{}Z"/>').format(_line([*asks, *reversed(bids)])),
        Markup('<path class="ask" d="{}"/><path class="bid" d="{}"/>').format(
            _line(asks), _line(bids)
        ),
    )


def _line(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)


def _marks(quotes: BestQuotes, axis: TimeAxis, scale: Scale, side: str) -> list[Markup]:
    """Draw a point per spot: lines of no length keep their round or square ends when stretched."""
    spots = quotes.columns
    points = sorted((spot.column, spot.price) for spot in quotes.spots if spot.side == side)
    path = "".join(
        f"M{number(WIDTH * axis.percent(spots.begin(column) + spots.width // 2) / 100)}"
        f" {number(scale.y(price))}h0"
        for column, price in points
    )
    outer = Markup('<path class="mark {}" d="{}"/>').format(side.lower(), path)
    if side == "SELL":
        return [outer]
    # A buy is a ring: the same points again, smaller, in the colour of the paper.
    return [outer, Markup('<path class="mark hole" d="{}"/>').format(path)]


def quote_rows(quotes: BestQuotes) -> list[tuple[Micros, Price, Price, Price, Price]]:
    """Tell the same in rows of some steps each: begin, lowest and highest bid and ask."""
    steps = quotes.steps
    together = max(1, 60 * MINUTE // steps.width, -(-steps.count // _ROWS_MAX))
    rows = []
    for first in range(0, steps.count, together):
        bands = [band for band in quotes.bands[first : first + together] if band is not None]
        if bands:
            rows.append(
                (
                    max(steps.begin(first), quotes.period.start),
                    min(band.bid_low for band in bands),
                    max(band.bid_high for band in bands),
                    min(band.ask_low for band in bands),
                    max(band.ask_high for band in bands),
                )
            )
    return rows
