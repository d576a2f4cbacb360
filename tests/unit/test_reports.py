"""The clients' files (contract section 11, domain.md section 9), byte by byte.

The market is 99.00 / 100.00 and nobody is charged if nothing else is said: buying 0.25 is a cash
call over 25.00. `START` is 16:40 of March 3, 2026 in UTC.
"""

from hashlib import sha256
from pathlib import Path

import pytest

from replay.spool import Spool
from settlement.reports.rows import MemoryRows, RowKind
from tests.report_files import (
    AGED,
    CASH_ACTIVITY,
    CASH_BALANCE,
    CONFIRM,
    POSITIONS,
    START,
    customer,
    lines,
    names,
    rows,
)
from tests.story import ACCOUNT, CLIENT

# -- which files, when, for whom -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "issued"),
    [
        pytest.param("06:00", set(), id="06:00-none"),
        pytest.param("09:00", set(), id="09:00-none"),
        pytest.param("09:30", {"tpj_aging/2026-03-03_0930_aged_tpj.csv"}, id="09:30"),
        pytest.param("16:30", set(), id="16:30-none"),
        pytest.param(
            "16:40",
            {
                "sod_tpj_aging/2026-03-03_sod_aged_tpj.csv",
                "execution_confirm/2026-03-03_execution_and_tpj_confirms.csv",
                "ACME_2026-03-03_asset_positions.csv",
                "ACME_CashBalanceReport_03-03-26.csv",
                "ACME_CashActivityReport_03-03-26.csv",
            },
            id="16:40",
        ),
        pytest.param("17:00", set(), id="17:00-none"),
        pytest.param("17:05", set(), id="17:05-none"),
        pytest.param("19:30", {"tpj_aging/2026-03-03_1930_aged_tpj.csv"}, id="19:30"),
    ],
)
def test_the_files_of_each_window(at: str, issued: set[str]) -> None:
    story = customer()
    hour, minute = at.split(":")
    story.wait(f"{int(hour) - 1:02d}:59" if minute == "00" else f"{hour}:{int(minute) - 1:02d}")
    before = names(story)
    happened = story.wait(at)
    assert names(story) - before == issued
    assert len(happened.all("ReportDelivered")) == len(issued)


@pytest.mark.parametrize(
    ("date", "until", "wanted"),
    [
        pytest.param(
            "2026-03-08",
            "2026-03-09T00:30:00Z",
            {
                "tpj_aging/2026-03-08_0930_aged_tpj.csv",
                "tpj_aging/2026-03-08_1930_aged_tpj.csv",
                "sod_tpj_aging/2026-03-08_sod_aged_tpj.csv",
                "ACME_CashBalanceReport_03-08-26.csv",
            },
            id="spring-forward",
        ),
        pytest.param(
            "2026-11-01",
            "2026-11-02T01:30:00Z",
            {
                "tpj_aging/2026-11-01_0930_aged_tpj.csv",
                "tpj_aging/2026-11-01_1930_aged_tpj.csv",
                "ACME_CashActivityReport_11-01-26.csv",
            },
            id="fall-back",
        ),
        pytest.param(
            "2024-02-29",
            "2024-03-01T01:30:00Z",
            {"ACME_2024-02-29_asset_positions.csv", "ACME_CashBalanceReport_02-29-24.csv"},
            id="leap-day",
        ),
        pytest.param(
            "2026-12-31",
            "2027-01-01T01:30:00Z",
            {
                "tpj_aging/2026-12-31_1930_aged_tpj.csv",
                "execution_confirm/2026-12-31_execution_and_tpj_confirms.csv",
                "ACME_CashBalanceReport_12-31-26.csv",
            },
            id="year-end-though-utc-is-in-the-new-year",
        ),
    ],
)
def test_file_dates_are_the_ct_date_of_the_cut(date: str, until: str, wanted: set[str]) -> None:
    story = customer(date=date)
    story.wait(until)
    assert wanted <= names(story)
    assert len(names(story)) == 7


def test_every_client_known_by_client_updated_gets_its_files_also_without_accounts() -> None:
    """BETA has no account: no cash files, the others with headers only. GAMA is not known."""
    story = customer()
    story.client("BETA", at="01:00")
    story.account("GAMA0001", client="GAMA", at="01:00")
    story.wait("19:30")
    assert names(story, "BETA") == {
        "tpj_aging/2026-03-03_0930_aged_tpj.csv",
        "tpj_aging/2026-03-03_1930_aged_tpj.csv",
        "sod_tpj_aging/2026-03-03_sod_aged_tpj.csv",
        "execution_confirm/2026-03-03_execution_and_tpj_confirms.csv",
        "BETA_2026-03-03_asset_positions.csv",
    }
    assert names(story, "GAMA") == {
        "GAMA_CashBalanceReport_03-03-26.csv",
        "GAMA_CashActivityReport_03-03-26.csv",
    }


def test_a_client_told_at_a_window_s_time_gets_files_from_the_next_on() -> None:
    story = customer()
    story.client("BETA", at="09:30")
    story.client("GAMA", at="16:39:59.999999")
    story.wait("16:40")
    wanted = {
        "sod_tpj_aging/2026-03-03_sod_aged_tpj.csv",
        "execution_confirm/2026-03-03_execution_and_tpj_confirms.csv",
    }
    assert names(story, "BETA") == {*wanted, "BETA_2026-03-03_asset_positions.csv"}
    assert names(story, "GAMA") == {*wanted, "GAMA_2026-03-03_asset_positions.csv"}


