"""One run: generate, kill workers, quarantine, drain, dump, replay, verify."""

import asyncio
import os
import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args
from urllib.error import HTTPError
from urllib.request import urlopen

from agents.broker import Broker
from agents.positions import Positions
from schemas.dead_letter import DeadLetterReason
from schemas.instant import MINUTE, Micros
from tests.chaos.brokers import Brokers
from tests.chaos.fleet import Fleet
from tests.fuzz.counted import Counted, count
from tests.fuzz.generator import PARTITIONS, RECORDS_PER_ROUND, Generator, span
from tests.fuzz.live import Live
from tests.fuzz.plain import History
from tests.fuzz.sent import Sent, Tag
from tests.integration.conftest import SETTLE

WORKERS = 2
# Of the kills so many end both workers, and one record is quarantined before they are back.
QUARANTINES = 3
QUARANTINED_TOPICS = ("orders", "fundings", "price-ticks")
# The tasks may be so many records behind: so many that they have enough to do while a worker is
# replaced, so few that a journal is answered and an order finds its quote.
BEHIND_MAX = 4_000
# Nothing was applied for so long: something stands still.
_PATIENCE_SECONDS = 180.0
_HEALTH_SECONDS = 5.0
# Workers that ended by themselves: with more of them the run comes to no end.
_ENDED_MAX = 5


@dataclass(frozen=True, slots=True)
class Course:
    """What to run."""

    seed: int
    records: int
    kills: int


@dataclass(slots=True)
class Outcome:
    """What happened; each line of `failures` is one thing that must not be."""

    course: Course
    counted: Counted = field(default_factory=Counted)
    codecs: dict[str, int] = field(default_factory=dict)
    kills: int = 0
    quarantined: int = 0
    history_lines: int = 0
    # Seconds that each part took.
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def run(course: Course, directory: Path, tell: Callable[[str], object], now: Micros) -> Outcome:
    """Carry a course out; `now` is the present, in microseconds since 1970."""
    outcome = Outcome(course)
    brokers = Brokers(directory, 1)
    environment = os.environ | {
        "SETTLE_BROKERS": brokers.address,
        "SETTLE_PARTITIONS": str(PARTITIONS),
        "SETTLE_REPLICATION": "1",
        "SETTLE_S3_URL": f"file:{directory / 's3'}",
        "SETTLE_TRACEBACK": "1",
    }
    fleet = Fleet(directory, environment, random.Random(f"fleet {course.seed}"), WORKERS)
    running = _Running(course, directory, environment, fleet, outcome, tell)
    try:
        brokers.start()
        running.settle("topics", "create")
        for _ in range(WORKERS):
            fleet.start()
        with running.timed("sent and applied"):
            tags = asyncio.run(running.generate(brokers.address, now))
        running.look_at_workers()
        fleet.stop()
        running.look_at_logs()
        running.audit()
        with running.timed("counted"):
            outcome.counted = count(directory / "dump.jsonl", tags)
    finally:
        for member in fleet.members:
            member.process.kill()
            member.process.wait()
        brokers.stop()
    return outcome


class _Timed:
    """Notes how long a part of a run took."""

    def __init__(self, seconds: dict[str, float], name: str) -> None:
        self._seconds, self._name = seconds, name

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._seconds[self._name] = time.monotonic() - self._began


