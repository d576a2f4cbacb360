"""`settle verify`: audits a replay directory, or the live topics."""

import asyncio
import gc
import sys
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from audit.directory import audit_directory, topic_bytes
from pipeline.delivery import File
from replay.difference import DifferenceError
from replay.read import STANDARD_INPUT, UnreadableInputError
from replay.record_spool import RecordSpool
from replay.recorded import RecordedTopics
from replay.recorded_directory import audit_recorded
from replay.refold import Refolded, refold
from replay.stored_summary import StoredSummary
from schemas.money import usd_for_a_person
from scripts.buckets import buckets
from scripts.errors import Failure
from scripts.progress import byte_progress
from scripts.settings import broker, read_settings
from topics.catalogue import BALANCES, DEAD_LETTERS, EXECUTIONS, JOURNAL, REPORT_DELIVERIES

if TYPE_CHECKING:
    from agents.buckets import Buckets


def verify(
    directory: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="A directory that settle replay wrote. (default: the live topics)",
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="FILE",
            help="Where an input of the replay is stored now; with several inputs, name each, in"
            " the order of the replay. (default: DIR/inputs)",
        ),
    ] = None,
    running: Annotated[
        bool,
        typer.Option(
            "--running", help="Live topics: workers go on, so inputs on their way are only counted."
        ),
    ] = False,
) -> None:
    """Audit a replay directory or the live topics: recompute everything, name the first difference.

    DIR is audited against its inputs, which its summary.json names with size and SHA-256: an
    independent reading of the contract recomputes orders, executions, cash calls, the journal,
    every balance, window and file, and checks that every input was answered. What replay --recorded
    wrote is recomputed from its dump, partition by partition. Live topics are recomputed task by
    task in the recorded order: every event, file, state and input position.

    Example: settle verify out/day

    Example: settle verify out/day --input archive/market.jsonl.gz --input archive/day.jsonl.gz
    """
    if directory is None:
        if inputs:
            raise typer.BadParameter("goes with DIR only", param_hint="--input")
        _verify_live(running=running)
        return
    if running:
        raise typer.BadParameter("goes without DIR only", param_hint="--running")
    if STANDARD_INPUT in (inputs or []):
        raise typer.BadParameter("name a file", param_hint="--input")
    _check_directory(directory)
    # Nothing in an audit refers to itself in a circle: collections would only walk through it.
    gc.disable()
    try:
        checked = _audited(directory, inputs or [])
    except (DifferenceError, UnreadableInputError) as error:
        raise Failure(f"{directory}: {error}") from None
    except OSError as error:
        raise Failure(f"{error.filename or directory}: {error.strerror or error}") from None
    finally:
        gc.enable()
    _show(f"{directory}: no difference", checked)


def _audited(directory: Path, inputs: list[str]) -> list[tuple[str, str]]:
    if not StoredSummary(directory).recorded:
        with byte_progress("verifying", topic_bytes(directory)) as tell:
            return audit_directory(directory, inputs, tell)
    with byte_progress("verifying", 0) as tell:
        refolded = audit_recorded(directory, inputs, tell)
    return _refolded_lines(refolded, states=False)


def _verify_live(*, running: bool) -> None:
    # Most audits need no Kafka client.
    from agents.live_topics import UnverifiableTopicsError, read_live
    from scripts.live import run

    settings = read_settings()
    files = buckets(settings)
    gc.disable()
    try:
        with RecordSpool() as spool:
            topics = RecordedTopics(spool, with_states=True)
            topics.partitions = run(settings, read_live(broker(settings), topics.add))
            refolded = refold(topics, FilesThere(files), csv_safe=settings.csv_safe)
    except DifferenceError as error:
        raise Failure(f"{settings.brokers}: {error}") from None
    except UnverifiableTopicsError as error:
        raise Failure(f"{settings.brokers}: {error}") from None
    except OSError as error:
        raise Failure(f"{error.filename or 'temporary file'}: {error.strerror or error}") from None
    finally:
        gc.enable()
    _show(f"{settings.brokers}: no difference", _refolded_lines(refolded, states=True))
    if refolded.unanswered and not running:
        raise Failure(
            f"{sum(left.inputs for left in refolded.unanswered)} inputs unanswered:"
            f" {'; '.join(map(str, refolded.unanswered))} (with --running they are only counted)"
        )


class FilesThere:
    """Clients' buckets: each file that was delivered must be there, with the same bytes."""

    def __init__(self, buckets: "Buckets") -> None:
        """Take where the files are."""
        self._buckets = buckets
        # What is wrong with a file that may not have been delivered yet, by its `uri`.
        self._wrong: dict[str, DifferenceError] = {}

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        """Take a delivery, which comes after its file; it was compared already.

        Raises:
            DifferenceError: the file is not there, or holds another content.
        """
        if topic == REPORT_DELIVERIES and event["uri"] in self._wrong:
            raise self._wrong[event["uri"]]

    def file(self, file: File) -> None:
        """Compare one file."""
        from agents.buckets import BucketRefusedError

        where = self._buckets.where(file.client, file.key)
        found: bytes | None
        try:
            found = asyncio.run(self._buckets.read(file.client, file.key))
            why = "No such file"
        except BucketRefusedError as error:
            found, why = None, str(error)
        if found == file.content:
            return
        if found is None:
            expected: Any = f"{len(file.content)} bytes"
            there: Any = why
        else:
            lines = zip_longest(file.content.splitlines(), found.splitlines())
            number, (expected, there) = next(
                ((n, both) for n, both in enumerate(lines, 1) if both[0] != both[1]),
                (1, (file.content, found)),
            )
            where = f"{where} line {number}"
        self._wrong[f"s3://{file.client}/{file.key}"] = DifferenceError(
            where, "a delivered file", expected=expected, found=there
        )


def _refolded_lines(refolded: Refolded, *, states: bool) -> list[tuple[str, str]]:
    events = refolded.events
    left = sum(unanswered.inputs for unanswered in refolded.unanswered)
    waiting = refolded.files - events[REPORT_DELIVERIES]
    return [
        ("task partitions refolded", f"{refolded.task_partitions:,}"),
        ("transactions", f"{refolded.transactions:,}"),
        ("inputs", f"{refolded.inputs.total():,}"),
        ("events", f"{events.total():,}"),
        ("  executions", f"{events[EXECUTIONS]:,}"),
        ("  journal entries", f"{events[JOURNAL]:,}"),
        ("  balances", f"{events[BALANCES]:,}"),
        ("  dead letters", f"{events[DEAD_LETTERS]:,}"),
        ("files", f"{refolded.files:,}"),
        *([("  not delivered yet", f"{waiting:,}")] * (waiting > 0)),
        *([("states compared", f"{refolded.states_compared:,}")] * states),
        *([("  records in them", f"{refolded.state_records:,}")] * states),
        ("inputs unanswered", f"{left:,}"),
        *([("events behind the task-log", f"{refolded.events_behind:,}")] * (left > 0)),
        ("money in the FBO", f"{usd_for_a_person(refolded.fbo)} USD"),
    ]


def _show(title: str, lines: Iterable[tuple[str, str]]) -> None:
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, value in lines:
        table.add_row(name, value)
    console = Console(file=sys.stdout)
    console.print(escape(title), soft_wrap=True)
    console.print(table)


def _check_directory(directory: Path) -> None:
    if not directory.is_dir():
        raise Failure(f"{directory}: no such directory; settle replay makes one with --out")
    if not (directory / "topics").is_dir():
        raise Failure(f"{directory}: no replay directory, there is no folder topics in it")
