"""What live topics recorded is refolded, to the same bytes; what was tampered with is named."""

import gzip
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.chain import CHAIN
from pipeline.delivery import File
from pipeline.task import Record
from replay.day_page.day import read_day
from replay.difference import DifferenceError
from replay.read import read_inputs
from replay.record_spool import RecordSpool
from replay.recorded import RecordedTopics, read_dump
from replay.refold import Refolded, refold
from schemas.instant import micros
from scripts.errors import Failure
from scripts.replay import run_recorded, run_replay
from scripts.report_day import write_report
from tests.golden.renew import DAY
from tests.pipeline_in_memory import (
    LATER_MS,
    Event,
    PipelineInMemory,
    Point,
    both_engines,
    differences,
    dump_lines,
    told_of,
)
from topics.catalogue import (
    CATALOGUE,
    DEAD_LETTERS,
    OUTPUT_TOPICS,
    QUARANTINES,
    REPORT_PUTS,
    TASK_LOG,
    TASKS,
)

GOLDEN = list(told_of(read_inputs([str(DAY)])))
PARTITIONS = 3


class Recording:
    """All records of a pipeline, which may be tampered with; a sink for what is refolded."""

    def __init__(self, pipeline: PipelineInMemory, *, with_states: bool = True) -> None:
        self.partitions = pipeline.partitions
        self.with_states = with_states
        self.topics: dict[tuple[str, int], list[Record]] = defaultdict(list)
        for record in pipeline.records():
            self.topics[record.topic, record.partition].append(record)
        self.events: dict[str, list[Event]] = defaultdict(list)
        self.files: dict[str, bytes] = {}

    def records(self, topic: str, partition: int) -> Iterator[Record]:
        return iter(self.topics.get((topic, partition), []))

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        self.events[topic].append(dict(event))

    def file(self, file: File) -> None:
        self.files[f"{file.client}/{file.key}"] = file.content

    def refold(self) -> Refolded:
        return refold(self, self)

    # -- tampering -------------------------------------------------------------------------------

    def find(
        self, topic: str, kind: str | None = None, number: int = 0
    ) -> tuple[list[Record], int]:
        """Return the partition that holds the n-th record of a topic (of a type), and where."""
        for partition in range(self.partitions):
            records = self.topics[topic, partition]
            for at, record in enumerate(records):
                if kind is None or orjson.loads(record.value or b"")["type"] == kind:
                    if not number:
                        return records, at
                    number -= 1
        raise AssertionError(f"no {kind} in {topic}")

    def change(self, topic: str, kind: str, **fields: object) -> None:
        records, at = self.find(topic, kind)
        value = orjson.loads(records[at].value or b"")
        assert fields.keys() <= value.keys()
        records[at] = records[at]._replace(value=orjson.dumps(value | fields))

    def spans(self, task: str, change: Callable[[list[list[Any]]], None]) -> None:
        """Change the spans of the first transaction of a task that has enough of them."""
        for partition in range(self.partitions):
            for at, record in enumerate(self.topics[TASK_LOG, partition]):
                applied = orjson.loads(record.value or b"")
                if applied["task"] == task and applied["spans"][0][2] > 1:
                    change(applied["spans"])
                    value = orjson.dumps(applied)
                    self.topics[TASK_LOG, partition][at] = record._replace(value=value)
                    return
        raise AssertionError(f"no long span of {task}")


def golden(seed: int = 1, *, at_once: bool = False) -> PipelineInMemory:
    """The golden day in transactions of some inputs each, with workers that die."""
    chance = random.Random(seed)
    pipeline = PipelineInMemory(
        PARTITIONS, lambda _: chance.random() < 0.02, lambda: chance.random() < 0.3
    )
    if not at_once:
        assert differences(both_engines(GOLDEN, pipeline), pipeline) == []
        return pipeline
    # As after a night without workers: all is there before the first of them starts.
    pipeline.send_clock("2026-03-07T13:30:00Z")
    for topic, value, raw in GOLDEN:
        pipeline.send(topic, value, raw)
    for at in ("2026-03-08T01:30:00Z", "2026-03-09T15:00:00Z"):
        pipeline.send_clock(at)
    pipeline.settle()
    return pipeline


# -- what is as it was recorded ------------------------------------------------------------------


