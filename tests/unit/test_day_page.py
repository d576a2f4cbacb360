"""What the page of a day shows, fact by fact: from a few hand-written events of each topic.

Postings are those of contract section 9's table; replayed days are in tests/simulation.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest

from replay.day_page.best_quotes import BestQuotes
from replay.day_page.cash_calls import CashCalls
from replay.day_page.exceptions import Exceptions
from replay.day_page.executions import Executions
from replay.day_page.funds_flow import FundsFlow, Lane, Movement, Party
from replay.day_page.net_settlements import NetSettlements
from replay.day_page.orders import Orders
from replay.day_page.period import Period, Steps
from replay.day_page.tally import Tally
from replay.day_page.topic_events import UnreadableDayError
from schemas.instant import DAY, MINUTE, micros
from scripts.day_page.time_axis import TimeAxis
from scripts.day_page.words import dollars
from settlement.calendar import chicago

Event = dict[str, Any]

NOON = "2026-03-03T18:00:00.000000Z"  # in Chicago
PERIOD = Period(micros("2026-03-03T06:00:00Z"), micros("2026-03-04T06:00:00Z"))
DATE = dt.date(2026, 3, 3)


def entry(*postings: str, at: str = NOON, cause: str = "c", model: str = "") -> Event:
    """Tell an entry: `account amount`, or `account asset amount`."""
    told = []
    for posting in postings:
        account, *asset, amount = posting.split()
        told.append({"account": account, "asset": asset[0] if asset else "USD", "amount": amount})
    return {
        "type": "JournalEntry",
        "event_time": at,
        "entry_id": "e",
        "cause_id": cause,
        "postings": told,
        "model": model,
    }


def flow_of(*entries: Event) -> FundsFlow:
    """Fold entries; those with a model book an execution of it."""
    executions = [
        {"type": "Execution", "event_id": told["cause_id"], "funding_model": told["model"]}
        for told in entries
        if told["model"]
    ]
    flow = FundsFlow()
    flow.read(iter(entries), iter([{"type": "WindowOpened"}, *executions]), PERIOD)
    return flow


BUY = (
    "{owed} -101.00",
    "bfs:usd 99.00",
    "revenue:markup:ACME 1.50",
    "revenue:commission:ACME 0.50",
)
COIN = ("bfs:BTC BTC -1", "customer:ACME0001:BTC BTC 1")
SELL = (
    "{owed} 97.00",
    "bfs:usd -99.00",
    "revenue:markup:ACME 1.50",
    "revenue:commission:ACME 0.50",
)
COIN_BACK = ("bfs:BTC BTC 1", "customer:ACME0001:BTC BTC -1")
OWED, CASH = "customer:ACME0001:owed", "customer:ACME0001:cash"
WITHDRAWING, PENDING = "customer:ACME0001:withdrawing", "customer:ACME0001:pending"


def trade(postings: Iterable[str], coin: Iterable[str], model: str, owed: str = OWED) -> Event:
    return entry(*(p.format(owed=owed) for p in postings), *coin, model=model)


M, A, N, S = Lane.MARKETPLACE, Lane.APEX_CLEARING, Lane.NET_SETTLEMENT, Lane.CLIENT_SHARES
CUSTOMERS, CLIENTS, BFS, REVENUE = Party.CUSTOMERS, Party.CLIENTS, Party.BFS, Party.REVENUE
FBO, BUSINESS, FIRM, BANKS = Party.FBO, Party.BUSINESS, Party.CLEARING_FIRM, Party.OUTSIDE_BANKS

MOVEMENTS: dict[str, tuple[Event, dict[Movement, int]]] = {
    "Marketplace buy": (
        trade(BUY, COIN, "MARKETPLACE"),
        {
            Movement(M, "buys", CUSTOMERS, BFS): 9900,
            Movement(M, "markup", CUSTOMERS, REVENUE): 150,
            Movement(M, "commission", CUSTOMERS, REVENUE): 50,
        },
    ),
    "Apex sell: BFS pays the customer and the revenue": (
        trade(SELL, COIN_BACK, "APEX_CLEARING"),
        {
            Movement(A, "sells", BFS, CUSTOMERS): 9700,
            Movement(A, "markup", BFS, REVENUE): 150,
            Movement(A, "commission", BFS, REVENUE): 50,
        },
    ),
    "Net buy: the client owes it": (
        trade(BUY, COIN, "NET_SETTLEMENT", "client:ACME:net"),
        {
            Movement(N, "buys", CLIENTS, BFS): 9900,
            Movement(N, "markup", CLIENTS, REVENUE): 150,
            Movement(N, "commission", CLIENTS, REVENUE): 50,
        },
    ),
    "a sell whose net is 0.00 has no owed posting": (
        entry(
            "bfs:usd -0.02",
            "revenue:commission:ACME 0.02",
            *COIN_BACK,
            model="MARKETPLACE",
        ),
        {Movement(M, "commission", BFS, REVENUE): 2},
    ),
    "Marketplace call of a buy": (
        entry(f"{CASH} -101.00", f"{OWED} 101.00", "bank:fbo -101.00", "bank:business 101.00"),
        {Movement(M, "cash calls of buys", FBO, BUSINESS): 10100},
    ),
    "Marketplace call of a sell": (
        entry(f"{CASH} 97.00", f"{OWED} -97.00", "bank:fbo 97.00", "bank:business -97.00"),
        {Movement(M, "cash calls of sells", BUSINESS, FBO): 9700},
    ),
    "Apex call of a buy": (
        entry(
            f"{OWED} 101.00",
            "world:customers -101.00",
            "bank:business 101.00",
            "world:bank -101.00",
        ),
        {Movement(A, "cash calls of buys", FIRM, BUSINESS): 10100},
    ),
    "Apex call of a sell": (
        entry(
            f"{OWED} -97.00", "world:customers 97.00", "bank:business -97.00", "world:bank 97.00"
        ),
        {Movement(A, "cash calls of sells", BUSINESS, FIRM): 9700},
    ),
    "written off": (
        entry(f"{OWED} 101.00", "writeoff:ACME -101.00"),
        {Movement(S, "written off", CLIENTS, CUSTOMERS): 10100},
    ),
    "recovered after the write-off": (
        entry(
            "writeoff:ACME 101.00",
            "world:customers -101.00",
            "bank:business 101.00",
            "world:bank -101.00",
        ),
        {Movement(A, "write-offs recovered", FIRM, BUSINESS): 10100},
    ),
    "a deposit on its way moves no money": (
        entry(f"{PENDING} 20.00", "world:customers -20.00"),
        {},
    ),
    "a deposit settled": (
        entry(f"{PENDING} -20.00", f"{CASH} 20.00", "bank:fbo 20.00", "world:bank -20.00"),
        {Movement(M, "deposits", BANKS, FBO): 2000},
    ),
    "a deposit returned": (
        entry(f"{CASH} -20.00", "world:customers 20.00", "bank:fbo -20.00", "world:bank 20.00"),
        {Movement(M, "deposits returned", FBO, BANKS): 2000},
    ),
    "a withdrawal accepted moves no money": (
        entry(f"{CASH} -20.00", f"{WITHDRAWING} 20.00"),
        {},
    ),
    "a withdrawal settled": (
        entry(
            f"{WITHDRAWING} -20.00", "world:customers 20.00", "bank:fbo -20.00", "world:bank 20.00"
        ),
        {Movement(M, "withdrawals", FBO, BANKS): 2000},
    ),
    "an adjustment down": (
        entry(f"{CASH} -5.00", "revenue:ach_fee:ACME 5.00", "bank:fbo -5.00", "bank:business 5.00"),
        {Movement(M, "adjustments down", FBO, BUSINESS): 500},
    ),
    "an adjustment up, by a write-off of the partner": (
        entry(f"{CASH} 5.00", "writeoff:ACME -5.00", "bank:fbo 5.00", "bank:business -5.00"),
        {Movement(M, "adjustments up", BUSINESS, FBO): 500},
    ),
    "a net wire received": (
        entry(
            "client:ACME:net 70.00",
            "world:customers -70.00",
            "bank:business 70.00",
            "world:bank -70.00",
        ),
        {Movement(N, "net wires received", CLIENTS, BUSINESS): 7000},
    ),
    "a net wire sent": (
        entry(
            "client:ACME:net -70.00",
            "world:customers 70.00",
            "bank:business -70.00",
            "world:bank 70.00",
        ),
        {Movement(N, "net wires sent", BUSINESS, CLIENTS): 7000},
    ),
    "revenue share stated": (
        entry("revenue:share:ACME -30.00", "client:ACME:share 30.00"),
        {Movement(S, "revenue share stated", REVENUE, CLIENTS): 3000},
    ),
    "write-offs deducted from it": (
        entry("client:ACME:share -10.00", "writeoff:ACME 10.00"),
        {Movement(S, "write-offs deducted", CLIENTS, REVENUE): 1000},
    ),
    "revenue share paid": (
        entry(
            "client:ACME:share -20.00",
            "world:customers 20.00",
            "bank:business -20.00",
            "world:bank 20.00",
        ),
        {Movement(S, "revenue share paid", BUSINESS, CLIENTS): 2000},
    ),
}


@pytest.mark.parametrize("case", MOVEMENTS)
def test_each_entry_of_the_ledgers_table_is_a_movement_between_parties(case: str) -> None:
    told, expected = MOVEMENTS[case]
    flow = flow_of(told)
    assert flow.movements == {movement: Tally(1, cents) for movement, cents in expected.items()}


def test_the_fbo_is_what_all_entries_up_to_the_end_left_in_it() -> None:
    def deposit(amount: str, at: str) -> Event:
        return entry(f"{CASH} {amount}", f"bank:fbo {amount}", f"world:bank -{amount}", at=at)

    flow = flow_of(
        deposit("1.00", "2026-03-03T05:59:59.999999Z"),
        deposit("20.00", "2026-03-03T06:00:00.000000Z"),
        deposit("300.00", "2026-03-04T06:00:00.000000Z"),
    )
    assert (flow.fbo_before, flow.fbo_after, flow.entries) == (100, 2100, 1)
    assert flow.total(why="deposits") == Tally(1, 2000)


def test_a_trade_that_is_not_the_next_executions_is_said() -> None:
    told = trade(BUY, COIN, "MARKETPLACE")
    flow = FundsFlow()
    execution = {"type": "Execution", "event_id": "another", "funding_model": "MARKETPLACE"}
    with pytest.raises(UnreadableDayError, match="entry e is not that of the next execution"):
        flow.read(iter([told]), iter([execution]), PERIOD)


# -- cash calls --------------------------------------------------------------------------------


def call(kind: str, call_id: str, at: str, amount: str = "10.00", **fields: object) -> Event:
    return {
        "type": f"CashCall{kind}",
        "event_time": f"2026-03-{at}.000000Z",
        "cash_call_id": call_id,
        "execution_id": call_id,
        "account_id": "ACME0001",
        "client": "ACME",
        "direction": "WITHDRAWAL",
        "amount": amount,
        "attempt": 1,
        "reason": "INSUFFICIENT_FUNDS",
    } | fields


CALLS = [
    call("Requested", "before", "02T12:00:00", "1.00"),
    call("Failed", "before", "02T12:00:00", "1.00"),
    call("Requested", "gone", "02T13:00:00", "2.00"),
    call("Settled", "gone", "02T13:00:00", "2.00"),
    call("Requested", "once", "03T15:00:00", "4.00"),
    call("Settled", "once", "03T15:00:00", "4.00"),
    call("Requested", "retried", "03T16:00:00", "8.00"),
    call("Failed", "retried", "03T16:00:00", "8.00"),
    call("Requested", "late", "03T17:00:00", "16.00"),
    call("Requested", "old", "03T18:00:00", "32.00"),
    call("Failed", "old", "03T18:00:00", "32.00"),
    call("Settled", "retried", "03T23:00:00", "8.00", attempt=2),
    call("WrittenOff", "before", "03T23:00:00", "1.00", attempt=60),
    call("Failed", "old", "03T23:00:00", "32.00", attempt=2, reason="ACCOUNT_RESTRICTED"),
    call("Settled", "old", "04T12:00:00", "32.00", attempt=3),  # after the period
]


def test_every_call_has_one_outcome_in_number_and_in_cents() -> None:
    calls = CashCalls(PERIOD)
    calls.read(CALLS)
    assert calls.opening == Tally(1, 100)
    assert calls.requested == Tally(4, 6000)
    assert calls.settled_at_once == Tally(1, 400)
    assert calls.settled_after_retry == Tally(1, 800)
    assert calls.written_off == Tally(1, 100)
    assert calls.waiting == Tally(1, 1600)
    aged = calls.aged
    assert [(c.cash_call_id, c.cents, c.failed, c.last_reason) for c in aged] == [
        ("old", 3200, 2, "ACCOUNT_RESTRICTED")
    ]
    assert aged[0].first_failed_at == micros("2026-03-03T18:00:00Z")
    assert calls.failures == {"INSUFFICIENT_FUNDS": 2, "ACCOUNT_RESTRICTED": 1}


def test_open_and_aged_are_known_at_the_end_of_each_step() -> None:
    calls = CashCalls(PERIOD)
    calls.read(CALLS)
    at = {
        hour: calls.steps.index(micros(f"2026-03-03T{hour}:00:00Z"))
        for hour in ("14", "15", "16", "17", "18", "22", "23")
    }
    open_, aged = calls.open_by_step.level(), calls.aged_by_step.level()
    assert [open_[at[hour]].cents for hour in at] == [100, 100, 900, 2500, 5700, 5700, 4800]
    assert [aged[at[hour]].cents for hour in at] == [100, 100, 900, 900, 4100, 4100, 3200]
    assert [open_[at[hour]].count for hour in at] == [1, 1, 2, 3, 4, 4, 2]
    assert sum(calls.settled_by_step.cents()) == 1200
    assert calls.settled_by_step.counts()[at["23"]] == 1


def test_calls_of_other_partitions_may_come_later_in_the_file() -> None:
    """`replay --recorded` writes partition by partition: only one call's events are in order."""
    by_call = sorted(CALLS, key=lambda event: event["cash_call_id"])
    one, other = CashCalls(PERIOD), CashCalls(PERIOD)
    one.read(CALLS)
    other.read(by_call)
    assert one.open_by_step.level() == other.open_by_step.level()
    assert one.aged_by_step.level() == other.aged_by_step.level()
    assert one.settled_after_retry == other.settled_after_retry


