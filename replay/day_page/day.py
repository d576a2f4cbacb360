"""The door: everything that the page of a day shows, read from a replay directory."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from replay.day_page.best_quotes import BestQuotes
from replay.day_page.cash_calls import CashCalls
from replay.day_page.client_files import ClientFiles
from replay.day_page.exceptions import Exceptions
from replay.day_page.executions import Executions
from replay.day_page.funds_flow import FundsFlow
from replay.day_page.net_settlements import NetSettlements
from replay.day_page.orders import Orders
from replay.day_page.period import Period
from replay.day_page.topic_events import TopicEvents, UnreadableDayError
from schemas.instant import micros
from topics.catalogue import (
    BALANCES,
    BBO,
    CASH_CALLS,
    DEAD_LETTERS,
    EXECUTIONS,
    FUNDING_UPDATES,
    JOURNAL,
    NET_SETTLEMENTS,
    ORDER_UPDATES,
    REPORT_DELIVERIES,
    REVENUE_SHARES,
)


@dataclass(frozen=True, slots=True)
class Day:
    """What the page shows; `quotes` is None where the symbol has none."""

    period: Period
    orders: Orders
    executions: Executions
    cash_calls: CashCalls
    funds_flow: FundsFlow
    net_settlements: NetSettlements
    exceptions: Exceptions
    files: ClientFiles
    quotes: BestQuotes | None


def read_day(
    directory: Path,
    date: dt.date | None = None,
    symbol: str | None = None,
    tell: Callable[[int], None] | None = None,
) -> Day:
    """Read a replay directory, or the part of it that lies on a Chicago date.

    `symbol`: whose best quotes are wanted; the most traded one if None. `tell` hears of bytes read.

    Raises:
        UnreadableDayError: a topic is missing or damaged, or has nothing of the date or symbol.
        OSError: the directory can't be read.
    """
    topics = TopicEvents(directory, tell)
    try:
        return _read(directory, topics, date, symbol)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise UnreadableDayError(
            f"{topics.place}: not what a replay writes ({type(error).__name__}: {error});"
            " settle verify names the first difference"
        ) from None


def _read(directory: Path, topics: TopicEvents, date: dt.date | None, symbol: str | None) -> Day:
    period = _period(topics, date)
    orders = Orders()
    orders.read(topics.of(ORDER_UPDATES), period)
    calls = CashCalls(period)
    calls.read(topics.of(CASH_CALLS))
    executions = Executions()
    executions.read(topics.of(EXECUTIONS), period, {call.execution_id for call in calls.aged})
    flow = FundsFlow()
    flow.read(topics.of(JOURNAL), topics.of(EXECUTIONS), period)
    nets = NetSettlements()
    nets.read(topics.of(NET_SETTLEMENTS), period)
    nets.read_shares(topics.of(REVENUE_SHARES), period)
    exceptions = Exceptions()
    exceptions.read_dead_letters(topics.of(DEAD_LETTERS), period)
    exceptions.read_fundings(topics.of(FUNDING_UPDATES), period)
    exceptions.read_balances(topics.of(BALANCES), period)
    files = ClientFiles(directory)
    files.read(topics.of(REPORT_DELIVERIES), period)
    quotes = _quotes(topics, period, symbol, executions.most_traded())
    return Day(period, orders, executions, calls, flow, nets, exceptions, files, quotes)


def _period(topics: TopicEvents, date: dt.date | None) -> Period:
    summary = topics.summary()
    began, last = summary["time_began"], summary["last_time"]
    whole = Period(0, 0)
    if began is not None and last is not None:
        whole = Period(micros(began), micros(last) + 1)
    if date is None:
        return whole
    part = whole.within(date)
    if part.is_empty:
        covered = "no input moved time"
        if not whole.is_empty:
            first, latest = whole.dates()
            covered = f"it covers {first} to {latest} (dates in Chicago)"
        raise UnreadableDayError(f"nothing of {date} in it: {covered}")
    return part


def _quotes(
    topics: TopicEvents, period: Period, symbol: str | None, most_traded: str | None
) -> BestQuotes | None:
    if period.is_empty:
        return None
    wanted = symbol or most_traded
    if wanted is None:
        # Nothing was traded: the symbol that was quoted first.
        first = next(topics.of(BBO), None)
        if first is None:
            return None
        wanted = first["symbol"]
    quotes = BestQuotes(wanted, period)
    only = f'"symbol":"{wanted}"'.encode()
    quotes.read_quotes(topics.of(BBO, only))
    quotes.read_executions(topics.of(EXECUTIONS, only))
    if not quotes.quotes and symbol is not None:
        raise UnreadableDayError(f"no best quote of {symbol} in it; name another --symbol")
    return quotes
