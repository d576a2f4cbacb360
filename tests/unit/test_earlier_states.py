"""State records that the version before wrote are restored, and new ones beside them."""

import orjson
import pytest

from pipeline.client_books import ClientBooksTask
from pipeline.market import MarketTask
from pipeline.settlement import SettlementTask
from pipeline.task import Task
from pipeline.trading import TradingTask
from schemas.instant import FIRST_TIME, micros

NOW = micros("2026-03-03T15:00:00Z")
WINDOW = micros("2026-03-03T15:30:00Z")
REFERENCE = micros("2026-03-03T14:00:00Z")


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        pytest.param(TradingTask, [NOW, WINDOW], id="trading"),
        pytest.param(SettlementTask, [NOW, WINDOW, None], id="settlement"),
        pytest.param(ClientBooksTask, [NOW, WINDOW, None], id="client-books"),
    ],
)
def test_a_time_without_and_with_a_reference_time_is_restored(
    kind: type[Task], stored: list[int | None]
) -> None:
    for record, reference in ((stored, FIRST_TIME), ([*stored, REFERENCE], REFERENCE)):
        task = kind(0, 1)
        task.restore(b"time", orjson.dumps(record))
        task.restored()
        assert task.now == NOW
        assert task.reference_time == reference
        # What the version before wrote is written anew, once.
        assert bool(list(task.changes())) is (record == stored)


def test_a_symbol_without_a_base_is_restored_and_takes_the_next_one() -> None:
    task = MarketTask(0, 1)
    stored = {
        "decimals": 2,
        "stale_after": 2_000_000,
        "now": NOW,
        "sequence": 7,
        "quotes": [],
        "emitted": None,
        "emitted_until": [None, None],
    }
    task.restore(b"symbol|BTCUSD", orjson.dumps(stored))
    task.restored()
    assert task.market.symbols["BTCUSD"].base == ""
    assert task.market.symbols["BTCUSD"].sequence == 7
