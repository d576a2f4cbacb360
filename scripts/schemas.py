"""`make schemas`: the events and topics in forms that other programs read.

    docs/events/<Event>.json   JSON Schema of each event, from the classes in schemas/
    docs/events/README.md      which event travels where
    docs/asyncapi.yaml         AsyncAPI: topics, keys, headers, events

They are committed, since a diff in them is a decision; a test finds them out of date.
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any, get_args

import typer
import yaml
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import override

from schemas.event import Input
from schemas.money import BpsIn, PriceIn, UsdIn, bps, price, usd
from scripts.errors import Failure
from topics.catalogue import CATALOGUE, CLOCK, DEAD_LETTERS, JOURNAL, PARTITIONS_DEFAULT, Topic

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

Schema = dict[str, Any]

PUBLIC = tuple(topic for topic in CATALOGUE.values() if topic.direction != "internal")
# Two topics may carry the same event; it has one schema.
EVENTS: dict[str, Any] = {event.__name__: event for topic in PUBLIC for event in topic.events}

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI = "3.0.0"
KAFKA_BINDING = "0.5.0"
COLUMNS = 100

# Keys that the catalogue's one field name does not say.
_KEYS = {
    CLOCK: "none: one in each partition",
    JOURNAL: "`account_id`, or `client` where that is null",
    DEAD_LETTERS: "that of the refused input, if it had one: its first 256 bytes",
}
# Sections of a specification that a reader of docs/ does not have.
_SECTION = re.compile(r" \((?:contract )?(?:sections? |domain\.md )[^)]*\)")
# How a default, an integer of minor units inside, is written outside.
_WRITERS = ((UsdIn, usd), (BpsIn, bps), (PriceIn, lambda value: price(value, 0)))

_CLOUD_EVENTS: Schema = {
    "type": "object",
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "description": "The value's `event_id`."},
        "ce_type": {"type": "string", "description": "The value's `type`."},
        "ce_source": {"type": "string", "description": "Who made it, such as /settle/trading."},
        "ce_time": {"type": "string", "description": "The value's `event_time`."},
    },
}


class _EventSchema(GenerateJsonSchema):
    @override
    def field_title_should_be_set(self, schema: object) -> bool:
        return False  # "Event Id" says no more than event_id


def event_schema(event: Any) -> Schema:  # noqa: ANN401 - a model or a typed dict, as in the catalogue
    """Return the JSON Schema of one event's value as it travels."""
    made = TypeAdapter(event).json_schema(schema_generator=_EventSchema)
    properties = made["properties"]
    if issubclass(event, Input):
        for name, field in event.model_fields.items():
            for kind, write in _WRITERS:
                if get_args(kind)[1] in field.metadata:  # the reader of that kind of number
                    properties[name]["default"] = write(field.default)
    schema = {
        "$schema": DIALECT,
        "$id": f"{event.__name__}.json",
        "title": made["title"],
        "description": _SECTION.sub("", made["description"]),
        "type": made["type"],
        "properties": properties,
        "required": made["required"],
    }
    if "$defs" in made:
        schema["$defs"] = made["$defs"]
        for part in schema["$defs"].values():
            part["description"] = _SECTION.sub("", part["description"])
    return schema


def asyncapi() -> Schema:
    """Return the AsyncAPI document of every topic that is not internal."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": project["name"],
            "version": project["version"],
            "description": (
                "Money, prices and quantities are decimal strings, times RFC 3339 UTC. A keyed "
                "event must lie in the partition that murmur2 of its key gives, as Java clients "
                "do it. Read with isolation level read_committed. Fields may be added: ignore "
                "those you do not know."
            ),
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "localhost:9092",
                "protocol": "kafka",
                "description": "Whatever SETTLE_BROKERS names.",
            }
        },
        "channels": {topic.name: _channel(topic) for topic in PUBLIC},
        "operations": {_operation_name(topic): _operation(topic) for topic in PUBLIC},
        "components": {
            "messages": {
                event.__name__: _message(topic, event) for topic in PUBLIC for event in topic.events
            },
            "messageTraits": {
                "emitted": {
                    "description": "CloudEvents, binary mode.",
                    "headers": {**_CLOUD_EVENTS, "required": list(_CLOUD_EVENTS["properties"])},
                },
                "input": {
                    "description": "CloudEvents, binary mode; settle reads the value only.",
                    "headers": _CLOUD_EVENTS,
                },
            },
        },
    }


def _channel(topic: Topic) -> Schema:
    return {
        "address": topic.name,
        "description": f"Key: {_key_in_words(topic)}.",
        "messages": {
            event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}
            for event in topic.events
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": PARTITIONS_DEFAULT,
                "topicConfiguration": {
                    "cleanup.policy": [topic.cleanup],
                    "retention.ms": topic.retention_ms,
                    "max.message.bytes": topic.message_bytes_max,
                    "message.timestamp.type": topic.timestamps,
                },
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _operation_name(topic: Topic) -> str:
    return f"{_action(topic)}-{topic.name}"


def _operation(topic: Topic) -> Schema:
    return {"action": _action(topic), "channel": {"$ref": f"#/channels/{topic.name}"}}


def _action(topic: Topic) -> str:
    """What settle does: AsyncAPI speaks from the application's side."""
    return "receive" if topic.direction == "in" else "send"


