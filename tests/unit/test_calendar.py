"""Chicago time: eight windows a day, trade dates, retries, bank days (contract 4, domain 3).

Expected instants are worked out by hand in UTC: Chicago is UTC-6, in summer UTC-5. Summer begins on
the second Sunday of March and ends on the first of November.
"""

import datetime as dt

import pytest

from schemas.instant import micros, time_text
from settlement.calendar import (
    ScheduledWindow,
    bank_days_after,
    civil_date,
    civil_time_text,
    first_window,
    in_maintenance,
    is_bank_day,
    next_retry,
    same_window_day_before,
    trade_date,
    window_after,
)

DAY = dt.timedelta(days=1)
HOUR = 3_600_000_000
YEARS = (2008, 2019, 2020, 2023, 2024, 2025, 2026, 2027, 2028, 2033)
# Hour and minute (Chicago) and name of each window, as domain.md section 3 lists them.
SCHEDULE = [
    ("06:00", "RETRY"),
    ("09:00", "NET_SETTLEMENT"),
    ("09:30", "AGED_REPORT"),
    ("16:30", "MAINTENANCE_BEGIN"),
    ("16:40", "START_OF_DAY"),
    ("17:00", "RETRY"),
    ("17:05", "MAINTENANCE_END"),
    ("19:30", "AGED_REPORT"),
]


def sunday(year: int, month: int, nth: int) -> dt.date:
    """Return the nth Sunday of a month."""
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))


def summer(date: dt.date) -> bool:
    """Whether the windows of a date (all after 02:00) are in daylight-saving time."""
    return sunday(date.year, 3, 2) <= date < sunday(date.year, 11, 1)


def utc(date: dt.date, clock: str) -> int:
    """Return the instant of a Chicago time after 02:00, by the rule above."""
    midnight = micros(f"{date.isoformat()}T00:00:00Z")
    hours, minutes = clock.split(":")
    offset = 5 if summer(date) else 6
    return midnight + (int(hours) + offset) * HOUR + int(minutes) * 60_000_000


def walk(start: str, count: int) -> list[tuple[str, str]]:
    """Return name and time of the first windows from an instant on."""
    window = first_window(micros(start))
    seen: list[tuple[str, str]] = []
    for _ in range(count):
        seen.append((window.window, time_text(window.scheduled_at)))
        window = window_after(window)
    return seen


def window_at(text: str) -> ScheduledWindow:
    """Return the window that is scheduled at exactly this time."""
    window = first_window(micros(text))
    assert window.scheduled_at == micros(text)
    return window


# -- windows ---------------------------------------------------------------------------------------


def test_a_winter_day_has_these_eight_windows() -> None:
    assert walk("2026-01-15T06:00:00Z", 9) == [
        ("RETRY", "2026-01-15T12:00:00.000000Z"),
        ("NET_SETTLEMENT", "2026-01-15T15:00:00.000000Z"),
        ("AGED_REPORT", "2026-01-15T15:30:00.000000Z"),
        ("MAINTENANCE_BEGIN", "2026-01-15T22:30:00.000000Z"),
        ("START_OF_DAY", "2026-01-15T22:40:00.000000Z"),
        ("RETRY", "2026-01-15T23:00:00.000000Z"),
        ("MAINTENANCE_END", "2026-01-15T23:05:00.000000Z"),
        ("AGED_REPORT", "2026-01-16T01:30:00.000000Z"),
        ("RETRY", "2026-01-16T12:00:00.000000Z"),
    ]


def test_a_summer_day_has_them_an_hour_earlier_in_utc() -> None:
    assert walk("2026-07-15T05:00:00Z", 9) == [
        ("RETRY", "2026-07-15T11:00:00.000000Z"),
        ("NET_SETTLEMENT", "2026-07-15T14:00:00.000000Z"),
        ("AGED_REPORT", "2026-07-15T14:30:00.000000Z"),
        ("MAINTENANCE_BEGIN", "2026-07-15T21:30:00.000000Z"),
        ("START_OF_DAY", "2026-07-15T21:40:00.000000Z"),
        ("RETRY", "2026-07-15T22:00:00.000000Z"),
        ("MAINTENANCE_END", "2026-07-15T22:05:00.000000Z"),
        ("AGED_REPORT", "2026-07-16T00:30:00.000000Z"),
        ("RETRY", "2026-07-16T11:00:00.000000Z"),
    ]


