"""The load: a made-up day of all kinds of events, produced by `settle produce` at an even pace.

Until the first order it waits for what its quotes cause; then for nobody, as in life. Whoever
produces is killed, too; run again it goes on where it was. All lines are acknowledged once it has
ended by itself.
"""

import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from replay.generate.day import write_generated_day
from replay.generate.options import DayOptions
from tests.integration.conftest import SETTLE
from topics.catalogue import ORDERS

HOURS = 24
DAY_SECONDS = HOURS * 3600
# A provider quotes about so often, at the pace of the day; its quote counts five times as long,
# which is longer than a partition of the market is away.
_QUOTE_EVERY_SECONDS = 12.0
# It ends when Kafka takes nothing for a minute; then somebody looks and starts it again.
_PAUSE_SECONDS = 1.0
_HURRY = 4


class Load:
    """One day, spread over `seconds`."""

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        seed: int,
        orders: int,
        seconds: float,
    ) -> None:
        self.morning = directory / "morning.jsonl"
        self.day = directory / "day.jsonl"
        whole = directory / "whole.jsonl"
        options = DayOptions(
            seed,
            max(20, orders // 25),
            HOURS,
            orders,
            quote_interval_ms=int(_QUOTE_EVERY_SECONDS * 1000 * DAY_SECONDS / seconds),
        )
        self.kinds = Counter(write_generated_day(options, whole).lines_by_type)
        self.kills = 0
        self.failures = 0
        _split(whole, self.morning, self.day)
        self._seconds = seconds
        self._hurries = False
        self._environment = dict(environment)
        self._log = directory / "produce.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def kill(self) -> None:
        """Kill whoever produces."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGKILL)
            self.kills += 1

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

    def _run(self) -> None:
        self._produce(str(self.morning))
        self._produce(str(self.day), speed=DAY_SECONDS / self._seconds)

    def _produce(self, path: str, speed: float | None = None) -> None:
        """Produce a file, however often it takes."""
        with self._log.open("ab") as output:
            while True:
                pace = []
                if speed is not None:
                    pace = ["--speed", str(speed * _HURRY if self._hurries else speed)]
                self._process = subprocess.Popen(
                    [str(SETTLE), "produce", path, *pace],
                    env=self._environment,
                    stdout=output,
                    stderr=output,
                )
                ended = self._process.wait()
                if ended == 0:
                    return
                if ended > 0 and not self._hurries:
                    self.failures += 1
                time.sleep(_PAUSE_SECONDS)


def _split(whole: Path, morning: Path, day: Path) -> None:
    """Part a day where the first order comes: all that it needs is in the morning."""
    lines = whole.read_bytes().splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if f'"topic":"{ORDERS}"'.encode() in line)
    morning.write_bytes(b"".join(lines[:first]))
    day.write_bytes(b"".join(lines[first:]))
