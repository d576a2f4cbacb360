"""Whole random days: every kind of input that there is, good and bad, in the order of a file.

A day is a list of moves. A move is a few bytes, so that hypothesis can drop and shrink moves one by
one; each byte picks one of several things, the first of them is the plainest. `Telling` turns moves
into lines, and knows just enough of what it has told to go on with it: to take a deposit's next
step, to cancel an order, to say something twice.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import orjson
from hypothesis import strategies as st

from replay.engine import History
from replay.output import WrittenFile
from replay.read import InputLine
from schemas.instant import micros
from settlement.reports.report import Report
from settlement.reports.rows import MemoryRows
from topics.catalogue import INPUT_ORDER
from topics.decode import Refused, decode

Value = dict[str, Any]
T = TypeVar("T")

CHICAGO = ZoneInfo("America/Chicago")
MICRO = dt.timedelta(microseconds=1)
SECOND = dt.timedelta(seconds=1)

# The wall clock of domain.md section 3, written down once more.
CLOCK_TIMES = ("06:00", "09:00", "09:30", "16:30", "16:40", "17:00", "17:05", "19:30")
STARTS = (
    "2026-05-13",  # a Wednesday
    "2026-03-07",  # the eve of the spring change
    "2026-03-08",  # its day: 02:00 is 03:00
    "2026-10-31",
    "2026-11-01",  # 02:00 is 01:00
    "2028-02-28",  # the eve of a leap day
    "2026-12-31",
    "2026-07-02",  # before a long weekend of the banks
)
BEGIN_TIMES = ("12:00", "05:59", "08:50", "16:25", "19:29", "23:59", "01:30", "10:00")
ACCOUNTS = ("ACME0001", "ACME0002", "BETA0001", "BETA0002", "BETA0003")
CLIENTS = ("ACME", "BETA")
STRANGER = "NONE0001"  # never introduced
ORPHAN = "GONE0001"  # introduced; its client never is
PROVIDERS = ("alpha", "beta", "gamma")


class Market(NamedTuple):
    """A symbol, and what is dealt in it: prices are `middle` and some steps up or down."""

    symbol: str
    price_increment: str
    quantity_increment: str
    minimum: str
    middle: int  # in steps of `per_step` x 10^-`decimals`
    per_step: int
    decimals: int
    bought: tuple[str, ...]
    sold: tuple[str, ...]
    sizes: tuple[str, ...]

    def price(self, level: int, finer: str = "") -> str:
        """Return the price `level` steps from the middle; `finer`: digits behind it."""
        number = max(self.middle + level, 1) * self.per_step
        text = str(number).rjust(self.decimals + 1, "0")
        return f"{text[: -self.decimals]}.{text[-self.decimals :]}{finer}"


MARKETS = (
    Market(
        symbol="BTCUSD",
        price_increment="0.01",
        quantity_increment="0.00000001",
        minimum="1.00",
        middle=200,
        per_step=50,
        decimals=2,
        bought=("1", "0.5", "2.5", "0.33333333", "0.01", "0.00000001"),
        sold=("0.25", "0.01", "1", "0.33333333", "0.00000001", "2.5"),
        sizes=("10", "1", "0.4", "0.00000001", "1000"),
    ),
    Market(
        symbol="ETHUSD",
        price_increment="0.5",
        quantity_increment="0.001",
        minimum="5.00",
        middle=40,
        per_step=5,
        decimals=1,
        bought=("3", "1", "10", "1.001", "0.25"),
        sold=("1", "0.25", "3", "1.001"),
        sizes=("5", "0.7501", "30", "0.0004", "1000"),
    ),
    # So cheap that a single one is worth nothing in cents.
    Market(
        symbol="TINYUSD",
        price_increment="0.0001",
        quantity_increment="1",
        minimum="0.00",
        middle=40,
        per_step=1,
        decimals=4,
        bought=("25000", "1", "2", "300"),
        sold=("300", "1", "25000", "2"),
        sizes=("100000", "1", "2.5", "700"),
    ),
)
NOTIONALS = ("25.00", "60.01", "150.00", "5.00", "1.00", "0.99", "0.01")
# Of GTD orders: after so many seconds, or at the next such clock time.
EXPIRIES: tuple[float | str, ...] = (60, "16:30", 3600, 0.5, 90_000, -1, 0, "17:00")
AMOUNTS = ("100.00", "250.00", "10.00", "9.99", "33.33", "500.00", "0.01", "75.50")
# Without charges a BTCUSD costs 100.50 at first: what the third has; the fourth lacks a cent.
OPENING_AMOUNTS = ("2500.00", "250.00", "100.50", "100.49", "100.00")
RETURN_CODES = (None, "R01", "R10", "R29", "R04", "R99")
MODELS = ("MARKETPLACE", "APEX_CLEARING", "NET_SETTLEMENT")
# What an account begins as.
FIRST_MODELS = {"BETA0001": "APEX_CLEARING", "BETA0003": "NET_SETTLEMENT"}
WIRES = ("NetWireReceived", "NetWireReceived", "NetWireSent", "RevenueSharePaid")
MODES = ("OPEN", "LOCKED", "CLOSED", "CLOSING_ONLY")
JURISDICTIONS = ("OPEN", "CLOSE", "PROHIBITED")
ADJUSTMENTS = (
    "ACH_RETURN_FEE",
    "PARTNER_WRITE_OFF",
    "PLATFORM_WRITE_OFF",
    "DECEASED_PARTY",
    "OTHER_ADJUSTMENT",
)
FIRST_STEPS = (
    "DepositInitiated",
    "WithdrawalRequested",
    "DepositSettled",
    "WithdrawalRequested",
    "WithdrawalRequested",
    "CashAdjusted",
)
# Contract section 8; what was refused or wrong goes on as if it had been right.
NEXT_STEPS = {
    "DepositInitiated": (
        "DepositSettled",
        "DepositSettled",
        "DepositReturned",
        "DepositCancelled",
        "DepositDeclined",
    ),
    "DepositSettled": ("DepositReturned",),
    "WithdrawalRequested": ("WithdrawalSettled", "WithdrawalSettled", "WithdrawalRejected"),
    "WithdrawalSettled": ("WithdrawalReturned",),
}
ANY_STEP = (
    "DepositSettled",
    "DepositReturned",
    "DepositCancelled",
    "DepositDeclined",
    "WithdrawalSettled",
    "WithdrawalRejected",
    "WithdrawalReturned",
    "DepositInitiated",
    "WithdrawalRequested",
)
# An order's own rates, if it has any.
RATES: tuple[Value, ...] = (
    {},
    {},
    {},
    {},
    {"markup_bps": "25"},
    {"markup_bps": "0", "commission_bps": "33", "commission_fixed": "0.25"},
    {"markup_fixed": "0.003"},
    {"markup_bps": "9999.99999999"},  # a sell of this gets next to nothing
    {"commission_bps": "12000"},  # and of this nothing at all
    {"commission_fixed": "40.00"},
)
# What makes an order INVALID_ORDER, or fail on an increment: fields that it is told with.
FLAWS: tuple[Value, ...] = (
    {"quantity": "1", "notional": "5.00"},
    {"quantity": None, "notional": None},
    {"quantity": "-1", "notional": None},
    {"quantity": "0", "notional": None},
    {"quantity": None, "notional": "10.001"},
    {"quantity": "1234567890.1234567", "notional": None},
    {"quantity": "0.0000000001", "notional": None},
    {"quantity": "0.00000013", "notional": None},
    {"order_type": "MARKET", "limit_price": None, "stop_price": None, "time_in_force": "GTC"},
    {"order_type": "STOP_LIMIT", "limit_price": "100", "stop_price": "100"},
    {"order_type": "LIMIT", "limit_price": None},
    {"order_type": "LIMIT", "limit_price": "100.123", "stop_price": None},
    {"time_in_force": "GTD"},
    {"markup_bps": "-1"},
    {"symbol": "NONEUSD"},
)
TERMS: tuple[Value, ...] = (
    {"commission_model": "MARKUP"},
    {"commission_model": "MARKUP", "markup_bps": "50", "revenue_share_bps": "3333.3"},
    {
        "commission_model": "TRADE_FEE",
        "commission_bps": "20",
        "commission_minimum": "0.50",
        "revenue_share_bps": "5000",
    },
    {"commission_model": "MARKUP", "markup_bps": "12.5", "markup_fixed": "0.10"},
    {"commission_model": "MARKUP", "markup_fixed": "0.00001", "commission_bps": "75"},
    {
        "commission_model": "TRADE_FEE",
        "commission_bps": "75",
        "commission_fixed": "0.05",
        "commission_minimum": "3.00",
    },
)
# Values that no decision sees.
BAD_VALUES: tuple[tuple[str, object], ...] = (
    ("orders", None),
    ("clients", 7),
    ("price-ticks", "no object"),
    ("fundings", []),
    ("clock", {}),
    ("accounts", {"type": "NoSuchEvent"}),
    ("orders", {"type": "OrderSubmitted", "account_id": "too-short"}),
    ("fundings", {"type": "DepositSettled", "funding_id": "bad", "amount": 5}),
    ("net-wires", {"type": "NetWireSent", "wire_id": "bad", "client": "ACME", "amount": "0.00"}),
)


class Line(NamedTuple):
    """One line of a file: when it counts, its topic, its value (any JSON)."""

    at: dt.datetime
    topic: str
    value: Any


def text_of(at: dt.datetime) -> str:
    """Return an instant as events carry it."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def clock_time(date: dt.date, text: str) -> dt.datetime:
    """Return the instant of a Chicago wall-clock time."""
    return dt.datetime.combine(date, dt.time.fromisoformat(text), CHICAGO).astimezone(dt.UTC)


