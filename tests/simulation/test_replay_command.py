"""`settle replay` as a person runs it: the real command, in a folder of its own (section 12).

Same input, same bytes, in whatever form the input comes. What can't be done is said in one line on
standard error with exit code 1, and leaves nothing behind: neither the directory, nor a part of it
under another name, nor a change to an earlier replay.
"""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from scripts.settle import app, main

SETTLE = Path(sys.executable).parent / "settle"
# Runs a command with a file-size limit (-1: none), and with an interrupt that is not ignored, as it
# would be if the tests themselves run in a shell's background.
LAUNCH = """
import os, resource, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
if (limit := int(sys.argv[1])) >= 0:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
os.execv(sys.argv[2], sys.argv[2:])
"""
SECONDS_MAX = 60
ACCOUNTS = ("ACME0001", "ACME0002", "BETA0001")

Tree = dict[str, bytes]


# -- telling a day ---------------------------------------------------------------------------------


def day() -> Iterator[tuple[str, dict[str, Any]]]:
    """Tell two clients' day around noon: deposits, quotes, orders, cancels, a few bad inputs."""
    for client in ("ACME", "BETA"):
        fields = {"client": client, "commission_model": "MARKUP", "markup_bps": "25"}
        yield "clients", {"type": "ClientUpdated", "at": 0} | fields
    yield (
        "instruments",
        {
            "type": "InstrumentUpdated",
            "at": 0,
            "symbol": "BTCUSD",
            "base": "BTC",
            "minimum_price_increment": "0.01",
            "minimum_quantity_increment": "0.0001",
            "stale_after_ms": 60_000,
        },
    )
    for account in ACCOUNTS:
        fields = {"account_id": account, "client": account[:4]}
        yield "accounts", {"type": "AccountUpdated", "at": 0} | fields
    for number in range(200):
        account = ACCOUNTS[number % 3]
        price = 100 + number % 7
        fields = {"provider": "p", "symbol": "BTCUSD", "bid_size": "5", "ask_size": "5"}
        prices = {"bid_price": f"{price}.00", "ask_price": f"{price}.10"}
        yield "price-ticks", {"type": "PriceTick", "at": number} | fields | prices
        if number % 4 == 0:
            fields = {"account_id": account, "funding_id": f"D{number}", "amount": "20.00"}
            yield "fundings", {"type": "DepositSettled", "at": number} | fields
        order = {
            "account_id": account,
            "client_order_id": f"o{number}",
            "symbol": "BTCUSD",
            "side": "SELL" if number % 5 == 4 else "BUY",
            "order_type": "LIMIT" if number % 2 else "MARKET",
            "time_in_force": "GTC" if number % 2 else "IOC",
        }
        order |= {"limit_price": "101.50"} if number % 2 else {}
        order |= {"notional": "25.00"} if number % 3 == 0 else {"quantity": "0.05"}
        yield "orders", {"type": "OrderSubmitted", "at": number} | order
        if number % 9 == 3:
            fields = {"account_id": account, "client_order_id": f"o{number - 2}"}
            cancel = {"type": "OrderCancelRequested", "at": number, "cancel_id": f"c{number}"}
            yield "orders", cancel | fields
        if number % 50 == 49:
            yield "fundings", {"type": "DepositVanished", "at": number}
    fields = {"account_id": ACCOUNTS[0], "funding_id": "D0", "amount": "20.00"}
    yield "fundings", {"type": "DepositReturned", "at": 40_000, "return_code": "R01"} | fields


def lines(told: Iterable[tuple[str, Mapping[str, Any]]]) -> list[bytes]:
    """Return a history as JSON Lines; `at` counts seconds from noon in Chicago."""
    written = []
    for number, (topic, fields) in enumerate(told):
        value = dict(fields)
        minutes, seconds = divmod(18 * 3600 + value.pop("at"), 60)
        days, minutes = divmod(minutes, 24 * 60)
        clock = f"2026-03-{3 + days:02d}T{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}Z"
        head = {"event_id": f"in-{number}", "event_time": clock}
        written.append(orjson.dumps({"topic": topic, "value": head | value}) + b"\n")
    return written


DAY = lines(day())
WHOLE = b"".join(DAY)


# -- running the command ---------------------------------------------------------------------------