class _Running:
    """A run under way."""

    def __init__(
        self,
        course: Course,
        directory: Path,
        environment: dict[str, str],
        fleet: Fleet,
        outcome: Outcome,
        tell: Callable[[str], object],
    ) -> None:
        self._course = course
        self._directory = directory
        self._environment = environment
        self._fleet = fleet
        self._outcome = outcome
        self._tell = tell
        # In a short run the tasks must not be days of event time behind.
        self._behind_max = min(BEHIND_MAX, max(2 * RECORDS_PER_ROUND, course.records // 20))
        self._rng = random.Random(f"course {course.seed}")

    def timed(self, name: str) -> _Timed:
        self._tell(f"{name} ...\n")
        return _Timed(self._outcome.seconds, name)

    def settle(self, *arguments: str) -> bool:
        """Run a command; whether it ended well. What it wrote otherwise is a failure."""
        done = subprocess.run(
            [str(SETTLE), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or "Traceback" in done.stderr:
            what = f"settle {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}"
            self._outcome.failures.append(what[-3000:])
        return not done.returncode

    async def generate(self, address: str, now: Micros) -> dict[tuple[str, int], list[Tag]]:
        """Send everything, while workers are killed, until all of it is applied."""
        records = self._course.records
        generator = Generator(self._course.seed, records, now - span(records) - 50 * MINUTE)
        live = Live(address, generator.world, self._course.seed)
        history = History(self._directory / "history.spool")
        kills = self._kill_points()
        await live.start()
        try:
            for sent in generator.rounds():
                opening = not live.sent
                quarantines = False
                if kills and live.sent >= kills[0][0]:
                    quarantines = kills.pop(0)[1]
                    self._kill(everybody=quarantines)
                await live.send(sent)
                if quarantines:
                    self._quarantine(sent, live)
                for record in sent:
                    history.add(record, now)
                if opening:  # a tick or order before its reference data would only be refused
                    await self._drain(address)
                await self._follow(live)
            await self._drain(address)
        finally:
            await live.stop()
        self._outcome.codecs = dict(live.codecs)
        with self.timed("history written"):
            path = self._directory / "history.jsonl"
            self._outcome.history_lines = history.write(path)
        return live.tags

    def _kill_points(self) -> list[tuple[int, bool]]:
        """Return after how many records a worker is killed, or all for a quarantine."""
        part = self._course.records / (self._course.kills + 1)
        points = [
            int(part * (number + self._rng.uniform(-0.3, 0.3)))
            for number in range(1, self._course.kills + 1)
        ]
        built = "QUARANTINED" in get_args(DeadLetterReason)
        quarantines = self._rng.sample(points, min(QUARANTINES, len(points))) if built else []
        return [(point, point in quarantines) for point in sorted(points)]

    def _kill(self, *, everybody: bool) -> None:
        awake = self._fleet.awake()
        for member in awake if everybody else awake[:1]:
            self._fleet.kill(member)
            self._outcome.kills += 1

    def _quarantine(self, records: list[Sent], live: Live) -> None:
        """Quarantine a record of the round that nobody can have applied yet."""
        topic = QUARANTINED_TOPICS[self._outcome.quarantined % len(QUARANTINED_TOPICS)]
        partition = next(record.partition for record in records if record.topic == topic)
        offset = len(live.tags[topic, partition]) - 1
        place = (topic, str(partition), str(offset))
        self._outcome.quarantined += self.settle("quarantine", *place, "--why", "fuzz")

    async def _follow(self, live: Live) -> None:
        """Wait until the tasks have come near enough."""
        await live.listen()
        self._fleet.look()
        if len(self._fleet.ended) > _ENDED_MAX:
            raise AssertionError(f"workers ended: {self._fleet.ended}")
        behind, since = live.behind, time.monotonic()
        while live.behind > self._behind_max:
            await live.listen()
            self._fleet.look()
            if live.behind < behind:
                behind, since = live.behind, time.monotonic()
            elif time.monotonic() - since > _PATIENCE_SECONDS:
                raise AssertionError(f"{behind} records behind\n{self._fleet.said()}")

    async def _drain(self, address: str) -> None:
        """Wait until everything is applied."""
        last = ["nothing was said"]
        positions = Positions(Broker(address), PARTITIONS, last.append)
        try:
            await positions.start()
            async with asyncio.timeout(3 * _PATIENCE_SECONDS):
                settled = asyncio.create_task(positions.settled())
                while not settled.done():
                    self._fleet.look()
                    await asyncio.sleep(0.2)
                await settled
        except TimeoutError:
            self._outcome.failures.append(f"not settled: {last[-1]}\n{self._fleet.said()}")
        finally:
            await positions.stop()

    def look_at_workers(self) -> None:
        """Note who is not healthy at the end."""
        for member in self._fleet.awake():
            try:
                url = f"http://127.0.0.1:{member.port}/health"
                with urlopen(url, timeout=_HEALTH_SECONDS):
                    pass
            except HTTPError as error:
                self._outcome.failures.append(f"health: {error.read().decode()}")

    def look_at_logs(self) -> None:
        """Note what no log may hold, and who ended by itself."""
        self._outcome.failures += [f"a worker ended: {ended}" for ended in self._fleet.ended]
        for log in sorted(self._directory.glob("worker-*.log")):
            text = log.read_text(errors="replace")
            for word in ("Traceback", " parked", "Unclosed", "never retrieved"):
                at = text.find(word)
                if at >= 0:
                    self._outcome.failures.append(
                        f"{log.name}: {text[max(0, at - 300) : at + 1500]}"
                    )

    def audit(self) -> None:
        """Dump, replay both ways, and verify all three."""
        dump, history = self._directory / "dump.jsonl", self._directory / "history.jsonl"
        recorded, plain = self._directory / "recorded", self._directory / "plain"
        for name, arguments in (
            ("settle verify", ("verify",)),
            ("settle dump", ("dump", "--out", str(dump))),
            (
                "settle replay --recorded",
                ("replay", "--recorded", str(dump), "--out", str(recorded)),
            ),
            ("settle verify of the recorded replay", ("verify", str(recorded))),
            ("settle replay", ("replay", str(history), "--out", str(plain))),
            (
                "settle verify of the replay",
                ("verify", str(plain), "--input", str(history)),
            ),
        ):
            with self.timed(name):
                self.settle(*arguments)
