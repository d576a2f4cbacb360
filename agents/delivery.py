"""Delivery: files are put where the client finds them, each once, before that is said."""

import asyncio
import logging
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from agents.live import Live
from agents.runner import TaskRunner
from settlement.tasks.delivery import DeliveryTask, File
from settlement.tasks.task import Task

log = logging.getLogger("settle")

# A full disk is looked at again after so long; the transaction that says so waits.
RETRY_SECONDS = 2.0


class ContradictingFileError(Exception):
    """Another content stands under the key of a file: an issued file is never restated."""


def delivery(live: Live) -> TaskRunner:
    """Return the agent of one worker; what is to be put: settlement/tasks/delivery.py."""

    async def deliver(task: Task) -> None:
        if not isinstance(task, DeliveryTask):
            raise TypeError(f"{task.name} has no files")
        for file in task.files:
            await put(live.files, file)
        task.files.clear()

    return TaskRunner(
        live.broker,
        DeliveryTask,
        live.partitions,
        quiet_commit_ms=live.quiet_commit_ms,
        deliver=deliver,
    )


async def put(folder: Path, file: File) -> None:
    """Create a file if it is absent; the same content again has no effect.

    Raises:
        ContradictingFileError: another content is there.
    """
    path = folder / file.client / file.key
    while True:
        try:
            await asyncio.to_thread(_create, path, file.content)
        except OSError as error:
            log.warning("%s: %s; tried again in %.0f s", path, error.strerror, RETRY_SECONDS)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


def _create(path: Path, content: bytes) -> None:
    """Show a file under its name when it is whole and on disk, never before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        if path.read_bytes() != content:
            raise ContradictingFileError(f"{path} holds another content; it was not touched")
        return
    with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as aside:
        try:
            aside.write(content)
            aside.flush()
            os.fsync(aside.fileno())
            os.fchmod(aside.fileno(), 0o644)
            # Fails if somebody else was faster: then what is there is compared.
            os.link(aside.name, path)
        except FileExistsError:
            if path.read_bytes() != content:
                raise ContradictingFileError(f"{path} holds another content") from None
        finally:
            Path(aside.name).unlink()
