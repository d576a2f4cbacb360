"""The fuzz's own records, without a broker: each is refused for its form exactly as it is meant."""

import pytest

from pipeline.task import Record, read_outside
from schemas.instant import micros
from tests.fuzz.generator import PARTITIONS, Generator
from tests.fuzz.sent import ACT, ANSWER
from tests.fuzz.targets import limit_names
from topics.decode import Refused

_RECORDS = 12_000
_START = micros("2026-06-01T00:00:00Z")


@pytest.mark.parametrize("seed", [1, 2])
def test_records_are_refused_for_their_form_as_they_are_meant(seed: int) -> None:
    limits: set[str] = set()
    wrong = []
    for sent in (s for sents in Generator(seed, _RECORDS, _START).rounds() for s in sents):
        appended_ms = _START // 1000 + 1_000_000_000
        record = Record(sent.topic, sent.partition, 0, appended_ms, sent.key, sent.value)
        event = read_outside(record, PARTITIONS).event
        reason = event.reason if isinstance(event, Refused) else ACT
        limits.add(sent.tag.limit)
        expected = ACT if sent.tag.expected == ANSWER else sent.tag.expected
        if expected and reason != expected:
            wrong.append((sent.tag, reason))
    assert wrong == []
    assert set(limit_names()) <= limits


def test_a_seed_gives_the_same_records() -> None:
    one, other = (
        [sent for sents in Generator(5, _RECORDS, _START).rounds() for sent in sents]
        for _ in range(2)
    )
    assert one == other