def test_a_recovered_write_off_opens_nothing() -> None:
    calls = CashCalls(PERIOD)
    recovered = call("Requested", "gone", "03T15:00:00") | {"type": "WriteOffRecovered"}
    calls.read([recovered])
    assert (calls.recovered, calls.open, calls.requested) == (Tally(1, 1000), {}, Tally())


# -- orders ------------------------------------------------------------------------------------


def update(kind: str, order: str, at: str = NOON, reason: str = "R") -> Event:
    return {
        "type": f"Order{kind}",
        "event_time": at,
        "account_id": "ACME0001",
        "client_order_id": order,
        "reason": reason,
    }


def test_every_order_has_one_outcome() -> None:
    orders = Orders()
    orders.read(
        [
            update("Accepted", "yesterday", "2026-03-03T05:00:00.000000Z"),
            update("Filled", "yesterday"),
            update("Rejected", "a", reason="MAINTENANCE"),
            *(update("Accepted", name) for name in "bcdefg"),
            update("Filled", "b"),
            update("Filled", "b"),
            update("Cancelled", "b", reason="IOC_REMAINDER"),  # executed all the same
            update("Cancelled", "c", reason="NOT_MARKETABLE"),
            update("Expired", "d", reason="END_OF_DAY"),
            update("CancelRejected", "e", reason="ORDER_DONE"),
            update("Triggered", "f"),
            update("Filled", "g", "2026-03-04T07:00:00.000000Z"),  # after the period
        ],
        PERIOD,
    )
    assert orders.received == 7
    assert (orders.executed, orders.working) == (1, 3)
    assert orders.rejected == {"MAINTENANCE": 1}
    assert (orders.cancelled, orders.expired) == ({"NOT_MARKETABLE": 1}, {"END_OF_DAY": 1})


