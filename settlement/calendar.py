"""Chicago civil time: windows, trade dates and bank days (contract section 4, domain.md 3).

No window lies in the hour that a daylight-saving change skips or repeats (02:00 to 03:00 and
01:00 to 02:00), so each happens exactly once on every civil date.
"""

import datetime as dt
from calendar import SATURDAY
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from holidays.financial.federal_reserve import FederalReserve

from schemas.instant import MINUTE, SECOND, Micros
from schemas.window import Window


def _zone() -> ZoneInfo:
    # The pinned tzdata package, not the machine's zone files: the same bytes on every machine.
    with files("tzdata.zoneinfo.America").joinpath("Chicago").open("rb") as zone:
        return ZoneInfo.from_file(zone, key="America/Chicago")


CHICAGO = _zone()

# Hour, minute (Chicago) and name of each window of a civil date, in time order.
SCHEDULE: tuple[tuple[int, int, Window], ...] = (
    (6, 0, "RETRY"),
    (9, 0, "NET_SETTLEMENT"),
    (9, 30, "AGED_REPORT"),
    (16, 30, "MAINTENANCE_BEGIN"),
    (16, 40, "START_OF_DAY"),
    (17, 0, "RETRY"),
    (17, 5, "MAINTENANCE_END"),
    (19, 30, "AGED_REPORT"),
)
_HOUR: Micros = 60 * MINUTE
_ONE_DAY = dt.timedelta(days=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, order=True)
class ScheduledWindow:
    """A window of one civil date; `index` is its place in `SCHEDULE`."""

    scheduled_at: Micros
    index: int
    date: dt.date

    @property
    def window(self) -> Window:
        """The window's name."""
        return SCHEDULE[self.index][2]


@dataclass(frozen=True, slots=True)
class _CivilDay:
    date: dt.date
    windows: tuple[ScheduledWindow, ...]
    net_settlement: Micros
    maintenance_begin: Micros
    maintenance_end: Micros
    # The trade date before and from MAINTENANCE_END.
    date_text: str
    next_date_text: str


def chicago(date: dt.date, hour: int, minute: int) -> Micros:
    """Return the instant of a Chicago wall-clock time."""
    local = dt.datetime(date.year, date.month, date.day, hour, minute, tzinfo=CHICAGO)
    return int((local - _EPOCH).total_seconds()) * SECOND


@lru_cache(maxsize=64)
def _day(date: dt.date) -> _CivilDay:
    windows = tuple(
        ScheduledWindow(chicago(date, hour, minute), index, date)
        for index, (hour, minute, _) in enumerate(SCHEDULE)
    )
    return _CivilDay(
        date,
        windows,
        net_settlement=windows[1].scheduled_at,
        maintenance_begin=windows[3].scheduled_at,
        maintenance_end=windows[6].scheduled_at,
        date_text=date.isoformat(),
        next_date_text=(date + _ONE_DAY).isoformat(),
    )


# Chicago is whole hours away from UTC, so within an hour of UTC the civil date does not change.
@lru_cache(maxsize=1024)
def _day_of_hour(hour: int) -> _CivilDay:
    at = _EPOCH + dt.timedelta(hours=hour)
    return _day(at.astimezone(CHICAGO).date())


def civil_date(at: Micros) -> dt.date:
    """Return the Chicago date of an instant."""
    return _day_of_hour(at // _HOUR).date


def civil_time_text(at: Micros) -> str:
    """Return the Chicago wall-clock time of an instant as `HHMM`, as file names carry it."""
    return (_EPOCH + dt.timedelta(microseconds=at)).astimezone(CHICAGO).strftime("%H%M")


def trade_date(at: Micros) -> str:
    """Return the Chicago date of an instant; from MAINTENANCE_END on, the next (section 4)."""
    day = _day_of_hour(at // _HOUR)
    return day.date_text if at < day.maintenance_end else day.next_date_text


def in_maintenance(at: Micros) -> bool:
    """Whether `at` is in [16:30, 17:05) Chicago time, when new orders are rejected."""
    day = _day_of_hour(at // _HOUR)
    return day.maintenance_begin <= at < day.maintenance_end


def first_window(at: Micros) -> ScheduledWindow:
    """Return the first window at or after an instant."""
    day = _day_of_hour(at // _HOUR)
    for window in day.windows:
        if window.scheduled_at >= at:
            return window
    return _day(day.date + _ONE_DAY).windows[0]


def window_after(window: ScheduledWindow) -> ScheduledWindow:
    """Return the window that follows."""
    if window.index + 1 < len(SCHEDULE):
        return _day(window.date).windows[window.index + 1]
    return _day(window.date + _ONE_DAY).windows[0]


# All calls that fail in one step are tried again at the same time.
@lru_cache(maxsize=64)
def next_retry(at: Micros) -> Micros:
    """Return the first RETRY strictly after an instant."""
    window = first_window(at + 1)
    while window.window != "RETRY":
        window = window_after(window)
    return window.scheduled_at


def next_net_settlement(at: Micros) -> Micros:
    """Return the first NET_SETTLEMENT strictly after an instant: the end of its window."""
    day = _day_of_hour(at // _HOUR)
    if at >= day.net_settlement:
        day = _day(day.date + _ONE_DAY)
    return day.net_settlement


def same_window_day_before(window: ScheduledWindow) -> Micros:
    """Return the instant of the window of the same name and time on the civil date before.

    23 or 25 hours earlier across a daylight-saving change.
    """
    return _day(window.date - _ONE_DAY).windows[window.index].scheduled_at


# The calendar itself: `financial_holidays("FED")` is the same, but loads those of every country.
_FED_HOLIDAYS = FederalReserve()  # type: ignore[no-untyped-call]  # its __init__ has no types


def is_bank_day(date: dt.date) -> bool:
    """Whether the Federal Reserve settles on this date.

    A holiday on a Saturday is not observed by the Fed, one on a Sunday moves to Monday.
    """
    return date.weekday() < SATURDAY and date not in _FED_HOLIDAYS


def bank_days_after(date: dt.date, count: int) -> dt.date:
    """Return the `count`-th bank day strictly after a date."""
    while count:
        date += _ONE_DAY
        if is_bank_day(date):
            count -= 1
    return date
