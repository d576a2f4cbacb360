"""One partition of a task in the worker that owns it: steps 2 to 5 of agents/runner.py."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiokafka.errors import InvalidProducerEpoch, ProducerFenced

from agents import deadlines
from agents.deadlines import START_SECONDS, StalledError, closed, rest, within
from agents.inputs import Inputs
from agents.parking import Parking, TaskFailedError, WaitsForEarlierTaskError
from agents.quarantines import Skips
from agents.restore import restore
from agents.transaction import RejectedError, Transaction
from pipeline import quarantine
from pipeline.task import Head, Record, Task
from schemas.instant import Micros
from settlement.cause import Out

if TYPE_CHECKING:
    from agents.runner import TaskRunner

log = logging.getLogger("settle")

# A transaction of this size takes some 100 ms: larger ones gain nothing and delay the rest.
INPUTS_PER_TRANSACTION = 2000
# Far below the 60 MB at which one request would be retried for ever (one request per broker).
BYTES_PER_TRANSACTION = 8 * 1024 * 1024
# Other partitions of the worker get their turn after so long.
_TURN_SECONDS = 0.002
# Nothing has to be applied for so long while a window is awaited: look again.
_WAIT_SECONDS = 0.2
# Below the transaction timeout of the producer, so that the worker ends before its transaction is
# ended for it.
TRANSACTION_SECONDS = 18.0
# Longer than a group needs to say who owns what.
FENCED_SECONDS = 20.0


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
        """Begin at once: fence, read back, serve."""
        self.runner = runner
        self.partition = partition
        self.progress = Progress()
        # None until its state is restored, and while it is parked.
        self.task: Task | None = None
        # When the next window is, of what is committed; None if the task knows none.
        self.next_window: Micros | None = None
        self.inputs = Inputs(runner.reader, runner.kind.inputs, partition)
        self._name = f"{runner.kind.name}-{partition}"
        self.parking = Parking(self._name)
        self._skips = Skips()
        # The input that the task is at.
        self._at: Record | None = None
        self._producer = runner.broker.producer(self._name)
        self.transaction = self._next_transaction()
        self._first_applied: float | None = None
        self._committed = 0.0
        self._stop = asyncio.Event()
        # What is awaited may be given up; nothing that is here could go on when last looked at.
        self._waiting = False
        self._is_idle = True
        self.work = asyncio.create_task(self._work(), name=self._name)

    # -- from assignment to revocation -------------------------------------------------------------

    async def _work(self) -> None:
        try:
            await self._start_producer()
            while not self._stop.is_set():
                try:
                    self.task = await self._restore()
                    self.progress.ready = True
                    self.runner.changed()
                    await self._serve(self.task)
                except TaskFailedError as failure:
                    await self._park(failure)
        except (ProducerFenced, InvalidProducerEpoch):
            log.warning("%s: fenced, another worker has taken over", self._name)
            await self._hear_of_it()
        finally:
            self.progress.ready = False
            # `work` is done only after this: `supervise` looks then.
            self.work.add_done_callback(lambda _: self.runner.changed())

    async def _start_producer(self) -> None:
        await within(START_SECONDS, self._producer.start(), f"the producer of {self._name}")

    async def _park(self, failure: TaskFailedError) -> None:
        """Forget what is not committed, and wait until it is time to try again.

        A stop ends the wait at once, as it ends a restore.
        """
        self.progress.ready = False
        self.task = None
        pause = self.parking.failed(failure, self.transaction.reached())
        if self._stop.is_set():
            return  # the next owner tries again
        runner = self.runner
        runner.reader.close(self.partition)
        runner.reader.hold(self.inputs.places.values())
        self.inputs = Inputs(runner.reader, runner.kind.inputs, self.partition)
        self.progress.queued = 0
        self.progress.waiting_since = None
        # A new producer aborts the open transaction, which would hide the commits of others for as
        # long as the pause. And the old one is unusable if a batch was rejected.
        old, self._producer = self._producer, runner.broker.producer(self._name)
        self.transaction = self._next_transaction()
        self._first_applied = None
        await closed(old)
        await self._start_producer()
        await asyncio.sleep(pause)

    async def _hear_of_it(self) -> None:
        """Wait until the group says, too, that another worker owns the partition now.

        Raises:
            StalledError: it does not: who fenced us was not the owner, and nobody serves it.
        """
        self.progress.ready = False
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), FENCED_SECONDS)
        if not self._stop.is_set():
            raise StalledError(f"{self._name}: fenced, and its group still gives it to us")

    async def _restore(self) -> Task:
        """Restore state and positions, after the fence, and set the inputs to the positions."""
        started = time.perf_counter()
        runner, progress = self.runner, self.progress
        task, positions, self._skips, progress.restored_records = await restore(
            runner.broker, runner.kind, self.partition, runner.partitions
        )
        self.next_window = task.next_window_at
        self.parking.restored()
        runner.reader.open(self.partition, self.inputs, positions)
        progress.restored_seconds = time.perf_counter() - started
        log.info(
            "%s: %d records of state in %.2f s",
            self._name,
            progress.restored_records,
            progress.restored_seconds,
        )
        return task

    async def _serve(self, task: Task) -> None:
        """Apply and commit until the partition is given up."""
        while not self._stop.is_set():
            try:
                await self._wait()
                await self.inputs.begin_round(self._interruptibly)
            except asyncio.CancelledError:
                if not self._stop.is_set():
                    raise
                break  # the waiting was cut short; nothing was under way
            await self._apply_ready(task)
        if self.transaction.inputs:
            await self._commit(task)

    async def stop(self) -> None:
        """Finish and commit what is under way, or give it up; return with the producer closed."""
        until = time.monotonic() + deadlines.STOP_SECONDS
        self._stop.set()
        if not self.progress.ready:
            self.work.cancel()  # it reads its state back, so there is nothing to finish
        elif self._waiting and self.work.cancel():
            self.work.uncancel()  # it is told to stop waiting, not to end
        await asyncio.wait({self.work}, timeout=deadlines.STOP_SECONDS)
        if not self.work.done():
            log.warning("%s: its transaction did not end in time and is given up", self._name)
            self.work.cancel()
        elif not self.work.cancelled() and (error := self.work.exception()) is not None:
            log.warning("%s: given up: %s", self._name, error)
        try:
            await within(rest(until), self._producer.stop(), "stopping")
        except Exception as error:  # noqa: BLE001 - the next owner fences it
            log.warning("%s: its producer did not stop: %s", self._name, error)

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

    # `Inputs` reads heads through these two. It looks ahead at the next record of each topic, so
    # what a task raises here is raised by `_steps` when it is the record's turn: everything before
    # it is applied.
    def read(self, record: Record) -> Head:
        """Read a record, unless it is quarantined."""
        try:
            return quarantine.read(self._owned_task, record, self._skips.reasons)
        except Exception as error:  # noqa: BLE001 - whatever a task raises
            return Head(record, TaskFailedError(record, error), 0)

    def waits(self, head: Head) -> bool:
        """Whether a head must stay where it is."""
        if isinstance(head.event, TaskFailedError):
            return False
        try:
            return self._owned_task.waits(head)
        except Exception:  # noqa: BLE001 - as in `read`
            return False

    @property
    def _owned_task(self) -> Task:
        if self.task is None:
            raise AssertionError(f"{self._name} has no state")
        return self.task

    async def _apply_ready(self, task: Task) -> None:
        """Apply what this round covers; commit what has something to say."""
        turn = time.perf_counter()
        while (head := self.inputs.earliest(self)) is not None:
            if self._stop.is_set() or not await self.inputs.may_be_applied(head):
                break
            await self._apply(task, head)
            if (
                self._is_full()
                or self.transaction.inputs >= INPUTS_PER_TRANSACTION
                or self.parking.one_by_one
            ):
                await self._commit(task)
            if time.perf_counter() - turn > _TURN_SECONDS:
                await asyncio.sleep(0)
                turn = time.perf_counter()
        self._is_idle = head is None
        self._show_progress()
        if self.transaction.events or self._is_quiet_due():
            await self._commit(task)

    async def _apply(self, task: Task, head: Head) -> None:
        self._at = head.record
        for _ in self._steps(task, head):
            if self._is_full():
                await self._commit(task)
        self.inputs.applied(head.record)
        if self._first_applied is None:
            self._first_applied = time.monotonic()

    def _steps(self, task: Task, head: Head) -> Iterator[None]:
        """Apply a head, step by step, and gather what it emits.

        Raises:
            TaskFailedError: the task raised, or an event cannot be serialized.
        """
        record, skipped = head.record, quarantine.is_quarantined(head)
        if isinstance(head.event, TaskFailedError):
            raise head.event
        out: Out = []
        try:
            task.waits(head)  # raises if it raised when the head was looked at
            for _ in self._skip(task, head, out) if skipped else task.apply(head, out):
                self.transaction.say(task, out)
                yield
            self.transaction.say(task, out)
            self.transaction.applied(record, skipped=skipped)
        except Exception as error:
            raise TaskFailedError(record, error) from error

    def _skip(self, task: Task, head: Head, out: Out) -> Iterator[None]:
        place = (head.record.topic, head.record.offset)
        dead_lettered = self._skips.dead_lettered[place]
        if dead_lettered is None:
            earlier = quarantine.earlier_readers(task.name, place[0])
            names = " and ".join(f"{name}-{self.partition}" for name in earlier)
            raise WaitsForEarlierTaskError(f"it is quarantined, and {names} has not passed it yet")
        return quarantine.skip(task, head, out, dead_lettered=dead_lettered)

    def _is_full(self) -> bool:
        return self.transaction.bytes >= BYTES_PER_TRANSACTION

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

    async def _commit(self, task: Task) -> None:
        """Commit everything that was applied since the last time.

        Raises:
            TaskFailedError: the state cannot be serialized, or the broker rejects a record.
        """
        done = self.transaction
        try:
            done.complete(task)
            if self.runner.deliver is not None:
                await self.runner.deliver(task)
        except Exception as error:
            raise TaskFailedError(self._at, error) from error
        if (early := self._early()) > 0:
            await asyncio.sleep(early)
        try:
            await within(TRANSACTION_SECONDS, done.commit(), f"a transaction of {self._name}")
        except RejectedError as error:
            raise TaskFailedError(self._at, error) from error
        self._committed = time.monotonic()
        self._first_applied = None
        self.transaction = self._next_transaction()
        self.next_window = task.next_window_at
        self.parking.committed(done.reached())
        self.progress.inputs += done.inputs
        self.progress.events += done.events
        self.progress.transactions += 1

    def _next_transaction(self) -> Transaction:
        return Transaction(self._producer, self.runner.kind.name, self.partition)

    def _early(self) -> float:
        """Return for how many seconds the next commit would be too early."""
        return self._committed + self.runner.commit_interval_seconds - time.monotonic()
