"""What the clearing firm says over HTTP, read as inputs: known answers, and what is none.

The endpoint is docs/clearing-firm.md. On a real broker: tests/integration/test_apex_gateway.py.
"""

import json
from typing import Any

import orjson
import pytest

from agents.clearing_firm import ANSWERS_MAX, BODY_BYTES_MAX, FirmAddress, answers_of
from scripts.simulated_firm import Faults
from topics.decode import Refused, decode

JOURNAL = "ACME0001-o1-1-TPJ-1"
REQUEST = {
    "type": "ApexJournalRequested",
    "event_id": "e",
    "event_time": "2026-03-03T18:00:00.000000Z",
    "account_id": "ACME0001",
    "client": "ACME",
    "journal_id": JOURNAL,
    "cash_call_id": "ACME0001-o1-1-TPJ",
    "direction": "WITHDRAWAL",
    "amount": "25.00",
}
AT = "2026-03-03T18:00:02.500000Z"
DATE = "Tue, 03 Mar 2026 18:00:09 GMT"
Said = dict[str, Any]


def read(*answers: Said, status: int = 200) -> list[Said]:
    """Read a response with some answers."""
    body = orjson.dumps({"answers": list(answers)})
    return answers_of(REQUEST, status, body, DATE)


def completed(**fields: object) -> Said:
    said = {"journal_id": JOURNAL, "status": "COMPLETED", "amount": "25.00", "answered_at": AT}
    return said | fields


def rejected(**fields: object) -> Said:
    return {"journal_id": JOURNAL, "status": "REJECTED", "reason": "LIMIT_REVIEW"} | fields


def test_a_completion_is_an_input() -> None:
    (value,) = read(completed())
    wanted = {
        "type": "ApexJournalCompleted",
        "event_time": AT,
        "account_id": "ACME0001",
        "journal_id": JOURNAL,
        "amount": "25.00",
    }
    assert {name: value[name] for name in wanted} == wanted
    assert not isinstance(decode("apex-journal-results", value), Refused)


@pytest.mark.parametrize("amount", [None, "25.00"])
@pytest.mark.parametrize("reason", ["LIMIT_REVIEW", "INSUFFICIENT_FUNDS", "NEVER_HEARD_OF"])
def test_a_rejection_is_passed_on_whatever_its_reason(reason: str, amount: str | None) -> None:
    """Which reasons there are is settlement's to know."""
    (value,) = read(rejected(reason=reason, amount=amount))
    assert (value["type"], value["reason"]) == ("ApexJournalRejected", reason)
    assert value.get("amount") == amount
    assert not isinstance(decode("apex-journal-results", value), Refused)


@pytest.mark.parametrize(
    ("said", "at"),
    [
        pytest.param(completed(), AT, id="the-firm-s-own-time"),
        pytest.param(completed(answered_at=None), "2026-03-03T18:00:09.000000Z", id="else-http-s"),
        pytest.param(completed(answered_at="soon"), "2026-03-03T18:00:09.000000Z", id="no-time"),
    ],
)
def test_when_it_was_said(said: Said, at: str) -> None:
    assert read(said)[0]["event_time"] == at


@pytest.mark.parametrize(
    ("answered_at", "date", "at"),
    [
        pytest.param("2026-03-03T13:00:02.5-05:00", None, AT, id="a-zone"),
        pytest.param("2026-03-03T18:00:02.5000009Z", None, AT, id="nanoseconds-are-truncated"),
        pytest.param("2026-03-03T18:00:02.500000", DATE, "09", id="no-zone"),
        pytest.param("1999-12-31T23:59:59Z", DATE, "09", id="before-the-years-of-the-contract"),
        pytest.param("2100-01-01T00:00:00Z", DATE, "09", id="behind-them"),
        pytest.param("0001-01-01T00:00:00+14:00", DATE, "09", id="before-the-year-1-in-utc"),
        pytest.param("9999-12-31T23:59:59-14:00", DATE, "09", id="behind-the-year-9999"),
        pytest.param(10**30, DATE, "09", id="a-number"),
        pytest.param([[]], DATE, "09", id="a-list"),
        pytest.param(None, "Tue, 03 Mar 2026 13:00:09 -0500", "09", id="http-s-zone"),
        pytest.param(None, "Tue, 03 Mar 2026 18:00:09 -0000", "09", id="http-s-utc"),
        pytest.param(None, "Tue, 03 Mar 2026 99999999999999999999:00:00 GMT", "00", id="hours"),
        pytest.param(None, "Tue, 03 Mar 2026 18:00:09 +99999999999999", "00", id="huge-zone"),
        pytest.param(None, "Tue, 03 Mar 99999999999999 18:00:09 GMT", "00", id="huge-year"),
        pytest.param(None, "Sat, 01 Jan 2101 18:00:09 GMT", "00", id="http-s-year"),
        pytest.param(None, "", "00", id="an-empty-date"),
        pytest.param(None, "\x00\udcff,,,;;(((", "00", id="bytes"),
    ],
)
def test_a_time_with_a_zone_is_read_and_nonsense_is_no_time(
    answered_at: object, date: str | None, at: str
) -> None:
    """Else HTTP's date (18:00:09), else the time of the request (18:00:00)."""
    wanted = at if len(at) > 2 else f"2026-03-03T18:00:{at}.000000Z"
    body = orjson.dumps({"answers": [completed(answered_at=None)]})
    if answered_at is not None:
        told = json.dumps(answered_at).encode()
        body = body.replace(b'"answered_at":null', b'"answered_at":' + told)
    (value,) = answers_of(REQUEST, 200, body, date)
    assert value["event_time"] == wanted


