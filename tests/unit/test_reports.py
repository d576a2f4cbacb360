"""The clients' files (contract section 11, domain.md section 9), byte by byte.

The market is 99.00 / 100.00 and nobody is charged if nothing else is said: buying 0.25 is a cash
call over 25.00. `START` is 16:40 of March 3, 2026 in UTC.
"""

import csv
import io
from hashlib import sha256
from pathlib import Path

import pytest

from replay.spool import Spool
from settlement.reports.rows import MemoryRows, RowKind
from tests.story import ACCOUNT, CLIENT, Story, event_id

START = "2026-03-03T22:40:00.000000Z"
AGED = (
    "account_id,tpj_id,execution_id,symbol,side,direction,notional,executed_at,first_failed_at,"
    "attempts,last_reason,age_days"
)
CONFIRM = (
    "account_id,direction,side,execution_id,client_order_id,symbol,quantity,price,commission,"
    "net_money,executed_at,tpj_id,tpj_status"
)
POSITIONS = "Timestamp,Account ID,Asset ID,Asset Type,Quantity"
CASH_BALANCE = "Partner Party Ref,Unsettled Amount,Settled Amount"
CASH_ACTIVITY = (
    "account_id,activity_id,instrument_type,direction,amount,status,occurred_at,reference"
)


def customer(cash: str | None = None, date: str = "2026-03-03") -> Story:
    """Return a story with a market from midnight on that stays good, and perhaps cash."""
    story = Story(known=False, date=date)
    story.client(at="00:00")
    story.instrument(at="00:00", stale_after_ms=60 * 24 * 3_600_000)
    story.account(at="00:00")
    story.tick("99.00", "100.00", at="00:00")
    if cash is not None:
        story.funding("DepositSettled", "cash", cash, at="00:00", event_id="cash")
    return story


def lines(story: Story, name: str, client: str = CLIENT) -> list[str]:
    """Return the lines of a client's file: LF, the last line too."""
    text = story.files[f"{client}/{name}"]
    assert text.endswith("\n")
    assert "\r\n" not in text
    return text.removesuffix("\n").split("\n")


def rows(story: Story, name: str, client: str = CLIENT) -> list[list[str]]:
    """Return the rows below a header, read as CSV."""
    text = story.files[f"{client}/{name}"]
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]


def names(story: Story, client: str = CLIENT) -> set[str]:
    """Return the names of a client's files."""
    return {
        path.removeprefix(f"{client}/") for path in story.files if path.startswith(f"{client}/")
    }


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


# -- aged ------------------------------------------------------------------------------------------


def test_an_aged_row() -> None:
    """Failed at 05:00:00.987654 and 06:00; times in milliseconds, truncated."""
    story = customer()
    story.order("o1", quantity="0.25", at="05:00:00.987654")
    story.wait("09:30")
    assert lines(story, "tpj_aging/2026-03-03_0930_aged_tpj.csv") == [
        AGED,
        (
            f"{ACCOUNT},{ACCOUNT}-o1-1-TPJ,{ACCOUNT}-o1-1,BTCUSD,BUY,WITHDRAWAL,25.00,"
            "2026-03-03T11:00:00.987Z,2026-03-03T11:00:00.987Z,2,INSUFFICIENT_FUNDS,0"
        ),
    ]


def test_a_deposit_s_aged_row_has_a_positive_notional() -> None:
    story = customer(cash="25.00")
    story.order("o1", quantity="0.25", at="10:00")
    story.history.pipeline.settlement.accounts[ACCOUNT].mode = "LOCKED"  # settlement knew first
    story.order("o2", side="SELL", quantity="0.25", at="11:00:00.000999")
    story.wait("16:40")
    assert lines(story, "sod_tpj_aging/2026-03-03_sod_aged_tpj.csv") == [
        AGED,
        (
            f"{ACCOUNT},{ACCOUNT}-o2-1-TPJ,{ACCOUNT}-o2-1,BTCUSD,SELL,DEPOSIT,24.75,"
            "2026-03-03T17:00:00.000Z,2026-03-03T17:00:00.000Z,1,ACCOUNT_RESTRICTED,0"
        ),
    ]


