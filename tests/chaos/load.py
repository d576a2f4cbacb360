"""The load: made-up days of all models and all kinds of events, produced at an even pace.

They begin on the last day of a month: windows of every kind close, nets are wired, and a share of
the revenue is stated. Until the first order `settle produce` waits for what its quotes cause; then
for nobody, as in life. Whoever produces is killed, too; run again it goes on where it was. All
lines are acknowledged once it has ended by itself.
"""

import datetime as dt
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path

import orjson

from replay.generate.day import write_generated_day
from replay.generate.options import DayOptions
from replay.generate.synthetic_market import synthetic_market
from replay.quotes import input_line
from schemas.instant import SECOND, Micros, time_text
from schemas.instrument import STALE_AFTER_MS_MAX
from settlement.calendar import chicago, civil_date
from tests.integration.conftest import SETTLE
from topics.catalogue import CLOCK, ORDERS

# Midnight in Chicago; a share is stated at 09:00 of the next day.
START: Micros = chicago(dt.date(2026, 3, 31), 0, 0)
HOUR_SECONDS = 3600
# A provider quotes about so often, at the pace of the day; its quote counts so long, which is
# longer than a partition of the market is away, also while the end of the day is hurried through.
_QUOTE_EVERY_SECONDS = 12.0
_QUOTE_COUNTS_SECONDS = 180.0
# It ends when Kafka takes nothing for a minute; then somebody looks and starts it again.
_PAUSE_SECONDS = 1.0
_HURRY = 4
# It is worth starting anew to produce so much slower than now.
_SLOWER = 0.8


class Load:
    """Some days, of `hours` in all, spread over `seconds`."""

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        seed: int,
        orders: int,
        hours: int,
        seconds: float,
    ) -> None:
        self.morning = directory / "morning.jsonl"
        self.day = directory / "day.jsonl"
        self.evening = directory / "evening.jsonl"
        self._day_seconds = hours * HOUR_SECONDS
        self._speed = self._planned = self._day_seconds / seconds
        market, whole = directory / "market.jsonl", directory / "whole.jsonl"
        quote_ms = int(_QUOTE_EVERY_SECONDS * 1000 * self._planned)
        accounts = max(60, orders // 25)
        options = DayOptions(
            seed, accounts, hours, orders, market, quote_interval_ms=quote_ms, start=START
        )
        counts_ms = int(_QUOTE_COUNTS_SECONDS * 1000 * self._planned)
        _write_market(options, market, min(counts_ms, STALE_AFTER_MS_MAX))
        self.kinds = Counter(write_generated_day(options, whole).lines_by_type)
        self.kills = 0
        self.failures = 0
        _split(whole, self.morning, self.day)
        _write_evening(options, self.evening)
        self._hurries = False
        # Of the day, in its own time: how far it has come at most, and since when it goes on.
        self._came = 0.0
        self._goes_since: float | None = None
        self._is_slowed = False
        self._environment = dict(environment)
        self._log = directory / "produce.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def files(self) -> list[Path]:
        """What is produced, file after file."""
        return [self.morning, self.day, self.evening]

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def kill(self) -> None:
        """Kill whoever produces."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGKILL)
            self.kills += 1

    def last_for(self, seconds: float) -> None:
        """Produce slower if what is left would be through much before so many seconds are over.

        On a busy machine faults wait longer for workers that work, and are to meet some work.
        """
        since, process = self._goes_since, self._process
        if since is None or process is None:
            return
        came = self._came + (time.monotonic() - since) * self._speed
        speed = max(1.0, (self._day_seconds - came) / seconds)
        if speed < _SLOWER * self._speed:
            self._is_slowed = True
            self._came, self._goes_since, self._speed = came, time.monotonic(), speed
            process.terminate()

    def hurry(self) -> None:
        """Produce what is left as one who has fallen behind."""
        self._hurries = True
        process = self._process
        if process is not None:
            process.terminate()

    @property
    def is_through(self) -> bool:
        """Whether every line is acknowledged."""
        return not self._thread.is_alive()

    def said(self) -> str:
        """Return the end of what whoever produces wrote."""
        return self._log.read_text(errors="replace")[-2000:]

    def _run(self) -> None:
        self._produce(self.morning)
        self._produce(self.day, paced=True)
        self._produce(self.evening)

    def _produce(self, path: Path, *, paced: bool = False) -> None:
        """Produce a file, however often it takes."""
        self._goes_since = time.monotonic() if paced else None
        with self._log.open("ab") as output:
            while True:
                pace = []
                if paced:
                    speed = self._planned * _HURRY if self._hurries else self._speed
                    pace = ["--speed", f"{speed:.3f}"]
                self._process = subprocess.Popen(
                    [str(SETTLE), "produce", str(path), *pace],
                    env=self._environment,
                    stdout=output,
                    stderr=output,
                )
                ended = self._process.wait()
                if ended == 0:
                    return
                if ended > 0 and not self._hurries and not self._is_slowed:
                    self.failures += 1
                self._is_slowed = False
                time.sleep(_PAUSE_SECONDS)


def _write_market(options: DayOptions, path: Path, stale_after_ms: int) -> None:
    """Write the synthetic market, of which quotes count as long as is told."""
    end = options.start + options.hours * HOUR_SECONDS * SECOND
    with path.open("wb") as file:
        for line in takewhile(lambda line: line.at < end, synthetic_market(options)):
            if line.quote is None:
                value = orjson.loads(line.line)["value"] | {"stale_after_ms": stale_after_ms}
                file.write(input_line(line.topic, value))
            else:
                file.write(line.line)


def _write_evening(options: DayOptions, path: Path) -> None:
    """Let time pass to 09:31 of the next day: retries ask again for what nobody has answered.

    The last net closes, too, so that each line is in one.
    """
    last = START + options.hours * HOUR_SECONDS * SECOND - 1
    at = time_text(chicago(civil_date(last) + dt.timedelta(days=1), 9, 31))
    value = {"type": "ClockTicked", "event_id": "evening", "event_time": at, "at": at}
    path.write_bytes(input_line(CLOCK, value))


def _split(whole: Path, morning: Path, day: Path) -> None:
    """Part a day where the first order comes: all that it needs is in the morning."""
    lines = whole.read_bytes().splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if f'"topic":"{ORDERS}"'.encode() in line)
    morning.write_bytes(b"".join(lines[:first]))
    day.write_bytes(b"".join(lines[first:]))