def next_clock_time(at: dt.datetime, text: str) -> dt.datetime:
    """Return the next instant strictly after `at` at which Chicago clocks show `text`."""
    date = at.astimezone(CHICAGO).date()
    while clock_time(date, text) <= at:
        date += dt.timedelta(days=1)
    return clock_time(date, text)


class Dice:
    """The bytes of one move: each picks one of several things, the first if there are no more."""

    def __init__(self, thrown: bytes) -> None:
        """Take the bytes."""
        self._thrown = iter(thrown)

    def pick(self, things: Sequence[T]) -> T:
        """Pick one."""
        return things[next(self._thrown, 0) % len(things)]

    def once_in(self, count: int) -> bool:
        """Say yes once in `count` times."""
        return next(self._thrown, 0) % count == count - 1


class Telling:
    """A day as it is told."""

    def __init__(self, at: dt.datetime) -> None:
        """Begin at an instant."""
        self.at = at
        self.lines: list[Line] = []
        self.fundings: list[Value] = []
        self.orders: list[Value] = []
        self.models = dict.fromkeys((*ACCOUNTS, ORPHAN), "MARKETPLACE") | FIRST_MODELS
        self._ids = 0

    def fresh(self, prefix: str) -> str:
        """Return an id that was not used before."""
        self._ids += 1
        return f"{prefix}{self._ids}"

    def tell(self, topic: str, kind: str, **fields: Any) -> None:  # noqa: ANN401 - any JSON
        """Tell an event under an id of its own."""
        head = {"type": kind, "event_id": self.fresh("in-"), "event_time": text_of(self.at)}
        self.lines.append(Line(self.at, topic, head | fields))

    def in_file_order(self) -> list[Line]:
        """Return the lines as a file has them: of one instant in the order of their topics.

        A bad value stands at the time of the line before it, so it may have to move up.
        """
        lines = sorted(self.lines, key=_place)
        while True:
            stood: list[Line] = []
            for line in lines:
                bad = isinstance(decode(line.topic, line.value), Refused)
                stood.append(line._replace(at=stood[-1].at) if bad and stood else line)
            stood.sort(key=_place)
            if stood == lines:
                return lines
            lines = stood


