"""`settle verify` and what happens between two steps of trading: fundings, wires, payouts."""

from pathlib import Path

from audit.directory import audit_directory
from scripts.replay import run_replay
from tests.simulation.test_clearing_firm import line

# The story begins at 09:00 in Chicago.
A_DAY_LATER = 86_400.0


def test_a_wire_behind_a_funding_verifies(tmp_path: Path) -> None:
    """Nothing of trading comes between them: only the journal tells which was first."""

    def account(number: int, model: str) -> bytes:
        fields = {"account_id": f"ACME000{number}", "client": "ACME", "funding_model": model}
        return line("accounts", "AccountUpdated", number, **fields)

    funding = {"account_id": "ACME0001", "funding_id": "F1", "amount": "80.00"}
    wire = {"client": "ACME", "wire_id": "W1", "amount": "50.00"}
    source = tmp_path / "input.jsonl"
    lines = [
        line("clients", "ClientUpdated", 0, client="ACME", commission_model="MARKUP"),
        account(1, "MARKETPLACE"),
        account(2, "NET_SETTLEMENT"),
        line("clock", "ClockTicked", 3, at="2026-03-03T15:00:03Z"),
        line("fundings", "DepositSettled", A_DAY_LATER + 1, instrument_type="ACH", **funding),
        line("net-wires", "NetWireReceived", A_DAY_LATER + 2, **wire),
    ]
    source.write_bytes(b"".join(lines))
    run_replay([str(source)], tmp_path / "out", None)
    audit_directory(tmp_path / "out")


def test_a_payout_a_wire_and_an_opinion_of_one_instant_verify(tmp_path: Path) -> None:
    """Which of them was first follows from the inputs alone: their entries do not tell."""
    due = "2026-03-04T15:00:00Z"  # 09:00 in Chicago, a day later
    at = A_DAY_LATER + 60
    client = {"client": "ACME"}
    source = tmp_path / "input.jsonl"
    account = {"account_id": "ACME0001", "funding_model": "NET_SETTLEMENT", **client}
    lines = [
        line("clients", "ClientUpdated", 0, commission_model="MARKUP", **client),
        line("accounts", "AccountUpdated", 1, **account),
        line("clock", "ClockTicked", 3, at="2026-03-03T15:00:03Z"),
        line("clock", "ClockTicked", A_DAY_LATER + 1, at="2026-03-04T15:00:01Z"),
        line("net-wires", "RevenueSharePaid", at, wire_id="P1", amount="7.00", **client),
        line("net-wires", "NetWireReceived", at, wire_id="W1", amount="50.00", **client),
        line("net-wires", "NetSettlementDisputed", at, window_to=due, reason="?", **client),
        line("net-wires", "NetWireSent", at, wire_id="W2", amount="50.00", **client),
        line("net-wires", "RevenueSharePaid", at, wire_id="P2", amount="8.00", **client),
    ]
    source.write_bytes(b"".join(lines))
    run_replay([str(source)], tmp_path / "out", None)
    checked = dict(audit_directory(tmp_path / "out"))
    assert checked["journal entries"] == "4"
