"""Instants: RFC 3339 UTC outside, microseconds inside (contract section 1)."""

import pytest

from schemas.instant import micros, milliseconds_text, time_text
from tests.story import Story

NEW_YEAR_2026 = 1_767_225_600_000_000  # `date -u -d 2026-01-01 +%s`
LEAP_DAY_2024 = 1_709_164_800_000_000  # `date -u -d 2024-02-29 +%s`


@pytest.mark.parametrize(
    ("text", "at", "printed"),
    [
        pytest.param(
            "2026-01-01T00:00:00Z", NEW_YEAR_2026, "2026-01-01T00:00:00.000000Z", id="no-fraction"
        ),
        pytest.param(
            "2026-01-01T00:00:00.5Z",
            NEW_YEAR_2026 + 500_000,
            "2026-01-01T00:00:00.500000Z",
            id="one-decimal",
        ),
        pytest.param(
            "2026-01-01T00:00:01.000001Z",
            NEW_YEAR_2026 + 1_000_001,
            "2026-01-01T00:00:01.000001Z",
            id="a-microsecond",
        ),
        pytest.param(
            "2024-02-29T23:59:59.999999Z",
            LEAP_DAY_2024 + 86_399_999_999,
            "2024-02-29T23:59:59.999999Z",
            id="last-of-a-leap-day",
        ),
        pytest.param(
            "9998-12-31T23:59:59.999999Z",
            253_370_764_799_999_999,  # `date -u -d 9999-01-01 +%s` less a microsecond
            "9998-12-31T23:59:59.999999Z",
            id="last-of-all",
        ),
        pytest.param("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000000Z", id="epoch"),
    ],
)
def test_reads_and_prints(text: str, at: int, printed: str) -> None:
    assert micros(text) == at
    assert time_text(at) == printed


@pytest.mark.parametrize(
    ("at", "printed"),
    [
        pytest.param(NEW_YEAR_2026 + 999_999, "2026-01-01T00:00:00.999Z", id="no-rounding-up"),
        pytest.param(NEW_YEAR_2026 + 999, "2026-01-01T00:00:00.000Z", id="below-a-millisecond"),
        pytest.param(NEW_YEAR_2026 - 1, "2025-12-31T23:59:59.999Z", id="the-year-stays"),
    ],
)
def test_truncated_never_rounded_when_printed_shorter(at: int, printed: str) -> None:
    assert milliseconds_text(at) == printed


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-03-03T18:00:00", id="no-zone"),
        pytest.param("2026-03-03T18:00:00+00:00", id="offset"),
        pytest.param("2026-03-03T18:00:00z", id="small-z"),
        pytest.param("2026-03-03 18:00:00Z", id="blank-for-T"),
        pytest.param("2026-03-03T18:00Z", id="no-seconds"),
        pytest.param("2026-03-03T18:00:00.Z", id="a-point-and-nothing"),
        pytest.param("2026-03-03T18:00:00.1234567Z", id="finer-than-microseconds"),
        pytest.param("2026-02-29T18:00:00Z", id="no-leap-year"),
        pytest.param("2026-13-01T18:00:00Z", id="no-such-month"),
        pytest.param("2026-03-03T24:00:00Z", id="no-such-hour"),
        pytest.param("2026-03-03T18:60:00Z", id="no-such-minute"),
        pytest.param("2026-12-31T23:59:60Z", id="leap-second"),
        pytest.param("2026-03-03T18:00:00Z\n", id="line-end"),
        pytest.param("2026-03-03T18:00:00.5Z\n", id="line-end-after-a-fraction"),
        pytest.param("٢٠٢٦-03-03T18:00:00Z", id="arabic-digits"),
        pytest.param("", id="empty"),
        # Readings: the calendar reaches from 1970 to 9998.
        pytest.param("1969-12-31T23:59:59.999999Z", id="before-1970"),
        pytest.param("0001-01-01T00:00:00Z", id="the-year-1"),
        pytest.param("9999-01-01T00:00:00Z", id="the-year-9999"),
        pytest.param("9999-12-31T23:59:59Z", id="the-last-second-of-all"),
    ],
)
def test_no_other_form_is_a_time(text: str) -> None:
    """Refused as an input's `event_time`, which is dead-lettered and moves no time."""
    with pytest.raises(ValueError, match=r"RFC 3339|day|month|hour|years"):
        micros(text)
    story = Story()
    happened = story.tell(
        "clock", {"type": "ClockTicked", "event_id": "c1", "event_time": text, "at": text}
    )
    assert [letter["reason"] for letter in happened.all("DeadLetter")] == ["INVALID"]
    assert story.history.now is None


def test_an_event_time_that_is_no_string_is_dead_lettered() -> None:
    happened = Story().tell(
        "clock", {"type": "ClockTicked", "event_id": "c1", "event_time": 1, "at": 1}
    )
    assert happened.one("DeadLetter")["reason"] == "INVALID"
