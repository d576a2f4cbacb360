"""Read one JSON value of an input topic (contract section 1)."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError

from schemas.dead_letter import DeadLetterReason
from schemas.event import Input
from topics.catalogue import CATALOGUE


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


def decode(topic: str, value: object) -> Input | Refused:
    """Return the event in `value`, a JSON value of the input topic `topic`, or the refusal."""
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
        place = ".".join(str(part) for part in first["loc"]) or "value"
        return Refused("INVALID", f"{place}: {first['msg'].removeprefix('Value error, ')}")
    except ValueError as error:
        return Refused("INVALID", f"event_time: {error}")
    return event