def test_aged_rows_are_sorted_by_account_then_call() -> None:
    """They list cash calls, so by `tpj_id` as text within an account, whatever their age."""
    story = customer()
    story.account("ACME0000", at="00:30")
    for order, account in (("b", ACCOUNT), ("z", "ACME0000"), ("a", ACCOUNT), ("a-1", ACCOUNT)):
        story.order(order, account_id=account, quantity="0.1")
    story.wait("16:40")
    keys = [row[:2] for row in rows(story, "sod_tpj_aging/2026-03-03_sod_aged_tpj.csv")]
    assert keys == [
        ["ACME0000", "ACME0000-z-1-TPJ"],
        [ACCOUNT, f"{ACCOUNT}-a-1-1-TPJ"],
        [ACCOUNT, f"{ACCOUNT}-a-1-TPJ"],
        [ACCOUNT, f"{ACCOUNT}-b-1-TPJ"],
    ]


def test_the_sod_file_does_not_reflect_the_17_00_retry_the_19_30_file_does() -> None:
    """30.00 comes before the cut: at 17:00 it pays the older call."""
    story = customer()
    story.order("o1", quantity="0.25", at="10:00")
    story.order("o2", quantity="0.25", at="11:00")
    story.funding("DepositSettled", "D1", "30.00", at="16:39:59.999999")
    story.wait("19:30")
    sod = rows(story, "sod_tpj_aging/2026-03-03_sod_aged_tpj.csv")
    later = rows(story, "tpj_aging/2026-03-03_1930_aged_tpj.csv")
    assert [(row[2], row[9]) for row in sod] == [
        (f"{ACCOUNT}-o1-1", "1"),
        (f"{ACCOUNT}-o2-1", "1"),
    ]
    assert [(row[2], row[9]) for row in later] == [(f"{ACCOUNT}-o2-1", "2")]


def test_the_aged_file_is_the_aged_failures_of_its_window() -> None:
    story = customer()
    story.account("ACME0000", at="00:30")
    for number in range(5):
        story.order(f"o{number}", quantity="0.1")
        story.order(f"o{number}", account_id="ACME0000", quantity="0.2")
    happened = story.wait("19:30")
    for report, name in (
        ("SOD", "sod_tpj_aging/2026-03-03_sod_aged_tpj.csv"),
        ("AGED", "tpj_aging/2026-03-03_1930_aged_tpj.csv"),
    ):
        events = [e for e in happened.on("aged-failures") if e["report"] == report]
        wanted = sorted(
            [
                *(e[column] for column in AGED.split(",")[:7]),
                f"{e['executed_at'][:23]}Z",
                f"{e['first_failed_at'][:23]}Z",
                str(e["attempts"]),
                e["last_reason"],
                str(e["age_days"]),
            ]
            for e in events
        )
        assert len(wanted) == 10
        assert rows(story, name) == wanted


def test_a_written_off_call_is_in_no_later_file() -> None:
    story = customer()
    story.order("o1", quantity="0.25", at="10:00")
    story.wait("2026-04-02T14:30:00Z")
    assert len(rows(story, "tpj_aging/2026-04-01_1930_aged_tpj.csv")) == 1
    assert rows(story, "tpj_aging/2026-04-02_0930_aged_tpj.csv") == []


# -- execution confirm -----------------------------------------------------------------------------


def confirm(date: str = "2026-03-03") -> str:
    return f"execution_confirm/{date}_execution_and_tpj_confirms.csv"


