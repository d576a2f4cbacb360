"""A day generated around a market, `settle generate --market FILE` (contract section 12)."""

import gzip
from pathlib import Path

import orjson
import pytest

from replay.generate.day import GeneratedDay, write_generated_day
from replay.generate.options import DayOptions
from replay.quotes import UnreadableFileError, import_quotes
from tests.generated_day import Line, is_dirty, lines_of, replayed, share_executed, values

REAL_QUOTES = Path(__file__).parents[2] / "replay/data/five_venue_quotes_2020-03-29.csv.gz"

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


@pytest.fixture(scope="module")
def real_market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("market") / "market.jsonl"
    import_quotes(REAL_QUOTES, target, {"BTCUSDT": "BTCUSD", "ETHUSDT": "ETHUSD"})
    return target


def test_a_day_around_the_real_market_settles(real_market: Path, tmp_path: Path) -> None:
    emitted = replayed(DayOptions(1, 100, market=real_market), tmp_path)
    assert share_executed(emitted) > 0.9
    assert share_executed(emitted, resting=True) > 0.08
    assert len(emitted["BestQuote"]) == 19394


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
