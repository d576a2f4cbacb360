"""`settle generate`: a trading day made from a seed (contract section 12)."""

import gzip
from collections import Counter
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from replay.generate.day import DaySummary, GeneratedDay, write_generated_day
from replay.generate.dirty_inputs import DIRTY, DIRTY_INPUTS
from replay.generate.options import ACCOUNTS_MAX, DayOptions
from replay.quotes import UnreadableFileError, import_quotes
from schemas.account import Jurisdiction, Mode
from schemas.client import CommissionModel
from schemas.funding import AdjustmentType, InstrumentType
from schemas.instant import micros
from schemas.order import OrderType, RejectReason, TimeInForce
from scripts.errors import Failure
from scripts.generate import generate
from scripts.replay import run_replay
from topics.catalogue import INPUT_ORDER
from topics.decode import Refused, decode

REAL_QUOTES = Path(__file__).parents[2] / "replay/data/five_venue_quotes_2020-03-29.csv.gz"
HOUR = 3_600_000_000

# A whole day with few quotes: the tests look at customers, not at the market.
QUIET = DayOptions(seed=1, quote_interval_ms=30_000)

Line = dict[str, Any]


def lines_of(options: DayOptions) -> list[Line]:
    return [orjson.loads(line) for line in GeneratedDay(options).lines()]


def is_dirty(line: Line) -> bool:
    value = line["value"]
    return not isinstance(value, dict) or value["event_id"].startswith(DIRTY)


def values(lines: list[Line], kind: str) -> list[dict[str, Any]]:
    return [line["value"] for line in lines if not is_dirty(line) and line["value"]["type"] == kind]


@pytest.fixture(scope="module")
def quiet_day() -> list[Line]:
    return lines_of(QUIET)


@pytest.fixture(scope="module")
def real_market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("market") / "market.jsonl"
    import_quotes(REAL_QUOTES, target, {"BTCUSDT": "BTCUSD", "ETHUSDT": "ETHUSD"})
    return target


# --- any day --------------------------------------------------------------------------------