def test_without_any_time_it_is_that_of_the_request() -> None:
    body = orjson.dumps({"answers": [completed(answered_at=None)]})
    (value,) = answers_of(REQUEST, 200, body, None)
    assert value["event_time"] == REQUEST["event_time"]


def test_the_same_answer_has_the_same_id_and_another_another() -> None:
    """A function of the journal and of what was said, not of when."""
    first, again, late = read(completed(), completed(), completed(answered_at=None))
    assert first == again
    assert first["event_id"] == late["event_id"]
    others = read(rejected(), rejected(reason="OTHER"), completed(amount="24.00"))
    assert len({value["event_id"] for value in [first, *others]}) == 4
    other_journal = answers_of(
        REQUEST | {"journal_id": "J"},
        200,
        orjson.dumps({"answers": [completed(journal_id="J")]}),
        None,
    )
    assert other_journal[0]["event_id"] != first["event_id"]


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(completed(status="ON_HOLD"), id="unknown-status"),
        pytest.param(completed(journal_id="ACME0001-o2-1-TPJ-1"), id="another-journal"),
        pytest.param(completed(amount=25), id="a-number-for-an-amount"),
        pytest.param(completed(amount=None), id="completed-without-an-amount"),
        pytest.param(completed(reason="LIMIT_REVIEW"), id="completed-with-a-reason"),
        pytest.param(rejected(reason=None), id="rejected-without-a-reason"),
        pytest.param({}, id="nothing"),
    ],
)
def test_what_is_no_answer_is_kept_under_a_type_that_nobody_knows(said: Said) -> None:
    """Never guessed; its dead letter holds it. What stands beside it counts."""
    unclear, known = read(said, completed())
    assert unclear["type"] == "ApexJournalUnclear"
    assert orjson.loads(unclear["said"]) == said
    refused = decode("apex-journal-results", unclear)
    assert isinstance(refused, Refused)
    assert refused.reason == "UNKNOWN_TYPE"
    assert known["type"] == "ApexJournalCompleted"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(200, b"<html>", id="no-json"),
        pytest.param(200, b"[]", id="no-object"),
        pytest.param(200, b'{"answers": []}', id="no-answers"),
        pytest.param(200, b'{"answers": {}}', id="no-list"),
        pytest.param(422, b'{"answers": [{"status": "COMPLETED"}]}', id="a-refused-request"),
        pytest.param(200, b"\xff\xfe" * 100_000, id="bytes"),
    ],
)
def test_a_body_that_is_no_answer_is_kept_up_to_8_kib(status: int, body: bytes) -> None:
    (value,) = answers_of(REQUEST, status, body, DATE)
    assert value["type"] == "ApexJournalUnclear"
    assert str(status) in value["detail"]
    assert 0 < len(value["said"]) <= 8192
    assert value["event_id"] == answers_of(REQUEST, status, body, DATE)[0]["event_id"]


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"answers": [%s]}' % nested(300), id="an-answer-of-300-levels"),
        pytest.param(b'{"answers": %s}' % nested(300), id="a-list-of-300-levels"),
        pytest.param(nested(100_000), id="100000-levels"),
        pytest.param(
            b'{"answers": [{"journal_id": "%s", "status": %s}]}' % (JOURNAL.encode(), nested(300)),
            id="a-status-of-300-levels",
        ),
        pytest.param(b'{"answers": [{"journal_id": "\\ud800"}]}', id="half-a-character"),
        pytest.param(b'{"answers": [' + b"1," * ANSWERS_MAX + b"1]}", id="too-many-answers"),
        pytest.param(b'{"answers": [' + b" " * BODY_BYTES_MAX + b"1]}", id="too-long"),
        pytest.param(
            orjson.dumps({"answers": [completed(amount="1" * 33)]}), id="an-amount-of-33-digits"
        ),
        pytest.param(b"\x00" * 10_000, id="what-json-escapes"),
    ],
)
def test_whatever_the_firm_sends_is_kept_in_an_input_of_at_most_64_kib(body: bytes) -> None:
    (value,) = answers_of(REQUEST, 200, body, DATE)
    assert value["type"] == "ApexJournalUnclear"
    assert len(orjson.dumps(value)) < 65_536


def test_the_largest_that_is_taken_apart() -> None:
    """As many answers as fit the limit, in a body of exactly the longest length."""
    body = orjson.dumps({"answers": [completed()] * ANSWERS_MAX})
    body += b" " * (BODY_BYTES_MAX - len(body))
    assert [value["type"] for value in answers_of(REQUEST, 200, body, DATE)] == [
        "ApexJournalCompleted"
    ] * ANSWERS_MAX


@pytest.mark.parametrize("length", [140, 141, 200_000])
def test_a_reason_is_truncated_to_140_characters(length: int) -> None:
    (value,) = read(rejected(reason="\N{MONEY BAG}" * length))
    assert value["reason"] == "\N{MONEY BAG}" * 140
    assert not isinstance(decode("apex-journal-results", value), Refused)


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(FirmAddress("https://firm.example/journals", 1, 1, "secret"))


# -- the simulated firm ----------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_fault_meets_its_share_of_the_journals(share: float) -> None:
    """The same ones for the same seed, others for another."""

    def met(seed: int) -> set[str]:
        faults = Faults(seed)
        return {f"J{n}" for n in range(4000) if faults.meets(share, "never", f"J{n}")}

    assert abs(len(met(1)) / 4000 - share) < 0.03
    assert met(1) == met(1)
    assert (met(1) == met(2)) is (share in {0.0, 1.0})


def test_each_attempt_has_a_fate_of_its_own() -> None:
    faults = Faults(1)
    fates = {faults.meets(0.5, "5xx", "J", attempt) for attempt in range(20)}
    assert fates == {True, False}
