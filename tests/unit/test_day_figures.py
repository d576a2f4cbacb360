"""What the page of a day tells, fact by fact: from a few hand-written events of each topic.

How it shows them: test_day_page.py; replayed days are in tests/simulation.
"""

import pytest

from replay.day_page.cash_calls import CashCalls
from replay.day_page.exceptions import Exceptions
from replay.day_page.funds_flow import FundsFlow, Lane, Movement, Party
from replay.day_page.net_settlements import NetSettlements
from replay.day_page.orders import Orders
from replay.day_page.period import Period
from replay.day_page.tally import Tally
from replay.day_page.topic_events import UnreadableDayError
from schemas.instant import micros
from tests.unit.day_events import (
    BUY,
    CASH,
    COIN,
    COIN_BACK,
    NOON,
    OWED,
    PENDING,
    PERIOD,
    SELL,
    WITHDRAWING,
    Event,
    call,
    entry,
    trade,
    update,
)

# -- the flow of funds -------------------------------------------------------------------------


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
