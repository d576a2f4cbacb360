"""Deadlines that hold: aiokafka's own calls have none, and wait for the whole of an outage."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any

from aiokafka.errors import KafkaError

log = logging.getLogger("settle")

START_SECONDS = 60.0
# From SIGTERM to having left the group; Docker kills after ten seconds.
STOP_SECONDS = 8.0
# Of one client that is not needed any more.
_CLOSE_SECONDS = 2.5


class StalledError(Exception):
    """Kafka did not finish in time; the message says what was waited for."""


async def within(seconds: float, call: Awaitable[Any], what: str) -> Any:  # noqa: ANN401 - as the call
    """Await with a deadline that holds even where the call can't be cancelled.

    aiokafka aborts a transaction that is cancelled, which waits for the broker too; so the call is
    left behind, and the worker ends.
    """
    waited = asyncio.ensure_future(call)
    try:
        done, _ = await asyncio.wait({waited}, timeout=seconds)
    except asyncio.CancelledError:
        waited.cancel()
        raise
    if not done:
        waited.cancel()
        raise StalledError(f"{what}: Kafka has not finished within {seconds:.3g} s")
    if waited.cancelled():
        # By aiokafka itself, which does so while a broker goes; who awaits was not meant.
        raise StalledError(f"{what}: Kafka's client has given up")
    return waited.result()


def rest(until: float) -> float:
    """Return the seconds left, at least a moment for each part of a stop."""
    return max(0.2, until - time.monotonic())


async def closed(client: Any) -> None:  # noqa: ANN401 - aiokafka has no types
    """Stop a client of Kafka that is not needed any more, in time, whatever it says to that."""
    try:
        await within(_CLOSE_SECONDS, client.stop(), "closing a client")
    except (KafkaError, StalledError) as error:
        log.info("%s", error)
