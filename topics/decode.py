"""Read one record of an input topic: its event, or why it is dead-lettered for its form.

The form checks stand here in the order of contract section 1, for both engines.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from pydantic import ValidationError

from schemas.dead_letter import DeadLetterReason
from schemas.event import KEY_BYTES_MAX, LEVELS_MAX, VALUE_BYTES_MAX, Input
from topics.catalogue import CATALOGUE
from topics.partition import partition_of


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a value is not acted on, in a code and in words."""

    reason: DeadLetterReason
    detail: str


# By topic and type: the model's own reader, one call less than `model_validate`.
_READERS: dict[str, dict[str, Callable[[object], Input]]] = {
    topic.name: {
        event.__name__: event.__pydantic_validator__.validate_python for event in topic.events
    }
    for topic in CATALOGUE.values()
    if topic.direction == "in"
}
# A string, or one bracket. A string without an end reaches to the end of the value.
_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[][{}]', re.DOTALL)


def read_input(
    topic: str,
    key: bytes | None,
    value: bytes | None,
    partition: int = 0,
    partitions: int = 1,
) -> Input | Refused:
    """Return the event in a record of the input topic `topic`, or the first form check it fails.

    `partition` is the record's own, one of `partitions`.
    """
    refused = _too_large(key, value)
    if refused is not None:
        return refused
    if value is None:
        return Refused("MALFORMED", "the record has no value")
    try:
        event = decode(topic, orjson.loads(value))
    except orjson.JSONDecodeError as error:
        return Refused("MALFORMED", f"not JSON: {error}")
    if isinstance(event, Refused):
        return event
    return _wrong_partition(topic, event, partition, partitions) or event


def decode(topic: str, value: object) -> Input | Refused:
    """Return the event in `value`, a JSON value of the input topic `topic`, or the refusal.

    These are the checks of `read_input` that need neither bytes nor a partition.
    """
    if not isinstance(value, dict):
        return Refused("MALFORMED", "the value is no JSON object")
    readers = _READERS[topic]
    kind = value.get("type")
    reader = readers.get(kind) if isinstance(kind, str) else None
    if reader is None:
        return Refused("UNKNOWN_TYPE", f"type is {kind!r}, not one of {', '.join(readers)}")
    try:
        event = reader(value)
        event.own_time  # noqa: B018 - a day that does not exist is refused here
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        return Refused("INVALID", f"{place}: {what}" if place else what)
    except ValueError as error:
        return Refused("INVALID", f"event_time: {error}")
    return event


def may_be_too_deep(text: bytes) -> bool:
    """Whether a value may have too many levels: it has more brackets than levels are allowed."""
    return text.count(b"{") + text.count(b"[") > LEVELS_MAX


def _too_large(key: bytes | None, value: bytes | None) -> Refused | None:
    if value is not None and len(value) > VALUE_BYTES_MAX:
        return Refused("TOO_LARGE", f"the value has {len(value)} bytes, not {VALUE_BYTES_MAX}")
    if key is not None and len(key) > KEY_BYTES_MAX:
        return Refused("TOO_LARGE", f"the key has {len(key)} bytes, not {KEY_BYTES_MAX}")
    if value is not None and may_be_too_deep(value) and (levels := _levels(value)) > LEVELS_MAX:
        return Refused("TOO_LARGE", f"the value has {levels} levels of nesting, not {LEVELS_MAX}")
    return None


def _levels(value: bytes) -> int:
    """Count the most brackets that are open at once, outside of strings, without parsing."""
    open_now = most = 0
    for found in _STRING_OR_BRACKET.finditer(value):
        mark = found[0]
        if mark in b"{[":
            open_now += 1
            most = max(most, open_now)
        elif mark in b"}]":
            open_now = max(0, open_now - 1)
    return most


def _wrong_partition(topic: str, event: Input, partition: int, partitions: int) -> Refused | None:
    """Refuse a keyed input that lies in another partition than its key belongs to."""
    field = CATALOGUE[topic].key
    if field is None:
        return None
    key: str = getattr(event, field)
    right = partition_of(key, partitions)
    if right == partition:
        return None
    return Refused(
        "WRONG_PARTITION", f"{field} {key} belongs to partition {right}: murmur2 of the key"
    )