def test_every_topic_has_its_writers() -> None:
    """The table of who writes what leaves no topic out, and is in the order of the tasks."""
    assert tuple(kind.name for kind in CHAIN) == TASKS
    written = {topic for kind in CHAIN for topic in kind.writes}
    # `report-puts` is written by agents/file_queues.py, `quarantines` by a person's command.
    assert written | {DEAD_LETTERS, TASK_LOG, REPORT_PUTS, QUARANTINES} == {
        topic.name
        for topic in CATALOGUE.values()
        if topic.direction != "in" and topic.cleanup == "delete"
    }


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("at_once", [False, True])
def test_a_pipeline_refolds_to_the_same_bytes(seed: int, at_once: bool) -> None:
    pipeline = golden(seed, at_once=at_once)
    recording = Recording(pipeline)
    refolded = recording.refold()
    assert refolded.unanswered == []
    assert refolded.events_behind == 0
    assert refolded.states_compared == refolded.task_partitions == len(CHAIN) * PARTITIONS
    assert refolded.state_records > 100
    outside = {t.name for t in CATALOGUE.values() if t.direction == "in"}
    assert refolded.inputs.total() == sum(
        len(records) for (topic, _), records in pipeline.log.items() if topic in outside
    )
    assert recording.files == pipeline.files
    for topic in OUTPUT_TOPICS:
        assert recording.events[topic] == pipeline.of_type(topic), topic
    assert refolded.fbo == 158_486 or at_once


def test_a_pipeline_that_is_cut_off_anywhere_has_no_difference_but_unanswered_inputs() -> None:
    """The last transactions were not read from the task-log, their events and states were."""
    pipeline = golden()
    behind: list[int] = []
    for cut in range(1, 60):
        recording = Recording(pipeline)
        for partition in range(PARTITIONS):
            del recording.topics[TASK_LOG, partition][-cut:]
        refolded = recording.refold()
        assert refolded.unanswered
        behind.append(refolded.events_behind)
    assert behind == sorted(behind)
    assert behind[-1] > 100


class StoppedError(Exception):
    """All workers stop, and do not come back."""


def stopped_after(transactions: int) -> PipelineInMemory:
    """The golden day as far as it is after so many transactions."""
    committed = iter(range(transactions))

    def killed(point: Point) -> bool:
        if point == "after" and next(committed, None) is None:
            raise StoppedError
        return False

    pipeline = PipelineInMemory(2, killed)
    with suppress(StoppedError):
        both_engines(GOLDEN, pipeline)
    return pipeline


def test_workers_that_stopped_between_two_steps_of_a_window_left_no_difference() -> None:
    stopped_in_a_window = 0
    for transactions in range(100, 700, 3):
        pipeline = stopped_after(transactions)
        Recording(pipeline).refold()
        stopped_in_a_window += any(
            orjson.loads(owned.stored.get(b"time", b"[0,0,null]"))[2] is not None
            for owned in pipeline.owned
            if owned.kind.name in {"settlement", "client-books"}
        )
    assert stopped_in_a_window > 3


# -- what is not ---------------------------------------------------------------------------------

Damage = Callable[[Recording], None]


def dropped(topic: str, kind: str | None = None, number: int = 1) -> Damage:
    def damage(recording: Recording) -> None:
        records, at = recording.find(topic, kind, number)
        del records[at]

    return damage


def doubled(topic: str, kind: str | None = None) -> Damage:
    def damage(recording: Recording) -> None:
        records, at = recording.find(topic, kind, 1)
        records.insert(at, records[at])

    return damage


def swapped(topic: str) -> Damage:
    def damage(recording: Recording) -> None:
        records, at = recording.find(topic, None, 2)
        one, other = records[at], records[at + 1]
        records[at] = one._replace(key=other.key, value=other.value)
        records[at + 1] = other._replace(key=one.key, value=one.value)

    return damage


def changed(topic: str, kind: str, **fields: object) -> Damage:
    return lambda recording: recording.change(topic, kind, **fields)


def rewritten(topic: str, rewrite: Callable[[Record], Record]) -> Damage:
    def damage(recording: Recording) -> None:
        records, at = recording.find(topic, None, 1)
        records[at] = rewrite(records[at])

    return damage


def added(topic: str) -> Damage:
    def damage(recording: Recording) -> None:
        records, at = recording.find(topic)
        records.append(records[at]._replace(offset=records[-1].offset + 1))

    return damage


def spans(task: str, change: Callable[[list[list[Any]]], None]) -> Damage:
    return lambda recording: recording.spans(task, change)


def one_more(spans: list[list[Any]]) -> None:
    spans[0][2] += 1


def one_less(spans: list[list[Any]]) -> None:
    spans[0][2] -= 1


def twice(spans: list[list[Any]]) -> None:
    spans.insert(0, spans[0])


