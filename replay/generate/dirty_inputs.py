"""Inputs that are wrong themselves, a handful."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from replay.generate.agenda import Agenda, Story
from replay.generate.cast import Cast
from replay.generate.instrument import UNKNOWN, UNQUOTED
from replay.generate.quote import SeenQuotes
from schemas.account import FundingModel
from schemas.instant import time_text
from topics.catalogue import ACCOUNTS, FUNDINGS, NET_WIRES, ORDERS, PRICE_TICKS

# A dirty line is counted under this type, and its event_id begins with it.
DIRTY = "dirty"


class Dirty(NamedTuple):
    """An input that becomes a dead letter of that reason; without fields it is no object.

    `{symbol}`, `{account}` stand for a quoted symbol and the first account, `{net_account}` and
    `{net_client}` for the first of the net model, which the day must have for it.
    """

    reason: str
    topic: str
    fields: Mapping[str, str]
    model: FundingModel = "MARKETPLACE"


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
_DEPOSITED = {
    "type": "DepositSettled",
    "funding_id": "not-ours",
    "account_id": "{net_account}",
    "instrument_type": "WIRE",
    "amount": "10.00",
}
_WIRED = {
    "type": "NetWireReceived",
    "wire_id": "dirty",
    "client": "{net_client}",
    "amount": "10.00",
}
# No window ever ended at noon.
_CONFIRMED = {
    "type": "NetSettlementConfirmed",
    "client": "{net_client}",
    "window_to": "2020-01-01T18:00:00Z",
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
    Dirty("FUNDING_NOT_OURS", FUNDINGS, _DEPOSITED, "NET_SETTLEMENT"),
    Dirty("UNKNOWN_ACCOUNT", NET_WIRES, _WIRED | {"client": "ZULU"}, "NET_SETTLEMENT"),
    Dirty("INVALID", NET_WIRES, _WIRED | {"amount": "0.00"}, "NET_SETTLEMENT"),
    Dirty("BAD_TRANSITION", NET_WIRES, _CONFIRMED, "NET_SETTLEMENT"),
)


def dirty_of(models: Collection[FundingModel]) -> list[Dirty]:
    """Return the dirty inputs of a day with these models.

    The net model must be there from the first account that trades on.
    """
    return [
        dirty for dirty in DIRTY_INPUTS if dirty.model == "MARKETPLACE" or dirty.model in models
    ]


def dirty_inputs(agenda: Agenda, cast: Cast, seen: SeenQuotes) -> Story:
    """Say each dirty input once, spread over the day."""
    first = cast.customers[0]
    net = next((one for one in cast.traders if one.model == "NET_SETTLEMENT"), None)
    inputs = dirty_of(() if net is None else (net.model,))
    for number, dirty in enumerate(inputs, start=1):
        yield agenda.part(1000 * number // (len(inputs) + 1)), dirty.topic
        if not dirty.fields:
            agenda.say_value(dirty.topic, DIRTY, "not an object")
            continue
        stands_for = {
            "{symbol}": seen.symbols[0] if seen.symbols else UNQUOTED,
            "{account}": first.account_id,
        }
        if net is not None:
            stands_for |= {"{net_account}": net.account_id, "{net_client}": net.client.code}
        fields = {name: stands_for.get(text, text) for name, text in dirty.fields.items()}
        stamp = {"event_id": f"{DIRTY}-{number}", "event_time": time_text(agenda.now)}
        agenda.say_value(dirty.topic, DIRTY, stamp | fields)
