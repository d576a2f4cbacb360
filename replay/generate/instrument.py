"""Instruments of a generated day."""

from schemas.instant import Micros, time_text

# An instrument that is not tradable, one that nobody quotes, one that nobody has announced.
HALTED, UNQUOTED, UNKNOWN = "HALTEDUSD", "UNQUOTEDUSD", "UNKNOWNUSD"


def instrument(
    symbol: str, at: Micros, stale_after_ms: int, *, tradable: bool = True
) -> dict[str, object]:
    """Return an `InstrumentUpdated` as it stands in the input."""
    return {
        "type": "InstrumentUpdated",
        "event_id": f"instrument-{symbol}",
        "event_time": time_text(at),
        "symbol": symbol,
        "base": symbol.removesuffix("USD"),
        "quote": "USD",
        "minimum_price_increment": "0.01",
        "minimum_quantity_increment": "0.00000001",
        "minimum_order_value": "1.00",
        "stale_after_ms": stale_after_ms,
        "tradable": tradable,
    }