@pytest.mark.parametrize(
    ("last", "following"),
    [
        pytest.param(
            "2026-03-08T01:30:00Z", "2026-03-08T11:00:00Z", id="spring-forward-10.5-hours"
        ),
        pytest.param("2026-11-01T00:30:00Z", "2026-11-01T12:00:00Z", id="fall-back-11.5-hours"),
        pytest.param("2026-01-16T01:30:00Z", "2026-01-16T12:00:00Z", id="winter-night-10.5-hours"),
        pytest.param("2024-02-29T01:30:00Z", "2024-02-29T12:00:00Z", id="into-a-leap-day"),
        pytest.param("2024-03-01T01:30:00Z", "2024-03-01T12:00:00Z", id="out-of-a-leap-day"),
        pytest.param("2023-03-01T01:30:00Z", "2023-03-01T12:00:00Z", id="no-leap-day-in-2023"),
        pytest.param("2100-03-01T01:30:00Z", "2100-03-01T12:00:00Z", id="no-leap-day-in-2100"),
        pytest.param("2027-01-01T01:30:00Z", "2027-01-01T12:00:00Z", id="year-end"),
    ],
)
def test_after_the_19_30_report_comes_06_00_of_the_next_civil_date(
    last: str, following: str
) -> None:
    window = window_at(last)
    assert window.window == "AGED_REPORT"
    assert window_after(window).window == "RETRY"
    assert window_after(window).scheduled_at == micros(following)


@pytest.mark.parametrize("year", YEARS)
def test_every_civil_date_of_a_year_has_each_window_once_in_order(year: int) -> None:
    date = dt.date(year, 1, 1)
    window = first_window(utc(date, "06:00"))
    while date.year == year:
        for clock, name in SCHEDULE:
            assert (window.window, window.scheduled_at, window.date) == (
                name,
                utc(date, clock),
                date,
            )
            assert first_window(window.scheduled_at) == window
            assert first_window(window.scheduled_at - 1) == window
            window = window_after(window)
        date += DAY


@pytest.mark.parametrize(
    ("at", "window", "scheduled_at"),
    [
        pytest.param(
            "2026-03-03T15:00:00Z", "NET_SETTLEMENT", "2026-03-03T15:00:00Z", id="at-09:00-itself"
        ),
        pytest.param(
            "2026-03-03T15:00:00.000001Z",
            "AGED_REPORT",
            "2026-03-03T15:30:00Z",
            id="a-microsecond-later",
        ),
        pytest.param(
            "2026-03-03T14:59:59.999999Z",
            "NET_SETTLEMENT",
            "2026-03-03T15:00:00Z",
            id="a-microsecond-before",
        ),
        pytest.param(
            "2026-03-04T01:30:00.000001Z", "RETRY", "2026-03-04T12:00:00Z", id="after-the-last"
        ),
        pytest.param(
            "2026-03-08T07:59:59Z", "RETRY", "2026-03-08T11:00:00Z", id="a-second-before-the-change"
        ),
        pytest.param("2026-03-08T08:00:00Z", "RETRY", "2026-03-08T11:00:00Z", id="at-the-change"),
        pytest.param(
            "2026-11-01T06:30:00Z", "RETRY", "2026-11-01T12:00:00Z", id="01:30-the-first-time"
        ),
        pytest.param(
            "2026-11-01T07:30:00Z", "RETRY", "2026-11-01T12:00:00Z", id="01:30-the-second-time"
        ),
    ],
)
def test_the_first_window_is_the_first_at_or_after(at: str, window: str, scheduled_at: str) -> None:
    found = first_window(micros(at))
    assert (found.window, found.scheduled_at) == (window, micros(scheduled_at))


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize(
    ("clock", "name"), [("09:00", "NET_SETTLEMENT"), ("16:40", "START_OF_DAY")]
)
def test_a_daily_window_is_23_hours_in_march_25_in_november_else_24(
    year: int, clock: str, name: str
) -> None:
    hours = {}
    date = dt.date(year, 1, 1)
    while date.year == year:
        window = first_window(utc(date, clock))
        assert window.window == name
        hours[date] = (window.scheduled_at - same_window_day_before(window)) / HOUR
        date += DAY
    other = {date: length for date, length in hours.items() if length != 24}
    assert other == {sunday(year, 3, 2): 23, sunday(year, 11, 1): 25}


