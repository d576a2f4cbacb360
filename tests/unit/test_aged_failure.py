"""Aged failures (contract section 7): the open calls that failed at least once, three times a day.

The market is 99.00 / 100.00 and nobody is charged: buying 0.25 is a call over 25.00.
"""

import pytest

from schemas.account import AccountUpdated
from tests.story import ACCOUNT, CLIENT, Event, Happened, Story, event_id, only


def customer(cash: str | None = None, date: str = "2026-03-03") -> Story:
    """Return a story with a market that stays good for a month, from midnight on."""
    story = Story(known=False, date=date)
    story.client(at="00:00")
    story.instrument(at="00:00", stale_after_ms=86_400_000)
    story.account(at="00:00")
    story.tick("99.00", "100.00", at="00:00")
    if cash is not None:
        story.funding("DepositSettled", "cash", cash, at="00:00")
    return story


def aged(happened: Happened) -> list[tuple[str, str]]:
    """Return report and execution of the aged failures."""
    return [(event["report"], event["execution_id"][9:]) for event in happened.on("aged-failures")]


def only_aged(happened: Happened) -> Event:
    return happened.one("AgedFailure")


def test_an_aged_failure_s_fields() -> None:
    """Failed at 12:34:56.789012, so also in the SOD report of 16:40."""
    story = customer()
    story.order("o1", quantity="0.25", at="12:34:56.789012")
    event = only_aged(story.wait("16:40"))
    assert event == {
        "type": "AgedFailure",
        "event_id": event_id(
            "executions", "START_OF_DAY@2026-03-03T22:40:00.000000Z", "AgedFailure", ACCOUNT
        ),
        "event_time": "2026-03-03T22:40:00.000000Z",
        "cause_id": "START_OF_DAY@2026-03-03T22:40:00.000000Z",
        "account_id": ACCOUNT,
        "client": CLIENT,
        "report": "SOD",
        "as_of": "2026-03-03T22:40:00.000000Z",
        "tpj_id": f"{ACCOUNT}-o1-1-TPJ",
        "execution_id": f"{ACCOUNT}-o1-1",
        "symbol": "BTCUSD",
        "side": "BUY",
        "direction": "WITHDRAWAL",
        "notional": "25.00",
        "executed_at": "2026-03-03T18:34:56.789012Z",
        "first_failed_at": "2026-03-03T18:34:56.789012Z",
        "attempts": 1,
        "last_reason": "INSUFFICIENT_FUNDS",
        "age_days": 0,
    }


def test_three_reports_a_day_two_of_them_aged_one_sod() -> None:
    story = customer()
    story.order("o1", quantity="0.25", at="09:00")
    seen = [
        (event["report"], event["as_of"][5:16])
        for event in story.wait("2026-03-05T02:00:00Z").on("aged-failures")
    ]
    assert seen == [
        ("AGED", "03-03T15:30"),
        ("SOD", "03-03T22:40"),
        ("AGED", "03-04T01:30"),
        ("AGED", "03-04T15:30"),
        ("SOD", "03-04T22:40"),
        ("AGED", "03-05T01:30"),
    ]


def test_other_windows_report_nothing() -> None:
    story = customer()
    story.order("o1", quantity="0.25", at="05:00")
    happened = story.wait("2026-03-04T05:59:59Z")
    opened = {
        event["scheduled_at"]
        for event in happened.all("WindowOpened")
        if event["window"] in {"AGED_REPORT", "START_OF_DAY"}
    }
    assert {event["as_of"] for event in happened.on("aged-failures")} == opened


def test_a_settled_call_is_not_aged() -> None:
    story = customer(cash="25.00")
    story.order("o1", quantity="0.25", at="09:00")
    assert aged(story.wait("19:30")) == []


def test_attempts_count_the_failed_ones_so_far() -> None:
    """Failed at 05:00, 06:00 (so 2 at 09:30 and 16:40) and 17:00 (3 at 19:30)."""
    story = customer()
    story.order("o1", quantity="0.25", at="05:00")
    events = story.wait("19:30").on("aged-failures")
    assert [event["attempts"] for event in events] == [2, 2, 3]
    first = "2026-03-03T11:00:00.000000Z"
    assert {event["first_failed_at"] for event in events} == {first}


def test_the_last_reason_is_that_of_the_last_attempt() -> None:
    """Without money at 05:00; locked at 06:00 and unlocked at 10:00; at 17:00 without money."""
    story = customer()
    story.order("o1", quantity="0.25", at="05:00")
    story.account(mode="LOCKED", at="05:30")
    assert only_aged(story.wait("09:30"))["last_reason"] == "ACCOUNT_RESTRICTED"
    story.account(mode="OPEN", at="10:00")
    assert only_aged(story.wait("16:40"))["last_reason"] == "ACCOUNT_RESTRICTED"
    assert only_aged(story.wait("19:30"))["last_reason"] == "INSUFFICIENT_FUNDS"


