"""A history that needs each rule of ticks and kept terms, one symbol per rule.

Quotes of each symbol are stale after 2,000 ms unless a story changes that. One account has 100,000
dollars and buys.
"""

from typing import Any

import orjson

Line = dict[str, Any]
PROVIDERS = [f"p{number:03}" for number in range(101)]


class History:
    """Input lines, told in order of time: minute and second after 16:00 UTC, 10:00 in Chicago."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def tell(self, second: str, topic: str, kind: str, **fields: object) -> None:
        head = {
            "type": kind,
            "event_id": f"{topic}-{len(self.lines)}",
            "event_time": f"2026-03-03T16:{second}Z",
        }
        self.lines.append({"topic": topic, "value": head | fields})

    def instrument(self, second: str, symbol: str, **terms: object) -> None:
        usual: dict[str, object] = {
            "symbol": symbol,
            "base": symbol.removesuffix("USD"),
            "quote": "USD",
            "minimum_price_increment": "0.5",
            "minimum_quantity_increment": "0.001",
            "minimum_order_value": "1.00",
            "stale_after_ms": 2000,
            "tradable": True,
        }
        self.tell(second, "instruments", "InstrumentUpdated", **usual | terms)

    def tick(
        self,
        second: str,
        symbol: str,
        ask: str | None,
        provider: str = "alpha",
        bid: str | None = "90",
        size: str = "9",
    ) -> None:
        sides = {
            "bid_price": bid,
            "bid_size": bid and size,
            "ask_price": ask,
            "ask_size": ask and size,
        }
        self.tell(second, "price-ticks", "PriceTick", provider=provider, symbol=symbol, **sides)

    def buy(self, second: str, symbol: str, quantity: str = "1", **fields: object) -> None:
        kind = "LIMIT" if "limit_price" in fields else "MARKET"
        self.tell(
            second,
            "orders",
            "OrderSubmitted",
            account_id="ACME0001",
            client_order_id=f"{symbol}-{second.replace(chr(58), chr(45))}",
            symbol=symbol,
            side="BUY",
            order_type="STOP_LIMIT" if "stop_price" in fields else kind,
            time_in_force="IOC" if kind == "MARKET" else "GTC",
            quantity=quantity,
            **fields,
        )


def market_rules() -> bytes:
    """Return the history as JSON lines."""
    history = History()
    history.tell(
        "00:00",
        "clients",
        "ClientUpdated",
        client="ACME",
        name="Acme",
        commission_model="TRADE_FEE",
        trading="OPEN",
        maximum_order_value=None,
        markup_bps="0",
        markup_fixed="0",
        commission_bps="0",
        commission_fixed="0.00",
        commission_minimum="0.00",
        revenue_share_bps="0",
    )
    history.tell(
        "00:00",
        "accounts",
        "AccountUpdated",
        account_id="ACME0001",
        client="ACME",
        funding_model="MARKETPLACE",
        mode="OPEN",
        jurisdiction="OPEN",
    )
    for symbol in ("SAMEUSD", "FULLUSD", "STALEUSD", "TERMSUSD", "RESTUSD"):
        history.instrument("00:00", symbol)
    history.tell(
        "00:01",
        "fundings",
        "DepositSettled",
        funding_id="d1",
        account_id="ACME0001",
        amount="100000.00",
        instrument_type="WIRE",
    )
    # The second ask of one instant is the one that counts.
    history.tick("01:00", "SAMEUSD", "100.5")
    history.tick("01:00", "SAMEUSD", "100")
    history.buy("01:00.5", "SAMEUSD")
    # p000 withdraws and still has its place among the hundred: p100, with the best ask, has none.
    # At 02:02 the others of 02:00 are stale, so there is room.
    for provider in PROVIDERS:
        ask = f"{200 - int(provider[1:])}"
        history.tick("02:00", "FULLUSD", None if provider == "p000" else ask, provider, None)
    history.buy("02:00.5", "FULLUSD")
    history.tick("02:02", "FULLUSD", "99.5", "p100")
    history.buy("02:02.5", "FULLUSD")
    # Alpha's 100 of 03:00 is discarded at 03:02, so the longer terms of 03:02.5 revive nothing.
    history.tick("03:00", "STALEUSD", "100")
    history.tick("03:02", "STALEUSD", "110", "beta")
    history.instrument("03:02.5", "STALEUSD", stale_after_ms=10_000)
    history.tick("03:03", "STALEUSD", "109", "beta")
    history.buy("03:03.5", "STALEUSD")
    # Accepted at 0.5 and 0.001: a stop at 101.0 for 0.5, under 0.01 and 1 when it is reached.
    history.tick("04:00", "TERMSUSD", "100")
    history.buy("04:00.5", "TERMSUSD", "0.5", stop_price="101.0", limit_price="101.0")
    history.instrument(
        "04:01",
        "TERMSUSD",
        minimum_price_increment="0.01",
        minimum_quantity_increment="1",
        minimum_order_value="60.00",
    )
    history.tick("04:01.5", "TERMSUSD", "101.00", size="0.5")
    # Both rest while the instrument is not tradable: the limit is reached at 05:01.5, the stop too.
    history.tick("05:00", "RESTUSD", "100")
    history.buy("05:00.5", "RESTUSD", limit_price="99.0")
    history.buy("05:00.6", "RESTUSD", stop_price="105.0", limit_price="106.0")
    history.instrument("05:01", "RESTUSD", tradable=False)
    history.tick("05:01.5", "RESTUSD", "99")
    history.tick("05:01.6", "RESTUSD", "105")
    history.instrument("05:02", "RESTUSD")
    history.tick("05:02.5", "RESTUSD", "98.5")
    history.tick("05:02.6", "RESTUSD", "105.5")
    return b"".join(orjson.dumps(line) + b"\n" for line in history.lines)
