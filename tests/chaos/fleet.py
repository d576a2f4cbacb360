"""The workers: started, killed, stopped, and started again as a supervisor does."""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import orjson

from scripts.local_kafka import free_port
from tests.integration.conftest import SETTLE
from topics.catalogue import APEX_GATEWAY, DELIVERY_TASK

# From SIGTERM to the end (issue: within ten), and what a busy machine may add to a process's end.
STOP_SECONDS = 10.0
_PAGE_SECONDS = 2.0
# From a broker's end until it serves again, on a busy machine.
_BROKER_IS_AWAY_SECONDS = 30.0
# A worker that is silent is missed after six.
_REPLACED_AFTER_SECONDS = (0.0, 7.0, 7.0, 9.0)


class Work(NamedTuple):
    """What a worker has under way, as it says itself."""

    # The transactional ids of what it owns and has committed for.
    tasks: set[str]
    # Journals that the firm has not answered, and files that are not put.
    journals: int
    files: int


NOTHING = Work(set(), 0, 0)


@dataclass(slots=True, eq=False)
class Member:
    """One worker process."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    # When a stopped one wakes up; None: it runs.
    wakes: float | None = None
    # When it was told to end; None: it was not. Only one that was up can end in order.
    told: float | None = None
    was_up: bool = True
    ended: float | None = None

    def works_on(self) -> Work:
        """Return what it says it has under way."""
        try:
            url = f"http://127.0.0.1:{self.port}/status"
            with urlopen(url, timeout=_PAGE_SECONDS) as page:
                status = orjson.loads(page.read())
        except (OSError, HTTPException, ValueError):
            return NOTHING
        tasks = status["tasks"]
        return Work(
            {
                f"{task}-{partition}"
                for task, partitions in tasks.items()
                for partition, shown in partitions.items()
                if shown["transactions"]
            },
            status.get(APEX_GATEWAY, {}).get("journals_unanswered", 0),
            sum(shown.get("files_waiting", 0) for shown in tasks[DELIVERY_TASK].values()),
        )


@dataclass(slots=True)
class Fleet:
    """All workers; `wanted` of them are awake, unless one waits to be replaced."""

    directory: Path
    environment: Mapping[str, str]
    rng: random.Random
    wanted: int = 3
    members: list[Member] = field(default_factory=list)
    started: int = 0
    # Why workers ended by themselves: the last line of each.
    ended: list[str] = field(default_factory=list)
    # How long clean stops took, and those that failed: exit status and last line.
    stops: list[float] = field(default_factory=list)
    bad_stops: list[str] = field(default_factory=list)
    # When a broker was killed last: who has to stop then can't do it in order.
    broker_died: float = 0.0
    _next_start: float = 0.0

    def start(self) -> None:
        """Start one more worker."""
        port = free_port()
        log = self.directory / f"worker-{self.started}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(SETTLE), "worker", "--no-clock", "--web-port", str(port)],
                env=dict(self.environment),
                stdout=output,
                stderr=output,
            )
        self.started += 1
        self.members.append(Member(process, port, log))

    def awake(self) -> list[Member]:
        """Return the workers that run and were not told to end."""
        return [
            m
            for m in self.members
            if m.wakes is None and m.told is None and m.process.poll() is None
        ]

    def kill(self, member: Member) -> None:
        """End one as a power cut does."""
        member.process.kill()
        member.process.wait()
        self.members.remove(member)
        self._replace_later()

    def freeze(self, member: Member) -> bool:
        """Stop it for the moment; False: it has ended by itself."""
        process = member.process
        if process.poll() is not None:
            return False
        os.kill(process.pid, signal.SIGSTOP)  # `send_signal` polls, and takes an end away
        # The signal is on its way: wait until the process has stopped, or ended by itself.
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        return process.poll() is None

    def pause(self, member: Member, seconds: float) -> None:
        """Let a frozen one sleep; another may take its place, and then there is one more."""
        member.wakes = time.monotonic() + seconds
        self._replace_later()

    def _replace_later(self) -> None:
        """Start the next one at once, or when the others have missed the last one and gone on.

        A member that comes while a dead one is not missed yet waits for that, and all wait with it.
        """
        self._next_start = time.monotonic() + self.rng.choice(_REPLACED_AFTER_SECONDS)

    def thaw(self, member: Member) -> None:
        """Let a stopped one go on."""
        member.wakes = None
        member.process.send_signal(signal.SIGCONT)

    def terminate(self, member: Member, *, was_up: bool) -> None:
        """Ask it to end: it finishes, commits and leaves."""
        member.was_up = was_up
        member.told = time.monotonic()
        member.process.send_signal(signal.SIGTERM)
        member.process.send_signal(signal.SIGCONT)
        threading.Thread(target=_note_time, args=(member,), daemon=True).start()

    def look(self) -> None:
        """Wake who has slept enough, note who has ended, start who is missing."""
        now = time.monotonic()
        for member in list(self.members):
            if member.wakes is not None and now >= member.wakes:
                self.thaw(member)
            if member.process.poll() is not None:
                self.members.remove(member)
                self._note_end(member, now)
        missing = self.wanted - sum(m.told is None and m.wakes is None for m in self.members)
        if missing > 0 and now >= self._next_start:
            self.start()

    def _note_end(self, member: Member, now: float) -> None:
        status = member.process.returncode
        said = member.log.read_text(errors="replace").strip().splitlines()
        last = f"exit {status}: {said[-1] if said else 'nothing was said'}"
        if member.told is None:
            self.ended.append(last)
            return
        if not member.was_up or self.broker_died > member.told - _BROKER_IS_AWAY_SECONDS:
            return
        self.stops.append((member.ended or now) - member.told)
        if status != 0:
            self.bad_stops.append(last)

    def stop(self) -> None:
        """Wake everybody and end them cleanly."""
        self.wanted = 0
        for member in self.members:
            if member.wakes is not None:
                self.thaw(member)
            if member.told is None:
                self.terminate(member, was_up=bool(member.works_on().tasks))
        deadline = time.monotonic() + 2 * STOP_SECONDS
        while self.members and time.monotonic() < deadline:
            self.look()
            time.sleep(0.02)

    def said(self) -> str:
        """Return the end of what each worker wrote."""
        logs = sorted(self.directory.glob("worker-*.log"))
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-300:]}" for log in logs)


def _note_time(member: Member) -> None:
    member.process.wait()
    member.ended = time.monotonic()
