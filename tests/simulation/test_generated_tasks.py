"""Made-up days across both daylight-saving changes, in the tasks of the live engine: as replayed.

tests/integration/test_week.py does the same on a real broker, for the spring; make week for a week.
"""

import random
from pathlib import Path

import pytest

from replay.generate.day import write_generated_day
from replay.generate.options import DayOptions
from replay.read import read_inputs
from schemas.instant import micros
from scripts.replay import run_replay
from tests.pipeline_in_memory import PipelineInMemory, both_engines, differences, told_of

# Midnights in Chicago, the days before clocks go forward and back, and a month's last.
MIDNIGHTS = {
    "spring": "2026-03-07T06:00:00Z",
    "autumn": "2026-10-31T05:00:00Z",
    "the first of a month": "2026-02-27T06:00:00Z",
}


@pytest.mark.parametrize(("partitions", "seed"), [(1, 1), (4, 2), (7, 3)])
@pytest.mark.parametrize("midnight", MIDNIGHTS.values(), ids=MIDNIGHTS)
def test_days_of_all_models(midnight: str, partitions: int, seed: int, tmp_path: Path) -> None:
    history, replay = tmp_path / "history.jsonl", tmp_path / "replay"
    write_generated_day(
        DayOptions(seed, 24, 60, 300, quote_interval_ms=3_600_000, start=micros(midnight)),
        history,
    )
    run_replay([str(history)], replay, None)
    answers = replay / "inputs" / "apex-journal-results.jsonl"
    chance = random.Random(seed)
    pipeline = PipelineInMemory(
        partitions, lambda _: chance.random() < 0.02, lambda: chance.random() < 0.5
    )
    lines = told_of(read_inputs([str(history), str(answers)]))
    assert differences(both_engines(lines, pipeline), pipeline) == []
    assert len(pipeline.files) > 100
