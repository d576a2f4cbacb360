"""Whole random days: every kind of input that there is, good and bad, in the order of a file.

A day is a list of moves. A move is a few small numbers, so that hypothesis can drop and shrink
them one by one; `Telling` turns them into lines, and knows just enough of what it has told to go
on with it: to take a deposit's next step, to cancel an order, to say something twice.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from topics.catalogue import INPUT_ORDER
from topics.decode import Refused, decode

Value = dict[str, Any]

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
BEGIN_TIMES = ("12:00", "05:59", "08:50", "16:25", "16:59", "19:29", "23:59", "01:30")
ACCOUNTS = ("ACME0001", "ACME0002", "BETA0001", "BETA0002")
CLIENTS = ("ACME", "BETA")
STRANGER = "NONE0001"  # never introduced
ORPHAN = "GONE0001"  # introduced; its client never is
PROVIDERS = ("alpha", "beta", "gamma")


class Market(NamedTuple):
    """A symbol, and the prices and sizes that are dealt in it: `middle` + n steps."""

    symbol: str
    price_increment: str
    quantity_increment: str
    minimum: str
    middle: int  # in steps
    decimals: int  # of a step: 10^-decimals x `per_step`
    per_step: int
    quantities: tuple[str, ...]
    sizes: tuple[str, ...]

    def price(self, level: int, finer: str = "") -> str:
        """Return the price `level` steps from the middle; `finer`: digits behind it."""
        number = max(self.middle + level, 1) * self.per_step
        text = str(number).rjust(self.decimals + 1, "0")
        return f"{text[: -self.decimals]}.{text[-self.decimals :]}{finer}"


MARKETS = (
    Market(
        "BTCUSD",
        "0.01",
        "0.00000001",
        "1.00",
        200,
        2,
        50,
        ("1", "0.5", "0.33333333", "2.5", "0.01", "0.00000001"),
        ("10", "1", "0.4", "0.00000001", "1000"),
    ),
    Market(
        "ETHUSD",
        "0.5",
        "0.001",
        "5.00",
        40,
        1,
        5,
        ("1", "3", "0.25", "1.001", "10"),
        ("5", "0.7501", "30", "0.0004", "1000"),
    ),
    # So cheap that a single one is worth nothing in cents.
    Market(
        "TINYUSD",
        "0.0001",
        "1",
        "0.00",
        40,
        4,
        1,
        ("300", "1", "25000", "2"),
        ("100000", "1", "2.5", "700"),
    ),
)
NOTIONALS = ("25.00", "1.00", "0.99", "60.01", "150.00", "5.00", "0.01")
AMOUNTS = ("100.00", "250.00", "10.00", "9.99", "33.33", "500.00", "0.01", "75.50")
RETURN_CODES = (None, "R01", "R10", "R29", "R04", "R99")
MODES = ("OPEN", "LOCKED", "CLOSED", "CLOSING_ONLY")
JURISDICTIONS = ("OPEN", "CLOSE", "PROHIBITED")
ADJUSTMENTS = (
    "ACH_RETURN_FEE",
    "PARTNER_WRITE_OFF",
    "PLATFORM_WRITE_OFF",
    "DECEASED_PARTY",
    "OTHER_ADJUSTMENT",
)
DEPOSIT_STEPS = ("DepositSettled", "DepositReturned", "DepositCancelled", "DepositDeclined")
WITHDRAWAL_STEPS = ("WithdrawalSettled", "WithdrawalRejected", "WithdrawalReturned")
FIRST_STEPS = (
    "DepositInitiated",
    "DepositSettled",
    "WithdrawalRequested",
    "WithdrawalRequested",
    "CashAdjusted",
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


class Line(NamedTuple):
    """One line of a file: when it counts, its topic, its value (any JSON)."""

    at: dt.datetime
    topic: str
    value: object


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


def _place(line: Line) -> tuple[dt.datetime, int]:
    return (line.at, INPUT_ORDER.index(line.topic))


class Telling:
    """A day as it is told."""

    def __init__(self, at: dt.datetime) -> None:
        """Begin at an instant."""
        self.at = at
        self.lines: list[Line] = []
        self.fundings: list[Value] = []
        self.orders: list[Value] = []
        self._ids = 0

    def fresh(self, prefix: str) -> str:
        """Return an id that was not used before."""
        self._ids += 1
        return f"{prefix}{self._ids}"

    def tell(self, topic: str, kind: str, **fields: Any) -> None:  # noqa: ANN401 - any JSON
        """Tell an event under an id of its own."""
        head = {"type": kind, "event_id": self.fresh("in-"), "event_time": text_of(self.at)}
        self.raw(topic, head | fields)

    def raw(self, topic: str, value: object) -> None:
        """Tell any value."""
        self.lines.append(Line(self.at, topic, value))

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


@dataclass(frozen=True)
class Gap:
    """Time passes: `count` units, or until a clock time of some day, and a little less or more."""

    unit: str
    count: int
    clock: str | None
    off: int  # microseconds

    def told(self, day: Telling) -> None:
        """Move on."""
        at = day.at + dt.timedelta(**{self.unit: self.count})
        if self.clock is not None:
            at = next_clock_time(at, self.clock) + self.off * MICRO
        day.at = max(at, day.at)


@dataclass(frozen=True)
class Tick:
    """A provider's quote; `flaw`: what is wrong with it."""

    provider: str
    market: Market
    bid: int | None
    ask: int | None
    sizes: tuple[int, int]
    finer: str
    valid_for: float | None
    flaw: str

    def told(self, day: Telling) -> None:
        """Tell it."""
        market = self.market
        bid, ask = self.bid, self.ask
        if bid is not None and ask is not None and self.flaw != "crossed":
            bid, ask = min(bid, ask), max(bid, ask)
        fields: Value = {
            "provider": self.provider,
            "symbol": "NONEUSD" if self.flaw == "symbol" else market.symbol,
            "bid_price": None if bid is None else market.price(bid, self.finer),
            "bid_size": None if bid is None else self._size(0),
            "ask_price": None if ask is None else market.price(ask, self.finer),
            "ask_size": None if ask is None else self._size(1),
        }
        if self.flaw == "negative" and bid is not None:
            fields["bid_size"] = "-1"
        if self.flaw == "half":
            fields["ask_price"], fields["ask_size"] = "100.00", None
        if self.valid_for is not None:
            fields["valid_until"] = text_of(day.at + dt.timedelta(seconds=self.valid_for))
        day.tell("price-ticks", "PriceTick", **fields)

    def _size(self, side: int) -> str:
        sizes = self.market.sizes
        return sizes[self.sizes[side] % len(sizes)]


