"""`settle replay`: historical streams through the whole pipeline, in one process."""

import gc
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from replay.audit.difference import DifferenceError
from replay.engine import History
from replay.output import OutputRefusedError, ReplayDirectory
from replay.read import InputFiles, UnreadableInputError
from replay.recorded import RecordedDirectory, replay_recorded
from replay.simulated_firm import SimulatedFirm
from replay.spool import Spool
from replay.summary import Summary
from replay.usual import USUAL
from schemas.instant import micros
from scripts.errors import Failure
from scripts.progress import byte_progress
from topics.catalogue import APEX_JOURNAL_RESULTS


def replay(
    out: Annotated[
        Path, typer.Option(help="The directory to write; an earlier replay is replaced.")
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT", help="JSON Lines, plain or gzip; - is standard input."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Stop at this time, and open all windows up to it, e.g. 2020-03-30T00:30:00Z."
            " (default: the last event)",
        ),
    ] = None,
    recorded: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Instead of INPUT: what settle dump wrote. Partition by partition,"
            " in the recorded order; it must give the bytes that were recorded.",
        ),
    ] = None,
) -> None:
    """Replay historical streams: same input, same bytes.

    Each line is {"topic": ..., "value": {...}}, each file in event_time order; files are merged.
    Without answers of a clearing firm in INPUT, a simulated one completes each Apex journal after
    two seconds; what it says is kept in DIR/inputs.

    Example: settle replay market.jsonl day.jsonl.gz --out out/day
    """
    if recorded is None and not inputs:
        raise typer.BadParameter("name an INPUT, or a dump with --recorded", param_hint="INPUT...")
    if recorded is not None and (inputs or until is not None):
        raise typer.BadParameter("goes without INPUT and --until", param_hint="--recorded")
    try:
        until_at = None if until is None else micros(until)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--until") from None
    started = time.perf_counter()
    if recorded is not None:
        summary = run_recorded(recorded, out)
    else:
        summary = run_replay(inputs or [], out, until_at)
    show(summary, out, time.perf_counter() - started)


def run_replay(inputs: list[str], out: Path, until: int | None) -> Summary:
    """Replay `inputs` into the directory `out` and return what happened.

    Raises:
        Failure: an input or the directory can't be used, or the disk is full; nothing is left.
    """
    sizes = [Path(path).stat().st_size for path in inputs if Path(path).is_file()]
    # The decisions make no reference cycles; a collection would only walk a state of millions of
    # objects again and again.
    gc.disable()
    try:
        summary = Summary()
        with (
            ReplayDirectory(out, summary) as directory,
            byte_progress("replaying", sum(sizes)) as tell,
        ):
            spool = Spool(str(directory.aside))
            try:
                files = InputFiles(inputs, tell, str(directory.aside), USUAL)
                firm = SimulatedFirm(
                    directory.answer, input_answers=lambda: files.have(APEX_JOURNAL_RESULTS)
                )
                History(directory, spool, summary, firm).run(files.lines(), until)
            finally:
                spool.close()
            directory.finish(until)
    except (UnreadableInputError, OutputRefusedError) as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(
            f"{error.filename or out}: {error.strerror or error}; nothing was written,"
            " make room or name another --out"
        ) from None
    finally:
        gc.enable()
    return summary


def run_recorded(recorded: Path, out: Path) -> Summary:
    """Replay the dump `recorded` into the directory `out` and return what happened.

    Raises:
        Failure: the dump or the directory can't be used, the disk is full, or something is not as
            it was recorded; nothing is left.
    """
    if not recorded.is_file():
        raise Failure(f"{recorded}: no such file; settle dump makes one with --out")
    gc.disable()
    try:
        summary = Summary()
        with (
            RecordedDirectory(out, summary) as directory,
            byte_progress("reading", recorded.stat().st_size) as tell,
        ):
            refolded = replay_recorded(recorded, directory, summary, tell)
            directory.finish(None)
    except DifferenceError as error:
        raise Failure(f"{recorded}: not as it was recorded: {error}") from None
    except (UnreadableInputError, OutputRefusedError) as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(
            f"{error.filename or out}: {error.strerror or error}; nothing was written,"
            " make room or name another --out"
        ) from None
    finally:
        gc.enable()
    for left in refolded.unanswered:
        sys.stderr.write(f"not applied when it was dumped: {left}\n")
    return summary


def show(summary: Summary, out: Path, seconds: float) -> None:
    """Print what happened, as a person likes to read it."""
    table = Table(title=escape(str(out)), title_justify="left", show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, value in summary.lines(seconds):
        table.add_row(name, value)
    models = Table(title="by funding model", title_justify="left", box=None)
    models.add_column(style="bold")
    for name in summary.model_names():
        models.add_column(name, justify="right")
    for name, values in summary.model_lines():
        models.add_row(name, *values)
    console = Console(file=sys.stdout)
    console.print(table)
    console.print()
    console.print(models)
