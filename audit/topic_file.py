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
from topics.catalogue import CATALOGUE

# What is read of an event before it is compared.
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

    def expect(self, expected: dict[str, Any]) -> Written:
        """Take and return the head, which must be this event.

        The order of postings, and a `detail` that is not given, are not compared.

        Raises:
            DifferenceError: it is another, or there is none.
        """
        head = self.head
        if head is None:
            raise self.unlike(None, expected)
        if "detail" in head.event and head.event["type"] == expected["type"]:
            expected.setdefault("detail", head.event["detail"])
        # As JSON: in Python 1 equals true.
        if _json(head.event) != _json(expected):
            check_schema(self.place(head), head.event)
            raise self.unlike(head, expected)
        if "detail" in expected:
            check_schema(self.place(head), head.event)
        self.head = self._read()
        return head

    def nothing_more(self, why: str) -> None:
        """Demand the topic's end.

        Raises:
            DifferenceError: there is another event.
        """
        if self.head is not None:
            raise self.differs(
                self.head, why, expected="no such event", found=described(self.head.event)
            )

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
        if isinstance(event, dict) and all(isinstance(event.get(name), str) for name in _HEAD):
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


def _json(event: Mapping[str, Any]) -> bytes:
    """Serialize an event; the order of its fields and postings does not matter."""
    if "postings" in event:
        event = {**event, "postings": sorted(map(_json, event["postings"]))}
        event["postings"] = b",".join(event["postings"]).decode()
    return orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
