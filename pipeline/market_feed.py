"""Reference data on `market-feed`: as it was validated, never as it came.

A forwarded event has the fields that its schema names, and `own_time`: the time e at which market
decided on it, which is its own time for everybody that reads it there (contract section 4).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.client import ClientUpdated
from schemas.event import Input
from schemas.instant import Micros, micros, time_text
from schemas.instrument import InstrumentUpdated
from topics.catalogue import CLIENTS, INSTRUMENTS, MARKET_FEED
from topics.decode import Refused, decode

_TOPICS = {ClientUpdated.__name__: CLIENTS, InstrumentUpdated.__name__: INSTRUMENTS}


class Forwarded(NamedTuple):
    """An event that market forwarded, and its own time."""

    event: Input
    at: Micros


def forwarded(event: ClientUpdated | InstrumentUpdated, at: Micros) -> dict[str, Any]:
    """Return an event of the own time `at` as market forwards it."""
    return event.model_dump() | {"own_time": time_text(at)}


def read_forwarded(value: Mapping[str, Any]) -> Forwarded:
    """Read an event that market forwarded.

    Raises:
        AssertionError: it is not one.
    """
    event = decode(_TOPICS[value["type"]], value)
    if isinstance(event, Refused):
        raise AssertionError(f"{MARKET_FEED} has what market let pass: {event.detail}")  # noqa: TRY004 - a broken invariant
    # An earlier version forwarded no `own_time`.
    return Forwarded(event, micros(value.get("own_time", value["event_time"])))
