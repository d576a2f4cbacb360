"""Four months of two clients, few lines long: what Net Settlement and revenue shares come to.

ACME has four Net Settlement accounts and settles by wire: short, late, too much, disputed. BETA's
only customer never pays for its first trade, whose write-off three months' shares do not cover.
The market stands at 99.00 / 100.00; both pay 1% of commission, half of which is their share. Times
are Chicago's, on both sides of the change to summer time on March 8.
"""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from tests.pipeline_in_memory import Told

_CHICAGO = ZoneInfo("America/Chicago")
ACME = ("ACME0001", "ACME0002", "ACME0003", "ACME0004")
BETA = "BETA0001"


class _Quarter:
    def __init__(self) -> None:
        self.lines: list[Told] = []

    def tell(self, topic: str, kind: str, at: str, /, **fields: Any) -> None:  # noqa: ANN401 - any JSON
        local = dt.datetime.fromisoformat(f"2026-{at}").replace(tzinfo=_CHICAGO)
        time = local.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        value = {"type": kind, "event_id": f"q-{len(self.lines)}", "event_time": time}
        self.lines.append(Told(topic, value | fields))

    def trade(self, account_id: str, quantity: str, at: str) -> None:
        """Quote the market, since no quote lasts for more than a day, and trade with it."""
        self.tell(
            "price-ticks",
            "PriceTick",
            at,
            provider="venue",
            symbol="BTCUSD",
            bid_price="99.00",
            bid_size="1000",
            ask_price="100.00",
            ask_size="1000",
        )
        side = "SELL" if quantity.startswith("-") else "BUY"
        self.tell(
            "orders",
            "OrderSubmitted",
            at,
            account_id=account_id,
            client_order_id=f"o{len(self.lines)}",
            symbol="BTCUSD",
            side=side,
            order_type="MARKET",
            time_in_force="IOC",
            quantity=quantity.lstrip("-"),
        )

    def wire(self, kind: str, wire_id: str, amount: str, at: str, client: str = "ACME") -> None:
        self.tell("net-wires", kind, at, wire_id=wire_id, client=client, amount=amount)

    def opinion(self, kind: str, window_to: str, at: str) -> None:
        self.tell("net-wires", kind, at, client="ACME", window_to=window_to)


def quarter() -> list[Told]:
    """Return the lines, in order."""
    q = _Quarter()
    for client in ("ACME", "BETA"):
        q.tell(
            "clients",
            "ClientUpdated",
            "01-02T10:00",
            client=client,
            commission_model="TRADE_FEE",
            commission_bps="100",
            revenue_share_bps="5000",
        )
    q.tell(
        "instruments",
        "InstrumentUpdated",
        "01-02T10:00",
        symbol="BTCUSD",
        base="BTC",
        quote="USD",
        minimum_price_increment="0.01",
        minimum_quantity_increment="0.00000001",
        stale_after_ms=86_400_000,
    )
    for account_id in (*ACME, BETA):
        model = "MARKETPLACE" if account_id == BETA else "NET_SETTLEMENT"
        q.tell(
            "accounts",
            "AccountUpdated",
            "01-02T10:00",
            account_id=account_id,
            client=account_id[:4],
            funding_model=model,
        )
    # 202.00 that are never paid: written off on February 1.
    q.trade(BETA, "2", "01-02T12:00")
    # Friday to Saturday: 404.00 for ACME's four, due on Monday.
    for account_id in ACME:
        q.trade(account_id, "1", "01-02T12:30")
    q.opinion("NetSettlementConfirmed", "2026-01-03T15:00:00Z", "01-03T10:00")
    q.wire("NetWireReceived", "w1", "400.00", "01-05T10:00")
    # A sell in the last microsecond of a window, and one in the first of the next.
    q.trade(ACME[0], "-0.5", "01-06T08:59:59.999999")
    q.trade(ACME[1], "-0.5", "01-06T09:00:00")
    q.wire("NetWireReceived", "w2", "4.00", "01-06T12:00")
    q.wire("NetWireReceived", "w2", "4.00", "01-06T12:00:01")
    q.opinion("NetSettlementDisputed", "2026-01-07T15:00:00Z", "01-07T10:00")
    q.wire("NetWireSent", "w3", "49.00", "01-07T11:00")
    q.opinion("NetSettlementConfirmed", "2026-01-07T15:00:00Z", "01-07T12:00")
    # More than the second one is over: the rest is carried along.
    q.wire("NetWireSent", "w4", "60.00", "01-07T13:00")
    q.wire("NetWireReceived", "w5", "1000.00", "01-09T13:00")
    q.wire("RevenueSharePaid", "p1", "1.00", "02-02T13:00", client="BETA")
    # February, March and April earn 50.00, 100.00 and 55.00.
    q.tell(
        "fundings",
        "DepositSettled",
        "02-02T14:00",
        funding_id="d1",
        account_id=BETA,
        instrument_type="WIRE",
        amount="90000.00",
    )
    q.trade(BETA, "100", "02-02T15:00")
    q.trade(ACME[2], "10", "03-08T08:30")
    q.trade(BETA, "200", "03-10T15:00")
    q.tell(
        "fundings",
        "CashAdjusted",
        "03-31T23:59:59.999999",
        funding_id="a1",
        account_id=BETA,
        adjustment_type="PARTNER_WRITE_OFF",
        amount="7.00",
    )
    # Behind 17:05 it is April's.
    q.trade(BETA, "110", "03-31T23:59:59.999999")
    # More than ACME is owed.
    q.wire("RevenueSharePaid", "p2", "100.00", "04-02T13:00")
    q.tell("clock", "ClockTicked", "05-01T10:00", at="2026-05-01T15:00:00Z")
    return q.lines
