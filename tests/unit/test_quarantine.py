"""Who skips a quarantined record, and who dead-letters it (contract section 12)."""

import orjson
import pytest

from pipeline.chain import CHAIN
from pipeline.market import MarketTask
from pipeline.quarantine import (
    earlier_readers,
    is_dead_lettered,
    is_quarantined,
    may_be_quarantined,
    quarantined,
    read,
    record_quarantined,
    skip,
    skip_mark,
)
from pipeline.task import Record
from schemas.quarantine import WHY_LENGTH_MAX
from settlement.cause import Out
from topics.catalogue import CATALOGUE

WHY = "overflow, ticket 7"


@pytest.mark.parametrize("topic", CATALOGUE)
def test_only_what_comes_from_outside_or_from_market_can_be_quarantined(topic: str) -> None:
    expected = CATALOGUE[topic].direction == "in" or topic == "market-feed"
    assert may_be_quarantined(topic) is expected


def test_a_topic_that_is_not_there_cannot_be_quarantined() -> None:
    assert not may_be_quarantined("no-topic")


@pytest.mark.parametrize(
    ("task", "topic", "expected"),
    [
        pytest.param("market", "clients", [], id="the-first-reader-of-clients"),
        pytest.param("client-books", "clients", ["market"], id="the-second-reader-of-clients"),
        pytest.param("settlement", "accounts", ["trading"], id="the-second-reader-of-accounts"),
        pytest.param("settlement", "clock", ["trading"], id="the-second-reader-of-clock"),
        pytest.param("settlement", "fundings", [], id="the-only-reader-of-fundings"),
        pytest.param("trading", "market-feed", [], id="the-only-reader-of-market-feed"),
        pytest.param("no-task", "clients", [], id="no-task-of-the-chain"),
    ],
)
def test_earlier_readers(task: str, topic: str, expected: list[str]) -> None:
    assert earlier_readers(task, topic) == expected


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        pytest.param([], False, id="nobody-reads-it-before"),
        pytest.param([(7, False)], None, id="the-earlier-task-is-just-before-it"),
        pytest.param([(8, False)], False, id="the-earlier-task-has-applied-it"),
        pytest.param([(8, True)], True, id="the-earlier-task-has-skipped-it"),
        pytest.param(
            [(8, False), (8, True)], True, id="applied-by-the-first-skipped-by-the-second"
        ),
        pytest.param([(8, False), (7, False)], None, id="the-second-has-not-passed-it"),
        pytest.param([(9, False), (9, False)], False, id="both-have-applied-it"),
    ],
)
def test_who_dead_letters_the_record_at_offset_7(
    earlier: list[tuple[int, bool]], expected: bool | None
) -> None:
    assert is_dead_lettered(("clients", 7), earlier) is expected


def test_the_first_quarantine_of_a_record_counts_and_garbage_does_not() -> None:
    def value(offset: object, why: object, partition: int = 2) -> bytes:
        made = record_quarantined("orders", partition, 7, WHY)
        return orjson.dumps({**made, "offset": offset, "why": why})

    longest = "x" * WHY_LENGTH_MAX
    values = [
        *(None, b"", b"\xff", b"[]", b"{}", b"null"),
        value(1, longest + "x"),
        value(1, None),
        value("1", WHY),
        value(1, WHY, partition=3),
        value(7, WHY),
        value(7, "another reason"),
        value(8, longest),
    ]
    assert quarantined(values, 2) == {("orders", 7): WHY, ("orders", 8): longest}


def _tick(value: bytes | None) -> Record:
    return Record("price-ticks", 1, 7, 0, b"BTCUSD", value)


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"{}", b"x" * 100_000])
def test_a_quarantined_record_is_dead_lettered_for_nothing_else(value: bytes | None) -> None:
    """It is the first form check, so what is wrong with the value does not matter."""
    task, out = MarketTask(1, 4), Out()
    head = read(task, _tick(value), {("price-ticks", 7): WHY})
    assert is_quarantined(head)
    assert not task.waits(head)
    assert list(skip(task, head, out, dead_lettered=False)) == []
    ((topic, key, letter),) = out
    assert (topic, key) == ("dead-letters", "BTCUSD")
    assert isinstance(letter, dict)
    assert (letter["reason"], letter["detail"]) == ("QUARANTINED", WHY)
    assert (letter["source_topic"], letter["source_partition"]) == ("price-ticks", 1)
    assert (letter["source_offset"], letter["raw_length"]) == (7, len(value or b""))
    assert task.now is None  # it moves no time


def test_a_record_that_an_earlier_task_dead_letters_is_skipped_in_silence() -> None:
    task, out = MarketTask(1, 4), Out()
    head = read(task, _tick(b"{}"), {("price-ticks", 7): WHY})
    assert list(skip(task, head, out, dead_lettered=True)) == []
    assert out == []


def test_any_other_record_is_read_as_ever() -> None:
    head = read(MarketTask(1, 4), _tick(b"[]"), {("price-ticks", 8): WHY, ("clients", 7): WHY})
    assert not is_quarantined(head)
    assert head.event.reason == "MALFORMED"


@pytest.mark.parametrize("kind", CHAIN)
def test_the_mark_of_a_skipped_record_is_no_state_of_any_task(kind: type) -> None:
    """Keys of states begin with a letter, those of positions with @."""
    key, value = skip_mark(("clients", 7))
    assert (key, value) == (b"!clients|7", b"1")
    assert all(not change[0].startswith(b"!") for change in kind(0, 1).changes())
