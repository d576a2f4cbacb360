"""Ticks of one instant, discarded quotes, a hundred providers, kept terms: a replay and its audit.

The audit reads the rules a second time. So an engine that reads one of them wrongly is planted, and
has to be found.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from audit.directory import audit_directory
from replay.difference import DifferenceError
from schemas.best_quote import BestQuote
from schemas.instant import Micros
from schemas.instrument import InstrumentUpdated
from scripts.replay import run_replay
from settlement import best_quote
from settlement.best_quote import Market, SymbolQuotes
from settlement.cause import Out
from settlement.execution import Trading
from settlement.provider_quote import NO_ASK, NO_BID, ProviderQuote
from settlement.working_orders import Instrument
from tests.simulation.market_rules import market_rules

CASES = Path(__file__).parents[1] / "cases"
Event = dict[str, Any]
Plant = Callable[[pytest.MonkeyPatch], None]


def replayed(lines: bytes, tmp_path: Path) -> Path:
    source = tmp_path / "history.jsonl"
    source.write_bytes(lines)
    run_replay([str(source)], tmp_path / "out", None)
    return tmp_path / "out"


def events(out: Path, topic: str, *kinds: str) -> list[Event]:
    lines = (out / "topics" / f"{topic}.jsonl").read_bytes().splitlines()
    return [event for event in map(orjson.loads, lines) if event["type"] in kinds]


def executed(out: Path, *fields: str) -> list[tuple[str, ...]]:
    return [tuple(e[name] for name in fields) for e in events(out, "executions", "Execution")]


@pytest.mark.parametrize(
    ("name", "execution", "calls"),
    [
        # The customer has no cash; the fill is what matters.
        pytest.param(
            "same_microsecond", ("1", "2684.01"), "CashCallFailed", id="two-ticks-of-one-instant"
        ),
        pytest.param(
            "increments-change", ("0.5", "101.0"), "CashCallSettled", id="increments-change"
        ),
    ],
)
def test_a_small_input(name: str, execution: tuple[str, str], calls: str, tmp_path: Path) -> None:
    out = replayed((CASES / f"{name}.jsonl").read_bytes(), tmp_path)
    assert executed(out, "quantity", "price") == [execution]
    assert [e["type"] for e in events(out, "cash-calls", "CashCallSettled", "CashCallFailed")] == [
        calls
    ]
    assert events(out, "dead-letters", "DeadLetter") == []
    audit_directory(out)


def test_the_rules_in_one_history(tmp_path: Path) -> None:
    """Worked by hand, from the comments in market_rules.py."""
    out = replayed(market_rules(), tmp_path)
    audit_directory(out)
    assert executed(out, "symbol", "quantity", "price") == [
        ("SAMEUSD", "1", "100.0"),
        # p099 asks 200 - 99, the lowest of those that were admitted.
        ("FULLUSD", "1", "101.0"),
        ("FULLUSD", "1", "99.5"),
        ("STALEUSD", "1", "109.0"),
        ("TERMSUSD", "0.5", "101.0"),
        ("RESTUSD", "1", "98.5"),
        ("RESTUSD", "1", "105.5"),
    ]
    letters = events(out, "dead-letters", "DeadLetter")
    assert [letter["reason"] for letter in letters] == ["TOO_MANY_PROVIDERS"]


# -- wrong engines --------------------------------------------------------------------------------


def _first_of_an_instant_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ProviderQuote, "content", lambda _: ())


def _limit_of(providers: int) -> Plant:
    return lambda patch: patch.setattr(best_quote, "PROVIDERS_MAX", providers)


def _withdrawn_quotes_take_no_room(patch: pytest.MonkeyPatch) -> None:
    def is_full(symbol: SymbolQuotes, _: Micros) -> bool:
        quoting = [q for q in symbol.quotes.values() if (q.bid, q.ask) != (NO_BID, NO_ASK)]
        return len(quoting) >= best_quote.PROVIDERS_MAX

    patch.setattr(SymbolQuotes, "is_full", is_full)


def _room_as_of_the_last_kept_tick(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        SymbolQuotes, "is_full", lambda symbol, _: len(symbol.quotes) >= best_quote.PROVIDERS_MAX
    )


def _longer_terms_revive_quotes(patch: pytest.MonkeyPatch) -> None:
    keep = SymbolQuotes.keep
    every: dict[int, dict[str, ProviderQuote]] = {}

    def keeps(symbol: SymbolQuotes, quote: ProviderQuote, latest: ProviderQuote | None) -> None:
        seen = every.setdefault(id(symbol), {})
        seen[quote.provider] = quote
        keep(symbol, quote, latest)
        symbol.quotes.update(seen)

    patch.setattr(SymbolQuotes, "keep", keeps)


def _working_orders_take_new_terms(patch: pytest.MonkeyPatch) -> None:
    update = Trading.instrument_updated

    def updates(trading: Trading, event: InstrumentUpdated) -> None:
        update(trading, event)
        for order in trading.working:
            if order.instrument.symbol == event.symbol:
                order.instrument = trading.instruments[event.symbol]

    patch.setattr(Trading, "instrument_updated", updates)


def _new_terms_of(name: str) -> Plant:
    """Working orders take one of the new terms: a price scale, or a quantity increment."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        update = Trading.instrument_updated

        def updates(trading: Trading, event: InstrumentUpdated) -> None:
            update(trading, event)
            new = trading.instruments[event.symbol]
            for order in trading.working:
                if order.instrument.symbol == event.symbol:
                    setattr(order.instrument, name, getattr(new, name))

        patch.setattr(Trading, "instrument_updated", updates)

    return plant


