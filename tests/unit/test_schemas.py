"""docs/events and docs/asyncapi.yaml: what they promise is what travels."""

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from schemas.event import Input
from scripts.schemas import DOCS, EVENTS, PUBLIC, asyncapi, committed, documents, event_schema
from tests.golden.renew import DAYS
from topics.catalogue import CATALOGUE
from topics.decode import Refused, decode

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # two of its fields are named as pydantic's own
    from asyncapi3.models.asyncapi import AsyncAPI3

RENEW = "If it is meant to differ: make schemas, then read the diff."

Event = dict[str, Any]

SCHEMAS = {name: event_schema(event) for name, event in EVENTS.items()}
FITS = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}


def lines(path: Path) -> Iterator[Any]:
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            yield None


INPUTS = [line for day in DAYS for line in lines(day / "day.jsonl") if isinstance(line, dict)]
OUTPUTS = [
    (path.stem, event)
    for day in DAYS
    for path in sorted((day / "expected" / "topics").glob("*.jsonl"))
    for event in lines(path)
]


def test_what_is_committed_is_what_the_code_gives() -> None:
    texts = documents()
    assert committed() == texts.keys(), RENEW
    differ = [path for path, text in texts.items() if (DOCS / path).read_bytes() != text.encode()]
    assert not differ, RENEW


@pytest.mark.parametrize("name", EVENTS)
def test_each_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    # AsyncAPI takes a payload for an extended draft 7 where no other format is said.
    Draft7Validator.check_schema(SCHEMAS[name])


def test_every_event_of_the_golden_day_that_is_read_fits_its_schema() -> None:
    read = 0
    for line in INPUTS:
        topic, value = line["topic"], line["value"]
        if isinstance(decode(topic, value), Refused):
            continue
        FITS[value["type"]].validate(value)
        read += 1
    assert read > 80


def test_what_fits_no_schema_in_the_golden_day_is_not_read() -> None:
    for line in INPUTS:
        topic, value = line["topic"], line["value"]
        kinds = {event.__name__ for event in CATALOGUE[topic].events}
        kind = value.get("type") if isinstance(value, dict) else None
        if not any(kind == known and FITS[known].is_valid(value) for known in kinds):
            assert isinstance(decode(topic, value), Refused), value


def test_every_emitted_event_of_the_golden_day_fits_and_has_no_field_beside() -> None:
    assert len(OUTPUTS) > 250
    for topic, event in OUTPUTS:
        assert event["type"] in {known.__name__ for known in CATALOGUE[topic].events}
        schema = SCHEMAS[event["type"]]
        Draft202012Validator({**schema, "additionalProperties": False}).validate(event)


def first(kind: str) -> Event:
    values = [line["value"] for line in INPUTS if isinstance(line["value"], dict)]
    events = values + [event for _, event in OUTPUTS]
    return next(
        event for event in events if event.get("type") == kind and FITS[kind].is_valid(event)
    )


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        pytest.param("PriceTick", {"bid_price": 99.5}, id="a float price"),
        pytest.param("PriceTick", {"bid_price": "99,5"}, id="a comma"),
        pytest.param("PriceTick", {"bid_price": "1e2"}, id="an exponent"),
        pytest.param("OrderSubmitted", {"quantity": 1}, id="an integer quantity"),
        pytest.param("OrderSubmitted", {"client_order_id": "a b"}, id="a space in an id"),
        pytest.param("OrderSubmitted", {"expire_time": 1772550000}, id="a time as a number"),
        pytest.param("OrderSubmitted", {"event_time": "2026-03-03 18:00"}, id="another time"),
        pytest.param("DepositInitiated", {"amount": 650.0}, id="a float amount"),
        pytest.param("DepositInitiated", {"amount": None}, id="no amount"),
        pytest.param("DepositInitiated", {"account_id": "acme0001"}, id="lower case"),
        pytest.param("DepositInitiated", {"event_id": ""}, id="an empty id"),
        pytest.param("InstrumentUpdated", {"stale_after_ms": "2000"}, id="an integer as text"),
        pytest.param("ClientUpdated", {"markup_bps": 20}, id="an integer rate"),
        pytest.param("Execution", {"price": 99.5}, id="a float price that we would emit"),
        pytest.param("BestQuote", {"bid_size": 1.0}, id="a float size that we would emit"),
        pytest.param("JournalEntry", {"postings": [{"account": "a"}]}, id="half a posting"),
    ],
)
def test_a_wrong_value_does_not_fit(kind: str, change: Event) -> None:
    event = first(kind)
    assert FITS[kind].is_valid(event)
    wrong = event | change
    assert not FITS[kind].is_valid(wrong)
    if issubclass(EVENTS[kind], Input):
        assert isinstance(decode(topic_of(kind), wrong), Refused)


