"""The windows that have to open from the replay's beginning to its end (contract section 4)."""

from typing import Any

from audit.cause import Cause
from audit.topic_file import TopicFile, Written
from schemas.instant import Micros, time_text
from settlement.calendar import ScheduledWindow, first_window, window_after
from topics.catalogue import EXECUTIONS

_PARTITION = "0"  # a plain replay runs one


class Schedule:
    """The next window that has to open; before time begins there is none."""

    __slots__ = ("_next", "until")

    def __init__(self, until: Micros | None) -> None:
        """Take the instant to which time ran."""
        self.until = until
        self._next: ScheduledWindow | None = None

    def begin(self, at: Micros) -> None:
        """Let time begin."""
        self._next = first_window(at)

    def due(self, at: Micros, *, inclusive: bool) -> bool:
        """Whether a window has to open before what happens at `at`."""
        if self._next is None:
            return False
        due_at = self._next.scheduled_at
        return due_at <= at if inclusive else due_at < at

    def next_at(self) -> Micros:
        """Return when the next window is scheduled."""
        if self._next is None:
            raise AssertionError("time has not begun")
        return self._next.scheduled_at

    def open(self, executions: TopicFile) -> Written:
        """Take the next window from `executions`.

        Raises:
            DifferenceError: it is not there, or not as it has to be.
        """
        head = executions.head
        if self._next is None:
            raise AssertionError("time has not begun")
        if head is not None and "window" not in head.event and head.at < self._next.scheduled_at:
            raise executions.surplus("no OrderFilled belongs to it")
        executions.expect(_expected(self._next))
        if head is None:
            raise AssertionError("a topic at its end holds no window")
        self._next = window_after(self._next)
        return head


def _expected(window: ScheduledWindow) -> dict[str, Any]:
    scheduled_at = time_text(window.scheduled_at)
    cause = Cause(EXECUTIONS, f"{window.window}@{scheduled_at}", window.scheduled_at)
    opened = cause.head("WindowOpened", _PARTITION)
    opened["window"] = window.window
    opened["scheduled_at"] = scheduled_at
    return opened
