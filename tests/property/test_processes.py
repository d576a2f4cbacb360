"""Random days in one process and in three: the same bytes, whoever the clearing firm is."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.instant import DAY, micros
from tests.property.day_words import Line
from tests.property.days import days
from tests.property.told_day import written
from tests.replay_server import ReplayServer, replay_server
from topics.catalogue import APEX_JOURNAL_RESULTS


@pytest.fixture(scope="module")
def server() -> Iterator[ReplayServer]:
    with replay_server() as asked:
        yield asked


@settings(max_examples=max(1, settings().max_examples // 2))
@given(days(), st.booleans(), st.none() | st.integers(0, 3 * DAY))
def test_three_processes_write_what_one_writes(
    server: ReplayServer, lines: list[Line], simulated: bool, until_after: int | None
) -> None:
    """`simulated`: without the answers of the input the simulated firm answers."""
    if simulated:
        lines = [line for line in lines if line.topic != APEX_JOURNAL_RESULTS]
    until = None if until_after is None else micros(lines[0].value["event_time"]) + until_after
    with TemporaryDirectory() as folder:
        assert server.differences(written(Path(folder) / "day.jsonl", lines), until=until) == []
