"""What `settle produce` does on Kafka: inputs in transactions, with how far they have come.

Killed and run again, it goes on where its last transaction ended: each input is in its topic once.
"""

import asyncio
from dataclasses import dataclass

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition

from agents.broker import Broker
from agents.deadlines import StalledError
from agents.task_state import read_state
from topics.catalogue import PRODUCE, state_topic
from topics.partition import partition_of

# A commit of an outage does not come back by itself (docs/decisions/0008).
_DEADLINE_SECONDS = 60.0
# What the broker has for the abort of a transaction that is given up; then Kafka aborts it itself.
_ABORT_SECONDS = 5.0

# Kafka stamps records with the millisecond of their append.
_APPEND_STEP_SECONDS = 0.001


class StalledProducerError(Exception):
    """Kafka did not take a transaction in time."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to be sent; the headers are those of CloudEvents."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class Producing:
    """Sends the records of one named input."""

    def __init__(self, broker: Broker, partitions: int, name: str) -> None:
        """Take the input's name: it is the same when the input is the same."""
        self._broker = broker
        self._name = name
        self._state = TopicPartition(state_topic(PRODUCE), partition_of(name, partitions))
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> int:
        """Fence whoever sends the same input; return how many lines are done.

        Raises:
            StalledProducerError: another input has a transaction open that does not end.
        """
        self._producer = self._broker.producer(f"{PRODUCE}-{self._name}")
        await asyncio.wait_for(self._producer.start(), _DEADLINE_SECONDS)
        try:
            stored, _ = await read_state(self._broker, self._state)
        except StalledError as error:
            raise StalledProducerError(str(error)) from None
        done = stored.get(self._name.encode())
        return 0 if done is None else int(orjson.loads(done)["lines"])

    async def commit(self, groups: list[list[Outgoing]], lines: int) -> dict[TopicPartition, int]:
        """Send records and how many lines are done then; return the last offset of each place.

        Each group is appended before the next; within a group only the order in each partition is
        kept. The transaction is open until all of them are acknowledged.

        Raises:
            StalledProducerError: Kafka did not finish in time; nothing of it is sent.
        """
        sending = asyncio.ensure_future(self._commit(groups, lines))
        try:
            finished, _ = await asyncio.wait({sending}, timeout=_DEADLINE_SECONDS)
        finally:
            if not sending.done():
                # Now, not when the loop ends: without its producer an abort never returns.
                sending.cancel()
                await asyncio.wait({sending}, timeout=_ABORT_SECONDS)
        if not finished:
            raise StalledProducerError(f"Kafka took nothing for {_DEADLINE_SECONDS:.0f} s")
        return sending.result()

    async def _commit(self, groups: list[list[Outgoing]], lines: int) -> dict[TopicPartition, int]:
        producer = self._producer
        if producer is None:
            raise AssertionError("not started")
        done = Outgoing(
            self._state.topic,
            self._state.partition,
            self._name.encode(),
            orjson.dumps({"lines": lines}),
            (),
        )
        written = []
        async with producer.transaction():
            for group in (*groups, [done]):
                sent = [
                    await producer.send(
                        record.topic,
                        record.value,
                        record.key,
                        record.partition,
                        headers=list(record.headers),
                    )
                    for record in group
                ]
                written += await asyncio.gather(*sent)
                # What is appended in the same millisecond is in the order of a task's inputs.
                await asyncio.sleep(_APPEND_STEP_SECONDS)
        last: dict[TopicPartition, int] = {}
        for place in written[:-1]:
            last[TopicPartition(place.topic, place.partition)] = place.offset
        return last

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            await asyncio.wait_for(self._producer.stop(), _DEADLINE_SECONDS)
