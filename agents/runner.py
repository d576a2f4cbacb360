"""The exactly-once runner: nothing is lost or doubled, whatever is killed.

The argument, for a reader to check:

1. A consumer group assigns partitions, and does nothing else: offsets committed to it are not used.
   All input topics of a task have the same number of partitions, and `RangePartitionAssignor` gives
   partition p of all of them to the same worker.
2. Partition p has one transactional producer, `<task>-<p>`. Starting it ends what a former owner
   left open and fences that owner: from then on nobody else can commit for p.
3. Only then the state and the input positions of p are read back from the task's state topic
   (`read_committed`, to the end of all that was sent: nothing there is undecided), and the inputs
   are read on from those positions.
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
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced
from typing_extensions import override

from agents.broker import Broker
from agents.inputs import Inputs, Reader
from settlement.cause import Out, fields
from settlement.tasks.task import Head, Task, address
from topics.catalogue import OUTPUT_TOPICS, TASK_LOG, state_topic

log = logging.getLogger("settle")

# A transaction of this size takes some 100 ms: larger ones gain nothing and delay the rest.
INPUTS_PER_TRANSACTION = 2000
# Far below the 60 MB at which one request would be retried for ever (one request per broker).
BYTES_PER_TRANSACTION = 8 * 1024 * 1024
# Other partitions of the worker get their turn after so long.
_TURN_SECONDS = 0.002
# Nothing has to be applied for so long while a window is awaited: look again.
_WAIT_SECONDS = 0.2
# aiokafka's own calls have no deadline and wait for the whole outage. Below the transaction
# timeout of the producer, so that the worker ends before its transaction is ended for it.
TRANSACTION_SECONDS = 18.0
START_SECONDS = 60.0
# Longer than a dead producer's transaction stays open.
UNENDED_SECONDS = 30.0
# From SIGTERM to having left the group; Docker kills after ten seconds.
STOP_SECONDS = 8.0

_POSITION = b"@"
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
    # Committed since the worker has it.
    inputs: int = 0
    events: int = 0
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
        self.inputs = Inputs(runner.reader, runner.kind.inputs, partition)
        self._producer: AIOKafkaProducer | None = None
        self._source = f"/settle/{runner.kind.name}".encode()
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
        # What is awaited may be given up; nothing that is here could go on when last looked at.
        self._waiting = False
        self._is_idle = True
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
                await self._wait()
                await self.inputs.begin_round(self._interruptibly)
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
        until = time.monotonic() + STOP_SECONDS
        self._stop.set()
        if not self.progress.ready:
            self.work.cancel()  # it reads its state back, so there is nothing to finish
        elif self._waiting and self.work.cancel():
            self.work.uncancel()  # it is told to stop waiting, not to end
        await asyncio.wait({self.work}, timeout=STOP_SECONDS)
        if not self.work.done():
            log.warning("%s: its transaction did not end in time and is given up", self._name)
            self.work.cancel()
        elif not self.work.cancelled() and (error := self.work.exception()) is not None:
            log.warning("%s: given up: %s", self._name, error)
        if self._producer is not None:
            try:
                await _within(_rest(until), self._producer.stop(), "stopping")
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
        runner.reader.open(self.partition, self.inputs, positions)
        self.progress.restored_records = records
        self.progress.restored_seconds = time.perf_counter() - started
        log.info(
            "%s: %d records of state in %.2f s", self._name, records, self.progress.restored_seconds
        )
        return task

    # -- inputs ------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Wait for something new if nothing that is here can go on; then until a commit may be."""
        if self._is_idle:
            deadline = _WAIT_SECONDS
            if self._first_applied is not None:
                due = self._first_applied + self.runner.quiet_commit_seconds
                deadline = min(deadline, max(0.0, due - time.monotonic()))
            with suppress(TimeoutError):
                await self._interruptibly(asyncio.wait_for(self.inputs.arrived.wait(), deadline))
        if len(self.inputs) and (early := self._early()) > 0:
            await self._interruptibly(asyncio.sleep(early))

    async def _interruptibly(self, call: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - as the call
        """Await what may be given up at any moment when the partition is revoked."""
        if self._stop.is_set():
            call.close()
            raise asyncio.CancelledError
        self._waiting = True
        try:
            return await call
        finally:
            self._waiting = False

    async def _apply_ready(self) -> None:
        """Apply what this round covers; commit what has something to say."""
        task = self.task
        if task is None:
            raise AssertionError("not restored")
        turn = time.perf_counter()
        while (head := self.inputs.earliest(task)) is not None:
            if self._stop.is_set() or not await self.inputs.may_be_applied(head):
                break
            await self._apply(head)
            if self._applied >= INPUTS_PER_TRANSACTION or self._bytes >= BYTES_PER_TRANSACTION:
                await self._commit()
            if time.perf_counter() - turn > _TURN_SECONDS:
                await asyncio.sleep(0)
                turn = time.perf_counter()
        self._is_idle = head is None
        self._show_progress()
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
        self.inputs.applied(record)
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

    def _show_progress(self) -> None:
        progress = self.progress
        progress.queued = len(self.inputs)
        if not (self._is_idle and progress.queued):
            progress.waiting_since = None
        elif progress.waiting_since is None:
            progress.waiting_since = time.monotonic()
        progress.lag = self.inputs.lag()

    # -- transactions ------------------------------------------------------------------------------

    def _gather(self, task: Task, out: Out) -> None:
        """Encode events into the batches of their topic partitions."""
        for topic, key, said in out:
            # What was put into words where it was decided is sent as it is.
            value = said.encode() if isinstance(said, str) else orjson.dumps(said)
            headers = self._headers(fields(said)) if topic in _PUBLISHED else None
            to = address(topic, key, said, task)
            for partition in to.partitions:
                self._append(topic, partition, to.key, value, headers)
        self._events += len(out)
        out.clear()

    def _headers(self, event: Mapping[str, Any]) -> list[tuple[str, bytes]]:
        return [
            ("ce_id", event["event_id"].encode()),
            ("ce_type", event["type"].encode()),
            ("ce_source", self._source),
            ("ce_time", event["event_time"].encode()),
            ("ce_specversion", b"1.0"),
        ]

    def _append(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        headers = headers or []  # aiokafka takes a list, no tuple and no None
        batches = self._batches.get((topic, partition))
        if batches is None:
            batches = self._batches[topic, partition] = [self._new_batch()]
        # A full batch says so by returning None, silently otherwise (docs/decisions/0008).
        if batches[-1].append(timestamp=None, key=key, value=value, headers=headers) is None:
            batch = self._new_batch()
            if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                raise AssertionError(f"{topic}: a record of {len(value or b'')} bytes fits nowhere")
            batches.append(batch)
        self._bytes += len(value or b"") + len(key or b"") + 100

    def _new_batch(self) -> Any:  # noqa: ANN401 - aiokafka has no types
        if self._producer is None:
            raise AssertionError("no producer")
        return self._producer.create_batch()

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
        if (early := self._early()) > 0:
            await asyncio.sleep(early)
        await _within(TRANSACTION_SECONDS, self._transact(), f"a transaction of {self._name}")
        self._committed = time.monotonic()
        self.progress.inputs += self._applied
        self.progress.events += self._events
        self.progress.transactions += 1
        self._batches = {}
        self._spans = []
        self._positions = {}
        self._bytes = self._events = self._applied = 0
        self._first_applied = None

    def _early(self) -> float:
        """Return for how many seconds the next commit would be too early."""
        return self._committed + self.runner.commit_interval_seconds - time.monotonic()

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
        self._reader: Reader | None = None
        self._reading: asyncio.Task[None] | None = None
        self.joined = False  # the group has given us partitions, or none
        self._leaving = False
        self._changed = asyncio.Event()

    @property
    def reader(self) -> Reader:
        """The member of the group, and what it reads."""
        if self._reader is None:
            raise AssertionError(f"{self.kind.name} has not started")
        return self._reader

    def changed(self) -> None:
        """Wake `supervise`: a partition is up or down."""
        self._changed.set()

    async def start(self) -> None:
        """Join the group."""
        consumer = self.broker.consumer(
            f"settle-{self.kind.name}",
            partition_assignment_strategy=[RangePartitionAssignor],
            auto_offset_reset="earliest",
        )
        self._reader = Reader(self.broker, consumer, self.commit_interval_seconds / 2)
        try:
            await _within(START_SECONDS, self._reader.start(), f"the group of {self.kind.name}")
        except BaseException:  # also when the start is cancelled
            await self.stop()  # who did not get in is closed, not left to the collector
            raise
        consumer.subscribe(list(self.kind.inputs), listener=self)
        self._reading = asyncio.create_task(self._reader.run(), name=f"{self.kind.name}-reader")
        self._reading.add_done_callback(lambda _: self.changed())

    async def supervise(self) -> None:
        """Wait until `stop`; raise what a partition ended with, so that the worker stops."""
        while not self._leaving:
            self._changed.clear()
            for owned in list(self.owned.values()):
                if owned.work.done() and not owned.work.cancelled():
                    error = owned.work.exception()
                    if error is not None:
                        raise error
            # A membership that has died says so to who fetches.
            if self._reading is not None and self._reading.done() and not self._leaving:
                self._reading.result()
            await self._changed.wait()

    async def stop(self) -> None:
        """Finish and commit, then leave the group."""
        until = time.monotonic() + STOP_SECONDS
        self._leaving = True
        self.changed()
        await self._give_up(list(self.owned))
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        if self._reader is not None:
            try:
                # A rebalance that waits for a paused worker holds up who leaves, too: all is
                # committed by now, and the group finds out by itself.
                await _within(_rest(until), self._reader.stop(), "leaving its group")
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
            self.reader.hold(TopicPartition(topic, partition) for topic in topics)
            self.owned[partition] = PartitionRunner(self, partition)
        self.joined = True
        log.info("%s: owns partitions %s", self.kind.name, sorted(self.owned))

    async def _give_up(self, partitions: list[int]) -> None:
        stopping = [self.owned.pop(partition) for partition in partitions]
        for partition in partitions:
            self.reader.close(partition)
        if stopping:
            await asyncio.gather(*(owned.stop() for owned in stopping))


async def read_state(broker: Broker, place: TopicPartition) -> tuple[dict[bytes, bytes], int]:
    """Return the last value of each key of a state partition, and how many records were read.

    It is read to the end of all that was ever sent there, committed or not. What is committed ends
    before a transaction that is open, and the fence has left none of ours: what is not ended yet is
    another's, or Kafka has lost its mark (docs/decisions/0018), and what comes behind is ours.

    Raises:
        StalledError: a transaction in it is not ended in time.
    """
    stored: dict[bytes, bytes] = {}
    records = 0
    end = await _sent_end(broker, place)
    consumer = broker.consumer(None)
    try:
        await _within(START_SECONDS, consumer.start(), f"reading {place.topic}")
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        reached, until = -1, 0.0
        # Control records occupy offsets, so a position is waited for, not a record.
        while (at := await consumer.position(place)) < end:
            if at > reached:
                reached, until = at, time.monotonic() + UNENDED_SECONDS
            elif time.monotonic() > until:
                raise StalledError(
                    f"{place.topic}-{place.partition}: Kafka says neither that the transaction at"
                    f" offset {at} is committed nor that it is not; see docs/operations.md"
                )
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


async def _sent_end(broker: Broker, place: TopicPartition) -> int:
    """Return the offset behind all that was sent to a partition, committed or not."""
    asking = broker.consumer(None, isolation_level="read_uncommitted")
    try:
        await _within(START_SECONDS, asking.start(), f"asking where {place.topic} ends")
        end: int = (await asking.end_offsets([place]))[place]
        return end
    finally:
        await asking.stop()


def _seen(future: asyncio.Future[Any]) -> None:
    """Look at what a future ended with; a gather that awaits it raises it all the same."""
    if not future.cancelled():
        future.exception()


def _rest(until: float) -> float:
    """Return the seconds left, at least a moment: all of a stop together takes `STOP_SECONDS`."""
    return max(0.2, until - time.monotonic())


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
        raise StalledError(f"{what}: Kafka has not finished within {seconds:.3g} s")
    return waited.result()
