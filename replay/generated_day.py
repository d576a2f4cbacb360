"""A trading day made from a seed, as input lines in time order (contract section 12, `generate`).

    market (synthetic, or a file of import-quotes)  --+
    stories: reference data, customer funding,        +--> one stream of lines, by time and topic
             orders, account changes, dirty inputs  --+

A story is a generator that sleeps by yielding when it is due next, and says its lines when it
wakes: nothing is held but what is still to come, so memory grows with accounts, not with orders.
The tables at the top say what a day consists of. No rule of the settlement is applied here; what
customers hold and have is guessed, on the low side, so that they sell what they can have.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import NamedTuple

import orjson

from replay.quotes import (
    UnreadableFileError,
    input_line,
    opened,
    reading_errors,
    replaced_when_complete,
)
from schemas.account import FundingModel, Jurisdiction, Mode
from schemas.client import CommissionModel
from schemas.instant import MILLISECOND, MINUTE, SECOND, Micros, micros, time_text
from schemas.money import (
    CENTS_DECIMALS,
    PRICE_DECIMALS,
    UNITS_DECIMALS,
    WHOLE,
    Cents,
    Price,
    Units,
    quantity,
    scaled,
    usd,
)
from schemas.order import OrderType, TimeInForce
from settlement.calendar import first_window, in_maintenance, window_after
from topics.catalogue import (
    ACCOUNTS,
    CLIENTS,
    FUNDINGS,
    INPUT_ORDER,
    INSTRUMENTS,
    ORDERS,
    PRICE_TICKS,
)

HOUR: Micros = 60 * MINUTE
# Midnight in Chicago: 24 hours from here cross every window of the daily clock.
SYNTHETIC_START: Micros = micros("2026-03-02T06:00:00Z")
ORDERS_PER_ACCOUNT_DAY = 10
# An account id is its client's first three letters and five digits.
ACCOUNTS_MAX = 100_000

# Lines of one time stand in this order of topics (contract section 12).
_RANK = {topic: rank for rank, topic in enumerate(INPUT_ORDER)}


@dataclass(frozen=True, slots=True)
class DayOptions:
    """What day to make. Same options, same bytes, on every Python.

    `orders` is the number of orders that customers place over the day, None: ten per account and
    day; the scripted stories of single accounts add a few. `market` is an output of import-quotes,
    plain or gzipped: the day then starts with it. `quote_interval_ms` is how often, on average, a
    provider of the synthetic market quotes a symbol.

    Raises:
        ValueError: a number that makes no day.
    """

    seed: int
    accounts: int = 100
    hours: int = 24
    orders: int | None = None
    market: Path | None = None
    quote_interval_ms: int = 10_000

    def __post_init__(self) -> None:
        if not 1 <= self.accounts <= ACCOUNTS_MAX:
            raise ValueError(f"accounts must be 1 to {ACCOUNTS_MAX}")
        if self.hours < 1:
            raise ValueError("hours must be at least 1")
        if self.orders is not None and self.orders < 0:
            raise ValueError("orders must not be negative")
        if self.quote_interval_ms < 1:
            raise ValueError("quote_interval_ms must be at least 1")

    @property
    def orders_wanted(self) -> int:
        """How many orders customers place."""
        if self.orders is not None:
            return self.orders
        return -(-self.accounts * ORDERS_PER_ACCOUNT_DAY * self.hours // 24)


@dataclass(frozen=True, slots=True)
class DaySummary:
    """What was written: `[first, last]` event times, lines by event type, orders left out.

    An order is left out where no fresh quote with both sides was there to place it around.
    """

    first: Micros
    last: Micros
    lines_by_type: Mapping[str, int]
    orders_left_out: int

    @property
    def lines(self) -> int:
        """How many lines were written."""
        return sum(self.lines_by_type.values())


def write_generated_day(
    options: DayOptions, target: Path, progress: Callable[[Micros, Micros], object] | None = None
) -> DaySummary:
    """Write a day's lines; `progress` is told the time done and the time in all, in microseconds.

    Raises:
        UnreadableFileError: the market file is missing, damaged or no output of import-quotes.
        OSError: `target` cannot be written.
    """
    day = GeneratedDay(options)
    with replaced_when_complete(target) as out:
        for number, line in enumerate(day.lines()):
            out.write(line)
            if progress is not None and not number % _LINES_PER_REPORT:
                progress(day.now - day.start, day.end - day.start)
    return day.summary()


# So seldom that a terminal's bar costs nothing.
_LINES_PER_REPORT = 8192


# --- who takes part -------------------------------------------------------------------------


class _Client(NamedTuple):
    code: str
    name: str
    commission_model: CommissionModel
    markup_bps: int = 0
    markup_fixed: Cents = 0
    commission_bps: int = 0
    commission_fixed: Cents = 0
    commission_minimum: Cents = 0
    revenue_share_bps: int = 0


CLIENT_TABLE = (
    _Client("ALFA", "Alfa Brokerage", "TRADE_FEE", commission_bps=50, revenue_share_bps=3000),
    _Client("BRVO", "Bravo Invest", "MARKUP", markup_bps=100, revenue_share_bps=5000),
    _Client(
        "CHAR",
        "Charlie Securities",
        "TRADE_FEE",
        commission_bps=25,
        commission_fixed=10,
        commission_minimum=50,
        revenue_share_bps=2500,
    ),
    _Client("DELT", "Delta Wallet", "MARKUP", markup_bps=30, markup_fixed=5),
    _Client("ECHO", "Echo Free Trading", "TRADE_FEE", revenue_share_bps=1000),
)
# An account may name a client that nobody has announced: its orders are refused UNKNOWN_CLIENT.
_NO_CLIENT = _Client("NONE", "", "TRADE_FEE")
# At mid-day its commission falls; orders accepted before keep theirs.
_CHEAPER_AT_MID_DAY = CLIENT_TABLE[2]._replace(commission_bps=20)


class _Funding(NamedTuple):
    """A funding model in the mix: `customer_funding` is false where the client funds itself."""

    model: FundingModel
    customer_funding: bool


# Accounts take these in turn. Net Settlement and Apex accounts come in by a row each.
FUNDING_MODELS = (_Funding("MARKETPLACE", customer_funding=True),)


@dataclass(frozen=True, slots=True)
class _Habit:
    """How a customer behaves. `opening` is the first deposit, in dollars from and to."""

    name: str
    opening: tuple[int, int] = (2_000, 20_000)
    # Whether the flow of orders is theirs too; the others appear in stories and odd orders only.
    trades: bool = False
    tops_up: bool = False
    mode: Mode = "OPEN"
    jurisdiction: Jurisdiction = "OPEN"


_FUNDED = _Habit("funded", trades=True, tops_up=True)
_ACH_CLEARS_LATER = _Habit("ACH clears later", opening=(100, 300), trades=True)
_LATE_MONEY = _Habit("money comes late", opening=(10, 40), trades=True)
_PENNILESS = _Habit("no money comes", opening=(10, 40), trades=True)
_RETURNED = _Habit("deposit returned after it was spent", opening=(0, 0), trades=True)
_ROUND_TRIPS = _Habit("buys and sells all")
_LOCKED = _Habit("locked", mode="LOCKED")
_CLOSED = _Habit("closed", mode="CLOSED", opening=(0, 0))
_CLOSING_ONLY = _Habit("closing only", mode="CLOSING_ONLY")
_SELL_ONLY = _Habit("jurisdiction closes", jurisdiction="CLOSE")
_PROHIBITED = _Habit("jurisdiction prohibits", jurisdiction="PROHIBITED", opening=(0, 0))
_ORPHAN = _Habit("client unknown", opening=(0, 0))
_LOCKED_FOR_HOURS = _Habit("locked for hours, owing", opening=(10, 20))
_WINDS_DOWN = _Habit("becomes closing only")
_MOVES = _Habit("moves to where only selling is allowed")
_CLOSES = _Habit("closes the account")
_OPENS_LATE = _Habit("opens at mid-day")

# Account i has the habit of its place among 500, else of its place among 100, else is funded.
_ONE_IN_500 = {
    7: _WINDS_DOWN,
    12: _LOCKED,
    17: _CLOSED,
    22: _CLOSING_ONLY,
    27: _SELL_ONLY,
    32: _PROHIBITED,
    37: _ORPHAN,
    42: _LOCKED_FOR_HOURS,
    47: _MOVES,
    52: _CLOSES,
    57: _OPENS_LATE,
}
_ONE_IN_100 = {
    4: _ACH_CLEARS_LATER,
    9: _LATE_MONEY,
    14: _ROUND_TRIPS,
    19: _RETURNED,
    34: _PENNILESS,
    44: _ACH_CLEARS_LATER,
    59: _LATE_MONEY,
    74: _ROUND_TRIPS,
    84: _ACH_CLEARS_LATER,
}


class _AccountChange(NamedTuple):
    """An AccountUpdated in mid-day; times in thousandths of the day."""

    habit: _Habit
    at: int
    mode: Mode
    jurisdiction: Jurisdiction
    back_at: int | None = None


ACCOUNT_CHANGES = (
    _AccountChange(_LOCKED_FOR_HOURS, 150, "LOCKED", "OPEN", back_at=600),
    _AccountChange(_WINDS_DOWN, 350, "CLOSING_ONLY", "OPEN"),
    _AccountChange(_MOVES, 450, "OPEN", "CLOSE", back_at=800),
    _AccountChange(_CLOSES, 550, "CLOSED", "OPEN"),
)
_CHANGE_BY_HABIT = {change.habit.name: change for change in ACCOUNT_CHANGES}


# --- what they order ------------------------------------------------------------------------


class _OrderKind(NamedTuple):
    """One kind of order of the flow, `weight` times in the mix.

    `through_bps`: how far the limit lies through the customer's price, from and to; below 0 it
    rests. `stop_bps`: how far the stop lies away from the market.
    """

    weight: int
    order_type: OrderType
    time_in_force: TimeInForce
    by: str
    through_bps: tuple[int, int] | None = None
    stop_bps: tuple[int, int] | None = None
    # Whether it is expected to fill, as far as the shown size goes, when it is placed.
    at_once: bool = True


ORDER_KINDS = (
    _OrderKind(30, "MARKET", "IOC", "notional"),
    _OrderKind(22, "MARKET", "IOC", "quantity"),
    _OrderKind(6, "LIMIT", "IOC", "notional", (10, 60)),
    _OrderKind(4, "LIMIT", "IOC", "quantity", (10, 60)),
    _OrderKind(6, "LIMIT", "GTC", "quantity", (10, 60)),
    _OrderKind(4, "LIMIT", "GTC", "notional", (10, 60)),
    _OrderKind(3, "LIMIT", "DAY", "quantity", (10, 60)),
    _OrderKind(3, "LIMIT", "GTD", "notional", (10, 60)),
    _OrderKind(4, "LIMIT", "GTC", "quantity", (-8, -1), at_once=False),
    _OrderKind(4, "LIMIT", "GTC", "notional", (-8, -1), at_once=False),
    _OrderKind(4, "LIMIT", "DAY", "quantity", (-8, -1), at_once=False),
    _OrderKind(3, "LIMIT", "GTD", "notional", (-8, -1), at_once=False),
    _OrderKind(3, "STOP_LIMIT", "GTC", "quantity", (80, 120), (1, 6), at_once=False),
    _OrderKind(2, "STOP_LIMIT", "DAY", "notional", (80, 120), (1, 6), at_once=False),
    _OrderKind(2, "STOP_LIMIT", "GTD", "quantity", (80, 120), (-6, 4), at_once=False),
)
_ORDER_MIX = tuple(kind for kind in ORDER_KINDS for _ in range(kind.weight))

# Orders are worth half of one of these to one and a half times, in cents.
ORDER_VALUES: tuple[Cents, ...] = (1_000, 2_500, 5_000, 10_000, 20_000, 50_000)
_SELLS_PERCENT = 45
# Holdings below this are not sold piecemeal: a piece could fall below the minimum order value.
_WORTH_SELLING: Cents = 1_000
_LOW_CASH: Cents = 100_000


class _Override(NamedTuple):
    """Rates of the order's own; None: the client's."""

    markup_bps: int | None = None
    markup_fixed: Cents | None = None
    commission_bps: int | None = None
    commission_fixed: Cents | None = None


# One order in this many takes the next of these.
_OVERRIDE_EVERY = 10
OVERRIDES = (
    _Override(commission_bps=10),
    _Override(markup_bps=0, markup_fixed=0),
    _Override(markup_bps=75, markup_fixed=2),
    _Override(commission_bps=0, commission_fixed=50),
    _Override(markup_bps=20, commission_bps=15, commission_fixed=5),
)
_NO_OVERRIDE = _Override()


class _OddOrder(NamedTuple):
    """A market buy of 50.00, but for `fields` (None: left out), and how it ends.

    `limit_percent` is of the best ask. `whose`: a customer of that habit, else of the flow.
    """

    ends: str
    fields: Mapping[str, str | None]
    limit_percent: int | None = None
    expires_after: Micros | None = None
    whose: _Habit | None = None


# An instrument that is not tradable, one that nobody quotes, one that nobody has announced.
_HALTED, _UNQUOTED, _UNKNOWN = "HALTEDUSD", "UNQUOTEDUSD", "UNKNOWNUSD"

_LIMIT_GTC = {"order_type": "LIMIT", "time_in_force": "GTC"}
_LIMIT_GTD = {"order_type": "LIMIT", "time_in_force": "GTD"}
# Every reason of contract section 6, but MAINTENANCE and those of repeats, which are stories.
ODD_ORDERS = (
    _OddOrder("UNKNOWN_ACCOUNT", {"account_id": "NOBODY00"}),
    _OddOrder("UNKNOWN_CLIENT", {}, whose=_ORPHAN),
    _OddOrder("INVALID_ORDER", {"quantity": "0.01"}),
    _OddOrder("INVALID_ORDER", {"notional": None}),
    _OddOrder("INVALID_ORDER", {"notional": "10.005"}),
    _OddOrder("INVALID_ORDER", {"notional": "0.00"}),
    _OddOrder("INVALID_ORDER", {"notional": "-50.00"}),
    _OddOrder("INVALID_ORDER", {"notional": "12345678901234.50"}),
    _OddOrder("INVALID_ORDER", {"limit_price": "100.00"}),
    _OddOrder("INVALID_ORDER", {"time_in_force": "GTC"}),
    _OddOrder("INVALID_ORDER", _LIMIT_GTC),
    _OddOrder("INVALID_ORDER", _LIMIT_GTD, limit_percent=100),
    _OddOrder("INVALID_ORDER", {"order_type": "STOP_LIMIT", "stop_price": "1.00"}, 100),
    _OddOrder("ACCOUNT_NOT_OPEN", {}, whose=_LOCKED),
    _OddOrder("ACCOUNT_NOT_OPEN", {}, whose=_CLOSED),
    _OddOrder("ACCOUNT_NOT_OPEN", {}, whose=_CLOSING_ONLY),
    _OddOrder("UNKNOWN_SYMBOL", {"symbol": _UNKNOWN}),
    _OddOrder("UNKNOWN_SYMBOL", {"symbol": _HALTED}),
    _OddOrder("ORDER_EXPIRED", _LIMIT_GTD, limit_percent=100, expires_after=-SECOND),
    _OddOrder("JURISDICTION", {}, whose=_SELL_ONLY),
    _OddOrder("JURISDICTION", {}, whose=_PROHIBITED),
    _OddOrder("PRICE_PRECISION", _LIMIT_GTC | {"limit_price": "100.001"}),
    _OddOrder("QUANTITY_PRECISION", {"notional": None, "quantity": "0.123456789"}),
    _OddOrder("EMPTY_QUOTES", {"symbol": _UNQUOTED}),
    _OddOrder("PRICE_TOO_FAR", {"order_type": "LIMIT"}, limit_percent=120),
    _OddOrder("BELOW_MINIMUM", {"notional": "0.99"}),
    _OddOrder("EXCEEDS_POSITION", {"side": "SELL", "notional": None, "quantity": "1000000"}),
    _OddOrder("NOT_MARKETABLE", {"order_type": "LIMIT"}, limit_percent=90),
    _OddOrder("END_OF_DAY", {"order_type": "LIMIT", "time_in_force": "DAY"}, limit_percent=80),
    _OddOrder("MAINTENANCE", _LIMIT_GTC, limit_percent=80),
    _OddOrder("EXPIRE_TIME", _LIMIT_GTD, limit_percent=80, expires_after=HOUR),
)
# One order in this many is odd, by turns: the rest keeps well above 90% executed.
_ODD_EVERY = 25


# --- what moves their money -----------------------------------------------------------------


class _Step(NamedTuple):
    """One event of a funding, so many minutes after the first; or an adjustment of that type."""

    after_minutes: int
    event: str
    return_code: str | None = None


class _FundingStory(NamedTuple):
    """`amount` in cents from and to; the same amount in every step."""

    instrument_type: str
    amount: tuple[Cents, Cents]
    steps: tuple[_Step, ...]


_SMALL = (1_000, 9_000)
_SOME = (10_000, 90_000)
_DAY_MINUTES = 24 * 60
_INITIATED = _Step(0, "DepositInitiated")
_SETTLED = _Step(0, "DepositSettled")
_REQUESTED = _Step(0, "WithdrawalRequested")
FUNDING_STORIES = (
    _FundingStory("ACH", _SOME, (_INITIATED, _Step(180, "DepositSettled"))),
    _FundingStory("ACH", _SOME, (_INITIATED, _Step(45, "DepositCancelled"))),
    _FundingStory("DEBIT", _SOME, (_INITIATED, _Step(1, "DepositDeclined"))),
    _FundingStory("ACH", _SOME, (_INITIATED, _Step(240, "DepositReturned", "R03"))),
    _FundingStory(
        "ACH",
        _SOME,
        (_INITIATED, _Step(60, "DepositSettled"), _Step(420, "DepositReturned", "R01")),
    ),
    _FundingStory("ACH", _SOME, (_SETTLED, _Step(300, "DepositReturned", "R10"))),
    # Two banking days are over after six days, whatever the weekend or holiday between. A day of
    # 24 hours ends before.
    _FundingStory("ACH", _SOME, (_SETTLED, _Step(6 * _DAY_MINUTES, "DepositReturned", "R01"))),
    # R99 is no ACH return code.
    _FundingStory("ACH", _SOME, (_SETTLED, _Step(200, "DepositReturned", "R99"))),
    _FundingStory("WIRE", _SOME, (_SETTLED, _Step(5, "DepositSettled"))),  # repeated: no effect
    _FundingStory("ACH", _SOME, (_INITIATED,)),
    _FundingStory("WIRE", _SMALL, (_REQUESTED, _Step(120, "WithdrawalSettled"))),
    _FundingStory("ACH", _SMALL, (_REQUESTED, _Step(90, "WithdrawalRejected"))),
    _FundingStory(
        "ACH",
        _SMALL,
        (_REQUESTED, _Step(60, "WithdrawalSettled"), _Step(400, "WithdrawalReturned", "R02")),
    ),
    _FundingStory("WIRE", (500, 999), (_REQUESTED,)),  # below the minimum
    _FundingStory("WIRE", (90_000_000, 90_000_000), (_REQUESTED,)),  # more than anybody has
    _FundingStory("", (-3_000, -2_000), (_Step(0, "ACH_RETURN_FEE"),)),
    _FundingStory("", _SMALL, (_Step(0, "PARTNER_WRITE_OFF"),)),
    _FundingStory("", _SMALL, (_Step(0, "PLATFORM_WRITE_OFF"),)),
    _FundingStory("", (-9_000, -1_000), (_Step(0, "DECEASED_PARTY"),)),
    _FundingStory("", (-500, -100), (_Step(0, "OTHER_ADJUSTMENT"),)),
    _FundingStory("", (100, 500), (_Step(0, "OTHER_ADJUSTMENT"),)),
)
# One funded account in this many has such a story, by turns.
_FUNDING_STORY_EVERY = 3
# What other habits have beside their opening deposit.
_ACH_CLEARS = _FundingStory(
    "ACH", (300_000, 900_000), (_INITIATED, _Step(5 * 60, "DepositSettled"))
)
_SPENT_AND_RETURNED = _FundingStory(
    "ACH", _SOME, (_SETTLED, _Step(10 * 60, "DepositReturned", "R01"))
)
_RETURN_FEE = _FundingStory("", (-3_000, -3_000), (_Step(0, "ACH_RETURN_FEE"),))
_LOCKED_WITHDRAWAL = _FundingStory("WIRE", _SMALL, (_REQUESTED,))  # refused ACCOUNT_RESTRICTED


# --- what is dirty --------------------------------------------------------------------------


class _Dirty(NamedTuple):
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
    _Dirty("CROSSED_TICK", PRICE_TICKS, _CROSSED),
    _Dirty("NOT_POSITIVE", PRICE_TICKS, _CROSSED | {"bid_price": "99.00", "bid_size": "0"}),
    _Dirty("UNKNOWN_SYMBOL", PRICE_TICKS, _CROSSED | {"symbol": _UNKNOWN}),
    _Dirty("UNKNOWN_TYPE", ORDERS, {"type": "OrderAmended", "account_id": "{account}"}),
    _Dirty("INVALID", ORDERS, {"type": "OrderSubmitted", "account_id": "{account}"}),
    _Dirty("MALFORMED", ORDERS, {}),
    _Dirty("BAD_TRANSITION", FUNDINGS, _CANCELLED),
    _Dirty("UNKNOWN_ACCOUNT", FUNDINGS, _CANCELLED | {"account_id": "NOBODY00"}),
    _Dirty(
        "CLIENT_CHANGED",
        ACCOUNTS,
        {"type": "AccountUpdated", "account_id": "{account}", "client": "ZULU"},
    ),
)


# --- the market -----------------------------------------------------------------------------


_Draw = Callable[[int], int]


class _Quote(NamedTuple):
    """A provider's quote as customers see it: whole cents, a missing side 0 cents."""

    symbol: str
    provider: str
    at: Micros
    until: Micros
    bid: Cents
    bid_size: Units
    ask: Cents
    ask_size: Units