def _place(line: Line) -> tuple[dt.datetime, int]:
    return (line.at, INPUT_ORDER.index(line.topic))


# -- moves ---------------------------------------------------------------------------------------


def pause(day: Telling, dice: Dice) -> None:
    """Let seconds to hours pass, or wait for a clock time, a microsecond more or less."""
    if dice.once_in(2):
        # After most of them orders are taken.
        clock, off = dice.pick((*CLOCK_TIMES, "06:00", "09:00", "17:05")), dice.pick((-1, 0, 1))
        day.at = max(day.at, next_clock_time(day.at, clock) + off * MICRO)
    else:
        day.at += dice.pick((30, 2, 600, 3600, 4 * 3600)) * SECOND


def quiet_days(day: Telling, dice: Dice) -> None:
    """Let days to weeks pass: to a clock time, a microsecond more or less."""
    day.at += dt.timedelta(days=dice.pick((1, 1, 2, 3, 30, 29, 31, 7, 61)))
    day.at = next_clock_time(day.at, dice.pick(CLOCK_TIMES)) + dice.pick((-1, 0, 1)) * MICRO


def clock_tick(day: Telling, dice: Dice) -> None:
    """Tell what has no effect but time."""
    pause(day, dice)
    day.tell("clock", "ClockTicked", at=text_of(day.at))


