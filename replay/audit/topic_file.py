"""One topic as the replay wrote it: read line by line, each event against its schema."""

from collections import Counter
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Union, cast

import orjson
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from replay.audit import numbers
from replay.audit.difference import DifferenceError, described
from schemas.instant import Micros, micros, time_text
from topics.catalogue import CATALOGUE, JOURNAL, OUTPUT_TOPICS

_EMITTED = tuple(event for name in OUTPUT_TOPICS for event in CATALOGUE[name].events)
# One schema for all topics; a topic then asks for its own types. Surplus fields are differences.
_SCHEMA: TypeAdapter[dict[str, Any]] = TypeAdapter(
    cast(Any, Annotated[Union[_EMITTED], Field(discriminator="type")]),  # noqa: UP007 - of a tuple
    config=ConfigDict(extra="forbid", strict=True),
)


class Written(NamedTuple):
    """One line: its number, counted from 1, its event, and the event's time in microseconds."""

    number: int
    event: dict[str, Any]
    at: Micros


class TopicFile:
    """A topic's lines in order; `head` is the next one, None at the end."""

    def __init__(
        self, directory: Path, topic: str, on_line: Callable[[int], None] = lambda _: None
    ) -> None:
        """Open `DIR/topics/<topic>.jsonl`; `on_line` is told the bytes of each line that is read.

        Raises:
            DifferenceError: the file is missing.
        """
        self.topic = topic
        self.name = f"topics/{topic}.jsonl"
        self.path = directory / "topics" / f"{topic}.jsonl"
        self._types = frozenset(event.__name__ for event in CATALOGUE[topic].events)
        self._on_line = on_line
        self.counts: Counter[str] = Counter()
        self.digest = sha256()
        self._number = 0
        self._latest: Micros = -1
        self._before: dict[str, Any] | None = None
        try:
            self._lines = self.path.open("rb")
        except FileNotFoundError:
            raise DifferenceError(self.name, "the file", expected="a file", found="none") from None
        self.head: Written | None = self._read()

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def take(self) -> Written:
        """Return the head and read the line behind it.

        Raises:
            DifferenceError: the line behind it is no event of this topic, or earlier.
        """
        taken = self.head
        if taken is None:
            raise AssertionError(f"{self.name} is at its end")
        self.head = self._read()
        return taken

    def expect(self, expected: Mapping[str, Any]) -> None:
        """Take the head, which must be this event.

        Raises:
            DifferenceError: it is another, or there is none.
        """
        head = self.head
        if head is None or head.event != expected:
            raise self.unlike(head, expected)
        self.head = self._read()

    def nothing_more(self, why: str) -> None:
        """Demand the topic's end.

        Raises:
            DifferenceError: there is another event.
        """
        if self.head is not None:
            raise self.surplus(why)

    def surplus(self, why: str) -> DifferenceError:
        """Return the difference that the head is, which nothing explains."""
        return self.surplus_at(self.head, why)

    def surplus_at(self, line: Written | None, why: str) -> DifferenceError:
        """Return the difference that this line is, which nothing explains."""
        found = self.described_head() if line is None else described(line.event)
        return self.differs(line, why, expected="no such event", found=found)

    def differs(
        self, line: Written | None, what: str, *, expected: object, found: object
    ) -> DifferenceError:
        """Return a difference at a line of this topic."""
        if line is None:
            return DifferenceError(f"{self.name} end", what, expected=expected, found=found)
        return DifferenceError(
            self.place(line),
            what,
            expected=expected,
            found=found,
            event_id=line.event["event_id"],
            account=line.event.get("account_id") or line.event.get("client"),
        )

    def same(self, line: Written, field: str, expected: object) -> None:
        """Demand a field's value.

        Raises:
            DifferenceError: it is another.
        """
        found = line.event[field]
        if found != expected:
            raise self.differs(line, field, expected=expected, found=found)

    def number(
        self, line: Written, field: str, text: str, read: Callable[[str], int] = numbers.price
    ) -> int:
        """Read one of a line's decimal strings that its schema leaves open.

        Raises:
            DifferenceError: it is no such number.
        """
        try:
            return read(text)
        except ValueError as error:
            raise self.differs(line, field, expected="a number", found=error) from None

    def place(self, line: Written) -> str:
        """Name a line."""
        return f"{self.name} line {line.number}"

    def described_head(self) -> str:
        """Name the head's event, or the end."""
        return "the end of the topic" if self.head is None else described(self.head.event)

    def unlike(self, line: Written | None, expected: Mapping[str, Any]) -> DifferenceError:
        """Return how a line differs from the event expected; None: nothing is there."""
        if line is not None and line.event["event_id"] == expected["event_id"]:
            for field, value in expected.items():
                if line.event.get(field) != value:
                    return self.differs(line, field, expected=value, found=line.event.get(field))
        return DifferenceError(
            self.place(line) if line is not None else f"{self.name} end",
            "the next event",
            expected=described(expected),
            found=described(line.event) if line is not None else "none",
            event_id=expected["event_id"],
            account=expected.get("account_id") or expected.get("client"),
        )

    def _read(self) -> Written | None:
        raw = self._lines.readline()
        if not raw:
            return None
        self._number += 1
        self.digest.update(raw)
        self._on_line(len(raw))
        place = f"{self.name} line {self._number}"
        if not raw.endswith(b"\n"):
            raise DifferenceError(place, "the line", expected="a line feed", found="a cut-off end")
        try:
            event = _SCHEMA.validate_json(raw)
        except ValidationError as error:
            raise _unlike_schema(place, raw, error) from None
        if event["type"] not in self._types:
            raise DifferenceError(
                place,
                "type",
                expected=" or ".join(sorted(self._types)),
                found=event["type"],
                event_id=event["event_id"],
                account=event.get("account_id"),
            )
        self.counts[event["type"]] += 1
        if self.topic == JOURNAL:
            # The order of postings says nothing.
            event["postings"].sort(key=posting_order)
        line = Written(self._number, event, self._instant(place, event))
        if event == self._before:
            raise self.surplus_at(line, "the line before, once more")
        if line.at < self._latest:
            raise self.differs(
                line,
                "event_time",
                expected="none before that of the line before",
                found=described(event) + " at " + event["event_time"],
            )
        self._latest = line.at
        self._before = event
        return line

    @staticmethod
    def _instant(place: str, event: dict[str, Any]) -> Micros:
        text = event["event_time"]
        try:
            at = micros(text)
        except ValueError:
            at = -1
        if at < 0 or time_text(at) != text:
            raise DifferenceError(
                place,
                "event_time",
                expected="a time with six decimals",
                found=text,
                event_id=event["event_id"],
                account=event.get("account_id"),
            )
        return at


def posting_order(posting: Mapping[str, str]) -> tuple[str, str, str]:
    """Sort postings by ledger account, asset and amount."""
    return (posting["account"], posting["asset"], posting["amount"])


def _unlike_schema(place: str, raw: bytes, error: ValidationError) -> DifferenceError:
    first = error.errors(include_url=False)[0]
    event_id = account = None
    try:
        event = orjson.loads(raw)
    except orjson.JSONDecodeError:
        event = None
    if isinstance(event, dict):
        event_id, account = event.get("event_id"), event.get("account_id")
    return DifferenceError(
        place,
        ".".join(str(part) for part in first["loc"]) or "the line",
        expected=first["msg"],
        found=first.get("input"),
        event_id=event_id,
        account=account,
    )
