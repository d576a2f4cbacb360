"""`settle verify` and what happens between two steps of trading: fundings, wires, payouts."""

from pathlib import Path

from replay.audit.directory import audit_directory
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