def test_execution_confirm_rows() -> None:
    """A buy of 0.25 with 1.25 commission that settles, a sell of 0.1, a buy that does not."""
    story = customer(cash="30.00")
    story.order("o1", quantity="0.25", commission_fixed="1.25", at="10:00:00.123999")
    story.order("o2", side="SELL", quantity="0.10", at="11:00")
    story.order("o3", quantity="0.5", at="12:00")
    story.wait("16:40")
    assert lines(story, confirm()) == [
        "From,2026-03-02T22:40:00.000Z,To,2026-03-03T22:40:00.000Z",
        CONFIRM,
        (
            f"{ACCOUNT},Withdrawal,BUY,{ACCOUNT}-o1-1,o1,BTCUSD,0.25,100.00,1.25,26.25,"
            f"2026-03-03T16:00:00.123Z,{ACCOUNT}-o1-1-TPJ,SETTLED"
        ),
        (
            f"{ACCOUNT},Deposit,SELL,{ACCOUNT}-o2-1,o2,BTCUSD,0.1,99.00,0.00,9.90,"
            f"2026-03-03T17:00:00.000Z,{ACCOUNT}-o2-1-TPJ,SETTLED"
        ),
        (
            f"{ACCOUNT},Withdrawal,BUY,{ACCOUNT}-o3-1,o3,BTCUSD,0.5,100.00,0.00,50.00,"
            f"2026-03-03T18:00:00.000Z,{ACCOUNT}-o3-1-TPJ,NOT_SETTLED"
        ),
    ]


def test_the_status_is_that_of_the_cut_and_a_file_is_never_restated() -> None:
    """One call settles at 06:00, before the cut; one at 17:00, after it."""
    story = customer()
    story.order("o1", quantity="0.25", at="05:00")
    story.funding("DepositSettled", "D1", "25.00", at="05:30")
    story.order("o2", quantity="0.25", at="10:00")
    story.funding("DepositSettled", "D2", "25.00", at="10:30")
    story.wait("2026-03-04T22:40:00Z")
    assert [(row[3], row[12]) for row in rows(story, confirm())[1:]] == [
        (f"{ACCOUNT}-o1-1", "SETTLED"),
        (f"{ACCOUNT}-o2-1", "NOT_SETTLED"),
    ]
    assert rows(story, confirm("2026-03-04"))[1:] == []


@pytest.mark.parametrize(
    ("date", "since", "until"),
    [
        pytest.param("2026-03-08", "2026-03-07T22:40", "2026-03-08T21:40", id="march-23-hours"),
        pytest.param("2026-11-01", "2026-10-31T21:40", "2026-11-01T22:40", id="november-25-hours"),
        pytest.param("2024-03-01", "2024-02-29T22:40", "2024-03-01T22:40", id="from-a-leap-day"),
        pytest.param("2027-01-01", "2026-12-31T22:40", "2027-01-01T22:40", id="from-last-year"),
    ],
)
def test_its_window_is_from_start_of_day_to_start_of_day(date: str, since: str, until: str) -> None:
    story = customer(date=date)
    story.wait(f"{until}:00Z")
    assert lines(story, confirm(date))[0] == f"From,{since}:00.000Z,To,{until}:00.000Z"


def test_an_execution_is_in_the_file_of_its_window_once() -> None:
    """16:29:59.999999 is the last instant of a trading day, 17:05 the first of the next."""
    story = customer(cash="500.00")
    story.order("o1", quantity="0.25", at="16:29:59.999999")
    story.order("o2", quantity="0.25", at="17:05")
    story.wait("2026-03-05T22:40:00Z")
    seen = {
        date: [row[4] for row in rows(story, confirm(date))[1:]]
        for date in ("2026-03-03", "2026-03-04", "2026-03-05")
    }
    assert seen == {"2026-03-03": ["o1"], "2026-03-04": ["o2"], "2026-03-05": []}