def environment() -> dict[str, str]:
    """Return the environment less settings of ours."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SETTLE_")}
    return clean | {"COLUMNS": "200"}


def settle(
    folder: Path, *arguments: str, stdin: bytes = b"", file_bytes_max: int = -1
) -> subprocess.CompletedProcess[bytes]:
    """Run the console script in a folder."""
    launched = [sys.executable, "-c", LAUNCH, str(file_bytes_max), str(SETTLE), *arguments]
    return subprocess.run(
        launched,
        cwd=folder,
        input=stdin,
        capture_output=True,
        timeout=SECONDS_MAX,
        check=False,
        env=environment(),
    )


Here = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Here:
    """Return what runs the console script's function in this process, in the test's folder.

    For the many ways to fail: a process of its own takes a second to start.
    """

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["settle", *arguments])
        before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
        code = ended.value.code
        assert isinstance(code, int)
        return subprocess.CompletedProcess(arguments, code, *capfdbinary.readouterr())

    return run


def tree(folder: Path) -> Tree:
    """Return every file below a folder, hidden ones too, and empty folders as such."""
    found: Tree = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file():
            found[name] = path.read_bytes()
        elif not any(path.iterdir()):
            found[f"{name}/"] = b""
    return found


def but_names(folder: Path) -> Tree:
    """Return the tree of a replay without its inputs, and without their names in the summary."""
    found = {name: text for name, text in tree(folder).items() if not name.startswith("inputs/")}
    summary = orjson.loads(found["summary.json"])
    for file in summary["input_files"]:
        del file["name"]
    return found | {"summary.json": orjson.dumps(summary)}


def plant(folder: Path, files: Tree) -> None:
    """Write a tree."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def succeeded(result: subprocess.CompletedProcess[bytes]) -> None:
    assert result.stderr == b""
    assert result.returncode == 0


