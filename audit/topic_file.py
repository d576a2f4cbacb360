"""One topic as the replay wrote it: read line by line, each event against its schema."""

from collections import Counter
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from audit.event_schema import check_schema
from replay.difference import DifferenceError, described
from replay.open_input import open_input
from schemas.instant import Micros, micros, time_text
from topics.catalogue import BALANCES, CATALOGUE, FUNDING_UPDATES, JOURNAL

# Of these every event is foretold: one that equals what was expected of it fits its schema, too,
# so only the others are held against it. Not of events with integers: in Python 1 equals true.
_FORETOLD = frozenset({JOURNAL, BALANCES, FUNDING_UPDATES})
# What is looked at before an event is foretold or checked.
_HEAD = ("type", "event_id", "event_time", "cause_id")
# How often progress is told, in bytes.
_TELL_EVERY = 1 << 20


class Written(NamedTuple):
    """One line: its number, counted from 1, its event, and the event's time in microseconds."""

    number: int
    event: dict[str, Any]
    at: Micros


class TopicFile:
    """A topic's lines in order; `head` is the next one, None at the end."""

    def __init__(
        self, directory: Path, topic: str, on_bytes: Callable[[int], None] = lambda _: None
    ) -> None:
        """Open `DIR/topics/<topic>.jsonl`; `on_bytes` is told of bytes that were read.

        Raises:
            DifferenceError: the file is missing.
        """
        self.topic = topic
        self.name = f"topics/{topic}.jsonl"
        self.path = directory / "topics" / f"{topic}.jsonl"
        self._types = frozenset(event.__name__ for event in CATALOGUE[topic].events)
        self._on_bytes = on_bytes
        self._untold = 0
        self._foretold = topic in _FORETOLD
        self.counts: Counter[str] = Counter()
        self.digest = sha256()
        self._number = 0
        self._latest: Micros = -1
        self._before: dict[str, Any] = {}
        try:
            self._lines = open_input(self.path)
        except FileNotFoundError:
            raise DifferenceError(self.name, "the file", expected="a file", found="none") from None
        self.head: Written | None
        try:
            self.head = self._read()
        except BaseException:
            self.close()  # the caller does not have the file yet
            raise

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def take(self) -> Written:
        """Return the head and read the line behind it.

        Raises:
            DifferenceError: the line behind it is no event of this topic, or earlier.
        """
        if self.head is None:
            raise AssertionError(f"{self.name} is at its end")
        taken = self.checked(self.head)
        self.head = self._read()
        return taken

    def expect(self, expected: dict[str, Any]) -> Written:
        """Take and return the head, which must be this event.

        The order of postings, and a `detail` that is not given, are not compared.

        Raises:
            DifferenceError: it is another, or there is none.
        """
        head = self.head
        if head is None:
            raise self.unlike(None, expected)
        if head.event != expected:
            self.checked(head)
            if "detail" in head.event and head.event["type"] == expected["type"]:
                expected.setdefault("detail", head.event["detail"])
            if head.event != expected and not _same_postings(head.event, expected):
                raise self.unlike(head, expected)
        self.head = self._read()
        return head

    def checked(self, line: Written) -> Written:
        """Return a line whose event fits its schema.

        Raises:
            DifferenceError: it does not.
        """
        if self._foretold:
            check_schema(self.place(line), line.event)
        return line

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
            self._on_bytes(self._untold)
            return None
        self._number += 1
        self.digest.update(raw)
        self._untold += len(raw)
        if self._untold >= _TELL_EVERY:
            self._on_bytes(self._untold)
            self._untold = 0
        place = f"{self.name} line {self._number}"
        event = self._event(place, raw)
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
        # Events that stand together often share their time.
        same_time = event["event_time"] == self._before.get("event_time")
        at = self._latest if same_time else _instant(place, event)
        line = Written(self._number, event, at)
        if at < self._latest:
            raise self.differs(
                line,
                "event_time",
                expected="none before that of the line before",
                found=described(event) + " at " + event["event_time"],
            )
        self._latest = at
        self._before = event
        return line

    def _event(self, place: str, raw: bytes) -> dict[str, Any]:
        if not raw.endswith(b"\n"):
            raise DifferenceError(place, "the line", expected="a line feed", found="a cut-off end")
        try:
            event = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise DifferenceError(place, "the line", expected="JSON", found=error) from None
        if (
            self._foretold
            and isinstance(event, dict)
            and all(isinstance(event.get(name), str) for name in _HEAD)
            and event["type"] in self._types
            and isinstance(event.get("negative", False), bool)
        ):
            return event
        return check_schema(place, event)


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


def _same_postings(found: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Whether two events differ in nothing but the order of their postings."""
    if "postings" not in expected or "postings" not in found:
        return False
    return {**found, "postings": sorted(found["postings"], key=_order)} == {
        **expected,
        "postings": sorted(expected["postings"], key=_order),
    }


def _order(posting: Mapping[str, str]) -> tuple[str, str, str]:
    return (posting["account"], posting["asset"], posting["amount"])
