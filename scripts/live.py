"""What the commands that talk to Kafka share: how they run, and how errors reach a person."""

import asyncio
import logging
import signal
import ssl
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from aiokafka.errors import (
    BrokerNotAvailableError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedSaslMechanismError,
)

from agents.deadlines import StalledError
from scripts.errors import Failure
from scripts.settings import Settings, broker

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
        reach(settings)
        raise Failure(f"Kafka at {settings.brokers} was lost for a moment; try again") from None
    except UnknownTopicOrPartitionError:
        raise Failure("a topic is missing; make them with settle topics create") from None
    except TopicAuthorizationFailedError as error:
        raise Failure(f"Kafka does not let us: {_said(error)}") from None
    except KafkaError as error:
        raise Failure(f"Kafka at {settings.brokers}: {_said(error)}") from None
    except StalledError as error:
        raise Failure(str(error)) from None
    except TimeoutError:
        raise Failure(f"Kafka at {settings.brokers} does not answer in time") from None


def reach(settings: Settings) -> dict[str, int]:
    """Return the topics of the broker that lets us in, and how many partitions each has.

    Raises:
        Failure: none does; the line says why, and which setting to look at.
    """
    try:
        return asyncio.run(broker(settings).partitions())
    except (OSError, KafkaError) as error:
        raise Failure(f"no Kafka at {settings.brokers}: {_why(error, settings)}") from None


def check_partitions(settings: Settings, topics: Iterable[str]) -> None:
    """Refuse to go on where a topic is missing or has not as many partitions as the settings say.

    A key would be sent to, or looked for in, another partition than its events are in.

    Raises:
        Failure: names the first such topic; or no broker lets us in.
    """
    there = reach(settings)
    for name in topics:
        if name not in there:
            raise Failure(f"topic {name} is not there; make it with settle topics create")
        if there[name] != settings.partitions:
            raise Failure(
                f"topic {name} has {there[name]} partitions, SETTLE_PARTITIONS is"
                f" {settings.partitions}; settle topics check names every topic that differs"
            )


def _why(error: Exception, settings: Settings) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            said = error.verify_message
            return f"its certificate is not to be trusted ({said}); see SETTLE_KAFKA_SSL_CAFILE"
        case SaslAuthenticationFailed():
            return "it refuses our user or password; see SETTLE_KAFKA_SASL_USERNAME, ..._PASSWORD"
        case UnsupportedSaslMechanismError():
            return "it takes another way to log in; see SETTLE_KAFKA_SASL_MECHANISM"
        case (
            KafkaConnectionError()
            | IllegalSaslStateError()
            | ssl.SSLError()
            | ConnectionResetError()
        ):
            spoken = settings.kafka_security_protocol
            return f"who listens there does not speak {spoken}; see SETTLE_KAFKA_SECURITY_PROTOCOL"
        case BrokerNotAvailableError():
            return "it is starting, or was silent and has not come back yet; try again in a moment"
        case OSError():
            said = error.strerror or "no answer in time"
            return f"{said}; start one with settle kafka start, or set SETTLE_BROKERS"
        case _:
            return str(error)


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
