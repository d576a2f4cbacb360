"""The clock: the only reader of the wall clock. Doubled or missing ticks do no harm.

`ClockTicked` goes to every partition about once a second, so that idle partitions move on and
windows open in time. There is no leader: several workers may all tick.
"""

import asyncio
import datetime as dt

import orjson
from aiokafka import AIOKafkaProducer

from agents.live import Live
from topics.catalogue import CLOCK
from topics.cloud_events import headers

TICK_SECONDS = 1.0
# A tick that does not get through is not missed: the next one says as much.
_DEADLINE_SECONDS = 10.0


async def tick(producer: AIOKafkaProducer, partitions: int, now: dt.datetime) -> None:
    """Send one tick to every partition."""
    at = now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    event = {"type": "ClockTicked", "event_id": f"clock-{at}", "event_time": at, "at": at}
    value, about = orjson.dumps(event), headers(event, "/settle/clock")
    sent = [
        await producer.send(CLOCK, value, partition=partition, headers=about)
        for partition in range(partitions)
    ]
    await asyncio.wait_for(asyncio.gather(*sent), _DEADLINE_SECONDS)


class Clock:
    """A producer that ticks."""

    def __init__(self, live: Live) -> None:
        """Tick on the broker of a worker."""
        self._live = live
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect."""
        self._producer = self._live.broker.producer()
        await self._producer.start()

    async def tick(self) -> None:
        """Say what time it is."""
        if self._producer is not None:
            await tick(self._producer, self._live.partitions, dt.datetime.now(dt.UTC))

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            await self._producer.stop()
