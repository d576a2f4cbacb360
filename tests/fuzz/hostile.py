"""Values that are refused for their form, keys and headers of any bytes, and unusual dress."""

import json
import random
from collections.abc import Callable
from typing import Any

import orjson

from tests.fuzz.sent import Headers, Tag
from tests.fuzz.world import Event
from topics.catalogue import CATALOGUE

# Required fields of each type, by the schema; without `type`, which makes another refusal.
_REQUIRED: dict[str, tuple[str, ...]] = {}
_ALL: dict[str, tuple[str, ...]] = {}
for _topic in CATALOGUE.values():
    if _topic.direction == "in":
        for _model in _topic.events:
            _names = {n: f.is_required() for n, f in _model.model_fields.items() if n != "type"}
            _ALL[_model.__name__] = tuple(_names)
            _REQUIRED[_model.__name__] = tuple(n for n, required in _names.items() if required)

VALUE_BYTES_MAX = 65_536
LEVELS_MAX = 32
KEY_BYTES_MAX = 256


def nested(levels: int) -> bytes:
    """Return a JSON list of so many levels."""
    return b"[" * levels + b"]" * levels


def with_field(value: bytes, name: str, content: bytes) -> bytes:
    """Return a JSON object with one more field, as it is written."""
    return value[:-1] + b',"' + name.encode() + b'":' + content + b"}"


def padded(value: bytes, length: int) -> bytes:
    """Return a JSON object of exactly so many bytes, by an unknown field."""
    room = length - len(with_field(value, "pad", b'""'))
    return with_field(value, "pad", b'"' + b"x" * room + b'"')


def _malformed(rng: random.Random, value: bytes) -> bytes | None:
    return rng.choice(
        (
            None,
            b"",
            b" ",
            b"\x00",
            b"null",
            b"[]",
            b"17",
            b'"text"',
            b"{",
            b"\xff\xfe" + value[:40],
            value[:-1],
            value + b"}",
            value + b"\x00",
            b"\xef\xbb\xbf" + value,
            value[:-1] + b',"x":NaN}',
            value[:-1] + b',"x":"\\ud800"}',
            value[:-1] + b',"x":"\xc3"}',
            value[:-1] + b",}",
            rng.randbytes(rng.randrange(1, 200)),
        )
    )


def _unknown_type(rng: random.Random, event: Event) -> bytes:
    kind: object = rng.choice(
        (None, 5, [], {}, "", "ordersubmitted", "Execution", "T" * 60_000, "\u0000")
    )
    other = dict(event, type=kind)
    if rng.random() < 0.2:
        del other["type"]
    return orjson.dumps(other)


def _invalid(rng: random.Random, event: Event) -> bytes:
    kind = event["type"]
    bad = dict(event)
    if rng.random() < 0.5:
        del bad[rng.choice([name for name in _REQUIRED[kind] if name in bad])]
    else:
        name = rng.choice([name for name in _ALL[kind] if name in bad])
        bad[name] = rng.choice(({}, [[]], {"$gt": ""}))
    return orjson.dumps(bad)


def _too_large(rng: random.Random, value: bytes) -> bytes:
    roll = rng.random()
    if roll < 0.5:
        return with_field(value, "deep", nested(rng.choice((LEVELS_MAX, 50, 300, 2_000))))
    if roll < 0.98:
        return padded(value, rng.choice((VALUE_BYTES_MAX + 1, 70_000, 90_000)))
    return padded(value, 900_000)


def _nearly(rng: random.Random, event: Event) -> bytes:
    """Return an event with one field changed to anything: acted on or not, it stops nothing."""
    changed = dict(event)
    name = rng.choice([name for name in event if name not in {"type", "event_time"}])
    changed[name] = rng.choice(
        (
            None,
            True,
            0,
            -1,
            1.5,
            10**30,
            "",
            "0",
            "-0",
            "1e5",
            "+1",
            "007",
            "1.",
            ".5",
            "NaN",
            "0.000000000000000000000000001",
            "999999999999999",
            "٣",
            "a\u0000b",
            "\u001b[31m",
            "../../etc/passwd",
            "x" * 10_000,
            [],
            {"a": {"b": [None]}},
        )
    )
    try:
        return orjson.dumps(changed)
    except TypeError:  # an integer of more than 64 bits
        return json.dumps(changed).encode()


Maker = Callable[[random.Random, Event], tuple[bytes | None, str]]
MAKERS: tuple[Maker, ...] = (
    lambda rng, event: (_malformed(rng, orjson.dumps(event)), "MALFORMED"),
    lambda rng, event: (_unknown_type(rng, event), "UNKNOWN_TYPE"),
    lambda rng, event: (_invalid(rng, event), "INVALID"),
    lambda rng, event: (_too_large(rng, orjson.dumps(event)), "TOO_LARGE"),
    lambda rng, event: (_nearly(rng, event), ""),
    lambda rng, event: (_nearly(rng, event), ""),
)


def hostile(rng: random.Random, event: Event) -> tuple[bytes | None, Tag]:
    """Return a value that was made from a valid event, and what must become of it."""
    value, expected = rng.choices(MAKERS, (5, 4, 6, 1, 4, 4))[0](rng, event)
    return value, Tag(event["type"], expected, step="nearly valid" if not expected else "")


def dressed(rng: random.Random, event: Event) -> bytes:
    """Return an event as JSON in a form that means the same."""
    roll = rng.random()
    if roll < 0.9:
        return orjson.dumps(event)
    shuffled: dict[str, Any] = dict(rng.sample(list(event.items()), len(event)))
    if roll < 0.94:
        return json.dumps(shuffled, indent=2).encode()
    if roll < 0.97:
        shuffled["unknown"] = rng.choice((1.5, [1, {"type": "x"}], "\\", None))
        return json.dumps(shuffled, ensure_ascii=False).encode()
    # The last of two fields of one name counts.
    return b'{"event_id":"first",' + orjson.dumps(event)[1:]


def key(rng: random.Random, right: bytes | None) -> bytes | None:
    """Return a Kafka key: only the partition counts, not the key itself."""
    if rng.random() < 0.95:
        return right
    return rng.choice((None, b"", b"\xff\xfe\xfd", b"other", b"k" * KEY_BYTES_MAX, b"\x00"))


def headers(rng: random.Random) -> Headers:
    """Return the headers of a record, which nobody reads."""
    roll = rng.random()
    if roll < 0.9:
        return ()
    if roll < 0.99:
        return (("ce_id", b"\xff\x00"), ("ce_type", b""), ("", b"x"), ("traceparent", None))
    if roll < 0.999:
        return tuple((f"h{n}", b"v" * n) for n in range(100))
    return (("big", b"h" * 200_000),)