def test_executions_are_sorted_by_executed_at_account_fill_number_and_order() -> None:
    """At 12:30 the first fills of `z` and `Y`, a second fill of `a`, and another account's."""
    story = customer()
    story.account("ACME0000", at="00:30")
    story.tick("99.00", "100.00", ask_size="0.1", at="12:28")
    story.order("a", quantity="0.2", limit_price="100.00", at="12:29")
    story.order("late", quantity="0.1", at="12:29:30")
    story.order("z", quantity="0.1", at="12:30")
    story.order("Y", quantity="0.1", at="12:30")
    story.order("q", account_id="ACME0000", quantity="0.1", at="12:30")
    story.tick("99.00", "99.99", ask_size="0.1", at="12:30")
    story.wait("16:40")
    assert [row[3] for row in rows(story, confirm())[1:]] == [
        f"{ACCOUNT}-a-1",
        f"{ACCOUNT}-late-1",
        "ACME0000-q-1",
        f"{ACCOUNT}-Y-1",
        f"{ACCOUNT}-z-1",
        f"{ACCOUNT}-a-2",
    ]


def test_executions_of_one_millisecond_are_sorted_by_their_microseconds() -> None:
    story = customer()
    for order, micros in (("b", "000001"), ("a", "000002")):
        story.order(order, quantity="0.1", at=f"12:30:00.{micros}")
    story.wait("16:40")
    assert [row[4] for row in rows(story, confirm())[1:]] == ["b", "a"]


def test_fill_numbers_sort_as_numbers() -> None:
    story = customer()
    story.order("o", quantity="6.6", limit_price="95.00")
    for venue in range(11):
        story.tick(None, "95.00", provider=f"v{venue:02d}", ask_size="0.1", at="12:30")
    story.wait("16:40")
    wanted = [f"{ACCOUNT}-o-{n}" for n in range(1, 12)]
    assert [row[3] for row in rows(story, confirm())[1:]] == wanted


# -- positions -------------------------------------------------------------------------------------


def test_positions_are_every_pair_ever_held_zero_rows_too() -> None:
    story = customer(cash="500.00")
    story.instrument("ETHUSD", at="00:30", stale_after_ms=60 * 24 * 3_600_000)
    story.tick("9.00", "10.00", symbol="ETHUSD", at="00:30")
    story.account("ACME0000", at="00:30")
    story.account("ACME0009", at="00:30")  # never held anything
    story.order("o1", symbol="ETHUSD", quantity="0.50")
    story.order("o2", quantity="0.25")
    story.order("o3", side="SELL", quantity="0.25")
    story.order("o1", account_id="ACME0000", quantity="2")
    story.wait("16:40")
    at = "2026-03-03T22:40:00.000Z"
    assert lines(story, "ACME_2026-03-03_asset_positions.csv") == [
        POSITIONS,
        f"{at},ACME0000,BTC,CURRENCY,2",
        f"{at},{ACCOUNT},BTC,CURRENCY,0",
        f"{at},{ACCOUNT},ETH,CURRENCY,0.5",
    ]


def test_a_position_stays_listed_on_later_days() -> None:
    story = customer(cash="100.00")
    story.order("o1", quantity="1")
    story.order("o2", side="SELL", quantity="1")
    story.wait("2026-03-06T22:40:00Z")
    assert lines(story, "ACME_2026-03-06_asset_positions.csv") == [
        POSITIONS,
        f"2026-03-06T22:40:00.000Z,{ACCOUNT},BTC,CURRENCY,0",
    ]


def test_positions_are_those_of_the_cut() -> None:
    story = customer(cash="100.00")
    story.order("o1", quantity="0.25", at="16:29:59.999999")
    story.order("o2", quantity="0.25", at="17:05")
    story.wait("20:00")
    quantities = [row[4] for row in rows(story, "ACME_2026-03-03_asset_positions.csv")]
    assert quantities == ["0.25"]


# -- cash balance ----------------------------------------------------------------------------------