def _message(topic: Topic, event: Any) -> Schema:  # noqa: ANN401 - as above
    schema = event_schema(event)
    binding: Schema = {"bindingVersion": KAFKA_BINDING}
    if topic.key in schema["properties"]:
        binding = {"key": _key_schema(topic, schema["properties"][topic.key]), **binding}
    elif topic.name == DEAD_LETTERS:
        binding = {"key": _key_schema(topic, {}), **binding}
    trait = "input" if topic.direction == "in" else "emitted"
    return {
        "name": event.__name__,
        "title": event.__name__,
        "summary": schema["description"].partition("\n\n")[0],
        "contentType": "application/json",
        "traits": [{"$ref": f"#/components/messageTraits/{trait}"}],
        "payload": {"$ref": f"./events/{schema['$id']}"},
        "bindings": {"kafka": binding},
    }


def _key_schema(topic: Topic, field: Schema) -> Schema:
    key: Schema = {"type": "string", "description": f"UTF-8: {_key_in_words(topic)}."}
    if "pattern" in field:
        key["pattern"] = field["pattern"]
    return key


def _key_in_words(topic: Topic) -> str:
    return _KEYS.get(topic.name) or f"`{topic.key}`"


def table() -> str:
    """Return docs/events/README.md."""
    lines = [
        "# Events",
        "",
        "One JSON Schema (draft 2020-12) per event; [asyncapi.yaml](../asyncapi.yaml) ties them to",
        "topics, keys and headers. Both are made by `make schemas` from the code. Programs of ten",
        "lines that produce and consume, in Python: [examples](../examples).",
        "",
        "A schema says which values are read at all: the others go to `dead-letters`. Whether an",
        "order or a deposit is then accepted is a decision.",
        "",
        "| topic | key | events | |",
        "|---|---|---|---|",
    ]
    for topic in PUBLIC:
        events = ", ".join(f"[{event.__name__}]({event.__name__}.json)" for event in topic.events)
        lines.append(
            f"| `{topic.name}` | {_key_in_words(topic)} | {events} | {topic.direction} |",
        )
    lines += [
        "",
        "in: settle reads it; out: settle writes it. `ClockTicked` is settle's own, too. It and",
        "`WindowOpened` have no key: there is one in each partition.",
        "",
    ]
    return "\n".join(lines)


def documents() -> dict[str, str]:
    """Return the text of every generated file by its path below docs/."""
    texts = {
        f"events/{name}.json": json.dumps(event_schema(event), indent=2, ensure_ascii=False) + "\n"
        for name, event in EVENTS.items()
    }
    texts["events/README.md"] = table()
    texts["asyncapi.yaml"] = "# Made by make schemas; change schemas/ and topics/.\n" + yaml.dump(
        asyncapi(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=COLUMNS
    )
    return texts


class _Plain(yaml.SafeDumper):
    @override
    def ignore_aliases(self, data: object) -> bool:
        return True  # what occurs twice is written twice: anchors are hard to read


def committed(docs: Path = DOCS) -> set[str]:
    """Return the paths below `docs` that `documents` answers for."""
    return {
        path.relative_to(docs).as_posix()
        for path in (*(docs / "events").glob("*"), docs / "asyncapi.yaml")
    }


def write() -> None:
    """Write the JSON Schemas, their table and the AsyncAPI document into docs/.

    Example: python -m scripts.schemas
    """
    texts = documents()
    try:
        (DOCS / "events").mkdir(parents=True, exist_ok=True)
        for gone in committed() - texts.keys():
            (DOCS / gone).unlink(missing_ok=True)
        for path, text in texts.items():
            (DOCS / path).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Failure(f"{error.filename}: {error.strerror}") from None
    sys.stdout.write(f"docs/events and docs/asyncapi.yaml: {len(EVENTS)} events of ")
    sys.stdout.write(f"{len(PUBLIC)} topics; now read: git diff docs\n")


if __name__ == "__main__":
    try:
        typer.run(write)
    except Failure as failure:
        sys.stderr.write(f"settle: {failure}\n")
        sys.exit(1)
