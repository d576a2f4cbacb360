"""The records that `settle produce` sends: an input's, and the time between them."""

import orjson

from agents.producing import Outgoing
from replay.read import InputLine, line_key, raw_value
from schemas.instant import Micros, time_text
from settlement.calendar import ScheduledWindow, first_window
from topics.catalogue import CLOCK, REFERENCE_TOPICS
from topics.cloud_events import headers
from topics.decode import Refused
from topics.partition import key_text, partition_of

_SOURCE = "/settle/produce"


def outgoing(line: InputLine, partitions: int) -> Outgoing:
    """Return the record of a line: its value byte for byte, in the partition of its key."""
    raw = raw_value(line.text)
    key = line_key(line.topic, raw)
    return Outgoing(
        line.topic,
        0 if key is None else partition_of(key_text(key), partitions),
        key,
        raw,
        () if isinstance(line.event, Refused) else tuple(headers(orjson.loads(raw), _SOURCE)),
    )


class ProducedClock:
    """The time of a produced history: `ClockTicked` where a live clock would have had to tick.

    Before the first line that starts time, before a line that crosses a window, and at the end.
    """

    def __init__(self, partitions: int) -> None:
        """Start before time, for so many partitions."""
        self._partitions = partitions
        self._next: ScheduledWindow | None = None
        self._last: Micros | None = None

    def before(self, line: InputLine) -> list[Outgoing]:
        """Return the ticks that go before a line."""
        if isinstance(line.event, Refused):
            return []
        if self._next is None:
            if line.topic in REFERENCE_TOPICS:
                return []
            crossed = True
        else:
            crossed = line.at >= self._next.scheduled_at
        self._last = line.at
        self._next = first_window(line.at + 1)
        return self._ticks(line.at) if crossed else []

    def at_the_end(self) -> list[Outgoing]:
        """Return the ticks that let every partition arrive at the last line's time."""
        return [] if self._last is None else self._ticks(self._last)

    def _ticks(self, at: Micros) -> list[Outgoing]:
        text = time_text(at)
        event = {"type": "ClockTicked", "event_id": f"clock-{text}", "event_time": text, "at": text}
        value, about = orjson.dumps(event), tuple(headers(event, _SOURCE))
        return [
            Outgoing(CLOCK, partition, None, value, about) for partition in range(self._partitions)
        ]