def test_cash_balance_rows() -> None:
    """Unsettled is pending deposits; what is withdrawing is in neither; below zero has a sign."""
    story = customer(cash="60.00")
    story.account("ACME0000", at="00:30")
    story.funding("DepositInitiated", "D1", "7.00")
    story.funding("WithdrawalRequested", "W1", "12.50")
    story.funding(
        "CashAdjusted", "A1", "-1.05", account_id="ACME0000", adjustment_type="ACH_RETURN_FEE"
    )
    story.wait("16:40")
    assert lines(story, "ACME_CashBalanceReport_03-03-26.csv") == [
        CASH_BALANCE,
        "ACME0000,0.00,-1.05",
        f"{ACCOUNT},7.00,47.50",
    ]


@pytest.mark.parametrize(
    ("at", "settled"),
    [
        pytest.param("16:39:59.999999", "5.00", id="a-microsecond-before-the-cut"),
        pytest.param("16:40:00.000000", "0.00", id="at-the-cut-is-the-next-day"),
    ],
)
def test_the_cut_is_half_open(at: str, settled: str) -> None:
    """Also for the activity: a row is in exactly one file."""
    story = customer()
    story.funding("DepositSettled", "D1", "5.00", at=at, event_id="d1")
    story.wait("2026-03-04T22:40:00Z")
    assert rows(story, "ACME_CashBalanceReport_03-03-26.csv") == [[ACCOUNT, "0.00", settled]]
    assert rows(story, "ACME_CashBalanceReport_03-04-26.csv") == [[ACCOUNT, "0.00", "5.00"]]
    first = [row[1] for row in rows(story, "ACME_CashActivityReport_03-03-26.csv")]
    second = [row[1] for row in rows(story, "ACME_CashActivityReport_03-04-26.csv")]
    assert (first, second) == ((["d1"], []) if settled == "5.00" else ([], ["d1"]))


# -- cash activity ---------------------------------------------------------------------------------

ACTIVITY = "ACME_CashActivityReport_03-03-26.csv"


def activity(story: Story) -> list[list[str]]:
    """Return the rows of the day but for the deposit that the story began with."""
    story.wait("16:40")
    return [row for row in rows(story, ACTIVITY) if row[1] != "cash"]


STEPS = [
    pytest.param(
        ["DepositInitiated"], [["s1", "ACH", "DEPOSIT", "25.00", "INITIATED"]], id="initiated"
    ),
    pytest.param(
        ["DepositSettled"], [["s1", "ACH", "DEPOSIT", "25.00", "SETTLED"]], id="settled-at-once"
    ),
    pytest.param(
        ["DepositInitiated", "DepositSettled", "DepositReturned"],
        [
            ["s1", "ACH", "DEPOSIT", "25.00", "INITIATED"],
            ["s2", "ACH", "DEPOSIT", "25.00", "SETTLED"],
            ["s3", "ACH", "DEPOSIT", "25.00", "RETURNED"],
        ],
        id="initiated-settled-returned",
    ),
    pytest.param(
        ["DepositInitiated", "DepositReturned"],
        [
            ["s1", "ACH", "DEPOSIT", "25.00", "INITIATED"],
            ["s2", "ACH", "DEPOSIT", "25.00", "RETURNED"],
        ],
        id="returned-before-settlement",
    ),
    pytest.param(
        ["DepositInitiated", "DepositCancelled"],
        [
            ["s1", "ACH", "DEPOSIT", "25.00", "INITIATED"],
            ["s2", "ACH", "DEPOSIT", "25.00", "CANCELLED"],
        ],
        id="cancelled",
    ),
    pytest.param(
        ["DepositInitiated", "DepositDeclined"],
        [
            ["s1", "ACH", "DEPOSIT", "25.00", "INITIATED"],
            ["s2", "ACH", "DEPOSIT", "25.00", "DECLINED"],
        ],
        id="declined",
    ),
    pytest.param(
        ["WithdrawalRequested"],
        [["accepted", "ACH", "WITHDRAWAL", "25.00", "ACCEPTED"]],
        id="withdrawal-accepted",
    ),
    pytest.param(
        ["WithdrawalRequested", "WithdrawalSettled"],
        [["accepted", "ACH", "WITHDRAWAL", "25.00", "ACCEPTED"]],
        id="withdrawal-settled-has-no-row-it-moves-no-cash",
    ),
    pytest.param(
        ["WithdrawalRequested", "WithdrawalRejected"],
        [
            ["accepted", "ACH", "WITHDRAWAL", "25.00", "ACCEPTED"],
            ["s2", "ACH", "WITHDRAWAL", "25.00", "REJECTED"],
        ],
        id="withdrawal-rejected",
    ),
    pytest.param(
        ["WithdrawalRequested", "WithdrawalSettled", "WithdrawalReturned"],
        [
            ["accepted", "ACH", "WITHDRAWAL", "25.00", "ACCEPTED"],
            ["s3", "ACH", "WITHDRAWAL", "25.00", "RETURNED"],
        ],
        id="withdrawal-returned",
    ),
]


