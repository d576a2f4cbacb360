"""What a task is: records in, events and changed state out (contract section 4, time)."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from pipeline.client_lines import TO_PARTITION
from schemas.instant import FIRST_TIME, Micros
from settlement.cause import Cause, Out, Said, fields
from settlement.dead_letter import dead_letter
from settlement.remembered import RememberedIds
from topics.catalogue import CLIENT_LINES, DEAD_LETTERS, EXECUTIONS, MARKET_FEED
from topics.decode import Refused, read_input
from topics.partition import key_bytes, partition_of

_MILLISECOND_LAST: Micros = 999


class Record(NamedTuple):
    """One Kafka record of an input topic; `appended_ms` is the broker's append time."""

    topic: str
    partition: int
    offset: int
    appended_ms: int
    key: bytes | None
    value: bytes | None


class Head(NamedTuple):
    """What was read in a record that is the next of its topic.

    `event` is a model of what comes from outside, a typed dict of what we emitted ourselves, or why
    the value is not acted on. `at` is its own time e (contract section 4).
    """

    record: Record
    event: Any
    at: Micros


# One record of a task's state: its key and value in the state topic; no value: it is gone.
Change = tuple[bytes, bytes | None]


class Task(ABC):
    """One partition of a task: its state, and what it does with a record.

    Not every record may be applied as soon as it is there: `waits` says which must not yet.
    `writes`: the topics of its events, beside dead letters.
    """

    name: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]]
    writes: ClassVar[tuple[str, ...]]

    def __init__(self, partition: int, partitions: int) -> None:
        """Start empty: partition number `partition` of `partitions`."""
        self.partition = partition
        self.partitions = partitions
        # What a dead letter carries before time has started: the time e of the last reference data.
        self.reference_time: Micros = FIRST_TIME

    @abstractmethod
    def read(self, record: Record) -> Head:
        """Read a record. Changes nothing."""

    @abstractmethod
    def waits(self, head: Head) -> bool:
        """Whether a head must stay where it is until another topic has moved on."""

    @abstractmethod
    def apply(self, head: Head, out: Out) -> Iterator[None]:
        """Decide on a head, in bounded steps.

        Between two steps, what is in `out` and in `changes` may be committed before the head's own
        position: a task that is restored from there goes on where it was when the same head is
        applied again, and lets everything else wait until then.
        """

    @abstractmethod
    def changes(self) -> Iterator[Change]:
        """Return which records of state changed since this was last asked."""

    @abstractmethod
    def restore(self, key: bytes, value: bytes) -> None:
        """Take one record of state back. The last record of each key counts."""

    def restored(self) -> None:  # noqa: B027 - most tasks have nothing left to do
        """Put together what was restored; called once before the first head, also of new tasks."""

    @property
    @abstractmethod
    def now(self) -> Micros | None:
        """The task's time T, None before it starts."""

    @property
    def next_window_at(self) -> Micros | None:
        """When the next scheduled window is; None: the task knows none."""
        return None

    def status(self) -> Mapping[str, Any]:
        """Show what a person asks of a running task, as JSON."""
        return {}

    def alerts(self) -> Sequence[str]:
        """Say what a person should look at although the task goes on, a line each."""
        return ()

    def refuse(self, head: Head, refused: Refused, out: Out) -> None:
        """Emit the dead letter of a record, at the task's time T."""
        record = head.record
        dead_letter(
            refused,
            Cause(
                record.topic,
                f"{record.topic}-{record.partition}-{record.offset}",
                self.reference_time if self.now is None else self.now,
            ),
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            raw=record.value,
            out=out,
        )


def read_outside(record: Record, partitions: int) -> Head:
    """Read a record that comes from outside.

    Its own time e is min(`event_time`, the last microsecond of its append millisecond): nobody
    trades on a future timestamp.
    """
    event = read_input(record.topic, record.key, record.value, record.partition, partitions)
    if isinstance(event, Refused):
        return Head(record, event, 0)
    return Head(record, event, min(event.own_time, record.appended_ms * 1000 + _MILLISECOND_LAST))


def fresh_ids(prefix: bytes, ids: RememberedIds) -> Iterator[Change]:
    """Return what was remembered lately as changes; a task that was never restored has none."""
    if ids.fresh:
        fresh, ids.fresh = ids.fresh, {}
        for key, value in fresh.items():
            yield prefix + key, value


def read_fields(out: Out, before: int) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Read what is in `out` behind `before`, in place: a task looks at the fields of its events."""
    read = [(topic, key, fields(event)) for topic, key, event in out[before:]]
    out[before:] = read
    return read


class Addressed(NamedTuple):
    """Where an event goes: the Kafka key (None: no key) and the partitions that get it."""

    key: bytes | None
    partitions: tuple[int, ...]


def address(topic: str, key: str, said: Said, task: Task) -> Addressed:
    """Return where an emitted event goes (contract sections 1 and 2).

    What is keyed by account or symbol stays in its cause's partition: topics are co-partitioned.
    """
    if topic == MARKET_FEED:
        return Addressed(None, tuple(range(task.partitions)))
    if topic == EXECUTIONS and fields(said)["type"] == "WindowOpened":
        return Addressed(None, (task.partition,))
    if topic == CLIENT_LINES and fields(said)["type"] in TO_PARTITION:
        return Addressed(None, (fields(said)["to_partition"],))
    if topic == DEAD_LETTERS and fields(said)["source_key_raw"] is None:
        return Addressed(None, (task.partition,))
    return Addressed(key_bytes(key), (partition_of(key, task.partitions),))
