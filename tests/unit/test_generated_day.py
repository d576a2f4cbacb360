"""A trading day made from a seed (contract section 12), around a synthetic market.

Around a real one: test_day_around_a_market.py; the command: test_generate.py.
"""

import tracemalloc
from collections import Counter
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.directory import audit_directory
from replay.generate.day import DaySummary, GeneratedDay, write_generated_day
from replay.generate.dirty_inputs import dirty_of
from replay.generate.options import ACCOUNTS_MAX, ALL_MODELS, DayOptions
from schemas.account import Jurisdiction, Mode
from schemas.client import CommissionModel
from schemas.funding import AdjustmentType, InstrumentType
from schemas.instant import micros
from schemas.net_settlement import NetStatus
from schemas.order import OrderType, RejectReason, TimeInForce
from tests.generated_day import Line, is_dirty, lines_of, replayed, share_executed, values
from topics.catalogue import CATALOGUE, INPUT_ORDER
from topics.decode import Refused, decode

HOUR = 3_600_000_000

# A whole day with few quotes: the tests look at customers, not at the market.
QUIET = DayOptions(seed=1, accounts=200, quote_interval_ms=30_000)


@pytest.fixture(scope="module")
def quiet_day() -> list[Line]:
    return lines_of(QUIET)


# --- any day --------------------------------------------------------------------------------

days = st.builds(
    DayOptions,
    seed=st.integers(0, 2**32),
    accounts=st.integers(1, 130),
    hours=st.integers(1, 50),
    orders=st.one_of(st.none(), st.integers(0, 300)),
    quote_interval_ms=st.integers(200_000, 900_000),
    models=st.lists(st.sampled_from(ALL_MODELS), min_size=1, unique=True).map(tuple),
)


@settings(max_examples=20, deadline=None)
@given(options=days)
def test_every_line_is_in_order_and_fits_its_schema(options: DayOptions) -> None:
    lines = lines_of(options)
    clean = [line for line in lines if not is_dirty(line)]
    for line in clean:
        read = decode(line["topic"], line["value"])
        assert not isinstance(read, Refused), (read, line)
    stamped = [line for line in lines if isinstance(line["value"], dict)]
    places = [
        (micros(line["value"]["event_time"]), INPUT_ORDER.index(line["topic"])) for line in stamped
    ]
    assert all(one <= other for one, other in pairwise(places))
    assert places[-1][0] < places[0][0] + options.hours * HOUR
    ids = Counter((line["topic"], line["value"]["event_id"]) for line in stamped)
    assert max(ids.values()) == 1


@settings(max_examples=10, deadline=None)
@given(options=days)
def test_same_options_same_bytes(options: DayOptions) -> None:
    assert list(GeneratedDay(options).lines()) == list(GeneratedDay(options).lines())


def test_the_bytes_are_the_same_on_every_python() -> None:
    """Digests made on 3.11 and equal on 3.12 and 3.13; a change of the day's tables moves them."""
    options = DayOptions(seed=7, accounts=60, hours=24, orders=900, quote_interval_ms=300_000)
    digest = sha256(b"".join(GeneratedDay(options).lines())).hexdigest()
    assert digest == "63e1dc897e0f0974b78072f2440cbeed082249184b65264e3a8f51411ad122d7"


def test_a_day_of_marketplace_alone_is_what_it_has_always_been() -> None:
    """So that figures of speed can be compared: decision of the options' `models`."""
    options = DayOptions(
        seed=7,
        accounts=60,
        hours=24,
        orders=900,
        quote_interval_ms=300_000,
        models=("MARKETPLACE",),
    )
    digest = sha256(b"".join(GeneratedDay(options).lines())).hexdigest()
    assert digest == "2a73977ba4fb20eab48220c1b27c0aa798527b348a90687730a3edf4d199ee74"


def test_memory_does_not_grow_with_days() -> None:
    """Only what is still to come is held: some fundings come back days later."""

    def peak(days: int) -> int:
        day = GeneratedDay(DayOptions(1, 60, 24 * days, 100 * days, quote_interval_ms=1_800_000))
        tracemalloc.start()
        lines = sum(1 for _ in day.lines())
        assert lines > 300 * days
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(30)  # fills the caches, which are of limited size
    assert peak(90) < 1.2 * peak(30)


