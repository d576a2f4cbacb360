"""How `settle consume` puts an event's fields for a person."""

from base64 import b64encode
from collections.abc import Mapping

import pytest

from scripts.consume import _fields


def line(event: Mapping[str, object]) -> str:
    return " ".join(_fields(dict(event)))


def test_what_the_head_says_and_what_is_not_there_is_left_out() -> None:
    event = {"type": "T", "event_id": "1", "amount": "1.00", "reason": None, "postings": [{"a": 1}]}
    assert line(event) == 'amount=1.00 postings=[{"a":1}]'


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param(b'{"type":"X"}', '{"type":"X"}', id="json"),
        pytest.param("10 €".encode(), "10 €", id="text"),
        pytest.param(b"\xff\x00", "/wA=", id="no-text"),
        pytest.param(b"two\nlines \x1b[2J", "dHdvCmxpbmVzIBtbMko=", id="it-would-move-the-cursor"),
    ],
)
def test_a_dead_letter_s_bytes_are_text_where_they_are_a_line_of_it(raw: bytes, shown: str) -> None:
    letter = {"type": "DeadLetter", "raw": b64encode(raw).decode(), "reason": "MALFORMED"}
    assert line(letter) == f"raw={shown} reason=MALFORMED"


def test_no_other_event_s_raw_is_read() -> None:
    assert line({"type": "Other", "raw": "e30="}) == "raw=e30="


def test_a_value_that_is_too_deep_to_be_written_is_named() -> None:
    """A record may have 300 levels; it is dead-lettered, and shown all the same."""
    deep: object = None
    for _ in range(300):
        deep = [deep]
    assert line({"type": "X", "extra": deep}).endswith("extra=(nested too deep to be shown)")
