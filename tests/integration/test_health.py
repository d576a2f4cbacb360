"""/health and /status as whoever runs a worker sees them, on a real broker."""

import asyncio
import time
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import orjson
import pytest
from aiokafka.admin import NewPartitions

from pipeline.task import Record
from scripts.local_kafka import free_port
from tests.integration.conftest import PARTITIONS, Kafka
from topics.catalogue import ACCOUNTS, CLOCK, ORDERS, TASKS
from topics.partition import partition_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PATIENCE_SECONDS = 120.0
ACCOUNT = "ACME0001"
BEFORE, AFTER = "2026-03-02T14:50:00.000000Z", "2026-03-02T15:10:00.000000Z"  # 09:00 is between


def _page(port: int, name: str) -> tuple[int, dict[str, Any]]:
    try:
        with urlopen(f"http://127.0.0.1:{port}/{name}", timeout=5) as page:
            return page.status, orjson.loads(page.read())
    except HTTPError as refused:
        with refused:
            return refused.code, orjson.loads(refused.read())
    except (URLError, HTTPException, TimeoutError):
        return 0, {}


def _health(port: int, wanted: int, word: str = "") -> dict[str, Any]:
    """Wait until the page answers so, with a reason that holds a word."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        status, shown = _page(port, "health")
        if status == wanted and word in " ".join(shown["because"]):
            return shown
        assert time.monotonic() < deadline, (status, shown)
        time.sleep(0.1)


def _send(kafka: Kafka, *records: Record) -> None:
    async def send() -> None:
        producer = kafka.broker.producer()
        try:
            await producer.start()
            for record in records:
                await producer.send_and_wait(
                    record.topic, record.value, record.key, record.partition
                )
        finally:
            await producer.stop()

    asyncio.run(send())


def _account(event_id: str, at: str, mode: str) -> Record:
    event = {
        "type": "AccountUpdated",
        "event_id": event_id,
        "event_time": at,
        "account_id": ACCOUNT,
        "client": "ACME",
        "mode": mode,
    }
    partition = partition_of(ACCOUNT, PARTITIONS)
    return Record(ACCOUNTS, partition, 0, 0, ACCOUNT.encode(), orjson.dumps(event))


def _ticks(at: str) -> list[Record]:
    event = {"type": "ClockTicked", "event_id": f"clock-{at}", "event_time": at, "at": at}
    return [Record(CLOCK, p, 0, 0, None, orjson.dumps(event)) for p in range(PARTITIONS)]


def test_a_worker_is_ready_when_all_is_rebuilt_and_nothing_waits(kafka: Kafka) -> None:
    port = free_port()
    kafka.worker("--no-clock", "--web-port", str(port))
    assert _health(port, 200) == {"ready": True, "because": [], "alerts": []}
    _send(kafka, *_ticks(BEFORE), _account("opened", BEFORE, "OPEN"))
    _health(port, 200)
    _, status = _page(port, "status")
    assert set(status["tasks"]) == set(TASKS)
    for partitions in status["tasks"].values():
        assert sorted(partitions) == [str(number) for number in range(PARTITIONS)]
        assert all(shown["ready"] for shown in partitions.values())


def test_a_worker_says_that_an_input_waits_for_its_window(kafka: Kafka) -> None:
    for process in kafka.processes:
        process.terminate()
        process.wait(timeout=PATIENCE_SECONDS)
    port = free_port()
    kafka.worker("--no-clock", "--task", "settlement", "--web-port", str(port))
    _health(port, 200)
    _send(kafka, _account("locked", AFTER, "LOCKED"))
    shown = _health(port, 503, "waited for its window")
    assert shown["ready"] is False
    place = f"settlement-{partition_of(ACCOUNT, PARTITIONS)}"
    assert [reason.split(":")[0] for reason in shown["because"]] == [place]
    # Trading applies the same account, and with it opens the window.
    kafka.worker("--no-clock", "--task", "market", "--task", "trading")
    _health(port, 200)


def test_partitions_that_are_added_are_an_alert(kafka: Kafka) -> None:
    """The worker goes on with the partitions that it knows."""
    port = free_port()
    kafka.worker("--no-clock", "--task", "market", "--web-port", str(port))
    assert _health(port, 200)["alerts"] == []

    async def add() -> None:
        admin = kafka.broker.admin()
        await admin.start()
        await admin.create_partitions({ORDERS: NewPartitions(2 * PARTITIONS)})
        await admin.close()

    asyncio.run(add())
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (alerts := _health(port, 200)["alerts"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (alert,) = alerts
    assert alert == (
        f"orders has {2 * PARTITIONS} partitions, and only the first {PARTITIONS} are used:"
        " what is in the others is not read; see settle topics check"
    )
