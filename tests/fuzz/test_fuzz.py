"""A short run of `make fuzz`: every kind of input, every limit, both engines, the audit."""

import sys
import time
from pathlib import Path

import pytest

from tests.fuzz.course import Course, run
from tests.fuzz.targets import failures, table

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_every_record_is_acted_on_or_dead_lettered_and_both_engines_agree(tmp_path: Path) -> None:
    course = Course(seed=3, records=16_000, kills=2)
    outcome = run(course, tmp_path, sys.stderr.write, time.time_ns() // 1000)
    sys.stdout.write(table(outcome, "make test"))
    assert list(failures(outcome)) == []
