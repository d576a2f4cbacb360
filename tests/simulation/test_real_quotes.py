"""The real quotes of five venues, both symbols mapped, through the whole history engine.

The figures are those of an independent reading of contract section 5.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from replay.engine import History
from replay.output import WrittenFile
from replay.quotes import import_quotes
from replay.read import read_inputs
from settlement.reports.report import Report
from settlement.reports.rows import MemoryRows

QUOTES = Path(__file__).parents[2] / "replay" / "data" / "five_venue_quotes_2020-03-29.csv.gz"
SYMBOLS = {"BTCUSDT": "BTCUSD", "ETHUSDT": "ETHUSD"}


class _Market:
    """A destination that keeps the best quotes; a market alone causes nothing else."""

    def __init__(self) -> None:
        self.quotes: list[Mapping[str, Any]] = []
        self.others: Counter[str] = Counter()

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        if topic == "bbo":
            self.quotes.append(event)
        else:
            self.others[event["type"]] += 1

    def report(self, report: Report) -> WrittenFile:
        raise AssertionError(f"nobody is there for {report.key}")


@cache
def market(stale_after_ms: int) -> _Market:
    """Replay the day once for each `stale_after_ms`."""
    told = _Market()
    with TemporaryDirectory() as folder:
        lines = Path(folder) / "quotes.jsonl"
        import_quotes(QUOTES, lines, SYMBOLS, stale_after_ms=stale_after_ms)
        History(told, MemoryRows()).run(read_inputs([str(lines)]))
    return told


def test_best_quotes_by_symbol_and_status() -> None:
    quotes = market(35_000).quotes
    assert len(quotes) == 19_394
    assert Counter((quote["symbol"], quote["status"]) for quote in quotes) == {
        ("BTCUSD", "LIVE"): 9_683,
        ("BTCUSD", "LOCKED"): 311,
        ("ETHUSD", "LIVE"): 7_177,
        ("ETHUSD", "LOCKED"): 2_223,
    }


def test_best_quotes_that_are_stale_after_two_seconds() -> None:
    assert len(market(2_000).quotes) == 25_431


@pytest.mark.parametrize("stale_after_ms", [35_000, 2_000])
def test_every_best_quote_holds_together(stale_after_ms: int) -> None:
    """Sequences have no gap, sides never cross, sizes are those of the providers listed."""
    told = market(stale_after_ms)
    assert set(told.others) <= {"WindowOpened"}  # no tick of the day is refused
    sequences: Counter[str] = Counter()
    for quote in told.quotes:
        sequences[quote["symbol"]] += 1
        assert quote["sequence"] == sequences[quote["symbol"]]
        for side in ("bid", "ask"):
            shown = quote[f"{side}_providers"]
            sizes = [Decimal(provider["size"]) for provider in shown]
            assert sizes == sorted(sizes, reverse=True)
            assert (quote[f"{side}_size"] is None) == (not shown)
            if shown:
                assert Decimal(quote[f"{side}_size"]) == sum(sizes)
                assert quote[f"{side}_valid_until"] > quote["event_time"]
        if quote["bid_price"] is not None and quote["ask_price"] is not None:
            bid, ask = Decimal(quote["bid_price"]), Decimal(quote["ask_price"])
            assert bid <= ask
            assert (quote["status"] == "LOCKED") == (bid == ask)