@pytest.mark.parametrize(
    ("to", "since"),
    [
        pytest.param("2026-03-08T14:00:00Z", "2026-03-07T15:00:00Z", id="march-23-hours"),
        pytest.param("2026-03-09T14:00:00Z", "2026-03-08T14:00:00Z", id="the-day-after"),
        pytest.param("2026-11-01T15:00:00Z", "2026-10-31T14:00:00Z", id="november-25-hours"),
        pytest.param("2024-03-01T15:00:00Z", "2024-02-29T15:00:00Z", id="from-a-leap-day"),
        pytest.param("2027-01-01T15:00:00Z", "2026-12-31T15:00:00Z", id="from-the-old-year"),
        pytest.param("2026-03-08T21:40:00Z", "2026-03-07T22:40:00Z", id="start-of-day-in-march"),
    ],
)
def test_a_window_begins_at_the_same_wall_clock_time_the_day_before(to: str, since: str) -> None:
    assert same_window_day_before(window_at(to)) == micros(since)


# -- dates -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "date"),
    [
        pytest.param("2026-03-03T23:04:59.999999Z", "2026-03-03", id="17:04:59.999999"),
        pytest.param("2026-03-03T23:05:00Z", "2026-03-04", id="17:05-winter"),
        pytest.param("2026-07-15T22:04:59.999999Z", "2026-07-15", id="17:04:59.999999-summer"),
        pytest.param("2026-07-15T22:05:00Z", "2026-07-16", id="17:05-summer"),
        pytest.param("2026-03-04T05:59:59.999999Z", "2026-03-04", id="before-midnight"),
        pytest.param("2026-03-04T06:00:00Z", "2026-03-04", id="midnight-changes-nothing"),
        pytest.param("2026-03-08T21:59:00Z", "2026-03-08", id="change-day-16:59"),
        pytest.param("2026-03-08T22:05:00Z", "2026-03-09", id="change-day-17:05"),
        pytest.param("2026-03-07T23:05:00Z", "2026-03-08", id="eve-of-the-change-17:05"),
        pytest.param("2026-11-01T23:04:59Z", "2026-11-01", id="november-change-17:04:59"),
        pytest.param("2026-11-01T23:05:00Z", "2026-11-02", id="november-change-17:05"),
        pytest.param("2024-02-28T23:05:00Z", "2024-02-29", id="into-the-leap-day"),
        pytest.param("2024-02-29T23:05:00Z", "2024-03-01", id="out-of-the-leap-day"),
        pytest.param("2023-02-28T23:05:00Z", "2023-03-01", id="no-leap-day"),
        pytest.param("2026-12-31T23:05:00Z", "2027-01-01", id="into-the-new-year"),
        pytest.param("2027-01-01T05:30:00Z", "2027-01-01", id="new-years-eve-23:30"),
        pytest.param("2026-03-06T23:05:00Z", "2026-03-07", id="friday-evening-is-saturdays"),
    ],
)
def test_the_trade_date_is_the_ct_date_and_the_next_from_17_05_on(at: str, date: str) -> None:
    assert str(trade_date(micros(at))) == date


@pytest.mark.parametrize(
    ("at", "date", "clock"),
    [
        pytest.param("2026-03-04T05:59:59.999999Z", "2026-03-03", "2359", id="winter-midnight"),
        pytest.param("2026-03-04T06:00:00Z", "2026-03-04", "0000", id="winter-after-midnight"),
        pytest.param("2026-07-16T04:59:59.999999Z", "2026-07-15", "2359", id="summer-midnight"),
        pytest.param("2026-07-16T05:00:00Z", "2026-07-16", "0000", id="summer-after-midnight"),
        pytest.param("2026-03-08T07:59:00Z", "2026-03-08", "0159", id="01:59-then"),
        pytest.param("2026-03-08T08:00:00Z", "2026-03-08", "0300", id="03:00"),
        pytest.param("2026-11-01T06:59:00Z", "2026-11-01", "0159", id="01:59-summer"),
        pytest.param("2026-11-01T07:00:00Z", "2026-11-01", "0100", id="01:00-again"),
        pytest.param("2024-03-01T05:00:00Z", "2024-02-29", "2300", id="leap-day-evening"),
        pytest.param("2027-01-01T01:30:00Z", "2026-12-31", "1930", id="utc-is-in-the-new-year"),
    ],
)
def test_the_civil_date_and_time(at: str, date: str, clock: str) -> None:
    assert (civil_date(micros(at)).isoformat(), civil_time_text(micros(at))) == (date, clock)


