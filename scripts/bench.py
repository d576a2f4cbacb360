"""`make bench`: how fast the decisions are, and what they cost in memory.

Each figure is measured several times in processes of their own, and the median printed. The machine
is told apart from the program by a floor that runs beside each figure: the same lines read and
written with orjson alone. A ratio to the floor holds on any machine, a figure a second does not.

    python -m scripts.bench                  all, about ten minutes on two cores
    python -m scripts.bench quotes orders    some
"""

import gc
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.resources import as_file, files
from pathlib import Path
from types import FrameType
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from replay.engine import History
from replay.generate.day import write_generated_day
from replay.generate.options import DayOptions
from replay.output import OutputFiles, ReplayDirectory, WrittenFile
from replay.quotes import import_quotes
from replay.read import InputFiles, read_inputs
from replay.spool import Spool
from replay.summary import Summary
from replay.usual import USUAL
from schemas.instant import DAY, micros, time_text
from schemas.window import WindowOpened
from scripts.replay import run_replay
from scripts.run_day import QUOTES, SYMBOLS
from settlement.customer_account import CustomerAccount, OpenCall
from settlement.reports.report import Report
from settlement.reports.rows import MemoryRows

RUNS = 5
# Real quotes are repeated so often, each time a day later.
QUOTE_DAYS = 16
ORDERS = 100_000
ORDER_ACCOUNTS = 1_000
CALLS = 1_000_000
CALL_ACCOUNTS = 10_000
IDLE_ACCOUNTS = 200_000
FLAT_EVENTS = (100_000, 5_000_000)
FLAT_SHORT_RUNS = 5
FLAT_MARK_EVERY = 100
EVENTS_PER_ORDER = 9
# Seconds of processor time; a kernel may take four times as long.
_SAMPLE_EVERY = 0.001
RETRY_AT = "2026-03-03T12:00:00.000000Z"


def main() -> None:
    """Run the benchmarks that are named, all without a name."""
    named = sys.argv[1:]
    if named[:1] == ["--measure"]:
        sys.stdout.write(orjson.dumps(_MEASURES[named[1]](Path(named[2]))).decode())
        return
    unknown = set(named) - _MEASURES.keys()
    if unknown:
        sys.stderr.write(f"bench: no {', '.join(unknown)}; there are {', '.join(_MEASURES)}\n")
        sys.exit(2)
    table = Table("figure", "median", "lowest", "highest", "floor", "ratio", box=None)
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as directory:
        for name in named or _MEASURES:
            runs = 1 if name in _ONCE else RUNS
            results = []
            for run in range(runs):
                sys.stderr.write(f"{name} {run + 1}/{runs}\n")
                results.append(_in_a_process(name, directory))
            for figure in results[0]["figures"]:
                values = sorted(result["figures"][figure] for result in results)
                floors = [result["floor"].get(figure) for result in results]
                median = statistics.median(values)
                floor = statistics.median(floors) if None not in floors else None
                table.add_row(
                    figure,
                    _shown(median),
                    _shown(values[0]),
                    _shown(values[-1]),
                    _shown(floor) if floor else "",
                    f"{floor / median:.1f}x" if floor else "",
                )
            notes += results[-1]["notes"]
    console = Console(file=sys.stdout, width=120)
    console.print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors\n")
    console.print(table)
    for note in notes:
        console.print(f"\n{note}")


def _in_a_process(name: str, directory: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "scripts.bench", "--measure", name, directory]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout  # noqa: S603 - ours
    result: dict[str, Any] = orjson.loads(printed)
    return result


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"  # noqa: PLR2004 - three digits


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _floor(path: Path) -> float:
    """Return the seconds that orjson alone needs to read and write a file's lines."""

    def work() -> None:
        with path.open("rb") as lines, path.with_suffix(".floor").open("wb") as out:
            for line in lines:
                out.write(orjson.dumps(orjson.loads(line)))

    return _timed(work)


def _result(
    figures: dict[str, float], floor: dict[str, float] | None = None, notes: list[str] | None = None
) -> dict[str, Any]:
    return {"figures": figures, "floor": floor or {}, "notes": notes or []}


# -- price ticks -> best quotes -----------------------------------------------------------------


def quotes(directory: Path) -> dict[str, Any]:
    """Real quotes, day after day: from JSON bytes to JSON bytes, and the decisions alone."""
    path = directory / "quotes.jsonl"
    if not path.exists():
        _repeat_quotes(directory, path)
    ticks = sum(1 for line in path.open("rb") if b"PriceTick" in line)
    started = time.process_time()
    seconds = _timed(lambda: run_replay([str(path)], directory / "quotes", None))
    processor_seconds = time.process_time() - started
    gc.disable()
    history = History(_Nowhere(), MemoryRows())
    lines = list(InputFiles([str(path)], usual=USUAL).lines())

    def decide() -> None:
        for line in lines:
            history.apply(line)

    decided = _timed(decide)
    figure = "ticks/s -> best quotes, JSON bytes to JSON bytes"
    return _result(
        {
            figure: ticks / seconds,
            # What a machine that others use too would do with the program alone.
            "ticks per second of processor time": ticks / processor_seconds,
            "ticks/s -> best quotes, decisions alone": ticks / decided,
        },
        {figure: ticks / _floor(path)},
    )


