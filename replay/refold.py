"""Refold the live pipeline: every task partition again, from recorded inputs in recorded order.

`task-log` says which records each task partition applied, in which order. Applied again, through
the same pure tasks, they must give the same bytes: every event of every output topic (where several
task partitions write to one topic partition, the recorded sequence must be an interleaving of
theirs), every file, and what the state topics hold. `settle verify` refolds live topics with this,
`settle replay --recorded` a dump of them.

What a task partition has not applied yet may be there, as inputs and as events of a transaction
that came after the end of the task-log that was read: such events are only counted.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

import orjson
from typing_extensions import override

from replay.audit.difference import DifferenceError, described, of_books
from replay.record_spool import RecordSpool
from replay.refold_difference import is_in_a_window, state_difference, unexpected
from schemas.instant import Micros
from schemas.journal import FBO
from schemas.money import Cents
from settlement.cause import Out, fields
from settlement.invariants import books_difference
from settlement.tasks.chain import CHAIN
from settlement.tasks.delivery import DeliveryTask, File
from settlement.tasks.settlement import SettlementTask
from settlement.tasks.task import Record, Task, address
from settlement.tasks.trading import TradingTask
from topics.catalogue import (
    CATALOGUE,
    CLIENT_LINES,
    DEAD_LETTERS,
    MARKET_FEED,
    TASK_LOG,
    state_topic,
)

# Written to by any partition of their tasks; all other topics are co-partitioned.
_FROM_ANYWHERE = frozenset({MARKET_FEED, CLIENT_LINES, DEAD_LETTERS})
_POSITION = b"@"


class Recorded(Protocol):
    """What was recorded: every topic partition, in the order of its offsets."""

    partitions: int
    with_states: bool

    def records(self, topic: str, partition: int) -> Iterator[Record]:
        """Return the records of a topic partition."""


class Sink(Protocol):
    """Where what was refolded, and is as it was recorded, goes."""

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        """Take an event of an output topic, partition by partition."""

    def file(self, file: File) -> None:
        """Take a file of a client."""


class Unanswered(NamedTuple):
    """Inputs of a task partition that it has not applied: how many, and the first of them."""

    task: str
    topic: str
    partition: int
    offset: int
    inputs: int

    @override
    def __str__(self) -> str:
        place = f"{self.topic}-{self.partition}"
        return f"{self.task}: {self.inputs} of {place}, from offset {self.offset} on"


@dataclass(slots=True)
class Refolded:
    """What a refold without a difference has seen."""

    task_partitions: int = 0
    transactions: int = 0
    # By topic, each record once, whichever tasks read it.
    inputs: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    files: int = 0
    state_records: int = 0
    states_compared: int = 0
    fbo: Cents = 0
    first_time: Micros | None = None
    # When trading's time began.
    time_began: Micros | None = None
    last_time: Micros | None = None
    unanswered: list[Unanswered] = field(default_factory=list)
    # Events of transactions behind the end of the task-log; not compared.
    events_behind: int = 0


def refold(recorded: Recorded, sink: Sink, directory: str | None = None) -> Refolded:
    """Refold everything and compare it; `directory` is for a temporary file.

    Raises:
        DifferenceError: the first thing that is not as it was recorded.
    """
    with RecordSpool(directory) as made:
        return _Refold(recorded, sink, made).run()


class _Input:
    """One input topic partition of a task, read once from its beginning."""

    def __init__(self, records: Iterator[Record]) -> None:
        self._records = records
        self.next: Record | None = next(records, None)
        # The offset behind the last record that was applied.
        self.position = 0

    def take(self) -> Record | None:
        record = self.next
        if record is not None:
            self.next = next(self._records, None)
            self.position = record.offset + 1
        return record

    def left(self) -> int:
        """Return how many are left; nothing can be taken afterwards."""
        first, self.next = self.next, None
        return 0 if first is None else 1 + sum(1 for _ in self._records)


class _Refold:
    def __init__(self, recorded: Recorded, sink: Sink, made: RecordSpool) -> None:
        self._recorded = recorded
        self._sink = sink
        self._made = made
        self._done = Refolded()
        # Task partitions that have inputs left to apply.
        self._unfinished: set[tuple[str, int]] = set()

    def run(self) -> Refolded:
        partitions = range(self._recorded.partitions)
        last_writer = {topic: kind for kind in CHAIN for topic in kind.writes}
        differs: DifferenceError | None = None
        for kind in CHAIN:
            for partition in partitions:
                found = self._refold(kind, partition)
                differs = differs or found
            for topic in kind.writes:
                if last_writer[topic] is kind:
                    self._compare_topic(topic)
        self._compare_topic(DEAD_LETTERS)
        # Last, because a wrong event says more than the state that it left behind.
        if differs is not None:
            raise differs
        return self._done

    # -- one task partition ----------------------------------------------------------------------

    def _refold(self, kind: type[Task], partition: int) -> DifferenceError | None:
        """Apply what it applied; return how its state differs, if it does."""
        name = kind.name
        task = kind(partition, self._recorded.partitions)
        task.restored()
        inputs = {topic: _Input(self._recorded.records(topic, partition)) for topic in kind.inputs}
        state: dict[bytes, bytes] = {}
        for place, spans in self._transactions(name, partition):
            self._done.transactions += 1
            for topic, first, count in spans:
                if topic not in inputs:
                    raise DifferenceError(
                        place,
                        f"an input of {name}",
                        expected=" or ".join(inputs),
                        found=topic,
                    )
                for number in range(count):
                    record = _taken(
                        inputs[topic], place, (topic, partition), first + number, number
                    )
                    self._apply(task, record)
                    if _reads_first(kind, topic):
                        self._done.inputs[topic] += 1
            # Asked for also where nobody compares: what was told is forgotten.
            for key, value in task.changes():
                if value is None:
                    state.pop(key, None)
                elif self._recorded.with_states:
                    state[key] = value
        self._finish(task, inputs)
        if not self._recorded.with_states:
            return None
        positions = {topic: read.position for topic, read in inputs.items() if read.position}
        return self._state_difference(kind, partition, state, positions)

    def _transactions(
        self, name: str, partition: int
    ) -> Iterator[tuple[str, list[tuple[str, int, int]]]]:
        """Return what the task-log says of a task partition: its place, and the spans applied."""
        for record in self._recorded.records(TASK_LOG, partition):
            place = f"{TASK_LOG}-{partition} offset {record.offset}"
            try:
                applied = orjson.loads(record.value or b"")
                spans = [
                    (str(topic), int(first), int(count)) for topic, first, count in applied["spans"]
                ]
                of_task, of_partition = applied["task"], applied["partition"]
            except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
                raise DifferenceError(
                    place,
                    "a transaction",
                    expected='{"task", "partition", "spans": [[topic, first offset, count]]}',
                    found=(record.value or b"").decode(errors="replace"),
                ) from None
            if of_partition != partition or of_task not in {kind.name for kind in CHAIN}:
                raise DifferenceError(
                    place,
                    "whose transaction it is",
                    expected=f"a task's, partition {partition}",
                    found=f"{of_task}-{of_partition}",
                )
            if of_task == name:
                yield place, spans

    def _apply(self, task: Task, record: Record) -> None:
        place = f"{task.name}-{task.partition}, {record.topic} offset {record.offset}"
        out: Out = []
        try:
            head = task.read(record)
            waits = task.waits(head)
            if not waits:
                for _ in task.apply(head, out):
                    self._keep(task, out)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a damaged record leads to, it is one
            raise DifferenceError(
                place,
                "a record that the task can apply",
                expected="one",
                found=f"{type(error).__name__}: {error}",
            ) from None
        if waits:
            what = "an input that has to wait for its window"
            raise DifferenceError(place, what, expected="not applied yet", found="applied")
        self._keep(task, out)
        self._see_time(task)
        if isinstance(task, DeliveryTask):
            for file in task.files:
                self._file(place, file, record)
            task.files.clear()

    def _see_time(self, task: Task) -> None:
        """Note when the first task began and the last one ended: its time never goes back."""
        done, now = self._done, task.now
        if now is None:
            return
        done.first_time = now if done.first_time is None else min(done.first_time, now)
        done.last_time = now if done.last_time is None else max(done.last_time, now)
        if isinstance(task, TradingTask):
            done.time_began = now if done.time_began is None else min(done.time_began, now)

    def _keep(self, task: Task, out: Out) -> None:
        """Put what a task emits to what it emitted before, by where it goes."""
        for topic, key, said in out:
            event = fields(said)
            to = address(topic, key, event, task)
            value = orjson.dumps(event)
            for partition in to.partitions:
                place = (task.name, task.partition, topic, partition)
                self._made.add(place, Record(topic, partition, 0, 0, to.key, value))
        out.clear()

    def _file(self, place: str, file: File, record: Record) -> None:
        digest = orjson.loads(record.value or b"")["sha256"]
        found = sha256(file.content).hexdigest()
        if digest != found:
            name = f"the checksum of {file.client}/{file.key}"
            raise DifferenceError(place, name, expected=found, found=digest)
        self._sink.file(file)
        self._done.files += 1

    def _finish(self, task: Task, inputs: dict[str, _Input]) -> None:
        """See what is left, and whether the books are whole."""
        done = self._done
        done.task_partitions += 1
        for topic, read in inputs.items():
            first = read.next
            if first is not None:
                left = Unanswered(task.name, topic, task.partition, first.offset, read.left())
                done.unanswered.append(left)
                self._unfinished.add((task.name, task.partition))
        if isinstance(task, SettlementTask):
            wrong = books_difference(task.settlement.books())
            if wrong is not None:
                raise of_books(f"the books of {task.name}-{task.partition}", wrong)
            done.fbo += task.settlement.ledger.totals.get(FBO, 0)

    # -- the state topics ------------------------------------------------------------------------

    def _state_difference(
        self,
        kind: type[Task],
        partition: int,
        expected: dict[bytes, bytes],
        positions: dict[str, int],
    ) -> DifferenceError | None:
        """Compare what a state topic holds with the refolded state and its input positions."""
        topic = state_topic(kind.name)
        found: dict[bytes, bytes] = {}
        for record in self._recorded.records(topic, partition):
            if record.value is None:
                found.pop(record.key or b"", None)
            else:
                found[record.key or b""] = record.value
        place = f"{topic}-{partition}"
        stored = {key: found.pop(key) for key in list(found) if key.startswith(_POSITION)}
        ahead = False
        for name in kind.inputs:
            applied = positions.get(name, 0)
            position = int(stored.pop(_POSITION + name.encode(), b"0"))
            ahead = ahead or position > applied
            if position < applied or (
                position > applied and (kind.name, partition) not in self._unfinished
            ):
                return DifferenceError(
                    place, f"the position in {name}", expected=applied, found=position
                )
        if stored:
            unknown = ", ".join(key.decode(errors="replace") for key in stored)
            return DifferenceError(place, "positions", expected="inputs only", found=unknown)
        if ahead or is_in_a_window(kind, found):
            return None  # transactions behind the end of the task-log have changed it
        self._done.states_compared += 1
        self._done.state_records += len(found)
        return state_difference(place, expected, found)

    # -- the topics that tasks write -------------------------------------------------------------

    def _compare_topic(self, topic: str) -> None:
        for partition in range(self._recorded.partitions):
            self._compare(topic, partition)

    def _compare(self, topic: str, partition: int) -> None:
        """Find each record at the head of what one of its writers made."""
        writers = [
            (kind.name, number)
            for kind in CHAIN
            if topic in kind.writes or topic == DEAD_LETTERS
            for number in range(self._recorded.partitions)
            if number == partition or topic in _FROM_ANYWHERE
        ]
        made = {writer: self._made.read((*writer, topic, partition)) for writer in writers}
        heads = {w: head for w, records in made.items() if (head := next(records, None))}
        shown = CATALOGUE[topic].direction == "out"
        for record in self._recorded.records(topic, partition):
            writer = next(
                (w for w, h in heads.items() if h.value == record.value and h.key == record.key),
                None,
            )
            if writer is None:
                if any(w in self._unfinished and w not in heads for w in writers):
                    self._done.events_behind += 1
                    continue
                raise unexpected(record, heads)
            following = next(made[writer], None)
            if following is None:
                del heads[writer]
            else:
                heads[writer] = following
            self._done.events[topic] += 1
            if shown:
                self._sink.event(topic, orjson.loads(record.value or b""))
        for (task, number), head in heads.items():
            raise DifferenceError(
                f"{topic}-{partition}",
                f"what {task}-{number} emitted",
                expected=described(orjson.loads(head.value or b"")),
                found="nothing more",
            )


def _taken(read: _Input, place: str, of: tuple[str, int], expected: int, number: int) -> Record:
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


def _reads_first(kind: type[Task], topic: str) -> bool:
    """Whether a task is the first that reads an input topic, which comes from outside."""
    if CATALOGUE[topic].direction != "in":
        return False
    return next(reader for reader in CHAIN if topic in reader.inputs) is kind