def failed_with_one_line(result: subprocess.CompletedProcess[bytes], *says: str) -> None:
    """Exit code 1 and one clear line, which names what and where."""
    message = result.stderr.decode()
    assert message.startswith("settle: "), message
    assert message.count("\n") == 1, message
    assert message.endswith("\n")
    assert "Traceback" not in message
    assert "defect" not in message
    for part in says:
        assert part in message
    assert result.stdout == b""
    assert result.returncode == 1


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Return what a replay of the day gives."""
    folder = tmp_path_factory.mktemp("day")
    (folder / "day.jsonl").write_bytes(WHOLE)
    result = settle(folder, "replay", "day.jsonl", "--out", "out")
    succeeded(result)
    shown = result.stdout.decode()
    for words in ("executions", "cash calls", "settled after a retry", "files to clients"):
        assert words in shown
    return but_names(folder / "out")


# -- same input, same bytes ------------------------------------------------------------------------


def test_a_day_is_worth_comparing(replayed: Tree) -> None:
    """It has executions, calls of every outcome, dead letters, and all files of both clients."""
    counts = orjson.loads(replayed["summary.json"])["emitted"]
    assert counts["executions"]["Execution"] > 100
    assert counts["cash-calls"].keys() == {
        "CashCallRequested",
        "CashCallSettled",
        "CashCallFailed",
    }
    assert counts["dead-letters"]["DeadLetter"] == 4
    assert sum(name.startswith("s3/") for name in replayed) == 2 * 6
    assert "topics/revenue-shares.jsonl" in replayed  # also topics without an event


def test_the_same_again_under_another_name(tmp_path: Path, replayed: Tree) -> None:
    (tmp_path / "other-name").write_bytes(WHOLE)
    succeeded(settle(tmp_path, "replay", str(tmp_path / "other-name"), "--out", "a/b/c"))
    assert but_names(tmp_path / "a" / "b" / "c") == replayed


def test_the_same_again_elsewhere(tmp_path: Path) -> None:
    """To the byte, with the summary and what DIR/inputs leads to, wherever the input is stored."""
    for folder, out in (("one", "out"), ("one", "a/b"), ("deep/er", "c")):
        plant(tmp_path / folder, {"day": WHOLE})
        succeeded(settle(tmp_path, "replay", f"{folder}/day", "--out", out))
    assert tree(tmp_path / "a/b") == tree(tmp_path / "c") == tree(tmp_path / "out")
    assert (tmp_path / "c" / "inputs" / "1-day").read_bytes() == WHOLE


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_from_standard_input(
    tmp_path: Path,
    replayed: Tree,
    packed: bool,
) -> None:
    stdin = gzip.compress(WHOLE) if packed else WHOLE
    succeeded(settle(tmp_path, "replay", "-", "--out", "out", stdin=stdin))
    assert but_names(tmp_path / "out") == replayed


def test_from_gzip_without_its_name(tmp_path: Path, replayed: Tree) -> None:
    (tmp_path / "day.jsonl").write_bytes(gzip.compress(WHOLE, 1))
    succeeded(settle(tmp_path, "replay", "day.jsonl", "--out", "out"))
    assert but_names(tmp_path / "out") == replayed


def test_split_by_topic_into_files_of_every_form(tmp_path: Path, replayed: Tree) -> None:
    """Reference data plain, quotes gzip, fundings from standard input, and so on.

    Dead letters name the line in their file; what holds a line number differs, nothing else.
    """
    by_topic: dict[str, list[bytes]] = {}
    for text in DAY:
        by_topic.setdefault(orjson.loads(text)["topic"], []).append(text)
    for topic, texts in by_topic.items():
        content = b"".join(texts)
        packed = gzip.compress(content) if topic in {"price-ticks", "orders"} else content
        (tmp_path / topic).write_bytes(packed)
    names = [topic if topic != "fundings" else "-" for topic in by_topic]
    stdin = b"".join(by_topic["fundings"])
    succeeded(settle(tmp_path, "replay", *names, "--out", "out", stdin=stdin))
    found = but_names(tmp_path / "out")
    differing = {name for name in replayed if found.get(name) != replayed[name]}
    assert found.keys() == replayed.keys()
    assert differing == {"topics/dead-letters.jsonl", "summary.json"}


def test_cut_into_two_pieces(tmp_path: Path, replayed: Tree) -> None:
    """The pieces follow each other in time; the second has dead letters, and lines of our own."""
    half = next(n for n, text in enumerate(DAY) if b'"in-250"' in text)
    ours = b'{"topic":"executions","value":{"type":"Execution"}}\n'
    for name, piece in (("one", [*DAY[:half], ours]), ("two", [ours, *DAY[half:]])):
        (tmp_path / name).write_bytes(b"".join(piece))
    succeeded(settle(tmp_path, "replay", "one", "two", "--out", "out"))
    found = but_names(tmp_path / "out")
    differing = {name for name in replayed if found.get(name) != replayed[name]}
    assert found.keys() == replayed.keys()
    assert differing == {"topics/dead-letters.jsonl", "summary.json"}


def test_an_earlier_replay_is_replaced_whole(tmp_path: Path, replayed: Tree) -> None:
    """Nothing of it is left, and nothing is hidden beside it."""
    (tmp_path / "day").write_bytes(WHOLE)
    plant(tmp_path / "out", replayed | {"s3/ACME/old.csv": b"old", "topics/bbo.jsonl": b"old\n"})
    succeeded(settle(tmp_path, "replay", "day", "--out", "out"))
    assert but_names(tmp_path / "out") == replayed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day", "out"]


def test_a_link_to_an_empty_directory_is_followed(tmp_path: Path, replayed: Tree) -> None:
    (tmp_path / "day").write_bytes(WHOLE)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    succeeded(settle(tmp_path, "replay", "day", "--out", "link"))
    assert (tmp_path / "link").is_symlink()
    assert but_names(tmp_path / "real") == replayed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day", "link", "real"]


def test_a_name_with_brackets_is_only_a_name(tmp_path: Path, replayed: Tree) -> None:
    (tmp_path / "day").write_bytes(WHOLE)
    result = settle(tmp_path, "replay", "day", "--out", "a [b] [/c] é")
    succeeded(result)
    assert "a [b] [/c] é" in result.stdout.decode()
    assert but_names(tmp_path / "a [b] [" / "c] é") == replayed


def test_an_empty_input_gives_an_empty_replay(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    succeeded(settle(tmp_path, "replay", "empty", "--out", "out"))
    found = tree(tmp_path / "out")
    assert {content for name, content in found.items() if name.startswith("topics/")} == {b""}
    assert orjson.loads(found["summary.json"])["emitted"] == {}
    assert not any(name.startswith("s3/") and name != "s3/" for name in found)


def test_until_moves_time_on(tmp_path: Path, replayed: Tree) -> None:
    """From the last event, 23:06:40, to the next day's 09:30: three more windows, two files."""
    (tmp_path / "day").write_bytes(WHOLE)
    until = ("--until", "2026-03-04T15:30:00Z")
    succeeded(settle(tmp_path, "replay", "day", "--out", "out", *until))

    def counts(found: Tree) -> tuple[int, int]:
        windows = found["topics/executions.jsonl"].count(b'"WindowOpened"')
        return windows, sum(name.startswith("s3/") for name in found)

    assert (counts(replayed), counts(tree(tmp_path / "out"))) == ((5, 12), (8, 14))


