"""SETTLE_CSV_SAFE on a broker: workers, `settle verify`, and a dump that is replayed."""

from pathlib import Path

import pytest

from tests.integration.conftest import Kafka
from tests.simulation.test_csv_safe import AS_IT_CAME, CSV_SAFE, FILE, day

pytestmark = pytest.mark.integration

ON, OFF = "true", "false"


def test_the_workers_files_are_spreadsheet_safe_and_verify_needs_the_setting(
    kafka: Kafka, tmp_path: Path
) -> None:
    history, dump = tmp_path / "day.jsonl", str(tmp_path / "dump.jsonl")
    history.write_bytes(b"".join(day()))
    kafka.worker("--no-clock", SETTLE_CSV_SAFE=ON)
    kafka.settle("produce", str(history), "--in-step")
    assert (kafka.directory / "s3" / FILE).read_text() == CSV_SAFE, kafka.said()
    assert "no difference" in kafka.settle("verify", SETTLE_CSV_SAFE=ON).stdout
    other = kafka.settle("verify", check=False, SETTLE_CSV_SAFE=OFF)
    assert other.returncode == 1
    assert "report-issues-" in other.stderr
    assert "CASH_ACTIVITY" in other.stderr
    kafka.settle("dump", "--out", dump)
    again = str(tmp_path / "again")
    refused = kafka.settle(
        "replay", "--recorded", dump, "--out", again, check=False, SETTLE_CSV_SAFE=OFF
    )
    assert refused.returncode == 1
    assert "not as it was recorded: report-issues-" in refused.stderr
    kafka.settle("replay", "--recorded", dump, "--out", again, SETTLE_CSV_SAFE=ON)
    assert (tmp_path / "again" / "s3" / FILE).read_text() == CSV_SAFE
    # A directory says by itself which setting it was written with.
    assert "no difference" in kafka.settle("verify", again, SETTLE_CSV_SAFE=OFF).stdout


def test_without_the_setting_the_texts_are_as_they_came(kafka: Kafka, tmp_path: Path) -> None:
    """The same history in a plain replay, with the setting off and on."""
    history = tmp_path / "day.jsonl"
    history.write_bytes(b"".join(day()))
    for setting, expected in ((OFF, AS_IT_CAME), (ON, CSV_SAFE)):
        kafka.settle(
            "replay", str(history), "--out", str(tmp_path / "out"), SETTLE_CSV_SAFE=setting
        )
        assert (tmp_path / "out" / "s3" / FILE).read_text() == expected
