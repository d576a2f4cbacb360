"""The limits of contract section 1, each from both sides."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from replay.usual_order import usual_order, usual_order_value
from replay.usual_tick import usual_tick, usual_tick_value
from scripts.schemas import event_schema
from tests.limits.values import GOOD, HEAD, LIMITS, Case, cases, inputs
from tests.story import Story
from topics.catalogue import CATALOGUE, ORDERS, PRICE_TICKS
from topics.decode import Refused, decode, read_input

CASES = list(cases())
LIMITS_DIRECTORY = Path(__file__).parent.parent / "limits"

Value = dict[str, Any]


def test_every_field_of_every_input_has_a_limit() -> None:
    """A field that is added to a schema has to be added to the table."""
    assert inputs().keys() == GOOD.keys()
    for kind, event in inputs().items():
        assert event.model_fields.keys() - {"type"} == GOOD[kind].keys() | HEAD.keys()
        assert GOOD[kind].keys() <= LIMITS.keys() | {
            "notional",
            "quantity",
            "limit_price",
            "stop_price",
        }


@pytest.mark.parametrize("kind", GOOD)
def test_values_at_a_limit_pass_and_those_beyond_do_not(kind: str) -> None:
    wrong = []
    for case in CASES:
        if case.kind != kind:
            continue
        read = decode(case.topic, case.value)
        if case.fits == isinstance(read, Refused):
            wrong.append((case.field, case.value[case.field], read))
        if isinstance(read, Refused):
            assert read.reason == "INVALID"
            assert read.detail.startswith(f"{case.field}: "), read.detail
    assert wrong == []


@pytest.mark.parametrize("kind", GOOD)
def test_the_schemas_for_other_programs_have_the_same_limits(kind: str) -> None:
    """But for what JSON Schema can't say: signs, digits, decimals, days that do not exist."""
    schema = Draft202012Validator(event_schema(inputs()[kind]))
    unsaid = {"-0.01", "0.001", "0", "0.00", "-1", "0.000000001", "0.0000000000000000001"}
    unsaid |= {"1.000000000000000", "2099-02-29T00:00:00Z"}
    for case in CASES:
        if case.kind == kind and (case.fits or case.value[case.field] not in unsaid):
            assert schema.is_valid(case.value) is case.fits, (case.field, case.value[case.field])


def _line(topic: str, value: Value) -> bytes:
    return orjson.dumps({"topic": topic, "value": value})


@pytest.mark.parametrize("topic", [ORDERS, PRICE_TICKS])
def test_the_fast_parsers_take_nothing_beyond_a_limit(topic: str) -> None:
    """With six decimals in the time, as the fast parsers want it."""
    taken = 0
    for case in CASES:
        if case.topic != topic or case.kind == "OrderCancelRequested":
            continue
        value = {name: field for name, field in case.value.items() if field is not None}
        if case.field != "event_time":
            value["event_time"] = "2026-03-03T18:00:00.000000Z"
        line = _line(topic, value)
        read: list[Any] = (
            [usual_tick(line), usual_tick_value(value)]
            if topic == PRICE_TICKS
            else [usual_order(line), usual_order_value(value)]
        )
        if not case.fits:
            assert read == [None, None], (case.field, case.value[case.field])
        taken += read[0] is not None
    assert taken >= 10


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        pytest.param({"quantity": "999999999999.999"}, False, id="quantity"),
        pytest.param({"quantity": "1000000000000"}, True, id="quantity-beyond"),
        pytest.param({"quantity": "-1000000000000"}, True, id="quantity-negative"),
        pytest.param({"quantity": None, "notional": "999999999999.99"}, False, id="notional"),
        pytest.param({"quantity": None, "notional": "1000000000000"}, True, id="notional-beyond"),
        pytest.param({"limit_price": "999999999999.99"}, False, id="limit"),
        pytest.param({"limit_price": "1000000000000"}, True, id="limit-beyond"),
        pytest.param(
            {"order_type": "STOP_LIMIT", "stop_price": "999999999999.99"}, False, id="stop"
        ),
        pytest.param(
            {"order_type": "STOP_LIMIT", "stop_price": "1000000000000"}, True, id="stop-beyond"
        ),
        pytest.param({"markup_bps": "999999.99999999"}, False, id="markup-bps"),
        pytest.param({"markup_bps": "1000000"}, True, id="markup-bps-beyond"),
        pytest.param({"markup_fixed": "999999999999.999"}, False, id="markup-fixed"),
        pytest.param({"markup_fixed": "1000000000000"}, True, id="markup-fixed-beyond"),
        pytest.param({"commission_bps": "999999.99999999"}, False, id="commission-bps"),
        pytest.param({"commission_bps": "1000000"}, True, id="commission-bps-beyond"),
        pytest.param({"commission_fixed": "999999999999.99"}, False, id="commission-fixed"),
        pytest.param({"commission_fixed": "1000000000000"}, True, id="commission-fixed-beyond"),
    ],
)
def test_an_order_beyond_a_limit_is_rejected(fields: Value, wrong: bool) -> None:
    """It is answered, not dead-lettered (contract section 6)."""
    story = Story()
    story.tick("99.00", "100.00")
    order = {"quantity": "1", "order_type": "LIMIT", "limit_price": "90.00"}
    order |= {"time_in_force": "GTC"} | fields
    happened = story.order("o1", **order)
    reasons = [event["reason"] for event in happened.all("OrderRejected")]
    assert happened.all("DeadLetter") == []
    assert (reasons == ["INVALID_ORDER"]) is wrong