# -- what can't be read ----------------------------------------------------------------------------

PACKED = gzip.compress(WHOLE)
MIDDLE = len(PACKED) // 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(WHOLE[:-30], f"in, line {len(DAY)}: not a JSON object", id="truncated"),
        pytest.param(PACKED[:MIDDLE], "gzip stream is damaged or cut off", id="truncated-gzip"),
        pytest.param(
            b"".join([*DAY[:10], DAY[200], *DAY[10:]]), "in, line 12: event_time", id="unordered"
        ),
        pytest.param(bytes(range(256)) * 64, "in, line 1: not a JSON object", id="binary"),
        pytest.param(
            PACKED[:MIDDLE] + bytes(64) + PACKED[MIDDLE + 64 :], "settle: in, ", id="damaged-gzip"
        ),
        pytest.param(
            WHOLE + b'{"topic":"order","value":{}}\n', "no topic 'order'", id="unknown-topic"
        ),
        pytest.param(
            b"".join([*DAY[:5], b"\n", *DAY[5:]]), "in, line 6: not a JSON", id="blank-line"
        ),
    ],
)
def test_a_bad_input_is_named_and_leaves_nothing(
    tmp_path: Path, here: Here, content: bytes, says: str
) -> None:
    (tmp_path / "in").write_bytes(content)
    failed_with_one_line(here("replay", "in", "--out", "out"), says)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_bad_line_of_standard_input_is_named(tmp_path: Path) -> None:
    result = settle(tmp_path, "replay", "-", "--out", "out", stdin=DAY[0] + b"?\n")
    failed_with_one_line(result, "standard input, line 2: not a JSON object")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("missing", "missing: No such file or directory", id="missing"),
        pytest.param("folder", "folder: Is a directory", id="a-directory"),
    ],
)
def test_what_is_no_file(tmp_path: Path, here: Here, name: str, says: str) -> None:
    (tmp_path / "folder").mkdir()
    failed_with_one_line(here("replay", name, "--out", "new/deep/out"), says)
    assert tree(tmp_path) == {"folder/": b""}


def test_a_failed_replay_leaves_the_earlier_one_as_it_was(tmp_path: Path, replayed: Tree) -> None:
    (tmp_path / "cut").write_bytes(WHOLE[:-30])
    plant(tmp_path / "out", replayed)
    failed_with_one_line(settle(tmp_path, "replay", "cut", "--out", "out"), "cut, line")
    assert tree(tmp_path / "out") == replayed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "out"]


