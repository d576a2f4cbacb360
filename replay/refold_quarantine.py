"""Which recorded inputs task partitions skipped, and that they were allowed to."""

from collections.abc import Iterable

from pipeline.quarantine import (
    Place,
    earlier_readers,
    is_dead_lettered,
    quarantined,
    read,
)
from pipeline.task import Head, Record, Task
from replay.difference import DifferenceError


class Skipped:
    """What was skipped so far; tasks come in the order of the chain."""

    def __init__(self) -> None:
        """Start before the first task."""
        # By partition, the reason of each quarantined record.
        self._reasons: dict[int, dict[Place, str]] = {}
        # By task and partition: positions of the inputs; what was skipped.
        self._positions: dict[tuple[str, int], dict[str, int]] = {}
        self._places: dict[tuple[str, int], set[Place]] = {}

    def begin(self, task: Task, quarantines: Iterable[Record]) -> None:
        """Take the quarantines of a task partition, which comes next."""
        if task.partition not in self._reasons:
            self._reasons[task.partition] = quarantined(
                (record.value for record in quarantines), task.partition
            )
        self._places[task.name, task.partition] = set()

    def end(self, task: Task, positions: dict[str, int]) -> None:
        """Take the positions of a task partition, which is done."""
        self._positions[task.name, task.partition] = positions

    def read(self, task: Task, record: Record) -> tuple[Head, bool]:
        """Read a record that a task skipped; return whether an earlier task dead-letters it.

        Raises:
            DifferenceError: it is not quarantined, or an earlier task had not passed it.
        """
        place = (record.topic, record.offset)
        where = f"{task.name}-{task.partition}, {record.topic} offset {record.offset}"
        reasons = self._reasons[task.partition]
        if place not in reasons:
            raise DifferenceError(
                where, "a record that was skipped", expected="quarantined", found="no quarantine"
            )
        earlier = [(name, task.partition) for name in earlier_readers(task.name, record.topic)]
        dead_lettered = is_dead_lettered(
            place,
            [(self._positions[e].get(record.topic, 0), place in self._places[e]) for e in earlier],
        )
        if dead_lettered is None:
            raise DifferenceError(
                where,
                "a record that was skipped",
                expected=f"first passed by {' and '.join(name for name, _ in earlier)}",
                found="not passed",
            )
        self._places[task.name, task.partition].add(place)
        return read(task, record, reasons), dead_lettered
