"""Inputs that were deleted before they were read, and partitions that were added meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete

from agents.runner import TaskRunner
from tests.integration.job import PATIENCE_SECONDS, Job, on_topics

pytestmark = [pytest.mark.integration, pytest.mark.slow]


async def administer(job: Job, act: Callable[[AIOKafkaAdminClient], Awaitable[object]]) -> None:
    admin = job.broker.admin()
    await admin.start()
    try:
        await act(admin)
    finally:
        await admin.close()


async def gap(runner: TaskRunner, job: Job) -> str:
    """Wait until records of the input are found to be missing."""
    place = TopicPartition(job.input, 0)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while place not in runner.reader.gaps:
            await asyncio.sleep(0.05)
    return runner.reader.gaps[place]


@on_topics()
async def test_inputs_that_were_deleted_before_they_were_read_are_reported(job: Job) -> None:
    await job.send({"v": 1})
    async with job.running():
        await job.said_at_last(1)
    await job.send({"v": 2}, {"v": 4}, {"v": 8})
    gone = {TopicPartition(job.input, 0): RecordsToDelete(3)}
    await administer(job, lambda admin: admin.delete_records(gone))
    async with job.running() as runner:
        assert await job.said_at_last(2) == ["1-0", "9-0"]
        assert await gap(runner, job) == "inputs 1 to 2 were deleted before they were read"


@on_topics()
async def test_a_topic_that_was_made_again_is_not_read_from_its_beginning(job: Job) -> None:
    """Its records would be applied although the positions say that they were."""
    await job.send({"v": 1}, {"v": 2}, {"v": 4})
    async with job.running():
        await job.said_at_last(3)
    await administer(job, lambda admin: admin.delete_topics([job.input]))
    await asyncio.sleep(2)
    await administer(job, lambda admin: admin.create_topics([NewTopic(job.input, 1, 1)]))
    await asyncio.sleep(1)
    await job.send({"v": 8})
    async with job.running() as runner:
        assert await gap(runner, job) == "it ends before offset 3, up to which it was read"
        await asyncio.sleep(2)
    assert await job.said() == ["1-0", "3-0", "7-0"]


@on_topics(partitions=2)
async def test_partitions_that_are_added_to_a_topic_do_not_tear_the_others_apart(job: Job) -> None:
    """Two members would get partitions 0 and 1 of the input, but one each of the other topic."""
    async with job.running() as first:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(first.owned) < 2:
                await asyncio.sleep(0.05)
        more = {job.input: NewPartitions(4)}
        await administer(job, lambda admin: admin.create_partitions(more))
        async with job.running() as second:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(first.owned) != 1 or len(second.owned) != 1:
                    await asyncio.sleep(0.05)
            for partition in (0, 1):
                await job.send({"v": 1}, partition=partition)
            await job.said_at_last(2)
            assert (first.unserved, second.unserved) == ([], [])
    assert await job.applied() == {(0, 0): 1, (1, 0): 1}
