"""JSON Lines in: files plain or gzip, merged by time (contract section 12, `settle replay`)."""

import gzip
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import merge
from io import BufferedReader
from operator import attrgetter
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import orjson

from replay.open_input import open_input
from schemas.event import VALUE_BYTES_MAX, Input
from schemas.instant import DAY, Micros, time_text
from topics.catalogue import CATALOGUE, INPUT_ORDER, REFERENCE_TOPICS
from topics.decode import Refused, decode, may_be_too_deep, read_input

STANDARD_INPUT = "-"
_GZIP_MAGIC = b"\x1f\x8b"
# How many bytes are searched or hashed together.
CHUNK_BYTES = 4 * 1024 * 1024
Stream = BufferedReader | gzip.GzipFile
# What reading a damaged gzip stream raises.
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)
# How often progress is told, in lines.
_TELL_EVERY = 2000
# A longer step is more likely a wrong year than a quiet time, and costs the windows of each day.
GAP_DAYS_MAX = 40
_GAP_MAX = GAP_DAYS_MAX * DAY
_RANK = {topic: rank for rank, topic in enumerate(INPUT_ORDER)}

# The audit reads inputs, too, and shares no rule: what rules decide on is given (usual.py).
if TYPE_CHECKING:
    from replay.usual_tick import QuoteLine
    from settlement.provider_quote import ProviderQuote
    from settlement.submitted_order import SubmittedOrder

Told = Callable[[int], None]
_Place = Callable[[], int]


class UnreadableInputError(Exception):
    """An input that a replay can't begin or go on with; the message names file and line."""


class Usual(NamedTuple):
    """How usual inputs are read in one go; each reader returns None of what it does not know."""

    # Of a line, its number, and its position among the inputs: a usual tick.
    tick: "Callable[[bytes, int, int], QuoteLine | None]"
    # Of a line, its number, and its position among the inputs: a usual order.
    order: "Callable[[bytes, int, int], InputLine | None]"
    # Of a JSON value, by topic.
    values: "Mapping[str, Callable[[Any], ProviderQuote | SubmittedOrder | None]]"


_NOTHING_USUAL = Usual(
    lambda _text, _number, _source: None, lambda _text, _number, _source: None, {}
)


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
    event: "Input | ProviderQuote | SubmittedOrder | Refused"
    text: bytes


# A line with a usual tick is the quote itself.
Line: TypeAlias = "InputLine | QuoteLine"