days = st.builds(
    DayOptions,
    seed=st.integers(0, 2**32),
    accounts=st.integers(1, 130),
    hours=st.integers(1, 50),
    orders=st.one_of(st.none(), st.integers(0, 300)),
    quote_interval_ms=st.integers(200_000, 900_000),
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
    """A digest made on 3.11 and equal on 3.12 and 3.13; a change of the day's tables moves it."""
    options = DayOptions(seed=7, accounts=60, hours=24, orders=900, quote_interval_ms=300_000)
    digest = sha256(b"".join(GeneratedDay(options).lines())).hexdigest()
    assert digest == "32c3637abd14dbc690cc30a3d84265790bb7bcbca437546a66a3b307bfb11010"


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


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"accounts": 0}, id="no-accounts"),
        pytest.param({"accounts": ACCOUNTS_MAX + 1}, id="more-accounts-than-ids"),
        pytest.param({"hours": 0}, id="no-time"),
        pytest.param({"orders": -1}, id="negative-orders"),
        pytest.param({"quote_interval_ms": 0}, id="no-interval"),
    ],
)
def test_options_that_make_no_day(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DayOptions(seed=1, **wrong)  # type: ignore[arg-type]


# --- what a day consists of -----------------------------------------------------------------


def test_the_default_day_crosses_all_windows(quiet_day: list[Line]) -> None:
    times = [line["value"]["event_time"] for line in quiet_day if not is_dirty(line)]
    assert times[0] == "2026-03-02T06:00:00.000000Z"  # midnight in Chicago
    assert times[-1] > "2026-03-03T05:50"


def test_reference_data_comes_first(quiet_day: list[Line]) -> None:
    topics = [line["topic"] for line in quiet_day[:120]]
    assert topics[:5] == ["clients"] * 5
    assert topics[5:9] == ["instruments"] * 4
    assert topics[9:108] == ["accounts"] * 99  # one of the 100 opens at mid-day
    assert not {"clients", "instruments", "accounts"} & set(topics[108:])


def test_a_day_has_every_kind_of_customer_and_order(quiet_day: list[Line]) -> None:
    clients = values(quiet_day, "ClientUpdated")
    assert {client["commission_model"] for client in clients} == set(get_args(CommissionModel))
    assert any(client["commission_minimum"] != "0.00" for client in clients)
    assert any(client["markup_fixed"] != "0.00" for client in clients)
    accounts = values(quiet_day, "AccountUpdated")
    assert {account["mode"] for account in accounts} == set(get_args(Mode))
    assert {account["jurisdiction"] for account in accounts} == set(get_args(Jurisdiction))
    assert {account["funding_model"] for account in accounts} == {"MARKETPLACE"}
    orders = values(quiet_day, "OrderSubmitted")
    kinds = {(order["order_type"], order["time_in_force"]) for order in orders}
    assert {kind for kind, _ in kinds} == set(get_args(OrderType))
    assert {force for _, force in kinds} == set(get_args(TimeInForce))
    for field in ("notional", "quantity", "stop_price", "expire_time", "markup_bps"):
        assert any(field in order for order in orders)
        assert any(field not in order for order in orders)
    assert 0.2 < sum(order["side"] == "SELL" for order in orders) / len(orders) < 0.5


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
    assert [line["topic"] for line in dirty] == [dirty.topic for dirty in DIRTY_INPUTS]
    assert len(dirty) < 10


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


def replayed(options: DayOptions, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Replay a day; return what was emitted, by event type."""
    write_generated_day(options, folder / "day.jsonl")
    run_replay([str(folder / "day.jsonl")], folder / "out", None)
    emitted: dict[str, list[dict[str, Any]]] = {}
    for file in (folder / "out/topics").iterdir():
        for line in file.read_bytes().splitlines():
            event = orjson.loads(line)
            emitted.setdefault(event["type"], []).append(event)
    return emitted


def share_executed(emitted: dict[str, list[dict[str, Any]]], *, resting: bool = False) -> float:
    """Return the executed orders' share; with `resting`, of those that did not fill at once."""
    accepted = {
        (event["account_id"], event["client_order_id"]): event["event_time"]
        for event in emitted["OrderAccepted"]
    }
    filled: dict[tuple[str, str], str] = {}
    for event in emitted["Execution"]:
        filled.setdefault((event["account_id"], event["client_order_id"]), event["event_time"])
    if resting:
        filled = {order: at for order, at in filled.items() if at > accepted[order]}
    return len(filled) / (len(accepted) + len(emitted["OrderRejected"]))


def test_the_default_day_settles_with_everything_that_can_happen(tmp_path: Path) -> None:
    emitted = replayed(QUIET, tmp_path)
    assert share_executed(emitted) > 0.9
    assert share_executed(emitted, resting=True) > 0.08

    def reasons(kind: str) -> set[str]:
        return {event["reason"] for event in emitted[kind]}

    assert reasons("OrderRejected") == set(get_args(RejectReason))
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
        dirty.reason for dirty in DIRTY_INPUTS
    )
    # Somebody sold out with an order below the minimum of a dollar.
    assert any(
        event["side"] == "SELL" and float(event["gross"]) < 1 for event in emitted["Execution"]
    )


def test_a_day_around_the_real_market_settles(real_market: Path, tmp_path: Path) -> None:
    emitted = replayed(DayOptions(1, 100, market=real_market), tmp_path)
    assert share_executed(emitted) > 0.9
    assert share_executed(emitted, resting=True) > 0.08
    assert len(emitted["BestQuote"]) == 19394


# --- around a market ------------------------------------------------------------------------

INSTRUMENT = {
    "type": "InstrumentUpdated",
    "event_id": "import-BTCUSD",
    "event_time": "2020-03-29T00:00:00.000000Z",
    "symbol": "BTCUSD",
    "base": "BTC",
    "quote": "USD",
    "minimum_price_increment": "0.01",
    "minimum_quantity_increment": "0.00000001",
    "minimum_order_value": "1.00",
    "stale_after_ms": 35000,
    "tradable": True,
}


def tick(at: str, **changes: str | None) -> Line:
    return {
        "topic": "price-ticks",
        "value": {
            "type": "PriceTick",
            "event_id": f"finex-{at}",
            "event_time": f"2020-03-29T{at}Z",
            "provider": "finex",
            "symbol": "BTCUSD",
            "bid_price": "99.00",
            "bid_size": "2.5",
            "ask_price": "101.00",
            "ask_size": "2.5",
            **changes,
        },
    }


def market_of(folder: Path, *lines: object) -> Path:
    path = folder / "market.jsonl"
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return path


def test_the_markets_lines_are_merged_in_as_they_are(real_market: Path) -> None:
    of_market = real_market.read_bytes().splitlines(keepends=True)
    generated = set(GeneratedDay(DayOptions(1, 20, 24, market=real_market)).lines())
    assert generated.issuperset(of_market)


def test_hours_cut_the_market(real_market: Path) -> None:
    lines = lines_of(DayOptions(1, 20, 3, market=real_market))
    times = [line["value"]["event_time"] for line in lines if not is_dirty(line)]
    assert times[0] == "2020-03-29T00:00:04.103573Z"
    assert "2020-03-29T03:00:04.103573Z" > times[-1] > "2020-03-29T02:59"


def test_a_gzipped_market_is_the_same(real_market: Path, tmp_path: Path) -> None:
    packed = tmp_path / "market.jsonl.gz"
    packed.write_bytes(gzip.compress(real_market.read_bytes()))
    plain, gzipped = (
        list(GeneratedDay(DayOptions(1, 20, 1, market=path)).lines())
        for path in (real_market, packed)
    )
    assert plain == gzipped


def test_orders_stand_around_the_quotes_of_their_time(tmp_path: Path) -> None:
    market = market_of(
        tmp_path,
        {"topic": "instruments", "value": INSTRUMENT},
        *[tick(f"00:{minute:02}:00.000000") for minute in range(30)],
        *[
            tick(f"00:{minute:02}:00.000000", bid_price="199.00", ask_price="201.00")
            for minute in range(30, 60)
        ],
    )
    orders = values(lines_of(DayOptions(1, 20, 1, 400, market)), "OrderSubmitted")
    plain = [
        order
        for order in orders
        if "limit_price" in order
        and order["order_type"] == "LIMIT"
        and order["time_in_force"] == "IOC"
        and "markup_bps" not in order
    ]
    limits = {
        late: [
            float(order["limit_price"])
            for order in plain
            if (order["event_time"] > "2020-03-29T00:30") is late
        ]
        for late in (False, True)
    }
    # Up to 1% markup, 0.6% through the market; odd orders are 10% and 20% away.
    assert all(89 < limit < 122 for limit in limits[False])
    assert all(178 < limit < 242 for limit in limits[True])


def test_without_a_fresh_quote_orders_are_left_out(tmp_path: Path) -> None:
    """One quote counts for 35 seconds; orders begin after two and a half minutes."""
    market = market_of(
        tmp_path, {"topic": "instruments", "value": INSTRUMENT}, tick("00:00:00.000000")
    )
    summary = write_generated_day(DayOptions(1, 20, 1, 100, market), tmp_path / "day.jsonl")
    assert summary.orders_left_out == 100
    assert "OrderSubmitted" not in summary.lines_by_type


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"recv_time,bid\n", "line 1: not a line of import-quotes", id="a-csv"),
        pytest.param(b"\x00\x01\x02\n", "line 1: not a line of import-quotes", id="binary"),
        pytest.param(b"[]\n", "line 1: not a line of import-quotes", id="no-object"),
        pytest.param(
            b'{"topic":"orders"}\n',
            "line 1: not a line of import-quotes: no 'value'",
            id="no-value",
        ),
        pytest.param(
            b'{"topic":"price-ticks","value":{"event_time":"yesterday"}}\n',
            "no RFC 3339",
            id="no-time",
        ),
        pytest.param(
            orjson.dumps(tick("00:00:00.000000")), "no instrument BTCUSD before", id="no-instrument"
        ),
        pytest.param(
            gzip.compress(orjson.dumps({"topic": "instruments", "value": INSTRUMENT}))[:-9],
            "line 1: the gzip data ends here, cut off",
            id="truncated-gzip",
        ),
        pytest.param(
            b"".join(
                orjson.dumps(line) + b"\n"
                for line in (
                    {"topic": "instruments", "value": INSTRUMENT},
                    tick("00:00:02.000000"),
                    tick("00:00:01.999999"),
                )
            ),
            "line 3: goes back in time",
            id="goes-back",
        ),
        pytest.param(
            orjson.dumps({"topic": "orders", "value": INSTRUMENT}), "topic 'orders'", id="orders"
        ),
    ],
)
def test_a_bad_market_is_one_clear_error_and_nothing_is_written(
    content: bytes, says: str, tmp_path: Path
) -> None:
    market, out = tmp_path / "market.jsonl", tmp_path / "out"
    market.write_bytes(content)
    out.mkdir()
    with pytest.raises(UnreadableFileError) as raised:
        write_generated_day(DayOptions(1, 5, 1, market=market), out / "day.jsonl")
    assert says in str(raised.value)
    assert str(raised.value).startswith(str(market))
    assert list(out.iterdir()) == []


