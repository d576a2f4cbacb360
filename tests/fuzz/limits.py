"""Every limit of the contract, section 1: the largest value that passes, the smallest beyond."""

from collections.abc import Callable
from typing import NamedTuple

import orjson

from tests.fuzz import fundings, market, reference, trading
from tests.fuzz.hostile import (
    KEY_BYTES_MAX,
    LEVELS_MAX,
    VALUE_BYTES_MAX,
    nested,
    padded,
    with_field,
)
from tests.fuzz.world import CLIENTS, LIMIT_CLIENT, Customer, Event, Market, World

USD_MAX = "999999999999.99"
PRICE_MAX = "999999999999.999"
BPS_MAX = "999999.99999999"
BEYOND = "1000000000000"
BPS_BEYOND = "1000000"
_SMILE = "\N{GRINNING FACE}"
_LIMIT_MARKET = Market("LIMITUSD", "LIMIT", 1_000)
_LIMIT_CUSTOMER = Customer("LIMIT001", LIMIT_CLIENT, "MARKETPLACE")

Base = Callable[[World], Event]


class Limit(NamedTuple):
    """One limit of one field. `late`: its valid value lies in the future, so it comes last."""

    name: str
    base: Base
    field: str
    largest: object
    beyond: object
    reason: str = "INVALID"
    late: bool = False


def _client(world: World) -> Event:
    return reference.client_updated(world, LIMIT_CLIENT)


def _instrument(world: World) -> Event:
    return reference.instrument_updated(world, _LIMIT_MARKET)


def _account(world: World) -> Event:
    return reference.account_updated(world, _LIMIT_CUSTOMER)


def _tick(world: World) -> Event:
    sides = {"bid_price": "1", "bid_size": "1", "ask_price": "2", "ask_size": "1"}
    return market.tick(world, _LIMIT_MARKET, "limit") | sides | {"valid_until": None}


def _order(world: World) -> Event:
    return trading.order(world, _LIMIT_CUSTOMER, _LIMIT_MARKET)


def _limit_order(world: World) -> Event:
    terms = {"order_type": "LIMIT", "time_in_force": "GTC", "limit_price": "1"}
    return _order(world) | terms


def _quantity_order(world: World) -> Event:
    return _limit_order(world) | {"notional": None, "quantity": "1"}


def _stop_order(world: World) -> Event:
    return _limit_order(world) | {"order_type": "STOP_LIMIT", "stop_price": "5"}


def _expiring_order(world: World) -> Event:
    return _limit_order(world) | {"time_in_force": "GTD"}


def _cancel(world: World) -> Event:
    return world.new(
        "OrderCancelRequested",
        account_id=_LIMIT_CUSTOMER.account_id,
        client_order_id="none",
        cancel_id=world.id("c"),
    )


def _deposit(world: World) -> Event:
    return fundings.begin(world, "DepositInitiated", _LIMIT_CUSTOMER.account_id, "1.00")


def _settled_deposit(world: World) -> Event:
    return fundings.begin(world, "DepositSettled", _LIMIT_CUSTOMER.account_id, "1.00")


def _withdrawal(world: World) -> Event:
    return fundings.begin(world, "WithdrawalRequested", _LIMIT_CUSTOMER.account_id, "1.00")


def _adjustment(world: World) -> Event:
    return world.new(
        "CashAdjusted",
        funding_id=world.id("a"),
        account_id=_LIMIT_CUSTOMER.account_id,
        adjustment_type="OTHER_ADJUSTMENT",
        amount="1.00",
        reference=None,
    )


def _answer(world: World) -> Event:
    return world.new(
        "ApexJournalRejected",
        account_id=_LIMIT_CUSTOMER.account_id,
        journal_id=world.id("j"),
        amount="1.00",
        reason="LIMIT_REVIEW",
    )


def _wire(world: World) -> Event:
    kind = world.rng.choice(("NetWireReceived", "NetWireSent", "RevenueSharePaid"))
    return world.new(kind, wire_id=world.id("w"), client=LIMIT_CLIENT, amount="1.00")


