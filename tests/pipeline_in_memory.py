"""The tasks of the live engine without a broker: records in lists, one input settled at a time.

What it proves is about the tasks (their decisions, and that their state can be taken down and put
up again at any point), and about what refolds them. What Kafka does is proved on a broker, in
tests/integration.

    pipeline = PipelineInMemory(4, killed=..., commits=...)
    replayed = both_engines(lines, pipeline)       # the same day through the history engine
    assert differences(replayed, pipeline) == []
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import orjson

from pipeline import quarantine
from pipeline.books import joint_books
from pipeline.chain import chain_of
from pipeline.client_books import ClientBooksTask
from pipeline.delivery import DeliveryTask, file_put
from pipeline.settlement import SettlementTask
from pipeline.task import Record, Task, address
from replay.engine import History
from replay.output import WrittenFile
from replay.read import InputLine, event_of, raw_value
from schemas.instant import Micros, time_text
from scripts.dump import dump_line
from settlement.calendar import first_window
from settlement.cause import Out, fields
from settlement.invariants import books_difference
from settlement.reports.report import Report
from settlement.reports.rows import MemoryRows
from tests.form_reasons import FORM_REASONS
from topics.catalogue import (
    CATALOGUE,
    CLOCK,
    DEAD_LETTERS,
    INPUT_ORDER,
    OUTPUT_TOPICS,
    QUARANTINES,
    REPORT_ISSUES,
    REPORT_PUTS,
    TASK_LOG,
    state_topic,
)
from topics.decode import Refused
from topics.partition import partition_of

Event = dict[str, Any]

# What a dead letter of both engines has, beside its place and ID, and its time if that is its own.
LETTER = (
    "source_topic",
    "source_key",
    "source_key_raw",
    "source_key_length",
    "raw",
    "raw_length",
    "raw_sha256",
    "reason",
    "detail",
)

# Where a worker may die: before a transaction, with a file put and nothing said of it, behind a
# transaction.
Point = Literal["before", "put", "after"]
# Far in the future: what is produced here is history.
LATER_MS = 4_000_000_000_000


class _Owned:
    """A task partition: the task, what its state topic holds, and its batch that is not committed.

    `positions`: of each input topic the offset of the next record to be applied.
    """

    def __init__(self, kind: type[Task], partition: int, partitions: int) -> None:
        self.kind, self.partition, self.partitions = kind, partition, partitions
        self.stored: dict[bytes, bytes] = {}
        self.rebuild()

    def rebuild(self) -> None:
        """Begin again from what is committed."""
        self.task = self.kind(self.partition, self.partitions)
        self.positions = dict.fromkeys(self.kind.inputs, 0)
        for key, value in self.stored.items():
            if key.startswith(b"@"):
                self.positions[key[1:].decode()] = int(value)
            elif not key.startswith(quarantine.SKIPPED):
                self.task.restore(key, value)
        self.task.restored()
        self.out: Out = []
        self.spans: list[list[Any]] = []
        self.skipped: list[quarantine.Place] = []

    def applied(self, record: Record) -> None:
        self.positions[record.topic] = record.offset + 1
        if self.spans and self.spans[-1][0] == record.topic:
            self.spans[-1][2] += 1
        else:
            self.spans.append([record.topic, record.offset, 1])

    def store(self) -> None:
        for key, value in self.task.changes():
            if value is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = value
        self.stored |= {key: value or b"" for key, value in map(quarantine.skip_mark, self.skipped)}
        for topic, position in self.positions.items():
            if position:
                self.stored[b"@" + topic.encode()] = b"%d" % position


class PipelineInMemory:
    """Every task in `partitions` partitions.

    `killed(point)` is asked at each step: does the worker die here? `commits()`, behind each step:
    is a transaction ended? (What is left is committed when nothing is left to do.)
    """

    def __init__(
        self,
        partitions: int,
        killed: Callable[[Point], bool] = lambda _: False,
        commits: Callable[[], bool] = lambda: True,
        *,
        csv_safe: bool = False,
    ) -> None:
        self.partitions = partitions
        self.csv_safe = csv_safe
        self.killed = killed
        self.commits = commits
        # The append time of what comes from outside.
        self.now_ms = LATER_MS
        self.log: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self._ends: Counter[tuple[str, int]] = Counter()
        kinds = chain_of(csv_safe=csv_safe)
        self.owned = [_Owned(kind, p, partitions) for kind in kinds for p in range(partitions)]
        self.files: dict[str, bytes] = {}

    # -- what comes in ---------------------------------------------------------------------------

    def produce(self, topic: str, value: object, raw: bytes | None = None) -> None:
        """Append an input to its partition and let all that it causes happen."""
        self.send(topic, value, raw)
        self.settle()

    def send(self, topic: str, value: object, raw: bytes | None = None) -> None:
        """Append an input to its partition."""
        name = CATALOGUE[topic].key
        key = value.get(name) if isinstance(value, dict) and name is not None else None
        key = key if isinstance(key, str) else None
        partition = 0 if key is None else partition_of(key, self.partitions)
        encoded = None if key is None else key.encode()
        self.append(topic, partition, encoded, orjson.dumps(value) if raw is None else raw)

    def tick_clock(self, at: str, partitions: Iterable[int] | None = None) -> None:
        """Send a `ClockTicked` to every partition, or to some, and let all happen."""
        self.send_clock(at, partitions)
        self.settle()

    def send_clock(self, at: str, partitions: Iterable[int] | None = None) -> None:
        """Send a `ClockTicked` to every partition, or to some."""
        value = {"type": "ClockTicked", "event_id": f"clock-{at}", "event_time": at, "at": at}
        for partition in range(self.partitions) if partitions is None else partitions:
            self.append(CLOCK, partition, None, orjson.dumps(value))

    def append(self, topic: str, partition: int, key: bytes | None, value: bytes | None) -> None:
        """Append a record as it is."""
        offset = self._ends[topic, partition]
        self._ends[topic, partition] += 1
        self.log[topic, partition].append(Record(topic, partition, offset, self.now_ms, key, value))

    # -- what happens ----------------------------------------------------------------------------

    def settle(self) -> None:
        """Let every task go on until nothing is left to do."""
        while (
            sum(map(self._step, self.owned))
            or sum(map(self._end_batch, self.owned))
            or sum(map(self._put_files, self.owned))
        ):
            pass

    def _step(self, owned: _Owned) -> bool:
        """Apply one record, if there is one that need not wait."""
        for topic in owned.kind.inputs:
            log = self.log[topic, owned.partition]
            at = bisect_left(log, owned.positions[topic], key=lambda record: record.offset)
            if at == len(log):
                continue
            place = (topic, log[at].offset)
            head = quarantine.read(owned.task, log[at], self._quarantined(owned.partition))
            if owned.task.waits(head):
                continue
            steps = owned.task.apply(head, owned.out)
            if quarantine.is_quarantined(head):
                dead_lettered = quarantine.is_dead_lettered(place, self._earlier(owned, place))
                if dead_lettered is None:
                    continue
                steps = quarantine.skip(owned.task, head, owned.out, dead_lettered=dead_lettered)
                owned.skipped.append(place)
            for _ in steps:
                if self._dies(owned, "before"):
                    return True
                if self.commits() and self._commit(owned):
                    return True
            owned.applied(log[at])
            if not self._dies(owned, "before") and self.commits():
                self._commit(owned)
            return True
        return False

    def _quarantined(self, partition: int) -> dict[quarantine.Place, str]:
        return quarantine.quarantined(
            (record.value for record in self.log[QUARANTINES, partition]), partition
        )

    def _earlier(self, owned: _Owned, place: quarantine.Place) -> Iterator[tuple[int, bool]]:
        """Return position and mark, as committed, of each earlier reader of a topic."""
        mark, position = quarantine.skip_mark(place)[0], b"@" + place[0].encode()
        for name in quarantine.earlier_readers(owned.kind.name, place[0]):
            for other in self.owned:
                if (other.kind.name, other.partition) == (name, owned.partition):
                    yield int(other.stored.get(position, b"0")), mark in other.stored

    def _end_batch(self, owned: _Owned) -> bool:
        if not owned.spans:
            return False
        self._commit(owned)
        return True

    def _put_files(self, owned: _Owned) -> bool:
        """Put what waits, as agents/file_queues.py does, and say so."""
        if not isinstance(owned.task, DeliveryTask) or not owned.task.queues:
            return False
        owned.task.files.clear()
        waiting = [file for queue in owned.task.queues.values() for file in queue.values()]
        for file in sorted(waiting, key=lambda file: file.last):
            issues = self.in_partition(REPORT_ISSUES, owned.partition)
            content = "".join(
                issue["text"]
                for issue in issues
                if (issue["client"], issue["key"]) == (file.client, file.key)
            ).encode()
            name = f"{file.client}/{file.key}"
            assert self.files.setdefault(name, content) == content, name
            if self._dies(owned, "put"):
                return True
            said = orjson.dumps(file_put(file))
            self.append(REPORT_PUTS, owned.partition, file.client.encode(), said)
        return True

    def _dies(self, owned: _Owned, point: Point) -> bool:
        dies = self.killed(point)
        if dies:
            owned.rebuild()
        return dies

    def _commit(self, owned: _Owned) -> bool:
        """Commit a batch in one transaction; return whether the worker died around it."""
        touched: dict[tuple[str, int], None] = {}
        for topic, key, said in owned.out:
            event = fields(said)
            to = address(topic, key, event, owned.task)
            for partition in to.partitions:
                self.append(topic, partition, to.key, orjson.dumps(event))
                touched[topic, partition] = None
        if owned.spans:
            applied = {
                "task": owned.kind.name,
                "partition": owned.partition,
                "spans": owned.spans,
                **({"skipped": owned.skipped} if owned.skipped else {}),
            }
            self.append(TASK_LOG, owned.partition, None, orjson.dumps(applied))
            touched[TASK_LOG, owned.partition] = None
        owned.store()
        # The transaction's control record takes an offset of each partition that it wrote to.
        self._ends.update(touched.keys())
        owned.out.clear()  # the step under way goes on filling it
        owned.spans, owned.skipped = [], []
        return self._dies(owned, "after")

    # -- what came out ---------------------------------------------------------------------------

    def events(self, topics: Iterable[str]) -> dict[tuple[str, str], list[Event]]:
        """Return the events of topics by topic and key, in order."""
        wanted = set(topics)
        events: dict[tuple[str, str], list[Event]] = defaultdict(list)
        for (topic, _), records in sorted(self.log.items()):
            if topic in wanted:
                for record in records:
                    key = (record.key or b"").decode(errors="replace")
                    events[topic, key].append(orjson.loads(record.value or b""))
        return events

    def of_type(self, topic: str, *kinds: str) -> list[Event]:
        """Return the events of a topic, of some types or all, partition by partition."""
        return [
            event
            for partition in range(self.partitions)
            for event in self.in_partition(topic, partition)
            if not kinds or event["type"] in kinds
        ]

    def in_partition(self, topic: str, partition: int) -> list[Event]:
        """Return the values of a topic partition."""
        return [orjson.loads(record.value or b"") for record in self.log[topic, partition]]

    def written(self) -> dict[tuple[str, int], list[tuple[bytes | None, bytes | None]]]:
        """Return keys and values of everything but `task-log`: what batches must not change."""
        return {
            place: [(record.key, record.value) for record in records]
            for place, records in self.log.items()
            if records and place[0] != TASK_LOG
        }

    def records(self) -> Iterator[Record]:
        """Return all records, those of the state topics too, in catalogue order."""
        stored = {
            (state_topic(owned.kind.name), owned.partition): owned.stored for owned in self.owned
        }
        for topic in CATALOGUE:
            for partition in range(self.partitions):
                yield from self.log.get((topic, partition), [])
                state = stored.get((topic, partition), {})
                for offset, (key, value) in enumerate(state.items()):
                    yield Record(topic, partition, offset, self.now_ms, key, value)


# -- the same day through both engines -----------------------------------------------------------


class Replayed:
    """What the history engine made of a day."""

    def __init__(self, *, csv_safe: bool) -> None:
        self.emitted: list[tuple[str, Event]] = []
        self.files: dict[str, bytes] = {}
        self.history = History(self, MemoryRows(), csv_safe=csv_safe)

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        self.emitted.append((topic, orjson.loads(orjson.dumps(event))))

    def report(self, report: Report) -> WrittenFile:
        rows = list(report.rows)
        text = "".join(f"{line}\n" for line in (*report.header, *(row.text for row in rows)))
        path = f"{report.client}/{report.key}"
        self.files[path] = text.encode()
        control = sum(row.control for row in rows)
        return WrittenFile(path, len(rows), control, sha256(text.encode()).hexdigest())


class Told(NamedTuple):
    """One line of a day."""

    topic: str
    value: Any
    raw: bytes | None = None


def told_of(lines: Iterable[InputLine]) -> Iterator[Told]:
    """Return the lines of a file; bad values as the bytes that they are."""
    for line in lines:
        raw = raw_value(line.text) if isinstance(line.event, Refused) else None
        yield Told(line.topic, orjson.loads(line.text)["value"], raw)


def both_engines(
    lines: Iterable[Told],
    pipeline: PipelineInMemory,
    clocks: Callable[[Micros], Iterable[int] | None] = lambda _: None,
) -> Replayed:
    """Tell a day in step: each input settled before the next, the clock before a window's end.

    As `settle produce --in-step`: the clock stands still for bad values only. `clocks`: which
    partitions' clocks go at an instant (default: all).
    """
    replayed = Replayed(csv_safe=pipeline.csv_safe)
    history = replayed.history
    last: Micros = 0
    clocked: Micros | None = None
    for number, (topic, value, as_told) in enumerate(lines, 1):
        raw = orjson.dumps(value) if as_told is None else as_told
        text = b'{"topic":"%s","value":%s}' % (topic.encode(), raw)
        event = event_of(text)
        at = last if isinstance(event, Refused) else event.own_time
        history.apply(InputLine(at, INPUT_ORDER.index(topic), 0, number, topic, event, text))
        last = max(last, at)
        if history.now is not None:
            if clocked is None or _crosses(clocked, last):
                pipeline.tick_clock(time_text(last), clocks(last))
            clocked = last
        pipeline.produce(topic, value, raw)
    if history.now is not None:
        pipeline.tick_clock(time_text(last), clocks(last))
    return replayed


def _crosses(before: Micros, now: Micros) -> bool:
    return now >= first_window(before + 1).scheduled_at


def differences(replayed: Replayed, pipeline: PipelineInMemory) -> list[str]:
    """Name what the two engines made different, at most five of them.

    Not compared: `WindowOpened`, which each partition has of its own; places and ids of dead
    letters, which are a file's there and a topic's here; the time of one that is refused for its
    form, which is that of the replay there and of a task partition here.
    """
    expected: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for topic, event in replayed.emitted:
        if event["type"] not in {"WindowOpened", "DeadLetter"}:
            key = str(event.get(CATALOGUE[topic].key or "") or event.get("client") or "")
            expected[topic, key].append(event)
    found = {
        place: events
        for place, all_events in pipeline.events(OUTPUT_TOPICS).items()
        if (events := [e for e in all_events if e["type"] not in {"WindowOpened", "DeadLetter"}])
    }
    wrong = [
        f"{place}: expected {expected.get(place)}, found {found.get(place)}"
        for place in sorted(expected.keys() | found.keys())
        if expected.get(place) != found.get(place)
    ]
    if replayed.files != pipeline.files:
        names = {name for name, _ in replayed.files.items() ^ pipeline.files.items()}
        wrong.append(f"files: {sorted(names)}")
    letters = Counter(compared_letter(e) for topic, e in replayed.emitted if topic == DEAD_LETTERS)
    if letters != (came := Counter(map(compared_letter, pipeline.of_type(DEAD_LETTERS)))):
        wrong.append(f"dead letters: {letters - came} {came - letters}")
    tasks = [owned.task for owned in pipeline.owned]
    difference = books_difference(
        joint_books(
            (task.settlement for task in tasks if isinstance(task, SettlementTask)),
            (task.clients for task in tasks if isinstance(task, ClientBooksTask)),
        )
    )
    if difference is not None:
        wrong.append(f"books: {difference}")
    return wrong[:5]


def compared_letter(event: Event) -> tuple[str, ...]:
    """Return what both engines agree on in a dead letter."""
    at = None if event["reason"] in FORM_REASONS else event["event_time"]
    return (*(str(event[name]) for name in LETTER), str(at))


def dump_lines(records: Iterable[Record]) -> Iterator[bytes]:
    """Return records as `settle dump` writes them."""
    return (dump_line(record) for record in records if not record.topic.endswith("-state"))