def test_another_seed_is_another_day_with_the_same_cast() -> None:
    one, other = (lines_of(DayOptions(seed, 20, 2)) for seed in (1, 2))
    assert values(one, "AccountUpdated") == values(other, "AccountUpdated")
    assert values(one, "PriceTick") != values(other, "PriceTick")
    assert values(one, "OrderSubmitted") != values(other, "OrderSubmitted")


def test_more_orders_change_nothing_of_the_market() -> None:
    few, many = (lines_of(DayOptions(1, 20, 2, orders)) for orders in (10, 500))
    assert values(few, "PriceTick") == values(many, "PriceTick")
    added = len(values(many, "OrderSubmitted")) - len(values(few, "OrderSubmitted"))
    assert added == pytest.approx(490, abs=10)  # some of the flow's places are cancels


def test_the_summary_counts_the_lines(tmp_path: Path) -> None:
    target = tmp_path / "day.jsonl"
    told: list[tuple[int, int]] = []
    summary = write_generated_day(
        DayOptions(1, 5, 1), target, lambda done, in_all: told.append((done, in_all))
    )
    assert isinstance(summary, DaySummary)
    assert summary.lines == len(target.read_bytes().splitlines())
    assert all(0 <= done <= in_all == HOUR for done, in_all in told)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"accounts": 0}, id="no-accounts"),
        pytest.param({"accounts": ACCOUNTS_MAX + 1}, id="more-accounts-than-ids"),
        pytest.param({"hours": 0}, id="no-time"),
        pytest.param({"orders": -1}, id="negative-orders"),
        pytest.param({"quote_interval_ms": 0}, id="no-interval"),
        pytest.param({"models": ()}, id="no-model"),
        pytest.param({"models": ("MARKETPLACE", "BARTER")}, id="unknown-model"),
    ],
)
def test_options_that_make_no_day(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DayOptions(seed=1, **wrong)


# --- what a day consists of -----------------------------------------------------------------


def test_the_default_day_crosses_all_windows(quiet_day: list[Line]) -> None:
    times = [line["value"]["event_time"] for line in quiet_day if not is_dirty(line)]
    assert times[0] == "2026-03-02T06:00:00.000000Z"  # midnight in Chicago
    assert times[-1] > "2026-03-03T05:50"


def test_reference_data_comes_first(quiet_day: list[Line]) -> None:
    topics = [line["topic"] for line in quiet_day[:230]]
    assert topics[:10] == ["clients"] * 10
    assert topics[10:14] == ["instruments"] * 4
    assert topics[14:213] == ["accounts"] * 199  # one of the 200 opens at mid-day
    assert not {"clients", "instruments", "accounts"} & set(topics[213:])


def test_a_day_has_every_kind_of_customer_and_order(quiet_day: list[Line]) -> None:
    clients = values(quiet_day, "ClientUpdated")
    assert {client["commission_model"] for client in clients} == set(get_args(CommissionModel))
    assert any(client["commission_minimum"] != "0.00" for client in clients)
    assert any(client["markup_fixed"] != "0.00" for client in clients)
    accounts = values(quiet_day, "AccountUpdated")
    assert {account["mode"] for account in accounts} == set(get_args(Mode))
    assert {account["jurisdiction"] for account in accounts} == set(get_args(Jurisdiction))
    assert {account["funding_model"] for account in accounts} == set(ALL_MODELS)
    orders = values(quiet_day, "OrderSubmitted")
    kinds = {(order["order_type"], order["time_in_force"]) for order in orders}
    assert {kind for kind, _ in kinds} == set(get_args(OrderType))
    assert {force for _, force in kinds} == set(get_args(TimeInForce))
    for field in ("notional", "quantity", "stop_price", "expire_time", "markup_bps"):
        assert any(field in order for order in orders)
        assert any(field not in order for order in orders)
    assert 0.2 < sum(order["side"] == "SELL" for order in orders) / len(orders) < 0.5


def test_a_day_has_every_kind_of_input(quiet_day: list[Line]) -> None:
    """All but what is not ours to send: the clearing firm answers itself, the clock ticks."""
    wanted = {
        kind.__name__
        for topic in CATALOGUE.values()
        if topic.direction == "in" and topic.name not in {"apex-journal-results", "clock"}
        for kind in topic.events
    }
    assert {line["value"]["type"] for line in quiet_day if not is_dirty(line)} == wanted


def test_clients_of_one_model_and_one_of_all(quiet_day: list[Line]) -> None:
    models: dict[str, Counter[str]] = {}
    first: dict[str, dict[str, Any]] = {}
    for account in values(quiet_day, "AccountUpdated"):
        first.setdefault(account["account_id"], account)
    for account in first.values():
        models.setdefault(account["client"], Counter())[account["funding_model"]] += 1
    models.pop("NONE")
    assert [len(of_client) for of_client in models.values()].count(1) == 9
    assert set(models["JULI"]) == set(ALL_MODELS)
    in_all = sum(models.values(), Counter())
    assert min(in_all.values()) > 35  # of 200
    # Both commission models, and a share of the revenue, with each funding model.
    clients = {client["client"]: client for client in values(quiet_day, "ClientUpdated")}
    for model in ALL_MODELS:
        of_model = [clients[code] for code in models if set(models[code]) == {model}]
        assert {client["commission_model"] for client in of_model} == set(get_args(CommissionModel))
        assert any(client["revenue_share_bps"] != "0" for client in of_model)


def test_accounts_change_their_model_and_their_mode(quiet_day: list[Line]) -> None:
    """With calls unpaid and orders at work, in both directions between all models but one."""
    said: dict[str, list[tuple[str, str]]] = {}
    apart: dict[str, list[int]] = {}
    for account in values(quiet_day, "AccountUpdated"):
        said.setdefault(account["account_id"], []).append(
            (account["funding_model"], account["mode"])
        )
    changes = {tuple(of_account) for of_account in said.values() if len(of_account) > 1}
    market, net, apex = ALL_MODELS
    assert changes >= {
        ((market, "OPEN"), (net, "OPEN")),
        ((market, "OPEN"), (apex, "OPEN"), (market, "OPEN")),
        ((net, "OPEN"), (market, "OPEN")),
        ((apex, "OPEN"), (market, "OPEN")),
        ((apex, "OPEN"), (apex, "LOCKED"), (apex, "OPEN")),
        ((apex, "OPEN"), (apex, "CLOSED")),
        ((net, "OPEN"), (net, "LOCKED"), (net, "OPEN")),
        ((net, "OPEN"), (net, "CLOSED")),
    }
    # An Apex account's change comes a second after a buy: its journal is not answered yet.
    called = [[(apex, "LOCKED")], [(apex, "CLOSED")], [(market, "OPEN")]]
    orders = values(quiet_day, "OrderSubmitted")
    for account in values(quiet_day, "AccountUpdated"):
        of_account = said[account["account_id"]]
        if of_account[0] == (apex, "OPEN") and of_account[1:2] in called:
            own = [o["event_time"] for o in orders if o["account_id"] == account["account_id"]]
            apart.setdefault(account["account_id"], []).append(
                min(abs(micros(account["event_time"]) - micros(at)) for at in own)
            )
    assert {times[1] for times in apart.values()} == {1_000_000}


@pytest.fixture(scope="module")
def fortnight() -> list[Line]:
    return lines_of(DayOptions(1, 100, 14 * 24, 1400, quote_interval_ms=1_800_000))


def test_nets_are_confirmed_disputed_and_paid_in_every_way(fortnight: list[Line]) -> None:
    said: dict[tuple[str, str], set[str]] = {}
    for kind in ("NetSettlementConfirmed", "NetSettlementDisputed"):
        for opinion in values(fortnight, kind):
            said.setdefault((opinion["client"], opinion["window_to"]), set()).add(kind)
            assert opinion["event_time"] > opinion["window_to"]
    assert {frozenset(kinds) for kinds in said.values()} == {
        frozenset({"NetSettlementConfirmed"}),
        frozenset({"NetSettlementDisputed"}),
        frozenset({"NetSettlementConfirmed", "NetSettlementDisputed"}),
    }
    # 09:00 in Chicago; on the 8th the clocks are put forward.
    assert {window_to[11:] for _, window_to in said} == {"15:00:00.000000Z", "14:00:00.000000Z"}
    wires = values(fortnight, "NetWireReceived") + values(fortnight, "NetWireSent")
    assert {wire["client"] for wire in wires} == {"FOXT", "GOLF", "JULI"}
    ids = Counter(wire["wire_id"] for wire in wires)
    assert set(ids.values()) == {1, 2}  # some are repeated ...
    contents = {(wire["wire_id"], wire["client"], wire["amount"]) for wire in wires}
    assert len(contents) == len(ids)  # ... with the same content
    # The 7th, 8th, 14th and 15th are days without banks; one client has instant payments.
    weekend = {wire["client"] for wire in wires if wire["event_time"][8:10] in {"07", "08", "14"}}
    assert weekend == {"FOXT"}


def test_shares_of_the_revenue_are_paid_monthly() -> None:
    paid = values(
        lines_of(DayOptions(1, 50, 70 * 24, 700, quote_interval_ms=3_600_000)), "RevenueSharePaid"
    )
    # At once for the month before this history; then on the 5th, or the Monday behind it.
    assert {payout["event_time"][:10] for payout in paid} == {
        "2026-03-02",
        "2026-03-05",
        "2026-04-06",
        "2026-05-05",
    }


def test_fundings_go_on_day_after_day(fortnight: list[Line]) -> None:
    days = Counter(step["event_time"][:10] for step in values(fortnight, "DepositInitiated"))
    assert len(days) == 14
    assert min(days.values()) > 2


def test_a_net_settlement_account_is_not_funded(fortnight: list[Line]) -> None:
    net: set[str] = set()
    for line in fortnight:
        value = line["value"]
        if is_dirty(line):
            continue
        if value["type"] == "AccountUpdated":
            (net.add if value["funding_model"] == "NET_SETTLEMENT" else net.discard)(
                value["account_id"]
            )
        elif line["topic"] == "fundings":
            assert value["account_id"] not in net, value


def test_only_the_models_that_are_asked_for() -> None:
    for model in ALL_MODELS:
        lines = lines_of(DayOptions(1, 120, 24, quote_interval_ms=900_000, models=(model,)))
        accounts = values(lines, "AccountUpdated")
        assert {account["funding_model"] for account in accounts} == {model}
        assert bool(values(lines, "NetWireReceived")) is (model == "NET_SETTLEMENT")
        assert bool(values(lines, "DepositSettled")) is (model != "NET_SETTLEMENT")


def test_a_day_has_every_kind_of_funding(quiet_day: list[Line]) -> None:
    fundings = [
        line["value"] for line in quiet_day if line["topic"] == "fundings" and not is_dirty(line)
    ]
    by_id: dict[str, list[str]] = {}
    for step in fundings:
        by_id.setdefault(step["funding_id"], []).append(step["type"])
    assert {tuple(steps) for steps in by_id.values()} == {
        ("DepositSettled",),
        ("DepositSettled", "DepositSettled"),
        ("DepositSettled", "DepositReturned"),
        ("DepositInitiated",),
        ("DepositInitiated", "DepositSettled"),
        ("DepositInitiated", "DepositSettled", "DepositReturned"),
        ("DepositInitiated", "DepositReturned"),
        ("DepositInitiated", "DepositCancelled"),
        ("DepositInitiated", "DepositDeclined"),
        ("WithdrawalRequested",),
        ("WithdrawalRequested", "WithdrawalSettled"),
        ("WithdrawalRequested", "WithdrawalRejected"),
        ("WithdrawalRequested", "WithdrawalSettled", "WithdrawalReturned"),
        ("CashAdjusted",),
    }
    assert {step["adjustment_type"] for step in values(quiet_day, "CashAdjusted")} == set(
        get_args(AdjustmentType)
    )
    assert {step["instrument_type"] for step in fundings if "instrument_type" in step} == set(
        get_args(InstrumentType)
    )
    for steps in by_id.values():
        assert len(steps) < 4


def test_repeats_are_in_it_with_the_same_and_with_other_content(quiet_day: list[Line]) -> None:
    by_id: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for order in values(quiet_day, "OrderSubmitted"):
        content = {name: order[name] for name in order if name not in {"event_id", "event_time"}}
        by_id.setdefault((order["account_id"], order["client_order_id"]), []).append(content)
    repeated = [contents for contents in by_id.values() if len(contents) > 1]
    assert any(one == other for one, other in repeated)
    assert any(one != other for one, other in repeated)


def test_dirty_inputs_are_a_handful(quiet_day: list[Line]) -> None:
    dirty = [line for line in quiet_day if is_dirty(line)]
    assert [line["topic"] for line in dirty] == [dirty.topic for dirty in dirty_of(ALL_MODELS)]
    assert len(dirty) < 15


def test_a_late_return_needs_a_week() -> None:
    """R01 may come back for two banking days: six days later it is late."""
    week = lines_of(DayOptions(1, 100, 8 * 24, orders=0, quote_interval_ms=3_600_000))
    settled = {
        step["funding_id"]: micros(step["event_time"]) for step in values(week, "DepositSettled")
    }
    late = [
        step
        for step in values(week, "DepositReturned")
        if step["return_code"] == "R01"
        and micros(step["event_time"]) - settled[step["funding_id"]] == 6 * 24 * HOUR
    ]
    assert late


# --- through the pipeline -------------------------------------------------------------------


def test_the_default_day_settles_with_everything_that_can_happen(tmp_path: Path) -> None:
    emitted = replayed(QUIET, tmp_path)
    assert share_executed(emitted) > 0.9
    assert share_executed(emitted, resting=True) > 0.08

    def reasons(kind: str) -> set[str]:
        return {event["reason"] for event in emitted[kind]}

    # The customers of a generated day are ordinary: test_order_limits.py has these two.
    beyond_limits = {"ABOVE_MAXIMUM", "TOO_MANY_ASSETS"}
    assert reasons("OrderRejected") == set(get_args(RejectReason)) - beyond_limits
    assert reasons("OrderCancelled") >= {
        "CLIENT_REQUEST",
        "NOT_MARKETABLE",
        "MAINTENANCE",
        "ACCOUNT_NOT_OPEN",
        "JURISDICTION",
    }
    assert reasons("OrderExpired") == {"END_OF_DAY", "EXPIRE_TIME"}
    assert reasons("OrderCancelRejected") == {"UNKNOWN_ORDER", "ORDER_DONE"}
    assert reasons("WithdrawalRefused") == {
        "ACCOUNT_RESTRICTED",
        "BELOW_MINIMUM",
        "INSUFFICIENT_FUNDS",
    }
    assert reasons("FundingFlagged") == {"UNKNOWN_RETURN_CODE", "NEGATIVE_BALANCE"}
    assert reasons("CashCallFailed") == {"INSUFFICIENT_FUNDS", "ACCOUNT_RESTRICTED"}
    assert {event["report"] for event in emitted["AgedFailure"]} == {"AGED", "SOD"}
    assert {event["attempt"] for event in emitted["CashCallSettled"]} == {1, 2, 3}
    assert Counter(event["reason"] for event in emitted["DeadLetter"]) == Counter(
        dirty.reason for dirty in dirty_of(ALL_MODELS)
    )
    for model in ALL_MODELS:
        assert sum(event["funding_model"] == model for event in emitted["Execution"]) > 300
    assert len(emitted["ApexJournalRequested"]) > 300
    assert {status["status"] for status in emitted["NetSettlementStatus"]} >= {
        "PENDING",
        "CONFIRMED",
        "DISPUTED",
        "OVERPAID",
    }
    # Somebody sold out with an order below the minimum of a dollar.
    assert any(
        event["side"] == "SELL" and float(event["gross"]) < 1 for event in emitted["Execution"]
    )


def test_a_month_of_all_models_settles(tmp_path: Path) -> None:
    """What takes longer than a day: late returns, write-offs, new clocks, statements."""
    days = 31
    options = DayOptions(2, 100, 24 * days + 12, 40 * days, quote_interval_ms=3_600_000)
    emitted = replayed(options, tmp_path)
    assert share_executed(emitted) > 0.6
    assert "LATE_RETURN" in {event["reason"] for event in emitted["FundingFlagged"]}
    assert emitted["CashCallWrittenOff"]
    statements = emitted["RevenueShareStatement"]
    assert {statement["month"] for statement in statements} == {"2026-03"}
    assert len(statements) == 11  # also of the client that is known by an account alone
    assert any(statement["write_offs"] != "0.00" for statement in statements)
    assert {status["status"] for status in emitted["NetSettlementStatus"]} == set(
        get_args(NetStatus)
    )
    assert Counter(event["reason"] for event in emitted["DeadLetter"]) == Counter(
        dirty.reason for dirty in dirty_of(ALL_MODELS)
    )
    audit_directory(tmp_path / "out")
