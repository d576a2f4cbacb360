"""What the commands that talk to Kafka share: how they run, and how errors reach a person."""

import asyncio
import logging
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from scripts.errors import Failure
from scripts.settings import Settings

T = TypeVar("T")


class Interrupted(Failure):
    """Ctrl-C or SIGTERM."""


def run(settings: Settings, work: Coroutine[Any, Any, T]) -> T:
    """Run what talks to Kafka; what it raises becomes one clear line.

    Raises:
        Failure: the broker can't be reached, refuses us, or lacks a topic.
        Interrupted: by a signal; the work has ended in order.
    """
    # What the client says of each attempt; the end of it is said below.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(_interruptible(work))
    except KafkaConnectionError:
        raise Failure(
            f"no Kafka at {settings.brokers}, or it refuses our credentials;"
            " start one with settle kafka start, or set SETTLE_BROKERS"
        ) from None
    except UnknownTopicOrPartitionError:
        raise Failure("a topic is missing; make them with settle topics create") from None
    except TopicAuthorizationFailedError as error:
        raise Failure(f"Kafka does not let us: {_said(error)}") from None
    except KafkaError as error:
        raise Failure(f"Kafka at {settings.brokers}: {_said(error)}") from None
    except TimeoutError:
        raise Failure(f"Kafka at {settings.brokers} does not answer in time") from None


async def _interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Let a signal cancel the work, which then disconnects; raised into the loop it would hang."""
    task = asyncio.ensure_future(work)
    heard: list[signal.Signals] = []

    def cancel(number: signal.Signals) -> None:
        heard.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, cancel, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not heard:
            raise  # the loop ends for a reason of its own
        raise Interrupted(f"interrupted by {heard[0].name}; nothing half-written is left") from None


def _said(error: KafkaError) -> str:
    text = str(error).removeprefix(f"{type(error).__name__}: ")
    return text or type(error).__name__
