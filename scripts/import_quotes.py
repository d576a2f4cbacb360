"""`settle import-quotes`: real quotes as input lines."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from replay.quotes import STALE_AFTER_MS, ImportedQuotes, UnreadableFileError
from replay.quotes import import_quotes as write_quotes
from schemas.instrument import STALE_AFTER_MS_MAX
from scripts.errors import Failure
from scripts.progress import byte_progress

# A symbol has 2 to 20 characters (contract section 1); the base is what stands before USD.
_OUR_SYMBOL = re.compile(r"[A-Z0-9]{1,17}USD")


def import_quotes(
    source: Annotated[
        Path,
        typer.Argument(metavar="CSV", help="Quotes of several venues, plain or gzip."),
    ],
    out: Annotated[Path, typer.Option(help="The file to write; gzip if its name ends with .gz.")],
    maps: Annotated[
        list[str],
        typer.Option(
            "--map",
            metavar="THEIRS=OURS",
            help="A symbol of the CSV and what it is here; may be repeated. Others are left out.",
        ),
    ],
    stale_after_ms: Annotated[
        int,
        typer.Option(
            min=1, max=STALE_AFTER_MS_MAX, help="How long a quote counts, in milliseconds."
        ),
    ] = STALE_AFTER_MS,
) -> None:
    """Import real quotes, for settle replay and settle generate --market.

    The CSV is in recv_time order and has the columns
    recv_time,exchange_time,exchange,symbol,bid,bid_size,ask,ask_size.
    Rows with a size of 0 are left out.

    Example: settle import-quotes quotes.csv --map BTCUSDT=BTCUSD --out m.jsonl
    """
    symbols = _symbols(maps)
    size = source.stat().st_size if source.is_file() else 0
    try:
        with byte_progress("importing", size) as tell:
            imported = write_quotes(
                source, out, symbols, stale_after_ms=stale_after_ms, progress=tell
            )
    except UnreadableFileError as error:
        raise Failure(f"{error}; nothing was written") from None
    except BrokenPipeError:
        raise  # --out is a pipe whose reader has gone
    except OSError as error:
        raise Failure(f"{out}: {error.strerror}; nothing was written") from None
    _show(imported, out)


def _symbols(maps: list[str]) -> dict[str, str]:
    """Read the --map options.

    Raises:
        typer.BadParameter: no THEIRS=OURS, or a symbol twice on a side.
    """
    symbols: dict[str, str] = {}
    for text in maps:
        theirs, equals, ours = text.partition("=")
        if not theirs or not equals or not _OUR_SYMBOL.fullmatch(ours):
            raise typer.BadParameter(
                f"{text!r} is no THEIRS=OURS such as BTCUSDT=BTCUSD", param_hint="--map"
            )
        # Two of a venue's markets under one symbol would overwrite each other's quotes.
        if theirs in symbols or ours in symbols.values():
            raise typer.BadParameter(f"{text!r} maps a symbol twice", param_hint="--map")
        symbols[theirs] = ours
    return symbols


def _show(imported: ImportedQuotes, out: Path) -> None:
    table = Table(title=escape(f"{out}"), title_justify="left", show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_row("rows read", f"{imported.rows:,}")
    for symbol, ticks in imported.ticks_by_symbol.items():
        table.add_row(f"price ticks of {symbol}", f"{ticks:,}")
    for reason, rows in imported.left_out.items():
        table.add_row(f"left out: {reason}", f"{rows:,}")
    Console(file=sys.stdout).print(table)
