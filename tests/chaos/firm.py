"""The clearing firm of a run: `settle apex-simulator` with every fault, killed and started again.

What it says of a journal follows from its seed and the `journal_id`, so one that was killed says
the same as before; and so can be counted what must have become of each.
"""

import subprocess
import time
from pathlib import Path
from typing import Any

from scripts.local_kafka import free_port
from scripts.simulated_firm import PATH, Faults, Firm, Journal
from tests.integration.conftest import SETTLE

# The unknown reason stays unanswered: it is dead-lettered, and asked for again at each retry.
FAULTS = Faults(
    rejections=((0.06, "INSUFFICIENT_FUNDS"), (0.03, "LIMIT_REVIEW"), (0.005, "TOO_LATE")),
    delay_ms=400,
    repeat=0.1,
    contradict=0.05,
    never=0.002,
    server_error=0.1,
    cut=0.1,
)
# What workers need to know of it. A journal that is never answered holds up its account so long.
TIMEOUT_MS = 2_000
GIVE_UP_MS = 20_000


class ClearingFirm:
    """One that runs, unless it was killed: then it comes back."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.port = free_port()
        self.kills = 0
        self._seed = seed
        self._log = directory / "firm.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._starts_at = 0.0

    @property
    def url(self) -> str:
        """Where it takes journals."""
        return f"http://127.0.0.1:{self.port}{PATH}"

    def start(self) -> None:
        """Start it in the background; until it listens, nobody is there."""
        faults = FAULTS
        options = [
            "--history",
            f"--port={self.port}",
            f"--seed={self._seed}",
            *(f"--reject={share}/{reason}" for share, reason in faults.rejections),
            f"--delay={faults.delay_ms}",
            f"--repeat={faults.repeat}",
            f"--contradict={faults.contradict}",
            f"--never={faults.never}",
            f"--5xx={faults.server_error}",
            f"--cut={faults.cut}",
        ]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(SETTLE), "apex-simulator", *options],
                stdout=output,
                stderr=output,
            )

    def kill(self, seconds: float = 0.0) -> None:
        """End it as a power cut does; it comes back after so long."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            self.kills += 1
        self._starts_at = time.monotonic() + seconds

    def look(self) -> None:
        """Start it again when it is time."""
        if self._process is None and time.monotonic() >= self._starts_at:
            self.start()

    def says(self, journal_id: str, amount: str) -> list[dict[str, Any]]:
        """Return what it says of a journal, whenever it is asked; nothing: it never answers."""
        faults = Faults(
            self._seed,
            FAULTS.rejections,
            FAULTS.delay_ms,
            FAULTS.repeat,
            FAULTS.contradict,
            FAULTS.never,
        )
        if faults.meets(faults.never, "never", journal_id):
            return []
        journal = Journal({"amount": amount}, 0.0, "2026-01-01T00:00:00Z")
        return Firm(faults, history=True).decide(journal_id, journal)
