"""Delivery: files are put where the client finds them, each once, before that is said."""

import asyncio
import logging

from agents.buckets import BucketRefusedError, Buckets
from agents.live import Live
from agents.runner import TaskRunner
from settlement.tasks.delivery import DeliveryTask, File
from settlement.tasks.task import Task

log = logging.getLogger("settle")

# A bucket that fails is asked again after so long; the transaction that says so waits.
RETRY_SECONDS = 2.0


def delivery(live: Live) -> TaskRunner:
    """Return the agent of one worker; what is to be put: settlement/tasks/delivery.py."""

    async def deliver(task: Task) -> None:
        if not isinstance(task, DeliveryTask):
            raise TypeError(f"{task.name} has no files")
        for file in task.files:
            await put(live.buckets, file)
        task.files.clear()

    return TaskRunner(
        live.broker,
        DeliveryTask,
        live.partitions,
        quiet_commit_ms=live.quiet_commit_ms,
        deliver=deliver,
    )


async def put(buckets: Buckets, file: File) -> None:
    """Create a file if it is absent; the same content again has no effect.

    Raises:
        BucketRefusedError: another content is there.
    """
    while True:
        try:
            await buckets.put(file.client, file.key, file.content)
        except BucketRefusedError as error:
            if error.reason == "OTHER_CONTENT":
                raise
            where = buckets.where(file.client, file.key)
            log.warning("%s: %s; tried again in %.0f s", where, error, RETRY_SECONDS)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
