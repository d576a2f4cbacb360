"""Records to the broker in batches; what the tasks have applied and emitted meanwhile."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.codec import has_gzip, has_lz4, has_snappy, has_zstd

from agents.broker import Broker
from tests.fuzz.generator import PARTITIONS, STAGES
from tests.fuzz.header_names import HEADER, rename
from tests.fuzz.sent import Sent, Tag
from tests.fuzz.world import World
from topics.catalogue import (
    APEX_JOURNALS,
    FUNDING_UPDATES,
    NET_SETTLEMENTS,
    TASK_LOG,
)

CODECS: tuple[str | None, ...] = (
    None,
    *(
        name
        for name, is_there in (
            ("gzip", has_gzip()),
            ("snappy", has_snappy()),
            ("lz4", has_lz4()),
            ("zstd", has_zstd()),
        )
        if is_there
    ),
)
# In place of a codec: no compression, and header names that are no UTF-8.
NO_UTF_8 = "none, header names no UTF-8"
_HEARD = (TASK_LOG, APEX_JOURNALS, NET_SETTLEMENTS, FUNDING_UPDATES)
_LEARNED = frozenset({"ApexJournalRequested", "NetSettlement", "WithdrawalAccepted"})
# Who decides an input first: its progress is the pipeline's.
_FIRST_TASK = {
    "price-ticks": "market",
    "orders": "trading",
    "fundings": "settlement",
    "net-wires": "client-books",
}

Place = tuple[str, int]


class Live:
    """Sends, and follows what becomes of it."""

    def __init__(self, address: str, world: World, seed: int) -> None:
        """Connect to nothing yet."""
        self._broker = Broker(address)
        self._world = world
        self._rng = random.Random(f"batches {seed}")
        self._producers: dict[str | None, AIOKafkaProducer] = {}
        self._consumer: AIOKafkaConsumer = self._broker.consumer(fetch_max_wait_ms=20)
        # What each record is, by its place; its offset is its index.
        self.tags: dict[Place, list[Tag]] = defaultdict(list)
        self.sent = 0
        self.codecs: dict[str, int] = defaultdict(int)
        self._applied: dict[tuple[str, str, int], int] = {}

    async def start(self) -> None:
        """Connect."""
        for codec in CODECS:
            self._producers[codec] = self._broker.producer(compression_type=codec)
        # An idempotent one would look at the batch again.
        self._producers[NO_UTF_8] = self._broker.producer(enable_idempotence=False)
        for producer in self._producers.values():
            await producer.start()
        await self._consumer.start()
        places = [TopicPartition(name, p) for name in _HEARD for p in range(PARTITIONS)]
        self._consumer.assign(places)
        await self._consumer.seek_to_beginning(*places)

    async def stop(self) -> None:
        """Disconnect."""
        await asyncio.gather(
            self._consumer.stop(), *(producer.stop() for producer in self._producers.values())
        )

    async def send(self, records: Sequence[Sent]) -> None:
        """Send a round: what other records refer to first; the broker has acknowledged it then."""
        for stage in STAGES:
            batches = defaultdict(list)
            for record in records:
                if record.topic in stage:
                    batches[record.topic, record.partition].append(record)
            await asyncio.gather(*(self._send(place, batch) for place, batch in batches.items()))

    async def _send(self, place: Place, records: list[Sent]) -> None:
        """Send the records of one partition, in order, in batches of one codec each."""
        topic, partition = place
        left = records
        while left:
            codec = self._rng.choice((*CODECS, NO_UTF_8)) if self._rng.random() < 0.5 else None
            producer = self._producers[codec]
            batch = producer.create_batch()
            added = 0
            extra = [HEADER] if codec == NO_UTF_8 else []
            for record in left:
                if (
                    batch.append(
                        key=record.key,
                        value=record.value,
                        timestamp=None,
                        headers=[*record.headers, *extra],
                    )
                    is None
                ):
                    break
                added += 1
            batch.close()
            if codec == NO_UTF_8:
                rename(batch)
            written = await (await producer.send_batch(batch, topic, partition=partition))
            tags = self.tags[place]
            if written.offset != len(tags):
                raise AssertionError(f"{topic}-{partition}: {written.offset}, not {len(tags)}")
            tags.extend(record.tag for record in left[:added])
            self.sent += added
            self.codecs[codec or "none"] += added
            left = left[added:]

    async def listen(self) -> None:
        """Take in what was committed since."""
        fetched = await self._consumer.getmany(timeout_ms=10)
        for place, records in fetched.items():
            for record in records:
                self._hear(place.topic, orjson.loads(record.value))

    def _hear(self, topic: str, event: dict[str, Any]) -> None:
        if topic != TASK_LOG:
            if event["type"] in _LEARNED:
                self._world.learn(event)
            return
        for name, first, count in event["spans"]:
            self._applied[event["task"], name, event["partition"]] = first + count

    @property
    def behind(self) -> int:
        """How many records their first task has not applied yet."""
        return sum(
            len(tags) - self._applied.get((_FIRST_TASK[topic], topic, partition), 0)
            for (topic, partition), tags in self.tags.items()
            if topic in _FIRST_TASK
        )
