"""The Aged TPJ files (domain.md section 9), byte by byte."""

from tests.report_files import AGED, customer, lines, rows
from tests.story import ACCOUNT


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
    story.history.settlement.accounts[ACCOUNT].mode = "LOCKED"  # settlement knew first
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