def test_the_sod_report_never_reflects_the_17_00_retry_the_19_30_report_does() -> None:
    """The money is there from 16:39:59 on: aged at 16:40 all the same, settled at 17:00."""
    story = customer()
    story.order("o1", quantity="0.25", at="12:00")
    story.funding("DepositSettled", "D1", "25.00", at="16:39:59")
    happened = story.wait("19:30")
    assert aged(happened) == [("SOD", "o1-1")]
    assert happened.types("cash-calls") == ["CashCallSettled"]


def test_the_0930_report_reflects_the_06_00_retry() -> None:
    story = customer()
    story.order("o1", quantity="0.25", at="05:00")
    story.order("o2", quantity="0.5", at="05:00")
    story.funding("DepositSettled", "D1", "25.00", at="05:30")
    assert aged(story.wait("09:30")) == [("AGED", "o2-1")]


@pytest.mark.parametrize(
    ("at", "seen"),
    [
        pytest.param("09:29:59.999999", ["AGED", "SOD"], id="a-microsecond-before"),
        pytest.param("09:30:00", ["SOD"], id="at-its-very-time-it-is-too-late"),
    ],
)
def test_a_call_that_fails_at_a_report_s_time_is_in_the_next(at: str, seen: list[str]) -> None:
    story = customer()
    story.order("o1", quantity="0.25", at=at)
    story.wait("16:40")
    assert [report for report, _ in aged(story.so_far())] == seen


@pytest.mark.parametrize(
    ("date", "executed_at", "as_of", "age_days"),
    [
        pytest.param("2026-03-03", "12:00", "2026-03-03T22:40:00Z", 0, id="the-same-date"),
        pytest.param("2026-03-03", "12:00", "2026-03-04T15:30:00Z", 1, id="the-next-morning"),
        pytest.param(
            "2026-03-03", "12:00", "2026-03-04T01:30:00Z", 0, id="19:30-though-utc-is-a-day-on"
        ),
        pytest.param(
            "2026-03-03", "17:05", "2026-03-04T01:30:00Z", 0, id="19:30-before-the-trade-date-is-0"
        ),
        pytest.param(
            "2026-03-03", "17:05", "2026-03-04T15:30:00Z", 0, id="on-the-trade-date-of-17:05"
        ),
        pytest.param("2026-03-03", "17:05", "2026-03-05T15:30:00Z", 1, id="a-day-after-it"),
        pytest.param("2026-03-03", "16:29", "2026-03-10T14:30:00Z", 7, id="a-week-over-dst"),
        pytest.param("2026-10-30", "12:00", "2026-11-02T15:30:00Z", 3, id="over-fall-back"),
        pytest.param("2024-02-28", "12:00", "2024-03-01T15:30:00Z", 2, id="over-a-leap-day"),
        pytest.param("2026-12-31", "18:00", "2027-01-02T15:30:00Z", 1, id="over-the-year-end"),
        pytest.param("2026-03-03", "12:00", "2026-04-02T00:30:00Z", 29, id="its-last-report"),
    ],
)
def test_age_in_days(date: str, executed_at: str, as_of: str, age_days: int) -> None:
    """CT date of the report less the trade date, at least 0."""
    story = customer(date=date)
    story.order("o1", quantity="0.25", at=executed_at)
    last = story.wait(as_of).on("aged-failures")[-1]
    assert last["as_of"][:19] + "Z" == as_of
    assert last["age_days"] == age_days


def test_after_30_days_it_is_written_off_and_aged_no_more() -> None:
    story = customer()
    story.order("o1", quantity="0.25", at="12:00")
    ages = [event["age_days"] for event in story.wait("2026-04-20T12:00:00Z").on("aged-failures")]
    assert ages[-1] == 29
    assert len(ages) == 2 + 3 * 29  # 16:40 and 19:30 of the first date, three on each other


def test_a_deposit_call_ages_without_end() -> None:
    """Settlement knew of the lock before the sale: money the customer is owed, for 40 days."""
    story = customer(cash="25.00")
    story.order("o1", quantity="0.25", at="09:00")
    lock = {"event_id": "lock", "event_time": story.now_text(), "mode": "LOCKED"}
    story.history.settlement.account_updated(
        AccountUpdated.model_validate(
            {"type": "AccountUpdated", "account_id": ACCOUNT, "client": CLIENT} | lock
        ),
        0,
        [],
    )
    story.order("o2", side="SELL", quantity="0.25", at="10:00")
    event = story.wait("2026-04-12T14:30:00Z").on("aged-failures")[-1]
    wanted = {
        "side": "SELL",
        "direction": "DEPOSIT",
        "notional": "24.75",
        "last_reason": "ACCOUNT_RESTRICTED",
        "age_days": 40,
        "attempts": 81,
    }
    assert only(event, wanted) == wanted


def test_accounts_in_order_and_calls_by_execution() -> None:
    """Within an account by executed_at, fill number, client_order_id, as the retries go."""
    story = customer()
    story.account("ACME0000")
    story.order("b", quantity="0.1", at="12:00")
    story.order("a", quantity="0.1", at="12:00")
    story.order("z", quantity="0.1", at="12:01", account_id="ACME0000")
    events = story.wait("16:40").on("aged-failures")
    assert [event["execution_id"] for event in events] == [
        "ACME0000-z-1",
        f"{ACCOUNT}-a-1",
        f"{ACCOUNT}-b-1",
    ]
