"""SETTLE_CSV_SAFE from end to end: replay, the live tasks, recorded replays, and their audits.

The table of cells is in tests/unit/test_cash_files.py; tests/integration has it on a broker.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from audit.directory import audit_directory
from replay.difference import DifferenceError
from replay.read import read_inputs
from replay.recorded_directory import audit_recorded
from replay.refold import refold
from scripts.errors import Failure
from scripts.replay import run_recorded, run_replay
from tests.pipeline_in_memory import (
    PipelineInMemory,
    both_engines,
    differences,
    dump_lines,
    told_of,
)
from tests.simulation.replay_copy import ReplayCopy
from tests.simulation.test_clearing_firm import line
from tests.simulation.test_recorded import Recording
from tests.simulation.test_replay_command import failed_with_one_line, settle, succeeded

PARTITIONS = 3
# The story begins at 09:00 in Chicago; the day's files follow at 16:40.
AFTER_THE_CUT = 8 * 3600.0
FILE = "ACME/ACME_CashActivityReport_03-03-26.csv"
HEADER = "account_id,activity_id,instrument_type,direction,amount,status,occurred_at,reference\n"
AS_IT_CAME = f"""{HEADER}\
ACME0001,+id,ACH,DEPOSIT,10.00,SETTLED,2026-03-03T15:00:10.000Z,rent
ACME0001,a,ACH,DEPOSIT,20.00,SETTLED,2026-03-03T15:00:11.000Z,=1+1
ACME0001,b,ACH,DEPOSIT,30.00,SETTLED,2026-03-03T15:00:12.000Z,"-1,5"
"""
CSV_SAFE = f"""{HEADER}\
ACME0001,'+id,ACH,DEPOSIT,10.00,SETTLED,2026-03-03T15:00:10.000Z,rent
ACME0001,a,ACH,DEPOSIT,20.00,SETTLED,2026-03-03T15:00:11.000Z,'=1+1
ACME0001,b,ACH,DEPOSIT,30.00,SETTLED,2026-03-03T15:00:12.000Z,"'-1,5"
"""

on_and_off = pytest.mark.parametrize(
    ("csv_safe", "expected"),
    [pytest.param(False, AS_IT_CAME, id="off"), pytest.param(True, CSV_SAFE, id="on")],
)


def day() -> list[bytes]:
    """Return a day on which ACME0001 takes three deposits, with formulas in their texts."""

    def deposit(at: float, amount: str, event_id: str, reference: str) -> bytes:
        fields = {"account_id": "ACME0001", "funding_id": event_id, "instrument_type": "ACH"}
        more = {"event_id": event_id, "amount": amount, "reference": reference}
        return line("fundings", "DepositSettled", at, **fields, **more)

    account = {"account_id": "ACME0001", "client": "ACME", "funding_model": "MARKETPLACE"}
    return [
        line("clients", "ClientUpdated", 0, client="ACME", commission_model="MARKUP"),
        line("accounts", "AccountUpdated", 1, **account),
        deposit(10, "10.00", "+id", "rent"),
        deposit(11, "20.00", "a", "=1+1"),
        deposit(12, "30.00", "b", "-1,5"),
        line("clock", "ClockTicked", AFTER_THE_CUT, at="2026-03-03T23:00:00Z"),
    ]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("csv-safe") / "day.jsonl"
    path.write_bytes(b"".join(day()))
    return path


def summary(directory: Path) -> dict[str, Any]:
    stored: dict[str, Any] = orjson.loads((directory / "summary.json").read_bytes())
    return stored


# -- a plain replay ------------------------------------------------------------------------------


@on_and_off
@pytest.mark.parametrize("processes", ["1", "3"])
def test_the_command_takes_the_setting_and_its_directory_verifies(
    tmp_path: Path, processes: str, csv_safe: bool, expected: str
) -> None:
    """`settle verify` goes by the summary, so it needs no setting."""
    (tmp_path / "day").write_bytes(b"".join(day()))
    if csv_safe:
        (tmp_path / "settle.toml").write_text("csv_safe = true\n")
    succeeded(settle(tmp_path, "replay", "day", "--out", "out", "--processes", processes))
    (tmp_path / "settle.toml").unlink(missing_ok=True)
    assert (tmp_path / "out" / "s3" / FILE).read_text() == expected
    assert summary(tmp_path / "out").get("csv_safe", "not there") == (csv_safe or "not there")
    succeeded(settle(tmp_path, "verify", "out"))


def test_a_bad_setting_is_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "day").write_bytes(b"".join(day()))
    (tmp_path / "settle.toml").write_text('csv_safe = "perhaps"\n')
    result = settle(tmp_path, "replay", "day", "--out", "out")
    failed_with_one_line(result, "setting csv_safe", "SETTLE_CSV_SAFE", "settle.toml")
    assert not (tmp_path / "out").exists()


def without_apostrophe(text: str) -> str:
    return text.replace("'=1+1", "=1+1")


def without_any(_: str) -> str:
    return AS_IT_CAME


def with_one_more(text: str) -> str:
    return text.replace(",rent", ",'rent")


def with_all(_: str) -> str:
    return CSV_SAFE


@pytest.mark.parametrize(
    ("csv_safe", "damage"),
    [
        pytest.param(True, without_apostrophe, id="an-apostrophe-is-missing"),
        pytest.param(True, without_any, id="all-are-missing"),
        pytest.param(True, with_one_more, id="a-harmless-text-has-one"),
        pytest.param(False, with_one_more, id="off-and-a-text-has-one"),
        pytest.param(False, with_all, id="off-and-all-have-one"),
    ],
)
def test_a_file_that_is_not_as_the_setting_says_is_found(
    source: Path, tmp_path: Path, csv_safe: bool, damage: Callable[[str], str]
) -> None:
    run_replay([str(source)], tmp_path / "out", None, csv_safe=csv_safe)
    copy = ReplayCopy(tmp_path / "out", tmp_path / "copy")
    audit_directory(copy.root)
    file = copy.file_of(copy.delivery("CASH_ACTIVITY"))
    file.write_text(damage(file.read_text()))
    copy.store_anew()
    with pytest.raises(DifferenceError, match=r"CashActivityReport_03-03-26\.csv line [2-4]"):
        audit_directory(copy.root)


@pytest.mark.parametrize(
    ("csv_safe", "stored"),
    [
        pytest.param(True, {}, id="on-and-not-stored"),
        pytest.param(True, {"csv_safe": "true"}, id="on-and-stored-as-a-text"),
        pytest.param(False, {"csv_safe": True}, id="off-and-stored-as-on"),
    ],
)
def test_a_summary_that_claims_another_setting_is_found(
    source: Path, tmp_path: Path, csv_safe: bool, stored: dict[str, Any]
) -> None:
    run_replay([str(source)], tmp_path / "out", None, csv_safe=csv_safe)
    claimed = {k: v for k, v in summary(tmp_path / "out").items() if k != "csv_safe"} | stored
    (tmp_path / "out" / "summary.json").write_bytes(orjson.dumps(claimed))
    with pytest.raises(DifferenceError, match="CashActivityReport"):
        audit_directory(tmp_path / "out")


# -- the live tasks, and what they recorded ------------------------------------------------------


def settled(source: Path, seed: int, *, csv_safe: bool) -> PipelineInMemory:
    """Return the day in the live tasks, whose workers die; it must be as replayed."""
    chance = random.Random(seed)
    pipeline = PipelineInMemory(
        PARTITIONS,
        lambda _: chance.random() < 0.1,
        lambda: chance.random() < 0.5,
        csv_safe=csv_safe,
    )
    lines = told_of(read_inputs([str(source)]))
    assert differences(both_engines(lines, pipeline), pipeline) == []
    return pipeline


@on_and_off
@pytest.mark.parametrize("seed", range(3))
def test_the_live_tasks_write_the_same_file_and_refold(
    source: Path, seed: int, csv_safe: bool, expected: str
) -> None:
    pipeline = settled(source, seed, csv_safe=csv_safe)
    assert pipeline.files[FILE].decode() == expected
    recording = Recording(pipeline)
    refolded = refold(recording, recording, csv_safe=csv_safe)
    assert recording.files == pipeline.files
    assert refolded.unanswered == []
    assert refolded.states_compared == refolded.task_partitions == 5 * PARTITIONS
    assert refolded.inputs.total() == len(day()) - 1 + refolded.inputs["clock"]


@pytest.mark.parametrize("csv_safe", [False, True], ids=["off", "on"])
def test_a_refold_with_another_setting_names_the_file(source: Path, csv_safe: bool) -> None:
    recording = Recording(settled(source, 1, csv_safe=csv_safe))
    with pytest.raises(DifferenceError, match=r"report-issues-.*CASH_ACTIVITY.*=1\+1"):
        refold(recording, recording, csv_safe=not csv_safe)


@on_and_off
def test_a_recorded_replay_keeps_the_setting_for_its_audit(
    source: Path, tmp_path: Path, csv_safe: bool, expected: str
) -> None:
    dump, out = tmp_path / "dump.jsonl", tmp_path / "out"
    dump.write_bytes(b"".join(dump_lines(settled(source, 2, csv_safe=csv_safe).records())))
    with pytest.raises(Failure, match="not as it was recorded: report-issues-"):
        run_recorded(dump, out, csv_safe=not csv_safe)
    assert not out.exists()
    run_recorded(dump, out, csv_safe=csv_safe)
    assert summary(out).get("csv_safe", "not there") == (csv_safe or "not there")
    assert (out / "s3" / FILE).read_text() == expected
    audit_recorded(out)
    (out / "s3" / FILE).write_text(AS_IT_CAME if csv_safe else CSV_SAFE)
    with pytest.raises(DifferenceError, match=r"CashActivityReport_03-03-26\.csv line 2"):
        audit_recorded(out)
