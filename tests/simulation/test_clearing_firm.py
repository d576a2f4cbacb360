"""`settle replay` with Apex accounts: a simulated clearing firm answers where INPUT has no answers.

What it says is kept, and INPUT with it is a whole history: the same topics without the firm.
"""

import datetime as dt
import gzip
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from topics.catalogue import APEX_JOURNAL_RESULTS

SETTLE = Path(sys.executable).parent / "settle"
T0 = dt.datetime(2026, 3, 3, 15, tzinfo=dt.UTC)
ANSWERS = Path("inputs") / f"{APEX_JOURNAL_RESULTS}.jsonl"
Tree = dict[str, bytes]


def line(topic: str, kind: str, second: float, **fields: object) -> bytes:
    """Return a line of input, some seconds after 09:00 in Chicago."""
    time = (T0 + dt.timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    head = {"type": kind, "event_id": f"{topic}-{second}", "event_time": time}
    return orjson.dumps({"topic": topic, "value": head | fields}) + b"\n"


def order(at: float, account_id: str, side: str = "BUY") -> bytes:
    """Return a market order over 0.1."""
    return line(
        "orders",
        "OrderSubmitted",
        at,
        account_id=account_id,
        client_order_id=f"o{at}",
        symbol="BTCUSD",
        side=side,
        order_type="MARKET",
        time_in_force="IOC",
        quantity="0.1",
    )


def day(*, apex: bool = True) -> list[bytes]:
    """Return a day with an Apex, a Marketplace and a Net Settlement account, all of which trade.

    The last order's answer would come a second after the last line.
    """
    models = {"ACME0001": "APEX_CLEARING", "ACME0002": "MARKETPLACE", "ACME0003": "NET_SETTLEMENT"}
    return [
        line("clients", "ClientUpdated", 0, client="ACME", commission_model="MARKUP"),
        line(
            "instruments",
            "InstrumentUpdated",
            0,
            symbol="BTCUSD",
            base="BTC",
            minimum_price_increment="0.01",
            minimum_quantity_increment="0.0001",
            stale_after_ms=86_400_000,
        ),
        *(
            line(
                "accounts",
                "AccountUpdated",
                0,
                account_id=account_id,
                client="ACME",
                funding_model=model if apex or model != "APEX_CLEARING" else "MARKETPLACE",
            )
            for account_id, model in models.items()
        ),
        line(
            "price-ticks",
            "PriceTick",
            1,
            provider="alpha",
            symbol="BTCUSD",
            bid_price="99.00",
            bid_size="10",
            ask_price="100.00",
            ask_size="10",
        ),
        line(
            "fundings",
            "DepositSettled",
            2,
            account_id="ACME0002",
            funding_id="D1",
            amount="15.00",
            instrument_type="ACH",
        ),
        *(order(n, f"ACME000{n % 3 + 1}", "SELL" if n > 20 else "BUY") for n in range(3, 30)),
        line("clock", "ClockTicked", 30, at="2026-03-03T15:00:30Z"),
    ]


def replay(folder: Path, *arguments: str, stdin: bytes = b"") -> None:
    """Run `settle replay` to its good end."""
    result = subprocess.run(
        [SETTLE, "replay", *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert (result.returncode, result.stderr) == (0, b"")


def tree(folder: Path) -> Tree:
    """Return all that a replay wrote but the answers, and what names its inputs."""
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] != "inputs"
    }
    summary = orjson.loads(found["summary.json"])
    del summary["input_files"]
    return found | {"summary.json": orjson.dumps(summary)}


def events(folder: Path, topic: str) -> list[dict[str, str]]:
    """Return the events of a topic."""
    return [
        orjson.loads(text)
        for text in (folder / "topics" / f"{topic}.jsonl").read_bytes().splitlines()
    ]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a replay in which the simulated firm answered: `day`, `out`."""
    folder = tmp_path_factory.mktemp("first")
    (folder / "day").write_bytes(b"".join(day()))
    replay(folder, "day", "--out", "out")
    return folder


def test_it_completes_each_journal_two_seconds_later(first: Path) -> None:
    """Each answer is a good line of input; what would come after the last event does not come."""
    asked = {event["journal_id"]: event for event in events(first / "out", "apex-journals")}
    lines = [orjson.loads(text) for text in (first / "out" / ANSWERS).read_bytes().splitlines()]
    assert {one["topic"] for one in lines} == {APEX_JOURNAL_RESULTS}
    answers = [one["value"] for one in lines]
    assert len(asked) == 9
    assert [one["journal_id"] for one in answers] == list(asked)
    for answer in answers:
        request = asked[answer["journal_id"]]
        assert (answer["type"], answer["amount"]) == ("ApexJournalCompleted", request["amount"])
        after = dt.datetime.fromisoformat(answer["event_time"]) - dt.datetime.fromisoformat(
            request["event_time"]
        )
        assert after == dt.timedelta(seconds=2)
    settled = events(first / "out", "cash-calls")
    of_apex = [e for e in settled if e["account_id"] == "ACME0001"]
    assert sum(event["type"] == "CashCallSettled" for event in of_apex) == 9


def test_the_last_journals_stay_unanswered(tmp_path: Path) -> None:
    """The day ends a second after the last request; up to `--until` later, all is answered."""
    content = [*day()[:-1], order(30, "ACME0001")]
    (tmp_path / "day").write_bytes(b"".join(content))
    replay(tmp_path, "day", "--out", "short")
    replay(tmp_path, "day", "--out", "whole", "--until", "2026-03-03T15:00:32Z")
    counts = [(tmp_path / out / ANSWERS).read_bytes().count(b"\n") for out in ("short", "whole")]
    assert counts == [9, 10]


@pytest.mark.parametrize("how", ["two-files", "one-file", "standard-input", "gzip-first"])
def test_with_its_answers_as_input_the_topics_are_the_same(
    tmp_path: Path, first: Path, how: str
) -> None:
    """No firm answers now: no answers are written to `inputs`."""
    answers = (first / "out" / ANSWERS).read_bytes()
    (tmp_path / "day").write_bytes(b"".join(day()))
    (tmp_path / "answers").write_bytes(answers)
    match how:
        case "two-files":
            replay(tmp_path, "day", "answers", "--out", "out")
        case "gzip-first":
            (tmp_path / "answers").write_bytes(gzip.compress(answers))
            replay(tmp_path, "answers", "day", "--out", "out")
        case "standard-input":
            replay(tmp_path, "-", "day", "--out", "out", stdin=answers)
        case _:
            merged = [*day(), *answers.splitlines(keepends=True)]
            merged.sort(key=lambda text: orjson.loads(text)["value"]["event_time"])
            (tmp_path / "day").write_bytes(b"".join(merged))
            replay(tmp_path, "day", "--out", "out")
    assert tree(tmp_path / "out") == tree(first / "out")
    assert not (tmp_path / "out" / ANSWERS).exists()


def test_one_answer_in_the_input_and_the_firm_is_silent(tmp_path: Path) -> None:
    """Even where it is the last line, and dead-lettered: nobody guesses for a real firm."""
    unknown = {"account_id": "ACME0001", "journal_id": "J", "amount": "1.00"}
    answer = line(APEX_JOURNAL_RESULTS, "ApexJournalCompleted", 31, **unknown)
    (tmp_path / "day").write_bytes(b"".join([*day(), answer]))
    replay(tmp_path, "day", "--out", "out")
    assert not (tmp_path / "out" / ANSWERS).exists()
    (letter,) = events(tmp_path / "out", "dead-letters")
    assert letter["reason"] == "UNKNOWN_JOURNAL"
    calls = [e for e in events(tmp_path / "out", "cash-calls") if e["account_id"] == "ACME0001"]
    assert {event["type"] for event in calls} == {"CashCallRequested"}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_from_standard_input_the_same(
    tmp_path: Path,
    first: Path,
    packed: bool,
) -> None:
    """Whether there are answers is looked up in what is left of it."""
    content = b"".join(day())
    replay(tmp_path, "-", "--out", "out", stdin=gzip.compress(content) if packed else content)
    assert tree(tmp_path / "out") == tree(first / "out")
    assert (tmp_path / "out" / ANSWERS).read_bytes() == (first / "out" / ANSWERS).read_bytes()


def test_without_apex_accounts_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "day").write_bytes(b"".join(day(apex=False)))
    replay(tmp_path, "day", "--out", "out")
    assert [path.name for path in (tmp_path / "out" / "inputs").iterdir()] == ["1-day"]


def test_a_replay_with_answers_is_replaced_by_one_without(tmp_path: Path, first: Path) -> None:
    """And the other way round; a directory with something else beside them is left alone."""
    (tmp_path / "apex").write_bytes(b"".join(day()))
    (tmp_path / "none").write_bytes(b"".join(day(apex=False)))
    for name in ("apex", "none", "apex"):
        replay(tmp_path, name, "--out", "out")
        assert (tmp_path / "out" / ANSWERS).exists() is (name == "apex")
    assert tree(tmp_path / "out") == tree(first / "out")


def test_what_it_says_comes_before_a_later_input_that_is_refused(tmp_path: Path) -> None:
    """As before any other: both directories have all answers in the same place."""
    *before, _ = day()
    refused = line(
        "fundings",
        "DepositCancelled",
        40,
        account_id="ACME0002",
        funding_id="never-initiated",
        amount="1.00",
        instrument_type="ACH",
    )
    lines = [*before, refused, line("clock", "ClockTicked", 60, at="2026-03-03T15:01:00Z")]
    (tmp_path / "day").write_bytes(b"".join(lines))
    replay(tmp_path, "day", "--out", "out")
    (letter,) = events(tmp_path / "out", "dead-letters")
    assert letter["reason"] == "BAD_TRANSITION"
    answers = (tmp_path / "out" / ANSWERS).read_bytes().splitlines()
    assert letter["event_time"] > orjson.loads(answers[-1])["value"]["event_time"]
    replay(tmp_path, "day", str(Path("out") / ANSWERS), "--out", "again")
    assert tree(tmp_path / "again") == tree(tmp_path / "out")
