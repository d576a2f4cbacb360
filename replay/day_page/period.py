"""Which stretch of a replay is shown, and its equal steps."""

import datetime as dt
from dataclasses import dataclass

from schemas.instant import MINUTE, Micros
from settlement.calendar import chicago, civil_date

_ONE_DAY = dt.timedelta(days=1)
# Steps that a person can name, in minutes.
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open: `start` <= t < `end`. Empty (nothing moved time) if they are equal."""

    start: Micros
    end: Micros
    # Whether the replay begins with it, and not with an earlier date.
    is_first: bool = True

    def __contains__(self, at: Micros) -> bool:
        """Whether an instant lies in it."""
        return self.start <= at < self.end

    @property
    def is_empty(self) -> bool:
        """Whether nothing moved time."""
        return self.start == self.end

    @property
    def last(self) -> Micros:
        """Its last microsecond."""
        return self.end - 1

    def within(self, date: dt.date) -> "Period":
        """Return the part that lies on a Chicago date: 23 to 25 hours at most."""
        start = max(self.start, chicago(date, 0, 0))
        end = max(start, min(self.end, chicago(date + _ONE_DAY, 0, 0)))
        return Period(start, end, is_first=start == self.start)

    def dates(self) -> tuple[dt.date, dt.date]:
        """Return the first and the last Chicago date that it touches."""
        return civil_date(self.start), civil_date(self.last)


class Steps:
    """Equal steps that cover a period, from a whole multiple of their width on.

    Times of events are put into steps, and only per step is anything kept: so what is kept does not
    grow with the number of events.
    """

    __slots__ = ("count", "start", "width")

    def __init__(self, period: Period, count_max: int) -> None:
        """Choose the smallest nameable width that needs at most `count_max` steps."""
        for minutes in _STEPS:
            self._cover(period, minutes * MINUTE)
            if self.count <= count_max:
                return
        days = 1
        while self.count > count_max:
            days *= 2
            self._cover(period, days * _STEPS[-1] * MINUTE)

    def _cover(self, period: Period, width: Micros) -> None:
        self.width = width
        self.start = period.start // width * width
        self.count = max(1, -(-(period.end - self.start) // width))

    def index(self, at: Micros) -> int:
        """Return the step that an instant lies in."""
        return (at - self.start) // self.width

    def begin(self, index: int) -> Micros:
        """Return the instant at which a step begins."""
        return self.start + index * self.width
