"""What an event that we emit has to look like: the typed dicts of schemas/, and nothing beside."""

from typing import Annotated, Any, Union, cast

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from replay.difference import DifferenceError
from topics.catalogue import CATALOGUE, OUTPUT_TOPICS

_EMITTED = tuple(event for name in OUTPUT_TOPICS for event in CATALOGUE[name].events)
# One schema for all topics; a topic then asks for its own types. Surplus fields are differences.
_SCHEMA: TypeAdapter[dict[str, Any]] = TypeAdapter(
    cast(Any, Annotated[Union[_EMITTED], Field(discriminator="type")]),  # noqa: UP007 - of a tuple
    config=ConfigDict(extra="forbid", strict=True),
)


def check_schema(place: str, event: object) -> dict[str, Any]:
    """Return the event if it fits its schema exactly.

    Raises:
        DifferenceError: it does not, naming the field.
    """
    try:
        return _SCHEMA.validate_python(event)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    stated: dict[str, Any] = event if isinstance(event, dict) else {}
    raise DifferenceError(
        place,
        ".".join(str(part) for part in first["loc"]) or "the line",
        expected=first["msg"],
        found=first.get("input"),
        event_id=stated.get("event_id"),
        account=stated.get("account_id"),
    )