class _MarketLine(NamedTuple):
    at: Micros
    topic: str
    quote: _Quote | None
    line: bytes


class _Best(NamedTuple):
    """The market of one symbol as an order's sender sees it; both sides are there."""

    symbol: str
    bid: Cents
    bid_size: Units
    ask: Cents
    ask_size: Units


class _SeenQuotes:
    """The last quote of each provider, by symbol."""

    __slots__ = ("_best", "_by_symbol", "symbols")

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self._by_symbol: dict[str, dict[str, _Quote]] = {}
        # What was found last, and until when it holds if nothing new is seen.
        self._best: dict[str, tuple[Micros, _Best | None]] = {}

    def see(self, quote: _Quote) -> None:
        """Take the provider's newest quote."""
        providers = self._by_symbol.get(quote.symbol)
        if providers is None:
            providers = self._by_symbol[quote.symbol] = {}
            self.symbols.append(quote.symbol)
        # The newest stands last.
        providers.pop(quote.provider, None)
        providers[quote.provider] = quote
        self._best.pop(quote.symbol, None)

    def best(self, symbol: str, at: Micros) -> _Best | None:
        """Return the best bid and ask that are fresh, None where a side is missing."""
        until, best = self._best.get(symbol, (at, None))
        if at >= until:
            fresh = [quote for quote in self._by_symbol[symbol].values() if quote.until > at]
            best = _best_of(fresh)
            self._best[symbol] = (min((quote.until for quote in fresh), default=_NEVER), best)
        return best


