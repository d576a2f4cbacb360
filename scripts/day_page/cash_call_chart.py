"""Cash calls over a period: settled per step, open and aged at the end of each."""

from itertools import accumulate

from markupsafe import Markup

from replay.day_page.cash_calls import CashCalls
from replay.day_page.period import Period
from schemas.instant import MINUTE
from scripts.day_page.plot import WIDTH, Plot, Scale, columns, number, plot, stairs
from scripts.day_page.time_axis import TimeAxis
from scripts.day_page.words import clock_text, counted, dollars, whole_dollars

_SETTLED_HEIGHT = 110
_OPEN_HEIGHT = 190
# So many rows at most tell the same in a table.
_ROWS_MAX = 48


def step_text(calls: CashCalls) -> str:
    """Say how long a step is."""
    hours, minutes = divmod(calls.steps.width // MINUTE, 60)
    if not hours:
        return f"{minutes} minutes"
    return "hour" if hours == 1 else f"{hours} hours"


def cash_call_plots(calls: CashCalls, axis: TimeAxis) -> list[Plot]:
    """Return the two plots: what settled, and what was left open."""
    steps = calls.steps
    edges = [WIDTH * axis.percent(steps.begin(index)) / 100 for index in range(steps.count + 1)]
    times = [clock_text(steps.begin(index)) for index in range(steps.count)]
    return [_settled(calls, axis, edges, times), _open(calls, axis, edges, times)]


def _settled(calls: CashCalls, axis: TimeAxis, edges: list[float], times: list[str]) -> Plot:
    counts = calls.settled_by_step.counts()
    cents = calls.settled_by_step.cents()
    scale = Scale(0, max(counts), _SETTLED_HEIGHT, 3)
    bars = "".join(
        f"M{number(left)} {_SETTLED_HEIGHT}V{number(scale.y(count))}H{number(right)}"
        f"V{_SETTLED_HEIGHT}"
        for left, right, count in zip(edges, edges[1:], counts, strict=False)
        if count
    )
    texts = [
        f"{time}: {counted(count, 'call')} settled, {dollars(amount)} USD" if count else ""
        for time, count, amount in zip(times, counts, cents, strict=True)
    ]
    most = max(range(len(counts)), key=lambda index: counts[index])
    return plot(
        axis,
        scale,
        counted,
        [
            Markup('<path class="settled" d="{}"/>').format(bars),
            columns(edges, texts, _SETTLED_HEIGHT),
        ],
        name="Settled",
        unit=f"calls per {step_text(calls)}",
        label=(
            f"{counted(sum(counts), 'cash call')} settled;"
            f" most in the {step_text(calls)} from {times[most]}: {counts[most]:,}"
        ),
    )


def _open(calls: CashCalls, axis: TimeAxis, edges: list[float], times: list[str]) -> Plot:
    open_, aged = calls.open_by_step.level(), calls.aged_by_step.level()
    scale = Scale(0, max(1, *(level.cents for level in open_)), _OPEN_HEIGHT, 4)
    open_line = stairs(edges, [scale.y(level.cents) for level in open_])
    aged_line = stairs(edges, [scale.y(level.cents) for level in aged])
    texts = [
        f"end of the step from {time}: {counted(o.count, 'call')} open, {dollars(o.cents)} USD;"
        f" {a.count:,} of them aged, {dollars(a.cents)} USD"
        if o.count
        else ""
        for time, o, a in zip(times, open_, aged, strict=True)
    ]
    close = f"V{_OPEN_HEIGHT}H{number(edges[0])}Z"
    most = max(range(len(open_)), key=lambda index: open_[index].cents)
    return plot(
        axis,
        scale,
        whole_dollars,
        [
            Markup('<path class="open" d="{}"/>').format(open_line + close),
            Markup('<path class="aged" d="{}"/>').format(aged_line + close),
            Markup('<path class="open-line" d="{}"/>').format(open_line),
            Markup('<path class="aged-line" d="{}"/>').format(aged_line),
            columns(edges, texts, _OPEN_HEIGHT),
        ],
        name="Open and aged",
        unit=f"USD at the end of each {step_text(calls)}",
        label=(
            f"Open at the end: {dollars(open_[-1].cents)} USD, of it aged"
            f" {dollars(aged[-1].cents)} USD; most was open at {times[most]}:"
            f" {dollars(open_[most].cents)} USD"
        ),
    )


def cash_call_rows(calls: CashCalls) -> list[tuple[int, int, int, int, int, int, int]]:
    """Tell the same in rows of some steps each.

    Begin of the row; calls settled in it, in number and cents; open and aged at its end, likewise.
    """
    steps = calls.steps
    together = max(1, 60 * MINUTE // steps.width, -(-steps.count // _ROWS_MAX))
    counts = list(accumulate(calls.settled_by_step.counts(), initial=0))
    cents = list(accumulate(calls.settled_by_step.cents(), initial=0))
    open_, aged = calls.open_by_step.level(), calls.aged_by_step.level()
    rows = []
    for first in range(0, steps.count, together):
        behind = min(first + together, steps.count)
        last = behind - 1
        rows.append(
            (
                max(steps.begin(first), calls.period.start),
                counts[behind] - counts[first],
                cents[behind] - cents[first],
                open_[last].count,
                open_[last].cents,
                aged[last].count,
                aged[last].cents,
            )
        )
    return rows


def is_quiet(calls: CashCalls, period: Period) -> bool:
    """Whether there is nothing to draw."""
    return period.is_empty or not (calls.requested.count or calls.opening.count)