def topic_of(kind: str) -> str:
    return next(topic.name for topic in PUBLIC if EVENTS[kind] in topic.events)


def test_a_missing_field_does_not_fit() -> None:
    for kind in ("PriceTick", "OrderSubmitted", "Execution", "CashCallFailed", "AccountBalance"):
        event = first(kind)
        for name in SCHEMAS[kind]["required"]:
            assert not FITS[kind].is_valid({k: v for k, v in event.items() if k != name}), name


def test_an_unknown_field_is_no_error() -> None:
    assert FITS["PriceTick"].is_valid(first("PriceTick") | {"venue_sequence": 7})


@pytest.mark.parametrize("kind", ["ClientUpdated", "InstrumentUpdated", "AccountUpdated"])
def test_a_default_means_the_same_written_out(kind: str) -> None:
    """Inside, a default is an integer of minor units; the schema has it as it is written."""
    written = {
        name: schema["default"]
        for name, schema in SCHEMAS[kind]["properties"].items()
        if "default" in schema
    }
    event = first(kind) | written
    FITS[kind].validate(event)
    read = decode(topic_of(kind), event)
    assert written
    for name in written:
        assert getattr(read, name) == EVENTS[kind].model_fields[name].default, name


# -- AsyncAPI --------------------------------------------------------------------------------------


def document() -> Any:  # noqa: ANN401 - a document of nested dicts
    return yaml.safe_load((DOCS / "asyncapi.yaml").read_text(encoding="utf-8"))


def test_the_asyncapi_document_is_one() -> None:
    AsyncAPI3.model_validate(document())
    assert document() == asyncapi()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param(("channels", "bbo", "adress"), "bbo", id="a field that there is not"),
        pytest.param(("operations", "send-bbo", "action"), "publish", id="an action of version 2"),
        pytest.param(("channels", "bbo", "bindings", "kafka", "partitions"), 0, id="no partitions"),
    ],
)
def test_the_parser_would_notice(place: tuple[str, ...], value: object) -> None:
    damaged = inner = document()
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(ValueError, match=re.escape(place[1])):
        AsyncAPI3.model_validate(damaged)


def test_every_topic_that_is_not_internal_is_a_channel_with_its_events() -> None:
    found = document()
    assert list(found["channels"]) == [topic.name for topic in PUBLIC]
    for topic in PUBLIC:
        channel = found["channels"][topic.name]
        assert list(channel["messages"]) == [event.__name__ for event in topic.events]
        action = "receive" if topic.direction == "in" else "send"
        operation = found["operations"][f"{action}-{topic.name}"]
        assert operation["channel"] == {"$ref": f"#/channels/{topic.name}"}
        for event in topic.events:
            message = found["components"]["messages"][event.__name__]
            assert message["payload"] == {"$ref": f"./events/{event.__name__}.json"}
            keyed = "key" in message["bindings"]["kafka"]
            assert keyed == (event.__name__ not in {"WindowOpened", "ClockTicked"})
    assert len(found["operations"]) == len(PUBLIC)


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for name, inner in node.items():
            if name == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def test_every_reference_leads_somewhere() -> None:
    found = document()
    for reference in references(found):
        if reference.startswith("#/"):
            place = found
            for step in reference.removeprefix("#/").split("/"):
                place = place[step]
        else:
            assert (DOCS / reference).is_file(), reference


@pytest.mark.parametrize("topic", [topic for topic in PUBLIC if topic.direction == "out"])
def test_the_headers_that_are_promised_are_cloud_events(topic: Any) -> None:  # noqa: ANN401 - any JSON
    found = document()["components"]
    for event in topic.events:
        (trait,) = found["messages"][event.__name__]["traits"]
        headers = found["messageTraits"][trait["$ref"].rpartition("/")[2]]["headers"]
        assert headers["required"] == ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time"]
