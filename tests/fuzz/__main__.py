"""`make fuzz`: random records of every kind into a real broker and through a replay."""

import shlex
import signal
import sys
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

import typer

from tests.fuzz.course import Course, run
from tests.fuzz.targets import FULL_RECORDS, failures, table

_COUNTS = Path(__file__).with_name("COUNTS.md")


def fuzz(
    seed: Annotated[int, typer.Option(help="Same seed, same records as far as answers agree.")] = 1,
    records: Annotated[int, typer.Option(min=5_000, help="How many are sent.")] = FULL_RECORDS,
    kills: Annotated[int, typer.Option(min=0, help="How often a worker is killed.")] = 10,
    keep: Annotated[
        Path | None, typer.Option(help="Where logs and topics stay. (default: temporary)")
    ] = None,
) -> None:
    """Send random records of every kind, kill workers, replay and verify, count what occurred.

    A full run writes the counts to tests/fuzz/COUNTS.md.

    Example: make fuzz ARGS="--seed 7 --records 100000 --kills 3"
    """
    # What was started is stopped then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = Path(mkdtemp(prefix="fuzz-", dir=keep))
    sys.stderr.write(f"seed {seed}, logs in {directory}\n")
    outcome = run(Course(seed, records, kills), directory, sys.stderr.write, time.time_ns() // 1000)
    arguments = shlex.join(
        f"--{k}={v}" for k, v in (("seed", seed), ("records", records), ("kills", kills))
    )
    counts = table(outcome, f'make fuzz ARGS="{arguments}"')
    sys.stdout.write(counts)
    failed = list(failures(outcome))
    if records >= FULL_RECORDS and not failed:
        _COUNTS.write_text(counts)
    for failure in failed:
        sys.stdout.write(f"FAILED: {failure}\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    typer.run(fuzz)