_NEVER: Micros = 1 << 62


def _best_of(quotes: list[_Quote]) -> _Best | None:
    """Return the best bid and ask of quotes in time order.

    Of two that cross each other the older is left out.
    """
    bid: _Quote | None = None
    ask: _Quote | None = None
    for quote in reversed(quotes):
        if (ask is not None and quote.bid > ask.ask) or (
            bid is not None and 0 < quote.ask < bid.bid
        ):
            continue
        if quote.bid and (bid is None or quote.bid > bid.bid):
            bid = quote
        if quote.ask and (ask is None or quote.ask < ask.ask):
            ask = quote
    if bid is None or ask is None:
        return None
    return _Best(bid.symbol, bid.bid, bid.bid_size, ask.ask, ask.ask_size)


_PER_CENT = 10 ** (PRICE_DECIMALS - CENTS_DECIMALS)


def _market_file(path: Path) -> Iterator[_MarketLine]:
    """Read an output of import-quotes.

    Raises:
        UnreadableFileError: no such file, or no such content.
    """
    number = 0
    last: Micros | None = None
    stale_after: dict[str, Micros] = {}
    with opened(path) as (stream, _), reading_errors(path, lambda: number):
        for line in stream:
            number += 1
            try:
                at, topic, quote = _read_market_line(line, stale_after)
            except KeyError as error:
                raise UnreadableFileError(
                    f"{path}, line {number}: not a line of import-quotes: no {error}"
                ) from error
            except (ValueError, TypeError, AttributeError) as error:
                raise UnreadableFileError(
                    f"{path}, line {number}: not a line of import-quotes: {error}"
                ) from error
            if last is not None and at < last:
                raise UnreadableFileError(f"{path}, line {number}: goes back in time")
            last = at
            yield _MarketLine(at, topic, quote, line if line.endswith(b"\n") else line + b"\n")
    if last is None:
        raise UnreadableFileError(f"{path}: is empty")