def tick(day: Telling, dice: Dice) -> None:
    """Tell a quote that may be dirty, one-sided or short-lived, or withdraw one."""
    market = dice.pick((*MARKETS[:1] * 4, *MARKETS))
    tell_tick(
        day,
        market,
        provider=dice.pick(PROVIDERS),
        bid=dice.pick((-1, -1, -2, 0, -3, 1, 2, None)),
        ask=dice.pick((1, 1, 2, 0, 3, -1, None)),
        sizes=(dice.pick(market.sizes), dice.pick(market.sizes)),
        finer=dice.pick(("",) * 8 + ("1", "05")),
    )
    fields = day.lines[-1].value
    valid_for = dice.pick((None,) * 7 + (0, 1, 90))
    if valid_for is not None:
        fields["valid_until"] = text_of(day.at + valid_for * SECOND)
    if dice.once_in(12):
        fields |= dice.pick(
            (
                {"bid_price": "999.00", "bid_size": "1", "ask_price": "1.00", "ask_size": "1"},
                {"symbol": "NONEUSD"},
                {"bid_price": "1.00", "bid_size": "-1"},
                {"ask_price": "100.00", "ask_size": None},
            )
        )


def any_order(day: Telling, dice: Dice) -> None:
    """Tell an order, good or bad, from anybody."""
    market = dice.pick((*MARKETS[:1] * 4, *MARKETS))
    tell_order(
        day,
        dice,
        market,
        account_id=dice.pick((*ACCOUNTS * 3, STRANGER, ORPHAN)),
        limit=dice.pick((1, 0, 2, -1, 5, -5, 12, -30, 60)),
        stop=dice.pick((1, 0, -1, 2, -2)),
        expires=dice.pick(EXPIRIES),
        flaw=dice.pick((*[{}] * 20, *FLAWS)),
    )


def trade(day: Telling, dice: Dice) -> None:
    """Tell a fresh quote, and an order right behind it."""
    market = dice.pick((*MARKETS[:1] * 4, *MARKETS))
    tell_tick(
        day,
        market,
        provider=dice.pick(PROVIDERS),
        bid=dice.pick((-1, -1, 0, -2)),
        ask=dice.pick((1, 1, 0, 2)),
        sizes=(dice.pick(market.sizes), dice.pick(market.sizes)),
    )
    day.at += MICRO
    tell_order(
        day,
        dice,
        market,
        account_id=dice.pick(ACCOUNTS),
        limit=dice.pick((2, 0, 1, 3, -1, -2)),
        stop=dice.pick((1, 0, -1)),
        expires=dice.pick(EXPIRIES[:2]),
        flaw={},
    )


def cancel(day: Telling, dice: Dice) -> None:
    """Cancel an order told before, or none."""
    order = dice.pick(day.orders[-1:-9:-1] or [{}])
    day.tell(
        "orders",
        "OrderCancelRequested",
        account_id=order.get("account_id", ACCOUNTS[0]),
        client_order_id=order.get("client_order_id", "never"),
        cancel_id=day.fresh("c"),
    )
    if dice.once_in(6):
        day.lines[-1].value["client_order_id"] = "never"


def funding(day: Telling, dice: Dice) -> None:
    """Tell the first step of a deposit or withdrawal, or an adjustment."""
    kind = dice.pick(FIRST_STEPS)
    account_id = dice.pick((*ACCOUNTS * 5, STRANGER, ORPHAN))
    if kind == "WithdrawalRequested" and dice.once_in(2):
        tell_funding(day, "DepositSettled", account_id, "1000.00")
    fields = tell_funding(day, kind, account_id, dice.pick(AMOUNTS))
    fields["instrument_type"] = dice.pick(("ACH", "WIRE", "DEBIT"))
    if kind == "CashAdjusted":
        fields["adjustment_type"] = dice.pick(ADJUSTMENTS)
        fields["reference"] = 'a "quoted", word'
        if dice.once_in(2):
            fields["amount"] = f"-{fields['amount']}"


