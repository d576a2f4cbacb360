"""`settle import-quotes`: a CSV of real quotes becomes input lines (contract section 12)."""

import gzip
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from replay.quotes import SIZE_ZERO, UNMAPPED, ImportedQuotes, UnreadableFileError, import_quotes
from scripts.errors import Failure
from scripts.import_quotes import import_quotes as command
from topics.decode import Refused, decode

REAL_QUOTES = Path(__file__).parents[2] / "replay/data/five_venue_quotes_2020-03-29.csv.gz"
HEADER = "recv_time,exchange_time,exchange,symbol,bid,bid_size,ask,ask_size"
BOTH = {"BTCUSDT": "BTCUSD", "ETHUSDT": "ETHUSD"}


def row(
    *,
    time: str = "00:00:04.103573",
    exchange: str = "finex",
    symbol: str = "BTCUSDT",
    bid: str = "5878.1",
    bid_size: str = "0.5",
    ask: str = "5879.5",
    ask_size: str = "1.25",
) -> str:
    at = f"2020-03-29T{time}Z"
    return f"{at},2020-03-29T00:00:00Z,{exchange},{symbol},{bid},{bid_size},{ask},{ask_size}"


def csv_of(*rows: str, header: str = HEADER, end: str = "\n") -> bytes:
    return "".join(line + end for line in (header, *rows)).encode()


def imported(
    folder: Path, content: bytes, symbols: dict[str, str] | None = None
) -> tuple[ImportedQuotes, list[dict[str, Any]]]:
    source, target = folder / "quotes.csv", folder / "market.jsonl"
    source.write_bytes(content)
    summary = import_quotes(source, target, symbols or {"BTCUSDT": "BTCUSD"})
    return summary, [orjson.loads(line) for line in target.read_bytes().splitlines()]


def test_a_quote_becomes_a_tick_behind_its_instrument(tmp_path: Path) -> None:
    summary, lines = imported(tmp_path, csv_of(row()))
    assert lines == [
        {
            "topic": "instruments",
            "value": {
                "type": "InstrumentUpdated",
                "event_id": "import-BTCUSD",
                "event_time": "2020-03-29T00:00:04.103573Z",
                "symbol": "BTCUSD",
                "base": "BTC",
                "quote": "USD",
                "minimum_price_increment": "0.01",
                "minimum_quantity_increment": "0.00000001",
                "minimum_order_value": "1.00",
                "stale_after_ms": 35000,
                "tradable": True,
            },
        },
        {
            "topic": "price-ticks",
            "value": {
                "type": "PriceTick",
                "event_id": "finex-1",
                "event_time": "2020-03-29T00:00:04.103573Z",
                "provider": "finex",
                "symbol": "BTCUSD",
                "bid_price": "5878.1",
                "bid_size": "0.5",
                "ask_price": "5879.5",
                "ask_size": "1.25",
            },
        },
    ]
    assert summary == ImportedQuotes(1, {"BTCUSD": 1}, {UNMAPPED: 0, SIZE_ZERO: 0})


@pytest.mark.parametrize(
    ("size", "written"),
    [
        pytest.param("2.0", "2", id="no-trailing-zeros"),
        pytest.param("0.123456789", "0.12345678", id="rounded-down"),
        pytest.param("0.999999999999", "0.99999999", id="never-up"),
        pytest.param("99.51245523640719", "99.51245523", id="sixteen-digits-before-rounding"),
        pytest.param("3e-06", "0.000003", id="exponent"),
        pytest.param("7.591296583851e-05", "0.00007591", id="long-exponent"),
        pytest.param("1.5E+2", "150", id="positive-exponent"),
        pytest.param("0", None, id="zero"),
        pytest.param("0.000000009", None, id="rounds-to-zero"),
        pytest.param("9.9e-9", None, id="exponent-that-rounds-to-zero"),
    ],
)
def test_sizes_are_rounded_down_and_zero_ones_left_out(
    size: str, written: str | None, tmp_path: Path
) -> None:
    summary, lines = imported(tmp_path, csv_of(row(ask_size=size)))
    ticks = [line["value"] for line in lines if line["topic"] == "price-ticks"]
    assert [tick["ask_size"] for tick in ticks] == ([] if written is None else [written])
    assert summary.left_out[SIZE_ZERO] == (written is None)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.one_of(
        st.decimals(0, 10**6, places=9).map(lambda size: format(size, "f")),
        st.floats(0, 1e6, allow_nan=False, allow_infinity=False).map(repr),
    )
)
def test_any_size_is_the_largest_of_8_decimals_below_it(size: str, tmp_path: Path) -> None:
    exact = Decimal(size).quantize(Decimal("1e-8"), rounding=ROUND_DOWN)
    _, lines = imported(tmp_path, csv_of(row(bid_size=size)))
    sizes = [Decimal(line["value"]["bid_size"]) for line in lines[1:]]
    assert sizes == ([exact] if exact else [])


