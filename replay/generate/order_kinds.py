"""What customers order: the mix of the flow."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.money import Cents, usd
from schemas.order import OrderType, TimeInForce


class OrderKind(NamedTuple):
    """One kind of order of the flow, `weight` times in the mix.

    `through_bps`: how far the limit lies through the customer's price, from and to; below 0 it
    rests. `stop_bps`: how far the stop lies away from the market.
    """

    weight: int
    order_type: OrderType
    time_in_force: TimeInForce
    by: str
    through_bps: tuple[int, int] | None = None
    stop_bps: tuple[int, int] | None = None
    # Whether it is expected to fill, as far as the shown size goes, when it is placed.
    at_once: bool = True


ORDER_KINDS = (
    OrderKind(30, "MARKET", "IOC", "notional"),
    OrderKind(22, "MARKET", "IOC", "quantity"),
    OrderKind(6, "LIMIT", "IOC", "notional", (10, 60)),
    OrderKind(4, "LIMIT", "IOC", "quantity", (10, 60)),
    OrderKind(6, "LIMIT", "GTC", "quantity", (10, 60)),
    OrderKind(4, "LIMIT", "GTC", "notional", (10, 60)),
    OrderKind(3, "LIMIT", "DAY", "quantity", (10, 60)),
    OrderKind(3, "LIMIT", "GTD", "notional", (10, 60)),
    OrderKind(4, "LIMIT", "GTC", "quantity", (-8, -1), at_once=False),
    OrderKind(4, "LIMIT", "GTC", "notional", (-8, -1), at_once=False),
    OrderKind(4, "LIMIT", "DAY", "quantity", (-8, -1), at_once=False),
    OrderKind(3, "LIMIT", "GTD", "notional", (-8, -1), at_once=False),
    OrderKind(3, "STOP_LIMIT", "GTC", "quantity", (80, 120), (1, 6), at_once=False),
    OrderKind(2, "STOP_LIMIT", "DAY", "notional", (80, 120), (1, 6), at_once=False),
    OrderKind(2, "STOP_LIMIT", "GTD", "quantity", (80, 120), (-6, 4), at_once=False),
)
ORDER_MIX = tuple(kind for kind in ORDER_KINDS for _ in range(kind.weight))

# Orders are worth half of one of these to one and a half times, in cents.
ORDER_VALUES: tuple[Cents, ...] = (1_000, 2_500, 5_000, 10_000, 20_000, 50_000)
SELLS_PERCENT = 45
# Holdings below this are not sold piecemeal: a piece could fall below the minimum order value.
WORTH_SELLING: Cents = 1_000


class Override(NamedTuple):
    """Rates of the order's own; None: the client's."""

    markup_bps: int | None = None
    markup_fixed: Cents | None = None
    commission_bps: int | None = None
    commission_fixed: Cents | None = None

    def fields(self) -> dict[str, str]:
        """Return the order's fields for the rates that are given."""
        fields = {}
        if self.markup_bps is not None:
            fields["markup_bps"] = str(self.markup_bps)
        if self.markup_fixed is not None:
            fields["markup_fixed"] = usd(self.markup_fixed)
        if self.commission_bps is not None:
            fields["commission_bps"] = str(self.commission_bps)
        if self.commission_fixed is not None:
            fields["commission_fixed"] = usd(self.commission_fixed)
        return fields


# One order in this many takes the next of these.
OVERRIDE_EVERY = 10
OVERRIDES = (
    Override(commission_bps=10),
    Override(markup_bps=0, markup_fixed=0),
    Override(markup_bps=75, markup_fixed=2),
    Override(commission_bps=0, commission_fixed=50),
    Override(markup_bps=20, commission_bps=15, commission_fixed=5),
)
NO_OVERRIDE = Override()

LIMIT_GTC = {"order_type": "LIMIT", "time_in_force": "GTC"}
LIMIT_GTD = {"order_type": "LIMIT", "time_in_force": "GTD"}


def market(side: str, **size: str) -> dict[str, str]:
    """Return the fields of a market order."""
    return {"side": side, "order_type": "MARKET", "time_in_force": "IOC", **size}


MARKET_BUY = market("BUY", notional="50.00")


def but(fields: Mapping[str, str | None]) -> dict[str, str]:
    """Return a market buy of 50.00, but for `fields` (None: left out)."""
    return {name: text for name, text in {**MARKET_BUY, **fields}.items() if text is not None}