def _dispute(world: World) -> Event:
    window_to = world.nets[-1].window_to if world.nets else "2026-01-01T15:00:00.000000Z"
    client = world.nets[-1].client if world.nets else CLIENTS[0]
    return world.new("NetSettlementDisputed", client=client, window_to=window_to, reason=None)


def _clock(world: World) -> Event:
    event = world.new("ClockTicked")
    return event | {"at": event["event_time"]}


def _texts(name: str, base: Base, field: str, length: int) -> Limit:
    return Limit(name, base, field, _SMILE * length, _SMILE * (length + 1))


def _ids(name: str, base: Base, field: str, length: int) -> Limit:
    """Return a limit of an ID; it begins with a number of its own where IDs must differ."""
    return Limit(name, base, field, ("id", length), ("id", length + 1))


_AMOUNTS = (
    ("DepositInitiated.amount", _deposit, "amount"),
    ("DepositSettled.amount", _settled_deposit, "amount"),
    ("WithdrawalRequested.amount", _withdrawal, "amount"),
    ("CashAdjusted.amount", _adjustment, "amount"),
    ("ApexJournalRejected.amount", _answer, "amount"),
    ("net wire amount", _wire, "amount"),
    ("ClientUpdated.commission_fixed", _client, "commission_fixed"),
    ("ClientUpdated.commission_minimum", _client, "commission_minimum"),
    ("ClientUpdated.markup_fixed", _client, "markup_fixed"),
    ("InstrumentUpdated.minimum_order_value", _instrument, "minimum_order_value"),
)
_PRICES = (
    ("InstrumentUpdated.minimum_price_increment", _instrument, "minimum_price_increment"),
    ("PriceTick.ask_price", _tick, "ask_price"),
    ("PriceTick.bid_size", _tick, "bid_size"),
)
_RATES = ("markup_bps", "commission_bps", "revenue_share_bps")
_ORDER_NUMBERS = (
    ("notional", _order, USD_MAX, BEYOND),
    ("quantity", _quantity_order, PRICE_MAX, BEYOND),
    ("limit_price", _limit_order, PRICE_MAX, BEYOND),
    ("stop_price", _stop_order, PRICE_MAX, BEYOND),
    ("markup_bps", _order, BPS_MAX, BPS_BEYOND),
    ("commission_bps", _order, BPS_MAX, BPS_BEYOND),
    ("markup_fixed", _order, PRICE_MAX, BEYOND),
    ("commission_fixed", _order, USD_MAX, BEYOND),
)
_TIMES = (
    ("ClientUpdated", _client, "event_time"),
    ("InstrumentUpdated", _instrument, "event_time"),
    ("AccountUpdated", _account, "event_time"),
)
# Whatever is in the far future stands for the present, so these come last.
_LATE_TIMES = (
    *_TIMES,
    ("PriceTick", _tick, "event_time"),
    ("ClockTicked", _clock, "event_time"),
)
_YEAR_2000 = ("2000-01-01T00:00:00Z", "1999-12-31T23:59:59.999999Z")
_YEAR_2099 = ("2099-12-31T23:59:59.999999Z", "2100-01-01T00:00:00Z")

