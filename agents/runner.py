"""The exactly-once runner: nothing is lost or doubled, whatever is killed.

The argument, for a reader to check:

1. A consumer group assigns partitions, and does nothing else: offsets committed to it are not used.
   All input topics of a task have the same number of partitions, and `RangePartitionAssignor` gives
   partition p of all of them to the same worker.
2. Partition p has one transactional producer, `<task>-<p>`. Starting it ends what a former owner
   left open and fences that owner: from then on nobody else can commit for p.
3. Only then the state and the input positions of p are read back from the task's state topic
   (`read_committed`, to its end), and the inputs are read on from those positions.
4. What a batch of inputs causes goes into one transaction: events, changed state, positions, and
   which inputs were applied in which order (`task-log`). Either all of it is committed or none.
5. On any error the memory of p is forgotten, and the worker ends: what is not committed is done
   again, from the same inputs, by whoever owns p next.

So an input is applied in exactly one committed transaction. docs/decisions/0008 says what was
measured against other ways.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import ConsumerStoppedError, InvalidProducerEpoch, ProducerFenced
from typing_extensions import override

from agents.broker import Broker
from settlement.cause import Out, fields
from settlement.tasks.task import Head, Record, Task, address
from topics.catalogue import OUTPUT_TOPICS, TASK_LOG, state_topic

log = logging.getLogger("settle")

# A transaction of this size takes some 100 ms: larger ones gain nothing and delay the rest.
INPUTS_PER_TRANSACTION = 2000
# Far below the 60 MB at which one request would be retried for ever (one request per broker).
BYTES_PER_TRANSACTION = 8 * 1024 * 1024
# Other partitions of the worker get their turn after so long.
_TURN_SECONDS = 0.002
# Nothing has to be applied for so long while a window is awaited: look again.
_FETCH_SECONDS = 0.2
# Inputs that were fetched and not applied; above, Kafka keeps the rest.
_QUEUE_MAX = 4000
# aiokafka's own calls have no deadline and wait for the whole outage. Below the transaction
# timeout of the producer, so that the worker ends before its transaction is ended for it.
TRANSACTION_SECONDS = 18.0
START_SECONDS = 60.0
# How often a member of a group is asked whether it still is one.
_LOOK_SECONDS = 2.0
# From SIGTERM to having left the group; Docker kills after ten seconds.
STOP_SECONDS = 8.0

_POSITION = b"@"
_NOWHERE = TopicPartition("", 0)
# What other programs read bears CloudEvents headers (contract section 1).
_PUBLISHED = frozenset(OUTPUT_TOPICS)
# Two commits of one transactional id in a row: the second waits until the broker has finished the
# first (aiokafka looks again after 20 ms). Waiting here instead lets a batch grow meanwhile. And a
# broker finishes a few hundred transactions a second: a task that nobody waits for asks for fewer.
COMMIT_INTERVAL_MS = 5

Deliver = Callable[[Task], Awaitable[None]]


class StalledError(Exception):
    """Kafka did not finish in time; the message says what was waited for."""


@dataclass(slots=True)
class Progress:
    """What /health and /status show of one task partition."""

    ready: bool = False
    inputs: int = 0
    transactions: int = 0
    restored_records: int = 0
    restored_seconds: float = 0.0
    # Inputs that are fetched and not applied yet, and of them those that wait for a window.
    queued: int = 0
    waiting_since: float | None = None
    lag: dict[str, int] = field(default_factory=dict)


class PartitionRunner:
    """One partition of a task, from assignment to revocation."""

    def __init__(self, runner: "TaskRunner", partition: int) -> None:
        self.runner = runner
        self.partition = partition
        self.progress = Progress()
        self.task: Task | None = None
        self._queues: dict[str, deque[Record]] = {topic: deque() for topic in runner.kind.inputs}
        self._heads: dict[str, Head] = {}
        self._inputs = [TopicPartition(topic, partition) for topic in runner.kind.inputs]
        self._producer: AIOKafkaProducer | None = None
        # Of the batch that is not committed yet.
        self._batches: dict[tuple[str, int], list[Any]] = {}
        self._bytes = 0
        self._events = 0
        self._applied = 0
        self._spans: list[list[Any]] = []
        self._positions: dict[str, int] = {}
        self._first_applied: float | None = None
        self._committed = 0.0
        self._stop = asyncio.Event()
        self._fetching = False
        self.work = asyncio.create_task(self._work(), name=f"{runner.kind.name}-{partition}")

    # -- from assignment to revocation -------------------------------------------------------------

    async def _work(self) -> None:
        producer = self._producer = self.runner.broker.producer(
            f"{self.runner.kind.name}-{self.partition}"
        )
        try:
            await _within(START_SECONDS, producer.start(), f"the producer of {self._name}")
            self.task = await self._restore()
            self.progress.ready = True
            self.runner.changed()
            await self._serve()
        except (ProducerFenced, InvalidProducerEpoch):
            # Another worker owns the partition now; the group will tell us so, too.
            log.warning("%s: fenced, another worker has taken over", self._name)
        finally:
            self.progress.ready = False
            # `work` is done only after this: `supervise` looks then.
            self.work.add_done_callback(lambda _: self.runner.changed())

    async def _serve(self) -> None:
        """Apply and commit until the partition is given up."""
        while not self._stop.is_set():
            try:
                await self._fetch()
            except asyncio.CancelledError:
                if not self._stop.is_set():
                    raise
                break  # the waiting was cut short; nothing was under way
            await self._apply_ready()
        if self._applied:
            await self._commit()

    @property
    def _name(self) -> str:
        return f"{self.runner.kind.name}-{self.partition}"

    async def stop(self) -> None:
        """Finish and commit what is under way, or give it up; return with the producer closed."""
        self._stop.set()
        if not self.progress.ready:
            self.work.cancel()  # it reads its state back, so there is nothing to finish
        elif self._fetching and self.work.cancel():
            self.work.uncancel()  # it is told to stop waiting, not to end
        await asyncio.wait({self.work}, timeout=STOP_SECONDS)
        if not self.work.done():
            log.warning("%s: its transaction did not end in time and is given up", self._name)
            self.work.cancel()
        elif not self.work.cancelled() and (error := self.work.exception()) is not None:
            log.warning("%s: given up: %s", self._name, error)
        if self._producer is not None:
            try:
                await _within(STOP_SECONDS, self._producer.stop(), "stopping")
            except Exception as error:  # noqa: BLE001 - the next owner fences it
                log.warning("%s: its producer did not stop: %s", self._name, error)

    async def _restore(self) -> Task:
        """Read state and positions back, after the fence, and set the inputs to the positions."""
        started = time.perf_counter()
        runner = self.runner
        stored, records = await read_state(
            runner.broker, TopicPartition(state_topic(runner.kind.name), self.partition)
        )
        task = runner.kind(self.partition, runner.partitions)
        positions = dict.fromkeys(runner.kind.inputs, 0)
        for key, value in stored.items():
            if key.startswith(_POSITION):
                positions[key[1:].decode()] = int(value)
            else:
                task.restore(key, value)
        task.restored()
        for place in self._inputs:
            runner.consumer.seek(place, positions[place.topic])
        self.progress.restored_records = records
        self.progress.restored_seconds = time.perf_counter() - started
        log.info(
            "%s: %d records of state in %.2f s", self._name, records, self.progress.restored_seconds
        )
        return task

    # -- inputs ------------------------------------------------------------------------------------

    async def _fetch(self) -> None:
        """Take what has arrived; wait for it only if nothing that is here can go on."""
        deadline = _FETCH_SECONDS
        if self._first_applied is not None:
            due = self._first_applied + self.runner.quiet_commit_seconds
            deadline = min(deadline, max(0.0, due - time.monotonic()))
        consumer = self.runner.consumer
        fetched = await self._interruptibly(
            consumer.getmany(*self._inputs, timeout_ms=int(deadline * 1000))
        )
        self._queue(fetched)
        if not any(self._queues.values()):
            return
        # The earliest head is applied when every other input has a head too or is known to be read
        # to its end, as of after the head was appended: no deposit overtakes its account.
        empty = [place for place in self._inputs if not self._queues[place.topic]]
        if empty:
            ends = await self._interruptibly(consumer.end_offsets(empty))
            for place, end in ends.items():
                while not self._queues[place.topic] and await consumer.position(place) < end:
                    fetched = await self._interruptibly(
                        consumer.getmany(*self._inputs, timeout_ms=1000)
                    )
                    self._queue(fetched)

    async def _interruptibly(self, call: Awaitable[Any]) -> Any:  # noqa: ANN401 - as the call
        """Await what may be given up at any moment when the partition is revoked."""
        if self._stop.is_set():
            raise asyncio.CancelledError
        self._fetching = True
        try:
            return await call
        finally:
            self._fetching = False

    def _queue(self, fetched: dict[TopicPartition, list[Any]]) -> None:
        consumer = self.runner.consumer
        for place, records in fetched.items():
            queue = self._queues[place.topic]
            queue.extend(
                Record(place.topic, r.partition, r.offset, r.timestamp, r.key, r.value)
                for r in records
            )
            if len(queue) > _QUEUE_MAX:
                consumer.pause(place)

    def _next_head(self) -> Head | None:
        """Return the earliest head that need not wait; of equal ones that of the first topic."""
        best: Head | None = None
        task = self.task
        if task is None:
            raise AssertionError("not restored")
        for topic, queue in self._queues.items():
            if not queue:
                continue
            head = self._heads.get(topic)
            if head is None:
                head = self._heads[topic] = task.read(queue[0])
            if (
                best is None or head.record.appended_ms < best.record.appended_ms
            ) and not task.waits(head):
                best = head
        return best

    async def _apply_ready(self) -> None:
        """Apply what is here until a topic runs dry; commit what has something to say."""
        turn = time.perf_counter()
        ran_dry = False
        while not ran_dry and (head := self._next_head()) is not None:
            await self._apply(head)
            ran_dry = not self._queues[head.record.topic]
            if self._applied >= INPUTS_PER_TRANSACTION or self._bytes >= BYTES_PER_TRANSACTION:
                await self._commit()
            if time.perf_counter() - turn > _TURN_SECONDS:
                await asyncio.sleep(0)
                turn = time.perf_counter()
            if self._stop.is_set():
                break
        self._show_progress(waiting=not ran_dry and any(self._queues.values()))
        if self._events or self._is_quiet_due():
            await self._commit()

    async def _apply(self, head: Head) -> None:
        task, record = self.task, head.record
        if task is None:
            raise AssertionError("not restored")
        out: Out = []
        for _ in task.apply(head, out):
            self._gather(task, out)
            if self._bytes >= BYTES_PER_TRANSACTION:
                await self._commit()
        self._gather(task, out)
        queue = self._queues[record.topic]
        queue.popleft()
        del self._heads[record.topic]
        if len(queue) == _QUEUE_MAX // 2:
            self.runner.consumer.resume(TopicPartition(record.topic, self.partition))
        self._positions[record.topic] = record.offset + 1
        if self._spans and self._spans[-1][0] == record.topic:
            self._spans[-1][2] += 1
        else:
            self._spans.append([record.topic, record.offset, 1])
        self._applied += 1
        if self._first_applied is None:
            self._first_applied = time.monotonic()

    def _is_quiet_due(self) -> bool:
        return (
            self._first_applied is not None
            and time.monotonic() - self._first_applied >= self.runner.quiet_commit_seconds
        )

    def _show_progress(self, *, waiting: bool) -> None:
        progress = self.progress
        progress.queued = sum(map(len, self._queues.values()))
        if not waiting:
            progress.waiting_since = None
        elif progress.waiting_since is None:
            progress.waiting_since = time.monotonic()
        for place in self._inputs:
            end = self.runner.consumer.highwater(place)
            if end is not None:
                queue = self._queues[place.topic]
                at = queue[0].offset if queue else end
                progress.lag[place.topic] = max(0, end - at)

    # -- transactions ------------------------------------------------------------------------------

    def _gather(self, task: Task, out: Out) -> None:
        """Encode events into the batches of their topic partitions."""
        source = f"/settle/{self.runner.kind.name}".encode()
        for topic, key, said in out:
            event = fields(said)
            to = address(topic, key, event, task)
            value = orjson.dumps(event)
            headers = (
                [
                    ("ce_id", event["event_id"].encode()),
                    ("ce_type", event["type"].encode()),
                    ("ce_source", source),
                    ("ce_time", event["event_time"].encode()),
                    ("ce_specversion", b"1.0"),
                ]
                if topic in _PUBLISHED
                else []
            )
            for partition in to.partitions:
                self._append(topic, partition, to.key, value, headers)
        self._events += len(out)
        out.clear()

    def _append(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Iterable[tuple[str, bytes]] = (),
    ) -> None:
        if self._producer is None:
            raise AssertionError("no producer")
        batches = self._batches.setdefault((topic, partition), [])
        # A full batch says so by returning None, silently otherwise (docs/decisions/0008).
        if (
            not batches
            or batches[-1].append(timestamp=None, key=key, value=value, headers=list(headers))
            is None
        ):
            batch = self._producer.create_batch()
            if batch.append(timestamp=None, key=key, value=value, headers=list(headers)) is None:
                raise AssertionError(f"{topic}: a record of {len(value or b'')} bytes fits nowhere")
            batches.append(batch)
        self._bytes += len(value or b"") + len(key or b"") + 100

    async def _commit(self) -> None:
        """Commit everything that was applied since the last time, in one transaction."""
        task = self.task
        if task is None:
            raise AssertionError("not restored")
        state = state_topic(self.runner.kind.name)
        for key, value in task.changes():
            self._append(state, self.partition, key, value)
        for topic, position in self._positions.items():
            self._append(state, self.partition, _POSITION + topic.encode(), b"%d" % position)
        if self._spans:
            applied = {
                "task": self.runner.kind.name,
                "partition": self.partition,
                "spans": self._spans,
            }
            self._append(TASK_LOG, self.partition, None, orjson.dumps(applied))
        if self.runner.deliver is not None:
            await self.runner.deliver(task)
        early = self._committed + self.runner.commit_interval_seconds - time.monotonic()
        if early > 0:
            await asyncio.sleep(early)
        await _within(TRANSACTION_SECONDS, self._transact(), f"a transaction of {self._name}")
        self._committed = time.monotonic()
        self.progress.inputs += self._applied
        self.progress.transactions += 1
        self._batches = {}
        self._spans = []
        self._positions = {}
        self._bytes = self._events = self._applied = 0
        self._first_applied = None

    async def _transact(self) -> None:
        producer = self._producer
        if producer is None:
            raise AssertionError("no producer")
        async with producer.transaction():
            sent = []
            for (topic, partition), batches in self._batches.items():
                for batch in batches:
                    future = await producer.send_batch(_closed(batch), topic, partition=partition)
                    # If a later one can't be sent, nobody awaits this one any more.
                    future.add_done_callback(_seen)
                    sent.append(future)
            # A commit succeeds although a batch of it was rejected: every future must have come.
            await asyncio.gather(*sent)


class TaskRunner(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """One task in one worker: a member of the task's group, and the partitions it was given."""

    def __init__(
        self,
        broker: Broker,
        kind: type[Task],
        partitions: int,
        *,
        quiet_commit_ms: int,
        commit_interval_ms: int = COMMIT_INTERVAL_MS,
        deliver: Deliver | None = None,
    ) -> None:
        """Take what runs where; `deliver` carries what a task wants done outside Kafka.

        `commit_interval_ms`: at least so much lies between two commits of a partition.
        """
        self.broker = broker
        self.kind = kind
        self.partitions = partitions
        self.quiet_commit_seconds = quiet_commit_ms / 1000
        self.commit_interval_seconds = commit_interval_ms / 1000
        self.deliver = deliver
        self.owned: dict[int, PartitionRunner] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self.joined = False  # the group has given us partitions, or none
        self._leaving = False
        self._changed = asyncio.Event()

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """The member of the group."""
        if self._consumer is None:
            raise AssertionError(f"{self.kind.name} has not started")
        return self._consumer

    def changed(self) -> None:
        """Wake `supervise`: a partition is up or down."""
        self._changed.set()

    async def start(self) -> None:
        """Join the group."""
        self._consumer = self.broker.consumer(
            f"settle-{self.kind.name}",
            partition_assignment_strategy=[RangePartitionAssignor],
            auto_offset_reset="earliest",
        )
        try:
            await _within(START_SECONDS, self._consumer.start(), f"the group of {self.kind.name}")
        except BaseException:
            await self.stop()  # who did not get in is closed, not left to the collector
            raise
        self._consumer.subscribe(list(self.kind.inputs), listener=self)

    async def supervise(self) -> None:
        """Wait until `stop`; raise what a partition ended with, so that the worker stops."""
        while True:
            self._changed.clear()
            for owned in list(self.owned.values()):
                if owned.work.done() and not owned.work.cancelled():
                    error = owned.work.exception()
                    if error is not None:
                        raise error
            # A membership that has died says so only to who fetches, and one that does not fetch
            # for minutes is given up: a worker without partitions would wait for them in vain.
            try:
                await self.consumer.getmany(_NOWHERE, timeout_ms=0)
            except ConsumerStoppedError:
                if self._leaving:
                    return
                raise
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _LOOK_SECONDS)

    async def stop(self) -> None:
        """Finish and commit, then leave the group."""
        self._leaving = True
        await self._give_up(list(self.owned))
        if self._consumer is None:
            return
        try:
            await _within(STOP_SECONDS, self._consumer.stop(), "leaving its group")
        except StalledError as error:
            log.warning("%s: %s", self.kind.name, error)

    @override
    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish or abort before returning: afterwards somebody else owns them."""
        await self._give_up([p for p in {place.partition for place in revoked} if p in self.owned])

    @override
    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Start every partition of which all inputs are ours."""
        topics_of: dict[int, set[str]] = {}
        for place in assigned:
            topics_of.setdefault(place.partition, set()).add(place.topic)
        for partition, topics in sorted(topics_of.items()):
            if topics != set(self.kind.inputs):
                raise AssertionError(f"{self.kind.name}-{partition} was given {topics} only")
            self.owned[partition] = PartitionRunner(self, partition)
        self.joined = True
        log.info("%s: owns partitions %s", self.kind.name, sorted(self.owned))

    async def _give_up(self, partitions: list[int]) -> None:
        stopping = [self.owned.pop(partition) for partition in partitions]
        if stopping:
            await asyncio.gather(*(owned.stop() for owned in stopping))


