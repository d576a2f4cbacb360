"""The golden net settlement on a real broker: every event and file is as it was replayed."""

import pytest

from tests.integration.conftest import Kafka
from tests.integration.test_both_ways import GOLDEN, equals_its_replay

pytestmark = pytest.mark.integration


def test_the_golden_net_settlement_settled_live_equals_its_replay(kafka: Kafka) -> None:
    equals_its_replay(kafka, GOLDEN / "net")


def test_what_it_left_on_the_broker_verifies(kafka: Kafka) -> None:
    assert "no difference" in kafka.settle("verify").stdout
