"""Real quotes with many ticks of one instant: customers trade on the last (contract section 5).

The real quotes of five venues, with times truncated to two minutes, so that a venue has several
ticks in one instant. A market order follows one second after each instant.
"""

import csv
import gzip
from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from audit.directory import audit_directory
from replay.quotes import import_quotes
from scripts.replay import run_replay
from tests.simulation.test_real_quotes import QUOTES, SYMBOLS

Event = dict[str, Any]
Quote = tuple[Decimal, Decimal]  # bid, ask
QUANTITIES = {"BTCUSD": "0.001", "ETHUSD": "0.1"}
CLIENT = {
    "client": "ACME",
    "name": "Acme",
    "commission_model": "TRADE_FEE",
    "trading": "OPEN",
    "maximum_order_value": None,
    "markup_bps": "0",
    "markup_fixed": "0",
    "commission_bps": "0",
    "commission_fixed": "0.00",
    "commission_minimum": "0.00",
    "revenue_share_bps": "0",
}
ACCOUNT = {
    "account_id": "ACME0001",
    "client": "ACME",
    "funding_model": "MARKETPLACE",
    "mode": "OPEN",
    "jurisdiction": "OPEN",
}


def _line(topic: str, kind: str, event_id: str, at: str, /, **fields: object) -> Event:
    return {
        "topic": topic,
        "value": {"type": kind, "event_id": event_id, "event_time": at} | fields,
    }


def _truncated(recv_time: str) -> str:
    """Return the start of the two minutes."""
    return f"{recv_time[:14]}{int(recv_time[14:16]) // 2 * 2:02}:00.000000Z"


def _ticks(folder: Path) -> list[Event]:
    """Import the quotes with truncated times."""
    source, quotes = folder / "quotes.csv", folder / "quotes.jsonl"
    with gzip.open(QUOTES, "rt", newline="") as real, source.open("w", newline="") as truncated:
        rows = csv.DictReader(real)
        writer = csv.DictWriter(truncated, rows.fieldnames or ())
        writer.writeheader()
        for row in rows:
            writer.writerow(row | {"recv_time": _truncated(row["recv_time"])})
    import_quotes(source, quotes, SYMBOLS)
    return [orjson.loads(line) for line in quotes.read_bytes().splitlines()]


def _with_orders(ticks: list[Event]) -> Iterator[Event]:
    """Put a market buy of each symbol behind each instant."""
    start = ticks[0]["value"]["event_time"]
    yield _line("clients", "ClientUpdated", "client", start, **CLIENT)
    yield _line("accounts", "AccountUpdated", "account", start, **ACCOUNT)
    for at, of_instant in groupby(ticks, key=lambda line: line["value"]["event_time"]):
        lines = list(of_instant)
        yield from lines
        for symbol in sorted({x["value"]["symbol"] for x in lines if x["topic"] == "price-ticks"}):
            name = _order_id(symbol, at)
            yield _line(
                "orders",
                "OrderSubmitted",
                name,
                f"{at[:17]}01.000000Z",
                account_id="ACME0001",
                client_order_id=name,
                symbol=symbol,
                side="BUY",
                order_type="MARKET",
                time_in_force="IOC",
                quantity=QUANTITIES[symbol],
            )


def _order_id(symbol: str, at: str) -> str:
    return f"{symbol}-{at[11:13]}{at[14:16]}"


def _best_asks(ticks: list[Event], which: int) -> dict[str, Decimal]:
    """Return by order the best ask of each provider's tick `which` (0: first, -1: last).

    All quotes of an order's market have one instant: the ones before are stale after 35 s. So of
    the quotes at the best of a crossed market, the one whose provider sorts last is dropped.
    """
    quotes: dict[str, dict[str, list[Quote]]] = {}
    for line in ticks:
        tick = line["value"]
        if tick["type"] == "PriceTick":
            shown = quotes.setdefault(_order_id(tick["symbol"], tick["event_time"]), {})
            quote = (Decimal(tick["bid_price"]), Decimal(tick["ask_price"]))
            shown.setdefault(tick["provider"], []).append(quote)
    asks = {}
    for order_id, shown in quotes.items():
        left = {provider: of_provider[which] for provider, of_provider in shown.items()}
        while True:
            bid = max(bid for bid, _ in left.values())
            ask = min(ask for _, ask in left.values())
            if bid <= ask:
                break
            del left[max(p for p, quote in left.items() if quote[0] == bid or quote[1] == ask)]
        asks[order_id] = ask
    return asks


def test_customers_trade_on_the_last_quote_of_an_instant(tmp_path: Path) -> None:
    """26,741 ticks in 720 instants; the first ticks of an instant have nearly always another ask.

    36 orders meet the maintenance of 16:30 to 17:05, two a size that is worth no cent.
    """
    ticks = _ticks(tmp_path)
    day = tmp_path / "day.jsonl"
    day.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in _with_orders(ticks)))
    run_replay([str(day)], tmp_path / "out", None)
    topics = tmp_path / "out" / "topics"
    assert (topics / "dead-letters.jsonl").read_bytes() == b""
    events = map(orjson.loads, (topics / "executions.jsonl").read_bytes().splitlines())
    paid = {e["client_order_id"]: e for e in events if e["type"] == "Execution"}
    last, first = _best_asks(ticks, -1), _best_asks(ticks, 0)
    assert (len(last), len(paid)) == (1_440, 1_402)
    assert sum(first[order_id] != last[order_id] for order_id in last) == 1_406
    wrong = {o for o, e in paid.items() if Decimal(e["quote_price"]) != last[o]}
    assert wrong == set()
    audit_directory(tmp_path / "out")
