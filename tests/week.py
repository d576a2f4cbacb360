"""`make week`: a week across a daylight-saving change, replayed, and settled live on a real Kafka.

    made(settle, directory, "--hours", "168")     # the week's inputs, and their replay beside them

Both ways must come to the same: every event with its id, in order per key, and every file.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

import typer

from agents.broker import Broker
from scripts.local_kafka import free_port
from tests.both_ways import Settled, differences, settled_in, settled_live
from tests.integration.conftest import PARTITIONS, SETTLE

WORKERS = 3
_DIFFERENCES_SHOWN = 10

Settle = Callable[..., object]


def made(settle: Settle, directory: Path, *options: str) -> list[str]:
    """Generate a history and replay it into `directory/replay`; return the history's files.

    The simulated clearing firm's answers are among them: live nobody else gives the same.
    """
    history, replay = directory / "history.jsonl", directory / "replay"
    settle("generate", *options, "--out", str(history))
    settle("replay", str(history), "--out", str(replay))
    return [str(history), str(replay / "inputs" / "apex-journal-results.jsonl")]


def spans(settled: Settled) -> Counter[str]:
    """Count the hours of the net settlements' windows, and executions by funding model."""
    counted: Counter[str] = Counter()
    for (topic, _), events in settled.events.items():
        for event in events:
            if topic == "executions":
                counted[event["funding_model"]] += 1
            elif event["type"] == "NetSettlement":
                begin, end = (event[name] for name in ("window_from", "window_to"))
                counted[f"windows from {begin[11:16]} to {end[11:16]} UTC"] += 1
    return counted


class _Run:
    """One run, and the commands of which it consists."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.workers: list[subprocess.Popen[bytes]] = []
        self.environment = os.environ | {
            "SETTLE_BROKERS": f"127.0.0.1:{self.port}",
            "SETTLE_PARTITIONS": str(PARTITIONS),
            "SETTLE_QUIET_COMMIT_MS": "10",
            "SETTLE_S3_URL": f"file:{directory / 's3'}",
        }

    def settle(self, *arguments: str) -> None:
        """Run a command to its end, and say which and how long it took; leave if it fails."""
        sys.stdout.write(f"\n$ settle {' '.join(arguments)}\n")
        sys.stdout.flush()
        started = time.monotonic()
        done = subprocess.run([str(SETTLE), *arguments], env=self.environment, check=False)
        sys.stdout.write(f"  {time.monotonic() - started:.0f} s\n")
        if done.returncode:
            sys.exit(done.returncode)

    def start_workers(self) -> None:
        sys.stdout.write(f"\n$ settle worker --no-clock    (each of {WORKERS})\n")
        for number in range(WORKERS):
            with (self.directory / f"worker-{number}.log").open("wb") as log:
                worker = [str(SETTLE), "worker", "--no-clock", "--web-port", "0"]
                self.workers.append(
                    subprocess.Popen(worker, env=self.environment, stdout=log, stderr=log)
                )

    def stop(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait()
        self.settle("kafka", "stop", "--dir", str(self.directory / "node"))


def week(  # noqa: PLR0917 - each is an option
    seed: Annotated[int, typer.Option(help="Same seed and options, same week.")] = 5,
    accounts: Annotated[int, typer.Option(min=1)] = 40,
    date: Annotated[str, typer.Option(help="The Chicago date it begins at.")] = "2026-03-02",
    hours: Annotated[int, typer.Option(min=1)] = 179,
    orders: Annotated[int, typer.Option(min=0)] = 400,
    quote_interval_ms: Annotated[int, typer.Option(min=1)] = 3_600_000,
    keep: Annotated[
        Path | None, typer.Option(help="Where it all stays. (default: a temporary folder)")
    ] = None,
) -> None:
    """Settle a made-up week of all funding models both ways; end with 1 at any difference.

    The default is a week and the morning behind it: clocks go forward on Sunday, 2026-03-08.

    Example: make week ARGS="--seed 7 --date 2026-10-28"
    """
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    # What was started is stopped then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    run = _Run(Path(mkdtemp(prefix="week-", dir=keep)))
    numbers = {
        "--seed": seed,
        "--accounts": accounts,
        "--date": date,
        "--hours": hours,
        "--orders": orders,
        "--quote-interval-ms": quote_interval_ms,
    }
    options = [str(part) for pair in numbers.items() for part in pair]
    inputs = made(run.settle, run.directory, *options)
    replay = run.directory / "replay"
    run.settle("verify", str(replay))
    run.settle("kafka", "start", "--port", str(run.port), "--dir", str(run.directory / "node"))
    try:
        run.settle("topics", "create")
        run.start_workers()
        run.settle("produce", *inputs, "--in-step")
        run.settle("verify")
        broker = Broker(f"127.0.0.1:{run.port}")
        live = settled_live(broker, PARTITIONS, run.directory / "s3")
    finally:
        run.stop()
    replayed = settled_in(replay)
    found = list(differences(live, replayed))
    for difference in found[:_DIFFERENCES_SHOWN]:
        sys.stdout.write(f"DIFFERENCE {difference}\n")
    sys.stdout.write("\nsettled live by three workers, beside its replay:\n")
    for name, count in sorted(spans(live).items()):
        sys.stdout.write(f"{count:>8,}  {name}\n")
    sys.stdout.write(
        f"{live.compared:>8,}  events, by topic and key, with their ids\n"
        f"{len(live.files):>8,}  files\n{len(found):>8,}  differences\n"
    )
    sys.exit(bool(found))


if __name__ == "__main__":
    typer.run(week)