def elsewhere(spans: list[list[Any]]) -> None:
    spans[0][0] = "revenue-shares"


def state(
    task: str, prefix: bytes, rewrite: Callable[[bytes], bytes] | None, partition: int | None = None
) -> Damage:
    """Rewrite the first state record whose key has a prefix; None: take it away."""

    def damage(recording: Recording) -> None:
        for number in range(recording.partitions) if partition is None else (partition,):
            records = recording.topics[f"{task}-state", number]
            for at, record in enumerate(records):
                if (record.key or b"").startswith(prefix):
                    if rewrite is None:
                        del records[at]
                    else:
                        records[at] = record._replace(value=rewrite(record.value or b""))
                    return
        raise AssertionError(f"no {prefix!r}")

    return damage


def more_state(recording: Recording) -> None:
    records = recording.topics["market-state", 0]
    records.append(Record("market-state", 0, len(records), LATER_MS, b"symbol|NONEUSD", b"{}"))


def log_moved(recording: Recording) -> None:
    """A transaction stands before the one that came before it."""
    for partition in range(recording.partitions):
        log = recording.topics[TASK_LOG, partition]
        of_orders = [at for at, r in enumerate(log) if b'"trading"' in (r.value or b"")]
        of_orders = [at for at in of_orders if b'[["orders"' in (log[at].value or b"")]
        if len(of_orders) > 1:
            one, other = of_orders[:2]
            log[one], log[other] = log[other], log[one]
            return
    raise AssertionError("no two transactions of orders")


def without_spaces(record: Record) -> Record:
    return record._replace(value=(record.value or b"").replace(b'","', b'", "', 1))


DAMAGES: list[tuple[str, Damage, str]] = [
    ("a best quote is gone", dropped("bbo"), "bbo-"),
    ("a quote is in one partition less", dropped("market-feed", "BestQuote"), "market-feed-"),
    ("an order update is gone", dropped("order-updates", "OrderFilled"), "OrderFilled"),
    ("an execution is gone", dropped("executions", "Execution"), "Execution"),
    ("a window is gone", dropped("executions", "WindowOpened"), "WindowOpened"),
    ("a cash call is gone", dropped("cash-calls"), "cash-calls-"),
    ("an entry is gone", dropped("journal"), "journal-"),
    ("the last entry is gone", dropped("journal", None, 0), "journal-"),
    ("a dead letter is gone", dropped("dead-letters"), "DeadLetter"),
    ("a delivery is gone", dropped("report-deliveries"), "ReportDelivered"),
    ("a line to a client is gone", dropped("client-lines"), "client-lines-"),
    ("a settled call is there twice", doubled("cash-calls", "CashCallSettled"), "CashCallSettled"),
    ("an entry is there twice", doubled("journal"), "JournalEntry"),
    ("an execution is there twice", doubled("executions", "Execution"), "Execution"),
    ("an entry is there once more, at the end", added("journal"), "nothing more"),
    ("a dead letter is there once more", added("dead-letters"), "nothing more"),
    ("a balance is higher", changed("balances", "AccountBalance", settled="9.99"), "'9.99'"),
    ("a call is lower", changed("cash-calls", "CashCallSettled", amount="0.01"), "'0.01'"),
    ("a price is other", changed("executions", "Execution", price="1.00"), "'1.00'"),
    ("a quote's time is other", changed("bbo", "BestQuote", event_time="x"), "'x'"),
    ("an id is other", changed("order-updates", "OrderFilled", event_id="y"), "OrderFilled y"),
    ("a marker is other", changed("client-lines", "WindowMarker", scheduled_at="x"), "'x'"),
    ("a file's text is other", changed("report-issues", "ReportIssued", text="a,b\n"), "a,b"),
    ("a checksum is other", changed("report-deliveries", "ReportDelivered", sha256="z"), "'z'"),
    ("two entries are swapped", swapped("journal"), "journal-"),
    ("two order updates are swapped", swapped("order-updates"), "order-updates-"),
    ("a key is other", rewritten("journal", lambda r: r._replace(key=b"X")), "found b'X'"),
    ("bytes are other, JSON is not", rewritten("balances", without_spaces), "byte by byte"),
    ("a value is no JSON", rewritten("journal", lambda r: r._replace(value=b"?")), "found b'?'"),
    ("an event has no value", rewritten("journal", lambda r: r._replace(value=None)), "None"),
    ("a feed is no JSON", rewritten("market-feed", lambda r: r._replace(value=b"?")), "b'?'"),
    ("a deposit was higher", changed("fundings", "DepositSettled", amount="7.77"), "settlement-"),
    ("an order was smaller", changed("orders", "OrderSubmitted", quantity="0.001"), "'0.001'"),
    ("a tick was later", changed("price-ticks", "PriceTick", ask_price="4000.00"), "bbo-"),
    ("an input is gone", dropped("fundings"), "fundings-"),
    ("a clock tick is gone", dropped("clock"), "clock-"),
    ("an input came twice", doubled("orders"), "orders-"),
    ("a span is longer", spans("settlement", one_more), "applied once"),
    ("a span is shorter", spans("settlement", one_less), "settlement-0"),
    ("a span is there twice", spans("settlement", twice), "applied once"),
    ("a span is of another topic", spans("settlement", elsewhere), "found revenue-shares"),
    ("a transaction is gone", dropped(TASK_LOG, None, 9), "applied once"),
    ("a transaction is there twice", doubled(TASK_LOG), "task-log-"),
    ("transactions are swapped", log_moved, "applied once"),
    ("a transaction is no JSON", rewritten(TASK_LOG, lambda r: r._replace(value=b"[")), "spans"),
    ("the books are other", state("settlement", b"account|", lambda _: b"[]"), "account|"),
    ("a client is forgotten", state("client-books", b"client|", None), "record client|"),
    ("a total is other", state("settlement", b"total|bank:fbo", lambda _: b"1"), "bank:fbo"),
    ("a funding is forgotten", state("settlement", b"funding|", None), "record funding|"),
    ("an order id is forgotten", state("trading", b"order-id|", None), "record order-id|"),
    ("a quote is forgotten", state("trading", b"quote|", None), "record quote|"),
    ("a row of a file is gone", state("client-books", b"rows|", lambda _: b"[]"), "record rows|"),
    ("a state is of something else", more_state, "NONEUSD"),
    ("a position is further", state("trading", b"@orders", lambda v: b"9" + v), "position"),
    ("a position is back", state("market", b"@price-ticks", lambda _: b"1"), "position"),
    ("a position is gone", state("delivery", b"@", None), "position"),
]


