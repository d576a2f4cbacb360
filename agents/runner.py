"""The exactly-once runner: nothing is lost or doubled, whatever is killed.

The argument, for a reader to check:

1. A consumer group assigns partitions, and does nothing else: offsets committed to it are not used.
   Partition p of all input topics of a task is given to the same worker (assignment.py).
2. Partition p has one transactional producer, `<task>-<p>`. Starting it ends what a former owner
   left open and fences that owner: from then on nobody else can commit for p.
3. Only then the state and the input positions of p are read back from the task's state topic
   (`read_committed`, to the end of all that was sent: nothing there is undecided), and the inputs
   are read on from those positions.
4. What a batch of inputs causes goes into one transaction: events, changed state, positions, and
   which inputs were applied in which order (`task-log`). Either all of it is committed or none.
5. If a task raises, or the broker rejects a record, the memory of p is discarded and p is parked:
   it starts again from step 2, with growing pauses, while the worker's other partitions continue
   (parking.py). On any other error (fenced, Kafka lost, a transaction that hangs) the worker ends
   (`supervise`). What is not committed is done again, from the same inputs, by the next owner of p.

So an input is applied in exactly one committed transaction. Step 1 is here, 2 to 5 are in
partition.py; restore.py restores, inputs.py says which input is next, transaction.py what is
committed. docs/decisions/0008 says what was measured against other ways.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from aiokafka import ConsumerRebalanceListener, TopicPartition
from typing_extensions import override

from agents import deadlines
from agents.assignment import co_partitioned
from agents.broker import Broker
from agents.deadlines import START_SECONDS, StalledError, rest, within
from agents.inputs import Reader
from agents.partition import PartitionRunner
from pipeline.task import Task

log = logging.getLogger("settle")

# Two commits of one transactional id in a row: the second waits until the broker has finished the
# first (aiokafka looks again after 20 ms). Waiting here instead lets a batch grow meanwhile. And a
# broker finishes a few hundred transactions a second: a task that nobody waits for asks for fewer.
COMMIT_INTERVAL_MS = 5

Deliver = Callable[[Task], Awaitable[None]]


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
        # Partitions that were given to us without all of their input topics.
        self.unserved: list[int] = []
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
            partition_assignment_strategy=[co_partitioned(self.partitions)],
            auto_offset_reset="none",  # a position that is gone is reported, never replaced
        )
        self._reader = Reader(self.broker, consumer, self.commit_interval_seconds / 2)
        try:
            await within(START_SECONDS, self._reader.start(), f"the group of {self.kind.name}")
        except BaseException:  # also when the start is cancelled
            await self.stop()  # who did not get in is closed, not left to the collector
            raise
        consumer.subscribe(list(self.kind.inputs), listener=self)
        self._reading = asyncio.create_task(self._reader.run(), name=f"{self.kind.name}-reader")
        self._reading.add_done_callback(lambda _: self.changed())

    async def supervise(self) -> None:
        """Wait until `stop`; raise what a partition ended with, so that the worker stops.

        A parked partition has not ended.
        """
        while not self._leaving:
            self._changed.clear()
            for owned in list(self.owned.values()):
                if owned.work.cancelled():
                    raise StalledError(f"partition {owned.partition}: Kafka's client has given up")
                if owned.work.done() and (error := owned.work.exception()) is not None:
                    raise error
            # A membership that has died says so to who fetches.
            if self._reading is not None and self._reading.done() and not self._leaving:
                self._reading.result()
            await self._changed.wait()

    async def stop(self) -> None:
        """Finish and commit, then leave the group."""
        until = time.monotonic() + deadlines.STOP_SECONDS
        self._leaving = True
        self.changed()
        await self._give_up(list(self.owned))
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading}, timeout=rest(until))
        if self._reader is not None:
            try:
                # A rebalance that waits for a paused worker holds up who leaves, too: all is
                # committed by now, and the group finds out by itself.
                await within(rest(until), self._reader.stop(), "leaving its group")
            except StalledError as error:
                log.warning("%s: %s", self.kind.name, error)

    @override
    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish or abort before returning: afterwards somebody else owns them."""
        await self._give_up([p for p in {place.partition for place in revoked} if p in self.owned])

    @override
    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Start every partition of which all inputs are ours."""
        if self._leaving:
            return  # a rebalance that was under way has ended; the next owner must not be fenced
        topics_of: dict[int, set[str]] = {}
        for place in assigned:
            topics_of.setdefault(place.partition, set()).add(place.topic)
        for partition, topics in sorted(topics_of.items()):
            if topics != set(self.kind.inputs):
                continue  # a topic has fewer partitions than the others: `unserved`
            self.reader.hold(TopicPartition(topic, partition) for topic in topics)
            self.owned[partition] = PartitionRunner(self, partition)
        self.unserved = sorted(topics_of.keys() - self.owned.keys())
        self.joined = True
        log.info("%s: owns partitions %s", self.kind.name, sorted(self.owned))

    async def _give_up(self, partitions: list[int]) -> None:
        stopping = [self.owned.pop(partition) for partition in partitions]
        for partition in partitions:
            self.reader.close(partition)
        if stopping:
            await asyncio.gather(*(owned.stop() for owned in stopping))
