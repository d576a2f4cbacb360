"""One recorded input topic partition of a task, read once from its beginning."""

from collections.abc import Iterator

from pipeline.task import Record
from replay.difference import DifferenceError


class InputRead:
    """What of it is applied, and what comes next."""

    def __init__(self, records: Iterator[Record]) -> None:
        """Start before the first record."""
        self._records = records
        self.next: Record | None = next(records, None)
        # The offset behind the last record that was applied.
        self.position = 0

    def take(self) -> Record | None:
        """Return the next record, None at the end."""
        record = self.next
        if record is not None:
            self.next = next(self._records, None)
            self.position = record.offset + 1
        return record

    def left(self) -> int:
        """Return how many are left; nothing can be taken afterwards."""
        first, self.next = self.next, None
        return 0 if first is None else 1 + sum(1 for _ in self._records)


def taken(read: InputRead, place: str, of: tuple[str, int], expected: int, number: int) -> Record:
    """Take the next record, which must be the one that the task-log names: none left out."""
    topic, partition = of
    record = read.take()
    if record is None:
        raise DifferenceError(
            place,
            f"the input {topic}-{partition} offset {expected}",
            expected="recorded",
            found="not there",
        )
    # Inside a span there may be gaps: control records occupy offsets.
    if number == 0 and record.offset != expected:
        raise DifferenceError(
            place,
            f"the next input of {topic}-{partition}, each applied once",
            expected=f"offset {record.offset}",
            found=f"offset {expected}",
        )
    return record
