"""The exactly-once runner on a real broker: each trap of docs/decisions/0008 that can be provoked.

What makes a partition park is in test_parking.py.
"""

import asyncio
import contextlib
import os
import signal

import orjson
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from agents import deadlines, task_state
from agents import partition as agents_partition
from agents import restore as agents_restore
from agents.deadlines import StalledError
from agents.runner import TaskRunner
from tests.integration.conftest import Kafka
from tests.integration.job import NEVER_MS, PATIENCE_SECONDS, Job, Point, on_topics, said_event
from topics.catalogue import state_topic

pytestmark = [pytest.mark.integration, pytest.mark.slow]


async def _ended(runner: TaskRunner, kind: type[BaseException]) -> BaseException:
    """Wait for what the runner ends with."""
    with pytest.raises(kind) as ended:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await runner.supervise()
    return ended.value


async def _has_settled(job: Job, count: int) -> bool:
    """Run a member until so many events are committed, or it ends with an error."""
    try:
        async with job.running() as runner:
            working = asyncio.ensure_future(runner.supervise())
            seeing = asyncio.ensure_future(job.said_at_last(count))
            await asyncio.wait({working, seeing}, return_when=asyncio.FIRST_COMPLETED)
            working.cancel()
            seeing.cancel()
            await asyncio.gather(working, seeing, return_exceptions=True)
        return len(await job.said()) >= count
    except (AssertionError, KafkaError):
        return False  # aiokafka asserts that a broker knows a broker, at least itself


# -- what a transaction holds --------------------------------------------------------------------


@on_topics()
async def test_a_full_batch_is_followed_by_another(job: Job) -> None:
    """Six megabytes of one input for one partition: more than a batch takes."""
    await job.send({"v": 1, "times": 1500, "pad": 4000})
    async with job.running():
        await job.said_at_last(1500)
        await job.send({"v": 1})
        said = await job.said_at_last(1501)
    assert said == [*(f"1-{number}" for number in range(1500)), "2-0"]
    assert await job.applied() == {(0, 0): 1, (0, 1): 1}


# -- in which order ------------------------------------------------------------------------------


@on_topics()
async def test_no_deposit_overtakes_its_account(job: Job) -> None:
    """A megabyte is fetched at a time: the deposit is here before most of what is older."""
    account = {"v": 1, "times": 0, "name": "x" * 100_000}
    await job.send(*[account] * 40, topic=job.before)
    await job.send({"v": 1})
    async with job.running():
        assert await job.said_at_last(1) == ["41-0"]
    assert await job.order() == [*((job.before, 0, n) for n in range(40)), (job.input, 0, 0)]


# -- who may write -------------------------------------------------------------------------------


@on_topics()
async def test_a_fenced_owner_commits_nothing_and_does_no_harm(job: Job) -> None:
    await job.send({"v": 1})
    async with job.running() as runner:
        await job.said_at_last(1)
        async with job.producer(f"{job.name}-0"):
            await job.send({"v": 2})
            async with asyncio.timeout(PATIENCE_SECONDS):
                while runner.owned[0].progress.ready:
                    await asyncio.sleep(0.05)
            assert not runner.owned[0].work.done()  # it waits to be told by its group
        assert await job.said() == ["1-0"]
    async with job.running():
        assert await job.said_at_last(2) == ["1-0", "3-0"]
    assert await job.applied() == {(0, 0): 1, (0, 1): 1}


@on_topics()
async def test_a_fenced_owner_ends_if_its_group_says_nothing(job: Job) -> None:
    """Who fenced it was no owner: a worker that came too late, say. Nobody else would serve it."""
    await job.send({"v": 1})
    async with job.running() as runner:
        await job.said_at_last(1)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(agents_partition, "FENCED_SECONDS", 1.0)
            async with job.producer(f"{job.name}-0"):
                await job.send({"v": 2})
                said = str(await _ended(runner, StalledError))
    assert said == f"{job.name}-0: fenced, and its group still gives it to us"
    async with job.running():
        assert await job.said_at_last(2) == ["1-0", "3-0"]