async def read_state(broker: Broker, place: TopicPartition) -> tuple[dict[bytes, bytes], int]:
    """Return the last value of each key of a state partition, and how many records were read."""
    stored: dict[bytes, bytes] = {}
    records = 0
    consumer = broker.consumer(None)
    try:
        await _within(START_SECONDS, consumer.start(), f"reading {place.topic}")
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        await consumer.seek_to_beginning(place)
        # Control records occupy offsets, so a position is waited for, not a record.
        while await consumer.position(place) < end:
            fetched = await _within(
                START_SECONDS, consumer.getmany(place, timeout_ms=500), f"reading {place.topic}"
            )
            for record in fetched.get(place, []):
                records += 1
                if record.value is None:
                    stored.pop(record.key, None)
                else:
                    stored[record.key] = record.value
    finally:
        await consumer.stop()
    return stored, records


def _seen(future: asyncio.Future[Any]) -> None:
    """Look at what a future ended with; a gather that awaits it raises it all the same."""
    if not future.cancelled():
        future.exception()


def _closed(batch: Any) -> Any:  # noqa: ANN401 - aiokafka has no types
    batch.close()
    return batch


async def _within(seconds: float, call: Awaitable[Any], what: str) -> Any:  # noqa: ANN401 - as the call
    """Await with a deadline that holds even where the call can't be cancelled.

    aiokafka aborts a transaction that is cancelled, which waits for the broker too; so the call is
    left behind, and the worker ends.
    """
    waited = asyncio.ensure_future(call)
    try:
        done, _ = await asyncio.wait({waited}, timeout=seconds)
    except asyncio.CancelledError:
        waited.cancel()
        raise
    if not done:
        waited.cancel()
        raise StalledError(f"{what}: Kafka has not finished within {seconds:.0f} s")
    return waited.result()
