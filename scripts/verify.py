"""`settle verify`: audits a replay directory."""

import gc
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from replay.audit.difference import DifferenceError
from replay.audit.directory import audit_directory, topic_bytes
from replay.read import STANDARD_INPUT, UnreadableInputError
from scripts.errors import Failure
from scripts.progress import byte_progress


def verify(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="A directory that settle replay wrote."),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="FILE",
            help="An input of the replay, in the same order if there are several: then also that"
            " every input was answered. - is standard input.",
        ),
    ] = None,
) -> None:
    """Audit a replay directory: refold everything and name the first difference.

    Recomputed from the written events, independently of how they were made: orders, executions,
    cash calls, the journal, every balance, every window, and every file byte by byte.

    Example: settle verify out/day --input market.jsonl --input day.jsonl.gz
    """
    if directory is None:
        raise Failure(
            "live topics can be verified once the live pipeline is there; name a replay directory,"
            " e.g. settle verify out/day"
        )
    _check_paths(directory, inputs or [])
    # Nothing in an audit refers to itself in a circle: collections would only walk through it.
    gc.disable()
    try:
        with byte_progress("verifying", topic_bytes(directory)) as tell:
            checked = audit_directory(directory, inputs or [], tell)
    except (DifferenceError, UnreadableInputError) as error:
        raise Failure(f"{directory}: {error}") from None
    except OSError as error:
        raise Failure(f"{error.filename or directory}: {error.strerror or error}") from None
    finally:
        gc.enable()
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, value in checked:
        table.add_row(name, value)
    console = Console(file=sys.stdout)
    console.print(f"{escape(str(directory))}: no difference", soft_wrap=True)
    console.print(table)


def _check_paths(directory: Path, inputs: list[str]) -> None:
    if not directory.is_dir():
        raise Failure(f"{directory}: no such directory; settle replay makes one with --out")
    if not (directory / "topics").is_dir():
        raise Failure(f"{directory}: no replay directory, there is no folder topics in it")
    for path in inputs:
        if path != STANDARD_INPUT and not Path(path).is_file():
            raise Failure(f"{path}: no such file")
