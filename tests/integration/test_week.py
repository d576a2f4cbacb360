"""Two days and a morning across a daylight-saving change, all models, settled live and replayed.

`make week` is the whole week. Clocks go forward on Sunday, 2026-03-08, so the net settlement of its
09:00 spans 23 hours: from 15:00 UTC to 14:00.
"""

from pathlib import Path

import pytest

from tests.both_ways import differences, settled_in, settled_live
from tests.integration.conftest import PARTITIONS, Kafka
from tests.week import WORKERS, made, spans

pytestmark = [pytest.mark.integration, pytest.mark.slow]

OPTIONS = {
    "--seed": 5,
    "--accounts": 24,
    "--date": "2026-03-07",
    "--hours": 58,
    "--orders": 160,
    "--quote-interval-ms": 3_600_000,
}


def test_days_across_a_daylight_saving_change(kafka: Kafka, tmp_path: Path) -> None:
    options = [str(part) for pair in OPTIONS.items() for part in pair]
    inputs = made(kafka.settle, tmp_path, *options)
    for _ in range(WORKERS):
        kafka.worker("--no-clock")
    kafka.settle("produce", *inputs, "--in-step")
    live = settled_live(kafka.broker, PARTITIONS, kafka.directory / "s3")
    assert list(differences(live, settled_in(tmp_path / "replay"))) == []
    found = spans(live)
    assert min(found[m] for m in ("MARKETPLACE", "NET_SETTLEMENT", "APEX_CLEARING")) > 10
    assert found["windows from 15:00 to 14:00 UTC"], found
    assert found["windows from 14:00 to 14:00 UTC"], found
    assert len(live.files) > 100


def test_what_it_left_on_the_broker_verifies(kafka: Kafka) -> None:
    assert "no difference" in kafka.settle("verify").stdout
