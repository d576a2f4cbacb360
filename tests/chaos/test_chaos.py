"""A short run of `make chaos`: one node that dies, then three, leader and coordinator first.

All models, and everybody is killed: workers, brokers, whoever produces, the clearing firm.
"""

import sys
from pathlib import Path

import pytest
from rich.console import Console

from tests.chaos.course import Course, run
from tests.chaos.figures import failures, table

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.mark.parametrize(
    "course",
    [
        pytest.param(Course(seed=1, kills=6, gap=6.0, pause_max=9.0), id="one node"),
        pytest.param(
            Course(seed=8, kills=3, nodes=3, gap=7.0, pause_max=9.0, hours=34), id="three nodes"
        ),
    ],
)
def test_nothing_is_lost_doubled_or_unanswered(course: Course, tmp_path: Path) -> None:
    outcome = run(course, tmp_path, sys.stderr.write)
    Console().print(table(outcome))
    assert list(failures(outcome)) == []