def test_rows_are_counted_from_1_also_those_left_out(tmp_path: Path) -> None:
    summary, lines = imported(
        tmp_path,
        csv_of(
            row(),
            row(symbol="ETHUSDT"),
            row(bid_size="0"),
            row(exchange="zb", time="00:00:05"),
        ),
    )
    assert [line["value"]["event_id"] for line in lines] == ["import-BTCUSD", "finex-1", "zb-4"]
    assert lines[-1]["value"]["event_time"] == "2020-03-29T00:00:05.000000Z"
    assert summary == ImportedQuotes(4, {"BTCUSD": 2}, {UNMAPPED: 1, SIZE_ZERO: 1})


def test_what_the_pipeline_judges_goes_through(tmp_path: Path) -> None:
    _, lines = imported(tmp_path, csv_of(row(bid="5880.00", ask="5879.00"), row(bid="0")))
    assert [line["value"]["bid_price"] for line in lines[1:]] == ["5880.00", "0"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(csv_of(row(), end="\r\n"), id="windows-line-ends"),
        pytest.param(b"\xef\xbb\xbf" + csv_of(row()), id="byte-order-mark"),
        pytest.param(csv_of(row()) + b"\n\n", id="empty-lines-at-the-end"),
        pytest.param(csv_of(row()).removesuffix(b"\n"), id="no-line-end-at-the-end"),
        pytest.param(gzip.compress(csv_of(row())), id="gzip-whatever-its-name"),
        pytest.param(
            csv_of("note," + row(), header="extra," + HEADER), id="a-column-more-in-another-order"
        ),
    ],
)
def test_reads_what_other_programs_write(content: bytes, tmp_path: Path) -> None:
    summary, lines = imported(tmp_path, content)
    assert summary.ticks == 1
    assert lines[1]["value"]["ask_size"] == "1.25"


WHOLE_GZIP = gzip.compress(csv_of(*[row()] * 3000))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "line 1: the column recv_time is missing", id="empty"),
        pytest.param(csv_of(), "line 2: there is no data row", id="header-only"),
        pytest.param(
            csv_of(row(), header=HEADER.replace("bid_size", "bidsize")),
            "line 1: the column bid_size is missing",
            id="missing-column",
        ),
        pytest.param(csv_of(row(), row() + ",1"), "line 3: 9 fields where 8 are", id="more-fields"),
        pytest.param(csv_of("1,2,3"), "line 2: 3 fields where 8 are", id="fewer-fields"),
        pytest.param(csv_of(row(bid="1e3")), "line 2: bid '1e3' is no plain", id="exponent-price"),
        pytest.param(csv_of(row(ask="-1")), "line 2: ask '-1' is no plain", id="negative-price"),
        pytest.param(csv_of(row(ask="NaN")), "line 2: ask 'NaN' is no plain", id="nan"),
        pytest.param(csv_of(row(ask="inf")), "line 2: ask 'inf' is no plain", id="infinite"),
        pytest.param(csv_of(row(ask="")), "line 2: ask '' is no plain", id="empty-price"),
        pytest.param(csv_of(row(ask="05")), "line 2: ask '05' is no plain", id="leading-zero"),
        pytest.param(csv_of(row(bid_size="-2")), "line 2: bid_size '-2' is no", id="negative-size"),
        pytest.param(
            csv_of(row(bid_size="1e9999")), "line 2: bid_size '1e9999' is", id="huge-size"
        ),
        pytest.param(
            csv_of(row(bid_size="1e99")), "line 2: bid_size 1000000000000", id="too-many-digits"
        ),
        pytest.param(
            csv_of(row(bid="1234567890123456")), "line 2: bid 1234567890123456", id="digits"
        ),
        pytest.param(csv_of(row(time="25:00:00")), "line 2: recv_time", id="no-such-hour"),
        pytest.param(csv_of(row(exchange="a b")), "line 2: exchange 'a b'", id="provider-name"),
        pytest.param(
            csv_of(row(time="00:00:05"), row(time="00:00:06"), row(time="00:00:05.999999")),
            "line 4: recv_time 2020-03-29T00:00:05.999999Z is before the line above",
            id="out-of-order",
        ),
        pytest.param(csv_of(row(), "\xff\xfe"), "line 3: 1 fields", id="one-field"),
        pytest.param(csv_of(row()) + b"\xff\xfe\n", "line 3: not UTF-8 text", id="binary-line"),
        pytest.param(bytes(range(128, 256)), "line 1: not UTF-8 text", id="binary"),
        pytest.param(b'"' + csv_of(row()), "quotes.csv, line 2: ", id="open-quotation-mark"),
        pytest.param(WHOLE_GZIP[:-30], "the gzip data ends here, cut off", id="truncated-gzip"),
        pytest.param(
            WHOLE_GZIP[:40] + bytes(8) + WHOLE_GZIP[48:], "gzip data is damaged", id="damaged-gzip"
        ),
    ],
)
def test_bad_input_is_one_clear_error_and_nothing_is_written(
    content: bytes, says: str, tmp_path: Path
) -> None:
    source, out = tmp_path / "quotes.csv", tmp_path / "out"
    source.write_bytes(content)
    out.mkdir()
    (out / "market.jsonl").write_bytes(b"earlier\n")
    with pytest.raises(UnreadableFileError) as raised:
        import_quotes(source, out / "market.jsonl", {"BTCUSDT": "BTCUSD"})
    assert says in str(raised.value)
    assert str(raised.value).startswith(str(source))
    assert [file.name for file in out.iterdir()] == ["market.jsonl"]
    assert (out / "market.jsonl").read_bytes() == b"earlier\n"