def funding_step(day: Telling, dice: Dice) -> None:
    """Tell a next step of a funding told before, now and then a wrong one."""
    wrong = dice.once_in(10)
    under_way = [f for f in day.fundings if wrong or f["step"] in NEXT_STEPS]
    if not under_way:
        return
    told = dice.pick(under_way[::-1])
    kind = dice.pick(ANY_STEP if wrong else NEXT_STEPS[told["step"]])
    fields: Value = {
        "funding_id": told["funding_id"],
        "account_id": told["account_id"],
        "instrument_type": "ACH",
        "amount": told["amount"].lstrip("-"),
    }
    if kind.endswith("Returned"):
        fields["return_code"] = dice.pick(RETURN_CODES)
    if dice.once_in(15):
        fields["amount"] = "12.34"
    elif not wrong:
        told["step"] = kind
    day.tell("fundings", kind, **fields)


def again(day: Telling, dice: Dice) -> None:
    """Tell something told before once more, or something else under its id."""
    said = [line for line in day.lines if line.topic in {"orders", "fundings", "net-wires"}]
    said = [line for line in said if isinstance(line.value, dict) and "event_time" in line.value]
    line = dice.pick(said[-1:-13:-1])
    value = line.value | {"event_time": text_of(day.at)}
    if dice.once_in(3):
        match value["type"]:
            case "OrderSubmitted":
                value["side"] = "BUY" if value["side"] == "SELL" else "SELL"
            case "OrderCancelRequested":
                value["client_order_id"] = "other"
            case "NetWireReceived" | "NetWireSent" | "RevenueSharePaid":
                value["amount"] = "7.77"
            case _:
                value["reference"] = f"other {value.get('reference')}"
        value["event_id"] = day.fresh("in-")
    elif dice.once_in(2):
        value["event_id"] = day.fresh("in-")
    day.lines.append(Line(day.at, line.topic, value))


def account_change(day: Telling, dice: Dice) -> None:
    """Tell an account's model, mode and jurisdiction from now on; now and then another client's."""
    account_id = dice.pick(ACCOUNTS)
    tell_account(day, account_id)
    model = dice.pick(MODELS) if dice.once_in(4) else day.models[account_id]
    day.lines[-1].value.update(
        funding_model=model,
        mode=dice.pick((*MODES, "OPEN", "LOCKED")),
        jurisdiction=dice.pick((*("OPEN",) * 7, *JURISDICTIONS)),
        client="ELSE" if dice.once_in(10) else account_id[:4],
    )
    if day.lines[-1].value["client"] != "ELSE":
        day.models[account_id] = model


def answer(day: Telling, dice: Dice) -> None:
    """Leave a place for an answer of the clearing firm: `Firm` knows what it was asked for."""
    if dice.once_in(3):
        pause(day, dice)
    day.tell(
        "apex-journal-results",
        "ApexJournalRejected",
        account_id=ACCOUNTS[0],
        journal_id="never",
        reason="LIMIT_REVIEW",
        thrown=[dice.pick(range(256)) for _ in range(4)],
    )


def wire(day: Telling, dice: Dice) -> None:
    """Tell a wire between a client and us, or a payout, under an id that may not be new."""
    day.tell(
        "net-wires",
        dice.pick(WIRES),
        wire_id=day.fresh("w") if dice.pick((1, 1, 1, 0)) else "w0",
        client=dice.pick((*CLIENTS * 6, "GONE", "NONE")),
        amount=dice.pick(("50.00", "100.50", "0.01", "1000.00", "12.34")),
    )


def opinion(day: Telling, dice: Dice) -> None:
    """Tell what a client says of a net, or of none: of the last one, if nothing else is said."""
    closed = next_clock_time(day.at - dt.timedelta(days=dice.pick((1, 1, 2, 0, 5))), "09:00")
    day.tell(
        "net-wires",
        dice.pick(("NetSettlementConfirmed", "NetSettlementDisputed")),
        client=dice.pick((*CLIENTS * 6, "GONE", "NONE")),
        window_to=text_of(closed),
    )


