"""Task apex-gateway: `apex-journals` to the clearing firm, its answers to `apex-journal-results`.

Nothing is decided here, and nothing is exactly once: the firm knows a request by its `journal_id`,
and settlement an answer. So a request is sent at least once, and its place in the topic is
committed only when its answer is acknowledged by Kafka, or given up: then the next retry of the
cash call asks again.

Each account has a queue of its own: while the firm has trouble with one, the others go on.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError
from typing_extensions import override

from agents import deadlines
from agents.broker import Broker
from agents.clearing_firm import ClearingFirm, FirmAddress, NoAnswerError
from agents.deadlines import rest, within
from topics.catalogue import APEX_GATEWAY, APEX_JOURNAL_RESULTS, APEX_JOURNALS
from topics.cloud_events import headers
from topics.partition import partition_of

log = logging.getLogger("settle")

# The firm is asked for so many journals at a time.
CONNECTIONS_MAX = 32
# So many requests are in memory at most: one that waits keeps the place of those behind it.
REQUESTS_MAX = 10_000
# Between two attempts: at first, and at most.
BACKOFF_SECONDS = 0.25
BACKOFF_SECONDS_MAX = 60.0
COMMIT_SECONDS = 0.5
# An answer that Kafka does not take in this time ends the worker.
_DEADLINE_SECONDS = 60.0


class _Request:
    """A journal to be asked for, and whether that is done."""

    __slots__ = ("done", "event", "offset", "since")

    def __init__(self, record: ConsumerRecord) -> None:
        self.offset: int = record.offset
        self.event: dict[str, Any] = orjson.loads(record.value)
        self.since = time.monotonic()
        self.done = False


class ApexGateway(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """The gateway of one worker."""

    def __init__(self, broker: Broker, partitions: int, address: FirmAddress) -> None:
        """Take where both sides are."""
        self._broker = broker
        self._partitions = partitions
        self._give_up_seconds = address.give_up_ms / 1000
        self._firm = ClearingFirm(address)
        # Made by `start`: they belong to the loop that runs then.
        self._consumer: AIOKafkaConsumer | None = None
        self._producer: AIOKafkaProducer | None = None
        self._asking = asyncio.Semaphore(CONNECTIONS_MAX)
        self._joined = False
        self._stopped = False
        # By partition: requests in the order of their offsets; by account: those to be served.
        self._in_flight: dict[TopicPartition, deque[_Request]] = {}
        self._queues: dict[tuple[TopicPartition, str], deque[_Request]] = {}
        self._serving: dict[tuple[TopicPartition, str], asyncio.Task[None]] = {}
        self._answers = 0
        self._given_up = 0

    async def start(self) -> None:
        """Connect to Kafka and make the session with the firm."""
        await self._firm.open(CONNECTIONS_MAX)
        self._producer = self._broker.producer()
        await self._producer.start()
        self._consumer = self._broker.consumer(APEX_GATEWAY)
        self._consumer.subscribe([APEX_JOURNALS], listener=self)
        await self._consumer.start()

    async def supervise(self) -> None:
        """Serve until `stop`.

        Raises:
            Exception: what ended the service of an account, or Kafka's.
        """
        consumer = self._consumer
        if consumer is None:
            raise AssertionError("not started")
        committed = time.monotonic()
        while not self._stopped:
            room = REQUESTS_MAX - sum(map(len, self._in_flight.values()))
            if room > 0:
                found = await consumer.getmany(timeout_ms=100, max_records=min(room, 1000))
                for place, records in found.items():
                    self._take(place, records)
            else:
                await asyncio.sleep(0.1)
            for served in [task for task in self._serving.values() if task.done()]:
                served.result()  # what it raised ends the worker
            if time.monotonic() - committed >= COMMIT_SECONDS:
                await self._commit()
                committed = time.monotonic()

    async def stop(self) -> None:
        """Stop asking; commit what is done. Called again it does nothing."""
        if self._stopped:
            return
        self._stopped = True
        until = time.monotonic() + deadlines.STOP_SECONDS
        clients = [client for client in (self._consumer, self._producer) if client is not None]
        for stop in (self._drop_all, *(client.stop for client in clients), self._firm.close):
            try:
                # A rebalance that waits for a paused worker holds up who commits and who leaves.
                await within(rest(until), stop(), "stopping")
            except Exception as error:  # noqa: BLE001 - the next owner asks again
                log.warning("%s: %s", APEX_GATEWAY, error)

    # -- membership --------------------------------------------------------------------------------

    @override
    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._drop(revoked)

    @override
    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._joined = True
        for place in assigned:
            self._in_flight.setdefault(place, deque())

    async def _drop_all(self) -> None:
        await self._drop(list(self._in_flight))

    async def _drop(self, places: Iterable[TopicPartition]) -> None:
        """Give partitions up; the next owner asks again for what is under way."""
        gone = set(places)
        await self._commit()
        serving = [self._serving.pop(key) for key in list(self._serving) if key[0] in gone]
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        for place in gone:
            self._in_flight.pop(place, None)
        for key in [key for key in self._queues if key[0] in gone]:
            del self._queues[key]

    async def _commit(self) -> None:
        """Commit how far all requests of each partition are done."""
        moved: dict[TopicPartition, int] = {}
        for place, requests in self._in_flight.items():
            while requests and requests[0].done:
                moved[place] = requests.popleft().offset + 1
        if moved and self._consumer is not None:
            try:
                await self._consumer.commit(moved)
            except CommitFailedError:  # its partitions have another owner, who asks again
                log.info("%s: a commit came after its partitions had gone", APEX_GATEWAY)

    # -- requests ----------------------------------------------------------------------------------

    def _take(self, place: TopicPartition, records: Iterable[ConsumerRecord]) -> None:
        in_flight = self._in_flight.get(place)
        if in_flight is None:
            return  # it was revoked meanwhile
        for record in records:
            request = _Request(record)
            in_flight.append(request)
            key = (place, str(request.event["account_id"]))
            queue = self._queues.get(key)
            if queue is not None:
                queue.append(request)
                continue
            self._queues[key] = deque([request])
            task = asyncio.ensure_future(self._serve(key))
            self._serving[key] = task

    async def _serve(self, key: tuple[TopicPartition, str]) -> None:
        """Serve the queue of an account to its end."""
        queue = self._queues[key]
        while queue:
            await self._settle(queue[0])
            queue.popleft().done = True
        del self._queues[key]
        del self._serving[key]

    async def _settle(self, request: _Request) -> None:
        """Ask until the firm has answered and Kafka has the answer, or for long enough."""
        event = request.event
        answers = await self._ask(event)
        if answers is None:
            self._given_up += 1
            return
        for answer in answers:
            if answer["type"] == "ApexJournalUnclear":
                log.error(
                    "journal %s: unclear answer from the clearing firm: %s;"
                    " it is kept in dead-letters",
                    event["journal_id"],
                    answer["detail"],
                )
            await self._bring(answer)
            self._answers += 1

    async def _ask(self, event: dict[str, Any]) -> list[dict[str, Any]] | None:
        """Return what the firm says, None if it said nothing for too long."""
        wait = BACKOFF_SECONDS
        give_up_at = time.monotonic() + self._give_up_seconds
        while True:
            try:
                async with self._asking:
                    return await self._firm.ask(event)
            except NoAnswerError as error:
                why, after = str(error), error.after or 0.0
            pause = max(wait, min(after, BACKOFF_SECONDS_MAX))
            if time.monotonic() + pause > give_up_at:
                log.error(
                    "journal %s: no answer of the clearing firm: %s;"
                    " the next retry of its cash call asks again",
                    event["journal_id"],
                    why,
                )
                return None
            log.info("journal %s: %s; asked again in %.2f s", event["journal_id"], why, pause)
            await asyncio.sleep(pause)
            wait = min(2 * wait, BACKOFF_SECONDS_MAX)

    async def _bring(self, answer: dict[str, Any]) -> None:
        """Send an answer to settlement; returns when Kafka has it."""
        if self._producer is None:
            raise AssertionError("not started")
        key = str(answer["account_id"])
        sent = await self._producer.send(
            APEX_JOURNAL_RESULTS,
            orjson.dumps(answer),
            key.encode(),
            partition_of(key, self._partitions),
            headers=headers(answer, f"/settle/{APEX_GATEWAY}"),
        )
        await asyncio.wait_for(sent, _DEADLINE_SECONDS)

    # -- what is shown -----------------------------------------------------------------------------

    def not_ready(self) -> list[str]:
        """Say why the gateway is not ready, in one line each; empty: it is."""
        if not self._joined:
            return [f"{APEX_GATEWAY}: has not joined its group"]
        return []

    def status(self) -> dict[str, Any]:
        """Show what is under way."""
        waiting = [one for requests in self._in_flight.values() for one in requests if not one.done]
        oldest = max((time.monotonic() - one.since for one in waiting), default=0.0)
        return {
            "partitions": sorted(place.partition for place in self._in_flight),
            "journals_unanswered": len(waiting),
            "oldest_seconds": round(oldest, 1),
            "answers": self._answers,
            "given_up": self._given_up,
        }
