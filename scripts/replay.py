"""`settle replay`: historical streams through the whole pipeline."""

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from replay.difference import DifferenceError
from replay.engine import History
from replay.front_office import TOPICS as FRONT_OFFICE_TOPICS
from replay.input_files import KeptInputs
from replay.output import Checksums, OutputFiles, OutputRefusedError, ReplayDirectory
from replay.processes import EndedError, Processes, are_possible
from replay.read import InputFiles, UnreadableInputError
from replay.recorded import RecordedFiles, replay_recorded
from replay.simulated_firm import SimulatedFirm
from replay.spool import Spool
from replay.summary import Summary
from replay.usual import USUAL
from schemas.instant import input_micros
from scripts.errors import Failure
from scripts.progress import byte_progress
from scripts.settings import read_settings
from topics.catalogue import APEX_JOURNAL_RESULTS

# Inputs that are worth two more processes: about a second of work.
_LARGE_BYTES = 8_000_000


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
    processes: Annotated[
        int | None,
        typer.Option(
            metavar="1|3",
            help="Read, trade and settle in one process or in three, to the same bytes."
            " (default: three for files of 8 MB and more where there are two processors)",
        ),
    ] = None,
    allow_gaps: Annotated[
        bool, typer.Option("--allow-gaps", help="Permit steps of more than 40 days in INPUT.")
    ] = False,
) -> None:
    """Replay historical streams: same input, same bytes.

    Each line is {"topic": ..., "value": {...}}, each file in event_time order; files are merged.
    Without answers of a clearing firm in INPUT, a simulated one completes each Apex journal after
    two seconds; its answers are written to DIR/inputs. There, links lead to the inputs, and
    summary.json has their size and SHA-256, so that settle verify DIR can audit the replay later;
    standard input is copied.

    Example: settle replay market.jsonl day.jsonl.gz --out out/day
    """
    if recorded is None and not inputs:
        raise typer.BadParameter("name an INPUT, or a dump with --recorded", param_hint="INPUT...")
    if recorded is not None and (
        inputs or until is not None or processes is not None or allow_gaps
    ):
        raise typer.BadParameter(
            "goes without INPUT, --until, --processes and --allow-gaps", param_hint="--recorded"
        )
    if processes not in {None, 1, 3}:
        raise typer.BadParameter("1 or 3", param_hint="--processes")
    if processes == 3 and not are_possible():  # noqa: PLR2004 - as above
        raise typer.BadParameter("3 takes Linux and two processors", param_hint="--processes")
    try:
        until_at = None if until is None else input_micros(until)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--until") from None
    csv_safe = read_settings().csv_safe
    started = time.perf_counter()
    if recorded is not None:
        summary = run_recorded(recorded, out, csv_safe=csv_safe)
    else:
        summary = run_replay(
            inputs or [], out, until_at, processes, allow_gaps=allow_gaps, csv_safe=csv_safe
        )
    show(summary, out, time.perf_counter() - started)


def run_replay(
    inputs: list[str],
    out: Path,
    until: int | None,
    processes: int | None = None,
    *,
    allow_gaps: bool = False,
    csv_safe: bool = False,
) -> Summary:
    """Replay `inputs` into the directory `out` and return what happened.

    `processes`: 1 or 3; None: as the inputs and the machine allow. `allow_gaps`: as `InputFiles`.
    `csv_safe`: the setting.

    Raises:
        Failure: an input or the directory can't be used, or the disk is full; nothing is left.
    """
    summary = Summary()
    with _no_collection(), _said_in_one_line(out), ReplayDirectory(out) as directory:
        kept = directory.keep(inputs)
        # Of files as they are stored, packed or not.
        size = sum(Path(path).stat().st_size for path in kept.paths)
        if processes is None:
            processes = 3 if size >= _LARGE_BYTES and are_possible() else 1
        in_processes = _in_one_process if processes == 1 else _in_three_processes
        written = in_processes(
            kept, directory.aside, summary, until, size, allow_gaps, csv_safe=csv_safe
        )
        directory.finish(summary, until, written, kept, csv_safe=csv_safe)
    return summary


def _in_one_process(
    inputs: KeptInputs,
    aside: Path,
    summary: Summary,
    until: int | None,
    size: int,
    allow_gaps: bool,
    *,
    csv_safe: bool,
) -> Checksums:
    with (
        byte_progress("replaying", size) as tell,
        OutputFiles(aside, summary) as output,
        closing(Spool(str(aside))) as spool,
    ):
        files = InputFiles(inputs.paths, tell, USUAL, inputs.shown, allow_gaps=allow_gaps)
        firm = SimulatedFirm(output.answer, input_answers=lambda: files.have(APEX_JOURNAL_RESULTS))
        History(output, spool, summary, firm, csv_safe=csv_safe).run(files.lines(), until)
        return output.finish()


def _in_three_processes(
    inputs: KeptInputs,
    aside: Path,
    summary: Summary,
    until: int | None,
    size: int,
    allow_gaps: bool,
    *,
    csv_safe: bool,
) -> Checksums:
    # A fork before anything has a thread of its own, as progress and output do.
    with (
        Processes(inputs, aside, allow_gaps=allow_gaps, csv_safe=csv_safe) as processes,
        byte_progress("replaying", size) as tell,
        OutputFiles(aside, summary, FRONT_OFFICE_TOPICS) as output,
    ):
        return processes.replay(output, summary, until, tell)


def run_recorded(recorded: Path, out: Path, *, csv_safe: bool = False) -> Summary:
    """Replay the dump `recorded` into the directory `out` and return what happened.

    `csv_safe`: the setting of the workers that recorded it.

    Raises:
        Failure: the dump or the directory can't be used, the disk is full, or something is not as
            it was recorded; nothing is left.
    """
    if not recorded.is_file():
        raise Failure(f"{recorded}: no such file; settle dump makes one with --out")
    summary = Summary()
    try:
        with (
            _no_collection(),
            _said_in_one_line(out),
            ReplayDirectory(out) as directory,
            byte_progress("reading", recorded.stat().st_size) as tell,
            RecordedFiles(directory.aside, summary) as output,
        ):
            kept = directory.keep([str(recorded)])
            refolded = replay_recorded(
                recorded, output, summary, tell, str(directory.aside), csv_safe=csv_safe
            )
            written = output.finish()
            directory.finish(summary, None, written, kept, recorded=True, csv_safe=csv_safe)
    except DifferenceError as error:
        raise Failure(f"{recorded}: not as it was recorded: {error}") from None
    for left in refolded.unanswered:
        sys.stderr.write(f"not applied when it was dumped: {left}\n")
    return summary


@contextmanager
def _no_collection() -> Iterator[None]:
    """Let nobody look for reference cycles.

    Decisions make none; a collection would only walk a state of millions of objects again and
    again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _said_in_one_line(out: Path) -> Iterator[None]:
    """Say what can't be read or written as a person wants to hear it."""
    try:
        yield
    except (UnreadableInputError, OutputRefusedError, EndedError) as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(
            f"{error.filename or out}: {error.strerror or error}; nothing was written,"
            " make room or name another --out"
        ) from None


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
