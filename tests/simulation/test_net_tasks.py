"""Net settlement in the tasks of the live engine: one client out of many partitions.

09:00 in Chicago is 15:00 UTC on the story's winter day.
"""

import random

import orjson
import pytest

from pipeline.client_books import ClientBooksTask
from pipeline.task import Record
from replay.read import read_inputs
from tests.golden.renew import DAYS
from tests.pipeline_in_memory import (
    Event,
    PipelineInMemory,
    both_engines,
    differences,
    told_of,
)
from tests.simulation.test_tasks import World, account_in
from topics.catalogue import CLIENT_LINES, DEAD_LETTERS, JOURNAL, NET_SETTLEMENTS
from topics.partition import partition_of

PARTITIONS = 4
NINE = "2026-03-03T15:00:00Z"
ACCOUNTS = [account_in(n % PARTITIONS, PARTITIONS, nth=n // PARTITIONS) for n in range(40)]


class NetWorld(World):
    """Net Settlement accounts of ACME in every partition, and a market before nine."""

    def __init__(self) -> None:
        super().__init__([])
        for account_id in ACCOUNTS:
            self.account(account_id, funding_model="NET_SETTLEMENT")

    def wire(self, wire_id: str, at: str, amount: str = "100.00") -> Event:
        return self.tell(
            "net-wires", "NetWireReceived", at, wire_id=wire_id, client="ACME", amount=amount
        )

    def confirm(self, at: str) -> Event:
        return self.tell("net-wires", "NetSettlementConfirmed", at, client="ACME", window_to=NINE)


def started(seed: int = 0) -> tuple[NetWorld, PipelineInMemory]:
    """Return a day on which every account bought one before nine, settled by mortal workers."""
    chance = random.Random(seed)
    pipeline = PipelineInMemory(
        PARTITIONS, lambda _: chance.random() < 0.05, lambda: chance.random() < 0.5
    )
    world = NetWorld()
    pipeline.tick_clock("2026-03-03T14:00:00Z")
    world.tick("14:00:01")
    for number, account_id in enumerate(ACCOUNTS):
        world.buy(account_id, "o", f"14:01:{number:02}")
    world.told_to(pipeline)
    return world, pipeline


def nets(pipeline: PipelineInMemory) -> list[tuple[str, int]]:
    return [
        (event["net_amount"], event["executions"])
        for event in pipeline.of_type(NET_SETTLEMENTS, "NetSettlement")
    ]


@pytest.mark.parametrize("last", range(PARTITIONS))
def test_a_client_closes_when_the_last_partition_has_sent_its_marker(last: int) -> None:
    world, pipeline = started(last)
    assert len(pipeline.of_type(NET_SETTLEMENTS, "NetSettlementLine")) == len(ACCOUNTS)
    others = [partition for partition in range(PARTITIONS) if partition != last]
    pipeline.tick_clock("2026-03-03T15:00:00Z", others)
    # What the others do from nine on is the next window's, and waits.
    world.tick("15:00:01")
    early = [name for name in ACCOUNTS if partition_of(name, PARTITIONS) != last]
    world.buy(early[0], "late", "15:00:02")
    world.told_to(pipeline)
    assert nets(pipeline) == []
    assert not any("NET_SETTLEMENT" in name for name in pipeline.files)
    # The last partition's clock goes: it has not heard of nine before.
    pipeline.tick_clock("2026-03-03T15:00:03Z", [last])
    assert nets(pipeline) == [("4000.00", len(ACCOUNTS))]
    assert len([name for name in pipeline.files if "NET_SETTLEMENT" in name]) == 2
    lines = pipeline.of_type(NET_SETTLEMENTS, "NetSettlementLine")
    assert [line["window_to"][8:10] for line in lines] == ["03"] * len(ACCOUNTS) + ["04"]


def test_the_file_is_in_time_order_whichever_partition_is_ahead() -> None:
    """Kafka brings 14:01:30 of one partition before 14:01:10 of another."""
    pipeline = PipelineInMemory(PARTITIONS)
    world = NetWorld()
    pipeline.tick_clock("2026-03-03T14:00:00Z")
    world.tick("14:00:01")
    for account_id, at in zip(ACCOUNTS, ("14:01:30", "14:01:10", "14:01:20"), strict=False):
        world.buy(account_id, "o", at)
        world.told_to(pipeline)
    pipeline.tick_clock("2026-03-03T15:00:00Z")
    (file,) = [content for name, content in pipeline.files.items() if "SETTLEMENT_ACME" in name]
    rows = file.decode().splitlines()[4:]
    assert [row[-13:-5] for row in rows] == ["14:01:10", "14:01:20", "14:01:30"]


def test_wires_belong_to_the_window_of_their_own_time() -> None:
    """One before nine is booked at once; one from nine on waits until the window has closed."""
    world, pipeline = started()
    world.wire("w1", "14:59:59.999999")
    world.told_to(pipeline)
    assert [e["event_time"] for e in clients_entries(pipeline)] == ["2026-03-03T14:59:59.999999Z"]
    world.wire("w2", "15:00:00", "3900.00")
    world.confirm("15:00:01")
    world.told_to(pipeline)
    assert len(clients_entries(pipeline)) == 1
    pipeline.tick_clock("2026-03-03T15:00:00Z")
    statuses = [
        (event["status"], event["outstanding"])
        for event in pipeline.of_type(NET_SETTLEMENTS, "NetSettlementStatus")
    ]
    assert statuses == [("PENDING", "3900.00"), ("PAID", "0.00")]
    assert pipeline.of_type(DEAD_LETTERS) == []


def test_before_time_starts_a_wire_waits() -> None:
    pipeline = PipelineInMemory(PARTITIONS)
    world = NetWorld()
    world.wire("w1", "14:00:00")
    world.told_to(pipeline)
    assert clients_entries(pipeline) == []
    # One partition's clock is not enough: another's lines may be older.
    pipeline.tick_clock("2026-03-03T14:00:01Z", [0, 1, 2])
    assert clients_entries(pipeline) == []
    pipeline.tick_clock("2026-03-03T14:00:02Z", [3])
    assert len(clients_entries(pipeline)) == 1


def test_a_confirmation_that_comes_before_nine_is_refused() -> None:
    world, pipeline = started()
    world.confirm("14:59:59.999999")
    world.told_to(pipeline)
    assert [letter["reason"] for letter in pipeline.of_type(DEAD_LETTERS)] == ["BAD_TRANSITION"]


@pytest.mark.parametrize("damage", ["lost", "doubled", "another amount"])
def test_lines_that_do_not_agree_with_their_marker_stop_the_worker(damage: str) -> None:
    _, pipeline = started()
    pipeline.tick_clock("2026-03-03T15:00:00Z")
    partition = partition_of("ACME", PARTITIONS)
    records = list(pipeline.log[CLIENT_LINES, partition])
    at = next(
        n for n, record in enumerate(records) if b'"type":"Execution"' in (record.value or b"")
    )
    value = orjson.loads(records[at].value or b"")
    if damage == "lost":
        del records[at]
    elif damage == "doubled":
        records.insert(at, records[at])
    else:
        records[at] = records[at]._replace(value=orjson.dumps(value | {"net_money": "100.01"}))
    task = ClientBooksTask(partition, PARTITIONS)
    task.restored()
    with pytest.raises(AssertionError, match=r"sent .*, came "):
        apply_all(task, records)


def apply_all(task: ClientBooksTask, records: list[Record]) -> None:
    for record in records:
        for _ in task.apply(task.read(record), []):
            pass


@pytest.mark.parametrize(("partitions", "seed"), [(1, 1), (4, 2), (5, 3)])
def test_the_golden_net_settlement(partitions: int, seed: int) -> None:
    chance = random.Random(seed)
    pipeline = PipelineInMemory(
        partitions, lambda _: chance.random() < 0.1, lambda: chance.random() < 0.5
    )
    lines = told_of(read_inputs([str(DAYS[1] / "day.jsonl")]))
    assert differences(both_engines(lines, pipeline), pipeline) == []
    assert len([name for name in pipeline.files if "NET_SETTLEMENT" in name]) == 8


def clients_entries(pipeline: PipelineInMemory) -> list[Event]:
    return [e for e in pipeline.of_type(JOURNAL, "JournalEntry") if e["account_id"] is None]