def net_day(day: Telling, dice: Dice) -> None:
    """Buy for a Net Settlement account, wait until nine, more or less, and speak of the net."""
    account_id = dice.pick((ACCOUNTS[1], ACCOUNTS[3]))
    if day.models.get(account_id) != "NET_SETTLEMENT":
        day.models[account_id] = "NET_SETTLEMENT"
        tell_account(day, account_id)
    tell_tick(day, MARKETS[0])
    day.at += MICRO
    day.tell(
        "orders",
        "OrderSubmitted",
        account_id=account_id,
        client_order_id=day.fresh("net"),
        symbol=MARKETS[0].symbol,
        side="BUY",
        order_type="MARKET",
        time_in_force="IOC",
        quantity=dice.pick(MARKETS[0].bought),
    )
    day.at = next_clock_time(day.at, "09:00") + dice.pick((0, 1, 1_000_000, -1)) * MICRO
    for say in dice.pick(
        ((opinion,), (wire,), (opinion, wire), (wire, opinion), (opinion, opinion))
    ):
        say(day, dice)
        day.at += MICRO


def terms_change(day: Telling, dice: Dice) -> None:
    """Tell a client's or an instrument's terms from now on."""
    if dice.once_in(2):
        tell_instrument(day, dice.pick(MARKETS), dice.pick(STALE_AFTER_MS))
        day.lines[-1].value["tradable"] = not dice.once_in(3)
    else:
        tell_client(day, dice.pick(CLIENTS), dice.pick(TERMS))


def bad_value(day: Telling, dice: Dice) -> None:
    """Tell what is no event, or not one that we serve."""
    topic, value = dice.pick(BAD_VALUES)
    day.lines.append(Line(day.at, topic, value))


# Each as often as it stands here.
MOVES: tuple[Callable[[Telling, Dice], None], ...] = (
    *[trade] * 20,
    *[tick] * 10,
    *[funding_step] * 10,
    *[any_order] * 8,
    *[funding] * 8,
    *[pause] * 5,
    *[account_change] * 5,
    *[answer] * 6,
    *[cancel] * 4,
    *[wire] * 3,
    *[opinion] * 2,
    *[net_day] * 3,
    *[again] * 2,
    *[quiet_days] * 2,
    clock_tick,
    terms_change,
    *[bad_value] * 2,
)
# Between two moves, in microseconds; now and then two are of the same instant.
PAUSES = (1_000_000, 250_000, 1, 2_000_000, 1_000_000, 0)
STALE_AFTER_MS = (600_000, 2000, 86_400_000)


# -- lines ---------------------------------------------------------------------------------------


def tell_client(day: Telling, client: str, terms: Value) -> None:
    """Tell a client's terms."""
    day.tell("clients", "ClientUpdated", client=client, name=client, **terms)


def tell_account(day: Telling, account_id: str) -> None:
    """Tell an open account of the model that it has."""
    day.tell(
        "accounts",
        "AccountUpdated",
        account_id=account_id,
        client=account_id[:4],
        funding_model=day.models[account_id],
        mode="OPEN",
        jurisdiction="OPEN",
    )


def tell_instrument(day: Telling, market: Market, stale_after_ms: int) -> None:
    """Tell a tradable instrument."""
    day.tell(
        "instruments",
        "InstrumentUpdated",
        symbol=market.symbol,
        base=market.symbol.removesuffix("USD"),
        quote="USD",
        minimum_price_increment=market.price_increment,
        minimum_quantity_increment=market.quantity_increment,
        minimum_order_value=market.minimum,
        stale_after_ms=stale_after_ms,
        tradable=True,
    )


