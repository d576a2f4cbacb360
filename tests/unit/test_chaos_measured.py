"""What chaos counts: nothing is lost or doubled in a day settled in memory; damage is counted."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from replay.read import read_inputs
from settlement.tasks.task import Record
from tests.chaos.measured import Measured, Topics, compare
from tests.golden.renew import DAY
from tests.pipeline_in_memory import PipelineInMemory, both_engines, told_of
from topics.catalogue import CATALOGUE

Partitions = dict[tuple[str, int], list[Record]]
Change = Callable[[list[Record], int], None]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden day as the pipeline in memory is told it."""
    path = tmp_path_factory.mktemp("day") / "day.jsonl"
    told = told_of(read_inputs([str(DAY)]))
    path.write_bytes(
        b"".join(
            b'{"topic":"%s","value":%s}\n' % (topic.encode(), raw or orjson.dumps(value))
            for topic, value, raw in told
        )
    )
    return path


@pytest.fixture(scope="module")
def settled(day: Path) -> Partitions:
    pipeline = PipelineInMemory(3)
    both_engines(told_of(read_inputs([str(day)])), pipeline)
    partitions: Partitions = defaultdict(list)
    for record in pipeline.records():
        if CATALOGUE[record.topic].cleanup == "delete":
            partitions[record.topic, record.partition].append(record)
    return partitions


def counted(partitions: Partitions, day: Path) -> Measured:
    topics = Topics()
    for records in partitions.values():
        for record in records:
            topics.take(record)
    return compare(topics, [day])


def damaged(settled: Partitions, where: str, change: Change) -> Partitions:
    """Change the first record of a topic that holds a word."""
    topic, word = where.split()
    partitions = {place: list(records) for place, records in settled.items()}
    for (name, _), records in partitions.items():
        for at, record in enumerate(records):
            if name == topic and f'"{word}"'.encode() in (record.value or b""):
                change(records, at)
                return partitions
    raise AssertionError(f"no {word} in {topic}")


def drop(records: list[Record], at: int) -> None:
    del records[at]


def repeat(records: list[Record], at: int) -> None:
    records.append(records[at]._replace(offset=records[-1].offset + 1))


def test_a_day_that_was_settled_well(settled: Partitions, day: Path) -> None:
    measured = counted(settled, day)
    assert (measured.lost, measured.doubled, measured.unanswered) == ([], [], [])
    assert measured.inputs == len(day.read_bytes().splitlines())
    assert 0 < measured.executed < measured.orders
    assert measured.emitted["Execution"] > 0


@pytest.mark.parametrize(
    ("where", "change", "found"),
    [
        pytest.param("orders OrderSubmitted", drop, {"lost"}, id="an input is not there"),
        pytest.param(
            "orders OrderSubmitted", repeat, {"doubled", "unanswered"}, id="an input is there twice"
        ),
        pytest.param("order-updates OrderAccepted", drop, {"unanswered"}, id="no answer"),
        pytest.param("order-updates OrderAccepted", repeat, {"doubled"}, id="two answers"),
        pytest.param("executions Execution", drop, {"lost"}, id="an execution is lost"),
        pytest.param(
            "executions Execution", repeat, {"doubled", "unanswered"}, id="an execution is doubled"
        ),
        pytest.param("cash-calls CashCallRequested", drop, {"lost"}, id="a cash call is lost"),
        pytest.param("cash-calls CashCallRequested", repeat, {"doubled"}, id="a call is doubled"),
        pytest.param("task-log trading", drop, {"lost"}, id="inputs were not applied"),
        pytest.param("task-log trading", repeat, {"doubled"}, id="inputs were applied again"),
    ],
)
def test_damage_is_counted(
    settled: Partitions, day: Path, where: str, change: Change, found: set[str]
) -> None:
    measured = counted(damaged(settled, where, change), day)
    counts = {name: getattr(measured, name) for name in ("lost", "doubled", "unanswered")}
    assert found <= {name for name, count in counts.items() if count}