@pytest.mark.parametrize(("steps", "wanted"), STEPS)
def test_a_row_for_each_step_that_changed_cash_or_pending(
    steps: list[str], wanted: list[list[str]]
) -> None:
    story = customer(cash="100.00")
    for number, step in enumerate(steps, 1):
        story.funding(step, "F1", "25.00", event_id=f"s{number}")
    accepted = event_id("fundings", "s1", "WithdrawalAccepted", ACCOUNT)
    seen = [row[1:6] for row in activity(story)]
    assert sorted(seen) == sorted(
        [[accepted if cell == "accepted" else cell for cell in row] for row in wanted]
    )


@pytest.mark.parametrize(
    "kind",
    [
        "ACH_RETURN_FEE",
        "PARTNER_WRITE_OFF",
        "PLATFORM_WRITE_OFF",
        "DECEASED_PARTY",
        "OTHER_ADJUSTMENT",
    ],
)
def test_an_adjustment_s_row_has_its_type_and_its_sign_as_direction(kind: str) -> None:
    story = customer()
    story.funding("CashAdjusted", "A1", "1.25", adjustment_type=kind, event_id="a1", reference="up")
    story.funding("CashAdjusted", "A2", "-3.50", adjustment_type=kind, event_id="a2")
    assert [row[:6] + row[7:] for row in activity(story)] == [
        [ACCOUNT, "a1", kind, "DEPOSIT", "1.25", "SETTLED", "up"],
        [ACCOUNT, "a2", kind, "WITHDRAWAL", "3.50", "SETTLED", ""],
    ]


def test_a_settled_cash_call_s_row() -> None:
    """`activity_id` is the `CashCallSettled`'s id; the instrument type is TPJ."""
    story = customer(cash="50.00")
    happened = story.order("o1", quantity="0.25", at="10:00:00.555555")
    settled = happened.one("CashCallSettled")
    assert activity(story) == [
        [
            ACCOUNT,
            settled["event_id"],
            "TPJ",
            "WITHDRAWAL",
            "25.00",
            "SETTLED",
            "2026-03-03T16:00:00.555Z",
            f"{ACCOUNT}-o1-1-TPJ",
        ]
    ]


def test_a_sell_s_call_is_a_deposit_row() -> None:
    story = customer(cash="50.00")
    story.order("o1", quantity="0.25")
    story.order("o2", side="SELL", quantity="0.25")
    seen = sorted(row[2:6] for row in activity(story))
    assert seen == [
        ["TPJ", "DEPOSIT", "24.75", "SETTLED"],
        ["TPJ", "WITHDRAWAL", "25.00", "SETTLED"],
    ]


def test_a_call_that_settles_at_a_retry_stands_in_the_day_of_the_retry() -> None:
    story = customer()
    story.order("o1", quantity="0.25")
    story.funding("DepositSettled", "D1", "25.00", event_id="cash")
    assert activity(story) == []
    settled = story.wait("2026-03-04T22:40:00Z").one("CashCallSettled")
    (row,) = rows(story, "ACME_CashActivityReport_03-04-26.csv")
    assert row[1] == settled["event_id"]
    assert row[6] == "2026-03-03T23:00:00.000Z"


