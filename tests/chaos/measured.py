"""What is in the topics against what was produced: nothing lost, nothing doubled, all answered.

Counted from the topics alone, without the tasks: `settle verify` folds them again beside it.
"""

import asyncio
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from agents.broker import Broker
from agents.live_topics import read_live
from replay.read import raw_value, read_inputs
from settlement.tasks.chain import CHAIN
from settlement.tasks.task import Record
from topics.catalogue import (
    CASH_CALLS,
    CATALOGUE,
    CLOCK,
    EXECUTIONS,
    NET_SETTLEMENTS,
    ORDER_UPDATES,
    ORDERS,
    TASK_LOG,
)
from topics.decode import Refused

_READ = tuple(name for name, topic in CATALOGUE.items() if topic.cleanup == "delete")
# Of each execution exactly one.
_BOOKINGS = {(CASH_CALLS, "CashCallRequested"), (NET_SETTLEMENTS, "NetSettlementLine")}
_ANSWERS = frozenset({"OrderAccepted", "OrderRejected"})


@dataclass(slots=True)
class Measured:
    """What was counted; nothing may be `lost`, `doubled` or `unanswered`."""

    inputs: int = 0
    orders: int = 0
    executed: int = 0
    emitted: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Topics:
    """What is in the topics."""

    values: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    offsets: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    # By task, topic and partition: the first offset and number of records of each span applied.
    spans: dict[tuple[str, str, int], list[tuple[int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    emitted: Counter[str] = field(default_factory=Counter)
    # By the id of the input, and the orders that have an answer by account and name.
    order_answers: Counter[str] = field(default_factory=Counter)
    answered_orders: set[tuple[str, str]] = field(default_factory=set)
    executions: Counter[str] = field(default_factory=Counter)
    executed_orders: set[tuple[str, str]] = field(default_factory=set)
    booked: Counter[str] = field(default_factory=Counter)

    def take(self, record: Record) -> None:
        """Count a record; those of a partition come in order."""
        place = (record.topic, record.partition)
        self.offsets[place].append(record.offset)
        topic = CATALOGUE[record.topic]
        if record.topic == TASK_LOG:
            entry = orjson.loads(record.value or b"")
            for name, first, count in entry["spans"]:
                self.spans[entry["task"], name, entry["partition"]].append((first, count))
        elif topic.direction == "in" and record.topic != CLOCK:
            self.values[record.topic, _digest(record.value or b"")] += 1
        elif topic.direction == "out":
            self._event(record.topic, orjson.loads(record.value or b""))

    def _event(self, topic: str, event: dict[str, Any]) -> None:
        kind = event["type"]
        self.emitted[kind] += 1
        if topic == ORDER_UPDATES and kind in _ANSWERS:
            self.order_answers[event["cause_id"]] += 1
            self.answered_orders.add((event["account_id"], event["client_order_id"]))
        elif topic == EXECUTIONS and kind == "Execution":
            self.executions[event["execution_id"]] += 1
            self.executed_orders.add((event["account_id"], event["client_order_id"]))
        elif (topic, kind) in _BOOKINGS:
            self.booked[event["execution_id"]] += 1


def measure(address: str, produced: Sequence[Path]) -> Measured:
    """Read the topics, and compare them with the lines that were produced, file after file."""
    topics = Topics()
    asyncio.run(read_live(Broker(address), topics.take, _READ))
    return compare(topics, produced)


def compare(topics: Topics, produced: Sequence[Path]) -> Measured:
    """Compare what is in the topics with the lines that were produced, file after file."""
    measured = Measured(emitted=topics.emitted)
    sent: Counter[tuple[str, bytes]] = Counter()
    orders: Counter[str] = Counter()
    names: set[tuple[str, str]] = set()
    for line in (line for path in produced for line in read_inputs([str(path)])):
        value = raw_value(line.text)
        measured.inputs += 1
        if line.topic != CLOCK:  # ticks come from whoever produces, too
            sent[line.topic, _digest(value)] += 1
        if line.topic == ORDERS and not isinstance(line.event, Refused):
            event = orjson.loads(value)
            if event["type"] == "OrderSubmitted":
                orders[event["event_id"]] += 1
                names.add((event["account_id"], event["client_order_id"]))
    _compare_inputs(measured, sent, topics)
    measured.orders, measured.executed = len(names), len(topics.executed_orders & names)
    for account, name in names - topics.answered_orders:
        measured.unanswered.append(f"order {name} of {account}")
    for name, count in topics.order_answers.items():
        if count > orders[name]:  # sent again, some orders are refused again
            measured.doubled.append(f"the answer to order {name}, {count} times")
    for what, counted in (("execution", topics.executions), ("booking of", topics.booked)):
        measured.doubled += [f"{what} {name}" for name, count in counted.items() if count > 1]
    for name in topics.executions.keys() ^ topics.booked.keys():
        measured.lost.append(f"the execution, or the cash call or line, of {name}")
    _compare_applied(measured, topics)
    return measured


def _compare_inputs(measured: Measured, sent: Counter[tuple[str, bytes]], topics: Topics) -> None:
    """Every line that was acknowledged is in its topic, as often as it was produced."""
    for (topic, digest), count in (sent - topics.values).items():
        measured.lost.append(f"{count} of an input of {topic}, {digest.hex()[:8]}")
    for (topic, digest), count in (topics.values - sent).items():
        measured.doubled.append(f"{count} too many of an input of {topic}, {digest.hex()[:8]}")


def _compare_applied(measured: Measured, topics: Topics) -> None:
    """Every record is in exactly one committed transaction of each task that reads it."""
    for kind in CHAIN:
        for topic in kind.inputs:
            for (name, partition), offsets in topics.offsets.items():
                if name != topic:
                    continue
                place = f"{kind.name} has applied {topic}-{partition}"
                next_index = 0
                for first, count in topics.spans[kind.name, topic, partition]:
                    index = bisect_left(offsets, first)
                    if index > next_index:
                        measured.lost.append(f"{place} not from {offsets[next_index]} to {first}")
                    elif index < next_index:
                        measured.doubled.append(f"{place} from {first} again")
                    next_index = index + count
                if next_index < len(offsets):
                    left = len(offsets) - next_index
                    measured.unanswered.append(f"{place}: {left} not, from {offsets[next_index]}")


def _digest(value: bytes) -> bytes:
    return sha256(value).digest()[:12]
