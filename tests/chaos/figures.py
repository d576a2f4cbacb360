"""The figures of a run, and what must hold in them."""

from collections.abc import Iterator
from statistics import median

from rich.table import Table

from tests.chaos.course import Outcome
from tests.chaos.fleet import STOP_SECONDS
from tests.chaos.plan import KILLS

# Below these a run has proven little: kills in quiet moments, orders that were refused.
HITS_SHARE_MIN = 0.30
EXECUTED_SHARE_MIN = 0.60
# Of fewer kills a share is chance.
_SHARES_FROM_KILLS = 30


def hits_share(outcome: Outcome) -> float:
    """Return how many of the kills hit an open transaction."""
    return outcome.hits.total() / max(1, sum(outcome.did[kind] for kind in KILLS))


def executed_share(outcome: Outcome) -> float:
    """Return how many of the orders were executed, at least in part."""
    return outcome.measured.executed / max(1, outcome.measured.orders)


def failures(outcome: Outcome) -> Iterator[str]:
    """Say in one line each what does not hold."""
    measured = outcome.measured
    for what, found in (
        ("lost", measured.lost),
        ("doubled", measured.doubled),
        ("unanswered", measured.unanswered),
        ("wrong", measured.wrong),
        ("did not stop cleanly", outcome.bad_stops),
    ):
        if found:
            yield f"{len(found)} {what}: {'; '.join(found[:5])}"
    late = [seconds for seconds in outcome.stops if seconds > STOP_SECONDS]
    if late:
        yield f"{len(late)} stops took more than {STOP_SECONDS:.0f} s: {max(late):.1f} s"
    if outcome.course.kills < _SHARES_FROM_KILLS:
        if not outcome.hits.total() or not measured.executed:
            yield "no kill hit an open transaction, or no order was executed"
        return
    if hits_share(outcome) < HITS_SHARE_MIN:
        yield f"{hits_share(outcome):.0%} of the kills hit an open transaction"
    if executed_share(outcome) < EXECUTED_SHARE_MIN:
        yield f"{executed_share(outcome):.0%} of the orders were executed"


def table(outcome: Outcome) -> Table:
    """Return the figures as a table."""
    course, measured = outcome.course, outcome.measured
    shown = Table(
        title=f"seed {course.seed}, {course.nodes} node{'s' * (course.nodes > 1)},"
        f" {outcome.seconds:.0f} s",
        title_justify="left",
        show_header=False,
        box=None,
    )
    shown.add_column(style="bold")
    shown.add_column(justify="right")
    rows = [
        ("inputs acknowledged", f"{measured.inputs:,}"),
        ("  of kinds", f"{len(outcome.input_kinds)}"),
        ("events emitted", f"{measured.emitted.total():,}"),
        ("  of kinds", f"{len(measured.emitted)}"),
        ("lost", f"{len(measured.lost)}"),
        ("doubled", f"{len(measured.doubled)}"),
        ("unanswered", f"{len(measured.unanswered)}"),
        ("wrong", f"{len(measured.wrong)}; settle verify finds no difference"),
        ("orders", f"{measured.orders:,}"),
        ("  executed", f"{measured.executed:,} ({executed_share(outcome):.0%})"),
        ("windows opened", f"{measured.windows}"),
        ("Apex journals answered", f"{measured.journals_answered:,}"),
        ("  and never, as the firm likes", f"{measured.journals_never:,}"),
        ("  answers brought again", f"{measured.answers_repeated:,}"),
        ("fundings", f"{measured.fundings:,}"),
        ("net settlements", f"{measured.nets:,}"),
        ("net wires", f"{measured.wires:,}"),
        ("revenue shares stated", f"{measured.emitted['RevenueShareStatement']:,}"),
        ("files delivered", f"{measured.files:,}"),
        ("kills of workers", f"{sum(outcome.did[kind] for kind in KILLS)}"),
        ("  in an open transaction", f"{outcome.hits.total()} ({hits_share(outcome):.0%})"),
        *(
            (f"  {kind}", f"{outcome.did[kind]} ({outcome.hits[kind]})")
            for kind in ("kill", "pause", "terminate")
        ),
        ("  with journals under way", f"{outcome.journal_hits}"),
        ("  with files under way", f"{outcome.file_hits}"),
        *((kind, f"{count}") for kind, count in outcome.did.items() if kind not in KILLS),
        ("producer ended by itself", f"{outcome.producer_failures}"),
        ("workers ended by themselves", f"{len(outcome.ended)}"),
    ]
    if outcome.stops:
        rows.append(
            (
                "from SIGTERM to the end",
                f"median {median(outcome.stops):.1f} s, max {max(outcome.stops):.1f} s",
            )
        )
    for name, value in rows:
        shown.add_row(name, value)
    return shown