def test_what_changes_no_cash_has_no_row() -> None:
    """A failed call, a refused withdrawal, a repeat, a dead letter, a call of 0.00."""
    story = customer(cash="100.00")
    story.order("o1", quantity="1")
    before = len(story.so_far().emitted)
    story.order("o2", quantity="0.5")
    story.funding("WithdrawalRequested", "W1", "10.00")
    story.funding("DepositSettled", "cash", "100.00")
    story.funding("DepositReturned", "D9", "1.00")
    happened = story.order("o3", side="SELL", quantity="0.02", commission_fixed="5.00")
    assert happened.one("CashCallSettled")["amount"] == "0.00"
    assert len(story.so_far().emitted) > before
    assert [row[7] for row in activity(story)] == [f"{ACCOUNT}-o1-1-TPJ"]


def test_a_write_off_has_no_row() -> None:
    story = customer()
    story.order("o1", quantity="0.25", at="10:00")
    story.wait("2026-04-02T21:40:00Z")
    assert rows(story, "ACME_CashActivityReport_04-02-26.csv") == []


@pytest.mark.parametrize("instrument_type", ["ACH", "WIRE", "DEBIT"])
def test_the_instrument_type_is_the_funding_s(instrument_type: str) -> None:
    story = customer()
    story.funding("DepositSettled", "D1", "5.00", instrument_type=instrument_type)
    assert [row[2] for row in activity(story)] == [instrument_type]


def test_activity_is_sorted_by_account_then_id() -> None:
    story = customer()
    story.account("ACME0000", at="00:30")
    for event, account in (("b", ACCOUNT), ("c", "ACME0000"), ("B", ACCOUNT), ("a", ACCOUNT)):
        story.funding("DepositInitiated", event, "1.00", account_id=account, event_id=event)
    assert [row[:2] for row in activity(story)] == [
        ["ACME0000", "c"],
        [ACCOUNT, "B"],
        [ACCOUNT, "a"],
        [ACCOUNT, "b"],
    ]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        pytest.param("plain text", "plain text", id="plain-is-not-quoted"),
        pytest.param("a,b", '"a,b"', id="comma"),
        pytest.param('say "hi"', '"say ""hi"""', id="quotes-are-doubled"),
        pytest.param("two\nlines", '"two\nlines"', id="line-feed"),
        pytest.param("two\rlines", '"two\rlines"', id="carriage-return"),
        pytest.param(" spaces ", " spaces ", id="spaces-are-kept-and-not-quoted"),
        pytest.param("é€😀", "é€😀", id="beyond-ascii"),
        pytest.param("\x1f", "\x1f", id="a-control-character"),
        pytest.param("\u2028", "\u2028", id="a-line-separator-is-no-line-end"),
        pytest.param("'single'", "'single'", id="single-quotes"),
        pytest.param("", "", id="nothing"),
    ],
)
@pytest.mark.parametrize("place", ["reference", "event_id"])
def test_quoting_is_rfc_4180_and_minimal(place: str, text: str, cell: str) -> None:
    """In a reference and in a producer's event id, which may hold anything."""
    if place == "event_id" and not text:
        text = cell = "x"
    told = {"event_id": "e1", "reference": "r"} | {place: text}
    story = customer()
    story.funding("DepositInitiated", "D1", "1.00", at="10:00", **told)
    story.wait("16:40")
    shown = {"event_id": "e1", "reference": "r"} | {place: cell}
    assert story.files[f"{CLIENT}/{ACTIVITY}"] == (
        f"{CASH_ACTIVITY}\n{ACCOUNT},{shown['event_id']},ACH,DEPOSIT,1.00,INITIATED,"
        f"2026-03-03T16:00:00.000Z,{shown['reference']}\n"
    )
    assert rows(story, ACTIVITY)[0][1::6] == [told["event_id"], told["reference"]]


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
