"""`settle reports list|show|redeliver`: clients' files, for who looks after them."""

import asyncio
import datetime as dt
import sys
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from schemas.instant import milliseconds_text
from schemas.printable import printable
from schemas.report import ReportName
from scripts.buckets import buckets
from scripts.errors import Failure
from scripts.settings import Settings, broker, read_settings
from settlement.calendar import civil_date, civil_time_text

if TYPE_CHECKING:
    from agents.issued_reports import IssuedReport
    from pipeline.delivery import IssuedFile

T = TypeVar("T")
_STATES = ("waiting", "parked", "delivered")
_STYLES = {"waiting": "yellow", "parked": "bold red", "delivered": "green"}
# So many codes still make a line that is read.
_CLIENTS_NAMED_MAX = 50
_REPORTS: tuple[str, ...] = get_args(ReportName)

reports = typer.Typer(
    help="The files that clients get: what was issued, and whether it is in their buckets."
    "\n\nExample: settle reports list --state parked",
    no_args_is_help=True,
)

_File = Annotated[
    str,
    typer.Argument(metavar="FILE", help="CLIENT/KEY, as settle reports list shows it."),
]


@reports.command("list")
def list_reports(
    client: Annotated[str | None, typer.Option(help="Only this client's.")] = None,
    date: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Only of this day's windows (CT).")
    ] = None,
    report: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"Only these: {', '.join(_REPORTS)}.")
    ] = None,
    state: Annotated[
        str | None, typer.Option(metavar="|".join(_STATES), help="Only those in this state.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line.")] = False,
) -> None:
    """List the files that were issued: waiting for the bucket, parked with the reason, delivered.

    Example: settle reports list --date 2026-03-09 --client ACME

    Example: settle reports list --state parked
    """
    _check("--report", report, _REPORTS)
    _check("--state", state, _STATES)
    try:
        dt.date.fromisoformat(date or "2026-01-01")
    except ValueError:
        raise typer.BadParameter(f"{date!r} is no YYYY-MM-DD", param_hint="--date") from None
    from agents.issued_reports import issued_reports

    settings = read_settings()
    files = _run(settings, issued_reports(broker(settings), settings.partitions, client))
    if client is not None and not files:
        _refuse_stranger(settings, client)
    found = [
        issued
        for issued in files
        if date in {None, civil_date(issued.at).isoformat()}
        and report in {None, issued.report}
        and state in {None, issued.state}
    ]
    if as_json:
        for issued in found:
            sys.stdout.write(f"{printable(orjson.dumps(_facts(issued)).decode())}\n")
        return
    _show_lines(found)


@reports.command("show")
def show(
    file: _File,
    content_only: Annotated[
        bool,
        typer.Option(
            "--content",
            help="Only the bytes of the file, to standard output"
            " (on a terminal, control characters are escaped).",
        ),
    ] = False,
) -> None:
    """Show one file: its facts, its content as it was issued, and what its bucket holds.

    The content comes from Kafka (report-issues), which is the truth; the bucket is held against it.

    Example: settle reports show ACME/tpj_aging/2026-03-09_0930_aged_tpj.csv

    Example: settle reports show ACME/tpj_aging/2026-03-09_0930_aged_tpj.csv --content > aged.csv
    """
    settings = read_settings()
    client, key = _client_and_key(file)
    issued, content = _run(settings, _issued(settings, client, key))
    if content_only:
        if sys.stdout.isatty():
            _show_content(content)
        else:
            sys.stdout.buffer.write(content)
        return
    from agents.issued_reports import issued_reports

    of_client = _run(settings, issued_reports(broker(settings), settings.partitions, client))
    known = next((report for report in of_client if report.key == key), None)
    if known is None:
        raise Failure(f"{client}/{key}: its state is not to be found; try again")
    there = asyncio.run(_there(settings, client, key, content))
    offsets = f"{issued.first} to {issued.last}" if issued.last > issued.first else issued.first
    facts = _facts(known) | {
        "bytes": len(content),
        "bucket": f"{buckets(settings).where(client, key)}: {there}",
        "in Kafka": f"report-issues, offset {offsets}",
    }
    # No table: what is copied from here must not be broken at the width of a terminal.
    for name, value in facts.items():
        if value is not None:
            sys.stdout.write(f"{name.replace('_', ' '):<16}{printable(str(value))}\n")
    sys.stdout.write("\n")
    _show_content(content)


@reports.command("redeliver")
def redeliver(file: _File) -> None:
    """Put one file into its bucket again, as it was issued, if nothing is there.

    For a client that has emptied its bucket, or to try now what is parked. Nothing is said of it in
    Kafka: a ReportDelivered is said once for each file, by the worker. A parked file that is put so
    is found by the worker at its next try, and counts as delivered then. Never replaces anything.

    Example: settle reports redeliver ACME/tpj_aging/2026-03-09_0930_aged_tpj.csv
    """
    from agents.buckets import BucketRefusedError

    settings = read_settings()
    client, key = _client_and_key(file)
    there = buckets(settings)
    _, content = _run(settings, _issued(settings, client, key))
    where = there.where(client, key)
    try:
        created = asyncio.run(there.put(client, key, content))
    except BucketRefusedError as error:
        raise Failure(f"{where}: {error}") from None
    said = "put" if created else "was there, the same bytes"
    sys.stdout.write(f"{where}: {said} ({len(content):,} bytes)\n")


