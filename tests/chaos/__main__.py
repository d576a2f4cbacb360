"""`make chaos`: everything is killed while a day is produced; then it is counted."""

import signal
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

import typer
from rich.console import Console

from tests.chaos.course import ChaosFailedError, Course, run
from tests.chaos.figures import failures, table


def chaos(
    seed: Annotated[int, typer.Option(help="Same seed, same day and same plan.")] = 1,
    kills: Annotated[int, typer.Option(min=1, help="Faults of workers.")] = 100,
    nodes: Annotated[
        list[int] | None, typer.Option(help="Brokers; repeatable. (default: 1, then 3)")
    ] = None,
    gap: Annotated[float, typer.Option(min=1.0, help="Seconds between kills, on average.")] = 12.0,
    hours: Annotated[int, typer.Option(min=34, help="How long the days produced are.")] = 120,
    keep: Annotated[
        Path | None, typer.Option(help="Where the logs and topics stay. (default: temporary)")
    ] = None,
) -> None:
    """Kill workers, brokers and producers while a day is produced; count what is lost or doubled.

    Example: make chaos ARGS="--seed 7 --kills 100"
    """
    # What was started is stopped then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    console = Console(file=sys.stdout)
    failed = False
    for number in nodes or [1, 3]:
        course = Course(seed, kills, number, gap, hours=hours)
        directory = Path(mkdtemp(prefix="chaos-", dir=keep))
        sys.stderr.write(f"seed {seed}, {number} nodes, logs in {directory}\n")
        try:
            outcome = run(course, directory, _tell)
        except ChaosFailedError as error:
            sys.stderr.write(f"chaos: {error}\n")
            sys.exit(1)
        console.print(table(outcome))
        for ended in outcome.ended:
            console.print(f"  ended: {ended}", markup=False, soft_wrap=True)
        console.print()
        for failure in failures(outcome):
            failed = True
            console.print(f"FAILED: {failure}", markup=False, soft_wrap=True)
    sys.exit(failed)


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    typer.run(chaos)
