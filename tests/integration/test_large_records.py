"""Inputs at the limits of contract section 1, many in one transaction, on a real broker."""

import time
from pathlib import Path

import orjson
import pytest

from scripts.replay import run_replay
from tests.integration.conftest import Kafka

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PATIENCE_SECONDS = 120.0
DEPOSITS = 4000
# The character that takes most bytes in UTF-8.
WIDE = "\U0001f4b8"
FILE = "ACME_CashActivityReport_03-03-26.csv"


def _line(topic: str, kind: str, event_id: str, at: str, /, **fields: object) -> bytes:
    value = {"type": kind, "event_id": event_id, "event_time": f"2026-03-03T{at}Z", **fields}
    return orjson.dumps({"topic": topic, "value": value}) + b"\n"


ACCOUNTS = {"ACME0001": "APEX_CLEARING", "ACME0002": "MARKETPLACE"}


def _reference_data() -> bytes:
    """Return what must be there before the deposits: `--flat-out` waits for no cause."""
    client = {"client": "ACME", "name": "Acme", "commission_model": "MARKUP"}
    lines = [_line("clients", "ClientUpdated", "c", "15:00:00", **client)]
    for account_id, model in ACCOUNTS.items():
        names = {"account_id": account_id, "client": "ACME", "funding_model": model}
        modes = {"mode": "OPEN", "jurisdiction": "OPEN"}
        lines.append(_line("accounts", "AccountUpdated", account_id, "15:00:01", **names | modes))
    return b"".join(lines)


def _deposits() -> bytes:
    """An Apex customer's deposits, the largest that there can be, between two small ones.

    A row of cash activity has the ID twice and the reference: 2,160 bytes of emoji and some more.
    2,000 inputs, a whole transaction of client-books, are 4.5 MB of rows.
    """
    deposit = {"instrument_type": "WIRE", "amount": "100.00"}
    small = deposit | {"account_id": "ACME0002"}
    large = deposit | {"account_id": "ACME0001", "reference": WIDE * 140}
    lines = [
        _line("fundings", "DepositSettled", "before", "15:00:02", funding_id="before", **small),
    ]
    for number in range(DEPOSITS):
        name = f"{number:04}{WIDE * 196}"
        lines.append(
            _line("fundings", "DepositInitiated", name, "15:00:03", funding_id=name, **large)
        )
    lines += [
        _line("fundings", "DepositSettled", "behind", "15:00:04", funding_id="behind", **small),
        # The start of day is at 16:40 in Chicago.
        _line("clock", "ClockTicked", "t", "22:41:00", at="2026-03-03T22:41:00.000000Z"),
    ]
    return b"".join(lines)


def test_rows_of_4000_deposits_of_the_largest_size_are_committed(
    kafka: Kafka, tmp_path: Path
) -> None:
    reference_data, deposits = tmp_path / "reference.jsonl", tmp_path / "deposits.jsonl"
    reference_data.write_bytes(_reference_data())
    deposits.write_bytes(_deposits())
    for source in (reference_data, deposits):
        kafka.settle("produce", str(source), "--flat-out")
    worker = kafka.worker("--no-clock")
    issued = kafka.directory / "s3" / "ACME" / FILE
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not issued.exists():
        assert worker.poll() is None, kafka.said()[-3000:]
        assert time.monotonic() < deadline, kafka.said()[-3000:]
        time.sleep(0.2)
    run_replay([str(reference_data), str(deposits)], tmp_path / "replayed", None)
    (expected,) = (tmp_path / "replayed" / "s3").rglob(FILE)
    assert expected.read_bytes().count(b"\n") == 1 + DEPOSITS + 2
    assert issued.read_bytes() == expected.read_bytes()
    assert "no difference" in kafka.settle("verify").stdout