class _Nowhere:
    """A destination that forgets."""

    def event(self, topic: str, event: object) -> None:
        """Forget an event."""

    def report(self, report: Report) -> WrittenFile:
        """No file is expected where there is no client."""
        raise AssertionError(report)


def _repeat_quotes(directory: Path, path: Path) -> None:
    day = directory / "one-day.jsonl"
    with as_file(files("replay").joinpath("data", QUOTES)) as source:
        import_quotes(source, day, SYMBOLS)
    lines = [orjson.loads(line) for line in day.open("rb")]
    with path.open("wb") as out:
        for repeat in range(QUOTE_DAYS):
            for line in lines:
                value = dict(line["value"])
                value["event_time"] = time_text(micros(value["event_time"]) + repeat * DAY)
                out.write(orjson.dumps({"topic": line["topic"], "value": value}) + b"\n")


# -- the full path of an order ------------------------------------------------------------------


def orders(directory: Path) -> dict[str, Any]:
    """Order -> execution -> cash call -> journal -> balance, from JSON bytes to JSON bytes."""
    path = _orders_file(directory, ORDERS)
    summary: list[Summary] = []
    seconds = _timed(lambda: summary.append(run_replay([str(path)], directory / "orders", None)))
    kinds = Counter(
        b'"type":"OrderSubmitted"' in line
        for line in path.open("rb")
        if b'"topic":"orders"' in line
    )
    submitted = kinds[True]
    executed = summary[0].orders_executed
    resting = _filled_by_a_quote(directory / "orders" / "topics" / "order-updates.jsonl")
    figure = "orders/s, JSON bytes to JSON bytes"
    events = summary[0].inputs.total() + sum(kinds.total() for kinds in summary[0].emitted.values())
    note = (
        f"{submitted:,} orders of {ORDER_ACCOUNTS:,} accounts, {executed / submitted:.0%} executed,"
        f" {resting / submitted:.0%} as resting orders by a later quote;"
        f" {summary[0].inputs.total():,} inputs in all."
    )
    return _result(
        {figure: submitted / seconds, "events/s of the same, in and out": events / seconds},
        {figure: submitted / _floor(path)},
        [note],
    )


def _orders_file(directory: Path, wanted: int) -> Path:
    path = directory / f"orders-{wanted}.jsonl"
    if not path.exists():
        # Marketplace only: the same bytes, and so the same work, as in earlier versions.
        options = DayOptions(
            1,
            ORDER_ACCOUNTS,
            hours=10,
            orders=wanted,
            quote_interval_ms=120_000,
            models=("MARKETPLACE",),
        )
        write_generated_day(options, path)
    return path


def _filled_by_a_quote(path: Path) -> int:
    """Count the orders whose first fill came with a later quote, not with their own input."""
    filled = set()
    for line in path.open("rb"):
        event = orjson.loads(line)
        symbol, _, sequence = event["cause_id"].rpartition("-")
        if event["type"] == "OrderFilled" and sequence.isdigit() and symbol.endswith("USD"):
            filled.add((event["account_id"], event["client_order_id"]))
    return len(filled)


def profile(directory: Path) -> dict[str, Any]:
    """Say where the time of the orders goes, by file.

    Processor time is sampled: a profiler that hooks into every call makes small ones look slow.
    """
    path = _orders_file(directory, ORDERS)
    by_file: Counter[str] = Counter()

    def sample(_number: int, frame: FrameType | None) -> None:
        if frame is not None:
            where = Path(frame.f_code.co_filename)
            by_file[f"{where.parent.name}/{where.name}"] += 1

    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, _SAMPLE_EVERY, _SAMPLE_EVERY)
    run_replay([str(path)], directory / "profile", None, processes=1)
    signal.setitimer(signal.ITIMER_PROF, 0)
    total = by_file.total()
    top = "\n".join(f"  {own / total:6.1%}  {name}" for name, own in by_file.most_common(20))
    title = f"Where the time of the orders goes, C calls at their callers ({total:,} samples)"
    return _result({}, notes=[f"{title}:\n{top}"])


# -- a retry over a million calls ---------------------------------------------------------------


