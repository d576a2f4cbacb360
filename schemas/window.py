"""The daily windows, and the clock that lets idle partitions move on."""

from typing import Literal

from schemas.event import Emitted, Input
from schemas.instant import TimeIn, TimeText

Window = Literal[
    "RETRY",
    "NET_SETTLEMENT",
    "AGED_REPORT",
    "MAINTENANCE_BEGIN",
    "START_OF_DAY",
    "MAINTENANCE_END",
]


class WindowOpened(Emitted):
    """A scheduled time was crossed (contract section 4)."""

    type: Literal["WindowOpened"]
    window: Window
    scheduled_at: TimeText


class ClockTicked(Input):
    """An input with no effect but time."""

    type: Literal["ClockTicked"]
    at: TimeIn
