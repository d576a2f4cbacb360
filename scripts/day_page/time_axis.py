"""A period as a horizontal axis: hours, dates and windows of Chicago, in percent of it."""

import datetime as dt
from dataclasses import dataclass

from replay.day_page.period import Period
from schemas.instant import DAY, Micros
from scripts.day_page.words import local
from settlement.calendar import SCHEDULE, chicago, first_window, window_after

_HOURS_APART = (1, 2, 3, 4, 6, 12, 24)
_TICKS_MAX = 13
# Beyond so many days the windows are lines without names.
_NAMED_DAYS_MAX = 2
_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tick:
    """A named place; a `minor` one gives way on a narrow screen."""

    percent: str
    text: str
    minor: bool
    is_date: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A window, or a stretch between two (then it has a `width`)."""

    percent: str
    width: str
    text: str


class TimeAxis:
    """Places of instants in a period."""

    def __init__(self, period: Period) -> None:
        """Take the period; an empty one has a width of nothing."""
        self.period = period
        self.length = max(1, period.end - period.start)

    def percent(self, at: Micros) -> float:
        """Return where an instant lies, 0 to 100."""
        return min(100.0, max(0.0, 100 * (at - self.period.start) / self.length))

    def ticks(self) -> list[Tick]:
        """Return hours, or dates, that are well apart."""
        apart = next(
            (h for h in _HOURS_APART if self.length <= h * _TICKS_MAX * DAY // 24),
            24 * -(-self.length // (_TICKS_MAX * DAY)),
        )
        days = max(1, apart // 24)
        first, last = self.period.dates()
        instants: dict[Micros, None] = {}
        date = first
        while date <= last:
            for hour in range(0, 24, min(24, apart)):
                instants[chicago(date, hour, 0)] = None
            date += days * _ONE_DAY
        shown = [at for at in instants if at in self.period]
        # Dates stay on a narrow screen, and every other hour beside them.
        kept = next((n % 2 for n, at in enumerate(shown) if local(at).hour == 0), 0)
        return [self._tick(at, minor=n % 2 != kept) for n, at in enumerate(shown)]

    def retries(self) -> list[Mark]:
        """Return the windows in which unsettled cash calls are tried again."""
        return [
            self._mark(at, at, f"{local(at):%H:%M} retry")
            for at, index in self._windows()
            if SCHEDULE[index][2] == "RETRY"
        ]

    def maintenances(self) -> list[Mark]:
        """Return the stretches in which no order is taken."""
        begins: Micros | None = None
        marks = []
        for at, index in self._windows():
            if SCHEDULE[index][2] == "MAINTENANCE_BEGIN":
                begins = at
            elif SCHEDULE[index][2] == "MAINTENANCE_END":
                marks.append(self._mark(begins or self.period.start, at, "maintenance"))
                begins = None
        if begins is not None:
            marks.append(self._mark(begins, self.period.end, "maintenance"))
        return marks

    def _windows(self) -> list[tuple[Micros, int]]:
        found = []
        window = first_window(self.period.start)
        while window.scheduled_at < self.period.end:
            found.append((window.scheduled_at, window.index))
            window = window_after(window)
        return found

    def _tick(self, at: Micros, *, minor: bool) -> Tick:
        there = local(at)
        is_date = there.hour == 0
        text = f"{there.day} {there:%b}" if is_date else f"{there:%H:%M}"
        return Tick(f"{self.percent(at):.2f}", text, minor, is_date)

    def _mark(self, begin: Micros, end: Micros, text: str) -> Mark:
        named = self.length <= _NAMED_DAYS_MAX * DAY
        left = self.percent(begin)
        return Mark(f"{left:.2f}", f"{self.percent(end) - left:.2f}", text if named else "")
