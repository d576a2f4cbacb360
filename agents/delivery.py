"""Delivery: each client's files are put where it finds them, and then said to be there, once."""

import asyncio

from typing_extensions import override

from agents.file_queues import FileQueues
from agents.live import Live
from agents.runner import TaskRunner
from pipeline.delivery import DeliveryTask
from pipeline.task import Task


class Delivery(TaskRunner):
    """The task, and beside it the queues that are worked at: transactions wait for no bucket."""

    def __init__(self, live: Live) -> None:
        """Take where files go."""
        super().__init__(
            live.broker,
            DeliveryTask,
            live.partitions,
            quiet_commit_ms=live.quiet_commit_ms,
            deliver=self._applied,
        )
        self._queues = FileQueues(live.broker, live.buckets, self.owned)

    @override
    async def supervise(self) -> None:
        """Wait for ever; raise what a partition, or who works at the queues, ended with."""
        both = [
            asyncio.create_task(super().supervise()),
            asyncio.create_task(self._queues.run()),
        ]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                ended.result()
        finally:
            for task in both:
                task.cancel()

    @override
    async def stop(self) -> None:
        """Put nothing more; finish, commit and leave the group."""
        await asyncio.gather(self._queues.stop(), super().stop())

    async def _applied(self, task: Task) -> None:
        if not isinstance(task, DeliveryTask):
            raise TypeError(f"{task.name} has no files")
        self._queues.changed(task)


def delivery(live: Live) -> TaskRunner:
    """Return the agent of one worker; what is to be put: pipeline/delivery.py."""
    return Delivery(live)
