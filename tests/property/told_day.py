"""A random day (days.py) as it was told, and what every promise asks of it."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from hypothesis import note

from settlement.invariants import books_difference
from tests.property.day_words import CHICAGO, Line
from tests.story import Story

Event = dict[str, Any]
Emitted = list[tuple[str, Event]]


class Told(NamedTuple):
    """What became of a day: `steps` are its lines, each with all that it caused."""

    steps: list[tuple[Line, Emitted]]
    story: Story

    def emitted(self, *topics: str) -> Iterator[Event]:
        """Return what came out, or what came out on some topics."""
        return (
            event for _, out in self.steps for topic, event in out if not topics or topic in topics
        )


def tell(lines: Sequence[Line]) -> Told:
    """Tell a day; the books are looked at after every line and all that it causes."""
    story = Story(known=False, date=lines[0].at.date().isoformat())
    steps: list[tuple[Line, Emitted]] = []
    for line in lines:
        before = len(story.emitted)
        try:
            story.tell(line.topic, line.value)
            difference = books_difference(story.history.books())
            assert difference is None, difference
        except AssertionError:
            note(last_steps([*steps, (line, story.emitted[before:])]))
            raise
        steps.append((line, story.emitted[before:]))
    return Told(steps, story)


def last_steps(steps: list[tuple[Line, Emitted]], count: int = 6) -> str:
    """Return the last lines with what they caused, as a person reads them."""
    told = []
    for number, (line, out) in list(enumerate(steps, 1))[-count:]:
        told.append(f"line {number}: {line.topic} {orjson.dumps(line.value).decode()}")
        told += [f"    -> {topic} {orjson.dumps(event).decode()}" for topic, event in out[-12:]]
    return "\n".join(told)


@lru_cache(maxsize=1 << 14)
def number(text: str) -> Decimal:
    """Read a decimal string."""
    return Decimal(text)


class Book:
    """The journal folded by itself: (ledger account, asset) -> amount."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)

    def add(self, entry: Event) -> None:
        for posting in entry["postings"]:
            self.sums[posting["account"], posting["asset"]] += number(posting["amount"])

    def of(self, account_id: str, what: str, asset: str = "USD") -> Decimal:
        return self.sums[f"customer:{account_id}:{what}", asset]


class Accounts:
    """A field of each account, as the lines have it: its mode, if nothing else is said."""

    def __init__(self, field: str = "mode") -> None:
        self._field = field
        self._values: dict[str, str] = {}

    def add(self, line: Line, out: Emitted) -> None:
        if line.topic == "accounts" and not any(topic == "dead-letters" for topic, _ in out):
            self._values[line.value["account_id"]] = line.value[self._field]

    def of(self, account_id: str) -> str:
        return self._values[account_id]


def models_of(told: Told) -> dict[str, str]:
    """Return the model of each execution, by its id: it governs its call for life."""
    return {event["execution_id"]: event["funding_model"] for event in executions_of(told)}


def is_acted_on(out: Emitted) -> bool:
    return not any(topic == "dead-letters" for topic, _ in out)


def time_of(event: Event) -> dt.datetime:
    return dt.datetime.fromisoformat(event["event_time"])


def on_topics(told: Told, *topics: str) -> Iterator[tuple[str, Event]]:
    return ((topic, event) for _, out in told.steps for topic, event in out if topic in topics)


def executions_of(told: Told) -> Iterator[Event]:
    return (event for event in told.emitted("executions") if event["type"] == "Execution")


def turn_of(execution: Event) -> tuple[str, int, str]:
    """Return an execution's place among those of its account (section 7)."""
    fill = int(execution["execution_id"].rpartition("-")[2])
    return (execution["event_time"], fill, execution["client_order_id"])


def date_of(text: str) -> dt.date:
    """Return the Chicago date of an instant."""
    return dt.datetime.fromisoformat(text).astimezone(CHICAGO).date()


def written(path: Path, lines: Sequence[Line]) -> str:
    """Write lines to a file, and return its name."""
    path.write_bytes(
        b"".join(orjson.dumps({"topic": line.topic, "value": line.value}) + b"\n" for line in lines)
    )
    return str(path)
