"""A partition whose task raises is parked: where, since when, and when it is tried again.

Design: the live engine, step 1. After a failure the inputs up to the failed one are applied again,
one per transaction. So everything before the bad input is committed, and its place is exact: only
then is the partition reported as parked. It is tried again with growing pauses until it gets past
that input, because the cause is gone or because the input is quarantined.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.task import Record

log = logging.getLogger("settle")

# Between two tries of one input: at first, and at most. The desk waits this long after a
# quarantine; a try costs a restore of the partition's state.
PAUSE_SECONDS = 1.0
PAUSE_SECONDS_MAX = 30.0
# An error line holds at most so many characters of what a task raised: it may repeat an input.
_REASON_LENGTH_MAX = 500


class TaskFailedError(Exception):
    """A task raised, or the broker rejected what it emits.

    `record` is the input that the task was at, None while it restored its state.
    """

    def __init__(self, record: Record | None, error: Exception) -> None:
        """Take what was raised."""
        said = "".join(
            letter if letter.isprintable() else letter.encode("unicode_escape").decode()
            for letter in " ".join(str(error).split())[:_REASON_LENGTH_MAX]
        )
        kind = type(error).__name__
        self.record = record
        # One line; aiokafka's errors begin with their own name.
        self.reason = said if said.startswith(f"{kind}:") else f"{kind}: {said}" if said else kind
        super().__init__(self.reason)


class WaitsForEarlierTaskError(Exception):
    """A quarantined input that an earlier task has neither applied nor skipped yet."""


@dataclass(slots=True)
class Parked:
    """A parked partition, as `/health` shows it."""

    record: Record | None
    reason: str
    since: float = field(default_factory=time.monotonic)
    tries: int = 1

    @property
    def place(self) -> str:
        """Return the place of the input in words."""
        record = self.record
        if record is None:
            return "the restore of its state"
        return f"{record.topic}-{record.partition} offset {record.offset}"

    def line(self) -> str:
        """Return where, why and for how long the partition has been parked."""
        seconds = time.monotonic() - self.since
        return f"parked at {self.place} for {seconds:.0f} s, tries {self.tries}: {self.reason}"


class Parking:
    """What one task partition remembers from one failure to the next."""

    def __init__(self, name: str) -> None:
        """Start without a failure; `name` is that of the task partition."""
        self.parked: Parked | None = None
        self._name = name
        # By topic, the last offset that a failed transaction reached: up to there, inputs are
        # applied one per transaction.
        self._suspects: dict[str, int] = {}

    @property
    def one_by_one(self) -> bool:
        """Whether each input gets a transaction of its own."""
        return bool(self._suspects)

    def failed(self, failure: TaskFailedError, applied: Mapping[str, int]) -> float:
        """Take a failure; return the seconds to wait before the next try.

        `applied`: of each topic in the failed transaction, the offset of the last input.
        """
        log.debug("%s failed", self._name, exc_info=failure)
        record = failure.record
        is_exact = record is None or self.one_by_one
        reached = dict(applied)
        if record is not None:
            reached[record.topic] = max(reached.get(record.topic, 0), record.offset)
        for topic, offset in reached.items():
            self._suspects[topic] = max(self._suspects.get(topic, 0), offset)
        if not is_exact:
            log.info("%s: %s; its inputs are applied one by one", self._name, failure.reason)
            return 0.0
        parked = self.parked
        if parked is None or parked.record != record:
            parked = self.parked = Parked(record, failure.reason)
            log.error(
                "%s is parked at %s: %s; it is tried again, at least every %.0f s",
                self._name,
                parked.place,
                parked.reason,
                PAUSE_SECONDS_MAX,
            )
        else:
            parked.reason = failure.reason
            parked.tries += 1
        return min(PAUSE_SECONDS * 2.0 ** min(parked.tries - 1, 10), PAUSE_SECONDS_MAX)

    def restored(self) -> None:
        """Note that the state is restored: a partition that was parked for that goes on."""
        if self.parked is not None and self.parked.record is None:
            self._go_on()

    def committed(self, applied: Mapping[str, int]) -> None:
        """Note up to which offset of each topic a transaction applied inputs."""
        for topic, offset in applied.items():
            if offset >= self._suspects.get(topic, offset + 1):
                del self._suspects[topic]
        record = self.parked.record if self.parked is not None else None
        if record is not None and applied.get(record.topic, -1) >= record.offset:
            self._go_on()

    def _go_on(self) -> None:
        if self.parked is not None:
            log.warning("%s goes on after %s", self._name, self.parked.place)
        self.parked = None