@pytest.mark.parametrize(
    ("at", "barred"),
    [
        pytest.param("2026-03-03T22:29:59.999999Z", False, id="16:29:59.999999"),
        pytest.param("2026-03-03T22:30:00Z", True, id="16:30"),
        pytest.param("2026-03-03T22:40:00Z", True, id="16:40"),
        pytest.param("2026-03-03T23:04:59.999999Z", True, id="17:04:59.999999"),
        pytest.param("2026-03-03T23:05:00Z", False, id="17:05"),
        pytest.param("2026-07-15T21:29:59.999999Z", False, id="summer-16:29:59.999999"),
        pytest.param("2026-07-15T21:30:00Z", True, id="summer-16:30"),
        pytest.param("2026-07-15T22:05:00Z", False, id="summer-17:05"),
        pytest.param("2026-03-08T21:30:00Z", True, id="march-change-day-16:30"),
        pytest.param("2026-03-08T22:30:00Z", False, id="march-change-day-17:30"),
        pytest.param("2026-11-01T21:30:00Z", False, id="november-change-day-15:30"),
        pytest.param("2026-11-01T22:30:00Z", True, id="november-change-day-16:30"),
    ],
)
def test_maintenance_is_half_open(at: str, barred: bool) -> None:
    assert in_maintenance(micros(at)) is barred


@pytest.mark.parametrize(
    ("at", "retry"),
    [
        pytest.param("2026-03-03T11:59:59.999999Z", "2026-03-03T12:00:00Z", id="before-06:00"),
        pytest.param("2026-03-03T12:00:00Z", "2026-03-03T23:00:00Z", id="at-06:00-the-next"),
        pytest.param("2026-03-03T18:00:00Z", "2026-03-03T23:00:00Z", id="at-noon"),
        pytest.param("2026-03-03T22:59:59.999999Z", "2026-03-03T23:00:00Z", id="before-17:00"),
        pytest.param("2026-03-03T23:00:00Z", "2026-03-04T12:00:00Z", id="at-17:00-tomorrow"),
        pytest.param("2026-03-07T23:00:00Z", "2026-03-08T11:00:00Z", id="spring-night-12-hours"),
        pytest.param("2026-10-31T22:00:00Z", "2026-11-01T12:00:00Z", id="fall-night-14-hours"),
        pytest.param("2026-12-31T23:00:00Z", "2027-01-01T12:00:00Z", id="over-new-year"),
        pytest.param("2024-02-28T23:30:00Z", "2024-02-29T12:00:00Z", id="on-the-leap-day"),
    ],
)
def test_the_next_retry_is_strictly_after(at: str, retry: str) -> None:
    assert next_retry(micros(at)) == micros(retry)


