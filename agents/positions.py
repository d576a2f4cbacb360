"""How far the pipeline has come: the input positions in the state topics, and what is settled."""

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.broker import Broker
from pipeline.chain import CHAIN
from pipeline.delivery import PARKED, WAITING, client_of
from topics.catalogue import CATALOGUE, DELIVERY_TASK, PRODUCE, TASK_LOG, TASKS, state_topic
from topics.input_positions import topic_of_position

# Which task keeps its state in which topic.
_TASK_OF = {state_topic(task): task for task in TASKS}
_UNSEEN = frozenset({TASK_LOG, state_topic(PRODUCE)})
# A partition's last record stands at most so far from its end: behind it are marks of transactions.
_LOOK_BACK = 1000
# After so long somebody wants to know what is waited for.
_TELL_SECONDS = 10.0

Tell = Callable[[str], None]


class Positions:
    """Follows the topics to their ends. `tell` hears what is waited for when that takes long."""

    def __init__(self, broker: Broker, partitions: int, tell: Tell) -> None:
        """Follow nothing yet."""
        self._broker = broker
        self._partitions = partitions
        self._tell = tell
        self._places = [
            TopicPartition(topic, partition)
            for topic in CATALOGUE
            if topic not in _UNSEEN
            for partition in range(partitions)
        ]
        # Of each topic partition: the offset of its last record.
        self._last: dict[TopicPartition, int] = {}
        # By task, input topic and partition: the offset of the next record to be applied.
        self._positions: dict[tuple[str, str, int], int] = {}
        # Of the state of delivery: the files that wait, and the clients that are parked.
        self._files: dict[bytes, bytes] = {}
        self._committed: AIOKafkaConsumer | None = None
        self._uncommitted: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Read the state topics, and where the other topics end."""
        self._committed = self._broker.consumer()
        # Its ends are those of records that are not committed yet, too. It is only asked for ends:
        # if it had partitions it would fetch, and each question would wait behind a fetch, which
        # waits half a second for data.
        self._uncommitted = self._broker.consumer(isolation_level="read_uncommitted")
        await self._committed.start()
        await self._uncommitted.start()
        self._committed.assign(self._places)
        ends = await self._uncommitted.end_offsets(self._places)
        for place, end in ends.items():
            whole = place.topic in _TASK_OF
            self._committed.seek(place, 0 if whole else max(0, end - _LOOK_BACK))
        await self._drain()

    async def stop(self) -> None:
        """Follow no longer."""
        for consumer in (self._committed, self._uncommitted):
            if consumer is not None:
                await consumer.stop()

    def last(self, topics: Collection[str]) -> dict[TopicPartition, int]:
        """Return the offset of the last record of each partition of some topics, as far as read."""
        return {place: offset for place, offset in self._last.items() if place.topic in topics}

    async def passed(self, task: str, sent: dict[TopicPartition, int]) -> None:
        """Wait until a task has applied the records at these offsets of its input topics."""

        def missing() -> str | None:
            for place, offset in sent.items():
                if self._positions.get((task, place.topic, place.partition), 0) <= offset:
                    return f"{task}-{place.partition} has not applied {place.topic} {offset}"
            return None

        places = [TopicPartition(state_topic(task), p) for p in range(self._partitions)]
        await self._wait(missing, places)

    async def settled(self) -> None:
        """Wait until every record is applied by all its tasks, and nothing is on its way.

        Files are on their way until they are in their buckets, but for those of parked clients.

        A commit shows in one partition before it shows in another, so the ends are those of
        uncommitted records, and nothing new may have come between two looks.
        """
        calm = False
        while not calm:
            await self._wait(self._behind, self._places)
            calm = not await self._drain() and self._behind() is None

    def _behind(self) -> str | None:
        for kind in CHAIN:
            for topic in kind.inputs:
                for partition in range(self._partitions):
                    last = self._last.get(TopicPartition(topic, partition), -1)
                    if self._positions.get((kind.name, topic, partition), 0) <= last:
                        return f"{kind.name}-{partition} has not applied {topic} {last}"
        parked = {client_of(key) for key in self._files if key.startswith(PARKED)}
        for key in self._files:
            if key.startswith(WAITING) and client_of(key) not in parked:
                return f"a file of {client_of(key)} is not in its bucket yet"
        return None

    async def _wait(self, missing: Callable[[], str | None], places: list[TopicPartition]) -> None:
        told = time.monotonic()
        while (waits_for := missing()) is not None:
            self._see(await self._consumer.getmany(*places, timeout_ms=20))
            if time.monotonic() - told > _TELL_SECONDS:
                self._tell(f"waiting: {waits_for}; does a worker run?")
                told = time.monotonic()

    async def _drain(self) -> bool:
        """Read everything up to the present ends; return whether there was anything new."""
        if self._uncommitted is None:
            raise AssertionError("not started")
        news = False
        ends = await self._uncommitted.end_offsets(self._places)
        for place, end in ends.items():
            while await self._consumer.position(place) < end:
                fetched = await self._consumer.getmany(timeout_ms=20)
                news = news or bool(fetched)
                self._see(fetched)
                await asyncio.sleep(0)
        return news

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        if self._committed is None:
            raise AssertionError("not started")
        return self._committed

    def _see(self, fetched: dict[TopicPartition, list[Any]]) -> None:
        for place, records in fetched.items():
            self._last[place] = records[-1].offset
            task = _TASK_OF.get(place.topic)
            if task is None:
                continue
            for record in records:
                if (topic := topic_of_position(record.key)) is not None:
                    self._positions[task, topic, place.partition] = int(record.value)
                elif task == DELIVERY_TASK and record.value is None:
                    self._files.pop(record.key, None)
                elif task == DELIVERY_TASK:
                    self._files[record.key] = record.value
