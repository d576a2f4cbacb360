"""A day with quarantined records refolds to the same bytes; a skip without a reason is noticed."""

import random
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from pipeline.quarantine import record_quarantined
from pipeline.task import Record
from replay.difference import DifferenceError
from replay.read import read_inputs
from replay.record_spool import RecordSpool
from replay.recorded import RecordedTopics
from replay.refold import refold
from tests.golden.renew import DAY
from tests.pipeline_in_memory import PipelineInMemory, told_of
from topics.catalogue import (
    ACCOUNTS,
    CATALOGUE,
    CLIENTS,
    CLOCK,
    DEAD_LETTERS,
    FUNDINGS,
    MARKET_FEED,
    ORDERS,
    PRICE_TICKS,
    QUARANTINES,
    TASK_LOG,
)

PARTITIONS = 2
WHY = "ticket 7"
# The first record of each of these topics in each partition, whatever it is.
QUARANTINED = (CLIENTS, ACCOUNTS, PRICE_TICKS, FUNDINGS, ORDERS, CLOCK, MARKET_FEED)


class NoSink:
    """Takes what was refolded, and keeps nothing."""

    def event(self, topic: str, event: object) -> None: ...

    def file(self, file: object) -> None: ...


def quarantine(pipeline: PipelineInMemory, topic: str, partition: int, offset: int) -> None:
    event = record_quarantined(topic, partition, offset, WHY)
    pipeline.append(QUARANTINES, partition, None, orjson.dumps(event))


def day(*quarantines: str, seed: int = 1) -> PipelineInMemory:
    """The golden day, all of it there before the tasks start; workers die and come back."""
    chance = random.Random(seed)
    pipeline = PipelineInMemory(
        PARTITIONS, lambda _: chance.random() < 0.02, lambda: chance.random() < 0.3
    )
    for topic in quarantines:
        for partition in range(PARTITIONS):
            quarantine(pipeline, topic, partition, 0)
    pipeline.send_clock("2026-03-07T13:30:00Z")
    for topic, value, raw in told_of(read_inputs([str(DAY)])):
        pipeline.send(topic, value, raw)
    for at in ("2026-03-08T01:30:00Z", "2026-03-09T15:00:00Z"):
        pipeline.send_clock(at)
    pipeline.settle()
    return pipeline


def refolded(
    pipeline: PipelineInMemory, change: Callable[[Record], Record | None] = lambda record: record
) -> None:
    """Refold what a pipeline recorded, tampered with."""
    with RecordSpool() as spool:
        recorded = RecordedTopics(spool, PARTITIONS, with_states=True)
        for record in pipeline.records():
            if (changed := change(record)) is not None:
                recorded.add(changed)
        found = refold(recorded, NoSink())
    assert found.unanswered == []
    assert found.states_compared == found.task_partitions


def letters(pipeline: PipelineInMemory) -> list[tuple[str, int, int]]:
    return sorted(
        (letter["source_topic"], letter["source_partition"], letter["source_offset"])
        for letter in pipeline.of_type(DEAD_LETTERS)
        if (letter["reason"], letter["detail"]) == ("QUARANTINED", WHY)
    )


@pytest.mark.parametrize("topic", QUARANTINED)
@pytest.mark.parametrize("seed", range(3))
def test_each_quarantined_record_is_dead_lettered_once(topic: str, seed: int) -> None:
    pipeline = day(topic, seed=seed)
    there = [p for p in range(PARTITIONS) if pipeline.log[topic, p]]
    assert letters(pipeline) == [(topic, partition, 0) for partition in there]
    skips = sum(
        len(entry.get("skipped", ()))
        for partition in range(PARTITIONS)
        for entry in pipeline.in_partition(TASK_LOG, partition)
    )
    readers = {CLIENTS: 2, ACCOUNTS: 2, CLOCK: 2}.get(topic, 1)
    assert skips == readers * len(there)
    refolded(pipeline)


def test_a_task_that_has_applied_it_leaves_the_dead_letter_to_the_next() -> None:
    """Market has applied the client when it is quarantined; client-books has not."""
    pipeline = PipelineInMemory(1)
    later = [owned for owned in pipeline.owned if owned.kind.name != "market"]
    market = [owned for owned in pipeline.owned if owned.kind.name == "market"]
    client = next(told for told in told_of(read_inputs([str(DAY)])) if told.topic == CLIENTS)
    pipeline.send(*client)
    pipeline.owned = market
    pipeline.settle()
    quarantine(pipeline, CLIENTS, 0, 0)
    pipeline.owned = market + later
    pipeline.settle()
    assert letters(pipeline) == [(CLIENTS, 0, 0)]
    (skipped,) = [e for e in pipeline.in_partition(TASK_LOG, 0) if "skipped" in e]
    assert (skipped["task"], skipped["skipped"]) == ("client-books", [[CLIENTS, 0]])
    with RecordSpool() as spool:
        recorded = RecordedTopics(spool, 1, with_states=True)
        for record in pipeline.records():
            recorded.add(record)
        assert refold(recorded, NoSink()).unanswered == []


def _without_quarantines(record: Record) -> Record | None:
    return None if record.topic == QUARANTINES else record


def _without_skips(record: Record) -> Record:
    """The log says that everything was applied."""
    return _with_entry(record, lambda entry: entry.pop("skipped", None))


def _skipping_more(record: Record) -> Record:
    """The log says that trading skipped its first input of the feed, too."""

    def more(entry: dict[str, Any]) -> None:
        if entry["task"] == "trading":
            entry.setdefault("skipped", []).extend(
                [topic, first] for topic, first, _ in entry["spans"] if topic == MARKET_FEED
            )

    return _with_entry(record, more)


def _without_marks(record: Record) -> Record | None:
    return None if (record.key or b"").startswith(b"!") else record


def _without_letters(record: Record) -> Record | None:
    mine = record.topic == DEAD_LETTERS and b"QUARANTINED" in (record.value or b"")
    return None if mine else record


def _with_entry(record: Record, change: Callable[[dict[str, Any]], object]) -> Record:
    if record.topic != TASK_LOG:
        return record
    entry = orjson.loads(record.value or b"")
    change(entry)
    return record._replace(value=orjson.dumps(entry))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(
            _without_quarantines,
            "a record that was skipped: expected quarantined, found no quarantine",
            id="no-quarantine",
        ),
        pytest.param(_without_skips, "", id="not-named-as-skipped"),
        pytest.param(
            _skipping_more,
            "a record that was skipped: expected quarantined, found no quarantine",
            id="skipped-without-reason",
        ),
        pytest.param(_without_marks, "the record !fundings|0", id="no-mark-in-the-state"),
        pytest.param(_without_letters, "QUARANTINED", id="no-dead-letter"),
    ],
)
def test_a_skip_that_is_not_as_recorded_is_a_difference(
    damage: Callable[[Record], Record | None], said: str
) -> None:
    pipeline = day(FUNDINGS)
    with pytest.raises(DifferenceError) as found:
        refolded(pipeline, damage)
    assert said in str(found.value)


def test_the_topic_of_quarantines_is_dumped() -> None:
    assert CATALOGUE[QUARANTINES].cleanup == "delete"
