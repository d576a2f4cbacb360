"""What became of every record, counted from a dump of the topics."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.fuzz.live import Place
from tests.fuzz.sent import ACT, ANSWER, Tag
from topics.catalogue import CATALOGUE, DEAD_LETTERS


@dataclass(slots=True)
class Counted:
    """Counts of a run. `wrong`: records whose outcome is not the expected one."""

    sent: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    acted: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    dead_reasons: Counter[str] = field(default_factory=Counter)
    reject_reasons: Counter[str] = field(default_factory=Counter)
    # Emitted events by type, and by type and reason.
    emitted: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    # By limit and side: how many were sent, and how many had the expected outcome.
    limits: Counter[str] = field(default_factory=Counter)
    limits_as_expected: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    wrong_kinds: Counter[str] = field(default_factory=Counter)


_FORM = frozenset({"MALFORMED", "UNKNOWN_TYPE", "INVALID", "TOO_LARGE", "WRONG_PARTITION"})
_ORDER_ANSWERS = frozenset({"OrderAccepted", "OrderRejected"})


class Answers:
    """Dead letters by the place of their input, answers of orders by its ID."""

    def __init__(self) -> None:
        """Start empty."""
        self.counted = Counted()
        self.dead: dict[tuple[str, int, int], str] = {}
        self.orders: dict[str, str] = {}
        # Of the records whose answer has to be looked up: their event ID.
        self.ids: dict[tuple[str, int, int], str] = {}

    def take(self, line: dict[str, Any], tags: dict[Place, list[Tag]]) -> None:
        """Take a line of the dump."""
        topic, value = line["topic"], line.get("value")
        direction = CATALOGUE[topic].direction
        if direction == "in" and isinstance(value, dict):
            place = (topic, line["partition"], line["offset"])
            tag = tags[place[0], place[1]][place[2]]
            if tag.kind == "OrderSubmitted" and tag.expected in {ACT, ANSWER}:
                self.ids[place] = value.get("event_id", "")
        if direction != "out" or not isinstance(value, dict):
            return
        kind, reason = value["type"], value.get("reason") or ""
        self.counted.emitted[kind] += 1
        if topic == DEAD_LETTERS:
            source = (value["source_topic"], value["source_partition"], value["source_offset"])
            if source in self.dead:
                self.counted.wrong.append(f"{source}: two dead letters")
            self.dead[source] = reason
            self.counted.dead_reasons[reason] += 1
            return
        if reason:
            self.counted.outcomes[f"{kind} {reason}"] += 1
        if kind == "OrderRejected":
            self.counted.reject_reasons[reason] += 1
        if kind in _ORDER_ANSWERS:
            self.orders[value["cause_id"]] = reason or "accepted"


def count(dump: Path, tags: dict[Place, list[Tag]]) -> Counted:
    """Count everything that a dump holds; `tags`: what each input is."""
    answers = Answers()
    with dump.open("rb") as file:
        for text in file:
            answers.take(orjson.loads(text), tags)
    counted = answers.counted
    for (topic, partition), inputs in tags.items():
        for offset, tag in enumerate(inputs):
            place = (topic, partition, offset)
            reason = answers.dead.pop(place, None)
            counted.sent[tag.kind] += 1
            _judge(counted, answers, place, tag, reason)
            if reason is not None:
                counted.dead[tag.kind] += 1
            elif tag.repeats:
                counted.repeated[tag.kind] += 1
            else:
                counted.acted[tag.kind] += 1
                if tag.step:
                    counted.steps[tag.step] += 1
    counted.wrong += [f"{place}: a dead letter of no input" for place in answers.dead]
    return counted


def _judge(
    counted: Counted,
    answers: Answers,
    place: tuple[str, int, int],
    tag: Tag,
    reason: str | None,
) -> None:
    """Compare the outcome of an input with the expected one."""
    if not tag.expected or reason == "QUARANTINED":
        return
    answer = answers.orders.get(answers.ids.get(place, ""), "")
    if tag.expected == ACT:
        tests_order = tag.limit.startswith("OrderSubmitted.")
        is_right = reason not in _FORM and not (tests_order and answer == "INVALID_ORDER")
    elif tag.expected == ANSWER:
        is_right = answer == "INVALID_ORDER"
    else:
        is_right = reason == tag.expected
    if tag.limit:
        counted.limits[tag.limit] += 1
        counted.limits_as_expected[tag.limit] += is_right
    if not is_right:
        kind = f"{tag.kind} {tag.limit or tag.step}: {tag.expected}, not {reason or answer or ACT}"
        counted.wrong_kinds[kind] += 1
        if counted.wrong_kinds[kind] <= 1:
            counted.wrong.append(f"{place}: {kind}")
