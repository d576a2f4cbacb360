"""One run: a day is produced while the plan's faults happen; then everything is counted."""

import asyncio
import os
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agents.broker import Broker
from agents.positions import Positions
from scripts.local_kafka import LocalKafka
from tests.chaos.brokers import Brokers
from tests.chaos.counts import Measured
from tests.chaos.firm import GIVE_UP_MS, TIMEOUT_MS, ClearingFirm
from tests.chaos.fleet import Fleet, Member, Work
from tests.chaos.load import Load
from tests.chaos.measured import measure, under_way
from tests.chaos.plan import KILLS, Fault, plan
from tests.chaos.transactions import open_transactions
from tests.integration.conftest import SETTLE

PARTITIONS = 4
# A broker's transactions are the scarce thing: so many orders a second on two busy cores.
ORDERS_PER_SECOND = 40
# Faults wait for workers that work; the day goes on until the last one, and then hurries.
_DAY_IS_LONGER = 1.5
_LOOK_SECONDS = 0.05
_MEMBERS_MIN, _MEMBERS_MAX = 2, 5
# Until all is answered: what is paused wakes up, what is dead is missed, what stalls ends.
# On a machine that does other things, too, that takes minutes.
_PATIENCE_SECONDS = 600.0
_NODE_IS_DOWN_SECONDS = (1.0, 4.0)
_FIRM_IS_DOWN_SECONDS = (0.0, 4.0)
_AIM_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Course:
    """What run: `kills` faults of workers on `nodes` brokers, `gap` seconds apart on average."""

    seed: int
    kills: int
    nodes: int = 1
    gap: float = 12.0
    pause_max: float = 30.0
    # How long the day is that is produced meanwhile: two have a net settlement, and a month's end.
    hours: int = 48

    @property
    def seconds(self) -> float:
        """How long faults happen for, if none has to wait."""
        return self.kills * self.gap


@dataclass(slots=True)
class Outcome:
    """What happened, and what was counted afterwards."""

    course: Course
    did: Counter[str] = field(default_factory=Counter)
    # Of the kills: those before which the worker had an open transaction at the broker.
    hits: Counter[str] = field(default_factory=Counter)
    # Those of a worker that had journals to be answered, or files to be put.
    journal_hits: int = 0
    file_hits: int = 0
    measured: Measured = field(default_factory=Measured)
    verified: str = ""
    ended: list[str] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    bad_stops: list[str] = field(default_factory=list)
    producer_failures: int = 0
    input_kinds: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class ChaosFailedError(Exception):
    """The run did not come to an end; the message says what was waited for."""


def run(course: Course, directory: Path, tell: Callable[[str], object]) -> Outcome:
    """Carry a course out.

    Raises:
        ChaosFailedError: not everything was answered in time, or the audit found a difference.
    """
    started = time.monotonic()
    brokers, firm, folder = (
        Brokers(directory, course.nodes),
        ClearingFirm(directory, course.seed),
        directory / "s3",
    )
    environment = os.environ | {
        "SETTLE_BROKERS": brokers.address,
        "SETTLE_PARTITIONS": str(PARTITIONS),
        "SETTLE_REPLICATION": str(course.nodes),
        "SETTLE_S3_URL": f"file:{folder}",
        "SETTLE_APEX_URL": firm.url,
        "SETTLE_APEX_TIMEOUT_MS": str(TIMEOUT_MS),
        "SETTLE_APEX_GIVE_UP_MS": str(GIVE_UP_MS),
    }
    fleet = Fleet(directory, environment, random.Random(f"fleet {course.seed}"))
    day_seconds = course.seconds * _DAY_IS_LONGER
    orders = int(day_seconds * ORDERS_PER_SECOND)
    load = Load(directory, environment, course.seed, orders, course.hours, day_seconds)
    outcome = Outcome(course, input_kinds=load.kinds)
    running = _Running(course, brokers, firm, fleet, load, outcome, tell)
    try:
        brokers.start()
        firm.start()
        _settle(environment, "topics", "create")
        running.produce()
        running.wait_for_answers()
        fleet.stop()
        outcome.verified = _settle(environment, "verify").stdout
        outcome.measured = measure(brokers.address, load.files, firm.says, folder, PARTITIONS)
    finally:
        load.kill()
        for member in fleet.members:
            member.process.kill()
            member.process.wait()
        firm.kill()
        brokers.stop()
    outcome.ended, outcome.stops, outcome.bad_stops = fleet.ended, fleet.stops, fleet.bad_stops
    outcome.producer_failures = load.failures
    outcome.did["producer killed"] = load.kills
    outcome.did["clearing firm killed"] = firm.kills - 1
    outcome.seconds = time.monotonic() - started
    return outcome


