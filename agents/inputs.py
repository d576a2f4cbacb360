"""What has arrived for a task in one worker, and what of it may be applied.

One reader takes what arrives for all partitions, whatever each of them is doing: aiokafka asks for
nothing more, of any partition, while something that it fetched still lies there.

The earliest head is applied when every other input has a head too or is known to be read to its
end, as of after the head was appended: no deposit overtakes its account. So, round by round:

1. What has arrived by now is *covered*.
2. Then, and not before, the broker is asked where all inputs end. What is covered was appended
   before it answers.
3. Every input is read on until it has a head or has been read to that end.
4. Covered heads are applied, the earliest first, as long as 3 holds. What arrives meanwhile is for
   the next round.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from agents.broker import Broker
from settlement.tasks.task import Head, Record

log = logging.getLogger("settle")

# Inputs that were fetched and not applied; above, Kafka keeps the rest.
_QUEUE_MAX = 4000
# Marks of transactions may be all that is left up to an end, and nobody says when they are read.
_LOOK_SECONDS = 0.001
# A membership that has died says so to who begins to fetch.
_FETCH_MS = 1000
# A topic partition that ends before the position may be whole again when its leader has caught up.
_BEHIND_SECONDS = 1.0

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
        while not await self._nothing_is_missing():
            await interruptibly(asyncio.sleep(_LOOK_SECONDS))

    async def _nothing_is_missing(self) -> bool:
        """Whether every input has a head or is read to its end."""
        for topic in tuple(self._incomplete):
            place = self.places[topic]
            if await self._reader.consumer.position(place) >= self._ends[place]:
                self._incomplete.discard(topic)
            elif not self._queues[topic]:
                return False
        return True

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
        """Return a line for each input topic that is held up."""
        return []

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
        self._asking = broker.consumer(None)
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
                fetched = await self.consumer.getmany(timeout_ms=_FETCH_MS)
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
        """Return where inputs end, as of after this was called.

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