def test_a_truncated_gzip_names_the_line_where_it_ends(tmp_path: Path) -> None:
    source = tmp_path / "quotes.csv.gz"
    source.write_bytes(WHOLE_GZIP[: len(WHOLE_GZIP) * 2 // 3])
    with pytest.raises(UnreadableFileError, match=r"line \d{3,4}: the gzip data ends here"):
        import_quotes(source, tmp_path / "market.jsonl", BOTH)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"none\.csv: No such file"):
        import_quotes(tmp_path / "none.csv", tmp_path / "market.jsonl", BOTH)


def test_a_gzipped_target_holds_the_same_and_has_the_same_bytes_twice(tmp_path: Path) -> None:
    source = tmp_path / "quotes.csv"
    source.write_bytes(csv_of(row(), row(time="00:00:06")))
    for name in ("plain.jsonl", "one.jsonl.gz", "two.jsonl.gz"):
        import_quotes(source, tmp_path / name, BOTH)
    plain, one, two = (
        (tmp_path / name).read_bytes() for name in ("plain.jsonl", "one.jsonl.gz", "two.jsonl.gz")
    )
    assert gzip.decompress(one) == plain
    assert one == two


def test_the_real_day_is_imported_whole(tmp_path: Path) -> None:
    target = tmp_path / "market.jsonl"
    told: list[int] = []
    summary = import_quotes(REAL_QUOTES, target, BOTH, progress=told.append)
    assert summary == ImportedQuotes(
        26741, {"BTCUSD": 13378, "ETHUSD": 13363}, {UNMAPPED: 0, SIZE_ZERO: 0}
    )
    assert 0 < sum(told) <= REAL_QUOTES.stat().st_size
    lines = [orjson.loads(line) for line in target.read_bytes().splitlines()]
    assert not [line for line in lines if isinstance(decode(line["topic"], line["value"]), Refused)]
    times = [line["value"]["event_time"] for line in lines]
    assert times == sorted(times)
    assert times[-1] == "2020-03-29T23:59:51.245432Z"


# --- the command ----------------------------------------------------------------------------

app = typer.Typer()
app.command()(command)


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    source, target = tmp_path / "quotes.csv", tmp_path / "market.jsonl"
    source.write_bytes(csv_of(row(), row(symbol="XRPUSDT"), row(bid_size="0")))
    done = CliRunner().invoke(
        app,
        [str(source), "--map", "BTCUSDT=BTCUSD", "--out", str(target), "--stale-after-ms", "2000"],
    )
    assert done.exit_code == 0
    said = " ".join(done.stdout.split())
    assert "rows read 3 price ticks of BTCUSD 1" in said
    assert "left out: symbol without a --map 1 left out: a size of 0 1" in said
    assert orjson.loads(target.read_bytes().splitlines()[0])["value"]["stale_after_ms"] == 2000


@pytest.mark.parametrize(
    "maps",
    [
        pytest.param([], id="none"),
        pytest.param(["BTCUSDT"], id="no-equals-sign"),
        pytest.param(["=BTCUSD"], id="no-symbol-of-theirs"),
        pytest.param(["BTCUSDT="], id="no-symbol-of-ours"),
        pytest.param(["BTCUSDT=BTCEUR"], id="not-in-usd"),
        pytest.param(["BTCUSDT=USD"], id="no-base"),
        pytest.param(["BTCUSDT=btcusd"], id="lower-case"),
        pytest.param(["BTCUSDT=BTCUSD", "BTCUSDC=BTCUSD"], id="two-markets-as-one"),
        pytest.param(["BTCUSDT=BTCUSD", "BTCUSDT=XBTUSD"], id="one-market-as-two"),
    ],
)
def test_a_wrong_map_is_wrong_usage(maps: list[str], tmp_path: Path) -> None:
    options = [part for text in maps for part in ("--map", text)]
    target = tmp_path / "market.jsonl"
    done = CliRunner().invoke(app, [str(REAL_QUOTES), *options, "--out", str(target)])
    assert done.exit_code == 2
    assert not target.exists()


@pytest.mark.parametrize(
    ("out", "says"),
    [
        pytest.param("none/market.jsonl", "No such file or directory", id="no-such-folder"),
        pytest.param("", "Is a directory", id="a-folder"),
    ],
)
def test_an_out_that_cannot_be_written_is_a_failure(out: str, says: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, [str(REAL_QUOTES), "--map", "BTCUSDT=BTCUSD", "--out", str(tmp_path / out)]
    )
    assert isinstance(done.exception, Failure)
    assert str(done.exception) == f"{tmp_path / out}: {says}; nothing was written"
    assert list(tmp_path.iterdir()) == []