@dataclass(frozen=True)
class Order:
    """An order. `far`: limit and stop lie that many steps from the middle."""

    account_id: str
    market: Market
    side: str
    kind: str
    force: str
    notional: bool
    size: int
    limit: int
    stop: int
    expires_in: float
    rates: Value
    flaw: Value | None

    def told(self, day: Telling) -> None:
        """Tell it."""
        market = self.market
        quantity = market.quantities[self.size % len(market.quantities)]
        fields: Value = {
            "account_id": self.account_id,
            "client_order_id": day.fresh("o"),
            "symbol": market.symbol,
            "side": self.side,
            "order_type": self.kind,
            "time_in_force": self._force(),
            "notional": NOTIONALS[self.size % len(NOTIONALS)] if self.notional else None,
            "quantity": None if self.notional else quantity,
            "limit_price": None if self.kind == "MARKET" else market.price(self.limit),
            "stop_price": market.price(self.stop) if self.kind == "STOP_LIMIT" else None,
        }
        if fields["time_in_force"] == "GTD":
            fields["expire_time"] = text_of(day.at + dt.timedelta(seconds=self.expires_in))
        fields |= self.rates
        fields |= self.flaw or {}
        day.orders.append(fields)
        day.tell("orders", "OrderSubmitted", **fields)

    def _force(self) -> str:
        if self.kind == "MARKET":
            return "IOC"
        return "GTC" if self.kind == "STOP_LIMIT" and self.force == "IOC" else self.force


@dataclass(frozen=True)
class Cancel:
    """A cancel of an order told before, or of none."""

    which: int
    unknown: bool

    def told(self, day: Telling) -> None:
        """Tell it."""
        order = day.orders[self.which % len(day.orders)] if day.orders else {}
        day.tell(
            "orders",
            "OrderCancelRequested",
            account_id=order.get("account_id", ACCOUNTS[0]),
            client_order_id="never" if self.unknown else order.get("client_order_id", "never"),
            cancel_id=day.fresh("c"),
        )


