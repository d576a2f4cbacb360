"""Random days (days.py) told line by line, from files, twice, spread over files: the same days."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from hypothesis import given, settings

from audit.directory import audit_directory
from replay.engine import History
from replay.output import WrittenFile
from replay.read import read_inputs
from scripts.replay import run_replay
from settlement.reports.report import Report
from settlement.reports.rows import MemoryRows
from tests.property.day_words import Line
from tests.property.days import days
from tests.property.told_day import Emitted, tell, written

# The other tests run each day several times.
FEWER = settings(max_examples=max(1, settings().max_examples // 4))
# Weeks of files are written and read again.
FEW = settings(max_examples=max(1, settings().max_examples // 8))


class Kept:
    """A destination that keeps everything."""

    def __init__(self) -> None:
        self.emitted: Emitted = []
        self.files: dict[str, str] = {}

    def event(self, topic: str, event: Any) -> None:  # noqa: ANN401 - any event
        self.emitted.append((topic, orjson.loads(orjson.dumps(event))))

    def report(self, report: Report) -> WrittenFile:
        rows = list(report.rows)
        path = f"{report.client}/{report.key}"
        assert path not in self.files
        text = "\n".join((*report.header, *(row.text for row in rows))) + "\n"
        self.files[path] = text
        control = sum(row.control for row in rows)
        return WrittenFile(path, len(rows), control, sha256(text.encode()).hexdigest())


def replayed(*files: Sequence[Line]) -> Kept:
    """Replay lines as they are read back from files."""
    kept = Kept()
    with TemporaryDirectory() as folder:
        paths = [
            written(Path(folder) / f"{number}.jsonl", lines) for number, lines in enumerate(files)
        ]
        History(kept, MemoryRows()).run(read_inputs(paths))
    return kept


def _but_dead_letters(emitted: Emitted) -> Emitted:
    return [(topic, event) for topic, event in emitted if topic != "dead-letters"]


@FEWER
@given(days())
def test_the_same_lines_give_the_same_events_and_files(lines: list[Line]) -> None:
    """Told one by one, or read from a file."""
    told, read = tell(lines), replayed(lines)
    assert read.emitted == told.story.emitted
    assert read.files == told.story.files


@FEWER
@given(days())
def test_repeating_every_line_has_no_effect(lines: list[Line]) -> None:
    """But on dead letters, which name the line that they come from."""
    once = replayed(lines)
    twice = replayed([line for line in lines for _ in range(2)])
    # An order that used up no id is answered again, with the very same event.
    answers: Emitted = []
    for topic, event in _but_dead_letters(twice.emitted):
        if event["type"] != "OrderRejected" or (topic, event) not in answers[-1:]:
            answers.append((topic, event))
    assert answers == _but_dead_letters(once.emitted)
    assert twice.files == once.files


@FEWER
@given(days())
def test_it_does_not_matter_how_lines_are_spread_over_files(lines: list[Line]) -> None:
    """One file for each topic, merged by time: the same, but for the dead letters' line numbers."""
    by_topic: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_topic[line.topic].append(line)
    one = replayed(lines)
    many = replayed(*by_topic.values())
    assert _but_dead_letters(many.emitted) == _but_dead_letters(one.emitted)
    assert many.files == one.files

    def letters(kept: Kept) -> Counter[tuple[str, str, str]]:
        return Counter(
            (event["source_topic"], event["raw"], event["reason"])
            for topic, event in kept.emitted
            if topic == "dead-letters"
        )

    assert letters(many) == letters(one)


@FEW
@given(days())
def test_the_audit_finds_nothing_wrong(lines: list[Line]) -> None:
    """Nor in the files: `settle verify` knows nothing of how they were made."""
    with TemporaryDirectory() as folder:
        told, out = written(Path(folder) / "day.jsonl", lines), Path(folder) / "out"
        run_replay([told], out, None, allow_gaps=True)
        checked = dict(audit_directory(out))
        firm = out / "inputs" / "apex-journal-results.jsonl"
        answers = firm.read_bytes().count(b"\n") if firm.exists() else 0
    assert checked["inputs, each answered"] == str(len(lines) + answers)
