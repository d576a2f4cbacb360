"""`settle dump`: all topics of a live pipeline into one file, with the order that was applied."""

import sys
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import orjson
import typer

from pipeline.task import Record
from replay.quotes import replaced_when_complete
from schemas.instant import milliseconds_text
from scripts.errors import Failure
from scripts.progress import byte_progress
from scripts.settings import broker, read_settings
from topics.catalogue import CATALOGUE

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from agents.record_batches import Header

_STANDARD_OUTPUT = "-"
# A refold gives the states again.
_DUMPED = tuple(name for name, topic in CATALOGUE.items() if topic.cleanup != "compact")


def dump(
    out: Annotated[
        str, typer.Option(metavar="FILE", help="JSON Lines; gzip if it ends in .gz; - to print.")
    ],
) -> None:
    """Write every record of every topic, as it is now, with the order in which inputs were applied.

    Each line is {"topic", "partition", "offset", "append_time", "key", "value"}, or "raw" (base64)
    for a value that is not JSON as we write it, and "key_raw" (base64) for a key that is not UTF-8.
    "headers" lists other headers than those of CloudEvents, as {"key", "value"}, or "key_raw" and
    "raw" (base64) where they are not UTF-8. `settle replay --recorded` ignores headers.

    Example: settle dump --out day.jsonl.gz
    """
    from agents.live_topics import UnverifiableTopicsError, as_read, read_records
    from agents.record_batches import headers_kept
    from scripts.live import run

    settings = read_settings()
    lines = 0
    try:
        with _opened(out) as file, byte_progress("dumping", 0) as tell:

            def took(record: "ConsumerRecord") -> None:
                nonlocal lines
                written = file.write(dump_line(as_read(record), record.headers))
                lines += 1
                if tell is not None:
                    tell(written)

            with headers_kept():
                run(settings, read_records(broker(settings), took, _DUMPED))
    except UnverifiableTopicsError as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"{out}: {error.strerror or error}; nothing was written") from None
    sys.stderr.write(f"{lines:,} records in {out}\n")


def dump_line(record: Record, headers: "Iterable[Header]" = ()) -> bytes:
    """Return one record, and those of its headers that repeat nothing, as a line of a dump."""
    line = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "append_time": milliseconds_text(record.appended_ms * 1000),
        **_key(record.key),
    }
    line |= _value(record.value)
    # Those of CloudEvents repeat what the value says.
    if kept := [_header(header) for header in headers if not header[0].startswith("ce_")]:
        line["headers"] = kept
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _header(header: "Header") -> dict[str, str | None]:
    name, value = header
    line: dict[str, str | None] = {}
    try:
        line["key"] = name.encode().decode()
    except UnicodeEncodeError:  # an escaped byte
        line["key_raw"] = b64encode(name.encode(errors="surrogateescape")).decode()
    try:
        line["value"] = None if value is None else value.decode()
    except UnicodeDecodeError:
        line["raw"] = b64encode(value or b"").decode()
    return line


def _key(key: bytes | None) -> dict[str, Any]:
    """Return the key as text if it is UTF-8, else as its bytes are."""
    try:
        return {"key": None if key is None else key.decode()}
    except UnicodeDecodeError:
        return {"key_raw": b64encode(key or b"").decode()}


def _value(value: bytes | None) -> dict[str, Any]:
    """Return the value as JSON if that gives the same bytes again, else as they are."""
    if value is None:
        return {"value": None}
    try:
        read = orjson.loads(value)
        if orjson.dumps(read) == value and read is not None:
            return {"value": read}
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # the latter: too deep to be written
        pass
    return {"raw": b64encode(value).decode()}


@contextmanager
def _opened(out: str) -> Iterator[BinaryIO]:
    """Open the file aside; show it under its name when it is whole."""
    if out == _STANDARD_OUTPUT:
        yield sys.stdout.buffer
        return
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_when_complete(path) as file:
        yield file
