"""What is to be said, and when.

A story is a generator that sleeps by yielding when it is due next, and says its lines when it
wakes: nothing is held but what is still to come, so memory grows with accounts, not with orders.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from itertools import count

from replay.quotes import input_line
from schemas.instant import MINUTE, Micros, time_text
from topics.catalogue import INPUT_ORDER

HOUR: Micros = 60 * MINUTE

Due = tuple[Micros, str]  # when a story wakes, and the topic it will speak on
Story = Iterator[Due]

# Lines of one time stand in this order of topics (contract section 12).
RANK = {topic: rank for rank, topic in enumerate(INPUT_ORDER)}


class Agenda:
    """The stories of a day; `now` is the time of the line just said, `start` and `end` bound it.

    All times in microseconds.
    """

    def __init__(self, start: Micros, hours: int) -> None:
        self.start = self.now = start
        self.end: Micros = start + hours * HOUR
        self.lines_by_type: Counter[str] = Counter()
        # What is due next, earliest first; the number keeps equal ones in the order they came.
        self._due: list[tuple[Micros, int, int, Story]] = []
        self._stories = count()
        self._said: list[bytes] = []
        self._numbers: Counter[str] = Counter()

    def tell(self, story: Story) -> None:
        """Put a story on the agenda; its first line is due now or later."""
        due = next(story, None)
        if due is not None and due[0] < self.end:
            heappush(self._due, (due[0], RANK[due[1]], next(self._stories), story))

    def until(self, at: Micros, rank: int) -> Iterator[bytes]:
        """Let all stories speak that are due before (`at`, `rank`)."""
        agenda = self._due
        while agenda and agenda[0] < (at, rank):
            self.now, _, _, story = heappop(agenda)
            self.tell(story)
            yield from self._said
            self._said.clear()

    def say(self, topic: str, kind: str, fields: Mapping[str, object]) -> None:
        """Say an event of that type, now, under the topic's next `event_id`."""
        value = {
            "type": kind,
            "event_id": f"{topic}-{self.number(topic)}",
            "event_time": time_text(self.now),
            **fields,
        }
        self.say_value(topic, kind, value)

    def say_value(self, topic: str, kind: str, value: object) -> None:
        """Say a value as it is, counted as `kind`."""
        self.lines_by_type[kind] += 1
        self._said.append(input_line(topic, value))

    def number(self, name: str) -> int:
        """Return the next number of that name: 1, 2, 3 ..."""
        self._numbers[name] += 1
        return self._numbers[name]

    def part(self, thousandths: int) -> Micros:
        """Return the instant when so many thousandths of the day are over."""
        return self.start + (self.end - self.start) * thousandths // 1000
