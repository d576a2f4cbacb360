"""`settle verify` finds planted damage to what Apex accounts made (damage_to_apex.py).

Two inputs: a month in which the firm's answers are of every kind, and a day with a simulated firm.
"""

from pathlib import Path

import orjson
import pytest

from audit.directory import audit_directory
from schemas.instant import micros
from scripts.replay import run_replay
from tests.simulation.damage_to_apex import APEX, FIRMS
from tests.simulation.must_be_found import STORED, must_be_found
from tests.simulation.replay_copy import ReplayCopy
from tests.simulation.test_clearing_firm import day as day_of_the_firm
from tests.simulation.test_clearing_firm import line

DAY = 86_400.0
# The 60th retry is the first of the 30th date, at 06:00.
WRITTEN_OFF = 29 * DAY + 21 * 3600.0


def month() -> list[bytes]:
    """Return a month of answers: completed, rejected, late, contradictory, unknown, never."""
    ours = {"account_id": "ACME0001"}

    def model(at: float, account_id: str, funding_model: str) -> bytes:
        fields = {"account_id": account_id, "client": "ACME", "funding_model": funding_model}
        return line("accounts", "AccountUpdated", at, **fields)

    def answer(at: float, order: int, k: int = 1, reason: str = "") -> bytes:
        journal = {"journal_id": f"ACME0001-o{order}-1-TPJ-{k}", **ours}
        if reason:
            fields = {**journal, "reason": reason}
            return line("apex-journal-results", "ApexJournalRejected", at, **fields)
        fields = {**journal, "amount": "10.00"}
        return line("apex-journal-results", "ApexJournalCompleted", at, **fields)

    def funding(at: float, kind: str, amount: str) -> bytes:
        fields = {"funding_id": "M1", "amount": amount, "instrument_type": "ACH", **ours}
        return line("fundings", kind, at, reference="memo-1", **fields)

    def order(at: int, account_id: str = "ACME0001") -> bytes:
        fields = {"order_type": "MARKET", "time_in_force": "IOC", "quantity": "0.1"}
        fields |= {"side": "BUY", "symbol": "BTCUSD", "client_order_id": f"o{at}"}
        return line("orders", "OrderSubmitted", at, account_id=account_id, **fields)

    return [
        *day_of_the_firm()[:6],
        *(order(at) for at in range(10, 16)),
        order(16, "ACME0002"),
        order(17, "ACME0003"),
        answer(20, 10),
        answer(21, 11, reason="LIMIT_REVIEW"),
        answer(22, 12, reason="NEVER_HEARD_OF"),
        answer(23, 10, reason="LIMIT_REVIEW"),
        funding(24, "DepositInitiated", "75.00"),
        model(25, "ACME0002", "APEX_CLEARING"),
        answer(9 * 3600, 11, k=2),
        funding(DAY, "DepositSettled", "75.00"),
        answer(DAY + 1, 13),
        answer(WRITTEN_OFF + 60, 12),
        line("clock", "ClockTicked", WRITTEN_OFF + DAY, at="2026-04-03T12:00:00Z"),
    ]


def _replayed(root: Path, lines: list[bytes]) -> Path:
    source = root / "input.jsonl"
    source.write_bytes(b"".join(lines))
    run_replay([str(source)], root / "out", None)
    return root / "out"


@pytest.fixture(scope="module")
def apex(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The month."""
    return _replayed(tmp_path_factory.mktemp("apex"), month())


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day whose journals a simulated firm completed."""
    return _replayed(tmp_path_factory.mktemp("firm"), day_of_the_firm())


@pytest.mark.parametrize("name", ["apex", "firm"])
def test_both_verify(request: pytest.FixtureRequest, name: str) -> None:
    checked = dict(audit_directory(request.getfixturevalue(name)))
    assert int(checked["cash calls"]) >= 7


def test_the_month_has_it_all(apex: Path) -> None:
    """Else the tables would damage nothing."""
    found = set()
    for topic in ("cash-calls", "dead-letters", "apex-journals"):
        for text in (apex / "topics" / f"{topic}.jsonl").read_bytes().splitlines():
            event = orjson.loads(text)
            found.add(f"{event['type']} {event.get('reason') or ''}".strip())
    assert found >= {
        "ApexJournalRequested",
        "CashCallSettled",
        "CashCallFailed LIMIT_REVIEW",
        "CashCallFailed TIMEOUT",
        "CashCallWrittenOff TIMEOUT",
        "WriteOffRecovered",
        "DeadLetter CONTRADICTION",
        "DeadLetter UNKNOWN_REASON",
    }


@STORED
@pytest.mark.parametrize("name", APEX)
def test_damage_is_found(name: str, apex: Path, tmp_path: Path, *, stored_anew: bool) -> None:
    copy = ReplayCopy(apex, tmp_path / "copy")
    must_be_found(copy, APEX[name], stored_anew=stored_anew)


@STORED
@pytest.mark.parametrize("name", FIRMS)
def test_damage_to_the_simulated_firm_s_answers_is_found(
    name: str, firm: Path, tmp_path: Path, *, stored_anew: bool
) -> None:
    copy = ReplayCopy(firm, tmp_path / "copy")
    must_be_found(copy, FIRMS[name], stored_anew=stored_anew)


def test_an_answer_after_the_end_silences_the_firm(tmp_path: Path) -> None:
    """The replay looks for answers in the whole input, whatever `--until` leaves out."""
    late = {"account_id": "ACME0001", "journal_id": "none", "amount": "1.00"}
    source = tmp_path / "input.jsonl"
    answer = line("apex-journal-results", "ApexJournalCompleted", DAY, **late)
    source.write_bytes(b"".join([*day_of_the_firm(), answer]))
    run_replay([str(source)], tmp_path / "out", micros("2026-03-03T15:01:00Z"))
    assert not (tmp_path / "out" / "inputs" / "apex-journal-results.jsonl").exists()
    checked = dict(audit_directory(tmp_path / "out"))
    assert int(checked["cash calls"]) >= 7
