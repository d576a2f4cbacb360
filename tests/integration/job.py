"""A small task on topics of its own, run by the exactly-once runner on a real broker.

The task folds sums per key and emits each sum; a `sweep` emits as many events as it contains, in
steps, and its state knows how far it has come. It reads two topics: `-before`, empty in most tests,
and `-in`. `Job.fails` makes it raise.
"""

import asyncio
import contextlib
from abc import abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, ClassVar, Literal

import orjson
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from typing_extensions import override

from agents.broker import Broker
from agents.live_topics import read_live
from agents.parking import Parked
from agents.runner import TaskRunner
from pipeline.quarantine import record_quarantined
from pipeline.task import Change, Head, Record, Task
from schemas.instant import Micros
from settlement.cause import Out
from tests.integration.conftest import Kafka
from topics.catalogue import DEAD_LETTERS, QUARANTINES, TASK_LOG, state_topic
from topics.decode import Refused

PATIENCE_SECONDS = 40.0
NEVER_MS = 600_000

# Where a task may raise: it reads a record, says whether it waits, decides; its events or its state
# are serialized; its state is restored.
Point = Literal["read", "waits", "decide", "event", "state", "restore"]


class BrokenStageError(Exception):
    """What a stage raises that is broken."""


class Fold(Task):
    """Sums per key; `_fails` says where it raises."""

    name: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]]
    writes: ClassVar[tuple[str, ...]]

    def __init__(self, partition: int, partitions: int) -> None:
        super().__init__(partition, partitions)
        self.sums: dict[str, int] = {}
        self.swept = 0
        # What was applied since `changes` was called.
        self._applied: list[tuple[str, int]] = []

    @property
    @override
    def now(self) -> Micros | None:
        return None

    @override
    def read(self, record: Record) -> Head:
        event = orjson.loads(record.value or b"")
        self._break("read", (record.key or b"").decode(), event.get("v", 1))
        return Head(record, event, 0)

    @override
    def waits(self, head: Head) -> bool:
        if isinstance(head.event, Refused):  # it is quarantined
            return False
        self._break("waits", (head.record.key or b"").decode(), head.event.get("v", 1))
        return False

    @override
    def apply(self, head: Head, out: Out) -> Iterator[None]:
        event, key = head.event, (head.record.key or b"").decode()
        if event.get("sweep"):
            while self.swept < event["sweep"]:
                self._break("decide", key, self.swept)
                self.swept += 1
                out.append((self.writes[0], key, said_event(f"swept-{self.swept}", event["pad"])))
                yield
            self.swept = 0
            return
        value = event.get("v", 1)
        # A decision that raises half-way leaves a wrong sum in memory.
        self.sums[key] = self.sums.get(key, 0) + value
        self._break("decide", key, value)
        self._applied.append((key, value))
        for number in range(event.get("times", 1)):
            pad = event["pad"] if isinstance(event["pad"], int) else 1  # another job's event
            emitted = said_event(f"{self.sums[key]}-{number}", pad)
            if self._fails("event", key, value):
                emitted["pad"] = {1}  # no JSON
            out.append((self.writes[0], key, emitted))

    @override
    def changes(self) -> Iterator[Change]:
        applied, self._applied = self._applied, []
        yield b"swept", orjson.dumps(self.swept)
        for key, total in self.sums.items():
            broken = any(self._fails("state", *one) for one in applied if one[0] == key)
            yield f"sum|{key}".encode(), orjson.dumps({1} if broken else total)

    @override
    def restore(self, key: bytes, value: bytes) -> None:
        if key == b"swept":
            self.swept = orjson.loads(value)
            return
        name = key.decode().removeprefix("sum|")
        self.sums[name] = orjson.loads(value)
        self._break("restore", name, self.sums[name])

    @abstractmethod
    def _fails(self, point: Point, key: str, value: int) -> bool: ...

    def _break(self, point: Point, key: str, value: int) -> None:
        if self._fails(point, key, value):
            raise BrokenStageError(f"{key} {value}")


def said_event(text: str, pad: int) -> dict[str, Any]:
    return {"type": "Said", "event_id": text, "event_time": "", "pad": "x" * pad}