@dataclass(frozen=True)
class Funding:
    """The first step of a funding, or an adjustment."""

    kind: str
    account_id: str
    amount: str
    instrument_type: str
    negative: bool
    adjustment: str

    def told(self, day: Telling) -> None:
        """Tell it."""
        fields: Value = {
            "funding_id": day.fresh("f"),
            "account_id": self.account_id,
            "amount": self.amount,
        }
        if self.kind == "CashAdjusted":
            fields["adjustment_type"] = self.adjustment
            fields["amount"] = f"-{self.amount}" if self.negative else self.amount
            fields["reference"] = 'a "quoted", word'
        else:
            fields["instrument_type"] = self.instrument_type
        day.fundings.append(fields | {"kind": self.kind})
        day.tell("fundings", self.kind, **fields)


@dataclass(frozen=True)
class FundingStep:
    """A next step, right or wrong, of a funding told before; mostly of a late one."""

    which: int
    step: int
    code: str | None
    other_amount: bool
    other_family: bool

    def told(self, day: Telling) -> None:
        """Tell it."""
        if not day.fundings:
            return
        funding = day.fundings[-1 - self.which % len(day.fundings)]
        paid_out = (funding["kind"] == "WithdrawalRequested") != self.other_family
        steps = WITHDRAWAL_STEPS if paid_out else DEPOSIT_STEPS
        kind = steps[self.step % len(steps)]
        fields: Value = {
            "funding_id": funding["funding_id"],
            "account_id": funding["account_id"],
            "instrument_type": funding.get("instrument_type", "ACH"),
            "amount": "12.34" if self.other_amount else funding["amount"].lstrip("-"),
        }
        if kind.endswith("Returned"):
            fields["return_code"] = self.code
        day.tell("fundings", kind, **fields)


@dataclass(frozen=True)
class Again:
    """Something told before is told again; `twist`: with other content under its id."""

    which: int
    same_event_id: bool
    twist: bool

    def told(self, day: Telling) -> None:
        """Tell it."""
        said = [line for line in day.lines if line.topic in {"orders", "fundings"}]
        if not said:
            return
        line = said[-1 - self.which % len(said)]
        if not isinstance(line.value, dict):
            return
        value = line.value | {"event_time": text_of(day.at)}
        if self.twist:
            kind = value["type"]
            if kind == "OrderSubmitted":
                value["side"] = "BUY" if value["side"] == "SELL" else "SELL"
            elif kind == "OrderCancelRequested":
                value["client_order_id"] = "other"
            else:
                value["reference"] = f"other {value.get('reference')}"
        if self.twist or not self.same_event_id:
            value["event_id"] = day.fresh("in-")
        day.raw(line.topic, value)


@dataclass(frozen=True)
class AccountChange:
    """An account's mode and jurisdiction from now on."""

    account_id: str
    mode: str
    jurisdiction: str
    other_client: bool

    def told(self, day: Telling) -> None:
        """Tell it."""
        client = self.account_id[:4]
        tell_account(day, self.account_id, "ELSE" if self.other_client else client)
        day.lines[-1].value.update(mode=self.mode, jurisdiction=self.jurisdiction)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class ClientChange:
    """A client's terms from now on."""

    client: str
    terms: Value

    def told(self, day: Telling) -> None:
        """Tell it."""
        day.tell("clients", "ClientUpdated", client=self.client, name=self.client, **self.terms)


@dataclass(frozen=True)
class InstrumentChange:
    """An instrument's terms from now on."""

    market: Market
    stale_after_ms: int
    tradable: bool

    def told(self, day: Telling) -> None:
        """Tell it."""
        tell_instrument(day, self.market, self.stale_after_ms)
        day.lines[-1].value["tradable"] = self.tradable  # type: ignore[index]