# --- the command ----------------------------------------------------------------------------

app = typer.Typer()
app.command()(generate)


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    target = tmp_path / "day.jsonl"
    done = CliRunner().invoke(
        app, ["--seed", "3", "--accounts", "12", "--hours", "2", "--out", str(target)]
    )
    assert done.exit_code == 0
    lines = target.read_bytes().splitlines()
    assert f"lines {len(lines):,}" in " ".join(done.stdout.split())
    assert "AccountUpdated" in done.stdout


def test_the_summary_counts_the_lines(tmp_path: Path) -> None:
    target = tmp_path / "day.jsonl"
    told: list[tuple[int, int]] = []
    summary = write_generated_day(
        DayOptions(1, 5, 1), target, lambda done, in_all: told.append((done, in_all))
    )
    assert isinstance(summary, DaySummary)
    assert summary.lines == len(target.read_bytes().splitlines())
    assert all(0 <= done <= in_all == HOUR for done, in_all in told)


def test_a_missing_market_is_a_failure(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["--market", str(tmp_path / "none"), "--out", str(tmp_path / "day.jsonl")]
    )
    assert isinstance(done.exception, Failure)
    assert str(done.exception) == (
        f"{tmp_path / 'none'}: No such file or directory; nothing was written"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(["--accounts", "0"], id="no-accounts"),
        pytest.param(["--hours", "0"], id="no-hours"),
        pytest.param(["--orders", "-1"], id="negative-orders"),
        pytest.param(["--seed", "x"], id="seed-is-no-number"),
    ],
)
def test_wrong_usage_exits_2(wrong: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [*wrong, "--out", str(tmp_path / "day.jsonl")])
    assert done.exit_code == 2
    assert list(tmp_path.iterdir()) == []
