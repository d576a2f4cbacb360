"""What a refold finds that is not as it was recorded, named as a person looks for it."""

from collections.abc import Mapping
from typing import Any

import orjson

from pipeline.client_books import ClientBooksTask
from pipeline.settlement import SettlementTask
from pipeline.task import Record, Task
from replay.difference import DifferenceError, described

_ROWS = b"rows|"


def unexpected(record: Record, heads: Mapping[tuple[str, int], Record]) -> DifferenceError:
    """Name a record that no writer made at this point, beside what one of them did make."""
    place = f"{record.topic}-{record.partition} offset {record.offset}"
    found = _event(record.value)
    # The one that was meant, if there is any of the same id or key.
    (writer, head) = max(
        heads.items(),
        key=lambda item: (
            _event(item[1].value).get("event_id") == found.get("event_id"),
            item[1].key == record.key,
        ),
        default=(None, None),
    )
    if writer is None or head is None:
        return DifferenceError(place, "what came", expected="nothing more", found=_named(record))
    by = f"what {writer[0]}-{writer[1]} emitted"
    expected = _event(head.value)
    if found and expected.get("event_id") == found.get("event_id"):
        names = [n for n in expected | found if expected.get(n) != found.get(n)]
        if names:
            return DifferenceError(
                f"{place}, {described(expected)}",
                by,
                expected={name: expected.get(name) for name in names},
                found={name: found.get(name) for name in names},
            )
        if head.key != record.key:
            return DifferenceError(
                f"{place}, {described(expected)}", by, expected=head.key, found=record.key
            )
        return DifferenceError(
            place, f"{by}, byte by byte", expected=head.value, found=record.value
        )
    return DifferenceError(place, by, expected=_named(head), found=_named(record))


def _event(value: bytes | None) -> dict[str, Any]:
    """Return an event as it is, or nothing where it is none."""
    try:
        event = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}


def _named(record: Record) -> str:
    event = _event(record.value)
    return described(event) if event else str(record.value)


def _text(value: bytes | None) -> str:
    return "none" if value is None else value.decode(errors="backslashreplace")


def is_in_a_window(kind: type[Task], stored: Mapping[bytes, bytes]) -> bool:
    """Whether a state was stored between two steps of a window: its third time says where."""
    if not issubclass(kind, SettlementTask | ClientBooksTask) or b"time" not in stored:
        return False
    return orjson.loads(stored[b"time"])[2] is not None


def _with_rows_joined(state: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Return a state with the chunks of rows put together: where they end is chance.

    A worker that died began a chunk of its own; what counts is the rows, in their order.
    """
    chunks: dict[bytes, list[tuple[int, bytes]]] = {}
    joined: dict[bytes, bytes] = {}
    for key, value in state.items():
        if key.startswith(_ROWS):
            name, _, number = key.rpartition(b"|")
            chunks.setdefault(name, []).append((int(number), value))
        else:
            joined[key] = value
    for name, numbered in chunks.items():
        rows = [row for _, chunk in sorted(numbered) for row in orjson.loads(chunk)]
        joined[name] = orjson.dumps(rows)
    return joined


def state_difference(
    place: str, expected: dict[bytes, bytes], found: dict[bytes, bytes]
) -> DifferenceError | None:
    """Compare a refolded state with what its topic holds, record by record."""
    wanted, there = _with_rows_joined(expected), _with_rows_joined(found)
    for key in sorted(wanted.keys() | there.keys()):
        if wanted.get(key) != there.get(key):
            return DifferenceError(
                place,
                f"the record {key.decode(errors='backslashreplace')}",
                expected=_text(wanted.get(key)),
                found=_text(there.get(key)),
            )
    return None
