"""A withdrawal is looked at behind the retries that are due before it, in both engines.

Whether a Net Settlement account's withdrawal is ours depends on the cash that it has from its
Marketplace days (contract section 8), and a retry may take all of that.

The market is 99.00 to 100.00; 23:00 UTC is 17:00 in Chicago, and 12:00 is 06:00 there.
"""

from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from audit.directory import audit_directory
from scripts.replay import run_replay
from tests.pipeline_in_memory import PipelineInMemory, Replayed, both_engines, differences
from tests.simulation.test_tasks import World
from topics.catalogue import CASH_CALLS, DEAD_LETTERS, FUNDING_UPDATES

ACCOUNT = "ACME0001"


class Case(NamedTuple):
    """Cash comes after the call failed; then the model changes, and 40.00 is asked for."""

    cash: str
    cash_at: str
    asked_at: str
    answer: str
    call: str | None


CASES = {
    "a retry takes all": Case(
        "100.00", "22:59:58", "23:00:01", "FUNDING_NOT_OURS", "CashCallSettled"
    ),
    "at the retry's very instant": Case(
        "100.00", "22:59:58", "23:00:00", "FUNDING_NOT_OURS", "CashCallSettled"
    ),
    "just before the retry": Case(
        "100.00", "22:59:58", "22:59:59.999999", "INSUFFICIENT_FUNDS", None
    ),
    "a retry leaves enough": Case(
        "150.00", "22:59:58", "23:00:01", "WithdrawalAccepted", "CashCallSettled"
    ),
    "a retry leaves too little": Case(
        "100.01", "22:59:58", "23:00:01", "INSUFFICIENT_FUNDS", "CashCallSettled"
    ),
    "a retry takes nothing": Case(
        "99.99", "22:59:58", "23:00:01", "INSUFFICIENT_FUNDS", "CashCallFailed"
    ),
    "the first of many retries takes all": Case(
        "100.00", "22:59:58", "2026-03-09T12:00:01Z", "FUNDING_NOT_OURS", "CashCallSettled"
    ),
    # 30 CT dates after 2026-03-03 the call is written off instead; by then it is summer in Chicago.
    "a retry gives the call up": Case(
        "100.00",
        "2026-04-02T10:59:58Z",
        "2026-04-02T11:00:01Z",
        "WithdrawalAccepted",
        "CashCallWrittenOff",
    ),
}


def days(case: Case) -> World:
    world = World([ACCOUNT])
    world.tick("18:00:00")
    world.buy(ACCOUNT, "o1", "18:00:01")
    world.deposit(ACCOUNT, "D1", case.cash_at, case.cash)
    world.account(ACCOUNT, case.cash_at.replace(":58", ":59"), funding_model="NET_SETTLEMENT")
    world.tell(
        "fundings",
        "WithdrawalRequested",
        case.asked_at,
        funding_id="W1",
        account_id=ACCOUNT,
        instrument_type="WIRE",
        amount="40.00",
    )
    return world


def answers(replayed: Replayed) -> list[str]:
    """Return what was said of the withdrawal: a refusal's reason, or that it was accepted."""
    return [
        event.get("reason") or event["type"]
        for topic, event in replayed.emitted
        if topic in {FUNDING_UPDATES, DEAD_LETTERS}
    ]


@pytest.mark.parametrize("partitions", [1, 4])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_both_engines_answer_alike(case: Case, partitions: int) -> None:
    pipeline = PipelineInMemory(partitions)
    replayed = both_engines(days(case).lines, pipeline)
    assert differences(replayed, pipeline) == []
    assert answers(replayed) == [case.answer]
    calls = [e["type"] for topic, e in replayed.emitted if topic == CASH_CALLS][2:]
    assert calls[-1:] == ([] if case.call is None else [case.call])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_audit_asks_for_that_answer(case: Case, tmp_path: Path) -> None:
    """Also where the withdrawal is the last line, and dead-lettered: the retry comes before it."""
    path = tmp_path / "days.jsonl"
    lines = (orjson.dumps({"topic": line.topic, "value": line.value}) for line in days(case).lines)
    path.write_bytes(b"\n".join(lines) + b"\n")
    run_replay([str(path)], tmp_path / "out", None)
    audit_directory(tmp_path / "out")
    happened = (tmp_path / "out" / "topics" / "cash-calls.jsonl").read_text()
    if case.call is not None:
        assert case.call in happened
