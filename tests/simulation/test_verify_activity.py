"""`settle verify` and the cash activity of clients that are of neither model with a file at 16:40.

GONE had cash, and paid it out before its account became Net Settlement; MEMO was an Apex client.
"""

from pathlib import Path

import pytest

from audit.directory import audit_directory
from replay.difference import DifferenceError
from scripts.replay import run_replay
from tests.simulation.replay_copy import ReplayCopy
from tests.simulation.test_clearing_firm import line

HOUR = 3600.0
# The story begins at 09:00 in Chicago.
AFTER_THE_CUT = 8 * HOUR


def _day() -> list[bytes]:
    def account(at: float, client: str, model: str) -> bytes:
        fields = {"account_id": f"{client}0001", "client": client, "funding_model": model}
        return line("accounts", "AccountUpdated", at, **fields)

    def funding(at: float, kind: str, client: str) -> bytes:
        fields = {"account_id": f"{client}0001", "funding_id": kind[:3], "amount": "80.00"}
        return line("fundings", kind, at, instrument_type="ACH", **fields)

    return [
        line("clients", "ClientUpdated", 0, client="GONE", commission_model="MARKUP"),
        line("clients", "ClientUpdated", 0.5, client="MEMO", commission_model="MARKUP"),
        account(1, "GONE", "MARKETPLACE"),
        account(2, "MEMO", "APEX_CLEARING"),
        funding(10, "DepositSettled", "GONE"),
        funding(11, "DepositSettled", "MEMO"),
        funding(20, "WithdrawalRequested", "GONE"),
        account(30, "GONE", "NET_SETTLEMENT"),
        account(31, "MEMO", "NET_SETTLEMENT"),
        line("clock", "ClockTicked", AFTER_THE_CUT, at="2026-03-03T23:00:00Z"),
        line("clock", "ClockTicked", AFTER_THE_CUT + 24 * HOUR, at="2026-03-04T23:00:00Z"),
    ]


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The day."""
    root = tmp_path_factory.mktemp("activity")
    source = root / "day.jsonl"
    source.write_bytes(b"".join(_day()))
    run_replay([str(source)], root / "out", None)
    return root / "out"


def test_each_gets_the_file_of_the_day_in_which_its_money_moved(
    replayed: Path,
) -> None:
    found = {path.name: path.read_text() for path in (replayed / "s3").rglob("*Cash*.csv")}
    assert sorted(found) == [
        "GONE_CashActivityReport_03-03-26.csv",
        "MEMO_CashActivityReport_03-03-26.csv",
    ]
    assert found["GONE_CashActivityReport_03-03-26.csv"].count("80.00") == 2
    assert found["MEMO_CashActivityReport_03-03-26.csv"].count("80.00") == 1


def test_it_verifies(replayed: Path) -> None:
    audit_directory(replayed)


@pytest.mark.parametrize(
    "client",
    [pytest.param("GONE", id="cash-of-ours"), pytest.param("MEMO", id="a-memo")],
)
def test_the_file_dropped_with_its_delivery_is_found(
    replayed: Path, tmp_path: Path, client: str
) -> None:
    copy = ReplayCopy(replayed, tmp_path / "copy")
    delivery = copy.delivery("CASH_ACTIVITY", client=client)
    copy.file_of(delivery).unlink()
    copy.drop("report-deliveries", delivery)
    copy.store_anew()
    with pytest.raises(DifferenceError, match=f"{client}_CashActivityReport_03-03-26"):
        audit_directory(copy.root)