# -- bank days -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "open_"),
    [
        pytest.param("2026-03-03", True, id="a-tuesday"),
        pytest.param("2026-03-07", False, id="a-saturday"),
        pytest.param("2026-03-08", False, id="a-sunday"),
        pytest.param("2026-07-03", True, id="friday-before-saturday-july-4"),
        pytest.param("2026-07-04", False, id="saturday-july-4"),
        pytest.param("2026-07-06", True, id="monday-after-saturday-july-4"),
        pytest.param("2027-07-05", False, id="monday-for-sunday-july-4"),
        pytest.param("2027-07-02", True, id="friday-before-sunday-july-4"),
        pytest.param("2027-12-24", True, id="friday-before-saturday-christmas"),
        pytest.param("2027-12-31", True, id="friday-before-saturday-new-year"),
        pytest.param("2021-12-31", True, id="friday-before-saturday-new-year-2022"),
        pytest.param("2022-12-26", False, id="monday-for-sunday-christmas"),
        pytest.param("2023-01-02", False, id="monday-for-sunday-new-year"),
        pytest.param("2023-11-10", True, id="friday-before-saturday-veterans-day"),
        pytest.param("2018-11-12", False, id="monday-for-sunday-veterans-day"),
        pytest.param("2022-06-20", False, id="monday-for-sunday-juneteenth"),
        pytest.param("2026-06-19", False, id="friday-juneteenth"),
        pytest.param("2032-06-18", True, id="friday-before-saturday-juneteenth"),
        pytest.param("2026-01-19", False, id="martin-luther-king"),
        pytest.param("2026-02-16", False, id="washington"),
        pytest.param("2026-05-25", False, id="memorial-day"),
        pytest.param("2026-09-07", False, id="labor-day"),
        pytest.param("2026-10-12", False, id="columbus-day"),
        pytest.param("2026-11-11", False, id="veterans-day"),
        pytest.param("2026-11-26", False, id="thanksgiving"),
        pytest.param("2026-11-27", True, id="the-friday-after-thanksgiving"),
        pytest.param("2026-04-03", True, id="good-friday-is-no-fed-holiday"),
        pytest.param("2026-12-24", True, id="christmas-eve"),
        pytest.param("2026-12-25", False, id="christmas-on-a-friday"),
    ],
)
def test_the_fed_settles_on(date: str, open_: bool) -> None:
    assert is_bank_day(dt.date.fromisoformat(date)) is open_


def fed_holidays(year: int) -> set[dt.date]:
    """Return the days beside weekends on which the Fed is closed, by its published rule."""

    def monday(month: int, nth: int) -> dt.date:
        first = dt.date(year, month, 1)
        return first + dt.timedelta(days=-first.weekday() % 7 + 7 * (nth - 1))

    thursday = dt.date(year, 11, 1)
    thursday += dt.timedelta(days=(3 - thursday.weekday()) % 7 + 21)
    memorial = dt.date(year, 5, 31)
    memorial -= dt.timedelta(days=memorial.weekday())
    fixed = [(1, 1), (6, 19), (7, 4), (11, 11), (12, 25)]
    moved = {dt.date(year, month, day) for month, day in fixed}
    moved = {date + DAY if date.weekday() == 6 else date for date in moved}
    return moved | {monday(1, 3), monday(2, 3), memorial, monday(9, 1), monday(10, 2), thursday}


@pytest.mark.parametrize("year", range(2022, 2041))
def test_bank_days_are_those_of_the_published_rule(year: int) -> None:
    date = dt.date(year, 1, 1)
    closed = fed_holidays(year)
    while date.year == year:
        wanted = date.weekday() < 5 and date not in closed
        assert is_bank_day(date) is wanted, date
        date += DAY


@pytest.mark.parametrize(
    ("date", "count", "found"),
    [
        pytest.param("2026-03-03", 1, "2026-03-04", id="tuesday-to-wednesday"),
        pytest.param("2026-03-05", 2, "2026-03-09", id="thursday-to-monday"),
        pytest.param("2026-03-06", 2, "2026-03-10", id="friday-to-tuesday-over-the-change"),
        pytest.param("2026-03-07", 2, "2026-03-10", id="from-a-saturday"),
        pytest.param("2026-03-08", 2, "2026-03-10", id="from-a-sunday"),
        pytest.param("2026-07-02", 2, "2026-07-06", id="july-3-counts-in-2026"),
        pytest.param("2027-07-02", 2, "2027-07-07", id="july-5-does-not-in-2027"),
        pytest.param("2026-11-25", 2, "2026-11-30", id="over-thanksgiving"),
        pytest.param("2026-12-24", 2, "2026-12-29", id="over-christmas"),
        pytest.param("2026-12-31", 1, "2027-01-04", id="over-new-year"),
        pytest.param("2024-02-28", 2, "2024-03-01", id="over-a-leap-day"),
        pytest.param("2026-02-13", 1, "2026-02-17", id="over-washington's-birthday"),
    ],
)
def test_counted_strictly_after(date: str, count: int, found: str) -> None:
    assert bank_days_after(dt.date.fromisoformat(date), count).isoformat() == found