def _check(option: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(allowed)}", param_hint=option)


def _refuse_stranger(settings: Settings, client: str) -> None:
    """Tell a client without files from one that is not there.

    Raises:
        Failure: there is none of this code.
    """
    from agents.issued_reports import known_clients

    known = sorted(_run(settings, known_clients(broker(settings), settings.partitions)))
    if client not in known:
        raise Failure(no_such_client(client, known))


def no_such_client(client: str, known: Sequence[str]) -> str:
    """Return the line for a client that is not among those that there are."""
    there = ", ".join(known[:_CLIENTS_NAMED_MAX]) or "none yet"
    more = len(known) - _CLIENTS_NAMED_MAX
    return (
        f"no such client as {client!r}; there {'is' if len(known) <= 1 else 'are'} {there}"
        f"{f' and {more:,} more' if more > 0 else ''}"
    )


def _client_and_key(file: str) -> tuple[str, str]:
    client, _, key = file.removeprefix("s3://").partition("/")
    if not key:
        raise typer.BadParameter("CLIENT/KEY, as settle reports list shows it", param_hint="FILE")
    return client, key


async def _issued(settings: Settings, client: str, key: str) -> "tuple[IssuedFile, bytes]":
    """Return a file as it was issued.

    Raises:
        Failure: it was not, or its content is gone.
    """
    from agents.issued_files import ContentGoneError, IssuedFiles
    from agents.issued_reports import issued_file
    from topics.partition import partition_of

    kafka = broker(settings)
    file = await issued_file(kafka, settings.partitions, client, key)
    if file is None:
        raise Failure(f"{client}/{key}: no such file was issued; settle reports list shows all")
    reader = IssuedFiles(kafka)
    try:
        return file, await reader.content(partition_of(client, settings.partitions), file)
    except ContentGoneError as error:
        raise Failure(f"{client}/{key}: {error}") from None
    finally:
        await reader.stop()


async def _there(settings: Settings, client: str, key: str, content: bytes) -> str:
    """Say what a bucket holds under a key."""
    from agents.buckets import BucketRefusedError

    try:
        found = await buckets(settings).read(client, key)
    except BucketRefusedError as error:
        return f"can't be read: {error}"
    if found is None:
        return "nothing is there"
    if found != content:
        return f"another content of {len(found):,} bytes"
    return "the same bytes"


def _facts(report: "IssuedReport") -> dict[str, Any]:
    parked = report.parked
    return {
        "client": report.client,
        "key": report.key,
        "report": report.report,
        "issued": milliseconds_text(report.at),
        "rows": report.rows,
        "control_total": report.control_total,
        "sha256": report.sha256,
        "state": report.state,
        "delivered": None if report.delivered_ms is None else _instant(report.delivered_ms),
        "parked_since": None if parked is None else _instant(parked.since_ms),
        "parked_because": None if parked is None else f"{parked.reason}: {parked.detail}",
        "parked_at": None if parked is None else parked.key,
    }


def _show_content(content: bytes) -> None:
    for line in content.decode(errors="replace").removesuffix("\n").split("\n"):
        sys.stdout.write(f"{printable(line)}\n")


def _instant(at_ms: int) -> str:
    return milliseconds_text(at_ms * 1000)


def _show_lines(found: "list[IssuedReport]") -> None:
    """Show a line for each file, its name last and whole at any width: it is copied from here."""
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    rows = max([len(f"{issued.rows:,}") for issued in found] + [len("rows")])
    control = max([len(issued.control_total) for issued in found] + [len("control total")])
    counts = dict.fromkeys(_STATES, 0)
    because: dict[str, str] = {}
    if found:
        head = f"{'issued (CT)':<16}  {'state':<9}  {'rows':>{rows}}  {'control total':>{control}}"
        console.print(f"{head}  file", style="bold")
    for issued in found:
        counts[issued.state] += 1
        time = civil_time_text(issued.at)
        console.print(
            f"{civil_date(issued.at)} {time[:2]}:{time[2:]}"
            f"  [{_STYLES[issued.state]}]{issued.state:<9}[/]"
            f"  {issued.rows:>{rows},}  {issued.control_total:>{control}}"
            f"  {escape(printable(f'{issued.client}/{issued.key}'))}"
        )
        if issued.parked is not None:
            parked = issued.parked
            because[issued.client] = (
                f"{issued.client} is parked since {_instant(parked.since_ms)} at {parked.key}:"
                f" {parked.reason}: {parked.detail}"
            )
    if found:
        console.print()
    for said in because.values():
        console.print(escape(printable(said)), style="bold red")
    total = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    files = "1 file" if len(found) == 1 else f"{len(found):,} files"
    console.print(f"{files}{': ' if total else ''}{total}")


def _run(settings: Settings, work: Coroutine[Any, Any, T]) -> T:
    from scripts.live import run

    return run(settings, work)
