"""`settle generate`: a trading day from a seed."""

import datetime as dt
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from replay.generate.day import DaySummary, write_generated_day
from replay.generate.options import (
    ACCOUNTS_MAX,
    QUOTE_INTERVAL_MS,
    SYNTHETIC_START,
    DayOptions,
)
from replay.quotes import UnreadableFileError
from schemas.account import FundingModel
from schemas.instant import Micros, milliseconds_text
from scripts.errors import Failure
from settlement.calendar import chicago

# Inputs have times of the years 2000 to 2099 (schemas/instant.py): a year is left for --hours.
_YEARS = range(2000, 2099)


class Model(Enum):
    """The funding models, as --model names them."""

    MARKETPLACE = "MARKETPLACE"
    NET_SETTLEMENT = "NET_SETTLEMENT"
    APEX_CLEARING = "APEX_CLEARING"

    value: FundingModel


def generate(  # noqa: PLR0913 - each is an option
    *,
    out: Annotated[Path, typer.Option(help="The file to write; gzip if its name ends with .gz.")],
    seed: Annotated[int, typer.Option(help="Same seed and options, same bytes.")] = 1,
    accounts: Annotated[
        int, typer.Option(min=1, max=ACCOUNTS_MAX, help="How many accounts there are.")
    ] = 100,
    hours: Annotated[int, typer.Option(min=1, help="How long the day is.")] = 24,
    orders: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="About how many orders are placed.",
            show_default="10 per account in 24 hours",
        ),
    ] = None,
    market: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="An output of settle import-quotes to trade around; it is merged in.",
        ),
    ] = None,
    date: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD",
            help="The synthetic market begins at this date's midnight in Chicago.",
            show_default="2026-03-02",
        ),
    ] = None,
    quote_interval_ms: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How often a provider of the synthetic market quotes a symbol, on average.",
            show_default="10000",
        ),
    ] = None,
    models: Annotated[
        list[Model] | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help=f"Accounts of this one only; repeatable: {', '.join(m.value for m in Model)}.",
            show_default="all three",
        ),
    ] = None,
) -> None:
    """Generate a trading day as an input of settle replay.

    Clients and accounts of every funding model, deposits and withdrawals, orders
    of every kind, cancels, some refused, some customers without the money,
    returned deposits, net wires, disputes, payouts, a handful of dirty inputs;
    any number of days; around a synthetic market, or around the real one in
    --market, from its first quote on.

    Example: settle generate --seed 7 --market market.jsonl --out day.jsonl

    Example: settle generate --date 2026-03-02 --hours 168 --out week.jsonl
    """
    if market is not None and (date is not None or quote_interval_ms is not None):
        raise typer.BadParameter(
            "goes without --date and --quote-interval-ms", param_hint="--market"
        )
    options = DayOptions(
        seed,
        accounts,
        hours,
        orders,
        market,
        models=tuple(one.value for one in models or Model),
        start=SYNTHETIC_START if date is None else _midnight(date),
        quote_interval_ms=quote_interval_ms or QUOTE_INTERVAL_MS,
    )
    started = time.perf_counter()
    try:
        with _progress() as tell:
            summary = write_generated_day(options, out, tell)
    except UnreadableFileError as error:
        raise Failure(f"{error}; nothing was written") from None
    except BrokenPipeError:
        raise  # --out is a pipe whose reader has gone
    except OSError as error:
        raise Failure(f"{out}: {error.strerror}; nothing was written") from None
    _show(summary, out, time.perf_counter() - started)


def _midnight(date: str) -> Micros:
    try:
        civil = dt.date.fromisoformat(date)
    except ValueError:
        civil = dt.date.min
    if civil.year not in _YEARS:
        years = f"{_YEARS.start} to {_YEARS.stop - 1}"
        raise typer.BadParameter(f"a YYYY-MM-DD of the years {years}", param_hint="--date")
    return chicago(civil, 0, 0)


@contextmanager
def _progress() -> Iterator[Callable[[Micros, Micros], None] | None]:
    """Give a function that is told the time done and in all; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    progress = Progress(
        TextColumn("generating"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )
    with progress:
        task = progress.add_task("generating", total=None)
        yield lambda done, in_all: progress.update(task, completed=done, total=in_all)


def _show(summary: DaySummary, out: Path, seconds: float) -> None:
    table = Table(title=escape(f"{out}"), title_justify="left", show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_row("from", milliseconds_text(summary.first))
    table.add_row("to", milliseconds_text(summary.last))
    for kind, lines in summary.lines_by_type.items():
        table.add_row(kind, f"{lines:,}")
    if summary.orders_left_out:
        table.add_row("orders left out: no fresh quote", f"{summary.orders_left_out:,}")
    table.add_row("lines", f"{summary.lines:,}")
    table.add_row("lines a second", f"{summary.lines / max(seconds, 1e-6):,.0f}")
    Console(file=sys.stdout).print(table)
