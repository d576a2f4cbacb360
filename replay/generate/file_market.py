"""The real market: an output of import-quotes, merged in as it is."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from replay.generate.quote import MarketLine, Quote
from replay.quotes import UnreadableFileError, opened, reading_errors
from schemas.instant import MILLISECOND, Micros, micros
from schemas.money import CENTS_DECIMALS, PRICE_DECIMALS, UNITS_DECIMALS, Price, Units, scaled
from topics.catalogue import INSTRUMENTS, PRICE_TICKS

_PER_CENT = 10 ** (PRICE_DECIMALS - CENTS_DECIMALS)


def file_market(path: Path) -> Iterator[MarketLine]:
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
            yield MarketLine(at, topic, quote, line if line.endswith(b"\n") else line + b"\n")
    if last is None:
        raise UnreadableFileError(f"{path}: is empty")


def _read_market_line(
    line: bytes, stale_after: dict[str, Micros]
) -> tuple[Micros, str, Quote | None]:
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
    quote = Quote(
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
