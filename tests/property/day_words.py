"""What a random day (days.py) can consist of, and how it is told."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

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