# -- net settlements ---------------------------------------------------------------------------


def closed(client: str, window_to: str, net: str, due: str) -> Event:
    return {
        "type": "NetSettlement",
        "event_time": window_to,
        "client": client,
        "window_from": "2026-03-01T15:00:00.000000Z",
        "window_to": window_to,
        "net_amount": net,
        "executions": 2,
        "payment_due": due,
    }


def status(client: str, window_to: str, word: str, outstanding: str, at: str = NOON) -> Event:
    return {
        "type": "NetSettlementStatus",
        "event_time": at,
        "client": client,
        "window_to": window_to,
        "status": word,
        "outstanding": outstanding,
    }


def test_net_settlements_show_their_latest_status_and_what_is_late() -> None:
    before, today = "2026-03-02T15:00:00.000000Z", "2026-03-03T15:00:00.000000Z"
    nets = NetSettlements()
    nets.read(
        [
            closed("DONE", before, "5.00", "2026-03-03"),
            status("DONE", before, "PAID", "0.00", before),
            closed("LATE", before, "70.00", "2026-03-02"),
            status("LATE", before, "CONFIRMED", "70.00"),
            closed("ACME", today, "-70.00", "2026-03-04"),
            status("ACME", today, "PAID", "0.00"),
            closed("BETA", today, "0.00", "2026-03-02"),
            closed("TODAY", today, "8.00", "2026-03-03"),
            {
                "type": "NetSettlementLine",
                "event_time": NOON,
                "client": "ACME",
                "net_amount": "-3.00",
                "window_to": "2026-03-04T15:00:00.000000Z",
            },
        ],
        PERIOD,
    )
    assert [(n.client, n.cents, n.status, n.outstanding) for n in nets.in_order()] == [
        ("LATE", 7000, "CONFIRMED", 7000),
        ("ACME", -7000, "PAID", 0),
        ("BETA", 0, "PENDING", 0),
        ("TODAY", 800, "PENDING", 800),
    ]
    assert [net.client for net in nets.late(PERIOD)] == ["LATE"]
    assert nets.unclosed == {("ACME", micros("2026-03-04T15:00:00Z")): Tally(1, -300)}


