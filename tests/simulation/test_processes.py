"""A replay in three processes: the same bytes as in one, and one clear line when it can't be."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from audit.directory import audit_directory
from schemas.instant import micros
from scripts.replay import run_replay
from tests.replay_server import ReplayServer, replay_server
from tests.simulation.test_replay_command import (
    LAUNCH,
    environment,
    failed_with_one_line,
    settle,
    tree,
)

SETTLE = Path(sys.executable).parent / "settle"
GOLDEN = Path(__file__).parents[1] / "golden"
SECONDS_MAX = 60
DAY = "2026-03-03T"
Told = tuple[str, str, dict[str, Any]]  # topic, time, what it says

# -- telling a history -----------------------------------------------------------------------------


def told(topic: str, at: str, kind: str, **fields: object) -> Told:
    return (topic, f"{DAY}{at}Z", {"type": kind, **fields})


REFERENCE = [
    told(
        "clients",
        "08:00:00",
        "ClientUpdated",
        client="ACME",
        commission_model="MARKUP",
        markup_bps="25",
    ),
    told(
        "instruments",
        "08:00:00",
        "InstrumentUpdated",
        symbol="BTCUSD",
        base="BTC",
        minimum_price_increment="0.01",
        minimum_quantity_increment="0.0001",
        stale_after_ms=3_600_000,
    ),
    *(
        told(
            "accounts",
            "08:00:00",
            "AccountUpdated",
            account_id=account_id,
            client="ACME",
            funding_model=model,
        )
        for account_id, model in (("ACME0001", "MARKETPLACE"), ("ACME0002", "APEX_CLEARING"))
    ),
]


def tick(at: str, bid: str = "100.00", ask: str = "100.10") -> Told:
    sizes = {"bid_size": "5", "ask_size": "5"}
    prices = {"bid_price": bid, "ask_price": ask}
    return told("price-ticks", at, "PriceTick", provider="p", symbol="BTCUSD", **prices, **sizes)


def buy(at: str, order_id: str, account_id: str = "ACME0001", **fields: object) -> Told:
    terms = {"order_type": "MARKET", "time_in_force": "IOC", "notional": "25.00"} | fields
    ids = {"account_id": account_id, "client_order_id": order_id}
    return told("orders", at, "OrderSubmitted", symbol="BTCUSD", side="BUY", **ids, **terms)


def rest(at: str, order_id: str, until: str, account_id: str = "ACME0001") -> Told:
    """Tell of an order that rests below the market until its time is over."""
    terms = {"order_type": "LIMIT", "time_in_force": "GTD", "limit_price": "95.00"}
    return buy(at, order_id, account_id, expire_time=f"{DAY}{until}Z", **terms)


def deposit(at: str, funding_id: str, account_id: str = "ACME0001") -> Told:
    ids = {"account_id": account_id, "funding_id": funding_id, "amount": "1000.00"}
    return told("fundings", at, "DepositSettled", **ids)


def stranger(at: str) -> Told:
    """Tell of a deposit that settlement refuses."""
    return deposit(at, "D9", "ACME9999")


def dirty(at: str) -> Told:
    """Tell of a tick that the market refuses."""
    return tick(at, bid="100.20")


def unread(at: str) -> Told:
    """Tell of an input that nobody can read."""
    return told("orders", at, "OrderVanished")


def lines(events: list[Told]) -> bytes:
    written = [
        {"topic": topic, "value": {"event_id": f"in-{number}", "event_time": at} | fields}
        for number, (topic, at, fields) in enumerate(events)
    ]
    return b"".join(orjson.dumps(line) + b"\n" for line in written)


# RETRY opens at 12:00:00Z and 23:00:00Z that day; the firm answers two seconds after a request.
HISTORIES: dict[str, list[Told]] = {
    "no input": [],
    "only reference data": REFERENCE,
    "nothing that is acted on": [stranger("08:00:00"), dirty("08:00:01"), unread("08:00:02")],
    "time begins with a funding": [*REFERENCE, deposit("11:59:59", "D1"), tick("12:00:01")],
    "time begins with one that is refused": [
        *REFERENCE,
        stranger("09:00:00"),
        dirty("13:00:00"),
        tick("13:00:01"),
    ],
    "a window before an input that only settlement refuses": [
        *REFERENCE,
        tick("11:59:00"),
        buy("11:59:01", "o1"),
        stranger("12:00:01"),
        stranger("12:00:02"),
        tick("12:00:03"),
        stranger("12:00:04"),
    ],
    "a window before one that is acted on": [
        *REFERENCE,
        tick("11:59:00"),
        buy("11:59:01", "o1"),
        deposit("12:00:00", "D1"),
        buy("12:00:01", "o2"),
    ],
    "a window before inputs that are refused, at the end": [
        *REFERENCE,
        tick("11:59:00"),
        buy("11:59:01", "o1"),
        dirty("12:00:01"),
        unread("12:00:02"),
        stranger("12:00:03"),
    ],
    "an expiry before a funding": [
        *REFERENCE,
        tick("09:00:00"),
        rest("09:00:01", "o1", "09:00:05"),
        deposit("09:00:05", "D1"),
        rest("09:00:06", "o2", "09:00:07"),
        stranger("09:00:08"),
        buy("09:00:09", "o3"),
    ],
    "the firm's answer between a window and an input that is refused": [
        *REFERENCE,
        tick("11:59:00"),
        buy("11:59:58.500000", "o1", "ACME0002"),
        dirty("12:00:01"),
        stranger("12:00:02"),
    ],
    "the firm's answer between a window and a funding that is refused": [
        *REFERENCE,
        tick("11:59:00"),
        buy("11:59:58.500000", "o1", "ACME0002"),
        stranger("12:00:01"),
    ],
    "the firm's answer at the very time of an order and of a tick": [
        *REFERENCE,
        tick("09:00:00"),
        buy("09:00:01", "o1", "ACME0002"),
        tick("09:00:03", "100.01", "100.11"),
        buy("09:00:03", "o2", "ACME0002"),
    ],
    "the firm's answer at the very time of a fill by a tick, and of a funding": [
        *REFERENCE,
        tick("09:00:00"),
        rest("09:00:00.500000", "o0", "10:00:00", "ACME0002"),
        buy("09:00:01", "o1", "ACME0002"),
        tick("09:00:03", "93.00", "94.00"),
        dirty("09:00:03"),
        deposit("09:00:03", "D1"),
    ],
    "the firm's answer at the very time of a window": [
        *REFERENCE,
        tick("11:59:00"),
        buy("11:59:58", "o1", "ACME0002"),
        tick("12:00:00"),
    ],
    "the firm's answer before an account that changes its model": [
        *REFERENCE,
        tick("09:00:00"),
        buy("09:00:01", "o1", "ACME0002"),
        told(
            "accounts",
            "09:00:05",
            "AccountUpdated",
            account_id="ACME0001",
            client="ACME",
            funding_model="APEX_CLEARING",
        ),
    ],
    "the firm's answer before the last input, which is refused": [
        *REFERENCE,
        tick("09:00:00"),
        buy("09:00:01", "o1", "ACME0002"),
        dirty("09:00:04"),
        unread("09:00:05"),
    ],
    "the firm's answer behind the last input that moves time": [
        *REFERENCE,
        tick("09:00:00"),
        buy("09:00:01", "o1", "ACME0002"),
        unread("09:00:04"),
    ],
    "seven hundred orders, so that messages travel in several blocks": [
        *REFERENCE,
        tick("09:00:00"),
        deposit("09:00:01", "D1"),
        *(buy(f"10:{number // 60:02d}:{number % 60:02d}", f"o{number}") for number in range(700)),
    ],
}


# When windows opened, and the time T of dead letters.
TIMES: dict[str, tuple[list[str], list[str]]] = {
    "nothing that is acted on": ([], ["08:00:00", "08:00:01", "08:00:01"]),
    "time begins with a funding": (["12:00:00"], []),
    "time begins with one that is refused": (["12:00:00"], ["09:00:00", "13:00:00"]),
    "a window before an input that only settlement refuses": (
        ["12:00:00"],
        ["12:00:01", "12:00:02", "12:00:04"],
    ),
    "a window before inputs that are refused, at the end": (
        ["12:00:00"],
        ["12:00:01", "12:00:01", "12:00:03"],
    ),
    "an expiry before a funding": ([], ["09:00:08"]),
    "the firm's answer between a window and an input that is refused": (
        ["12:00:00"],
        ["12:00:01", "12:00:02"],
    ),
    "the firm's answer between a window and a funding that is refused": (
        ["12:00:00"],
        ["12:00:01"],
    ),
    "the firm's answer at the very time of a window": (["12:00:00"], []),
    "the firm's answer before the last input, which is refused": ([], ["09:00:04", "09:00:04"]),
    "the firm's answer behind the last input that moves time": ([], ["09:00:01"]),
}


@pytest.mark.parametrize("name", TIMES)
def test_windows_and_time(tmp_path: Path, name: str) -> None:
    """All but `unread`, which is refused for its form, moves time (section 1)."""
    (tmp_path / "day.jsonl").write_bytes(lines(HISTORIES[name]))
    run_replay([str(tmp_path / "day.jsonl")], tmp_path / "out", None, processes=1)
    found: dict[str, list[int]] = {"WindowOpened": [], "DeadLetter": []}
    for topic in ("executions", "dead-letters"):
        for text in (tmp_path / "out" / "topics" / f"{topic}.jsonl").read_bytes().splitlines():
            event = orjson.loads(text)
            found.setdefault(event["type"], []).append(micros(event["event_time"]))
    windows, letters = (
        [micros(f"{at if 'T' in at else DAY + at}Z") for at in times] for times in TIMES[name]
    )
    assert found["WindowOpened"] == windows
    assert found["DeadLetter"] == letters


def test_an_answer_at_the_very_time_of_an_order_comes_before_it(tmp_path: Path) -> None:
    """By the order of their topics (section 4)."""
    name = "the firm's answer at the very time of an order and of a tick"
    (tmp_path / "day.jsonl").write_bytes(lines(HISTORIES[name]))
    run_replay([str(tmp_path / "day.jsonl")], tmp_path / "out", None, processes=1)
    calls = (tmp_path / "out" / "topics" / "cash-calls.jsonl").read_bytes().splitlines()
    kinds = [(orjson.loads(text)["type"], orjson.loads(text)["execution_id"][9:]) for text in calls]
    # The last answer comes two seconds after the last input, so it is not given.
    assert kinds == [
        ("CashCallRequested", "o1-1"),
        ("CashCallSettled", "o1-1"),
        ("CashCallRequested", "o2-1"),
    ]


@pytest.mark.parametrize("name", HISTORIES)
def test_the_audit_finds_nothing_wrong(tmp_path: Path, name: str) -> None:
    """It puts inputs and answers in their order by itself."""
    path = tmp_path / "day.jsonl"
    path.write_bytes(lines(HISTORIES[name]))
    run_replay([str(path)], tmp_path / "out", None, processes=1)
    assert dict(audit_directory(tmp_path / "out"))


def test_an_answer_at_the_very_time_of_a_funding_comes_before_it(tmp_path: Path) -> None:
    """As above: the journal has the call that the firm paid before the deposit."""
    history = [
        *REFERENCE,
        tick("09:00:00"),
        buy("09:00:01", "o1", "ACME0002"),
        deposit("09:00:03", "D1"),
    ]
    (tmp_path / "day.jsonl").write_bytes(lines(history))
    run_replay([str(tmp_path / "day.jsonl")], tmp_path / "out", None, processes=1)
    journal = (tmp_path / "out" / "topics" / "journal.jsonl").read_bytes().splitlines()
    accounts = [orjson.loads(text)["account_id"] for text in journal]
    # The execution, its call that settles, the deposit.
    assert accounts == ["ACME0002", "ACME0002", "ACME0001"]


@pytest.fixture(scope="module")
def server() -> Iterator[ReplayServer]:
    with replay_server() as asked:
        yield asked


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("until", [None, "12:00:00", "12:00:02", "23:30:00"])
def test_three_processes_write_what_one_writes(
    server: ReplayServer, tmp_path: Path, name: str, until: str | None
) -> None:
    path = tmp_path / "day.jsonl"
    path.write_bytes(lines(HISTORIES[name]))
    at = None if until is None else micros(f"{DAY}{until}Z")
    assert server.differences(path, until=at) == []


def test_golden_days(server: ReplayServer) -> None:
    """Among them one of all funding models."""
    for day in (GOLDEN / "day.jsonl", *sorted(GOLDEN.glob("*/day.jsonl"))):
        assert server.differences(day) == []


@pytest.mark.parametrize("form", ["spaced", "in-three-files", "gzip"])
def test_whatever_form_the_input_has(server: ReplayServer, tmp_path: Path, form: str) -> None:
    texts = (GOLDEN / "day.jsonl").read_bytes().splitlines(keepends=True)
    paths = [tmp_path / str(number) for number in range(3 if form == "in-three-files" else 1)]
    if form == "spaced":
        texts = [json.dumps(orjson.loads(text)).encode() + b"\n" for text in texts]
    for number, path in enumerate(paths):
        content = b"".join(texts[number :: len(paths)])
        path.write_bytes(gzip.compress(content) if form == "gzip" else content)
    assert server.differences(*paths) == []


@pytest.mark.parametrize("until", [None, "11:59:30"], ids=["met", "behind what is asked for"])
def test_a_line_that_can_t_be_read(server: ReplayServer, tmp_path: Path, until: str | None) -> None:
    history = HISTORIES["a window before one that is acted on"]
    path = tmp_path / "day.jsonl"
    path.write_bytes(lines(history) + b"no line\n")
    at = None if until is None else micros(f"{DAY}{until}Z")
    assert server.differences(path, until=at) == []


# -- what ends one ends all ------------------------------------------------------------------------


def replay(folder: Path, file_bytes_max: str = "-1") -> subprocess.Popen[bytes]:
    """Start a replay in three processes, in a group of its own as a terminal makes it."""
    command = ["replay", "long.jsonl", "--out", "out", "--processes", "3"]
    return subprocess.Popen(
        [sys.executable, "-c", LAUNCH, file_bytes_max, str(SETTLE), *command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a history that takes some seconds."""
    path = tmp_path_factory.mktemp("long") / "long.jsonl"
    deposits = [
        deposit(f"{9 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}", f"D{number}")
        for number in range(60_000)
        for second in [number // 10]
    ]
    path.write_bytes(lines([*REFERENCE, *deposits]))
    return path


@pytest.fixture
def folder(tmp_path: Path, long: Path) -> Path:
    (tmp_path / "long.jsonl").symlink_to(long)
    return tmp_path


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def in_mid_run(running: subprocess.Popen[bytes], folder: Path) -> list[int]:
    """Wait until the back office writes; return the other two: the reader, the back office."""
    give_up = time.monotonic() + SECONDS_MAX
    while not any(path.stat().st_size for path in folder.glob(".out.*/topics/journal.jsonl")):
        assert time.monotonic() < give_up, "the replay has written nothing"
        assert running.poll() is None, running.communicate()
        time.sleep(0.001)
    return children(running.pid)


Result = subprocess.CompletedProcess[bytes]


def ended(running: subprocess.Popen[bytes], others: list[int]) -> Result:
    """Wait for the end of all three."""
    stdout, stderr = running.communicate(timeout=SECONDS_MAX)
    give_up = time.monotonic() + SECONDS_MAX
    while any(Path(f"/proc/{other}").exists() for other in others):
        assert time.monotonic() < give_up, "a process is left"
        time.sleep(0.001)
    return Result(running.args, running.returncode, stdout, stderr)


def kill_reader(running: subprocess.Popen[bytes], others: list[int]) -> None:
    del running
    os.kill(others[0], signal.SIGKILL)


def kill_back_office(running: subprocess.Popen[bytes], others: list[int]) -> None:
    del running
    os.kill(others[1], signal.SIGKILL)


def press_ctrl_c(running: subprocess.Popen[bytes], others: list[int]) -> None:
    """As a terminal does: all processes of the group hear it."""
    del others
    os.killpg(running.pid, signal.SIGINT)


def terminate(running: subprocess.Popen[bytes], others: list[int]) -> None:
    del others
    running.terminate()


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (kill_reader, "was killed"),
        (kill_back_office, "was killed"),
        (press_ctrl_c, "interrupted by SIGINT"),
        (terminate, "interrupted by SIGTERM"),
    ],
)
def test_it_leaves_nothing_and_says_so(
    folder: Path, end: Callable[[subprocess.Popen[bytes], list[int]], None], says: str
) -> None:
    before = tree(folder)
    running = replay(folder)
    others = in_mid_run(running, folder)
    assert len(others) == 2
    end(running, others)
    failed_with_one_line(ended(running, others), says)
    assert tree(folder) == before


