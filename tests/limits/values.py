"""Every field of every input event: the values at its limits, and the nearest ones beyond."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from schemas.event import Input
from topics.catalogue import CATALOGUE

Event = dict[str, Any]

HEAD: Event = {"event_id": "e", "event_time": "2026-03-03T18:00:00Z"}
_FUNDING: Event = {
    "funding_id": "f",
    "account_id": "ACME0001",
    "instrument_type": "WIRE",
    "amount": "1.00",
    "reference": None,
    "return_code": None,
}
_WIRE: Event = {"wire_id": "w", "client": "ACME", "amount": "1.00"}
_OPINION: Event = {"client": "ACME", "window_to": "2026-03-03T15:00:00Z", "reason": None}
_JOURNAL: Event = {"account_id": "ACME0001", "journal_id": "j", "amount": "1.00"}

# A good event of each type.
GOOD: dict[str, Event] = {
    "ClientUpdated": {
        "client": "ACME",
        "name": "Acme",
        "commission_model": "MARKUP",
        "markup_bps": "0",
        "markup_fixed": "0",
        "commission_bps": "0",
        "commission_fixed": "0.00",
        "commission_minimum": "0.00",
        "revenue_share_bps": "0",
    },
    "InstrumentUpdated": {
        "symbol": "BTCUSD",
        "base": "BTC",
        "quote": "USD",
        "minimum_price_increment": "0.01",
        "minimum_quantity_increment": "0.00000001",
        "minimum_order_value": "1.00",
        "stale_after_ms": 86_400_000,
        "tradable": True,
    },
    "AccountUpdated": {
        "account_id": "ACME0001",
        "client": "ACME",
        "funding_model": "MARKETPLACE",
        "mode": "OPEN",
        "jurisdiction": "OPEN",
    },
    "PriceTick": {
        "provider": "p",
        "symbol": "BTCUSD",
        "bid_price": "99.00",
        "bid_size": "1",
        "ask_price": "100.00",
        "ask_size": "1",
        "valid_until": None,
    },
    "OrderSubmitted": {
        "account_id": "ACME0001",
        "client_order_id": "o",
        "symbol": "BTCUSD",
        "side": "BUY",
        "order_type": "LIMIT",
        "time_in_force": "GTC",
        "notional": None,
        "quantity": "1",
        "limit_price": "90.00",
        "stop_price": None,
        "expire_time": None,
        "markup_bps": None,
        "markup_fixed": None,
        "commission_bps": None,
        "commission_fixed": None,
    },
    "OrderCancelRequested": {"account_id": "ACME0001", "client_order_id": "o", "cancel_id": "c"},
    **dict.fromkeys(
        (
            "DepositInitiated",
            "DepositSettled",
            "DepositReturned",
            "DepositCancelled",
            "DepositDeclined",
            "WithdrawalRequested",
            "WithdrawalSettled",
            "WithdrawalRejected",
            "WithdrawalReturned",
        ),
        _FUNDING,
    ),
    "CashAdjusted": {
        "funding_id": "a",
        "account_id": "ACME0001",
        "adjustment_type": "OTHER_ADJUSTMENT",
        "amount": "1.00",
        "reference": None,
    },
    "ApexJournalCompleted": _JOURNAL,
    "ApexJournalRejected": _JOURNAL | {"reason": "LIMIT_REVIEW"},
    "NetSettlementConfirmed": _OPINION,
    "NetSettlementDisputed": _OPINION,
    "NetWireReceived": _WIRE,
    "NetWireSent": _WIRE,
    "RevenueSharePaid": _WIRE,
    "ClockTicked": {"at": "2026-03-03T18:00:00Z"},
}

Values = tuple[Any, ...]


class Limit(NamedTuple):
    """Values of one field at its limits, and the nearest ones beyond."""

    passes: Values
    fails: Values


# One code point is four bytes of UTF-8.
_WIDE = "\N{GRINNING FACE}"
_ID = Limit(("x", "x" * 200, _WIDE * 200), ("", "x" * 201, _WIDE * 201))
_TEXT = Limit(("", "x" * 140, _WIDE * 140), ("x" * 141, _WIDE * 141))
_TIME = Limit(
    ("2000-01-01T00:00:00Z", "2099-12-31T23:59:59.999999Z"),
    ("1999-12-31T23:59:59.999999Z", "2100-01-01T00:00:00Z", "2099-02-29T00:00:00Z"),
)
_USD = Limit(("0.00", "999999999999.99"), ("-0.01", "0.001", "1000000000000", "1000000000000.00"))
_POSITIVE_USD = Limit(("0.01", "999999999999.99"), ("0", "1000000000000", "999999999999999"))
_SIGNED_USD = Limit(
    ("0.01", "-999999999999.99", "999999999999.99"), ("0.00", "-1000000000000", "1000000000000")
)
_BPS = Limit(("0", "999999.99999999"), ("-1", "0.000000001", "1000000", "1000000.0"))
_PRICE = Limit(
    ("0", "999999999999.999", "0.000000000000000001"),
    ("-1", "1000000000000", "0.0000000000000000001", "1234567890123456"),
)
_INCREMENT = Limit(("0.00000001", "999999999999.999"), ("0", "1000000000000"))
# A tick's number that is not above 0 is NOT_POSITIVE: not for its form.
_TICK_PRICE = Limit(
    ("0", "-999999999999.999", "999999999999.999", "0.000000000000000001"),
    ("-1000000000000", "1000000000000", "0.0000000000000000001", "1.000000000000000"),
)
_TICK_SIZE = Limit(
    ("0", "-999999999999.999", "999999999999.999", "0.00000001"),
    ("-1000000000000", "1000000000000", "0.000000001", "1.000000000000000"),
)
# An order's numbers are answered, whatever they are (section 6).
_ORDER_NUMBER = Limit(
    ("0", "-1", "1000000000000", "1234567890123456789", "0." + "0" * 99), ("1e3", "", "+1")
)

_SYMBOL = Limit(("AB", "A" * 20), ("A", "A" * 21, "btcusd"))
_ACCOUNT = Limit(("ACME0001", "99999999"), ("ACME001", "ACME00001", "acme0001"))
_CLIENT = Limit(("ACME",), ("ACM", "ACMEX", "ACM1"))
_ORDER_ID = Limit(("o", "Az09._-" + "x" * 57), ("", "x" * 65, "a b"))


def _one_of(*words: str) -> Limit:
    return Limit(words, ("", words[0] * 2, None))


LIMITS: dict[str, Limit] = {
    "event_id": _ID,
    "event_time": _TIME,
    "account_id": _ACCOUNT,
    "client": _CLIENT,
    "name": _TEXT,
    "commission_model": _one_of("MARKUP", "TRADE_FEE"),
    "markup_bps": _BPS,
    "markup_fixed": _PRICE,
    "commission_bps": _BPS,
    "commission_fixed": _USD,
    "commission_minimum": _USD,
    "revenue_share_bps": _BPS,
    "symbol": _SYMBOL,
    "base": Limit(("B", "A" * 16, "USDC"), ("", "A" * 17, "USD", "btc")),
    "quote": _one_of("USD"),
    "minimum_price_increment": _INCREMENT,
    "minimum_quantity_increment": _INCREMENT,
    "minimum_order_value": _USD,
    "stale_after_ms": Limit((1, 86_400_000), (0, 86_400_001, 10**15, 2**63 - 1, 2**64 - 1, -1)),
    "tradable": Limit((True, False), ("true", 1, None)),
    "funding_model": _one_of("MARKETPLACE", "NET_SETTLEMENT", "APEX_CLEARING"),
    "mode": _one_of("OPEN", "CLOSED", "LOCKED", "CLOSING_ONLY"),
    "jurisdiction": _one_of("OPEN", "CLOSE", "PROHIBITED"),
    "provider": Limit(("p", "aZ09_.-" + "x" * 25), ("", "x" * 33, "a b")),
    "bid_price": _TICK_PRICE,
    "bid_size": _TICK_SIZE,
    "ask_price": _TICK_PRICE,
    "ask_size": _TICK_SIZE,
    "valid_until": _TIME,
    "client_order_id": _ORDER_ID,
    "cancel_id": _ID,
    "side": _one_of("BUY", "SELL"),
    "order_type": _one_of("MARKET", "LIMIT", "STOP_LIMIT"),
    "time_in_force": _one_of("IOC", "GTC", "DAY", "GTD"),
    "expire_time": _TIME,
    "funding_id": _ID,
    "instrument_type": _one_of("ACH", "WIRE", "DEBIT"),
    "amount": _POSITIVE_USD,
    "reference": _TEXT,
    "return_code": Limit(("", "R01", "x" * 8), ("x" * 9,)),
    "adjustment_type": _one_of("ACH_RETURN_FEE", "DECEASED_PARTY", "OTHER_ADJUSTMENT"),
    "journal_id": _ID,
    "reason": _TEXT,
    "window_to": _TIME,
    "wire_id": _ID,
    "at": _TIME,
}
# Where a type has another limit than the field of the same name has elsewhere.
SPECIAL: dict[tuple[str, str], Limit] = {
    ("CashAdjusted", "amount"): _SIGNED_USD,
    **{
        ("OrderSubmitted", name): _ORDER_NUMBER
        for name in (
            "notional",
            "quantity",
            "limit_price",
            "stop_price",
            "markup_bps",
            "markup_fixed",
            "commission_bps",
            "commission_fixed",
        )
    },
}


class Case(NamedTuple):
    """One event with one field at a limit or beyond it."""

    topic: str
    kind: str
    field: str
    value: Event
    fits: bool


def inputs() -> dict[str, type[Input]]:
    """Return every input event by its type."""
    return {
        event.__name__: event
        for topic in CATALOGUE.values()
        if topic.direction == "in"
        for event in topic.events
    }


def cases() -> Iterator[Case]:
    """Return each field of each input event at its limits and beyond."""
    for topic in CATALOGUE.values():
        if topic.direction != "in":
            continue
        for event in topic.events:
            kind = event.__name__
            good = {"type": kind} | HEAD | GOOD[kind]
            for field in event.model_fields:
                if field == "type":
                    continue
                limit = SPECIAL.get((kind, field)) or LIMITS[field]
                for fits, values in ((True, limit.passes), (False, limit.fails)):
                    for value in values:
                        yield Case(topic.name, kind, field, good | {field: value}, fits)
