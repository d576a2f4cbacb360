"""Real quotes as input lines: a CSV of several venues' best quotes (contract section 12)."""

import csv
import errno
import gzip
import io
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn

import orjson

from replay.open_input import open_input
from schemas.instant import Micros, input_micros, time_text
from schemas.money import (
    NUMBER_PATTERN,
    PRICE_DECIMALS,
    UNITS_DECIMALS,
    BeyondLimitError,
    TooManyDigitsError,
    quantity,
    scaled,
)

COLUMNS = (
    "recv_time",
    "exchange_time",
    "exchange",
    "symbol",
    "bid",
    "bid_size",
    "ask",
    "ask_size",
)
# The venues of our data are asked in turn, each about every 31 seconds.
STALE_AFTER_MS = 35_000
UNMAPPED = "symbol without a --map"
SIZE_ZERO = "a size of 0"

# Level 9 takes much longer for a few percent less.
_GZIP_LEVEL = 6
_GZIP_MAGIC = b"\x1f\x8b"
_NUMBER = re.compile(NUMBER_PATTERN)
# Recorders write small floats such as 0.000003 as 3e-06; a size is rounded anyway.
_SIZE = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?")
_PROVIDER = re.compile(r"[A-Za-z0-9_.-]{1,32}")
# So seldom that a terminal's bar costs nothing.
_ROWS_PER_REPORT = 4096


class UnreadableFileError(Exception):
    """A file is not what it should be; the text names the file, and the line where there is one."""


@dataclass(frozen=True, slots=True)
class ImportedQuotes:
    """What became of a CSV's data rows: `rows` = ticks + all that was left out, by reason."""

    rows: int
    ticks_by_symbol: Mapping[str, int]
    left_out: Mapping[str, int]

    @property
    def ticks(self) -> int:
        """How many price ticks were written."""
        return sum(self.ticks_by_symbol.values())


class _Row(NamedTuple):
    number: int  # data rows count from 1
    line: int  # where in the file it ends
    recv_time: Micros
    exchange: str
    symbol: str
    shown: tuple[str, str, str, str]  # bid, bid_size, ask, ask_size as they stand there


def import_quotes(
    source: Path,
    target: Path,
    symbols: Mapping[str, str],
    *,
    stale_after_ms: int = STALE_AFTER_MS,
    progress: Callable[[int], object] | None = None,
) -> ImportedQuotes:
    """Write the CSV's quotes as `instruments` and `price-ticks` lines (contract section 12).

    `symbols` maps the CSV's symbols to ours, `BTCUSDT` to `BTCUSD`; ours end with `USD`. The CSV
    may be gzipped, and so is `target` if its name ends with `.gz`. `progress` is told from time to
    time how many bytes of `source` were read since the last time. Crossed quotes and prices of 0 go
    through: to judge them is the pipeline's business (section 5).

    Raises:
        UnreadableFileError: `source` is missing, cut off, out of recv_time order or no such CSV.
        OSError: `target` cannot be written.
    """
    left_out = {UNMAPPED: 0, SIZE_ZERO: 0}
    ticks = dict.fromkeys(symbols.values(), 0)
    rows = told = 0
    with opened(source) as (stream, position), replaced_when_complete(target) as out:
        for row in _rows(source, stream):
            if not rows:
                out.writelines(_instrument(ours, row, stale_after_ms) for ours in symbols.values())
            rows = row.number
            if progress is not None and not rows % _ROWS_PER_REPORT:
                progress(position() - told)
                told = position()
            ours = symbols.get(row.symbol)
            if ours is None:
                left_out[UNMAPPED] += 1
                continue
            tick = _tick(source, row, ours)
            if tick is None:
                left_out[SIZE_ZERO] += 1
                continue
            out.write(tick)
            ticks[ours] += 1
        if not rows:
            _refuse(source, 2, "there is no data row")
    return ImportedQuotes(rows, ticks, left_out)


def input_line(topic: str, value: object) -> bytes:
    """Return one line of an input stream (contract section 12)."""
    return orjson.dumps({"topic": topic, "value": value}, option=orjson.OPT_APPEND_NEWLINE)


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, Callable[[], int]]]:
    """Open a plain or gzipped file: its bytes, and how many bytes of the file have been read.

    Raises:
        UnreadableFileError: it can't be opened. Damage shows while reading: `reading_errors`.
    """
    try:
        raw = open_input(path)
    except OSError as error:
        raise UnreadableFileError(f"{path}: {error.strerror}") from error
    with raw:
        if raw.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC):
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield io.BufferedReader(unpacked), raw.tell
        else:
            yield raw, raw.tell


@contextmanager
def reading_errors(path: Path, last_line: Callable[[], int]) -> Iterator[None]:
    """Name the file and the line where reading stops; `last_line` is the last that was whole."""
    try:
        yield
    except EOFError as error:
        raise _unreadable(path, last_line() + 1, "the gzip data ends here, cut off") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _unreadable(path, last_line() + 1, "the gzip data is damaged") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, last_line() + 1, "not UTF-8 text") from error