def test_a_killed_replay_leaves_no_process(folder: Path) -> None:
    """The two others hear that nobody listens, and say nothing."""
    running = replay(folder)
    others = in_mid_run(running, folder)
    running.kill()
    result = ended(running, others)
    assert result.stderr == b""


@pytest.mark.parametrize("bytes_max", [0, 100_000], ids=["at once", "in mid-run"])
def test_a_full_disk(folder: Path, bytes_max: int) -> None:
    """No file may be larger: the back office's journal is the first that would be."""
    before = tree(folder)
    running = replay(folder, str(bytes_max))
    failed_with_one_line(ended(running, []), "out", "File too large", "nothing was written")
    assert tree(folder) == before


BROKEN = """
import sys
from pathlib import Path
from replay.back_office import BackOffice
from scripts.replay import run_replay

def broken(self):
    raise AssertionError("broken invariant: a cent is gone")

BackOffice.finish = broken
run_replay([sys.argv[1]], Path(sys.argv[2]), None, 3)
"""


def test_a_broken_invariant_stops_all(tmp_path: Path) -> None:
    """It is told where it was found, in the back office."""
    day, out = GOLDEN / "day.jsonl", tmp_path / "out"
    command = [sys.executable, "-c", BROKEN, str(day), str(out)]
    result = subprocess.run(command, capture_output=True, check=False, timeout=SECONDS_MAX)
    assert result.returncode == 1
    assert b"AssertionError: broken invariant: a cent is gone" in result.stderr
    assert b"in broken" in result.stderr
    assert list(tmp_path.iterdir()) == []


# -- wrong usage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["day.jsonl", "--processes", "2"], "1 or 3"),
        (["--recorded", "dump.jsonl", "--processes", "3"], "goes without"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "day.jsonl").write_bytes(b"")
    result = settle(tmp_path, "replay", "--out", "out", *arguments)
    assert result.returncode == 2
    assert says in result.stderr.decode()