class InputFiles:
    """The inputs of one replay, merged as a stream; files can be searched ahead of it."""

    def __init__(
        self,
        paths: Iterable[str],
        tell: Told | None = None,
        usual: Usual | None = None,
        shown: Mapping[str, str] | None = None,
        *,
        allow_gaps: bool = True,
    ) -> None:
        """Take inputs; `tell` is called with the bytes read since its last call.

        `usual` parses common lines and values directly into what is decided on; without it every
        value becomes a model. `shown`: how messages name a path, if not by itself. `allow_gaps`:
        permit steps of more than `GAP_DAYS_MAX` between two inputs that move time (section 12).
        """
        self._paths = tuple(paths)
        self._tell = tell
        self._usual = usual or _NOTHING_USUAL
        self._shown = shown or {}
        self._allow_gaps = allow_gaps

    def lines(self) -> Iterator[Line]:
        """Merge the inputs by (`event_time`, topic, position among them, line).

        Raises:
            UnreadableInputError: a file that can't be read, a line that is not `{topic, value}`, or
                one that goes back in time or too far ahead.
        """
        sources = [self._read_file(path, source) for source, path in enumerate(self._paths)]
        # A merge keeps the order of its files, and of their lines, within an instant.
        merged = sources[0] if len(sources) == 1 else merge(*sources, key=attrgetter("at"))
        lines = _by_topic(merged)
        return lines if self._allow_gaps else self._without_gaps(lines)

    def _without_gaps(self, lines: Iterator[Line]) -> Iterator[Line]:
        """Give the lines; refuse the first that is too far behind the input before it."""
        for line in lines:
            yield line
            # Reference data does not start time, and a bad value moves none.
            if line.topic not in REFERENCE_TOPICS and not isinstance(line.event, Refused):
                break
        else:
            return
        last = line.at
        for line in lines:
            if line.at - last > _GAP_MAX:
                raise self._gap(line, last)
            # A bad value stands at the time of the line before it, at most the last.
            last = max(last, line.at)
            yield line

    def _gap(self, line: Line, last: Micros) -> UnreadableInputError:
        name = self._name(self._paths[line.source])
        days = (line.at - last) // DAY
        return UnreadableInputError(
            f"{name}, line {line.number}: event_time {time_text(line.at)} is {days} days after the"
            f" input before it, {time_text(last)}; --allow-gaps permits more than {GAP_DAYS_MAX}"
        )

    def have(self, topic: str) -> bool:
        """Whether any of the inputs, which must be files, has a line of `topic`.

        What can't be read is skipped: `lines` raises an error for it.
        """
        mark = topic.encode()

        def names_topic(chunk: bytes) -> bool:
            return mark in chunk and any(
                mark in line and _topic_of(line) == topic for line in chunk.split(b"\n")
            )

        for path in self._paths:
            try:
                with opened(path) as (file, _):
                    if any(map(names_topic, chunks(file))):
                        return True
            except (OSError, *DAMAGED):
                continue
        return False

    def _name(self, path: str) -> str:
        return self._shown.get(path) or shown_path(path)

    def _read_file(self, path: str, source: int) -> Iterator[Line]:
        name = self._name(path)
        tell, usual_tick, usual_order = self._tell, self._usual.tick, self._usual.order
        at: Micros = 0
        number = 0
        line: Line | None
        try:
            with opened(path) as (file, place_in):
                told, tell_at = 0, _TELL_EVERY
                for number, text in enumerate(file, 1):
                    line = usual_tick(text, number, source) or usual_order(text, number, source)
                    if line is None:
                        line = self._read_line(text, name, source, number, at)
                        if line is None:
                            continue
                    if line.at < at:
                        raise _back_in_time(name, number, line.at, at)
                    at = line.at
                    yield line
                    if number >= tell_at:
                        tell_at = number + _TELL_EVERY
                        if tell is not None and place_in is not None:
                            place = place_in()
                            tell(place - told)
                            told = place
        except DAMAGED as error:
            raise UnreadableInputError(
                f"{name}, after line {number}: the gzip stream is damaged or cut off ({error})"
            ) from None
        except OSError as error:
            raise UnreadableInputError(f"{name}: {error.strerror or error}") from None

    def _read_line(
        self, text: bytes, name: str, source: int, number: int, at: Micros
    ) -> InputLine | None:
        """Read any line, after one of the time `at`; None: it is of a topic that we emit."""
        line = _members(text)
        if line is None:
            raise _no_line(name, number)
        topic = line.topic
        try:
            rank = _RANK.get(topic)
        except TypeError:
            raise _no_line(name, number) from None
        if rank is None:
            if topic not in CATALOGUE:
                raise _no_topic(name, number, topic)
            return None
        usual = self._usual.values.get(topic) if line.is_small else None
        event = (usual(line.value) if usual else None) or _event(line, text)
        # What is refused has no time of its own.
        if isinstance(event, Input):
            at = event.own_time
        elif not isinstance(event, Refused):
            at = event.at
        return InputLine(at, rank, source, number, topic, event, text)


def read_inputs(
    paths: Iterable[str], tell: Told | None = None, *, allow_gaps: bool = True
) -> Iterator[InputLine]:
    """Merge inputs as `InputFiles` does, where nobody looks ahead."""
    return cast("Iterator[InputLine]", InputFiles(paths, tell, allow_gaps=allow_gaps).lines())


def _by_topic(lines: Iterator[Line]) -> Iterator[Line]:
    """Put lines of the same instant in the order of their topics, else as they come."""
    held = next(lines, None)
    if held is None:
        return
    instant: list[Line] = []
    for line in lines:
        if line.at != held.at:
            if instant:
                instant.append(held)
                instant.sort(key=attrgetter("rank"))
                yield from instant
                instant.clear()
            else:
                yield held
        else:
            instant.append(held)
        held = line
    instant.append(held)
    instant.sort(key=attrgetter("rank"))
    yield from instant


def _no_line(name: str, number: int) -> UnreadableInputError:
    return UnreadableInputError(
        f"{name}, line {number}: not a JSON object with a topic and a value"
    )


def _no_topic(name: str, number: int, topic: str) -> UnreadableInputError:
    known = ", ".join(INPUT_ORDER)
    return UnreadableInputError(f"{name}, line {number}: no topic {topic!r}; there are {known}")


def _back_in_time(name: str, number: int, at: Micros, before: Micros) -> UnreadableInputError:
    return UnreadableInputError(
        f"{name}, line {number}: event_time {time_text(at)} goes back in time,"
        f" the line before has {time_text(before)}; sort the file by event_time"
    )


