"""Read one JSON value of an input topic (contract section 1)."""

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


_MODELS: dict[str, dict[str, type[Input]]] = {
    topic.name: {event.__name__: event for event in topic.events}
    for topic in CATALOGUE.values()
    if topic.direction == "in"
}


def decode(topic: str, value: object) -> Input | Refused:
    """Return the event in `value`, a JSON value of the input topic `topic`, or the refusal."""
    if not isinstance(value, dict):
        return Refused("MALFORMED", "the value is no JSON object")
    models = _MODELS[topic]
    kind = value.get("type")
    model = models.get(kind) if isinstance(kind, str) else None
    if model is None:
        return Refused("UNKNOWN_TYPE", f"type is {kind!r}, not one of {', '.join(models)}")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "value"
        return Refused("INVALID", f"{place}: {first['msg']}")