def test_header_only_files_are_issued() -> None:
    story = customer()
    story.wait("19:30")
    date = "2026-03-03"
    assert lines(story, f"tpj_aging/{date}_0930_aged_tpj.csv") == [AGED]
    assert lines(story, f"tpj_aging/{date}_1930_aged_tpj.csv") == [AGED]
    assert lines(story, f"sod_tpj_aging/{date}_sod_aged_tpj.csv") == [AGED]
    assert lines(story, f"execution_confirm/{date}_execution_and_tpj_confirms.csv") == [
        "From,2026-03-02T22:40:00.000Z,To,2026-03-03T22:40:00.000Z",
        CONFIRM,
    ]
    assert lines(story, f"ACME_{date}_asset_positions.csv") == [POSITIONS]
    assert lines(story, "ACME_CashActivityReport_03-03-26.csv") == [CASH_ACTIVITY]
    assert lines(story, "ACME_CashBalanceReport_03-03-26.csv") == [
        CASH_BALANCE,
        f"{ACCOUNT},0.00,0.00",
    ]


def test_clients_never_see_each_other_s_rows() -> None:
    story = customer()
    story.client("BETA", at="01:00")
    story.account("BETA0001", client="BETA", at="01:00")
    for account in (ACCOUNT, "BETA0001"):
        story.order("o1", account_id=account, quantity="0.25")
        story.funding("DepositInitiated", "D1", "5.00", account_id=account)
    story.wait("19:30")
    for client in (CLIENT, "BETA"):
        for name in names(story, client):
            cells = {cell[:4] for row in rows(story, name, client) for cell in row}
            assert cells.isdisjoint({"ACME", "BETA"} - {client}), name


# -- deliveries ------------------------------------------------------------------------------------


def test_a_delivery_names_the_file_its_rows_and_its_checksum() -> None:
    story = customer()
    story.order("o1", quantity="0.25")
    story.order("o2", quantity="0.5")
    delivered = story.wait("16:40").all("ReportDelivered")
    assert [event["report"] for event in delivered] == [
        "SOD_AGED_TPJ",
        "EXECUTION_CONFIRM",
        "POSITIONS",
        "CASH_BALANCE",
        "CASH_ACTIVITY",
    ]
    for event in delivered:
        path = event["uri"].removeprefix("s3://")
        text = story.files[path].encode()
        headers = 2 if event["report"] == "EXECUTION_CONFIRM" else 1
        assert event["sha256"] == sha256(text).hexdigest()
        assert event["rows"] == text.count(b"\n") - headers
        assert (event["client"], event["event_time"]) == (CLIENT, START)
        assert event["cause_id"] == f"START_OF_DAY@{START}"


def test_control_totals() -> None:
    """Dollars of the amount column, quantities in the positions file."""
    story = customer(cash="30.00")
    story.account("ACME0000", at="00:30")
    story.order("o1", quantity="0.25")  # 25.00 settles
    story.order("o2", quantity="0.5")  # 50.00 does not
    story.order("o1", account_id="ACME0000", quantity="0.125")  # 12.50 does not
    totals = {e["report"]: e["control_total"] for e in story.wait("16:40").all("ReportDelivered")}
    assert totals == {
        "SOD_AGED_TPJ": "62.50",
        "EXECUTION_CONFIRM": "87.50",
        "POSITIONS": "0.875",
        "CASH_BALANCE": "5.00",
        "CASH_ACTIVITY": "55.00",
    }


def test_clients_are_served_in_code_order() -> None:
    story = customer()
    for client in ("ZZZZ", "AAAA"):
        story.client(client, at="01:00")
    delivered = story.wait("09:30").all("ReportDelivered")
    assert [event["client"] for event in delivered] == ["AAAA", CLIENT, "ZZZZ"]


# -- rows that wait on disk ------------------------------------------------------------------------


def test_rows_on_disk_are_the_rows_in_memory(tmp_path: Path) -> None:
    """A command keeps waiting rows in a file, 256 at a time; files and stories see the same."""
    spool, memory = Spool(str(tmp_path)), MemoryRows()
    kinds: tuple[RowKind, ...] = ("aged", "execution", "activity")
    for day in range(3):
        for number in range(600):
            for store in (spool, memory):
                store.add("ACME", kinds[number % 3], f"{day} {number} é\u2028\x1f")
                store.add("BETA", "activity", f"{day} {number}")
        for client in ("ACME", "BETA", "GAMA"):
            for kind in kinds:
                rows_now = list(spool.read(client, kind))
                assert rows_now == list(memory.read(client, kind))
                assert rows_now == list(spool.read(client, kind))  # reading takes nothing away
        for store in (spool, memory):
            store.clear(kinds[day])
    assert len(list(spool.read("BETA", "activity"))) == 0
    assert len(list(spool.read("ACME", "execution"))) == 200
    spool.close()
    assert list(tmp_path.iterdir()) == []
