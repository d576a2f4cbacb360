"""What chaos counts: nothing is lost or doubled in a day settled in memory; damage is counted."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from pipeline.task import Record
from replay.read import read_inputs
from tests.chaos.counts import Measured
from tests.chaos.files import Files
from tests.chaos.journals import Journals
from tests.chaos.measured import Topics, compare
from tests.golden.renew import DAY
from tests.pipeline_in_memory import PipelineInMemory, both_engines, told_of
from topics.catalogue import CATALOGUE

Partitions = dict[tuple[str, int], list[Record]]
Change = Callable[[list[Record], int], None]


class Settled(NamedTuple):
    """A golden day as the pipeline in memory is told it, and what it made of it."""

    day: Path
    partitions: Partitions


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Settled]:
    """The golden day, and the one of net settlements."""
    found = {}
    for name, source in (("day", DAY), ("net", DAY.parent / "net" / "day.jsonl")):
        path = tmp_path_factory.mktemp(name) / "day.jsonl"
        told = list(told_of(read_inputs([str(source)])))
        path.write_bytes(
            b"".join(
                b'{"topic":"%s","value":%s}\n' % (topic.encode(), raw or orjson.dumps(value))
                for topic, value, raw in told
            )
        )
        pipeline = PipelineInMemory(3)
        both_engines(told, pipeline)
        partitions: Partitions = defaultdict(list)
        for record in pipeline.records():
            if CATALOGUE[record.topic].cleanup == "delete":
                partitions[record.topic, record.partition].append(record)
        found[name] = Settled(path, partitions)
    return found


def counted(partitions: Partitions, day: Path) -> Measured:
    topics = Topics()
    for records in partitions.values():
        for record in records:
            topics.take(record)
    return compare(topics, [day])


def damaged(partitions: Partitions, where: str, change: Change) -> Partitions:
    """Change the first record of a topic that holds a word."""
    topic, word = where.split()
    partitions = {place: list(records) for place, records in partitions.items()}
    for (name, _), records in partitions.items():
        for at, record in enumerate(records):
            if name == topic and f'"{word}"'.encode() in (record.value or b""):
                change(records, at)
                return partitions
    raise AssertionError(f"no {word} in {topic}")


def drop(records: list[Record], at: int) -> None:
    del records[at]


def repeat(records: list[Record], at: int) -> None:
    records.append(records[at]._replace(offset=records[-1].offset + 1))


@pytest.mark.parametrize("name", ["day", "net"])
def test_a_day_that_was_settled_well(settled: dict[str, Settled], name: str) -> None:
    day, partitions = settled[name]
    measured = counted(partitions, day)
    assert (measured.lost, measured.doubled) == ([], [])
    assert (measured.unanswered, measured.wrong) == ([], [])
    assert measured.inputs == len(day.read_bytes().splitlines())
    assert 0 < measured.executed <= measured.orders
    assert measured.emitted["Execution"] > 0
    assert min(measured.windows, measured.files) > 0
    flows = (measured.nets, measured.wires) if name == "net" else (measured.fundings,)
    assert min(flows) > 0


@pytest.mark.parametrize(
    ("where", "change", "found"),
    [
        pytest.param("orders OrderSubmitted", drop, {"lost"}, id="an input is not there"),
        pytest.param(
            "orders OrderSubmitted", repeat, {"doubled", "unanswered"}, id="an input is there twice"
        ),
        pytest.param("order-updates OrderAccepted", drop, {"unanswered"}, id="no answer"),
        pytest.param("order-updates OrderAccepted", repeat, {"doubled"}, id="two answers"),
        pytest.param("executions Execution", drop, {"lost"}, id="an execution is lost"),
        pytest.param(
            "executions Execution", repeat, {"doubled", "unanswered"}, id="an execution is doubled"
        ),
        pytest.param("cash-calls CashCallRequested", drop, {"lost"}, id="a cash call is lost"),
        pytest.param("cash-calls CashCallRequested", repeat, {"doubled"}, id="a call is doubled"),
        pytest.param(
            "cash-calls CashCallSettled", repeat, {"doubled"}, id="a call is settled twice"
        ),
        pytest.param("bbo BestQuote", drop, {"lost"}, id="a best quote is lost"),
        pytest.param("journal world:bank", drop, {"lost"}, id="a funding is not booked"),
        pytest.param("net-wires NetWireReceived", drop, {"lost"}, id="a wire is not there"),
        pytest.param("net-settlements NetSettlement", drop, {"lost"}, id="a net is lost"),
        pytest.param("net-settlements NetSettlement", repeat, {"doubled"}, id="two nets"),
        pytest.param(
            "net-settlements NetSettlementLine", drop, {"wrong", "lost"}, id="a line is lost"
        ),
        pytest.param(
            "net-settlements NetSettlementLine", repeat, {"wrong", "doubled"}, id="two lines"
        ),
        pytest.param("report-deliveries ReportDelivered", drop, {"lost"}, id="no delivery"),
        pytest.param("report-deliveries ReportDelivered", repeat, {"doubled"}, id="two deliveries"),
        pytest.param("dead-letters DeadLetter", repeat, {"doubled"}, id="two dead letters"),
        pytest.param("task-log trading", drop, {"lost"}, id="inputs were not applied"),
        pytest.param("task-log trading", repeat, {"doubled"}, id="inputs were applied again"),
    ],
)
def test_damage_is_counted(
    settled: dict[str, Settled], where: str, change: Change, found: set[str]
) -> None:
    day, partitions = settled["net" if where.startswith("net-") else "day"]
    measured = counted(damaged(partitions, where, change), day)
    counts = {name: getattr(measured, name) for name in ("lost", "doubled", "unanswered", "wrong")}
    assert found <= {name for name, count in counts.items() if count}


# -- the clearing firm's answers -------------------------------------------------------------------

FIRM = {
    "a-TPJ-1": [{"status": "COMPLETED"}],
    "b-TPJ-1": [{"status": "REJECTED", "reason": "LIMIT_REVIEW"}, {"status": "COMPLETED"}],
    "c-TPJ-1": [{"status": "REJECTED", "reason": "TOO_LATE"}],
    "d-TPJ-1": [],
}
Line = tuple[str, dict[str, Any]]


def asked(journal: str) -> Line:
    call = journal.removesuffix("-1")
    event = {"type": "ApexJournalRequested", "journal_id": journal, "cash_call_id": call}
    return "apex-journals", event | {"amount": "1.00"}


def completed(journal: str, event_id: str) -> Line:
    event = {"type": "ApexJournalCompleted", "journal_id": journal, "event_id": event_id}
    return "apex-journal-results", event


def rejected(journal: str, event_id: str, reason: str) -> Line:
    event = {"type": "ApexJournalRejected", "journal_id": journal, "event_id": event_id}
    return "apex-journal-results", event | {"reason": reason}


def outcome(kind: str, call: str, cause: str, reason: str | None = None) -> Line:
    event: dict[str, Any] = {"type": kind, "cash_call_id": call, "cause_id": cause}
    return "cash-calls", event | {"reason": reason}


def execution(name: str) -> Line:
    event = {"type": "Execution", "execution_id": name, "funding_model": "APEX_CLEARING"}
    return "executions", event | {"net_money": "1.00"}


def letter(offset: int) -> Line:
    event = {"type": "DeadLetter", "source_topic": "apex-journal-results"}
    return "dead-letters", event | {"source_partition": 0, "source_offset": offset}


# By offset; what became of the answers at 4, 5 and 8 is a dead letter.
WELL: list[Line] = [
    asked("a-TPJ-1"),
    asked("b-TPJ-1"),
    completed("a-TPJ-1", "a1"),
    rejected("b-TPJ-1", "b1", "LIMIT_REVIEW"),
    completed("b-TPJ-1", "b2"),
    rejected("c-TPJ-1", "c1", "TOO_LATE"),
    completed("a-TPJ-1", "a1"),
    asked("c-TPJ-1"),
    rejected("c-TPJ-1", "c1", "TOO_LATE"),
    asked("d-TPJ-1"),
    outcome("CashCallSettled", "a-TPJ", "a1"),
    outcome("CashCallFailed", "b-TPJ", "b1", "LIMIT_REVIEW"),
    outcome("CashCallFailed", "c-TPJ", "17:00", "TIMEOUT"),
    asked("c-TPJ-1"),
    letter(4),
    letter(5),
    letter(8),
]


def journals_of(lines: list[Line]) -> Measured:
    journals, measured = Journals(), Measured()
    for offset, (topic, event) in enumerate(lines):
        journals.take(topic, (0, offset), event)
    journals.compare(measured, lambda journal, _: FIRM[journal])
    return measured


def test_answers_that_count_once_however_often_they_come() -> None:
    measured = journals_of(WELL)
    found = (measured.lost, measured.doubled, measured.unanswered, measured.wrong)
    assert found == ([], [], [], [])
    assert (measured.journals_answered, measured.journals_never) == (3, 1)
    assert measured.answers_repeated == 2


@pytest.mark.parametrize(
    ("at", "line", "found"),
    [
        pytest.param(2, letter(99), {"doubled"}, id="a dead letter of none"),
        pytest.param(1, asked("a-TPJ-1"), {"wrong", "lost"}, id="asked for twice"),
        pytest.param(9, execution("e"), {"lost"}, id="not asked for"),
        pytest.param(4, outcome("", "x-TPJ", "x"), {"unanswered", "doubled"}, id="half an answer"),
        pytest.param(10, outcome("", "x-TPJ", "x"), {"lost"}, id="an answer without an outcome"),
        pytest.param(
            12, outcome("CashCallSettled", "a-TPJ", "a1"), {"doubled", "wrong"}, id="settled twice"
        ),
        pytest.param(
            10, outcome("CashCallFailed", "a-TPJ", "a1", "LIMIT_REVIEW"), {"wrong"}, id="otherwise"
        ),
        pytest.param(10, outcome("CashCallSettled", "z-TPJ", "a1"), {"wrong"}, id="another call"),
        pytest.param(14, outcome("", "x-TPJ", "x"), {"lost"}, id="no dead letter"),
        pytest.param(13, outcome("", "x-TPJ", "x"), {"wrong"}, id="not asked for again"),
        pytest.param(
            12, completed("d-TPJ-1", "d1"), {"wrong", "lost"}, id="what the firm did not say"
        ),
    ],
)
def test_damage_to_answers_is_counted(at: int, line: Line, found: set[str]) -> None:
    measured = journals_of([*WELL[:at], line, *WELL[at + 1 :]])
    counts = {name: getattr(measured, name) for name in ("lost", "doubled", "unanswered", "wrong")}
    assert {name for name, count in counts.items() if count} == found


# -- clients' files --------------------------------------------------------------------------------


def test_files_that_are_not_where_they_should_be_are_counted(
    settled: dict[str, Settled], tmp_path: Path
) -> None:
    """One is missing, one has another content, one is nobody's; what a killed put left is not."""
    files = Files()
    issued = []
    for records in settled["day"].partitions.values():
        for record in records:
            if record.topic in {"report-issues", "report-deliveries"}:
                event = orjson.loads(record.value or b"")
                files.take(record.topic, event)
                if record.topic == "report-issues":
                    issued.append(event)
    for event in issued:
        path = tmp_path / event["client"] / event["key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", newline="") as file:
            file.write(event["text"])
    well = Measured()
    files.compare(well, tmp_path)
    assert (well.lost, well.doubled, well.wrong) == ([], [], [])
    first, second = (tmp_path / one["client"] / one["key"] for one in issued[:2])
    first.unlink()
    second.write_text("another")
    (tmp_path / "MARK" / "nobody.csv").write_text("")
    (tmp_path / "MARK" / "staged.csv#1").write_text("")
    ill = Measured()
    files.compare(ill, tmp_path)
    assert (len(ill.lost), ill.doubled, len(ill.wrong)) == (1, [], 2)
