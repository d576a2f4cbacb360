"""Inputs that are wrong themselves, a handful."""

from collections.abc import Mapping
from typing import NamedTuple

from replay.generate.agenda import Agenda, Story
from replay.generate.cast import Cast
from replay.generate.instrument import UNKNOWN, UNQUOTED
from replay.generate.quote import SeenQuotes
from schemas.instant import time_text
from topics.catalogue import ACCOUNTS, FUNDINGS, ORDERS, PRICE_TICKS

# A dirty line is counted under this type, and its event_id begins with it.
DIRTY = "dirty"


class Dirty(NamedTuple):
    """An input that becomes a dead letter of that reason; without fields it is no object.

    `{symbol}`, `{account}` stand for a quoted symbol and the first account.
    """

    reason: str
    topic: str
    fields: Mapping[str, str]


_CROSSED = {
    "type": "PriceTick",
    "provider": "dirty",
    "symbol": "{symbol}",
    "bid_price": "100.01",
    "bid_size": "1",
    "ask_price": "100.00",
    "ask_size": "1",
}
_CANCELLED = {
    "type": "DepositCancelled",
    "funding_id": "never-initiated",
    "account_id": "{account}",
    "instrument_type": "ACH",
    "amount": "10.00",
}
DIRTY_INPUTS = (
    Dirty("CROSSED_TICK", PRICE_TICKS, _CROSSED),
    Dirty("NOT_POSITIVE", PRICE_TICKS, _CROSSED | {"bid_price": "99.00", "bid_size": "0"}),
    Dirty("UNKNOWN_SYMBOL", PRICE_TICKS, _CROSSED | {"symbol": UNKNOWN}),
    Dirty("UNKNOWN_TYPE", ORDERS, {"type": "OrderAmended", "account_id": "{account}"}),
    Dirty("INVALID", ORDERS, {"type": "OrderSubmitted", "account_id": "{account}"}),
    Dirty("MALFORMED", ORDERS, {}),
    Dirty("BAD_TRANSITION", FUNDINGS, _CANCELLED),
    Dirty("UNKNOWN_ACCOUNT", FUNDINGS, _CANCELLED | {"account_id": "NOBODY00"}),
    Dirty(
        "CLIENT_CHANGED",
        ACCOUNTS,
        {"type": "AccountUpdated", "account_id": "{account}", "client": "ZULU"},
    ),
)


def dirty_inputs(agenda: Agenda, cast: Cast, seen: SeenQuotes) -> Story:
    """Say each of `DIRTY_INPUTS` once, spread over the day."""
    for number, dirty in enumerate(DIRTY_INPUTS, start=1):
        yield agenda.part(1000 * number // (len(DIRTY_INPUTS) + 1)), dirty.topic
        if not dirty.fields:
            agenda.say_value(dirty.topic, DIRTY, "not an object")
            continue
        stands_for = {
            "{symbol}": seen.symbols[0] if seen.symbols else UNQUOTED,
            "{account}": cast.customers[0].account_id,
        }
        fields = {name: stands_for.get(text, text) for name, text in dirty.fields.items()}
        stamp = {"event_id": f"{DIRTY}-{number}", "event_time": time_text(agenda.now)}
        agenda.say_value(dirty.topic, DIRTY, stamp | fields)