@dataclass(frozen=True)
class Other:
    """What has no effect, or is a dead letter."""

    topic: str
    value: object  # a dict without event_id is an event: it gets its head

    def told(self, day: Telling) -> None:
        """Tell it."""
        if not day.lines:
            return
        if isinstance(self.value, dict):
            fields = dict(self.value)
            day.tell(self.topic, fields.pop("type", "NoSuchEvent"), **fields)
            if self.topic == "clock":
                day.lines[-1].value["at"] = text_of(day.at)  # type: ignore[index]
        else:
            day.raw(self.topic, self.value)


Move = (
    Gap
    | Tick
    | Order
    | Cancel
    | Funding
    | FundingStep
    | Again
    | AccountChange
    | ClientChange
    | InstrumentChange
    | Other
)


def tell_account(day: Telling, account_id: str, client: str) -> None:
    """Tell an open Marketplace account."""
    day.tell(
        "accounts",
        "AccountUpdated",
        account_id=account_id,
        client=client,
        funding_model="MARKETPLACE",
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


# -- strategies ----------------------------------------------------------------------------------

_some = st.sampled_from


def _mix(*parts: tuple[int, SearchStrategy[Any]]) -> SearchStrategy[Any]:
    """Return one strategy out of several, each as often as its weight says.

    `one_of` looks at equal branches once, and through branches that are `one_of` themselves.
    """
    return _some([part for weight, part in parts for _ in range(weight)]).flatmap(lambda part: part)


_accounts = _some((*ACCOUNTS, *ACCOUNTS, *ACCOUNTS, STRANGER, ORPHAN))
_known_accounts = _some(ACCOUNTS)
# Most of a day is about one symbol, so that quotes and orders meet.
_markets = _some((*MARKETS[:1] * 4, *MARKETS))
_seldom = _some((False,) * 15 + (True,))
_sometimes = _some((False,) * 3 + (True,))
_earlier = _some((0, 0, 0, 1, 1, 2, 3, 5, 8, 13))
_stale_after = _some((600_000, 2000, 86_400_000))

gaps = st.one_of(
    st.builds(Gap, st.just("seconds"), _some((0, 1, 2, 30)), st.none(), st.just(0)),
    st.builds(Gap, st.just("microseconds"), _some((1, 999)), st.none(), st.just(0)),
    st.builds(Gap, st.just("minutes"), _some((5, 29, 60, 300)), st.none(), st.just(0)),
    st.builds(Gap, st.just("seconds"), st.just(0), _some(CLOCK_TIMES), _some((-1, 0, 1))),
    st.builds(Gap, st.just("seconds"), st.just(0), _some(CLOCK_TIMES), _some((-1, 0, 1))),
)
quiet_weeks = st.builds(
    Gap, st.just("days"), _some((1, 2, 3, 7, 29, 30, 31, 61)), _some(CLOCK_TIMES), _some((-1, 0, 1))
)
ticks = st.builds(
    Tick,
    provider=_some(PROVIDERS),
    market=_markets,
    bid=_some((-1, -1, -2, 0, -3, 1, 2, None)),
    ask=_some((1, 1, 2, 0, 3, -1, None)),
    sizes=st.tuples(_some((0, 0, 0, 1, 2, 3, 4)), _some((0, 0, 0, 1, 2, 3, 4))),
    finer=_some(("",) * 8 + ("1", "05")),
    valid_for=_some((None,) * 6 + (0, 1, 90)),
    flaw=_some(("",) * 20 + ("crossed", "symbol", "negative", "half")),
)
_rates = st.fixed_dictionaries(
    {},
    optional={
        "markup_bps": _some(("0", "25", "130.5", "9999.99999999")),
        "markup_fixed": _some(("0", "0.003", "1.5")),
        "commission_bps": _some(("0", "33", "12000")),
        "commission_fixed": _some(("0.00", "0.25", "40.00")),
    },
)
orders = st.builds(
    Order,
    account_id=_accounts,
    market=_markets,
    side=_some(("BUY", "BUY", "SELL")),
    kind=_some(("MARKET", "LIMIT", "LIMIT", "STOP_LIMIT")),
    force=_some(("IOC", "GTC", "DAY", "GTD")),
    notional=_sometimes,
    size=st.integers(0, 6),
    limit=_some((1, 0, 2, -1, 5, -5, 12, -30, 60)),
    stop=_some((1, 0, -1, 2, -2)),
    expires_in=_some((60, 3600, 0.5, 90_000, -1, 0)),
    rates=st.one_of(st.just({}), st.just({}), st.just({}), _rates),
    flaw=_some((None,) * 40 + FLAWS),
)
fundings = st.builds(
    Funding,
    kind=_some(FIRST_STEPS),
    account_id=_some((*ACCOUNTS * 4, STRANGER, ORPHAN)),
    amount=_some(AMOUNTS),
    instrument_type=_some(("ACH", "WIRE", "DEBIT")),
    negative=st.booleans(),
    adjustment=_some(ADJUSTMENTS),
)
funding_steps = st.builds(
    FundingStep,
    which=_earlier,
    step=st.integers(0, 3),
    code=_some(RETURN_CODES),
    other_amount=_seldom,
    other_family=_seldom,
)
_terms = st.fixed_dictionaries(
    {"commission_model": _some(("MARKUP", "TRADE_FEE"))},
    optional={
        "markup_bps": _some(("50", "12.5", "0.00000001")),
        "markup_fixed": _some(("0.10", "0.00001")),
        "commission_bps": _some(("20", "75")),
        "commission_fixed": _some(("0.05", "1.00")),
        "commission_minimum": _some(("0.50", "3.00")),
    },
)
_bad_values = st.one_of(
    st.builds(Other, st.just("clock"), st.just({"type": "ClockTicked"})),
    st.builds(Other, _some(INPUT_ORDER), _some((None, 7, "no object", []))),
    st.builds(Other, _some(INPUT_ORDER), st.just({"type": "NoSuchEvent"})),
    st.builds(
        Other,
        st.just("fundings"),
        st.just({"type": "DepositSettled", "account_id": ACCOUNTS[0], "amount": 5}),
    ),
    st.builds(
        Other,
        st.just("net-wires"),
        st.just(
            {"type": "NetWireReceived", "wire_id": "w", "client": CLIENTS[0], "amount": "5.00"}
        ),
    ),
)
account_changes = st.builds(
    AccountChange,
    _known_accounts,
    _some((*MODES, "OPEN", "OPEN")),
    _some((*JURISDICTIONS, *("OPEN",) * 5)),
    _seldom,
)
_rare = _mix(
    (1, st.builds(ClientChange, _some(CLIENTS), _terms)),
    (1, st.builds(InstrumentChange, _markets, _stale_after, _some((True, True, False)))),
    (2, _bad_values),
)
moves: SearchStrategy[Move] = _mix(
    (10, orders),
    (8, ticks),
    (5, gaps),
    (3, fundings),
    (6, funding_steps),
    (2, st.builds(Cancel, _earlier, _seldom)),
    (2, st.builds(Again, _earlier, st.booleans(), _sometimes)),
    (2, account_changes),
    (1, quiet_weeks),
    (1, _rare),
)


def _opening(terms: list[Value], stale_after_ms: int, at: dt.datetime) -> Telling:
    """Introduce everybody, and give each account some money and both symbols a market."""
    day = Telling(at)
    for client, told in zip(CLIENTS, terms, strict=True):
        ClientChange(client, told).told(day)
    for market in MARKETS:
        tell_instrument(day, market, stale_after_ms)
    for account_id in (*ACCOUNTS, ORPHAN):
        tell_account(day, account_id, account_id[:4])
    day.at += SECOND
    for number, account_id in enumerate(ACCOUNTS):
        amount = AMOUNTS[number]
        Funding("DepositSettled", account_id, amount, "ACH", False, ADJUSTMENTS[0]).told(day)  # noqa: FBT003
    for market in MARKETS:
        Tick(PROVIDERS[0], market, -1, 1, (0, 0), "", None, "").told(day)
    day.at += SECOND
    return day


@st.composite
def days(draw: st.DrawFn, moves_max: int = 70) -> list[Line]:
    """Return the lines of a day, which may go on for weeks, in the order of a file."""
    date = dt.date.fromisoformat(draw(_some(STARTS)))
    at = clock_time(date, draw(_some(BEGIN_TIMES)))
    terms = [draw(_terms) for _ in CLIENTS]
    day = _opening(terms, draw(_stale_after), at)
    for move in draw(st.lists(moves, min_size=1, max_size=moves_max)):
        move.told(day)
    return day.in_file_order()
