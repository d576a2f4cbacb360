"""A partition whose task raises is parked, on a real broker; all others go on.

Each cause has good inputs before and behind the bad one in the same batch: everything is there
before the runner starts.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from agents import parking
from agents import partition as agents_partition
from agents.runner import TaskRunner
from tests.integration.conftest import Kafka
from tests.integration.job import NEVER_MS, PATIENCE_SECONDS, Job, Point, on_topics
from topics.partition import partition_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

BROKER = "broker"
MEGABYTES_4 = 4 << 20
# Where it fails, and how the reason begins that a person reads.
CAUSES = {
    "read": "BrokenStageError: a 2",
    "waits": "BrokenStageError: a 2",
    "decide": "BrokenStageError: a 2",
    "event": "TypeError: Type is not JSON serializable: set",
    "state": "TypeError: Type is not JSON serializable: set",
    BROKER: "RejectedError: parks-at-broker-out-0 does not accept a record: [Error 10]",
}
BAD = 2
# A customer whose inputs are good, and the partitions of the two, of two.
GOOD = "d"
A, B = partition_of("a", 2), partition_of(GOOD, 2)
ALL = [(partition, offset) for partition in (A, B) for offset in range(4)]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(parking, "PAUSE_SECONDS_MAX", 0.3)


def fails_at(point: str) -> Callable[[Point, str, int], bool]:
    """Fail for the bad input of customer a; the other one has the same input, which is good."""
    return lambda at, key, value: (at, key, value) == (point, "a", BAD)


def never(_point: Point, _key: str, _value: int) -> bool:
    return False


async def wait_for(what: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await what():
            await asyncio.sleep(0.05)


async def healed(runner: TaskRunner, partition: int = 0) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while runner.owned[partition].parking.parked is not None:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_bad_input_parks_its_partition_and_nothing_else(
    kafka: Kafka, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        job = Job(kafka.broker, f"parks-at-{cause}", 2)
        after = Job(kafka.broker, f"behind-{cause}", 2)
        await job.create()
        await after.create()
        after.input = job.output
        job.fails = fails_at(cause)
        if cause == BROKER:
            await job.allow(5000)
        bad = {"v": BAD, "pad": 20_000 if cause == BROKER else 1}
        await job.send({"v": 1}, {"v": 1}, bad, {"v": 4}, partition=A)
        good = [{"v": v, "key": GOOD} for v in (1, BAD, 4)]
        await job.send(*good, partition=B)
        async with job.running() as runner, after.running():
            supervised = asyncio.ensure_future(runner.supervise())
            found = await job.parked(runner, A)
            assert found.place == f"{job.input}-{A} offset 2"
            assert found.reason.startswith(CAUSES[cause])
            # Everything before it is committed, and nothing else of that partition.
            assert await job.said_at_last(5) == ["1-0", "2-0", "1-0", "3-0", "7-0"]
            assert await job.applied() == dict.fromkeys(ALL[:2] + ALL[4:7], 1)
            # The task downstream reads what both partitions emit, and its commits can be seen: no
            # transaction is left open in the topics that both tasks write to.
            await after.said_at_last(5)
            await job.send({"v": 8, "key": GOOD}, partition=B)
            await job.said_at_last(6)
            await wait_for(lambda: has_tried(runner, A, 3))
            assert not supervised.done()
            # The cause is gone: the partition goes on by itself.
            job.fails = never
            if cause == BROKER:
                await job.allow(MEGABYTES_4)
            assert await job.said_at_last(8) == [
                *("1-0", "2-0", "4-0", "8-0"),
                *("1-0", "3-0", "7-0", "15-0"),
            ]
            await healed(runner, A)
            await after.said_at_last(8)
            assert not supervised.done()
            supervised.cancel()
        assert await job.applied() == dict.fromkeys(ALL, 1)
        order = await after.order()
        assert len(order) == len(set(order)) == len(ALL)

    asyncio.run(run())
    lines = [r.message for r in caplog.records if r.levelno >= logging.WARNING]
    at = f"parks-at-{cause}-in-{A} offset 2"
    ours = [line for line in lines if line.startswith("parks-at-")]
    assert [line.split(":")[0] for line in ours] == [
        f"parks-at-{cause}-{A} is parked at {at}",
        f"parks-at-{cause}-{A} goes on after {at}",
    ]
    assert all("\n" not in line for line in ours)


async def has_tried(runner: TaskRunner, partition: int, tries: int) -> bool:
    found = runner.owned[partition].parking.parked
    return found is not None and found.tries >= tries


@on_topics()
async def test_an_input_that_fails_behind_another_topic_holds_up_nothing_before_it(
    job: Job,
) -> None:
    """The head of each topic is looked at before its turn comes."""
    job.fails = fails_at("read")
    await job.send({"v": 1}, {"v": 1}, topic=job.before)
    await job.send({"v": BAD}, {"v": 4})
    async with job.running() as runner:
        assert (await job.parked(runner)).place == f"{job.input}-0 offset 0"
        assert await job.said() == ["1-0", "2-0"]
        job.fails = never
        assert await job.said_at_last(4) == ["1-0", "2-0", "4-0", "8-0"]
    first, second = (job.before, 0, 0), (job.before, 0, 1)
    assert await job.order() == [first, second, (job.input, 0, 0), (job.input, 0, 1)]


@on_topics()
async def test_inputs_without_output_before_a_bad_one_are_committed_too(job: Job) -> None:
    job.fails = fails_at("decide")
    await job.send(*[{"v": 1, "times": 0}] * 3, {"v": BAD}, {"v": 4})
    async with job.running(NEVER_MS) as runner:
        assert (await job.parked(runner)).place == f"{job.input}-0 offset 3"
        assert await job.applied() == {(0, offset): 1 for offset in range(3)}
        assert await job.said() == []
        job.fails = never
        assert await job.said_at_last(2) == ["5-0", "9-0"]
        # Behind the inputs of the failed batch, one transaction takes as many as come.
        owned = runner.owned[0]
        assert not owned.parking.one_by_one
    assert await job.applied() == {(0, offset): 1 for offset in range(5)}


@on_topics()
async def test_a_second_bad_input_is_named_when_the_first_is_passed(job: Job) -> None:
    job.fails = lambda point, _key, value: point == "decide" and value in {BAD, 4}
    await job.send({"v": 1}, {"v": BAD}, {"v": 4}, {"v": 8})
    async with job.running() as runner:
        assert (await job.parked(runner)).place == f"{job.input}-0 offset 1"
        job.fails = lambda point, _key, value: (point, value) == ("decide", 4)
        await wait_for(lambda: _is_at(runner, f"{job.input}-0 offset 2"))
        assert await job.said() == ["1-0", "3-0"]
        job.fails = never
        assert await job.said_at_last(4) == ["1-0", "3-0", "7-0", "15-0"]
        await healed(runner)


async def _is_at(runner: TaskRunner, place: str) -> bool:
    found = runner.owned[0].parking.parked
    return found is not None and found.place == place


@on_topics()
async def test_a_long_sweep_is_committed_in_parts_and_goes_on_where_it_was(job: Job) -> None:
    whole, agents_partition.BYTES_PER_TRANSACTION = agents_partition.BYTES_PER_TRANSACTION, 5000
    broken = {17, 31}
    job.fails = lambda point, _key, step: point == "decide" and step in broken
    try:
        await job.send({"sweep": 40, "pad": 1000}, {"v": 1})
        async with job.running() as runner:
            for step in (17, 31):
                await wait_for(lambda step=step: _says(runner, f"a {step}"))  # type: ignore[misc]  # a default binds the loop's value
                # A part is in, the input as a whole is not.
                assert 0 < len(await job.said()) <= step
                assert await job.applied() == {}
                broken.discard(step)
            said = await job.said_at_last(41)
    finally:
        agents_partition.BYTES_PER_TRANSACTION = whole
    assert said == [f"swept-{number}" for number in range(1, 41)] + ["1-0"]
    assert await job.applied() == {(0, 0): 1, (0, 1): 1}


async def _says(runner: TaskRunner, words: str) -> bool:
    owned = runner.owned.get(0)
    found = owned.parking.parked if owned is not None else None
    return found is not None and words in found.reason


@on_topics()
async def test_a_state_that_cannot_be_restored_parks_its_partition(job: Job) -> None:
    await job.send({"v": 1})
    async with job.running():
        await job.said_at_last(1)
    job.fails = lambda point, _key, _value: point == "restore"
    await job.send({"v": 4})
    async with job.running() as runner:
        found = await job.parked(runner)
        assert (found.place, found.reason) == ("the restore of its state", "BrokenStageError: a 1")
        job.fails = never
        assert await job.said_at_last(2) == ["1-0", "5-0"]
        await healed(runner)


# -- who comes and goes --------------------------------------------------------------------------


@on_topics()
async def test_a_restart_while_parked_loses_and_doubles_nothing(job: Job) -> None:
    """A stop does not wait for the next try, however far off it is."""
    job.fails = fails_at("decide")
    await job.send({"v": 1}, {"v": BAD}, {"v": 4})
    for _ in range(2):
        async with job.running() as runner:
            found = await job.parked(runner)
            assert found.place == f"{job.input}-0 offset 1"
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(parking, "PAUSE_SECONDS", 1e6)
                patched.setattr(parking, "PAUSE_SECONDS_MAX", 1e6)
                tries = found.tries
                await wait_for(lambda more=tries + 1: has_tried(runner, 0, more))  # type: ignore[misc]  # a default binds the loop's value
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await runner.stop()
        assert await job.applied() == {(0, 0): 1}
    job.fails = never
    async with job.running():
        assert await job.said_at_last(3) == ["1-0", "3-0", "7-0"]
    assert await job.applied() == {(0, 0): 1, (0, 1): 1, (0, 2): 1}


@on_topics(partitions=2)
async def test_a_rebalance_while_parked_moves_the_partition(job: Job) -> None:
    """Whoever owns the parked partition tries it; the other one is served throughout."""
    job.fails = fails_at("decide")
    for partition, key in ((A, "a"), (B, GOOD)):
        await job.send(*[{"v": v, "key": key} for v in (1, BAD, 4)], partition=partition)
    async with job.running() as first:
        await job.parked(first, A)
        async with job.running() as second:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(first.owned) != 1 or len(second.owned) != 1:
                    await asyncio.sleep(0.05)
            await job.parked(first if A in first.owned else second, A)
            assert await job.said_at_last(4) == ["1-0", "1-0", "3-0", "7-0"]
            job.fails = never
            await job.said_at_last(6)
    assert await job.said() == ["1-0", "3-0", "7-0"] * 2
    assert await job.applied() == {(p, o): 1 for p in (0, 1) for o in range(3)}


# -- quarantine ----------------------------------------------------------------------------------


@on_topics()
async def test_a_quarantined_input_is_skipped_without_being_read(job: Job) -> None:
    """It is not even JSON; of two reasons, the first counts; garbage in the topic does no harm."""
    async with job.producer() as producer:
        await job.send({"v": 1})
        await producer.send_and_wait(job.input, b"\xff{", b"a", 0)
        await job.send({"v": 4})
    async with job.running() as runner:
        found = await job.parked(runner)
        assert found.place == f"{job.input}-0 offset 1"
        assert found.reason.startswith("JSONDecodeError: ")
        async with job.producer() as producer:
            for garbage in (b"\xff", b"[]", b'{"topic":"x","partition":0,"offset":1,"why":2}'):
                await producer.send_and_wait("quarantines", garbage, None, 0)
        await job.quarantine(1, "no JSON, ticket 7")
        await job.quarantine(1, "a second reason")
        assert await job.said_at_last(2) == ["1-0", "5-0"]
        await healed(runner)
    (letter,) = await job.dead_letters()
    assert [letter[name] for name in ("reason", "detail", "source_offset")] == [
        *("QUARANTINED", "no JSON, ticket 7", 1),
    ]
    assert await job.skipped() == [(job.input, 1)]
    # Restarted, it skips nothing again.
    await job.send({"v": 8})
    async with job.running():
        assert await job.said_at_last(3) == ["1-0", "5-0", "13-0"]
    assert len(await job.dead_letters()) == 1
    assert await job.applied() == {(0, offset): 1 for offset in range(4)}


@on_topics()
async def test_a_quarantine_of_an_applied_input_has_no_effect(job: Job) -> None:
    await job.send({"v": 1}, {"v": BAD})
    async with job.running():
        await job.said_at_last(2)
    await job.quarantine(0, "too late")
    await job.send({"v": 4})
    async with job.running():
        assert await job.said_at_last(3) == ["1-0", "3-0", "7-0"]
    assert await job.dead_letters() == []
    assert await job.skipped() == []
