"""The events of a replay directory, topic by topic, a line at a time."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from replay.open_input import open_input
from replay.output import SUMMARY

Event = dict[str, Any]

# How often progress is told, in bytes.
_TELL_EVERY = 1 << 20


class UnreadableDayError(Exception):
    """The directory can't be shown; the message says where and why."""


class TopicEvents:
    """Reads the topics of one directory; `place` is the line that was read last."""

    def __init__(self, directory: Path, tell: Callable[[int], None] | None = None) -> None:
        """Take the directory; `tell` hears how many bytes have been read since it last heard."""
        self._directory = directory
        self._tell = tell or (lambda _: None)
        self.place = SUMMARY

    def summary(self) -> Event:
        """Return what the replay counted.

        Raises:
            UnreadableDayError: it is not there, or no JSON object.
        """
        self.place = SUMMARY
        with self._open(SUMMARY) as file:
            return self._object(file.read())

    def of(self, topic: str, only: bytes = b"") -> Iterator[Event]:
        """Return a topic's events in order; `only` those whose bytes hold this text.

        Raises:
            UnreadableDayError: the file is not there, or a line is no JSON object.
        """
        name = f"topics/{topic}.jsonl"
        read = 0
        with self._open(name) as lines:
            for number, line in enumerate(lines, 1):
                read += len(line)
                if read >= _TELL_EVERY:
                    self._tell(read)
                    read = 0
                if only in line:
                    self.place = f"{name} line {number}"
                    yield self._object(line)
        self._tell(read)

    def _open(self, name: str) -> Any:  # noqa: ANN401 - a binary file; typeshed has no short name
        try:
            return open_input(self._directory / name)
        except FileNotFoundError:
            raise UnreadableDayError(
                f"no {name} in it, so it is no replay directory; settle replay makes one with --out"
            ) from None

    def _object(self, text: bytes) -> Event:
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise UnreadableDayError(f"{self.place}: no JSON object")
        return value
