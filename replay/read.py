"""JSON Lines in: files plain or gzip, merged by time (contract section 12, `settle replay`)."""

import gzip
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import merge
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import orjson

from schemas.event import Input
from schemas.instant import Micros, time_text
from topics.catalogue import CATALOGUE, INPUT_ORDER
from topics.decode import Refused, decode

STANDARD_INPUT = "-"
_GZIP_MAGIC = b"\x1f\x8b"
# How often progress is told, in lines.
_TELL_EVERY = 2000
_RANK = {topic: rank for rank, topic in enumerate(INPUT_ORDER)}

if TYPE_CHECKING:
    from io import BufferedReader

Told = Callable[[int], None]
_Place = Callable[[], int]


class UnreadableInputError(Exception):
    """An input that a replay can't begin or go on with; the message names file and line."""


@dataclass(slots=True)
class InputLine:
    """One line: its event, or why its value is bad.

    `at` orders it; a bad value stands at the time of the line before it.
    """

    at: Micros
    rank: int
    source: int
    number: int
    topic: str
    event: Input | Refused
    text: bytes


def read_inputs(paths: Iterable[str], tell: Told | None = None) -> Iterator[InputLine]:
    """Merge inputs by (`event_time`, topic, position among `paths`, line).

    `tell` hears how many bytes of the files have been read since it was last told.

    Raises:
        UnreadableInputError: a file that can't be read, a line that is not `{topic, value}`, or one
            that goes back in time.
    """
    sources = [_read_file(path, source, tell) for source, path in enumerate(paths)]
    merged = sources[0] if len(sources) == 1 else merge(*sources, key=attrgetter("at"))
    return _by_topic(merged)


def _by_topic(lines: Iterator[InputLine]) -> Iterator[InputLine]:
    """Put lines of the same instant in the order of their topics."""
    instant: list[InputLine] = []
    for line in lines:
        if instant and line.at != instant[0].at:
            if len(instant) > 1:
                instant.sort(key=attrgetter("rank", "source", "number"))
            yield from instant
            instant.clear()
        instant.append(line)
    instant.sort(key=attrgetter("rank", "source", "number"))
    yield from instant


def _read_file(path: str, source: int, tell: Told | None) -> Iterator[InputLine]:
    name = "standard input" if path == STANDARD_INPUT else path
    at: Micros = 0
    number = 0
    try:
        with _opened(path) as (place_in, lines):
            told = 0
            for number, text in enumerate(lines, 1):
                line = _read_line(name, number, text, source, at)
                if line is None:
                    continue
                at = line.at
                yield line
                if tell is not None and not number % _TELL_EVERY:
                    place = place_in()
                    tell(place - told)
                    told = place
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableInputError(
            f"{name}, after line {number}: the gzip stream is damaged or cut off ({error})"
        ) from None
    except OSError as error:
        raise UnreadableInputError(f"{name}: {error.strerror or error}") from None


@contextmanager
def _opened(path: str) -> Iterator[tuple[_Place, Iterable[bytes]]]:
    """Open a file or standard input, plain or gzip; also give the place in the file itself."""
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise UnreadableInputError("standard input is closed")
        pipe = cast("BufferedReader", sys.stdin.buffer)
        # A pipe has no place.
        yield (lambda: 0), _lines(pipe, pipe.peek(len(_GZIP_MAGIC)))
        return
    with Path(path).open("rb") as file:
        head = file.read(len(_GZIP_MAGIC))
        file.seek(0)
        yield file.tell, _lines(file, head)


def _lines(raw: BinaryIO, head: bytes) -> Iterable[bytes]:
    return gzip.GzipFile(fileobj=raw) if head.startswith(_GZIP_MAGIC) else raw


def _read_line(
    name: str, number: int, text: bytes, source: int, before: Micros
) -> InputLine | None:
    """Read one line; None for a line of a topic that we emit."""
    try:
        line = orjson.loads(text)
        topic = line["topic"]
        value = line["value"]
        rank = _RANK.get(topic)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise UnreadableInputError(
            f"{name}, line {number}: not a JSON object with a topic and a value"
        ) from None
    if rank is None:
        if topic in CATALOGUE:
            return None
        known = ", ".join(INPUT_ORDER)
        raise UnreadableInputError(f"{name}, line {number}: no topic {topic!r}; there are {known}")
    event = decode(topic, value)
    if isinstance(event, Refused):
        return InputLine(before, rank, source, number, topic, event, text)
    at = event.own_time
    if at < before:
        raise UnreadableInputError(
            f"{name}, line {number}: event_time {time_text(at)} goes back in time,"
            f" the line before has {time_text(before)}; sort the file by event_time"
        )
    return InputLine(at, rank, source, number, topic, event, text)


# What matters to find where a JSON value ends: strings, brackets, and what stands between members.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{},:]|[^][{},:"\s]+')


def raw_value(text: bytes) -> bytes:
    """Return the bytes of `value` in a line that was read, as they are."""
    found = b""
    depth = 0
    key: bytes | None = None
    start = end = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if depth == 1 and key is None and mark.startswith(b'"'):
            key = mark
        elif depth == 1 and mark == b":" and not start:
            start = token.end()
        elif depth == 1 and mark in b",}":
            if key is not None and orjson.loads(key) == "value":
                found = text[start:end].strip()  # given twice, the last counts
            key, start = None, 0
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
        end = token.end()
    return found