def retry(directory: Path) -> dict[str, Any]:
    """One RETRY over a million open calls, of which half settle, all events written."""
    gc.disable()
    summary = Summary()
    with (
        ReplayDirectory(directory / "retry") as replay,
        OutputFiles(replay.aside, summary) as out,
        closing(Spool(str(replay.aside))) as spool,
    ):
        history = History(out, spool, summary)
        before = _resident()
        for account in _accounts(CALL_ACCOUNTS):
            history.settlement.accounts[account.account_id] = account
        with_accounts = _resident()
        for account in history.settlement.accounts.values():
            _open_calls(account, CALLS // CALL_ACCOUNTS)
            history.settlement.with_open_calls.add(account.account_id)
        with_calls = _resident()
        opened: WindowOpened = {
            "type": "WindowOpened",
            "event_id": "0" * 32,
            "event_time": RETRY_AT,
            "cause_id": f"RETRY@{RETRY_AT}",
            "window": "RETRY",
            "scheduled_at": RETRY_AT,
        }

        def sweep() -> None:
            history.opened(opened)
            out.finish()

        seconds = _timed(sweep)
    settled = summary.of("cash-calls", "CashCallSettled")
    failed = summary.of("cash-calls", "CashCallFailed")
    return _result(
        {
            "seconds for a RETRY over 1,000,000 open calls": seconds,
            "bytes per account of 100 calls, without them": (with_accounts - before)
            / CALL_ACCOUNTS,
            "bytes per open call": (with_calls - with_accounts) / CALLS,
        },
        notes=[f"The RETRY settled {settled:,} calls and failed {failed:,}."],
    )


def _accounts(count: int) -> Iterator[CustomerAccount]:
    for number in range(count):
        yield CustomerAccount(f"ACME{number:04d}", "ACME")


def _open_calls(account: CustomerAccount, count: int) -> None:
    at = micros("2026-03-02T18:00:00Z")
    for number in range(count):
        call = OpenCall(
            f"{account.account_id}-order{number:04d}-1",
            "BTCUSD",
            "BUY",
            10_000 + number,
            at,
            "2026-03-02",
        )
        call.attempts = 1
        call.first_failed_at = at
        call.last_reason = "INSUFFICIENT_FUNDS"
        account.open(call)
        account.owed -= call.amount
        if number < count // 2:
            account.cash += call.amount


def _resident() -> int:
    with Path("/proc/self/statm").open() as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def idle(directory: Path) -> dict[str, Any]:
    """Bytes per account that is known and does nothing, over all stages."""
    path = directory / "idle.jsonl"
    with path.open("wb") as out:
        for number in range(IDLE_ACCOUNTS):
            value = {
                "type": "AccountUpdated",
                "event_id": f"a{number}",
                "event_time": "2026-03-02T12:00:00Z",
                "account_id": f"A{number:07d}",
                "client": "ACME",
                "funding_model": "MARKETPLACE",
                "mode": "OPEN",
                "jurisdiction": "OPEN",
            }
            out.write(orjson.dumps({"topic": "accounts", "value": value}) + b"\n")
    history = History(_Nowhere(), MemoryRows())
    before = _resident()
    # All are of one instant: they are sorted together, so take them from the reader first.
    lines = list(read_inputs([str(path)]))
    with_lines = _resident()
    for line in lines:
        history.apply(line)
    return _result({"bytes per idle account": (_resident() - with_lines) / IDLE_ACCOUNTS}) | {
        "notes": [f"(the lines themselves took {(with_lines - before) // 2**20} MiB meanwhile)"]
    }


# -- flat ---------------------------------------------------------------------------------------


def flat(directory: Path) -> dict[str, Any]:
    """Does an event of a long day cost more than one of a short day, over all or at its end?

    Two days of the same making are compared, not two parts of one: over a day the mix of events
    changes, and with it what the average one costs.
    """
    short = [_cost_per_event(directory, FLAT_EVENTS[0]) for _ in range(FLAT_SHORT_RUNS)]
    long = _cost_per_event(directory, FLAT_EVENTS[1])
    figures = {}
    for number, where in enumerate(("all of it", "its last tenth")):
        few = statistics.median(cost[number] for cost in short)
        figures[f"us per event, a day of {FLAT_EVENTS[0]:,} events, {where}"] = few
        figures[f"us per event, a day of {FLAT_EVENTS[1]:,} events, {where}"] = long[number]
    return _result(figures, notes=["Flatness is measured in processor time, inputs and outputs."])


def _cost_per_event(directory: Path, events: int) -> tuple[float, float]:
    """Replay a day; return processor microseconds per event: over all of it, in its last tenth."""
    path = _orders_file(directory, events // EVENTS_PER_ORDER)
    gc.disable()
    summary = Summary()
    marks: list[tuple[int, float]] = []
    with (
        ReplayDirectory(directory / "flat") as replay,
        OutputFiles(replay.aside, summary) as out,
        closing(Spool(str(replay.aside))) as spool,
    ):
        history = History(out, spool, summary)
        started = time.process_time()
        files = InputFiles([str(path)], usual=USUAL)
        for number, line in enumerate(files.lines()):
            history.apply(line)
            if not number % FLAT_MARK_EVERY:
                marks.append((out.events + summary.inputs.total(), time.process_time() - started))
        out.finish()
        marks.append((out.events + summary.inputs.total(), time.process_time() - started))
    done, seconds = marks[-1]
    before, seconds_before = max(mark for mark in marks if mark[0] <= done * 0.9)
    return seconds / done * 1e6, (seconds - seconds_before) / (done - before) * 1e6


_MEASURES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "quotes": quotes,
    "orders": orders,
    "profile": profile,
    "retry": retry,
    "idle": idle,
    "flat": flat,
}
_ONCE = {"profile", "idle", "flat"}

if __name__ == "__main__":
    main()