@on_topics()
async def test_who_leaves_takes_no_partition(job: Job) -> None:
    """A rebalance that ends while it leaves: it would fence the next owner."""
    async with job.running() as runner:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not runner.owned:
                await asyncio.sleep(0.05)
    assert runner.owned == {}
    await runner.on_partitions_assigned(TopicPartition(t, 0) for t in (job.before, job.input))
    assert runner.owned == {}


@on_topics()
async def test_what_a_dead_owner_left_open_is_ended_at_once(job: Job) -> None:
    """Nobody waits for the transaction's own time-out, and what was in it is never seen."""
    await job.send({"v": 1})
    dead: AIOKafkaProducer = job.broker.producer(f"{job.name}-0", transaction_timeout_ms=60_000)
    await dead.start()
    await dead.begin_transaction()
    await dead.send_and_wait(job.output, orjson.dumps(said_event("from the dead", 1)), partition=0)
    await dead.send_and_wait(state_topic(job.name), b"100", b"sum|a", 0)
    async with job.running():
        assert await job.said_at_last(1) == ["1-0"]
    with contextlib.suppress(KafkaError, AssertionError):
        await dead.stop()


# -- where it goes on ----------------------------------------------------------------------------


@on_topics()
async def test_positions_of_the_state_topic_win_over_those_of_the_group(job: Job) -> None:
    await job.send({"v": 1}, {"v": 2}, {"v": 4})
    place = TopicPartition(job.input, 0)
    for wrong in (3, 0):
        consumer = job.broker.consumer(f"settle-{job.name}")
        await consumer.start()
        consumer.assign([place])
        await consumer.commit({place: OffsetAndMetadata(wrong, "")})
        await consumer.stop()
        async with job.running():
            assert await job.said_at_last(3) == ["1-0", "3-0", "7-0"]
            await asyncio.sleep(1)
    assert await job.said() == ["1-0", "3-0", "7-0"]
    assert await job.applied() == {(0, 0): 1, (0, 1): 1, (0, 2): 1}


@on_topics()
async def test_state_is_read_to_its_end_over_the_marks_of_transactions(job: Job) -> None:
    """The state topic ends with a commit's mark, an aborted record and the mark of its end."""
    await job.send({"v": 1})
    async with job.running():
        await job.said_at_last(1)
    async with job.producer("somebody") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(state_topic(job.name), b"100", b"sum|a", 0)
        await producer.abort_transaction()
    await job.send({"v": 2})
    async with job.running() as runner:
        assert await job.said_at_last(2) == ["1-0", "3-0"]
        assert runner.owned[0].progress.restored_records > 0


@on_topics()
async def test_state_that_is_not_decided_is_waited_for_and_never_left_out(job: Job) -> None:
    """What is committed behind an open transaction can't be read: it would be done again."""
    await job.send({"v": 1})
    async with job.running():
        await job.said_at_last(1)
    async with job.producer("somebody") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(state_topic(job.name), b"100", b"sum|b", 0)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(task_state, "UNENDED_SECONDS", 1.0)
            async with job.running() as runner:
                said = str(await _ended(runner, StalledError))
        assert said.startswith(
            f"{state_topic(job.name)}-0: Kafka says neither that the transaction"
        )
        await job.send({"v": 2})
        async with job.running():
            await asyncio.sleep(3)
            assert await job.said() == ["1-0"]
            await producer.abort_transaction()
            assert await job.said_at_last(2) == ["1-0", "3-0"]
    assert await job.applied() == {(0, 0): 1, (0, 1): 1}


# -- who comes and goes --------------------------------------------------------------------------


