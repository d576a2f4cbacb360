"""What is in the topics against what was produced: none lost, doubled, unanswered or wrong.

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
from aiokafka.errors import KafkaError

from agents.broker import Broker
from agents.live_topics import read_live
from pipeline.chain import CHAIN
from pipeline.task import Record
from replay.read import raw_value, read_inputs
from tests.chaos.counts import Measured
from tests.chaos.files import Files
from tests.chaos.fundings import Fundings
from tests.chaos.journals import Journals, Says
from tests.chaos.nets import Nets
from topics.catalogue import (
    APEX_GATEWAY,
    APEX_JOURNAL_RESULTS,
    APEX_JOURNALS,
    BBO,
    CASH_CALLS,
    CATALOGUE,
    CLOCK,
    EXECUTIONS,
    NET_SETTLEMENTS,
    ORDER_UPDATES,
    ORDERS,
    REPORT_DELIVERIES,
    REPORT_ISSUES,
    TASK_LOG,
)
from topics.decode import Refused, decode

_READ = tuple(name for name, topic in CATALOGUE.items() if topic.cleanup == "delete")
# Of each execution exactly one.
_BOOKINGS = {(CASH_CALLS, "CashCallRequested"), (NET_SETTLEMENTS, "NetSettlementLine")}
_ANSWERS = frozenset({"OrderAccepted", "OrderRejected"})
# What an order that is sent again may be told again, under the same id.
_TOLD_AGAIN = frozenset({"OrderRejected", "OrderCancelRejected"})
# Where it shows that something is under way still.
_UNDER_WAY = (APEX_JOURNALS, APEX_JOURNAL_RESULTS, REPORT_ISSUES, REPORT_DELIVERIES)


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
    settled_calls: Counter[str] = field(default_factory=Counter)
    # Of what is emitted: the ids, which are functions of their causes, so none comes twice.
    ids: set[tuple[str, bytes]] = field(default_factory=set)
    repeated: list[str] = field(default_factory=list)
    quotes: Counter[str] = field(default_factory=Counter)
    last_quotes: dict[str, int] = field(default_factory=dict)
    windows: Counter[tuple[int, str]] = field(default_factory=Counter)
    journals: Journals = field(default_factory=Journals)
    nets: Nets = field(default_factory=Nets)
    fundings: Fundings = field(default_factory=Fundings)
    files: Files = field(default_factory=Files)

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
            value = record.value or b""
            self.values[record.topic, _digest(value)] += 1
            event = _json(value)
            if isinstance(event, dict) and not isinstance(decode(record.topic, event), Refused):
                self._flow(record, event)
        elif record.topic == REPORT_ISSUES:
            self.files.take(record.topic, orjson.loads(record.value or b""))
        elif topic.direction == "out":
            event = orjson.loads(record.value or b"")
            self._event(record, event)
            self._flow(record, event)

    def _flow(self, record: Record, event: dict[str, Any]) -> None:
        place = (record.partition, record.offset)
        self.journals.take(record.topic, place, event)
        self.nets.take(record.topic, place, event)
        self.fundings.take(record.topic, place, event)
        self.files.take(record.topic, event)

    def _event(self, record: Record, event: dict[str, Any]) -> None:
        topic, kind = record.topic, event["type"]
        self.emitted[kind] += 1
        name = (topic, _digest(event["event_id"].encode()))
        if name in self.ids and kind not in _TOLD_AGAIN:
            self.repeated.append(f"{kind} {event['event_id']} of {topic}")
        self.ids.add(name)
        if topic == ORDER_UPDATES and kind in _ANSWERS:
            self.order_answers[event["cause_id"]] += 1
            self.answered_orders.add((event["account_id"], event["client_order_id"]))
        elif topic == EXECUTIONS and kind == "Execution":
            self.executions[event["execution_id"]] += 1
            self.executed_orders.add((event["account_id"], event["client_order_id"]))
        elif kind == "WindowOpened":
            self.windows[record.partition, f"{event['window']}@{event['scheduled_at']}"] += 1
        elif topic == BBO:
            self.quotes[event["symbol"]] += 1
            self.last_quotes[event["symbol"]] = event["sequence"]
        elif (topic, kind) in _BOOKINGS:
            self.booked[event["execution_id"]] += 1
        elif kind == "CashCallSettled":
            self.settled_calls[event["cash_call_id"]] += 1


def under_way(address: str, says: Says) -> list[str]:
    """Return what is on its way outside of Kafka: journals to be answered, files to be put.

    A request that the gateway has not committed is asked for again by the partition's next owner,
    so more answers may come, although the first one is there.
    """
    topics = Topics()
    asyncio.run(read_live(Broker(address), topics.take, _UNDER_WAY))
    try:
        done = asyncio.run(_committed(address))
    except KafkaError as error:
        return [f"the offsets of {APEX_GATEWAY}: {error!r}"]
    return [
        *(f"journal {journal}" for journal in topics.journals.missing(says)),
        *(f"file {name}" for name in topics.files.missing()),
        *(
            f"request {topic}-{partition} offset {offset}"
            for (topic, partition), offsets in topics.offsets.items()
            if topic == APEX_JOURNALS
            for offset in offsets
            if offset >= done.get(partition, 0)
        ),
    ]


async def _committed(address: str) -> dict[int, int]:
    """Return by partition the offset up to which the gateway has committed requests."""
    admin = Broker(address).admin()
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(APEX_GATEWAY)
    finally:
        await admin.close()
    return {place.partition: committed.offset for place, committed in offsets.items()}


def measure(
    address: str, produced: Sequence[Path], says: Says, folder: Path, partitions: int
) -> Measured:
    """Read the topics, and compare them with the lines that were produced, file after file.

    `says`: the clearing firm's answers, `folder`: the clients' files.
    """
    topics = Topics()
    asyncio.run(read_live(Broker(address), topics.take, _READ))
    measured = compare(topics, produced, says, folder)
    for window in {name for _, name in topics.windows}:
        for partition in range(partitions):
            what = f"window {window} of partition {partition}"
            measured.once(what, topics.windows[partition, window])
    return measured


def compare(
    topics: Topics, produced: Sequence[Path], says: Says | None = None, folder: Path | None = None
) -> Measured:
    """Compare what is in the topics with the lines that were produced, file after file.

    Without `says` the firm's answers are among them.
    """
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
    there = topics.values
    if says is not None:  # what the firm said was not produced; it is compared for itself
        there = Counter({k: n for k, n in there.items() if k[0] != APEX_JOURNAL_RESULTS})
    _compare_inputs(measured, sent, there)
    measured.orders, measured.executed = len(names), len(topics.executed_orders & names)
    for account, name in names - topics.answered_orders:
        measured.unanswered.append(f"order {name} of {account}")
    for name, count in topics.order_answers.items():
        if count > orders[name]:  # sent again, some orders are refused again
            measured.doubled.append(f"the answer to order {name}, {count} times")
    _compare_emitted(measured, topics)
    _compare_applied(measured, topics)
    topics.journals.compare(measured, says)
    topics.nets.compare(measured, all_closed=says is not None)
    topics.fundings.compare(measured)
    topics.files.compare(measured, folder)
    measured.windows = len({name for _, name in topics.windows})
    return measured


def _compare_inputs(
    measured: Measured, sent: Counter[tuple[str, bytes]], there: Counter[tuple[str, bytes]]
) -> None:
    """Every line that was acknowledged is in its topic, as often as it was produced."""
    for (topic, digest), count in (sent - there).items():
        measured.lost.append(f"{count} of an input of {topic}, {digest.hex()[:8]}")
    for (topic, digest), count in (there - sent).items():
        measured.doubled.append(f"{count} too many of an input of {topic}, {digest.hex()[:8]}")


def _compare_emitted(measured: Measured, topics: Topics) -> None:
    """Every event is there once, every execution with its cash call or line, every best quote."""
    for what, counted in (
        ("execution", topics.executions),
        ("booking of", topics.booked),
        ("settlement of", topics.settled_calls),
    ):
        measured.doubled += [f"{what} {name}" for name, count in counted.items() if count > 1]
    for name in topics.executions.keys() ^ topics.booked.keys():
        measured.lost.append(f"the execution, or the cash call or line, of {name}")
    measured.doubled += topics.repeated
    for symbol, count in topics.quotes.items():
        if count != topics.last_quotes[symbol]:
            measured.lost.append(f"{topics.last_quotes[symbol] - count} best quotes of {symbol}")


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


def _json(value: bytes) -> object:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _digest(value: bytes) -> bytes:
    return sha256(value).digest()[:12]
