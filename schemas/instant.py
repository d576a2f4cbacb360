"""Instants: RFC 3339 UTC outside, microseconds since 1970 inside (contract section 1)."""

import datetime as dt
import re
from functools import lru_cache
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

Micros = int

MILLISECOND: Micros = 1_000
SECOND: Micros = 1_000_000
MINUTE: Micros = 60 * SECOND
DAY: Micros = 24 * 60 * MINUTE

TIME_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z$"
# A time that an input states: a year from 2000 to 2099 (contract section 1). What we emit may lie a
# day or a month beyond: a quote's expiry, the next window, when a payment is due.
INPUT_TIME_PATTERN = TIME_PATTERN.replace("[0-9]{4}", "20[0-9]{2}")
# As we write it, and most others.
USUAL_TIME_PATTERN = INPUT_TIME_PATTERN.replace(r"(\.[0-9]{1,6})?", r"\.[0-9]{6}")

# What can be read and written at all.
_YEAR_FIRST = "1970"
_YEAR_LAST = "9998"

_is_time = re.compile(TIME_PATTERN).fullmatch
_is_input_time = re.compile(INPUT_TIME_PATTERN).fullmatch
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_HUNDRED_SECONDS = 100 * SECOND
_MICROSECOND = dt.timedelta(microseconds=1)


# Streams move through time, so a few minutes cover nearly all look-ups of a long replay.
@lru_cache(maxsize=4096)
def _minute_text(minute: int) -> str:
    return (_EPOCH + dt.timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:")


@lru_cache(maxsize=4096)
def micros(text: str) -> Micros:
    """Read an RFC 3339 UTC time.

    Raises:
        ValueError: not `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`, no such day or hour, or out of reach.
    """
    if not _is_time(text):
        raise ValueError(f"{text!r} is no RFC 3339 UTC time such as 2026-03-02T14:30:00.000000Z")
    if not _YEAR_FIRST <= text[:4] <= _YEAR_LAST:
        raise ValueError(f"{text} is not in the years {_YEAR_FIRST} to {_YEAR_LAST}")
    return (dt.datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND


# The earliest time of an input.
FIRST_TIME: Micros = micros("2000-01-01T00:00:00Z")


def input_micros(text: str) -> Micros:
    """Read a time that an input states.

    Raises:
        ValueError: as `micros`, or its year is not one of 2000 to 2099.
    """
    at = micros(text)
    if not _is_input_time(text):
        raise ValueError(f"{text} is not in the years 2000 to 2099")
    return at


def usual_micros(text: str) -> Micros:
    """Read a time as we write it, with six decimals, sooner: its minute was read before.

    Raises:
        ValueError: there is no such day or hour. The form is for who asks to know.
    """
    return _minute_micros(text[:16]) + int(text[17:19] + text[20:26])


# Streams move through time, so that its last minutes come again.
@lru_cache(maxsize=1024)
def _minute_micros(text: str) -> Micros:
    return micros(f"{text}:00Z")


@lru_cache(maxsize=4096)
def time_text(at: Micros) -> str:
    """Write an instant with six decimals, as every event that we emit carries it."""
    return new_time_text(at)


def new_time_text(at: Micros) -> str:
    """Write an instant that nobody has written before: looking it up would take longer."""
    minute, rest = divmod(at, MINUTE)
    digits = str(_HUNDRED_SECONDS + rest)  # so that no zero is lost
    return f"{_minute_text(minute)}{digits[1:3]}.{digits[3:]}Z"


def milliseconds_text(at: Micros) -> str:
    """Write an instant as files do: three decimals, truncated (domain.md section 9)."""
    return in_milliseconds(time_text(at))


def in_milliseconds(text: str) -> str:
    """Write a time that an event of ours carries as files do."""
    return f"{text[:-4]}Z"


def _read(value: object) -> Micros:
    if not isinstance(value, str):
        raise ValueError("an RFC 3339 UTC time is wanted")  # noqa: TRY004 - pydantic wants ValueError
    return input_micros(value)


TimeIn = Annotated[
    int, BeforeValidator(_read), WithJsonSchema({"type": "string", "pattern": INPUT_TIME_PATTERN})
]
InputTimeText = Annotated[str, Field(pattern=INPUT_TIME_PATTERN)]
TimeText = Annotated[str, Field(pattern=TIME_PATTERN)]
DateText = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