@contextmanager
def replaced_when_complete(path: Path) -> Iterator[BinaryIO]:
    """Write beside `path` and put it in place at the end; on any error nothing is left behind.

    A name ending with `.gz` is compressed. A device or a pipe is written as it is.

    Raises:
        OSError: no such folder, `path` is a folder, the disk is full.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        with path.open("wb") as straight:
            yield straight
        return
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as raw:
            if path.suffix == ".gz":
                # No name and no time inside: same content, same bytes.
                with (
                    gzip.GzipFile(
                        filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=_GZIP_LEVEL
                    ) as packed,
                    io.BufferedWriter(packed) as buffered,
                ):
                    yield buffered
            else:
                yield raw
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _rows(path: Path, stream: BinaryIO) -> Iterator[_Row]:
    """Read the CSV's data rows, in recv_time order, with all columns that are needed."""
    reader = csv.reader(utf8_lines(stream), strict=True)
    with reading_errors(path, lambda: reader.line_num):
        try:
            header = next(reader, [])
            for column in COLUMNS:
                if column not in header:
                    _refuse(path, 1, f"the column {column} is missing")
            time, exchange, symbol, *shown = (
                header.index(column) for column in COLUMNS if column != "exchange_time"
            )
            bid, bid_size, ask, ask_size = shown
            last: Micros | None = None
            number = 0
            for fields in reader:
                if not fields:  # an empty line, as editors leave at the end
                    continue
                number += 1
                line = reader.line_num
                if len(fields) != len(header):
                    _refuse(path, line, f"{len(fields)} fields where {len(header)} are named")
                recv_time = _time(path, line, fields[time])
                if last is not None and recv_time < last:
                    _refuse(path, line, f"recv_time {fields[time]} is before the line above")
                last = recv_time
                yield _Row(
                    number,
                    line,
                    recv_time,
                    fields[exchange],
                    fields[symbol],
                    (fields[bid], fields[bid_size], fields[ask], fields[ask_size]),
                )
        except csv.Error as error:
            _refuse(path, reader.line_num, str(error))


def utf8_lines(stream: BinaryIO) -> Iterator[str]:
    """Decode line by line, so that a byte that is no UTF-8 has a line number."""
    encoding = "utf-8-sig"  # spreadsheets put a byte order mark in front
    for line in stream:
        yield line.decode(encoding)
        encoding = "utf-8"


def _instrument(symbol: str, first: _Row, stale_after_ms: int) -> bytes:
    return input_line(
        "instruments",
        {
            "type": "InstrumentUpdated",
            "event_id": f"import-{symbol}",
            "event_time": time_text(first.recv_time),
            "symbol": symbol,
            "base": symbol.removesuffix("USD"),
            "quote": "USD",
            "minimum_price_increment": "0.01",
            "minimum_quantity_increment": "0.00000001",
            "minimum_order_value": "1.00",
            "stale_after_ms": stale_after_ms,
            "tradable": True,
        },
    )


def _tick(path: Path, row: _Row, symbol: str) -> bytes | None:
    """Return the row as a line, None if a size is 0."""
    if not _PROVIDER.fullmatch(row.exchange):
        _refuse(path, row.line, f"exchange {row.exchange!r} is no provider name")
    bid, bid_size, ask, ask_size = row.shown
    bid_price = _price(path, row.line, "bid", bid)
    ask_price = _price(path, row.line, "ask", ask)
    bid_shown = _size(path, row.line, "bid_size", bid_size)
    ask_shown = _size(path, row.line, "ask_size", ask_size)
    if bid_shown is None or ask_shown is None:
        return None
    return input_line(
        "price-ticks",
        {
            "type": "PriceTick",
            "event_id": f"{row.exchange}-{row.number}",
            "event_time": time_text(row.recv_time),
            "provider": row.exchange,
            "symbol": symbol,
            "bid_price": bid_price,
            "bid_size": bid_shown,
            "ask_price": ask_price,
            "ask_size": ask_shown,
        },
    )


def _time(path: Path, line: int, text: str) -> Micros:
    try:
        return input_micros(text)
    except ValueError as error:
        _refuse(path, line, f"recv_time {error}")


def _price(path: Path, line: int, column: str, text: str) -> str:
    if not _NUMBER.fullmatch(text) or text.startswith("-"):
        _refuse(path, line, f"{column} {text!r} is no plain decimal such as 5878.1")
    try:
        scaled(text, PRICE_DECIMALS)
    except ValueError as error:
        _refuse(path, line, f"{column} {error}")
    return text


def _size(path: Path, line: int, column: str, text: str) -> str | None:
    """Return the size rounded down to 8 decimals; None: nothing is left of it."""
    if not _SIZE.fullmatch(text):
        _refuse(path, line, f"{column} {text!r} is no size such as 0.123 or 3e-06")
    plain = format(Decimal(text), "f") if "e" in text or "E" in text else text
    whole, point, fraction = plain.partition(".")
    try:
        units = scaled(whole + point + fraction[:UNITS_DECIMALS], UNITS_DECIMALS)
    except (TooManyDigitsError, BeyondLimitError) as error:
        _refuse(path, line, f"{column} {error}")
    return quantity(units) if units else None


def _unreadable(path: Path, line: int, what: str) -> UnreadableFileError:
    return UnreadableFileError(f"{path}, line {line}: {what}")


def _refuse(path: Path, line: int, what: str) -> NoReturn:
    raise _unreadable(path, line, what)
