"""Whole random days (days.py) through the tasks of the live engine, whose workers die at random.

They make what the history engine makes: the same events per key, the same files.
"""

import random
from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.pipeline_in_memory import PipelineInMemory, Told, both_engines, differences
from tests.property.day_words import Line
from tests.property.days import days

# A day goes through two engines, and some steps of it through one of them several times.
FEWER = settings(max_examples=max(1, settings().max_examples // 2))


@FEWER
@pytest.mark.slow
@given(days(), st.integers(1, 5), st.integers(0, 2**32), st.sampled_from([0, 0.02, 0.2]))
def test_a_day_in_partitions_with_deaths_is_the_day_in_one_process(
    lines: Sequence[Line], partitions: int, seed: int, deadliness: float
) -> None:
    chance = random.Random(seed)
    pipeline = PipelineInMemory(
        partitions, lambda _: chance.random() < deadliness, lambda: chance.random() < 0.7
    )
    told = [Told(line.topic, line.value) for line in lines]
    wrong = differences(both_engines(told, pipeline), pipeline)
    for line in lines:
        note(f"{line.topic} {orjson.dumps(line.value).decode()}")
    assert wrong == []
