"""One plot over time: shapes in a drawing that stretches with the screen, text beside it in HTML.

The drawing is 1000 units wide and as high as it says; lines keep their width when it is stretched.
Amounts become floats here, as places on the screen and nowhere else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from scripts.day_page.time_axis import Mark, Tick, TimeAxis

WIDTH = 1000
# What the marks of a scale may be apart: one, two or five times a power of ten.
_NICE = (1, 2, 5)


def nice_spacing(range_: int, marks: int) -> int:
    """Return a round number that fits about `marks` times into a range of whole numbers."""
    power = 1
    while True:
        for factor in _NICE:
            if factor * power * marks >= range_:
                return factor * power
        power *= 10


class Scale:
    """Whole numbers (cents, counts, prices) from `low` at the bottom to `high` at the top."""

    def __init__(self, low: int, high: int, height: int, marks: int) -> None:
        """Widen the range to round numbers; about `marks` of them are shown."""
        self.spacing = nice_spacing(max(1, high - low), marks)
        self.low = low // self.spacing * self.spacing
        self.high = max(self.low + self.spacing, -(-high // self.spacing) * self.spacing)
        self.height = height

    def y(self, value: int) -> float:
        """Return where a value lies, from the top."""
        return self.height * (self.high - value) / (self.high - self.low)

    def marks(self, text: Callable[[int], str]) -> list[tuple[str, str]]:
        """Return (percent from the top, text) of each round number."""
        values = range(self.low, self.high + 1, self.spacing)
        return [(f"{100 * self.y(v) / self.height:.2f}", text(v)) for v in values]


@dataclass(frozen=True, slots=True)
class Plot:
    """What the template draws: `label` says in words what a person sees in it."""

    name: str
    unit: str
    label: str
    height: int
    shapes: Markup
    marks: list[tuple[str, str]]
    ticks: list[Tick]
    retries: list[Mark]
    maintenances: list[Mark]


def plot(
    axis: TimeAxis,
    scale: Scale,
    text: Callable[[int], str],
    shapes: Sequence[Markup],
    *,
    name: str,
    unit: str,
    label: str,
    retries: bool = True,
) -> Plot:
    """Return a plot of shapes on a scale, over a period; with the retry windows or without."""
    return Plot(
        name,
        unit,
        label,
        scale.height,
        Markup("\n").join(shapes),
        scale.marks(text),
        axis.ticks(),
        axis.retries() if retries else [],
        axis.maintenances(),
    )


def number(value: float) -> str:
    """Write a place in a drawing: a tenth of a unit is finer than a screen."""
    return f"{value:.1f}".removesuffix(".0")


def stairs(edges: Sequence[float], heights: Sequence[float]) -> str:
    """Return a path that goes level from each edge to the next; equal heights are one line."""
    parts = [f"M{number(edges[0])} {number(heights[0])}"]
    before = heights[0]
    for edge, height in zip(edges[1:], heights[1:], strict=False):
        if height != before:
            parts.append(f"H{number(edge)}V{number(height)}")
            before = height
    parts.append(f"H{number(edges[len(heights)])}")
    return "".join(parts)


def columns(edges: Sequence[float], texts: Sequence[str], height: int) -> Markup:
    """Return an unseen column per step, whose text is shown to who points at it."""
    return Markup('<g class="hover">{}</g>').format(
        Markup("").join(
            Markup('<rect x="{}" width="{}" height="{}"><title>{}</title></rect>').format(
                number(left), number(right - left), height, text
            )
            for left, right, text in zip(edges, edges[1:], texts, strict=False)
            if text
        )
    )