def test_a_very_long_number_is_not_repeated_in_an_answer() -> None:
    story = Story()
    rejected = story.order("o1", quantity="1" * 60_000).one("OrderRejected")
    assert rejected["reason"] == "INVALID_ORDER"
    assert len(rejected["detail"]) < 100


# -- whole records ---------------------------------------------------------------------------------

CLOCK_TICK = b'{"type":"ClockTicked","event_id":"e","event_time":"2026-03-03T18:00:00Z",'
CLOCK_TICK += b'"at":"2026-03-03T18:00:00Z","x":%s}'
ACCOUNT = orjson.dumps({"type": "AccountUpdated"} | HEAD | GOOD["AccountUpdated"])


def _of_bytes(size: int) -> bytes:
    """Return a good value of so many bytes."""
    empty = CLOCK_TICK % b'""'
    return CLOCK_TICK % (b'"' + b"x" * (size - len(empty)) + b'"')


def _of_levels(levels: int) -> bytes:
    """Return a good value of so many levels, of which the object is the first."""
    return CLOCK_TICK % (b"[" * (levels - 1) + b"]" * (levels - 1))


@pytest.mark.parametrize(
    ("topic", "key", "value", "reason"),
    [
        pytest.param("clock", None, _of_bytes(65_536), None, id="65,536-bytes"),
        pytest.param("clock", None, _of_bytes(65_537), "TOO_LARGE", id="65,537-bytes"),
        pytest.param("clock", None, _of_levels(32), None, id="32-levels"),
        pytest.param("clock", None, _of_levels(33), "TOO_LARGE", id="33-levels"),
        pytest.param("clock", None, _of_levels(1_100), "TOO_LARGE", id="beyond-the-parser"),
        pytest.param("clock", None, CLOCK_TICK % (b"[" + b"[]," * 40 + b"1]"), None, id="wide"),
        pytest.param("clock", None, CLOCK_TICK % (b'"' + b"[" * 99 + b'"'), None, id="in-a-string"),
        pytest.param(
            "clock", None, CLOCK_TICK % (b'"\\"' + b"[" * 99 + b'"'), None, id="behind-a-quote"
        ),
        pytest.param(
            "clock",
            None,
            CLOCK_TICK % (b'"\\\\",' + b'"y":' + b"[" * 32 + b"]" * 32),
            "TOO_LARGE",
            id="behind-a-string-that-ends-in-a-backslash",
        ),
        pytest.param("clock", None, b"[" * 33, "TOO_LARGE", id="never-closed"),
        pytest.param("clock", None, b"[" * 32, "MALFORMED", id="32-never-closed"),
        pytest.param("clock", None, b"]" * 9 + b"{" * 33, "TOO_LARGE", id="closed-before-opened"),
        pytest.param("clock", None, b'"' + b"[" * 99, "MALFORMED", id="in-an-open-string"),
        pytest.param("clock", None, b'"\\' + b"[" * 99 + b"\\", "MALFORMED", id="open-to-the-end"),
        pytest.param("clock", b"k" * 256, CLOCK_TICK % b"1", None, id="a-key-of-256"),
        pytest.param("clock", b"k" * 257, CLOCK_TICK % b"1", "TOO_LARGE", id="a-key-of-257"),
        # The first check that fails counts.
        pytest.param("clock", b"k" * 257, None, "TOO_LARGE", id="key-before-no-value"),
        pytest.param("clock", None, b"?" * 65_537, "TOO_LARGE", id="bytes-before-no-json"),
        pytest.param("clock", None, None, "MALFORMED", id="no-value"),
        pytest.param("clock", None, b"", "MALFORMED", id="empty"),
        pytest.param("clock", None, b"null", "MALFORMED", id="null"),
        pytest.param("clock", None, b'{"type":"\xff"}', "MALFORMED", id="no-utf-8"),
        pytest.param("clock", None, b'{"type":"\\ud800"}', "MALFORMED", id="half-a-surrogate"),
        pytest.param("clock", None, CLOCK_TICK % b"NaN", "MALFORMED", id="nan"),
        pytest.param("clock", None, CLOCK_TICK % b"1" * 2, "MALFORMED", id="two-objects"),
        pytest.param("clock", None, CLOCK_TICK % (b"1" * 99), None, id="a-huge-integer-unknown"),
        pytest.param(
            "clock", None, CLOCK_TICK % b'1,"type":"X"', "UNKNOWN_TYPE", id="twice-the-last-counts"
        ),
        pytest.param("clock", None, CLOCK_TICK % b'1,"at":1', "INVALID", id="twice-invalid"),
        pytest.param("clock", None, b'{"at":1}', "UNKNOWN_TYPE", id="type-before-fields"),
        pytest.param("accounts", b"\xff", ACCOUNT, None, id="a-key-that-is-no-text"),
        pytest.param(
            "accounts",
            None,
            ACCOUNT.replace(b"ACME0001", b"ACME001"),
            "INVALID",
            id="fields-before-partition",
        ),
    ],
)
def test_form_checks_in_their_order(
    topic: str, key: bytes | None, value: bytes | None, reason: str | None
) -> None:
    read = read_input(topic, key, value)
    assert (read.reason if isinstance(read, Refused) else None) == reason


def test_a_wrong_partition_is_the_last_form_check() -> None:
    """ACME0001 belongs to partition 2 of 4 by murmur2, computed with another program."""
    wrong = [
        partition
        for partition in range(4)
        if isinstance(read_input("accounts", None, ACCOUNT, partition, 4), Refused)
    ]
    assert len(wrong) == 3
    refused = read_input("accounts", None, ACCOUNT, wrong[0], 4)
    assert isinstance(refused, Refused)
    assert refused.reason == "WRONG_PARTITION"


@pytest.mark.parametrize("topic", [name for name, t in CATALOGUE.items() if t.direction == "in"])
@pytest.mark.parametrize("value", [_of_bytes(65_537), _of_levels(33)], ids=["bytes", "levels"])
def test_a_value_is_too_large_on_every_topic(topic: str, value: bytes) -> None:
    refused = read_input(topic, None, value)
    assert isinstance(refused, Refused)
    assert refused.reason == "TOO_LARGE"


def test_the_cases_are_of_all_kinds() -> None:
    by_fit = [sum(case.fits is fits for case in CASES) for fits in (True, False)]
    assert min(by_fit) > 300
    assert all(isinstance(case, Case) for case in CASES)