@on_topics(partitions=2)
async def test_a_revoked_partition_is_committed_before_it_goes(job: Job) -> None:
    """Inputs are applied and not due to be committed when a second worker comes."""
    for partition in (0, 1):
        await job.send({"v": 1, "times": 0}, partition=partition)
    async with job.running(NEVER_MS) as first:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (
                not all(owned.transaction.inputs for owned in first.owned.values())
                or len(first.owned) < 2
            ):
                await asyncio.sleep(0.05)
        assert await job.applied() == {}
        async with job.running(NEVER_MS) as second:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(first.owned) != 1 or len(second.owned) != 1:
                    await asyncio.sleep(0.05)
            assert await job.applied() == {(0, 0): 1, (1, 0): 1}
            for partition in (0, 1):
                await job.send({"v": 2}, partition=partition)
            assert sorted(await job.said_at_last(2)) == ["3-0", "3-0"]
    assert await job.applied() == {(p, o): 1 for p in (0, 1) for o in (0, 1)}


@on_topics()
async def test_who_supervises_a_member_that_leaves_hears_of_no_error(job: Job) -> None:
    async with job.running() as runner:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not runner.joined:
                await asyncio.sleep(0.05)
        supervising = asyncio.ensure_future(runner.supervise())
        await asyncio.sleep(0.5)
    runner.changed()  # it looks again, and the member has left
    await asyncio.wait_for(supervising, PATIENCE_SECONDS)


@on_topics()
async def test_a_clean_stop_commits_what_was_applied(job: Job) -> None:
    await job.send({"v": 1, "times": 0})
    async with job.running(NEVER_MS) as runner:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not runner.owned or not runner.owned[0].transaction.inputs:
                await asyncio.sleep(0.05)
    assert await job.applied() == {(0, 0): 1}


@on_topics()
async def test_a_partition_that_is_being_read_back_is_given_up_at_once(job: Job) -> None:
    """Whatever its state's size: else a rebalance, and a stop, would wait for what nobody needs."""
    reading, given_up = asyncio.Event(), asyncio.Event()

    async def read_for_ever(*_: object) -> int:
        reading.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            given_up.set()
            raise
        return 0

    await job.send({"v": 1})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(agents_restore, "read_whole", read_for_ever)
        # Who waits for it, waits for ever.
        patched.setattr(deadlines, "STOP_SECONDS", float("inf"))
        async with asyncio.timeout(PATIENCE_SECONDS), job.running():
            await reading.wait()
    assert given_up.is_set()
    async with job.running():
        assert await job.said_at_last(1) == ["1-0"]
    assert await job.applied() == {(0, 0): 1}


def test_a_broker_that_does_not_answer_ends_the_worker_in_time(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = kafka.node
    if node is None:
        pytest.skip("the broker runs in a container: its process can't be stopped from here")
    monkeypatch.setattr(agents_partition, "TRANSACTION_SECONDS", 3.0)
    monkeypatch.setattr(deadlines, "STOP_SECONDS", 2.0)

    async def run() -> None:
        job = Job(kafka.broker, "a-broker-that-does-not-answer", 1)
        await job.create()
        await job.send({"v": 1})
        async with job.running() as runner:
            await job.said_at_last(1)
            pid = node.pid
            assert pid is not None
            stopped = asyncio.Event()

            def freeze(point: Point, _key: str, value: int) -> bool:
                if (point, value) == ("decide", 2) and not stopped.is_set():
                    os.kill(pid, signal.SIGSTOP)
                    stopped.set()
                return False

            job.fails = freeze
            await job.send({"v": 2})
            try:
                said = str(await _ended(runner, StalledError))
            finally:
                os.kill(pid, signal.SIGCONT)
            assert said.startswith(
                "a transaction of a-broker-that-does-not-answer-0: Kafka has not"
            )
        # Its broker comes back in steps; who starts too early ends, and is started again.
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await _has_settled(job, 2):
                await asyncio.sleep(1)
        assert await job.said() == ["1-0", "3-0"]
        assert await job.applied() == {(0, 0): 1, (0, 1): 1}

    asyncio.run(run())
