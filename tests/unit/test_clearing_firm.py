"""What the clearing firm says over HTTP, read as inputs: known answers, and what is none.

The endpoint is docs/clearing-firm.md. On a real broker: tests/integration/test_apex_gateway.py.
"""

from typing import Any

import orjson
import pytest

from agents.clearing_firm import FirmAddress, answers_of
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
        pytest.param(completed(answered_at=None), "2026-03-03T18:00:09Z", id="else-http-s"),
        pytest.param(completed(answered_at="soon"), "2026-03-03T18:00:09Z", id="no-time"),
    ],
)
def test_when_it_was_said(said: Said, at: str) -> None:
    assert read(said)[0]["event_time"] == at


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
