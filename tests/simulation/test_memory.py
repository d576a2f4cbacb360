"""Memory grows with what is open, and by at most 64 bytes per remembered id.

Run as a program with two counts of rounds, this file replays that much and prints what it took.
"""

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest

from replay.engine import History
from replay.output import WrittenFile
from replay.read import read_inputs
from replay.spool import Spool
from schemas.instant import SECOND, micros, time_text
from settlement.customer_funding import RECORD_BYTES
from settlement.remembered import RememberedIds, fingerprint
from settlement.reports.report import Report

BYTES_PER_ID = 64
# What grows a little and then stops.
SLACK = 32 * 1024
TEXTS_REMEMBERED_MAX = 1 << 14
START = micros("2026-03-03T18:30:00Z")  # 12:30 in Chicago: no window until 16:30
ACCOUNTS = 20
# In one round: two orders, two cancels, three fundings, the places of two dead letters.
IDS_PER_ROUND = 9
# A round makes 2 rows of one file and 8 of another. 256 rows of a file wait in memory, then they go
# to disk together: both measurements come right after that.
ROUNDS = 128


@pytest.mark.parametrize("value_bytes", [2, 4, RECORD_BYTES])
def test_an_id_takes_less_than_64_bytes(value_bytes: int) -> None:
    """Of the kinds there are: dead letters' places, orders and cancels, fundings."""
    ids = RememberedIds(value_bytes)
    count = 100_000
    for number in range(count):
        ids.put(fingerprint("ACME0001", str(number)), bytes(value_bytes))
    buckets: list[bytearray] = ids._buckets  # noqa: SLF001 - its size is what this is about
    taken = sys.getsizeof(ids) + sys.getsizeof(buckets) + sum(map(sys.getsizeof, buckets))
    assert len(ids) == count
    assert taken < BYTES_PER_ID * count


def test_memory_does_not_grow_with_the_length_of_the_input() -> None:
    """Four times the input: more by at most 64 bytes for each id that was used since."""
    told = subprocess.run(
        [sys.executable, __file__, str(ROUNDS), str(4 * ROUNDS)],
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    ).stdout
    first, second = orjson.loads(told)
    assert (second["executions"], second["open"]) == (4 * ROUNDS * 2, 0)
    grown = second["bytes"] - first["bytes"]
    ids = 3 * ROUNDS * IDS_PER_ROUND
    assert grown < BYTES_PER_ID * ids + SLACK, f"{grown / ids:.1f} bytes an id"


class Nowhere:
    """A destination that reads what it is given, and keeps nothing."""

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        assert topic
        assert event["event_id"]

    def report(self, report: Report) -> WrittenFile:
        return WrittenFile(report.key, sum(1 for _ in report.rows), 0, "")


def lines(rounds: int) -> Iterator[bytes]:
    """A client, an instrument, accounts; then rounds of everything, each line told twice.

    In each round an account gets money, buys one, sells it for as much, and gives the money back;
    now and then it keeps a dollar for a while.
    """
    for topic, value in reference_data():
        yield orjson.dumps({"topic": topic, "value": value}) + b"\n"
    for number in range(rounds):
        for at, (topic, value) in enumerate(one_round(number)):
            head = {
                "event_id": f"in-{number}-{at}",
                "event_time": time_text(START + number * SECOND + at),
            }
            line = orjson.dumps({"topic": topic, "value": head | value}) + b"\n"
            yield line
            yield line


def reference_data() -> Iterator[tuple[str, dict[str, Any]]]:
    head = {"event_id": "first", "event_time": time_text(START - SECOND)}
    yield (
        "clients",
        head | {"type": "ClientUpdated", "client": "ACME", "commission_model": "MARKUP"},
    )
    yield (
        "instruments",
        head
        | {
            "type": "InstrumentUpdated",
            "symbol": "BTCUSD",
            "base": "BTC",
            "minimum_price_increment": "0.01",
            "minimum_quantity_increment": "1",
        },
    )
    for number in range(ACCOUNTS):
        account = {"type": "AccountUpdated", "account_id": f"ACME{number:04}", "client": "ACME"}
        yield "accounts", head | account


def one_round(number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    account = {"account_id": f"ACME{number % ACCOUNTS:04}"}
    deposit = account | {"funding_id": f"deposit-{number}", "amount": "100.00"}
    withdrawal = account | {"funding_id": f"withdrawal-{number}", "amount": "60.00"}
    order = account | {"symbol": "BTCUSD", "order_type": "LIMIT", "time_in_force": "GTC"}
    price = "100.00"
    yield "fundings", {"type": "DepositInitiated", **deposit}
    yield "fundings", {"type": "DepositSettled", **deposit}
    for provider in ("alpha", "beta", "gamma"):
        yield (
            "price-ticks",
            {
                "type": "PriceTick",
                "symbol": "BTCUSD",
                "provider": provider,
                "bid_price": price,
                "bid_size": "1",
                "ask_price": price,
                "ask_size": "1",
            },
        )
    for side in ("BUY", "SELL"):
        name = {"client_order_id": f"{side}-{number}"}
        terms = {"side": side, "quantity": "1", "limit_price": price}
        yield "orders", {"type": "OrderSubmitted", **order, **name, **terms}
        cancel = {"cancel_id": f"cancel-{side}-{number}"}
        yield "orders", {"type": "OrderCancelRequested", **account, **name, **cancel}
    yield "fundings", {"type": "WithdrawalRequested", **withdrawal}
    yield "fundings", {"type": "WithdrawalSettled", **withdrawal}
    yield "fundings", {"type": "WithdrawalReturned", **withdrawal}
    yield "fundings", {"type": "DepositReturned", **deposit}
    yield "fundings", {"type": "DepositLost", **deposit}
    adjusted = account | {"funding_id": f"adjusted-{number}", "adjustment_type": "OTHER_ADJUSTMENT"}
    amount = "-1.00" if number // ACCOUNTS % 2 else "1.00"
    yield "fundings", {"type": "CashAdjusted", **adjusted, "amount": amount}


def measure(first: int, second: int) -> None:
    """Print the bytes in use after `first` and after `second` rounds, and what was done by then."""
    per_round = 2 * sum(1 for _ in one_round(0))
    head = sum(1 for _ in reference_data())
    with TemporaryDirectory() as folder:
        path = Path(folder) / "day.jsonl"
        with path.open("wb") as file:
            file.writelines(lines(second))
        gc.disable()  # as a replay does
        tracemalloc.start()
        # These tables are full from the start, so they can't grow.
        for number in range(TEXTS_REMEMBERED_MAX):
            micros(time_text(START - number))
        history = History(Nowhere(), Spool(folder))
        taken: list[dict[str, int]] = []
        for number, line in enumerate(read_inputs([str(path)]), 1):
            history.apply(line)
            if number in {head + first * per_round, head + second * per_round}:
                taken.append({"bytes": tracemalloc.get_traced_memory()[0]} | done(history))
    sys.stdout.buffer.write(orjson.dumps(taken))


def done(history: History) -> dict[str, int]:
    """Count executions, and what is open: orders at work and calls that are not settled."""
    books = [account.book() for account in history.settlement.accounts.values()]
    return {
        "executions": sum(book.executions for book in books),
        "open": len(history.trading.working) + sum(book.calls_open for book in books),
    }


if __name__ == "__main__":
    measure(int(sys.argv[1]), int(sys.argv[2]))
