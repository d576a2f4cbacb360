"""Causes before effects: an input that was appended first is applied first, committed or not yet.

An open transaction is what a lagging commit looks like to a reader: the records are in the topic,
and the marker that decides about them is not.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import wraps

import pytest
from typing_extensions import override

from agents.broker import Broker
from agents.runner import TaskRunner
from tests.integration.conftest import PARTITIONS, Kafka
from tests.integration.job import PATIENCE_SECONDS, Job
from topics.catalogue import ACCOUNTS, FUNDINGS

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# Long enough for a task to apply what it has, several times over.
_APPLY_SECONDS = 1.5
_GIVE_UP_SECONDS = 2.0


class OutsideJob(Job):
    """A fold whose first topic is an input topic, which other programs write to, too."""

    def __init__(self, broker: Broker, name: str, outside: str) -> None:
        super().__init__(broker, name, PARTITIONS)
        self._outside = outside

    @override
    async def create(self) -> None:
        await super().create()
        self.before = self._outside


Body = Callable[[Job], Awaitable[None]]


def on(kind: Callable[[Broker, str], Job]) -> Callable[[Body], Callable[[Kafka], None]]:
    """Run a test with a job of its own, named after it."""

    def decorate(body: Body) -> Callable[[Kafka], None]:
        @wraps(body)
        def test(kafka: Kafka) -> None:
            async def run() -> None:
                job = kind(kafka.broker, body.__name__.removeprefix("test_").replace("_", "-")[:60])
                await job.create()
                await body(job)

            asyncio.run(run())

        del test.__wrapped__  # pytest would ask it for its arguments
        return test

    return decorate


async def _served(job: Job, runner: TaskRunner) -> None:
    """Wait until the member serves partition 0 and has applied an input."""
    await job.send({"v": 1})
    await job.said_at_last(1)
    assert runner.owned[0].progress.ready


@on(lambda broker, name: Job(broker, name, 1))
async def test_a_commit_whose_marker_lags_is_waited_for(job: Job) -> None:
    """The input was appended before the one in `-in`, so its sum comes first."""
    async with job.running() as runner, job.producer("lagging") as producer:
        await _served(job, runner)
        await producer.begin_transaction()
        await producer.send_and_wait(job.before, b'{"v": 10, "pad": 1}', b"a", 0)
        await job.send({"v": 100})
        await asyncio.sleep(_APPLY_SECONDS + _GIVE_UP_SECONDS)
        assert await job.said() == ["1-0"]
        assert runner.owned[0].inputs.alerts() == []
        await producer.commit_transaction()
        assert await job.said_at_last(3) == ["1-0", "11-0", "111-0"]


@on(lambda broker, name: Job(broker, name, 1))
async def test_an_aborted_transaction_is_waited_for_and_left_out(job: Job) -> None:
    async with job.running() as runner, job.producer("aborting") as producer:
        await _served(job, runner)
        await producer.begin_transaction()
        await producer.send_and_wait(job.before, b'{"v": 10, "pad": 1}', b"a", 0)
        await job.send({"v": 100})
        await asyncio.sleep(_APPLY_SECONDS)
        await producer.abort_transaction()
        assert await job.said_at_last(2) == ["1-0", "101-0"]


@on(lambda broker, name: Job(broker, name, 1))
async def test_within_a_topic_with_heads_nothing_waits(job: Job) -> None:
    """What is committed before the open transaction is applied: it has a head in each topic."""
    async with job.running() as runner, job.producer("open") as producer:
        await _served(job, runner)
        await job.send({"v": 10}, topic=job.before)
        assert await job.said_at_last(2) == ["1-0", "11-0"]
        await producer.begin_transaction()
        await producer.send_and_wait(job.input, b'{"v": 1000, "pad": 1}', b"a", 0)
        await job.send({"v": 100}, topic=job.before)
        await asyncio.sleep(_APPLY_SECONDS)
        assert await job.said() == ["1-0", "11-0"]
        await producer.commit_transaction()
        assert await job.said_at_last(4) == ["1-0", "11-0", "1011-0", "1111-0"]


@on(lambda broker, name: OutsideJob(broker, name, ACCOUNTS))
async def test_what_another_program_leaves_open_on_an_input_topic_is_waited_for_briefly(
    job: Job,
) -> None:
    async with job.running() as runner, job.producer("another-program") as producer:
        await _served(job, runner)
        inputs = runner.owned[0].inputs
        await producer.begin_transaction()
        await producer.send_and_wait(ACCOUNTS, b'{"v": 10, "pad": 1}', b"a", 0)
        await job.send({"v": 100})
        await asyncio.sleep(0.5)
        assert await job.said() == ["1-0"]
        assert inputs.alerts() == []
        assert await job.said_at_last(2) == ["1-0", "101-0"]
        (alert,) = inputs.alerts()
        assert alert.startswith(
            "accounts-0: a transaction that another program left open hides the records from offset"
        )
        # Others are not held up a second time: the transaction is known.
        before = time.monotonic()
        for number in range(5):
            await job.send({"v": 1})
            await job.said_at_last(3 + number)
        assert time.monotonic() - before < 5 * _GIVE_UP_SECONDS
        await producer.commit_transaction()
        assert (await job.said_at_last(8))[-1] == "116-0"
        async with asyncio.timeout(PATIENCE_SECONDS):
            while inputs.alerts():
                await asyncio.sleep(0.05)
        # The next transaction is waited for again.
        await producer.begin_transaction()
        await producer.send_and_wait(ACCOUNTS, b'{"v": 1000, "pad": 1}', b"a", 0)
        await job.send({"v": 10_000})
        await asyncio.sleep(0.5)
        await producer.commit_transaction()
        assert (await job.said_at_last(10))[8:] == ["1116-0", "11116-0"]


@on(lambda broker, name: OutsideJob(broker, name, FUNDINGS))
async def test_an_input_topic_that_is_not_fetched_yet_is_waited_for(job: Job) -> None:
    """Slow is not undecided: a topic of which committed records are missing holds the others up."""
    async with job.running() as runner:
        await _served(job, runner)
        reader = runner.reader
        fetched = reader.consumer.getmany

        async def without_fundings(**options: int) -> object:
            places = [p for p in reader.consumer.assignment() if p.topic != FUNDINGS]
            return await fetched(*places, **options)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(reader.consumer, "getmany", without_fundings)
            await asyncio.sleep(1.1)  # the fetch that is under way returns
            await job.send({"v": 10}, topic=FUNDINGS)
            await job.send({"v": 100})
            await asyncio.sleep(2 * _GIVE_UP_SECONDS)
            assert await job.said() == ["1-0"]
            assert runner.owned[0].inputs.alerts() == []
        assert await job.said_at_last(3) == ["1-0", "11-0", "111-0"]