@pytest.fixture(scope="module")
def whole() -> PipelineInMemory:
    return golden()


@pytest.mark.parametrize(
    ("damage", "named"), [pytest.param(damage, named, id=i) for i, damage, named in DAMAGES]
)
def test_each_damage_is_named(whole: PipelineInMemory, damage: Damage, named: str) -> None:
    recording = Recording(whole)
    damage(recording)
    with pytest.raises(DifferenceError) as raised:
        recording.refold()
    assert named in str(raised.value)


def test_an_input_that_nobody_applied_is_named(whole: PipelineInMemory) -> None:
    recording = Recording(whole)
    added("fundings")(recording)
    refolded = recording.refold()
    (left,) = refolded.unanswered
    assert str(left).startswith("settlement: 1 of fundings-")
    assert refolded.states_compared == refolded.task_partitions


# -- dumps ---------------------------------------------------------------------------------------


RECORD = b'{"topic":"clock","partition":0,"key":null,"append_time":"2026-03-03T18:00:00.000Z",%s}'


def dump(pipeline: PipelineInMemory, path: Path) -> Path:
    content = b"".join(dump_lines(pipeline.records()))
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["dump.jsonl", "dump.jsonl.gz"])
def test_a_dump_replays_to_the_same_bytes(
    whole: PipelineInMemory, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    summary = run_recorded(dump(whole, tmp_path / name), out)
    for topic in OUTPUT_TOPICS:
        values = [
            (record.value or b"") + b"\n"
            for partition in range(PARTITIONS)
            for record in whole.log[topic, partition]
        ]
        assert (out / "topics" / f"{topic}.jsonl").read_bytes() == b"".join(values), topic
    files = {
        path.relative_to(out / "s3").as_posix(): path.read_bytes()
        for path in (out / "s3").rglob("*")
        if path.is_file()
    }
    assert files == whole.files
    assert summary.fbo == 158_486
    assert summary.files == 34
    stored = orjson.loads((out / "summary.json").read_bytes())
    assert stored["executions"]["count"] == len(whole.of_type("executions", "Execution"))
    assert (stored["time_began"], stored["last_time"]) == (
        "2026-03-07T13:30:00.000000Z",
        "2026-03-09T15:00:00.000000Z",
    )


def test_a_dump_of_several_partitions_has_a_page(whole: PipelineInMemory, tmp_path: Path) -> None:
    """Its topics are written partition by partition; the page adds up as after a plain replay."""
    run_recorded(dump(whole, tmp_path / "dump.jsonl"), tmp_path / "recorded")
    run_replay([str(DAY)], tmp_path / "plain", None)
    recorded, plain = (read_day(tmp_path / name) for name in ("recorded", "plain"))
    assert whole.partitions > 1
    assert recorded.funds_flow.movements == plain.funds_flow.movements
    assert recorded.funds_flow.fbo_after == plain.funds_flow.fbo_after
    assert {call.cash_call_id for call in recorded.cash_calls.aged} == {
        call.cash_call_id for call in plain.cash_calls.aged
    }
    assert recorded.orders.received == plain.orders.received
    assert "Flow of funds" in write_report(tmp_path / "recorded").read_text("utf-8")


def test_all_records_survive_a_dump(whole: PipelineInMemory, tmp_path: Path) -> None:
    """Also values that are no JSON, or not as we write it."""
    path = dump(whole, tmp_path / "dump.jsonl")
    with RecordSpool() as spool:
        topics = RecordedTopics(spool, with_states=False)
        read_dump(path, topics)
        assert topics.partitions == PARTITIONS
        for (topic, partition), records in whole.log.items():
            assert list(topics.records(topic, partition)) == records
    assert any(b'"raw":' in line for line in path.read_bytes().splitlines())


def test_a_dump_that_was_tampered_with_is_named_and_nothing_is_left(
    whole: PipelineInMemory, tmp_path: Path
) -> None:
    path = dump(whole, tmp_path / "dump.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if b'"CashCallSettled"' in line)
    lines[at] = lines[at].replace(b'"amount":"', b'"amount":"1')
    path.write_bytes(b"".join(lines))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Failure, match=r"cash-calls-\d offset \d+.* settlement-\d emitted.*amount"):
        run_recorded(path, tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"no JSON", "line 2: no record of a dump"),
        (b"[]", "line 2: no record of a dump"),
        (b'{"topic":"clock","partition":0,"offset":9}', "no 'key'"),
        (b'{"topic":"clocks","partition":0,"offset":9,"key":null}', "no topic 'clocks'"),
        (b'{"topic":"clock","partition":-1,"offset":9,"key":null}', "partition -1"),
        (b'{"topic":"clock","partition":0,"offset":"9","key":null}', "offset '9'"),
        (
            b'{"topic":"clock","partition":0,"offset":9,"key":null,"append_time":"now","value":{}}',
            "now",
        ),
        (RECORD % b'"offset":9,"raw":"?"', "line 2"),
        (RECORD % b'"offset":0,"value":{}', "offset 0 of clock goes back"),
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path: Path, line: bytes, named: str) -> None:
    path = tmp_path / "dump.jsonl"
    path.write_bytes(RECORD % b'"offset":0,"value":{}' + b"\n" + line + b"\n")
    with pytest.raises(Failure) as raised:
        run_recorded(path, tmp_path / "out")
    assert named in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_files_that_are_no_dumps_are_named(whole: PipelineInMemory, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no such file; settle dump makes one"):
        run_recorded(tmp_path / "none", tmp_path / "out")
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    with pytest.raises(Failure, match="no record of task-log"):
        run_recorded(empty, tmp_path / "out")
    cut = dump(whole, tmp_path / "dump.jsonl.gz")
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(Failure, match=r"after line [0-9]+: the gzip stream is damaged or cut off"):
        run_recorded(cut, tmp_path / "out")


def test_a_spool_keeps_records_of_any_size_in_their_order() -> None:
    chance = random.Random(2)
    records = [
        Record(
            "orders",
            number % 3,
            number,
            micros("2026-03-03T18:00:00Z") // 1000,
            chance.choice((None, b"", b"key")),
            chance.choice((None, b"", chance.randbytes(chance.choice((1, 700, 50_000))))),
        )
        for number in range(400)
    ]
    with RecordSpool() as spool:
        for record in records:
            spool.add((record.topic, record.partition), record)
        reads = [spool.read(("orders", partition)) for partition in range(3)]
        assert list(spool.read(("orders", 9))) == []
        # Several are read at a time.
        assert [next(reads[number % 3]) for number in range(400)] == records


@pytest.mark.parametrize(
    "arguments", [[], ["day.jsonl", "--recorded", "dump"], ["--recorded", "dump", "--until", "now"]]
)
def test_a_dump_goes_without_inputs(arguments: list[str], tmp_path: Path) -> None:
    settle = Path(sys.executable).with_name("settle")
    done = subprocess.run(
        [settle, "replay", *arguments, "--out", "out"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []
