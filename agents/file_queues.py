"""Clients' files on their way into the buckets: a queue for each client, none waits for another.

What waits is the state of task delivery; what becomes of it is said to the task by `report-puts`.
To put a file twice has no effect, nor has saying so twice: so neither a former owner of a partition
nor a kill at any point loses or doubles a delivery.

A put that fails is tried again after 0.25, 0.5 and 1 s. Then, and at once where nobody expects
better, the client is parked with an alert; its first file is tried after 2, 4 ... 60 s until it is
put, and the others follow.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from agents.broker import Broker, started
from agents.buckets import BucketRefusedError, Buckets
from agents.deadlines import closed
from agents.issued_files import ContentGoneError, IssuedFiles
from agents.partition import PartitionRunner
from pipeline.delivery import (
    DeliveryTask,
    File,
    IssuedFile,
    Parked,
    file_not_put,
    file_put,
)
from schemas.report import FileNotPut, FilePut, PutReason
from topics.catalogue import REPORT_PUTS

log = logging.getLogger("settle")

_TRIES_BEFORE_PARKING = 4
_FIRST_WAIT_SECONDS = 0.25
_WAIT_SECONDS_MAX = 60.0
# Of files just issued, contents up to this size need not be read back from Kafka.
_KEPT_BYTES = 64 * 1024 * 1024
# What was said is applied in milliseconds; if not in so long, it is said again.
_APPLIED_SECONDS = 30.0
_SEND_SECONDS = 20.0
_LOOK_SECONDS = 0.5
# What is at work when all stops gets so long.
_STOP_SECONDS = 2.5


class FileQueues:
    """Puts what waits in the delivery partitions that this worker owns."""

    def __init__(
        self, broker: Broker, buckets: Buckets, owned: Mapping[int, PartitionRunner]
    ) -> None:
        """Take the partitions that are owned: a mapping that changes."""
        self._broker = broker
        self._buckets = buckets
        self._owned = owned
        self._issued = IssuedFiles(broker)
        self._producer: AIOKafkaProducer | None = None
        self._sending = asyncio.Lock()
        self._kept: dict[tuple[str, str], bytes] = {}
        self._kept_bytes = 0
        self._at_work: dict[tuple[DeliveryTask, str], asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._stopped = False

    def changed(self, task: DeliveryTask) -> None:
        """Hear that the task has applied something; take the contents of what was issued."""
        for file in task.files:
            self._keep(file)
        task.files.clear()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def run(self) -> None:
        """Put files for ever; raise what must not happen."""
        while True:
            changed = self._changed
            self._look()
            await _wait_at_most(changed, _LOOK_SECONDS)

    async def stop(self) -> None:
        """Put nothing more. What is under way may get there: it is put again, without effect."""
        self._stopped = True
        working = list(self._at_work.values())
        for work in working:
            work.cancel()
        if working:
            await asyncio.wait(working, timeout=_STOP_SECONDS)
        await self._issued.stop()
        await self._drop_producer()

    def _look(self) -> None:
        """See to it that somebody works at each queue."""
        if self._stopped:
            return
        for place, work in list(self._at_work.items()):
            if work.done():
                del self._at_work[place]
                work.result()
        for partition, owner in list(self._owned.items()):
            task = owner.task
            if isinstance(task, DeliveryTask) and owner.progress.ready:
                for client in task.queues:
                    if (task, client) not in self._at_work:
                        self._at_work[task, client] = asyncio.create_task(
                            self._empty(owner, task, client), name=f"files-{partition}-{client}"
                        )
        if not self._at_work:  # what is kept still is of partitions that others own now
            self._kept.clear()
            self._kept_bytes = 0

    def _owns(self, owner: PartitionRunner, task: DeliveryTask) -> bool:
        """Whether the task is ours: a partition that was parked has restored another one."""
        is_owned = self._owned.get(owner.partition) is owner and owner.progress.ready
        return is_owned and owner.task is task

    async def _empty(self, owner: PartitionRunner, task: DeliveryTask, client: str) -> None:
        """Put the files of one client, in order, until none waits or they are another owner's."""
        tries = 0
        while self._owns(owner, task) and (queue := task.queues.get(client)):
            file = next(iter(queue.values()))
            refused = await self._put(owner.partition, file)
            if refused is None:
                if client in task.parked:
                    log.warning("files of %s go on: %s is put", client, file.key)
                tries = 0
                await self._tell(owner.partition, file_put(file))
                await self._applied(owner, task, file)
                continue
            tries += 1
            reason, detail = refused
            if reason != "UNAVAILABLE":
                tries = max(tries, _TRIES_BEFORE_PARKING)
            if tries >= _TRIES_BEFORE_PARKING:
                await self._park(owner.partition, file, reason, detail, task.parked.get(client))
            await asyncio.sleep(min(_FIRST_WAIT_SECONDS * 2 ** (tries - 1), _WAIT_SECONDS_MAX))

    async def _put(self, partition: int, file: IssuedFile) -> tuple[PutReason, str] | None:
        """Put a file; return why not, if not."""
        content = self._kept.get((file.client, file.key))
        try:
            if content is None:
                content = await self._issued.content(partition, file)
            await self._buckets.put(file.client, file.key, content)
        except BucketRefusedError as error:
            return error.reason, error.detail
        except ContentGoneError as error:
            return "CONTENT_GONE", str(error)
        except (KafkaError, TimeoutError) as error:
            await self._issued.stop()
            return "UNAVAILABLE", f"Kafka does not give its content: {error!r}"
        finally:
            # While it is tried again it is read back: what is kept is for what comes at once.
            self._kept_bytes -= len(self._kept.pop((file.client, file.key), b""))
        return None

    async def _park(
        self, partition: int, file: IssuedFile, reason: PutReason, detail: str, now: Parked | None
    ) -> None:
        """Say once why a client is parked, and again when there is another reason."""
        if now is not None and (now.key, now.reason, now.detail) == (file.key, reason, detail):
            return
        where = self._buckets.where(file.client, file.key)
        log.error("files of %s are parked: %s: %s: %s", file.client, where, reason, detail)
        await self._tell(partition, file_not_put(file, reason, detail))

    async def _applied(self, owner: PartitionRunner, task: DeliveryTask, file: IssuedFile) -> None:
        """Wait until the task knows that a file was put, or it is another owner's."""

        async def known() -> None:
            while self._owns(owner, task) and file.key in task.queues.get(file.client, {}):
                await _wait_at_most(self._changed, _LOOK_SECONDS)

        try:
            await asyncio.wait_for(known(), _APPLIED_SECONDS)
        except TimeoutError:
            log.warning("%s/%s: that it was put is said again", file.client, file.key)

    async def _tell(self, partition: int, event: FilePut | FileNotPut) -> None:
        """Send to `report-puts`, until it is there."""
        value, key = orjson.dumps(event), event["client"].encode()
        while True:
            try:
                producer = await self._started_producer()
                await asyncio.wait_for(
                    producer.send_and_wait(REPORT_PUTS, value, key=key, partition=partition),
                    _SEND_SECONDS,
                )
            except (KafkaError, TimeoutError) as error:
                log.warning("delivery: Kafka does not take what became of a put: %s", repr(error))
                await self._drop_producer()
                await asyncio.sleep(1)
            else:
                return

    async def _started_producer(self) -> AIOKafkaProducer:
        async with self._sending:
            if self._producer is None:
                self._producer = await started(self._broker.producer())
            return self._producer

    async def _drop_producer(self) -> None:
        """Forget a producer, which a failure may have poisoned; the next send makes a new one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await closed(producer)

    def _keep(self, file: File) -> None:
        new = (file.client, file.key) not in self._kept
        if new and self._kept_bytes + len(file.content) <= _KEPT_BYTES:
            self._kept[file.client, file.key] = file.content
            self._kept_bytes += len(file.content)


async def _wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, at most so long."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
