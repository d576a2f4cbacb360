"""Events of a day, told by hand, for the tests of its page.

Postings are those of contract section 9's table.
"""

from collections.abc import Iterable
from typing import Any

from replay.day_page.period import Period
from schemas.instant import micros

Event = dict[str, Any]

NOON = "2026-03-03T18:00:00.000000Z"  # in Chicago
PERIOD = Period(micros("2026-03-03T06:00:00Z"), micros("2026-03-04T06:00:00Z"))


def entry(*postings: str, at: str = NOON, cause: str = "c", model: str = "") -> Event:
    """Tell an entry: `account amount`, or `account asset amount`."""
    told = []
    for posting in postings:
        account, *asset, amount = posting.split()
        told.append({"account": account, "asset": asset[0] if asset else "USD", "amount": amount})
    return {
        "type": "JournalEntry",
        "event_time": at,
        "entry_id": "e",
        "cause_id": cause,
        "postings": told,
        "model": model,
    }


BUY = (
    "{owed} -101.00",
    "bfs:usd 99.00",
    "revenue:markup:ACME 1.50",
    "revenue:commission:ACME 0.50",
)
COIN = ("bfs:BTC BTC -1", "customer:ACME0001:BTC BTC 1")
SELL = (
    "{owed} 97.00",
    "bfs:usd -99.00",
    "revenue:markup:ACME 1.50",
    "revenue:commission:ACME 0.50",
)
COIN_BACK = ("bfs:BTC BTC 1", "customer:ACME0001:BTC BTC -1")
OWED, CASH = "customer:ACME0001:owed", "customer:ACME0001:cash"
WITHDRAWING, PENDING = "customer:ACME0001:withdrawing", "customer:ACME0001:pending"


def trade(postings: Iterable[str], coin: Iterable[str], model: str, owed: str = OWED) -> Event:
    return entry(*(p.format(owed=owed) for p in postings), *coin, model=model)


def call(kind: str, call_id: str, at: str, amount: str = "10.00", **fields: object) -> Event:
    return {
        "type": f"CashCall{kind}",
        "event_time": f"2026-03-{at}.000000Z",
        "cash_call_id": call_id,
        "execution_id": call_id,
        "account_id": "ACME0001",
        "client": "ACME",
        "direction": "WITHDRAWAL",
        "amount": amount,
        "attempt": 1,
        "reason": "INSUFFICIENT_FUNDS",
    } | fields


def update(kind: str, order: str, at: str = NOON, reason: str = "R") -> Event:
    return {
        "type": f"Order{kind}",
        "event_time": at,
        "account_id": "ACME0001",
        "client_order_id": order,
        "reason": reason,
    }