def tell_tick(
    day: Telling,
    market: Market,
    *,
    provider: str = PROVIDERS[0],
    bid: int | None = -1,
    ask: int | None = 1,
    sizes: tuple[str, str] | None = None,
    finer: str = "",
) -> None:
    """Tell a provider's quote, never crossed in itself; prices in steps from the middle."""
    if bid is not None and ask is not None:
        bid, ask = min(bid, ask), max(bid, ask)
    bid_size, ask_size = sizes or (market.sizes[0], market.sizes[0])
    day.tell(
        "price-ticks",
        "PriceTick",
        provider=provider,
        symbol=market.symbol,
        bid_price=None if bid is None else market.price(bid, finer),
        bid_size=None if bid is None else bid_size,
        ask_price=None if ask is None else market.price(ask, finer),
        ask_size=None if ask is None else ask_size,
    )


def tell_order(
    day: Telling,
    dice: Dice,
    market: Market,
    *,
    account_id: str,
    limit: int,
    stop: int,
    expires: float | str,
    flaw: Value,
) -> None:
    """Tell an order of a kind, side, size and time in force that the dice say.

    A GTD order `expires` in so many seconds, or at the next such clock time.
    """
    side = dice.pick(("BUY", "BUY", "SELL"))
    kind = dice.pick(("LIMIT", "LIMIT", "MARKET", "STOP_LIMIT"))
    force = dice.pick(("GTC", "IOC", "DAY", "GTD"))
    if kind == "MARKET":
        force = "IOC"
    elif kind == "STOP_LIMIT" and force == "IOC":
        force = "GTC"
    by_notional = dice.once_in(4)
    if side == "SELL":
        limit = -limit
    fields: Value = {
        "account_id": account_id,
        "client_order_id": day.fresh("o"),
        "symbol": market.symbol,
        "side": side,
        "order_type": kind,
        "time_in_force": force,
        "notional": dice.pick(NOTIONALS) if by_notional else None,
        "quantity": None
        if by_notional
        else dice.pick(market.bought if side == "BUY" else market.sold),
        "limit_price": None if kind == "MARKET" else market.price(limit),
        "stop_price": market.price(stop) if kind == "STOP_LIMIT" else None,
    }
    if force == "GTD":
        fields["expire_time"] = text_of(
            next_clock_time(day.at, expires)
            if isinstance(expires, str)
            else day.at + dt.timedelta(seconds=expires)
        )
    fields |= dice.pick(RATES)
    fields |= flaw
    day.orders.append(fields)
    day.tell("orders", "OrderSubmitted", **fields)


def tell_funding(day: Telling, kind: str, account_id: str, amount: str) -> Value:
    """Tell a first step; return its fields, which may still be changed."""
    fields: Value = {
        "funding_id": day.fresh("f"),
        "account_id": account_id,
        "instrument_type": "ACH",
        "amount": amount,
    }
    day.fundings.append(fields | {"step": kind})
    day.tell("fundings", kind, **fields)
    value: Value = day.lines[-1].value
    return value


# What the clearing firm may say, and how often.
ANSWERS = (
    *["completed"] * 6,
    "INSUFFICIENT_FUNDS",
    "ACCOUNT_RESTRICTED",
    "LIMIT_REVIEW",
    "again",
    "another answer",
    "another amount",
    "another id",
    "another account",
    "another reason",
    "the next id",
)


