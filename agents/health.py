"""What the pages /health and /status of a worker report."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from aiokafka.errors import KafkaError

from agents.apex_gateway import ApexGateway
from agents.live import Live
from agents.partition import PartitionRunner
from agents.runner import TaskRunner
from schemas.instant import Micros, time_text
from settlement.calendar import ScheduledWindow, first_window, window_after
from topics.catalogue import APEX_GATEWAY, CATALOGUE

# Above this many inputs behind, a partition is not ready: what it decides is old.
LAG_MAX = 10_000
# An input may wait so long for its window before somebody should look: the clock has stopped.
WAIT_SECONDS_MAX = 5.0
# How often the broker is asked for the partition counts of all topics.
LOOK_SECONDS = 5.0
# A partition that has been parked for a week holds up some fifty windows: the first ones will do.
_WINDOWS_MAX = 3


class Health:
    """The health of a worker's task partitions and of the topics that they use."""

    def __init__(
        self, live: Live, runners: Sequence[TaskRunner], gateway: ApexGateway | None
    ) -> None:
        """Start before the first look at the topics."""
        self._live = live
        self._runners = runners
        self._gateway = gateway
        self._topics: list[str] = []

    async def look(self) -> None:
        """Compare the partition counts of all topics with ours."""
        with suppress(OSError, KafkaError):  # what was seen last holds while the broker is away
            self._topics = _count_differences(
                await self._live.broker.partitions(), self._live.partitions
            )

    def not_ready(self) -> list[str]:
        """Return why the worker is not ready, in one line each; empty: it is."""
        wrong = []
        for runner in self._runners:
            name = runner.kind.name
            if not runner.joined:
                wrong.append(f"{name}: has not joined its group")
            wrong += [
                f"{name}-{partition}: a topic has no such partition; see settle topics check"
                for partition in runner.unserved
            ]
            for owned in list(runner.owned.values()):
                wrong += [f"{name}-{owned.partition}: {why}" for why in _why_not(owned)]
        wrong += self._held_up()
        if self._gateway is not None:
            wrong += self._gateway.not_ready()
        return wrong

    def _held_up(self) -> Iterator[str]:
        """Name the windows that wait for a parked partition, as far as this worker knows.

        A window waits if another partition that runs here has passed it.
        """
        owned = {
            f"{runner.kind.name}-{number}": owned
            for runner in self._runners
            for number, owned in sorted(runner.owned.items())
        }
        passed = max(
            (o.next_window for o in owned.values() if o.next_window is not None), default=0
        )
        for name, parked in owned.items():
            if parked.parking.parked is None or parked.next_window is None:
                continue
            windows = windows_between(parked.next_window, passed)
            if windows:
                named = ", ".join(f"{w.window}@{time_text(w.scheduled_at)}" for w in windows)
                yield f"{name}: all clients' nets and files wait for it from {named} on"

    def alerts(self) -> list[str]:
        """Return what a person should look at although all goes on, a line each."""
        alerts = list(self._topics)
        for runner in self._runners:
            if runner.joined:
                alerts += [
                    f"{runner.kind.name}: {place.topic}-{place.partition}: {gap}"
                    for place, gap in sorted(runner.reader.gaps.items())
                ]
            for number, owned in sorted(runner.owned.items()):
                found = [*owned.inputs.alerts(), *(owned.task.alerts() if owned.task else ())]
                alerts += [f"{runner.kind.name}-{number}: {alert}" for alert in found]
        return alerts

    def status(self) -> dict[str, Any]:
        """Return every task partition that this worker owns, by task and number."""
        shown: dict[str, Any] = {
            "tasks": {
                runner.kind.name: {
                    str(number): _status(owned) for number, owned in sorted(runner.owned.items())
                }
                for runner in self._runners
            }
        }
        if self._gateway is not None:
            shown[APEX_GATEWAY] = self._gateway.status()
        return shown


def _why_not(owned: PartitionRunner) -> Iterator[str]:
    """Return why a partition is not ready."""
    progress, parked = owned.progress, owned.parking.parked
    if parked is not None:
        yield parked.line()
    elif not progress.ready:
        yield "its state is being restored"
    for topic, lag in progress.lag.items():
        if lag > LAG_MAX:
            yield f"{lag} inputs of {topic} behind"
    if progress.waiting_since is not None:
        waited = time.monotonic() - progress.waiting_since
        if waited > WAIT_SECONDS_MAX:
            yield f"an input has waited for its window for {waited:.0f} s"


def _status(owned: PartitionRunner) -> dict[str, Any]:
    progress, parked = owned.progress, owned.parking.parked
    return {
        "ready": progress.ready,
        "parked": None if parked is None else parked.line(),
        "inputs": progress.inputs,
        "events": progress.events,
        "transactions": progress.transactions,
        "lag": progress.lag,
        "queued": progress.queued,
        "waits_for_a_window_seconds": None
        if progress.waiting_since is None
        else round(time.monotonic() - progress.waiting_since, 1),
        "restored_records": progress.restored_records,
        "restored_seconds": round(progress.restored_seconds, 3),
        **(owned.task.status() if owned.task is not None else {}),
    }


def windows_between(begin: Micros, end: Micros) -> list[ScheduledWindow]:
    """Return the windows from `begin` to before `end`, the first three of them at most."""
    windows: list[ScheduledWindow] = []
    window = first_window(begin)
    while window.scheduled_at < end and len(windows) < _WINDOWS_MAX:
        windows.append(window)
        window = window_after(window)
    return windows


def _count_differences(there: dict[str, int], partitions: int) -> list[str]:
    """Return a line for each topic that has not as many partitions as we use."""
    lines = []
    for name in CATALOGUE:
        count = there.get(name, 0)
        if count > partitions:
            lines.append(
                f"{name} has {count} partitions, and only the first {partitions} are used:"
                " what is in the others is not read; see settle topics check"
            )
        elif count < partitions:
            lines.append(
                f"{name} has {count} partitions, {partitions} are needed; see settle topics check"
            )
    return lines
