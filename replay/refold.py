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
from itertools import chain
from typing import Any, NamedTuple, Protocol

import orjson
from typing_extensions import override

from pipeline.chain import chain_of
from pipeline.delivery import DeliveryTask, File
from pipeline.quarantine import Place, skip, skip_mark
from pipeline.settlement import SettlementTask
from pipeline.task import Record, Task, address
from pipeline.trading import TradingTask
from replay.difference import DifferenceError, described, of_books
from replay.record_spool import RecordSpool
from replay.refold_difference import is_in_a_window, state_difference, unexpected
from replay.refold_input import InputRead, taken
from replay.refold_log import transactions
from replay.refold_quarantine import Skipped
from schemas.instant import Micros
from schemas.journal import FBO
from schemas.money import Cents
from settlement.cause import Out, fields
from settlement.invariants import books_difference
from topics.catalogue import (
    CATALOGUE,
    CLIENT_LINES,
    DEAD_LETTERS,
    MARKET_FEED,
    QUARANTINES,
    TASK_LOG,
    state_topic,
)
from topics.input_positions import position_key, topic_of_position

# Written to by any partition of their tasks; all other topics are co-partitioned.
_FROM_ANYWHERE = frozenset({MARKET_FEED, CLIENT_LINES, DEAD_LETTERS})


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


def refold(
    recorded: Recorded, sink: Sink, directory: str | None = None, *, csv_safe: bool = False
) -> Refolded:
    """Refold everything and compare it; `directory` is for a temporary file.

    `csv_safe`: the setting of the workers that recorded it.

    Raises:
        DifferenceError: the first thing that is not as it was recorded.
    """
    with RecordSpool(directory) as made:
        return _Refold(recorded, sink, made, chain_of(csv_safe=csv_safe)).run()


class _Refold:
    def __init__(
        self, recorded: Recorded, sink: Sink, made: RecordSpool, kinds: tuple[type[Task], ...]
    ) -> None:
        self._kinds = kinds
        self._recorded = recorded
        self._sink = sink
        self._made = made
        self._done = Refolded()
        # Task partitions that have inputs left to apply.
        self._unfinished: set[tuple[str, int]] = set()
        self._skipped = Skipped()

    def run(self) -> Refolded:
        partitions = range(self._recorded.partitions)
        last_writer = {topic: kind for kind in self._kinds for topic in kind.writes}
        differs: DifferenceError | None = None
        for kind in self._kinds:
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
        inputs = {
            topic: InputRead(self._recorded.records(topic, partition)) for topic in kind.inputs
        }
        state: dict[bytes, bytes] = {}
        self._skipped.begin(task, self._recorded.records(QUARANTINES, partition))
        for place, spans, skipped in transactions(
            self._recorded.records(TASK_LOG, partition), name
        ):
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
                    record = taken(inputs[topic], place, (topic, partition), first + number, number)
                    self._apply(task, record, skipped)
                    if self._reads_first(kind, topic):
                        self._done.inputs[topic] += 1
            # Asked for also where nobody compares: what was told is forgotten.
            for key, value in chain(task.changes(), map(skip_mark, skipped)):
                if value is None:
                    state.pop(key, None)
                elif self._recorded.with_states:
                    state[key] = value
        positions = {topic: read.position for topic, read in inputs.items() if read.position}
        self._skipped.end(task, positions)
        self._finish(task, inputs)
        if not self._recorded.with_states:
            return None
        return self._state_difference(kind, partition, state, positions)

    def _reads_first(self, kind: type[Task], topic: str) -> bool:
        """Whether a task is the first that reads an input topic, which comes from outside."""
        if CATALOGUE[topic].direction != "in":
            return False
        return next(reader for reader in self._kinds if topic in reader.inputs) is kind

    def _apply(self, task: Task, record: Record, skipped: frozenset[Place]) -> None:
        place = f"{task.name}-{task.partition}, {record.topic} offset {record.offset}"
        out: Out = []
        is_skipped = (record.topic, record.offset) in skipped
        try:
            if is_skipped:
                head, dead_lettered = self._skipped.read(task, record)
                steps = skip(task, head, out, dead_lettered=dead_lettered)
            else:
                head = task.read(record)
                steps = task.apply(head, out)
            waits = task.waits(head)
            if not waits:
                for _ in steps:
                    self._keep(task, out)
        except (OSError, DifferenceError):
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

    def _finish(self, task: Task, inputs: dict[str, InputRead]) -> None:
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
        stored = {key: found.pop(key) for key in list(found) if topic_of_position(key) is not None}
        ahead = False
        for name in kind.inputs:
            applied = positions.get(name, 0)
            position = int(stored.pop(position_key(name), b"0"))
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
            for kind in self._kinds
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
