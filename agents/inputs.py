"""What has arrived for a task in one worker, and what of it may be applied.

One reader fetches for all partitions, whatever each of them is doing: aiokafka sends no fetch
request, for any partition, while records that it fetched earlier are not taken yet.

**Append order** (docs/architecture.md, step 3): an input that was appended before another one,
in any topic of the task partition, is applied before it. Inputs are ordered by (append millisecond,
the order of the task's inputs, offset). So the earliest head is applied when every other topic has
a head, too, or has been read to where it ended after that head had arrived. Round by round:

1. What has arrived by now is *covered*.
2. Then, and not before, the broker is asked where all topics end. What is covered was appended
   before it answers.
3. Every topic is read on until it has a head or has been read to that end.
4. Covered heads are applied, the earliest first, as long as 3 holds. What arrives meanwhile is for
   the next round.

The ends are those of uncommitted records. The end of what is committed lags: a commit returns
before its markers are in all partitions, so a topic can look as if it ended before a record that
was committed long ago. Step 3 therefore waits until open transactions are decided: on topics that
only our tasks write, however long it takes; on input topics, which anybody can hold up, for at most
2 s. The partition then goes on without the topic's undecided records, and `Inputs.alerts` says so.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from agents.broker import RECORDS_PER_FETCH_MAX, Broker
from pipeline.task import Head, Record
from topics.catalogue import INPUT_ORDER

log = logging.getLogger("settle")

# Inputs that were fetched and not applied; above, Kafka keeps the rest.
_QUEUE_MAX = 4000
# Markers of transactions can be all that is left up to an end, and nothing reports when they are
# read: positions are looked at again after this time, and later after a tenth of the time waited.
_LOOK_SECONDS = 0.001
_LOOK_SECONDS_MAX = 0.02
# A membership that has died says so to who begins to fetch.
_FETCH_MS = 1000
# A topic partition that ends before the position may be whole again when its leader has caught up.
_BEHIND_SECONDS = 1.0
# How long a round waits for transactions on input topics. The question that follows can wait behind
# a fetch for another half second: together they stay within the 2 s of the design.
_UNDECIDED_SECONDS = 1.5

# Awaits what may be given up at any moment when the partition is revoked.
Interruptibly = Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]


class Heads(Protocol):
    """Reads the next record of a topic: a task, and what it skips."""

    def read(self, record: Record) -> Head:
        """Read a record."""

    def waits(self, head: Head) -> bool:
        """Whether a head must stay where it is."""


class Inputs:
    """What has arrived for one partition of a task, by topic, in order."""

    def __init__(self, reader: "Reader", topics: Iterable[str], partition: int) -> None:
        """Start empty; nothing arrives before `Reader.open`."""
        self._reader = reader
        self.places = {topic: TopicPartition(topic, partition) for topic in topics}
        self._queues: dict[str, deque[Record]] = {topic: deque() for topic in self.places}
        self._heads: dict[str, Head] = {}
        # Something has arrived since the last round began.
        self.arrived = asyncio.Event()
        # Of this round: the last offset that is covered; where inputs end; which of them are not
        # known to be read to there.
        self._covered: dict[str, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._incomplete: set[str] = set()
        # Input topics that are not waited for until they are read to this offset, because a
        # transaction stayed open for too long; and since when.
        self._undecided: dict[str, tuple[int, float]] = {}

    def __len__(self) -> int:
        """How many have arrived and are not applied."""
        return sum(map(len, self._queues.values()))

    def put(self, place: TopicPartition, fetched: Iterable[Any]) -> None:
        """Take what was fetched of one topic."""
        queue = self._queues[place.topic]
        queue.extend(
            Record(place.topic, r.partition, r.offset, r.timestamp, r.key, r.value) for r in fetched
        )
        if len(queue) > _QUEUE_MAX:
            self._reader.consumer.pause(place)
        self.arrived.set()

    async def begin_round(self, interruptibly: Interruptibly) -> None:
        """Steps 1 to 3 of a round; nothing is done when nothing is here."""
        self.arrived.clear()
        self._incomplete = set(self.places)
        self._covered = {topic: queue[-1].offset for topic, queue in self._queues.items() if queue}
        if not self._covered:
            return
        self._ends = await interruptibly(self._reader.ends(self.places.values()))
        asked = time.monotonic()
        while not await self._nothing_is_missing():
            waited = time.monotonic() - asked
            pause = min(max(_LOOK_SECONDS, waited / 10), _LOOK_SECONDS_MAX)
            await interruptibly(asyncio.sleep(pause))
            if waited > _UNDECIDED_SECONDS:
                await interruptibly(self._give_up_waiting())

    async def _nothing_is_missing(self) -> bool:
        """Whether every topic has a head, is read to its end, or is not waited for."""
        for topic in tuple(self._incomplete):
            place = self.places[topic]
            position = await self._reader.consumer.position(place)
            if topic in self._undecided and position >= self._undecided[topic][0]:
                del self._undecided[topic]
            if position >= self._ends[place] or topic in self._undecided:
                self._incomplete.discard(topic)
            elif not self._queues[topic]:
                return False
        return True

    async def _give_up_waiting(self) -> None:
        """Wait no longer for input topics of which all that is decided has been read.

        A topic that is behind for another reason, as during an outage, is waited for.
        """
        consumer = self._reader.consumer
        held = {
            topic: self.places[topic]
            for topic in self._incomplete.intersection(INPUT_ORDER)
            if not self._queues[topic]
        }
        decided = await consumer.end_offsets(held.values()) if held else {}
        for topic, place in held.items():
            if decided[place] <= await consumer.position(place) < self._ends[place]:
                self._undecided[topic] = self._ends[place], time.monotonic()

    def earliest(self, task: Heads) -> Head | None:
        """Return the earliest head that need not wait; of equal ones that of the first topic."""
        best: Head | None = None
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

    async def may_be_applied(self, head: Head) -> bool:
        """Whether the earliest head may be applied in this round."""
        record = head.record
        return (
            record.offset <= self._covered.get(record.topic, -1)
            and await self._nothing_is_missing()
        )

    def applied(self, record: Record) -> None:
        """Take a head away."""
        queue = self._queues[record.topic]
        queue.popleft()
        del self._heads[record.topic]
        if len(queue) == _QUEUE_MAX // 2:
            self._reader.consumer.resume(self.places[record.topic])

    def alerts(self) -> list[str]:
        """Return one line for each input topic that an open transaction holds up."""
        lines = []
        for topic, (end, since) in self._undecided.items():
            place = self.places[topic]
            decided = self._reader.consumer.last_stable_offset(place)
            if decided is None or decided < end:
                lines.append(
                    f"{topic}-{place.partition}: a transaction that another program left open hides"
                    f" the records from offset {decided} on;"
                    f" {time.monotonic() - since:.0f} s ago we stopped waiting for them"
                )
        return lines

    def lag(self) -> dict[str, int]:
        """Return how many records of each topic are not applied, as far as is known."""
        lags: dict[str, int] = {}
        for topic, place in self.places.items():
            end = self._reader.consumer.highwater(place)
            if end is not None:
                queue = self._queues[topic]
                lags[topic] = max(0, end - (queue[0].offset if queue else end))
        return lags


class Reader:
    """Reads the inputs of all partitions of a task that one worker owns."""

    def __init__(self, broker: Broker, consumer: AIOKafkaConsumer, pause_seconds: float) -> None:
        """Take the member of the task's group, which is not started yet.

        `pause_seconds`: so long after something has arrived the broker is asked for more. Otherwise
        every input of a thousand a second is a request of its own.
        """
        self.consumer = consumer
        self._pause_seconds = pause_seconds
        # Connections answer one request after the other, and a fetch may wait for half a second.
        # Where all that was appended ends, decided or not.
        self._asking = broker.consumer(None, isolation_level="read_uncommitted")
        self._open: dict[int, Inputs] = {}
        # Topic partitions of which records are missing, in words.
        self.gaps: dict[TopicPartition, str] = {}
        self._wanted: set[TopicPartition] = set()
        self._question: asyncio.Task[dict[TopicPartition, int]] | None = None
        self._last_question: asyncio.Task[dict[TopicPartition, int]] | None = None

    async def start(self) -> None:
        """Connect."""
        await self.consumer.start()
        await self._asking.start()

    async def stop(self) -> None:
        """Leave the group and disconnect."""
        await asyncio.gather(self.consumer.stop(), self._asking.stop())

    def hold(self, places: Iterable[TopicPartition]) -> None:
        """Fetch nothing of partitions whose state is being restored, or that are parked."""
        for place in places:
            self.consumer.pause(place)
            # Any position will do: without one, aiokafka looks for an offset of the group.
            self.consumer.seek(place, 0)

    def open(self, partition: int, inputs: Inputs, positions: dict[str, int]) -> None:
        """Read on from the positions of a restored partition.

        What was fetched from elsewhere is not ours: aiokafka drops it at the seek, `run` before it.
        """
        for topic, place in inputs.places.items():
            self.consumer.seek(place, positions[topic])
        self._open[partition] = inputs
        self.consumer.resume(*inputs.places.values())

    def close(self, partition: int) -> None:
        """Take nothing more of a partition."""
        self._open.pop(partition, None)

    async def run(self) -> None:
        """Give what arrives to its partition, until the consumer is stopped."""
        while True:
            try:
                fetched = await self.consumer.getmany(
                    timeout_ms=_FETCH_MS, max_records=RECORDS_PER_FETCH_MAX
                )
            except OffsetOutOfRangeError as error:
                await self._out_of_range(error.args[0])
                continue
            # Without an await in between, so positions say what has been put.
            for place, records in fetched.items():
                inputs = self._open.get(place.partition)
                if inputs is not None:
                    inputs.put(place, records)
            if fetched:
                await asyncio.sleep(self._pause_seconds)

    async def _out_of_range(self, offsets: dict[TopicPartition, int]) -> None:
        """Go on behind deleted inputs. Never go back: no input is applied twice."""
        begins = await self._asking.beginning_offsets(offsets)
        for place, offset in offsets.items():
            here = place in self.consumer.assignment()
            if not here or await self.consumer.position(place) != offset:
                continue  # it was revoked or restored meanwhile
            begin = begins[place]
            if begin > offset:
                gap = f"inputs {offset} to {begin - 1} were deleted before they were read"
                self.consumer.seek(place, begin)
            else:
                gap = f"it ends before offset {offset}, up to which it was read"
                await asyncio.sleep(_BEHIND_SECONDS)
            if self.gaps.get(place) != gap:
                self.gaps[place] = gap
                log.error("%s-%d: %s", place.topic, place.partition, gap)

    async def ends(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Return where topics end, undecided records included, as of after this was called.

        All partitions that ask while the broker is at one question share the next.
        """
        self._wanted.update(places)
        if self._question is None:
            self._question = asyncio.create_task(self._ask(self._last_question))
            self._question.add_done_callback(_seen)
            self._last_question = self._question
        return await asyncio.shield(self._question)

    async def _ask(
        self, before: asyncio.Task[dict[TopicPartition, int]] | None
    ) -> dict[TopicPartition, int]:
        if before is not None:
            await asyncio.wait({before})
        self._question = None
        wanted, self._wanted = self._wanted, set()
        ends: dict[TopicPartition, int] = await self._asking.end_offsets(wanted)
        return ends


def _seen(question: asyncio.Task[Any]) -> None:
    """Look at what a question ended with; who awaits it gets it all the same."""
    if not question.cancelled():
        question.exception()
