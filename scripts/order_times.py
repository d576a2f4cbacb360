"""What orders take from their append to their executions, for `make bench-live`.

It is measured from outside, as a client of the broker sees it. With librdkafka, because what
measures runs beside what is measured: a client in Python took three times as much of a core.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from topics.catalogue import EXECUTIONS, ORDERS

_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 1.0


class OrderTimes(NamedTuple):
    """Of one order: its append and its execution's, as the broker stamps them; when that was read.

    Seconds of the one clock of this machine; the broker's are of whole milliseconds, cut off.
    """

    appended: float
    executed: float
    readable: float


class Order(NamedTuple):
    """An order to be sent; the event id is its execution's cause."""

    event_id: str
    key: bytes
    value: bytes


def order_times(
    address: str, partitions: int, orders: Sequence[Order], rate: int
) -> list[OrderTimes]:
    """Send orders, `rate` of them a second, and read what is committed of their executions.

    Raises:
        KafkaException: the broker does not take or give them.
        TimeoutError: some are not executed in a minute after the last was sent.
    """
    appended: dict[str, float] = {}
    executed: dict[str, tuple[float, float]] = {}
    consumer = _at_the_end(address, partitions)
    all_sent = threading.Event()

    def read() -> None:
        deadline = float("inf")
        while len(executed) < len(orders) and time.monotonic() < deadline:
            message = consumer.poll(_POLL_SECONDS)
            if all_sent.is_set():
                deadline = min(deadline, time.monotonic() + _PATIENCE_SECONDS)
            if message is None:
                continue
            now = time.time()
            if (error := message.error()) is not None:
                raise KafkaException(error)
            cause = orjson.loads(message.value() or b"")["cause_id"]
            executed[cause] = message.timestamp()[1] / 1000, now

    def note(event_id: str) -> Callable[[KafkaError | None, Message], None]:
        def taken(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                raise KafkaException(error)
            appended[event_id] = message.timestamp()[1] / 1000

        return taken

    producer = Producer({"bootstrap.servers": address, "acks": "all", "partitioner": "murmur2"})
    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    started = time.monotonic()
    for number, order in enumerate(orders):
        early = started + number / rate - time.monotonic()
        if early > 0:
            time.sleep(early)
        producer.produce(ORDERS, order.value, order.key, on_delivery=note(order.event_id))
        producer.poll(0)
    producer.flush()
    all_sent.set()
    reading.join()
    consumer.close()
    if len(executed) < len(orders):
        raise TimeoutError(f"{len(executed):,} of {len(orders):,} orders are executed")
    return [OrderTimes(appended[name], *executed[name]) for name in appended]


def _at_the_end(address: str, partitions: int) -> Consumer:
    """Return a consumer of what will be committed to `executions` from now on."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "order-times",  # it wants a name, and commits nothing
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    places = [TopicPartition(EXECUTIONS, partition) for partition in range(partitions)]
    for place in places:
        _, place.offset = consumer.get_watermark_offsets(place)
    consumer.assign(places)
    consumer.poll(_POLL_SECONDS)  # it is connected before the first order
    return consumer