LIMITS: tuple[Limit, ...] = (
    *(Limit(name, base, field, USD_MAX, BEYOND) for name, base, field in _AMOUNTS),
    Limit("CashAdjusted.amount below 0", _adjustment, "amount", f"-{USD_MAX}", f"-{BEYOND}"),
    *(Limit(name, base, field, PRICE_MAX, BEYOND) for name, base, field in _PRICES),
    Limit(
        "InstrumentUpdated.minimum_quantity_increment",
        _instrument,
        "minimum_quantity_increment",
        "9999999.99999999",
        BEYOND,
    ),
    *(Limit(f"ClientUpdated.{name}", _client, name, BPS_MAX, BPS_BEYOND) for name in _RATES),
    Limit("significant digits", _tick, "bid_size", "1234567.12345678", "12345678.12345678"),
    Limit("decimals of USD", _deposit, "amount", "0.01", "0.001"),
    Limit("stale_after_ms, most", _instrument, "stale_after_ms", 86_400_000, 86_400_001),
    Limit("stale_after_ms, least", _instrument, "stale_after_ms", 1, 0),
    _texts("ClientUpdated.name", _client, "name", 140),
    _texts("reference of a funding", _deposit, "reference", 140),
    _texts("reference of an adjustment", _adjustment, "reference", 140),
    _texts("reason of an answer", _answer, "reason", 140),
    _texts("reason of a dispute", _dispute, "reason", 140),
    Limit("return_code", _deposit, "return_code", "R" * 8, "R" * 9),
    Limit("symbol, longest", _instrument, "symbol", "S" * 20, "S" * 21),
    Limit("symbol, shortest", _instrument, "symbol", "SX", "S"),
    Limit("base", _instrument, "base", "LIMIT", "B" * 17),
    Limit("provider", _tick, "provider", "p" * 32, "p" * 33),
    _ids("client_order_id", _order, "client_order_id", 64),
    _ids("event_id", _deposit, "event_id", 200),
    _ids("funding_id", _deposit, "funding_id", 200),
    _ids("cancel_id", _cancel, "cancel_id", 200),
    _ids("journal_id", _answer, "journal_id", 200),
    _ids("wire_id", _wire, "wire_id", 200),
    *(
        Limit(f"OrderSubmitted.{field}", base, field, largest, beyond, "INVALID_ORDER")
        for field, base, largest, beyond in _ORDER_NUMBERS
    ),
    *(
        Limit(f"{name}.{field}, year 2000", base, field, *_YEAR_2000)
        for name, base, field in _TIMES
    ),
    *(
        Limit(f"{name}.{field}, year 2099", base, field, *_YEAR_2099, late=True)
        for name, base, field in _LATE_TIMES
    ),
    Limit("valid_until, year 2099", _tick, "valid_until", *_YEAR_2099),
    Limit("valid_until, year 2000", _tick, "valid_until", *_YEAR_2000),
    Limit("expire_time, year 2099", _expiring_order, "expire_time", *_YEAR_2099),
    Limit("expire_time, year 2000", _expiring_order, "expire_time", *_YEAR_2000),
    Limit("window_to, year 2099", _dispute, "window_to", *_YEAR_2099),
    Limit("window_to, year 2000", _dispute, "window_to", *_YEAR_2000),
    Limit("at of a ClockTicked, year 2099", _clock, "at", *_YEAR_2099),
)
# Limits of the record itself, for an event of any type.
VALUE_BYTES = "bytes of a value"
LEVELS = "levels of nesting"
KEY_BYTES = "bytes of a key"
RECORD_LIMITS = (VALUE_BYTES, LEVELS, KEY_BYTES)


def opening(world: World) -> list[Event]:
    """Return the reference data that the limits refer to."""
    return [_instrument(world), _account(world)]


def at(world: World, limit: Limit, *, beyond: bool) -> Event:
    """Return an event with the limit's value, or with the one beyond."""
    event = limit.base(world)
    value = limit.beyond if beyond else limit.largest
    if isinstance(value, tuple):
        value = world.id("").ljust(value[1], "x")
    return event | {limit.field: value}


def record(
    name: str, event: Event, key: bytes | None, *, beyond: bool
) -> tuple[bytes, bytes | None]:
    """Return the value and key of a record at one of `RECORD_LIMITS`, or beyond."""
    value = orjson.dumps(event)
    match name:
        case "bytes of a value":
            return padded(value, VALUE_BYTES_MAX + beyond), key
        case "levels of nesting":
            # The object around it is the first level.
            return with_field(value, "deep", nested(LEVELS_MAX - 1 + beyond)), key
        case _:
            return value, b"k" * (KEY_BYTES_MAX + beyond)