def shown_path(path: str) -> str:
    """Return the path of an input for a message."""
    return "standard input" if path == STANDARD_INPUT else path


@contextmanager
def raw_stream(path: str) -> Iterator[BufferedReader]:
    """Open a file or standard input, as it is stored.

    Raises:
        UnreadableInputError: standard input is closed.
        OSError: the file can't be opened.
    """
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise UnreadableInputError("standard input is closed")
        yield cast("BufferedReader", sys.stdin.buffer)
        return
    with open_input(Path(path)) as file:
        yield file


@contextmanager
def opened(path: str) -> Iterator[tuple[Stream, _Place | None]]:
    """Open a file or standard input and unpack it; also give the position in a regular file.

    Raises:
        UnreadableInputError: standard input is closed.
        OSError: the file can't be opened.
    """
    with raw_stream(path) as stream:
        regular = path != STANDARD_INPUT and S_ISREG(os.fstat(stream.fileno()).st_mode)
        yield _unpacked(stream), stream.tell if regular else None


def _unpacked(raw: BufferedReader) -> Stream:
    packed = raw.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
    return gzip.GzipFile(fileobj=raw) if packed else raw


def chunks(file: Stream) -> Iterator[bytes]:
    """Read a stream in large chunks of whole lines."""
    while chunk := file.read(CHUNK_BYTES):
        yield chunk + file.readline()


def _topic_of(text: bytes) -> object:
    """Return the topic of a line, None if it has none."""
    line = _members(text)
    return None if line is None else line.topic


class _Members(NamedTuple):
    """A line's topic and value.

    `is_small`: the value is within the limits of contract section 1, without a look at its bytes.
    Otherwise it may be no JSON at all, and None.
    """

    topic: Any
    value: Any
    is_small: bool


def _members(text: bytes) -> _Members | None:
    """Return a line's topic and value, None if it is not `{topic, value}`."""
    try:
        line = orjson.loads(text)
        is_small = len(text) <= VALUE_BYTES_MAX and not may_be_too_deep(text)
        return _Members(line["topic"], line["value"], is_small)
    except orjson.JSONDecodeError:
        # The value alone may be wrong, or too deep to be parsed.
        raw = _raw_members(text)
        if "value" not in raw:
            return None
        try:
            return _Members(orjson.loads(raw["topic"]), None, is_small=False)
        except (orjson.JSONDecodeError, KeyError):
            return None
    except (KeyError, TypeError):
        return None


def event_of(text: bytes) -> Input | Refused:
    """Return the event in a line that was read, or why it is dead-lettered for its form."""
    line = _members(text)
    if line is None:
        raise AssertionError("a line that was read has a topic and a value")
    return _event(line, text)


def _event(line: _Members, text: bytes) -> Input | Refused:
    if line.is_small:
        event = decode(line.topic, line.value)
        if not isinstance(event, Refused):
            return event
    raw = raw_value(text)
    return read_input(line.topic, line_key(line.topic, raw), raw)


# What matters to find where a JSON value ends: strings, brackets, and what stands between members.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[][{},:]|[^][{},:"\s]+', re.DOTALL)


def raw_value(text: bytes) -> bytes:
    """Return the bytes of `value` in a line that was read, as they are."""
    return _raw_members(text)["value"]


def line_key(topic: str, raw: bytes) -> bytes | None:
    """Return the Kafka key that `settle produce` gives a value, None if it names none."""
    name = CATALOGUE[topic].key
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    key = value.get(name) if isinstance(value, dict) and name is not None else None
    return key.encode() if isinstance(key, str) else None


def _raw_members(text: bytes) -> dict[str, bytes]:
    """Return the members of a line that is an object, whatever their values are; else none.

    A member that is given twice: the last counts.
    """
    members: dict[str, bytes] = {}
    depth = 0
    key: bytes | None = None
    start = end = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if text[end : token.start()].strip() or (depth == 0 and (end or mark != b"{")):
            return {}  # an open string, or more than one object
        if depth == 1 and key is None and mark.startswith(b'"'):
            key = mark
        elif depth == 1 and mark == b":" and not start:
            start = token.end()
        elif depth == 1 and mark in b",}":
            raw = text[start:end].strip()
            if key is not None and start and raw:
                members[_text_of(key)] = raw
            key, start = None, 0
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
        end = token.end()
    return {} if depth or text[end:].strip() else members


def _text_of(string: bytes) -> str:
    try:
        return cast("str", orjson.loads(string))
    except orjson.JSONDecodeError:
        return ""
