"""How the page of a day shows things: quotes by step, times, sums, and never more for more events.

What it tells of each topic: test_day_figures.py.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping

import pytest

from replay.day_page.best_quotes import BestQuotes
from replay.day_page.cash_calls import CashCalls
from replay.day_page.executions import Executions
from replay.day_page.funds_flow import FundsFlow
from replay.day_page.orders import Orders
from replay.day_page.period import Period, Steps
from schemas.instant import DAY, MINUTE, micros
from scripts.day_page.time_axis import TimeAxis
from scripts.day_page.words import dollars
from settlement.calendar import chicago
from tests.unit.day_events import BUY, COIN, PERIOD, Event, call, trade, update

DATE = dt.date(2026, 3, 3)

# -- best quotes -------------------------------------------------------------------------------


def quotes_of(events: Iterable[Event]) -> BestQuotes:
    quotes = BestQuotes("BTCUSD", PERIOD)
    quotes.read_quotes(events)
    return quotes


def quote(at: str, bid: str | None, ask: str | None, until: str = "2026-03-09T00:00:00Z") -> Event:
    return {
        "type": "BestQuote",
        "event_time": f"2026-03-03T{at}Z",
        "symbol": "BTCUSD",
        "bid_price": bid,
        "ask_price": ask,
        "bid_valid_until": bid and until,
        "ask_valid_until": ask and until,
    }


def test_a_step_keeps_the_lowest_and_highest_so_that_no_spike_is_lost() -> None:
    quotes = quotes_of(
        [
            quote("12:00:00", "100", "101"),
            quote("12:00:01", "90", "102"),
            quote("12:00:02", "99", "150"),
            quote("12:00:03", "100", "101"),
        ]
    )
    band = quotes.bands[quotes.steps.index(micros("2026-03-03T12:00:00Z"))]
    assert band is not None
    whole = 10**18
    assert (band.bid_low, band.bid_high) == (90 * whole, 100 * whole)
    assert (band.ask_low, band.ask_high) == (101 * whole, 150 * whole)
    assert (quotes.low, quotes.high) == (90 * whole, 150 * whole)


def test_a_quote_stands_until_the_next_or_until_it_ends() -> None:
    quotes = quotes_of(
        [
            quote("12:00:00", "100", "101", "2026-03-03T12:30:00Z"),
            quote("13:00:00", "100", "101"),
            quote("13:30:00", None, "101"),
            quote("14:00:00", "100", "101"),
        ]
    )
    steps = [quotes.steps.begin(n) for n, band in enumerate(quotes.bands) if band is not None]

    def there(at: str) -> bool:
        return micros(f"2026-03-03T{at}:00Z") in steps

    assert [there("11:58"), there("12:00"), there("12:28"), there("12:30")] == [
        False,
        True,
        True,
        False,
    ]
    assert [there("13:28"), there("13:32"), there("14:00"), there("23:58")] == [
        True,
        False,
        True,
        True,
    ]


def test_executions_are_marks_whose_number_has_a_bound() -> None:
    quotes = quotes_of([quote("12:00:00", "100", "101"), quote("13:00:00", "100", "110")])

    def execution(number: int, side: str, price: str) -> Event:
        at = f"2026-03-03T12:{number // 60 % 60:02d}:{number % 60:02d}.000000Z"
        traded = {"symbol": "BTCUSD", "side": side, "price": price}
        return {"type": "Execution", "event_time": at} | traded

    told = [execution(n, "BUY", f"10{n % 10}.5") for n in range(3000)]
    told += [execution(0, "SELL", "0.01"), execution(0, "SELL", "9000")]
    quotes.read_executions(told)
    assert quotes.executions == 3002
    assert quotes.beyond_scale == 2
    assert sum(quotes.spots.values()) == 3002
    assert len(quotes.spots) < 200


def test_the_page_draws_as_much_of_many_quotes_as_of_few() -> None:
    def many(count: int) -> Iterator[Event]:
        for n in range(count):
            second = n * 86_000 // count
            at = f"{6 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
            if second < 18 * 3600:
                yield quote(at, str(100 + n % 7), str(108 + n % 7))

    bands = [len([b for b in quotes_of(many(n)).bands if b]) for n in (1_000, 20_000)]
    assert bands == [720, 720]


# -- periods and steps -------------------------------------------------------------------------

DAYS: dict[str, tuple[dt.date, int]] = {
    "clocks go forward": (dt.date(2026, 3, 8), 23),
    "an ordinary day": (dt.date(2026, 3, 3), 24),
    "clocks go back": (dt.date(2026, 11, 1), 25),
}


@pytest.mark.parametrize("case", DAYS)
def test_a_date_is_midnight_to_midnight_in_chicago(case: str) -> None:
    date, hours = DAYS[case]
    whole = Period(chicago(date, 0, 0) - DAY, chicago(date, 0, 0) + 3 * DAY)
    part = whole.within(date)
    assert part.end - part.start == hours * 60 * MINUTE
    assert part.dates() == (date, date)
    steps = Steps(part, 300)
    assert steps.width == 5 * MINUTE
    assert steps.count == hours * 12
    ticks = TimeAxis(part).ticks()
    assert ticks[0].text == f"{date.day} {date:%b}"
    places = [float(tick.percent) for tick in ticks]
    assert places == sorted(set(places))
    assert [mark.text for mark in TimeAxis(part).retries()] == ["06:00 retry", "17:00 retry"]


def test_a_date_of_which_the_replay_has_nothing_is_empty() -> None:
    assert PERIOD.start in PERIOD
    assert PERIOD.end not in PERIOD
    assert PERIOD.within(dt.date(2026, 3, 5)).is_empty
    assert PERIOD.within(DATE).is_first
    assert not Period(PERIOD.start - DAY, PERIOD.end).within(DATE).is_first


@pytest.mark.parametrize("days", [1, 7, 31, 366, 4000])
def test_steps_are_never_more_than_asked_for_and_cover_all(days: int) -> None:
    period = Period(chicago(DATE, 3, 7), chicago(DATE, 3, 7) + days * DAY)
    steps = Steps(period, 300)
    assert steps.count <= 300
    assert steps.begin(0) <= period.start
    assert steps.begin(steps.count) >= period.end
    assert len(TimeAxis(period).ticks()) <= 14


SUMS: Mapping[int, str] = {
    0: "0.00",
    5: "0.05",
    -5: "\N{MINUS SIGN}0.05",
    123456789: "1,234,567.89",
    -100000: "\N{MINUS SIGN}1,000.00",
}


@pytest.mark.parametrize("cents", SUMS)
def test_dollars_are_written_in_full(cents: int) -> None:
    write: Callable[[int], str] = dollars
    assert write(cents) == SUMS[cents]


# -- bounded ------------------------------------------------------------------------------------


def settled_trades(count: int) -> Iterator[tuple[Event, list[Event], list[Event], Event]]:
    """Tell trades over a day, each settled at once: execution, updates, calls, quote."""
    for n in range(count):
        second = 60 * 60 * 6 + n * 60 * 60 * 17 // count
        at = f"03T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        when, order = f"2026-03-{at}.000000Z", f"o{n}"
        execution = {
            "type": "Execution",
            "event_id": order,
            "event_time": when,
            "execution_id": f"ACME0001-{order}-1",
            "symbol": "BTCUSD",
            "side": "BUY",
            "price": str(100 + n % 7),
            "gross": "10.00",
            "markup": "0.10",
            "commission": "0.00",
            "funding_model": "MARKETPLACE",
        }
        updates = [update("Accepted", order, when), update("Filled", order, when)]
        calls = [call("Requested", order, at), call("Settled", order, at)]
        yield execution, updates, calls, quote(at[3:], str(100 + n % 5), str(110 + n % 5))


def kept(count: int) -> tuple[int, ...]:
    """Return how many things each fact has kept of so many trades: everything but sums."""
    orders, calls, flow, executions = Orders(), CashCalls(PERIOD), FundsFlow(), Executions()
    orders.read((u for _, updates, _, _ in settled_trades(count) for u in updates), PERIOD)
    calls.read(c for _, _, calls, _ in settled_trades(count) for c in calls)
    executions.read((e for e, _, _, _ in settled_trades(count)), PERIOD, ())
    booked = (
        trade(BUY, COIN, "M") | {"cause_id": e["event_id"]} for e, *_ in settled_trades(count)
    )
    flow.read(booked, (e for e, *_ in settled_trades(count)), PERIOD)
    quotes = quotes_of(q for *_, q in settled_trades(count))
    assert (orders.executed, calls.settled_at_once.count, flow.entries) == (count, count, count)
    assert (executions.gross.count, quotes.quotes) == (count, count)
    return (
        orders.working,
        len(calls.open),
        len(calls.settled_by_step.counts()),
        len(executions.wanted),
        len(executions.by_symbol),
        len(flow.movements),
        len(quotes.bands),
    )


def test_what_is_kept_does_not_grow_with_the_events() -> None:
    """The number of marks has a bound, too: see above."""
    assert kept(300) == kept(3_000) == (0, 0, 288, 0, 1, 3, 720)
