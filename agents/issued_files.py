"""What was issued, read back from `report-issues`: the committed truth of every file."""

import asyncio
from hashlib import sha256

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.broker import Broker, started
from agents.deadlines import closed
from pipeline.delivery import IssuedFile
from topics.catalogue import REPORT_ISSUES

# A fetch that is no longer wanted ends soon: each file is somewhere else.
FETCH_WAIT_MS = 20
# The broker has what is asked for; after so long without it, somebody should know.
_READ_SECONDS = 30.0


class ContentGoneError(Exception):
    """The records of a file are no longer in `report-issues`."""


class IssuedFiles:
    """A reader of files by their offsets, one after the other."""

    def __init__(self, broker: Broker) -> None:
        """Read nothing yet."""
        self._broker = broker
        self._consumer: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()

    async def stop(self) -> None:
        """Read no longer."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await closed(consumer)

    async def content(self, partition: int, file: IssuedFile) -> bytes:
        """Return a file's content, of which the checksum holds.

        Raises:
            ContentGoneError: it is not there in full: it was deleted.
            TimeoutError | KafkaError: the broker does not give what it has.
        """
        async with self._turn:
            if self._consumer is None:
                self._consumer = await started(
                    self._broker.consumer(None, fetch_max_wait_ms=FETCH_WAIT_MS)
                )
            async with asyncio.timeout(_READ_SECONDS):
                text = await self._read(self._consumer, partition, file)
        content = text.encode()
        if sha256(content).hexdigest() != file.sha256:
            raise ContentGoneError(
                f"{REPORT_ISSUES}-{partition} from {file.first} to {file.last} does not hold it"
            )
        return content

    async def _read(self, consumer: AIOKafkaConsumer, partition: int, file: IssuedFile) -> str:
        place = TopicPartition(REPORT_ISSUES, partition)
        consumer.assign([place])
        consumer.seek(place, file.first)
        texts: list[str] = []
        while await consumer.position(place) <= file.last:
            for record in (await consumer.getmany(place, timeout_ms=500)).get(place, []):
                event = orjson.loads(record.value)
                if record.offset <= file.last and (event["client"], event["key"]) == (
                    file.client,
                    file.key,
                ):
                    texts.append(event["text"])
        return "".join(texts)