# -- what can't be written -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("out", "says"),
    [
        pytest.param("file", "file is a file", id="a-file"),
        pytest.param("file/out", "file", id="inside-a-file"),
        pytest.param("foreign", "foreign holds something that no replay wrote", id="a-full-one"),
        pytest.param("other", "other holds something that no replay wrote", id="other-summary"),
        pytest.param("/proc/out", "/proc", id="where-nobody-may-write"),
        pytest.param("/", "mount point", id="a-mount-point"),
    ],
)
def test_a_directory_that_is_not_ours_to_write(
    tmp_path: Path, here: Here, out: str, says: str
) -> None:
    """Nothing in it is touched, a stranger's summary.json neither."""
    (tmp_path / "day").write_bytes(WHOLE)
    (tmp_path / "file").write_bytes(b"mine")
    for name, file in (("foreign", "letter.txt"), ("other", "summary.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_bytes(b'{"mine": true}')
    (tmp_path / "other" / "topics").mkdir()
    before = tree(tmp_path)
    failed_with_one_line(here("replay", "day", "--out", out), says)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("file_bytes_max", [0, 3_000])
def test_a_full_disk_leaves_nothing_and_says_so(tmp_path: Path, file_bytes_max: int) -> None:
    """No file may grow beyond a limit: nothing can be written, or no large file."""
    (tmp_path / "day").write_bytes(WHOLE)
    result = settle(tmp_path, "replay", "day", "--out", "out", file_bytes_max=file_bytes_max)
    failed_with_one_line(result, "out", "File too large", "nothing was written")
    assert [path.name for path in tmp_path.iterdir()] == ["day"]


def test_a_full_disk_leaves_an_earlier_replay_as_it_was(tmp_path: Path, replayed: Tree) -> None:
    (tmp_path / "day").write_bytes(WHOLE)
    plant(tmp_path / "out", replayed)
    result = settle(tmp_path, "replay", "day", "--out", "out", file_bytes_max=40_000)
    failed_with_one_line(result, "File too large")
    assert tree(tmp_path / "out") == replayed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day", "out"]


def test_a_full_standard_output_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "day").write_bytes(WHOLE)
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [str(SETTLE), "replay", "day", "--out", "out"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=SECONDS_MAX,
            check=False,
            env=environment(),
        )
    message = result.stderr.decode()
    assert message.count("\n") == 1
    assert "No space left" in message
    assert "defect" not in message
    assert result.returncode == 1


# -- interrupted -----------------------------------------------------------------------------------


def _deposits(count: int) -> bytes:
    account = {"account_id": ACCOUNTS[0], "amount": "1.00"}
    deposits = lines(
        ("fundings", {"type": "DepositSettled", "at": n, "funding_id": f"X{n}"} | account)
        for n in range(count)
    )
    return b"".join(DAY[:6] + deposits)


@contextmanager
def in_mid_run(folder: Path, *, copying: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Start a replay and give it when it has begun to write events, with seconds of work left.

    `copying`: give it when it copies standard input, the rest of which never comes.
    """
    written = "inputs/1-standard-input" if copying else "topics/journal.jsonl"
    with TemporaryDirectory() as elsewhere:
        path = Path(elsewhere) / "in"
        path.write_bytes(_deposits(60_000))
        with subprocess.Popen(
            [
                *(sys.executable, "-c", LAUNCH, "-1", str(SETTLE)),
                *("replay", "-" if copying else str(path), "--out", "out", "--processes", "1"),
            ],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        ) as running:
            try:
                if copying:
                    assert running.stdin is not None
                    # More than one read of the copy takes.
                    running.stdin.write(bytes(5 * 1024 * 1024))
                    running.stdin.flush()
                give_up = time.monotonic() + SECONDS_MAX
                while not any(path.stat().st_size for path in folder.glob(f".out.*/{written}")):
                    assert time.monotonic() < give_up, "the replay has written nothing"
                    assert running.poll() is None, running.stderr
                    time.sleep(0.02)
                yield running
            finally:
                running.kill()


@pytest.mark.parametrize(
    ("sent", "earlier"),
    [
        pytest.param(signal.SIGINT, False, id="ctrl-c"),
        pytest.param(signal.SIGINT, True, id="ctrl-c-over-an-earlier-replay"),
        pytest.param(signal.SIGTERM, False, id="terminated"),
    ],
)
@pytest.mark.parametrize("copying", [False, True], ids=["replaying", "copying"])
def test_interrupted_in_mid_run_it_leaves_nothing_and_says_so(
    tmp_path: Path,
    replayed: Tree,
    sent: signal.Signals,
    earlier: bool,
    copying: bool,
) -> None:
    if earlier:
        plant(tmp_path / "out", replayed)
    before = tree(tmp_path)
    with in_mid_run(tmp_path, copying=copying) as running:
        running.send_signal(sent)
        stdout, stderr = running.communicate(timeout=SECONDS_MAX)
    result = subprocess.CompletedProcess(running.args, running.returncode, stdout, stderr)
    failed_with_one_line(result, "interrupted", "nothing")
    assert tree(tmp_path) == before


def test_ctrl_c_again_and_again_does_not_keep_it_from_tidying_up(tmp_path: Path) -> None:
    with in_mid_run(tmp_path) as running:
        while running.poll() is None:
            running.send_signal(signal.SIGINT)
            time.sleep(0.001)
        stdout, stderr = running.communicate(timeout=SECONDS_MAX)
    result = subprocess.CompletedProcess(running.args, running.returncode, stdout, stderr)
    assert tree(tmp_path) == {}
    failed_with_one_line(result, "interrupted")


# -- help and wrong usage --------------------------------------------------------------------------

COMMANDS = ("replay", "generate", "import-quotes", "verify", "config")


def test_help_lists_the_commands(tmp_path: Path) -> None:
    result = settle(tmp_path, "--help")
    succeeded(result)
    for command in COMMANDS:
        assert f" {command} " in result.stdout.decode()


def test_help_says_what_until_is_if_it_is_not_given() -> None:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["replay", "--help"])
    assert "default: the last event" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="nothing"),
        pytest.param(["frobnicate"], id="no-such-command"),
        pytest.param(["replay", "in"], id="no-out"),
        pytest.param(["replay", "--out", "out"], id="no-input"),
        pytest.param(["replay", "in", "--out", "out", "--until", "noon"], id="no-time"),
        pytest.param(["config", "more"], id="too-much"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, arguments).exit_code == 2
    assert list(tmp_path.iterdir()) == []