class Firm:
    """The clearing firm: hears what a day's accounts ask for, and says something about it."""

    def __init__(self) -> None:
        """Start unasked."""
        self._asked: list[Value] = []
        self._said: dict[str, Value] = {}

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        """Hear an event."""
        if topic == "apex-journals":
            self._asked.append(dict(event))

    def report(self, report: Report) -> WrittenFile:
        """Take no notice of a file."""
        for _ in report.rows:
            pass
        return WrittenFile(report.key, 0, 0, "")

    def answered(self, lines: list[Line]) -> list[Line]:
        """Return lines with each place for an answer filled."""
        if not any(_is_place(line) for line in lines):
            return lines
        history = History(self, MemoryRows())
        filled: list[Line] = []
        for number, line in enumerate(lines, 1):
            if _is_place(line):
                line.value.update(self._answer(Dice(bytes(line.value.pop("thrown")))))
            filled.append(line)
            text = orjson.dumps({"topic": line.topic, "value": line.value})
            event = decode(line.topic, orjson.loads(text)["value"])
            at = micros(text_of(line.at))
            rank = INPUT_ORDER.index(line.topic)
            history.apply(InputLine(at, rank, 0, number, line.topic, event, text))
        return filled

    def _answer(self, dice: Dice) -> Value:
        """Return what the dice say of a journal, mostly of one that is unanswered."""
        what = dice.pick(ANSWERS)
        unanswered = [one for one in self._asked if one["journal_id"] not in self._said]
        of = unanswered
        if what in {"again", "another answer"} or not unanswered:
            of = self._asked
        if not of:
            return {}
        asked = dice.pick(of[-1:-9:-1])
        answer: Value = {
            "type": "ApexJournalCompleted",
            "account_id": asked["account_id"],
            "journal_id": asked["journal_id"],
            "amount": asked["amount"],
        }
        said = self._said.get(asked["journal_id"])
        if what in {"again", "another answer"} and said is not None:
            answer = dict(said)
            if what == "another answer":
                answer["reason"] = dice.pick(("INSUFFICIENT_FUNDS", "LIMIT_REVIEW"))
                answer["type"] = "ApexJournalRejected"
            return answer
        match what:
            case "INSUFFICIENT_FUNDS" | "ACCOUNT_RESTRICTED" | "LIMIT_REVIEW":
                answer |= {"type": "ApexJournalRejected", "reason": what}
                answer["amount"] = dice.pick((None, asked["amount"]))
            case "another amount":
                return answer | {"amount": "12.34"}
            case "another id":
                return answer | {"journal_id": f"{asked['journal_id']}0"}
            case "another account":
                return answer | {"account_id": dice.pick((*ACCOUNTS, STRANGER))}
            case "another reason":
                return answer | {"type": "ApexJournalRejected", "reason": "TIMEOUT"}
            case "the next id":
                call, _, k = asked["journal_id"].rpartition("-")
                return answer | {"journal_id": f"{call}-{int(k) + 1}"}
            case _:
                pass
        self._said.setdefault(asked["journal_id"], answer)
        return answer


def _is_place(line: Line) -> bool:
    return isinstance(line.value, dict) and "thrown" in line.value


def _opening(day: Telling, dice: Dice) -> None:
    """Introduce everybody; each account gets some money, three buy at once."""
    for client in CLIENTS:
        tell_client(day, client, dice.pick(TERMS))
    stale_after_ms = dice.pick(STALE_AFTER_MS)
    for market in MARKETS:
        tell_instrument(day, market, stale_after_ms)
    # The last account of each client may be a Net Settlement one from the beginning.
    for account_id in (ACCOUNTS[1], ACCOUNTS[3], ORPHAN):
        day.models[account_id] = dice.pick(MODELS)
    for account_id in (*ACCOUNTS, ORPHAN):
        tell_account(day, account_id)
    day.at += SECOND
    for number, account_id in enumerate(ACCOUNTS):
        tell_funding(day, "DepositSettled", account_id, OPENING_AMOUNTS[number])
    for market in MARKETS:
        tell_tick(day, market)
    day.at += SECOND
    bitcoin, ether = MARKETS[:2]
    first_orders = ((0, bitcoin), (0, ether), (2, bitcoin), (3, bitcoin))
    for number, market in first_orders:
        day.tell(
            "orders",
            "OrderSubmitted",
            account_id=ACCOUNTS[number],
            client_order_id=day.fresh("first"),
            symbol=market.symbol,
            side="BUY",
            order_type="MARKET",
            time_in_force="IOC",
            quantity=market.bought[0],
        )


# hypothesis makes lists of five or so, if it may make them empty: several of them are a day that
# can still be shrunk to nothing.
_PARTS_OF_A_DAY = 10
_moves = st.lists(st.binary(min_size=20, max_size=20))


@st.composite
def days(draw: st.DrawFn) -> list[Line]:
    """Return the lines of a day, which may go on for weeks, in the order of a file."""
    opening = Dice(draw(st.binary(min_size=8, max_size=8)))
    date = dt.date.fromisoformat(opening.pick(STARTS))
    day = Telling(clock_time(date, opening.pick(BEGIN_TIMES)))
    _opening(day, opening)
    for _ in range(_PARTS_OF_A_DAY):
        for thrown in draw(_moves):
            dice = Dice(thrown)
            move = dice.pick(MOVES)
            day.at += dice.pick(PAUSES) * MICRO
            move(day, dice)
    return Firm().answered(day.in_file_order())