# -- exceptions --------------------------------------------------------------------------------


def test_accounts_below_zero_are_those_at_the_end() -> None:
    def balance(account: str, settled: str, at: str = NOON) -> Event:
        negative = settled.startswith("-")
        return {"event_time": at, "account_id": account, "settled": settled, "negative": negative}

    exceptions = Exceptions()
    exceptions.read_balances(
        [
            balance("ACME0001", "-5.00"),
            balance("ACME0002", "-6.00"),
            balance("ACME0001", "0.00"),
            balance("ACME0003", "-7.00", "2026-03-04T06:00:00.000000Z"),
        ],
        PERIOD,
    )
    assert exceptions.negative == {"ACME0002": -600}


@pytest.mark.parametrize(("is_first", "count"), [(True, 2), (False, 1)])
def test_a_dead_letter_before_time_began_belongs_to_the_first_date(
    *, is_first: bool, count: int
) -> None:
    def letter(at: str) -> Event:
        reason = {"source_topic": "accounts", "reason": "INVALID", "detail": at}
        return {"event_time": at} | reason

    exceptions = Exceptions()
    exceptions.read_dead_letters(
        [letter("1970-01-01T00:00:00.000000Z"), letter(NOON), letter("2026-03-05T00:00:00Z")],
        Period(PERIOD.start, PERIOD.end, is_first=is_first),
    )
    ((_, found),) = exceptions.letters()
    assert found == count


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