def _settle(
    environment: dict[str, str], *arguments: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(SETTLE), *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        raise ChaosFailedError(f"settle {' '.join(arguments)}: {done.stderr.strip()}")
    return done


class _Running:
    """The time in which faults happen."""

    def __init__(  # noqa: PLR0917 - who takes part
        self,
        course: Course,
        brokers: Brokers,
        firm: ClearingFirm,
        fleet: Fleet,
        load: Load,
        outcome: Outcome,
        tell: Callable[[str], object],
    ) -> None:
        self._course = course
        self._brokers = brokers
        self._firm = firm
        self._fleet = fleet
        self._load = load
        self._outcome = outcome
        self._tell = tell
        self._rng = random.Random(f"course {course.seed}")
        # A node that is down, and when it is started again.
        self._down: tuple[LocalKafka, float] | None = None

    def produce(self) -> None:
        """Produce the day, while everything in the plan happens."""
        for _ in range(self._fleet.wanted):
            self._fleet.start()
        self._load.start()
        began = last = time.monotonic()
        at = 0.0
        for fault in plan(
            self._course.seed, self._course.kills, self._course.seconds, self._course.nodes
        ):
            # Apart as planned, also when the last one had to wait for a worker to be up.
            while time.monotonic() < last + fault.at - at:
                self._look()
            self._do(fault)
            last, at = time.monotonic(), fault.at
            left = self._course.seconds * _DAY_IS_LONGER - at
            self._load.last_for(left * max(1.0, (last - began) / at))
        self._load.hurry()
        deadline = time.monotonic() + self._course.seconds + _PATIENCE_SECONDS
        while not self._load.is_through:
            self._look()
            if time.monotonic() > deadline:
                raise ChaosFailedError(f"not produced: {self._load.said()}\n{self._fleet.said()}")

    def wait_for_answers(self) -> None:
        """Wait until every input is answered, and every journal and file has arrived."""
        self._wait_until_settled()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        # Who sleeps has answers to send when it wakes.
        while left := (
            [f"worker {member.port}" for member in self._fleet.members if member.wakes is not None]
            or under_way(self._brokers.address, self._firm.says)
        ):
            if time.monotonic() > deadline:
                raise ChaosFailedError(f"{len(left)} on their way: {'; '.join(left[:5])}")
            for _ in range(int(1 / _LOOK_SECONDS)):
                self._look()
        self._wait_until_settled()  # the answers, too

    def _wait_until_settled(self) -> None:
        last = ["nothing was said"]

        async def wait() -> None:
            positions = Positions(Broker(self._brokers.address), PARTITIONS, last.append)
            try:
                await positions.start()
                await positions.settled()
            finally:
                await positions.stop()

        waiting = threading.Thread(target=lambda: asyncio.run(wait()), daemon=True)
        waiting.start()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while waiting.is_alive():
            self._look()
            if time.monotonic() > deadline:
                raise ChaosFailedError(f"not settled: {last[-1]}\n{self._fleet.said()}")

    def _look(self) -> None:
        self._fleet.look()
        self._firm.look()
        if self._down is not None and time.monotonic() >= self._down[1]:
            self._start_node()
        time.sleep(_LOOK_SECONDS)

    def _do(self, fault: Fault) -> None:
        if fault.kind in KILLS:
            self._kill(fault)
            return
        match fault.kind:
            case "add":
                self._change(1)
            case "remove":
                self._change(-1)
            case "kill producer":
                self._load.kill()
            case "kill firm":
                self._firm.kill(self._rng.uniform(*_FIRM_IS_DOWN_SECONDS))
            case "node":
                self._kill_node(self._brokers.nodes[0], fault.kind)
            case "leader":
                self._kill_node(self._brokers.leader(self._rng), fault.kind)
            case _:
                self._kill_node(self._brokers.coordinator(self._rng), fault.kind)

    def _kill(self, fault: Fault) -> None:
        """Freeze a worker, see whether it has an open transaction, and let it happen.

        Frozen it can neither commit nor begin anything, so what the broker says is what the kill
        hits. Every other one waits for a moment in which it hits, and so does each until one has
        hit; the rest come when they come.
        """
        kills = sum(self._outcome.did[kind] for kind in KILLS) + 1
        member, work = self._some_member()
        aims = kills % 2 or not self._outcome.hits.total()
        aims_until = time.monotonic() + (_AIM_SECONDS if aims else 0.0)
        while True:
            while not self._fleet.freeze(member):
                self._look()
                member, work = self._some_member()
            hit = not work.tasks.isdisjoint(
                open_transactions(n.address for n in self._brokers.nodes)
            )
            if hit or time.monotonic() > aims_until:
                break
            self._fleet.thaw(member)
            self._look()
        self._outcome.did[fault.kind] += 1
        self._outcome.hits[fault.kind] += hit
        self._outcome.journal_hits += work.journals > 0
        self._outcome.file_hits += work.files > 0
        if fault.kind == "kill":
            self._fleet.kill(member)
        elif fault.kind == "pause":
            self._fleet.pause(member, self._rng.uniform(3.0, self._course.pause_max))
        else:
            self._fleet.terminate(member, was_up=True)
        self._tell(f"{kills:>4} {fault.kind}{', in a transaction' if hit else ''}")

    def _some_member(self) -> tuple[Member, Work]:
        """Return a worker that works, and on what.

        One that has committed nothing since it came has nothing to lose: without this, on a busy
        machine each would be killed before it begins.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            awake = self._fleet.awake()
            self._rng.shuffle(awake)
            for member in awake:
                work = member.works_on()
                if work.tasks:
                    return member, work
            self._look()
        raise ChaosFailedError(f"no worker runs\n{self._fleet.said()}")

    def _change(self, by: int) -> None:
        wanted = self._fleet.wanted + by
        if not _MEMBERS_MIN <= wanted <= _MEMBERS_MAX:
            by, wanted = -by, self._fleet.wanted - by
        self._fleet.wanted = wanted
        self._outcome.did["worker added" if by > 0 else "worker removed"] += 1
        if by < 0:
            self._fleet.terminate(self._some_member()[0], was_up=True)
        self._tell(f"     {wanted} workers")

    def _kill_node(self, node: LocalKafka, why: str) -> None:
        if self._down is not None:
            self._start_node()  # the last one is not back yet
        self._brokers.kill(node)
        self._fleet.broker_died = time.monotonic()
        self._down = (node, time.monotonic() + self._rng.uniform(*_NODE_IS_DOWN_SECONDS))
        self._outcome.did[f"{why} killed"] += 1
        self._tell(f"     {why} killed: node {node.node}")

    def _start_node(self) -> None:
        if self._down is not None:
            node, self._down = self._down[0], None
            node.launch()
            node.wait()
