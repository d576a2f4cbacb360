"""Four months (quarter.py) in both engines, audited; and damage to them, which the audit names."""

import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from audit.directory import audit_directory
from scripts.replay import run_replay
from tests.pipeline_in_memory import Event, PipelineInMemory, both_engines, differences
from tests.simulation.damage_to_nets import NETS
from tests.simulation.must_be_found import STORED, must_be_found
from tests.simulation.quarter import quarter
from tests.simulation.replay_copy import ReplayCopy


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quarter's directory."""
    root = tmp_path_factory.mktemp("quarter")
    source = root / "quarter.jsonl"
    source.write_bytes(
        b"".join(
            orjson.dumps({"topic": line.topic, "value": line.value}) + b"\n" for line in quarter()
        )
    )
    run_replay([str(source)], root / "out", None)
    return root / "out"


def events(replayed: Path, topic: str, kind: str, client: str) -> list[Event]:
    """Return a client's events of a type."""
    lines = (replayed / "topics" / f"{topic}.jsonl").read_bytes().splitlines()
    return [
        event
        for event in map(orjson.loads, lines)
        if event["type"] == kind and event["client"] == client
    ]


def test_a_write_off_that_three_months_do_not_cover(replayed: Path) -> None:
    fields = ("month", "share", "write_offs", "carried_in", "payable", "carried_out")
    stated = [
        tuple(event[name] for name in fields)
        for event in events(replayed, "revenue-shares", "RevenueShareStatement", "BETA")
    ]
    assert stated == [
        ("2026-01", "1.00", "0.00", "0.00", "1.00", "0.00"),
        ("2026-02", "50.00", "202.00", "0.00", "0.00", "152.00"),
        ("2026-03", "100.00", "7.00", "152.00", "0.00", "59.00"),
        ("2026-04", "55.00", "0.00", "59.00", "0.00", "4.00"),
    ]


def test_what_the_client_s_share_account_holds(replayed: Path) -> None:
    """BETA: 1.00 was paid, the rest is the shortfall. ACME: 9.00 were earned, 100.00 paid."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in (replayed / "topics" / "journal.jsonl").read_bytes().splitlines():
        for posting in orjson.loads(line)["postings"]:
            sums[posting["account"]] += Decimal(posting["amount"])
    assert sums["client:BETA:share"] == Decimal("-4.00")
    assert sums["writeoff:BETA"] == 0
    shares = events(replayed, "revenue-shares", "RevenueShareStatement", "ACME")
    earned = sum(Decimal(event["payable"]) for event in shares)
    assert sums["client:ACME:share"] == earned - 100


def test_each_day_has_a_net_and_two_files(replayed: Path) -> None:
    """From January 3 to May 1, zero or not; the window of March 8 has 23 hours."""
    nets = events(replayed, "net-settlements", "NetSettlement", "ACME")
    assert len(nets) == 29 + 28 + 31 + 30 + 1
    assert len(list((replayed / "s3" / "ACME" / "eod_settlement").iterdir())) == 2 * len(nets)
    assert not (replayed / "s3" / "BETA" / "eod_settlement").exists()
    moved = {
        event["window_to"][5:16]: event["net_amount"]
        for event in nets
        if event["net_amount"] != "0.00"
    }
    assert moved == {
        "01-03T15:00": "404.00",
        "01-06T15:00": "-49.00",
        "01-07T15:00": "-49.00",
        "03-08T14:00": "1010.00",
    }


def test_how_the_nets_were_paid(replayed: Path) -> None:
    statuses = [
        (event["event_time"][5:16], event["window_to"][5:10], event["status"], event["outstanding"])
        for event in events(replayed, "net-settlements", "NetSettlementStatus", "ACME")
        if event["status"] != "PAID" or event["cause_id"].startswith("q-")
    ]
    assert statuses[:13] == [
        ("01-03T15:00", "01-03", "PENDING", "404.00"),
        ("01-03T16:00", "01-03", "CONFIRMED", "404.00"),
        ("01-05T16:00", "01-03", "CONFIRMED", "4.00"),
        ("01-06T15:00", "01-06", "PENDING", "-49.00"),
        ("01-06T18:00", "01-03", "PAID", "0.00"),
        ("01-07T15:00", "01-07", "PENDING", "-49.00"),
        ("01-07T16:00", "01-07", "DISPUTED", "-49.00"),
        ("01-07T17:00", "01-06", "PAID", "0.00"),
        ("01-07T18:00", "01-07", "CONFIRMED", "-49.00"),
        ("01-07T19:00", "01-07", "OVERPAID", "11.00"),
        ("01-08T15:00", "01-08", "OVERPAID", "11.00"),
        ("01-09T15:00", "01-09", "OVERPAID", "11.00"),
        ("01-09T19:00", "01-09", "OVERPAID", "-989.00"),
    ]
    # On March 8 what was carried along since pays most of 1010.00.
    assert ("03-08T14:00", "03-08", "PENDING", "21.00") in statuses


def test_it_verifies(replayed: Path) -> None:
    checked = dict(audit_directory(replayed))
    assert checked["net settlement lines"] == "7"


@pytest.mark.parametrize(("partitions", "seed"), [(1, 1), (3, 2), (4, 3)])
def test_both_engines_make_the_same_of_it(partitions: int, seed: int) -> None:
    chance = random.Random(seed)
    pipeline = PipelineInMemory(
        partitions, lambda _: chance.random() < 0.02, lambda: chance.random() < 0.5
    )
    assert differences(both_engines(quarter(), pipeline), pipeline) == []


@STORED
@pytest.mark.parametrize("name", NETS)
def test_damage_is_found(name: str, replayed: Path, tmp_path: Path, *, stored_anew: bool) -> None:
    copy = ReplayCopy(replayed, tmp_path / "copy")
    must_be_found(copy, NETS[name], stored_anew=stored_anew)