def _read_market_line(
    line: bytes, stale_after: dict[str, Micros]
) -> tuple[Micros, str, _Quote | None]:
    document = orjson.loads(line)
    topic, value = document["topic"], document["value"]
    at = micros(value["event_time"])
    symbol = value["symbol"]
    if topic == INSTRUMENTS:
        stale_after[symbol] = value["stale_after_ms"] * MILLISECOND
        return at, topic, None
    if topic != PRICE_TICKS:
        raise ValueError(f"topic {topic!r}")
    if symbol not in stale_after:
        raise ValueError(f"no instrument {symbol} before")
    until = at + stale_after[symbol]
    if value.get("valid_until") is not None:
        until = min(until, micros(value["valid_until"]))
    bid, bid_size = _side(value, "bid_price", "bid_size")
    ask, ask_size = _side(value, "ask_price", "ask_size")
    quote = _Quote(
        symbol,
        value["provider"],
        at,
        until,
        bid // _PER_CENT,
        bid_size,
        -(-ask // _PER_CENT),
        ask_size,
    )
    return at, topic, quote


def _side(value: Mapping[str, str | None], price: str, size: str) -> tuple[Price, Units]:
    """Return a side's numbers, both 0 where it is missing."""
    price_text, size_text = value.get(price), value.get(size)
    if price_text is None or size_text is None:
        return 0, 0
    return scaled(price_text, PRICE_DECIMALS), scaled(size_text, UNITS_DECIMALS)


class _Coin(NamedTuple):
    symbol: str
    price: Cents


SYNTHETIC_COINS = (_Coin("BTCUSD", 6_500_000), _Coin("ETHUSD", 340_000))
SYNTHETIC_PROVIDERS = ("kestrel", "northex", "orion")
# Turns are random: about one quote in 150 is stale before its provider quotes again.
_STALE_AFTER_INTERVALS = 5
# Every so many quotes show only a bid, are withdrawn, or say themselves until when they are valid.
_ONE_SIDED_EVERY, _WITHDRAWN_EVERY, _SHORT_LIVED_EVERY = 401, 1009, 499
# The mid price moves by up to 1/5000 (2 bps) a quote, about 1.6% a day; spreads are 2 to 6 bps.
_STEP_PARTS, _HALF_SPREAD_PARTS = 5_000, 10_000


def _synthetic_market(options: DayOptions) -> Iterator[_MarketLine]:
    """Make an endless integer random walk, quoted by the providers in random turns."""
    start = SYNTHETIC_START
    stale_after_ms = options.quote_interval_ms * _STALE_AFTER_INTERVALS
    for coin in SYNTHETIC_COINS:
        yield _MarketLine(
            start,
            INSTRUMENTS,
            None,
            input_line(INSTRUMENTS, _instrument(coin.symbol, start, stale_after_ms)),
        )
    draw = _chance(options.seed, "market")
    mids = {coin.symbol: coin.price for coin in SYNTHETIC_COINS}
    # Quotes come twice this far apart at most, so this far on average.
    apart = (
        options.quote_interval_ms * MILLISECOND // (len(SYNTHETIC_COINS) * len(SYNTHETIC_PROVIDERS))
    )
    at = start
    for turn in count(1):
        at += 1 + draw(2 * apart)
        symbol = SYNTHETIC_COINS[turn % len(SYNTHETIC_COINS)].symbol
        provider = SYNTHETIC_PROVIDERS[draw(len(SYNTHETIC_PROVIDERS))]
        mid = mids[symbol]
        step = mid // _STEP_PARTS
        # Far below its start the price only rises.
        mid = mids[symbol] = mid + (draw(2 * step + 1) - step if step else 1)
        unit = mid // _HALF_SPREAD_PARTS + 1
        skew = draw(4 * unit + 1) - 2 * unit
        bid = max(1, mid + skew - unit - draw(2 * unit))
        ask = mid + skew + unit + draw(2 * unit)
        # Sizes are worth 1,000 to about 200,000 dollars.
        size = 100_000 * WHOLE // mid
        bid_size = size + draw(200 * size)
        ask_size = size + draw(200 * size)
        until = at + stale_after_ms * MILLISECOND
        value: dict[str, object] = {
            "type": "PriceTick",
            "event_id": f"{provider}-{turn}",
            "event_time": time_text(at),
            "provider": provider,
            "symbol": symbol,
            "bid_price": usd(bid),
            "bid_size": quantity(bid_size),
            "ask_price": usd(ask),
            "ask_size": quantity(ask_size),
        }
        if not turn % _SHORT_LIVED_EVERY:
            until = at + SECOND
            value["valid_until"] = time_text(until)
        if not turn % _ONE_SIDED_EVERY:
            ask = ask_size = 0
            value["ask_price"] = value["ask_size"] = None
        if not turn % _WITHDRAWN_EVERY:
            bid = bid_size = ask = ask_size = 0
            value["bid_price"] = value["bid_size"] = None
            value["ask_price"] = value["ask_size"] = None
        yield _MarketLine(
            at,
            PRICE_TICKS,
            _Quote(symbol, provider, at, until, bid, bid_size, ask, ask_size),
            input_line(PRICE_TICKS, value),
        )


def _instrument(
    symbol: str, at: Micros, stale_after_ms: int, *, tradable: bool = True
) -> dict[str, object]:
    return {
        "type": "InstrumentUpdated",
        "event_id": f"instrument-{symbol}",
        "event_time": time_text(at),
        "symbol": symbol,
        "base": symbol.removesuffix("USD"),
        "quote": "USD",
        "minimum_price_increment": "0.01",
        "minimum_quantity_increment": "0.00000001",
        "minimum_order_value": "1.00",
        "stale_after_ms": stale_after_ms,
        "tradable": tradable,
    }


# --- the day --------------------------------------------------------------------------------

_Due = tuple[Micros, str]  # when a story wakes, and the topic it will speak on
_Story = Iterator[_Due]


class _Customer:
    """A customer as the generator guesses him: cash in cents, holdings in units by symbol."""

    __slots__ = ("account_id", "cash", "client", "funding", "habit", "held", "orders")

    def __init__(self, account_id: str, client: _Client, habit: _Habit, funding: _Funding) -> None:
        self.account_id = account_id
        self.client = client
        self.habit = habit
        self.funding = funding
        self.cash: Cents = 0
        self.held: dict[str, Units] = {}
        self.orders = 0


class GeneratedDay:
    """One day. `lines` makes it, once; `summary` is complete when it is through.

    `now` is the time of the line just made, `start` and `end` bound the day (microseconds).
    """

    def __init__(self, options: DayOptions) -> None:
        self.options = options
        self.start: Micros = 0
        self.end: Micros = 0
        self.now: Micros = 0
        self._customers = [_customer(number) for number in range(options.accounts)]
        self._traders = [one for one in self._customers if one.habit.trades]
        self._by_habit: dict[str, list[_Customer]] = {}
        for customer in self._customers:
            self._by_habit.setdefault(customer.habit.name, []).append(customer)
        self._seen = _SeenQuotes()
        # What is due next, earliest first; the number keeps equal ones in the order they came.
        self._agenda: list[tuple[Micros, int, int, _Story]] = []
        self._stories = count()
        self._said: list[bytes] = []
        self._lines_by_type: Counter[str] = Counter()
        self._ids: Counter[str] = Counter()
        self._orders_left_out = 0
        self._last_order: dict[str, object] | None = None
        # One source of chance for each purpose: more of one thing changes nothing of another.
        self._draw_order = _chance(options.seed, "orders")
        self._draw_funding = _chance(options.seed, "fundings")

    def lines(self) -> Iterator[bytes]:
        """Make the day's lines, in order of (event_time, topic).

        Raises:
            UnreadableFileError: the market file is missing, damaged or no output of import-quotes.
        """
        market = (
            _synthetic_market(self.options)
            if self.options.market is None
            else _market_file(self.options.market)
        )
        for at, topic, quote, line in market:
            if not self.end:
                self._begin(at)
            if at >= self.end:
                break
            yield from self._until(at, _RANK[topic])
            self.now = at
            self._lines_by_type["InstrumentUpdated" if quote is None else "PriceTick"] += 1
            yield line
            if quote is not None:
                self._seen.see(quote)
        yield from self._until(self.end, 0)

    def summary(self) -> DaySummary:
        """Return what has been made so far."""
        return DaySummary(
            self.start, self.now, dict(sorted(self._lines_by_type.items())), self._orders_left_out
        )

    def _begin(self, at: Micros) -> None:
        self.start = self.now = at
        self.end = at + self.options.hours * HOUR
        self._opening = min(10 * MINUTE, (self.end - at) // 24)
        for story in (
            self._reference_data(),
            self._openings(),
            self._order_flow(),
            self._maintenance_orders(),
            self._cheaper_client(),
            self._dirty_inputs(),
        ):
            self._tell(story)

    def _tell(self, story: _Story) -> None:
        """Put a story on the agenda; its first line is due now or later."""
        due = next(story, None)
        if due is not None and due[0] < self.end:
            heappush(self._agenda, (due[0], _RANK[due[1]], next(self._stories), story))

    def _until(self, at: Micros, rank: int) -> Iterator[bytes]:
        """Let all stories speak that are due before (`at`, `rank`)."""
        agenda = self._agenda
        while agenda and agenda[0] < (at, rank):
            self.now, _, _, story = heappop(agenda)
            self._tell(story)
            yield from self._said
            self._said.clear()

    def _say(self, topic: str, kind: str, fields: Mapping[str, object]) -> None:
        self._lines_by_type[kind] += 1
        self._ids[topic] += 1
        value = {
            "type": kind,
            "event_id": f"{topic}-{self._ids[topic]}",
            "event_time": time_text(self.now),
            **fields,
        }
        self._said.append(input_line(topic, value))

    def _part(self, thousandths: int) -> Micros:
        """Return the instant when so many thousandths of the day are over."""
        return self.start + (self.end - self.start) * thousandths // 1000

    # Reference data ...

    def _reference_data(self) -> _Story:
        yield self.start, CLIENTS
        for client in CLIENT_TABLE:
            self._say_client(client)
        yield self.start, INSTRUMENTS
        for symbol, tradable in ((_HALTED, False), (_UNQUOTED, True)):
            instrument = _instrument(symbol, self.now, 2_000, tradable=tradable)
            self._say(INSTRUMENTS, "InstrumentUpdated", instrument)
        for customer in self._customers:
            if customer.habit is _OPENS_LATE:
                self._tell(self._opens_late(customer))
                continue
            yield self.start, ACCOUNTS
            self._say_account(customer, customer.habit.mode, customer.habit.jurisdiction)

    def _cheaper_client(self) -> _Story:
        yield self._part(500), CLIENTS
        self._say_client(_CHEAPER_AT_MID_DAY)

    def _say_client(self, client: _Client) -> None:
        self._say(
            CLIENTS,
            "ClientUpdated",
            {
                "client": client.code,
                "name": client.name,
                "commission_model": client.commission_model,
                "markup_bps": str(client.markup_bps),
                "markup_fixed": usd(client.markup_fixed),
                "commission_bps": str(client.commission_bps),
                "commission_fixed": usd(client.commission_fixed),
                "commission_minimum": usd(client.commission_minimum),
                "revenue_share_bps": str(client.revenue_share_bps),
            },
        )

    def _say_account(self, customer: _Customer, mode: Mode, jurisdiction: Jurisdiction) -> None:
        self._say(
            ACCOUNTS,
            "AccountUpdated",
            {
                "account_id": customer.account_id,
                "client": customer.client.code,
                "funding_model": customer.funding.model,
                "mode": mode,
                "jurisdiction": jurisdiction,
            },
        )

    # ... accounts that change ...

    def _opens_late(self, customer: _Customer) -> _Story:
        yield self._part(500), ACCOUNTS
        self._say_account(customer, "OPEN", "OPEN")
        yield self.now + MINUTE, FUNDINGS
        self._opening_deposit(customer)
        yield self.now + MINUTE, ORDERS
        self._buy(customer, 5_000)

    def _changing_account(self, customer: _Customer, change: _AccountChange) -> _Story:
        """Buy, leave an order working, be changed, sell some, buy in vain; perhaps change back."""
        yield self._part(change.at), ORDERS
        symbol = self._buy(customer, 5_000)
        yield self.now + MINUTE, ORDERS
        self._rest_far_away(customer)
        yield self.now + MINUTE, ACCOUNTS
        self._say_account(customer, change.mode, change.jurisdiction)
        yield self.now + MINUTE, ORDERS
        if symbol is not None:
            half = quantity(customer.held[symbol] // 2)
            self._submit(customer, symbol, _market("SELL", quantity=half))
        yield self.now + MINUTE, ORDERS
        self._buy(customer, 5_000)
        if change.back_at is not None:
            yield max(self.now, self._part(change.back_at)), ACCOUNTS
            self._say_account(customer, "OPEN", "OPEN")
            yield self.now + MINUTE, ORDERS
            self._buy(customer, 5_000)

    def _round_trips(self, customer: _Customer) -> _Story:
        """Buy a few dollars' worth, sell most of it, then all the rest, below the minimum order."""
        for part in (100, 400, 800):
            yield self._part(part + self._draw_order(50)), ORDERS
            while (market := self._market_for_a_few_dollars()) is None:
                yield self.now + MINUTE, ORDERS
            symbol, units = market
            rest = units // 8
            for side, piece in (("BUY", units), ("SELL", units - rest), ("SELL", rest)):
                self._submit(customer, symbol, _market(side, quantity=quantity(piece)))
                yield self.now + MINUTE, ORDERS

    def _market_for_a_few_dollars(self) -> tuple[str, Units] | None:
        """Return a symbol and how much of it four dollars buy, if both best sizes show twice that.

        Only what the best price shows is sure to be traded in one piece.
        """
        best = self._some_market()
        if best is None or in_maintenance(self.now):
            return None
        units = 400 * WHOLE // best.ask
        return (best.symbol, units) if min(best.ask_size, best.bid_size) >= 2 * units else None

    # ... customer funding ...

    def _openings(self) -> _Story:
        """Open the accounts' books, one after the other."""
        first = self.start + SECOND
        for number, customer in enumerate(self._customers):
            habit = customer.habit
            if habit is _OPENS_LATE:
                continue
            yield first + self._opening * number // len(self._customers), FUNDINGS
            self._opening_deposit(customer)
            if habit is _ROUND_TRIPS:
                self._tell(self._round_trips(customer))
            if habit.name in _CHANGE_BY_HABIT:
                self._tell(self._changing_account(customer, _CHANGE_BY_HABIT[habit.name]))
            if customer.funding.customer_funding:
                for story in self._funding_stories(customer):
                    self._tell(story)

    def _opening_deposit(self, customer: _Customer) -> None:
        if customer.habit.opening != (0, 0) and customer.funding.customer_funding:
            dollars = _between(self._draw_funding, customer.habit.opening)
            self._settle_deposit(customer, 100 * dollars)

    def _settle_deposit(self, customer: _Customer, amount: Cents) -> None:
        customer.cash += amount
        self._say(
            FUNDINGS,
            "DepositSettled",
            {
                "funding_id": self._funding_id(),
                "account_id": customer.account_id,
                "instrument_type": "WIRE",
                "amount": usd(amount),
            },
        )

    def _funding_stories(self, customer: _Customer) -> Iterator[_Story]:
        habit = customer.habit
        soon = self.now + MINUTE
        if habit is _FUNDED:
            self._ids[_FUNDED.name] += 1
            turn, rest = divmod(self._ids[_FUNDED.name], _FUNDING_STORY_EVERY)
            if not rest:
                # Within the first day, so that what takes a week is seen in eight days.
                thousandths = 50 + self._draw_funding(500)
                begin = self.start + min(self.end - self.start, 24 * HOUR) * thousandths // 1000
                yield self._funding(customer, FUNDING_STORIES[turn % len(FUNDING_STORIES)], begin)
        elif habit is _ACH_CLEARS_LATER:
            yield self._funding(customer, _ACH_CLEARS, soon)
        elif habit is _LATE_MONEY:
            yield self._late_money(customer)
        elif habit is _RETURNED:
            yield self._funding(customer, _SPENT_AND_RETURNED, soon)
            yield self._funding(customer, _RETURN_FEE, soon + 11 * HOUR)
        elif habit is _LOCKED:
            yield self._funding(customer, _LOCKED_WITHDRAWAL, self._part(300))

    def _funding(self, customer: _Customer, story: _FundingStory, begin: Micros) -> _Story:
        amount = usd(_between(self._draw_funding, story.amount))
        funding_id = self._funding_id()
        for step in story.steps:
            yield begin + step.after_minutes * MINUTE, FUNDINGS
            fields = {
                "funding_id": funding_id,
                "account_id": customer.account_id,
                "amount": amount,
            }
            if story.instrument_type:
                fields["instrument_type"] = story.instrument_type
                if step.return_code is not None:
                    fields["return_code"] = step.return_code
                self._say(FUNDINGS, step.event, fields)
            else:
                fields["adjustment_type"] = step.event
                self._say(FUNDINGS, "CashAdjusted", fields)

    def _late_money(self, customer: _Customer) -> _Story:
        yield self._part(100 + self._draw_funding(600)), FUNDINGS
        self._settle_deposit(customer, 1_000_000)

    def _tops_up(self, customer: _Customer, amount: Cents) -> _Story:
        yield self.now + SECOND, FUNDINGS
        self._settle_deposit(customer, amount)

    def _funding_id(self) -> str:
        self._ids["funding_id"] += 1
        return f"funding-{self._ids['funding_id']}"

    # ... orders ...

    def _order_flow(self) -> _Story:
        """Place the orders evenly over the time in which orders are taken."""
        wanted = self.options.orders_wanted
        draw = self._draw_order
        spans = self._trading_spans()
        in_all = sum(to - from_ for from_, to in spans)
        span, passed = 0, 0
        slot_end = 0
        for number in range(wanted):
            slot, slot_end = slot_end, in_all * (number + 1) // wanted
            at = slot + draw(max(1, slot_end - slot))
            while at - passed >= spans[span][1] - spans[span][0]:
                passed += spans[span][1] - spans[span][0]
                span += 1
            yield spans[span][0] + at - passed, ORDERS
            turn, place = divmod(number, _ODD_EVERY)
            if place != _ODD_EVERY - 1 or not self._odd_order(turn):
                self._order(number)

    def _trading_spans(self) -> list[tuple[Micros, Micros]]:
        """Return the times, from and to, in which orders are taken; a day has at least one."""
        spans = []
        first = self.start + self._opening + SECOND
        open_since = None if in_maintenance(first) else first
        window = first_window(first)
        while window.scheduled_at < self.end:
            if window.window == "MAINTENANCE_BEGIN" and open_since is not None:
                spans.append((open_since, window.scheduled_at))
                open_since = None
            elif window.window == "MAINTENANCE_END":
                open_since = window.scheduled_at
            window = window_after(window)
        if open_since is not None:
            spans.append((open_since, self.end))
        return spans

    def _order(self, number: int) -> None:
        """Place one order of the flow."""
        draw = self._draw_order
        best = self._some_market()
        if best is None:
            self._orders_left_out += 1
            return
        customer = self._traders[draw(len(self._traders))]
        kind = _ORDER_MIX[draw(len(_ORDER_MIX))]
        turn, place = divmod(number, _OVERRIDE_EVERY)
        override = _NO_OVERRIDE if place else OVERRIDES[turn % len(OVERRIDES)]
        held = customer.held.get(best.symbol, 0)
        buy = (
            held * best.bid < _WORTH_SELLING * WHOLE
            or draw(100) >= _SELLS_PERCENT
            or customer.habit is _RETURNED
        )
        price = _customer_price(best, customer.client, override, buy=buy)
        if price <= 0:
            self._orders_left_out += 1
            return

        if buy:
            value = ORDER_VALUES[draw(len(ORDER_VALUES))] * (50 + draw(101)) // 100
            units = value * WHOLE // price
        else:
            units = held * (20 + draw(61)) // 100
            # Nine tenths, so that the notional is there also at a limit below the market.
            value = units * price // WHOLE * 9 // 10
        customer.orders += 1
        order: dict[str, object] = {
            "account_id": customer.account_id,
            "client_order_id": f"order-{customer.orders}",
            "symbol": best.symbol,
            "side": "BUY" if buy else "SELL",
            "order_type": kind.order_type,
            "time_in_force": kind.time_in_force,
            kind.by: usd(value) if kind.by == "notional" else quantity(units),
        }
        away = 0
        if kind.stop_bps is not None:
            away = _between(draw, kind.stop_bps)
            order["stop_price"] = usd(_moved(best.ask if buy else best.bid, away, up=buy))
        if kind.through_bps is not None:
            through = away + _between(draw, kind.through_bps)
            order["limit_price"] = usd(_moved(price, through, up=buy))
        if kind.time_in_force == "GTD":
            order["expire_time"] = time_text(self.now + (1 + draw(6)) * HOUR)
        if not place:
            order |= _override_fields(override)
        self._say(ORDERS, "OrderSubmitted", order)
        self._last_order = order
        self._guess(customer, best, value, units if kind.at_once or not buy else 0, buy=buy)

    def _guess(
        self, customer: _Customer, best: _Best, value: Cents, units: Units, *, buy: bool
    ) -> None:
        """Keep the guess of cash and holdings on the low side; let low cash be topped up."""
        held = customer.held.get(best.symbol, 0)
        if buy:
            # 2% and a dollar for commission; 3% less coin for fees and prices that move.
            customer.cash -= value + value // 50 + 100
            customer.held[best.symbol] = held + min(units, best.ask_size) * 97 // 100
        else:
            customer.held[best.symbol] = held - units
        if customer.cash < _LOW_CASH and customer.habit.tops_up:
            amount = 200_000 + self._draw_funding(800_000)
            # Counted when it is promised, so that it is promised once.
            customer.cash += amount
            self._tell(self._tops_up(customer, amount))

    def _submit(
        self, customer: _Customer, symbol: str, fields: Mapping[str, object]
    ) -> dict[str, object]:
        """Say an order; return it."""
        customer.orders += 1
        order: dict[str, object] = {
            "account_id": customer.account_id,
            "client_order_id": f"order-{customer.orders}",
            "symbol": symbol,
            **fields,
        }
        self._say(ORDERS, "OrderSubmitted", order)
        return order

    def _buy(self, customer: _Customer, value: Cents) -> str | None:
        """Say a market buy if there is a market; return its symbol."""
        best = self._some_market()
        if best is None:
            return None
        self._submit(customer, best.symbol, _market("BUY", notional=usd(value)))
        # A tenth less than the money buys before markup and fees.
        self._guess(customer, best, value, value * WHOLE // best.ask * 9 // 10, buy=True)
        return best.symbol

    def _rest_far_away(self, customer: _Customer) -> dict[str, object] | None:
        best = self._some_market()
        if best is None:
            return None
        limit = usd(best.ask * 80 // 100)
        return self._submit(customer, best.symbol, _but(_LIMIT_GTC | {"limit_price": limit}))

    def _cancel(self, order: Mapping[str, object], cancel_id: str) -> None:
        fields = {
            "account_id": order["account_id"],
            "client_order_id": order["client_order_id"],
            "cancel_id": cancel_id,
        }
        self._say(ORDERS, "OrderCancelRequested", fields)

    def _cancel_id(self) -> str:
        self._ids["cancel_id"] += 1
        return f"cancel-{self._ids['cancel_id']}"

    def _some_market(self) -> _Best | None:
        """Return the market of a symbol drawn at random, or of the next that has one."""
        symbols = self._seen.symbols
        if not symbols:
            return None
        first = self._draw_order(len(symbols))
        best = self._seen.best(symbols[first], self.now)
        if best is None:
            for symbol in symbols[first + 1 :] + symbols[:first]:
                best = best or self._seen.best(symbol, self.now)
        return best

    # ... orders that go wrong, on purpose ...

    def _odd_order(self, turn: int) -> bool:
        """Place the odd order whose turn it is; False where the day has nobody for it."""
        best = self._some_market()
        if best is None:
            return False
        stories = (
            self._repeats,
            self._repeats_otherwise,
            self._cancels_working,
            self._cancels_done,
            self._cancels_unknown,
        )
        turn %= len(ODD_ORDERS) + len(stories)
        if turn >= len(ODD_ORDERS):
            trader = self._traders[self._draw_order(len(self._traders))]
            self._tell(stories[turn - len(ODD_ORDERS)](trader))
            return True
        odd = ODD_ORDERS[turn]
        customers = self._traders if odd.whose is None else self._by_habit.get(odd.whose.name, [])
        if not customers:
            return False
        customer = customers[self._draw_order(len(customers))]
        fields = _but(odd.fields)
        if odd.limit_percent is not None:
            fields["limit_price"] = usd(best.ask * odd.limit_percent // 100)
        if odd.expires_after is not None:
            fields["expire_time"] = time_text(self.now + odd.expires_after)
        self._submit(customer, best.symbol, fields)
        return True

    def _repeats(self, _: _Customer) -> _Story:
        """Send the last order once more: no effect."""
        order = self._last_order
        yield self.now + SECOND, ORDERS
        if order is not None:
            self._say(ORDERS, "OrderSubmitted", order)

    def _repeats_otherwise(self, _: _Customer) -> _Story:
        """Send other content under the last order's id: DUPLICATE_ORDER_ID."""
        order = self._last_order
        yield self.now + SECOND, ORDERS
        if order is not None:
            other = {"side": "SELL" if order["side"] == "BUY" else "BUY"}
            self._say(ORDERS, "OrderSubmitted", order | other)

    def _cancels_working(self, customer: _Customer) -> _Story:
        """Cancel a resting order; again under the same id (no effect) and another (ORDER_DONE)."""
        yield self.now + SECOND, ORDERS
        order = self._rest_far_away(customer)
        if order is None:
            return
        first, second = self._cancel_id(), self._cancel_id()
        for cancel_id in (first, first, second):
            yield self.now + MINUTE, ORDERS
            self._cancel(order, cancel_id)

    def _cancels_done(self, _: _Customer) -> _Story:
        """Cancel the last order, most likely filled by now: ORDER_DONE."""
        order = self._last_order
        yield self.now + SECOND, ORDERS
        if order is not None:
            self._cancel(order, self._cancel_id())

    def _cancels_unknown(self, customer: _Customer) -> _Story:
        """Cancel an order that was never sent: UNKNOWN_ORDER."""
        yield self.now + SECOND, ORDERS
        never_sent = {"account_id": customer.account_id, "client_order_id": "never-sent"}
        self._cancel(never_sent, self._cancel_id())

    def _maintenance_orders(self) -> _Story:
        """Send two orders into every maintenance: they are refused."""
        window = first_window(self.start)
        while window.scheduled_at < self.end:
            if window.window == "MAINTENANCE_BEGIN":
                for fields in (_MARKET_BUY, _but(_LIMIT_GTC | {"limit_price": "1.00"})):
                    yield window.scheduled_at + 3 * MINUTE, ORDERS
                    if self._seen.symbols:
                        self._submit(self._traders[0], self._seen.symbols[0], fields)
            window = window_after(window)

    # ... and inputs that are wrong themselves.

    def _dirty_inputs(self) -> _Story:
        """Say each of `DIRTY_INPUTS` once, spread over the day."""
        for number, dirty in enumerate(DIRTY_INPUTS, start=1):
            yield self._part(1000 * number // (len(DIRTY_INPUTS) + 1)), dirty.topic
            if not dirty.fields:
                self._lines_by_type[DIRTY] += 1
                self._said.append(input_line(dirty.topic, "not an object"))
                continue
            stands_for = {
                "{symbol}": self._seen.symbols[0] if self._seen.symbols else _UNQUOTED,
                "{account}": self._customers[0].account_id,
            }
            fields = {name: stands_for.get(text, text) for name, text in dirty.fields.items()}
            self._lines_by_type[DIRTY] += 1
            stamp = {"event_id": f"{DIRTY}-{number}", "event_time": time_text(self.now)}
            self._said.append(input_line(dirty.topic, stamp | fields))


# A dirty line is counted under this type, and its event_id begins with it.
DIRTY = "dirty"


def _market(side: str, **size: str) -> dict[str, str]:
    return {"side": side, "order_type": "MARKET", "time_in_force": "IOC", **size}


_MARKET_BUY = _market("BUY", notional="50.00")


def _but(fields: Mapping[str, str | None]) -> dict[str, str]:
    """Return a market buy of 50.00, but for `fields` (None: left out)."""
    return {name: text for name, text in {**_MARKET_BUY, **fields}.items() if text is not None}


def _chance(seed: int, purpose: str) -> _Draw:
    """Return a source of integers from 0 to below a limit: the same on every Python."""
    bits = random.Random(f"{seed}/{purpose}").getrandbits  # noqa: S311 - no secret is made here

    # As even as randrange for limits far below 2^32, and twice as fast.
    def below(limit: int) -> int:
        return bits(32) * limit >> 32

    return below


def _customer(number: int) -> _Customer:
    habit = _ONE_IN_500.get(number % 500) or _ONE_IN_100.get(number % 100) or _FUNDED
    # The quotient moves each habit through the clients.
    client = CLIENT_TABLE[(number + number // 5) % len(CLIENT_TABLE)]
    if habit is _ORPHAN:
        client = _NO_CLIENT
    funding = FUNDING_MODELS[number % len(FUNDING_MODELS)]
    return _Customer(f"{client.code[:3]}{number:05d}", client, habit, funding)


def _customer_price(best: _Best, client: _Client, override: _Override, *, buy: bool) -> Cents:
    """What the client shows the customer: about the price with markup."""
    bps = client.markup_bps if override.markup_bps is None else override.markup_bps
    fixed = client.markup_fixed if override.markup_fixed is None else override.markup_fixed
    if buy:
        return -(-best.ask * (10_000 + bps) // 10_000) + fixed
    return best.bid * (10_000 - bps) // 10_000 - fixed


def _moved(price: Cents, bps: int, *, up: bool) -> Cents:
    """Return the price moved by basis points, at least a cent."""
    return max(1, price * (10_000 + (bps if up else -bps)) // 10_000)


def _between(draw: _Draw, bounds: tuple[int, int]) -> int:
    low, high = bounds
    return low + draw(high - low + 1)


def _override_fields(override: _Override) -> dict[str, str]:
    fields = {}
    if override.markup_bps is not None:
        fields["markup_bps"] = str(override.markup_bps)
    if override.markup_fixed is not None:
        fields["markup_fixed"] = usd(override.markup_fixed)
    if override.commission_bps is not None:
        fields["commission_bps"] = str(override.commission_bps)
    if override.commission_fixed is not None:
        fields["commission_fixed"] = usd(override.commission_fixed)
    return fields
