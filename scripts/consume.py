"""`settle consume TOPIC`: events as a person reads them, or bare for a program."""

import contextlib
import sys
from base64 import b64decode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from schemas.instant import micros, milliseconds_text
from schemas.printable import printable
from scripts.errors import Failure
from scripts.settings import Settings, broker, read_settings
from topics.catalogue import CATALOGUE
from topics.partition import partition_of

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, TopicPartition

# Said in the head of a line, or of no interest to a person.
_NOT_SHOWN = frozenset({"type", "event_id", "event_time", "cause_id", "entry_id"})

_SPACES = bytes.maketrans(b"\t\r\n", b"   ")


def consume(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="See settle topics list.")],
    start: Annotated[
        str,
        typer.Option("--from", metavar="beginning|end|TIME", help="TIME: when it was appended."),
    ] = "beginning",
    key: Annotated[str | None, typer.Option(help="Only events of this key.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until Ctrl-C, or nobody reads.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The bare values, a line each.")] = False,
) -> None:
    """Show what is committed in a topic.

    A line says when it was appended, its partition and offset, its key, its type and its fields.
    Each partition is in its own order; piped through sort, all are in the order of their times.

    Example: settle consume cash-calls --key ACME0001 --follow

    Example: settle consume executions --from 2026-03-02T15:00:00Z --json
    """
    from scripts.live import Interrupted, check_partitions, run

    if topic not in CATALOGUE:
        raise Failure(f"no topic {topic!r}; there are {', '.join(CATALOGUE)}")
    if start not in {"beginning", "end"}:
        try:
            micros(start)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--from") from None
    shown = _Shown(as_json=as_json)
    settings = read_settings()
    check_partitions(settings, [topic])
    # Following ends with Ctrl-C: that is no failure.
    with contextlib.suppress(*[Interrupted] * follow):
        run(settings, _consume(settings, topic, start, key, shown, follow=follow))


async def _consume(
    settings: Settings, topic: str, start: str, key: str | None, shown: "_Shown", *, follow: bool
) -> None:
    from aiokafka import TopicPartition

    from agents.broker import RECORDS_PER_FETCH_MAX

    partitions = range(settings.partitions)
    if key is not None and CATALOGUE[topic].key is not None and topic != "journal":
        partitions = range(right := partition_of(key, settings.partitions), right + 1)
    places = [TopicPartition(topic, partition) for partition in partitions]
    consumer = broker(settings).consumer()
    try:
        await consumer.start()
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await _seek(consumer, ends, start)
        while follow or any([await consumer.position(place) < ends[place] for place in places]):
            fetched = await consumer.getmany(timeout_ms=200, max_records=RECORDS_PER_FETCH_MAX)
            for records in fetched.values():
                for record in records:
                    if key is None or record.key == key.encode():
                        shown.show(record)
    finally:
        await consumer.stop()


async def _seek(
    consumer: "AIOKafkaConsumer", ends: "dict[TopicPartition, int]", start: str
) -> None:
    if start == "beginning":
        offsets = dict.fromkeys(ends, 0)
    elif start == "end":
        offsets = ends
    else:
        found = await consumer.offsets_for_times(dict.fromkeys(ends, micros(start) // 1000))
        offsets = {
            place: end if found.get(place) is None else found[place].offset
            for place, end in ends.items()
        }
    for place, offset in offsets.items():
        consumer.seek(place, offset)


class _Shown:
    """Where events are shown, and how."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(file=sys.stdout, highlight=False, soft_wrap=True)

    def show(self, record: Any) -> None:  # noqa: ANN401 - aiokafka has no types
        """Show one record."""
        if self._as_json:
            sys.stdout.write(f"{_one_line(record.value or b'null')}\n")
            sys.stdout.flush()
            return
        when = milliseconds_text(record.timestamp * 1000)
        place = f"{record.partition}/{record.offset}"
        try:
            event = orjson.loads(record.value or b"null")
        except orjson.JSONDecodeError:
            event = None
        if not isinstance(event, dict):
            text = escape(repr(record.value))
            self._console.print(f"[dim]{when} {place}[/dim] [red]no JSON object[/red] {text}")
            return
        key = printable((record.key or b"").decode(errors="replace"))
        fields = escape(printable(" ".join(_fields(event))))
        kind = escape(printable(str(event.get("type", ""))))
        self._console.print(f"[dim]{when} {place}[/dim] {escape(key)} [bold]{kind}[/bold] {fields}")


def _one_line(value: bytes) -> str:
    """Return a JSON value in one line that is safe to print; what is no JSON, as text."""
    with contextlib.suppress(orjson.JSONDecodeError):
        orjson.loads(value)
        # Of a JSON value these stand between its parts only.
        value = value.translate(_SPACES)
    return printable(value.decode(errors="replace"))


def _fields(event: dict[str, Any]) -> Iterator[str]:
    for name, value in event.items():
        if name in _NOT_SHOWN or value is None or value == "":
            continue
        text = value if isinstance(value, str) else _json(value)
        if name == "raw" and event.get("type") == "DeadLetter":
            text = _readable(text)
        yield f"{name}={text}"


def _json(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "(nested too deep to be shown)"


def _readable(raw: str) -> str:
    """Return the bytes of a dead letter as text if they are a line of it, else as they are told."""
    try:
        text = b64decode(raw).decode()
    except ValueError:
        return raw
    return text if text.isprintable() else raw
