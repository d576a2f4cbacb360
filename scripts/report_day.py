"""`settle report-day`: one page that shows what a replayed day was."""

import datetime as dt
import os
from pathlib import Path
from typing import Annotated

import typer

from audit.directory import topic_bytes
from replay.day_page.day import Day, read_day
from replay.day_page.topic_events import UnreadableDayError
from replay.quotes import replaced_when_complete
from scripts.day_page.page import render
from scripts.errors import Failure
from scripts.progress import byte_progress


def report_day(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A directory that settle replay wrote.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page. (default: DIR.html, beside it)"),
    ] = None,
    date: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD",
            help="Only this date in Chicago, midnight to midnight. (default: the whole replay)",
        ),
    ] = None,
    symbol: Annotated[
        str | None,
        typer.Option(
            metavar="SYMBOL", help="Whose best quotes are drawn. (default: the most traded one's)"
        ),
    ] = None,
) -> None:
    """Write one HTML page that shows a replayed day; it needs no network and opens from disk.

    Orders, cash calls over the day, who paid whom per funding model, aged failures, net
    settlements, the market, links to the clients' files. The same DIR gives the same page.

    Example: settle report-day out/day --out out/day.html
    """
    day_wanted = None
    if date is not None:
        try:
            day_wanted = dt.date.fromisoformat(date)
        except ValueError:
            raise typer.BadParameter(f"{date!r} is no YYYY-MM-DD", param_hint="--date") from None
    page = write_report(directory, out, day_wanted, symbol)
    typer.echo(f"{page}: open it in a browser")


def write_report(
    directory: Path,
    out: Path | None = None,
    date: dt.date | None = None,
    symbol: str | None = None,
) -> Path:
    """Write the page of a replay directory and return where it is.

    Raises:
        Failure: the directory can't be shown, or the page not be written; nothing half-written is
            left.
    """
    if not directory.is_dir():
        raise Failure(f"{directory}: no such directory; settle replay makes one with --out")
    whole = directory.resolve()
    page = out if out is not None else whole.with_name(f"{whole.name}.html")
    if page.resolve().is_relative_to(whole):
        raise Failure(
            f"{page} lies inside the replay directory, which holds nothing else;"
            " name a file beside it"
        )
    if page.is_dir():
        raise Failure(f"{page} is a directory; name a file")
    try:
        with byte_progress("reading", topic_bytes(directory)) as tell:
            day = read_day(directory, date, symbol, tell)
        _write(day, whole, page)
    except UnreadableDayError as error:
        raise Failure(f"{directory}: {error}") from None
    except OSError as error:
        raise Failure(f"{error.filename or page}: {error.strerror or error}") from None
    return page


def _write(day: Day, directory: Path, page: Path) -> None:
    """Write aside, then show it whole."""
    page.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(os.path.relpath(directory, page.resolve().parent)).as_posix()
    text = render(day, folder)
    with replaced_when_complete(page) as file:
        file.write(text.encode())