class Job:
    """A fold with topics of its own."""

    def __init__(self, broker: Broker, name: str, partitions: int) -> None:
        self.broker, self.name, self.partitions = broker, name, partitions
        self.before, self.input, self.output = f"{name}-before", f"{name}-in", f"{name}-out"
        self.fails: Callable[[Point, str, int], bool] = lambda _point, _key, _value: False

    async def create(self) -> None:
        admin = self.broker.admin()
        await admin.start()
        big = {"max.message.bytes": "4194304"}
        await admin.create_topics(
            [
                NewTopic(topic, self.partitions, 1, topic_configs=big)
                for topic in (self.before, self.input, self.output)
            ]
        )
        compact = big | {"cleanup.policy": "compact"}
        await admin.create_topics(
            [NewTopic(state_topic(self.name), self.partitions, 1, topic_configs=compact)]
        )
        await admin.close()
        await asyncio.sleep(0.3)

    async def allow(self, size: int) -> None:
        """Let the broker take output batches up to so many bytes."""
        admin = self.broker.admin()
        await admin.start()
        config = {"max.message.bytes": str(size)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, self.output, config)])
        here = [ConfigResource(ConfigResourceType.TOPIC, self.output)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not any(
                entry[:2] == ("max.message.bytes", str(size))
                for answer in await admin.describe_configs(here)
                for _, _, _, _, entries in answer.resources
                for entry in entries
            ):
                await asyncio.sleep(0.1)
        await admin.close()
        await asyncio.sleep(0.5)  # it shows a moment before it holds

    def kind(self) -> type[Task]:
        job = self

        class Named(Fold):
            name: ClassVar[str] = job.name
            inputs: ClassVar[tuple[str, ...]] = (job.before, job.input)
            writes: ClassVar[tuple[str, ...]] = (job.output,)

            @override
            def _fails(self, point: Point, key: str, value: int) -> bool:
                return job.fails(point, key, value)

        return Named

    async def parked(self, runner: TaskRunner, partition: int = 0) -> Parked:
        """Wait until a partition is parked."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not ((owned := runner.owned.get(partition)) and (found := owned.parking.parked)):
                await asyncio.sleep(0.05)
        return found

    async def quarantine(self, offset: int, why: str, partition: int = 0) -> None:
        """Quarantine an input, as `settle quarantine` does for a topic of the catalogue."""
        event = record_quarantined(self.input, partition, offset, why)
        async with self.producer() as producer:
            await producer.send_and_wait(QUARANTINES, orjson.dumps(event), None, partition)

    async def dead_letters(self) -> list[dict[str, Any]]:
        """Return the dead letters of the job's inputs."""
        records: list[Record] = []
        await read_live(self.broker, records.append, [DEAD_LETTERS])
        letters = [orjson.loads(record.value or b"") for record in records]
        return [letter for letter in letters if letter["source_topic"] == self.input]

    @contextlib.asynccontextmanager
    async def running(self, quiet_commit_ms: int = 10) -> AsyncIterator[TaskRunner]:
        """One member of the task's group, as a worker has it; it stops cleanly."""
        runner = TaskRunner(
            self.broker, self.kind(), self.partitions, quiet_commit_ms=quiet_commit_ms
        )
        await runner.start()
        try:
            yield runner
        finally:
            await runner.stop()

    async def send(
        self, *values: dict[str, Any], partition: int = 0, topic: str | None = None
    ) -> None:
        async with self.producer() as producer:
            for value in values:
                key = value.get("key", "a").encode()
                event = orjson.dumps({"pad": 1} | value)
                await producer.send_and_wait(topic or self.input, event, key, partition)

    @contextlib.asynccontextmanager
    async def producer(self, transactional_id: str | None = None) -> AsyncIterator[Any]:
        producer = self.broker.producer(transactional_id)
        try:
            await producer.start()
            yield producer
        finally:
            await producer.stop()

    async def said(self) -> list[str]:
        """Return what is committed in the output, in order within each partition."""
        return [orjson.loads(record.value)["event_id"] for record in await self._read(self.output)]

    async def said_at_last(self, count: int) -> list[str]:
        """Wait until so many events are committed; one more is looked for, too."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(await self.said()) < count:
                await asyncio.sleep(0.1)
        return await self.said()

    async def applied(self) -> Counter[tuple[int, int]]:
        """Return how often each input was applied, by partition and offset, as task-log says."""
        order = await self.order()
        assert {topic for topic, _, _ in order} <= {self.input}
        return Counter((partition, offset) for _, partition, offset in order)

    async def skipped(self) -> list[tuple[str, int]]:
        """Return topic and offset of what was skipped, as task-log says."""
        return [
            (topic, offset)
            for entry in await self._log()
            for topic, offset in entry.get("skipped", ())
        ]

    async def order(self) -> list[tuple[str, int, int]]:
        """Return topic, partition and offset of what was applied, in order, as task-log says."""
        return [
            (topic, entry["partition"], first + more)
            for entry in await self._log()
            for topic, first, count in entry["spans"]
            for more in range(count)
        ]

    async def _log(self) -> list[dict[str, Any]]:
        records: list[Record] = []
        await read_live(self.broker, records.append, [TASK_LOG])
        entries = [orjson.loads(record.value or b"") for record in records]
        return [entry for entry in entries if entry["task"] == self.name]

    async def _read(self, topic: str) -> list[Any]:
        consumer = self.broker.consumer()
        try:
            await consumer.start()
            places = [TopicPartition(topic, p) for p in range(self.partitions)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            await consumer.seek_to_beginning(*places)
            records: list[Any] = []
            for place in places:
                while await consumer.position(place) < ends[place]:
                    fetched = await consumer.getmany(place, timeout_ms=200)
                    records += fetched.get(place, [])
            return records
        finally:
            await consumer.stop()


Body = Callable[[Job], Coroutine[Any, Any, None]]


def on_topics(partitions: int = 1) -> Callable[[Body], Callable[[Kafka], None]]:
    """Run a test with topics of its own, named after it."""

    def decorate(body: Body) -> Callable[[Kafka], None]:
        @wraps(body)
        def test(kafka: Kafka) -> None:
            async def run() -> None:
                name = body.__name__.removeprefix("test_").replace("_", "-")[:60]
                job = Job(kafka.broker, name, partitions)
                await job.create()
                await body(job)

            asyncio.run(run())

        del test.__wrapped__  # pytest would ask it for its arguments
        return test

    return decorate