def _orders_are_tried_while_not_tradable(patch: pytest.MonkeyPatch) -> None:
    quoted = Trading.quoted

    def tries(trading: Trading, symbol: str, event: BestQuote | str, at: Micros, out: Out) -> None:
        instrument: Instrument = trading.instruments[symbol]
        tradable, instrument.tradable = instrument.tradable, True
        quoted(trading, symbol, event, at, out)
        instrument.tradable = tradable

    patch.setattr(Trading, "quoted", tries)


def _not_tradable_for_good(patch: pytest.MonkeyPatch) -> None:
    update = Trading.instrument_updated

    def updates(trading: Trading, event: InstrumentUpdated) -> None:
        before = trading.instruments.get(event.symbol)
        update(trading, event)
        if before is not None and not before.tradable:
            trading.instruments[event.symbol].tradable = False

    patch.setattr(Trading, "instrument_updated", updates)


def _crossed_comes_after_room(patch: pytest.MonkeyPatch) -> None:
    refusal = Market.refusal

    def refuses(market: Market, quote: ProviderQuote) -> object:
        refused = refusal(market, quote)
        if refused is not None and refused.reason == "TOO_MANY_PROVIDERS":
            return replace(refused, reason="CONFLICT")
        return refused

    patch.setattr(Market, "refusal", refuses)


@pytest.mark.parametrize(
    ("plant", "named"),
    [
        pytest.param(_first_of_an_instant_counts, "SAMEUSD-2", id="the-first-of-an-instant-counts"),
        pytest.param(_limit_of(99), "FULLUSD-100", id="room-for-99"),
        pytest.param(_limit_of(101), "reason TOO_MANY_PROVIDERS", id="room-for-101"),
        pytest.param(
            _withdrawn_quotes_take_no_room, "reason TOO_MANY_PROVIDERS", id="withdrawn-takes-none"
        ),
        pytest.param(_room_as_of_the_last_kept_tick, "FULLUSD", id="room-as-of-the-last-tick"),
        pytest.param(_crossed_comes_after_room, "reason", id="another-reason"),
        pytest.param(_longer_terms_revive_quotes, "STALEUSD-3", id="longer-terms-revive-quotes"),
        pytest.param(_working_orders_take_new_terms, "stop_price", id="orders-take-new-terms"),
        pytest.param(_new_terms_of("decimals"), "101.00", id="orders-print-at-the-new-scale"),
        pytest.param(_new_terms_of("quantity_increment"), "TERMSUSD", id="orders-fill-new-steps"),
        pytest.param(
            _orders_are_tried_while_not_tradable, "RESTUSD", id="tried-while-not-tradable"
        ),
        pytest.param(_not_tradable_for_good, "RESTUSD", id="not-tradable-for-good"),
    ],
)
def test_an_engine_that_reads_a_rule_wrongly_is_found(
    plant: Plant, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        plant(patch)
        out = replayed(market_rules(), tmp_path)
    with pytest.raises(DifferenceError) as found:
        audit_directory(out)
    assert named in str(found.value), str(found.value)
