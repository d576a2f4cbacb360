"""The execution confirm (domain.md section 9), byte by byte."""

import pytest

from tests.report_files import CONFIRM, customer, lines, rows
from tests.story import ACCOUNT


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
