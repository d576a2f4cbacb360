"""An accepted order: what it is, and what became of it (contract section 6)."""

from dataclasses import dataclass
from typing import NamedTuple

from audit import numbers
from audit.quotes import Side
from schemas.instant import Micros
from schemas.instrument import InstrumentUpdated
from schemas.order import OrderSubmitted

# markup_bps, markup_fixed, commission_bps, commission_fixed, commission_minimum
Rates = tuple[int, int, int, int, int]


class Terms(NamedTuple):
    """An order's numbers in minor units, and its rates: its own, else the client's."""

    notional: int | None
    quantity: int | None
    limit: int | None
    stop: int | None
    rates: Rates


@dataclass(slots=True, eq=False)
class WorkingOrder:
    """An order since its acceptance, with the terms of its instrument at that time."""

    event: OrderSubmitted
    client: str
    terms: Terms
    instrument: InstrumentUpdated
    accepted_at: Micros
    buy: bool
    triggered: bool
    fills: int = 0
    units: int = 0
    gross: int = 0
    weighted: int = 0  # sum of units x price
    commission: int = 0

    @property
    def order_id(self) -> tuple[str, str]:
        """What names the order."""
        return (self.event.account_id, self.event.client_order_id)

    def priority(self) -> tuple[Micros, str, str]:
        """Working orders are tried in this order."""
        return (self.accepted_at, *self.order_id)

    def customer_price(self, side: Side) -> int:
        """Return what the customer pays or gets at a side."""
        increment = self.instrument.minimum_price_increment
        return numbers.customer_price(side.price, self.terms.rates[:2], increment, buy=self.buy)

    def reaches(self, customer_price: int) -> bool:
        """Whether the limit reaches the customer price."""
        limit = self.terms.limit
        return limit is None or (limit >= customer_price if self.buy else limit <= customer_price)

    def too_far(self, side: Side) -> bool:
        """Whether the limit is more than 10% through the raw market."""
        limit = self.terms.limit
        if limit is None:
            return False
        return limit * 10 > side.price * 11 if self.buy else limit * 10 < side.price * 9

    def stop_reached(self, side: Side) -> bool:
        """Whether the raw market trades through the stop."""
        stop = self.terms.stop
        if stop is None:
            return False
        return side.price >= stop if self.buy else side.price <= stop

    def left_at(self, at_price: int) -> int:
        """Return the units left to fill; of a notional, what its rest buys at this price."""
        if self.terms.quantity is not None:
            return self.terms.quantity - self.units
        left = ((self.terms.notional or 0) - self.gross) * numbers.UNIT_PRICES_PER_CENT // at_price
        return left - left % self.instrument.minimum_quantity_increment

    def still_holds(self) -> int:
        """Return what a working sell holds: a notional one its rest at its limit, rounded up."""
        if self.terms.quantity is not None:
            return self.terms.quantity - self.units
        if self.terms.limit is None or self.terms.notional is None:
            return 0
        rest = (self.terms.notional - self.gross) * numbers.UNIT_PRICES_PER_CENT
        increment = self.instrument.minimum_quantity_increment
        return -(-rest // (self.terms.limit * increment)) * increment
