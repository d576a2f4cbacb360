"""An accepted order, as far as its own events tell."""

from collections.abc import Callable

from audit import numbers
from audit.quotes import Quote, Side
from audit.topic_file import TopicFile, Written
from schemas.instant import Micros, micros
from schemas.instrument import InstrumentUpdated

Rates = tuple[int, int, int, int, int]


class WorkingOrder:
    """An order from `OrderAccepted` to its end. Units, cents, prices; times in microseconds."""

    __slots__ = (
        "accepted",
        "account_id",
        "buy",
        "cause_id",
        "client",
        "client_order_id",
        "commission",
        "expire_time",
        "fills",
        "gross",
        "instrument",
        "last_sequence",
        "limit",
        "notional",
        "order_type",
        "quantity",
        "rates",
        "residue",
        "stop",
        "symbol",
        "time_in_force",
        "triggered",
        "units",
        "weighted",
    )

    def __init__(
        self, topic: TopicFile, line: Written, rates: Rates, instrument: InstrumentUpdated
    ) -> None:
        """Take what `OrderAccepted` says, and the rates and terms that were in force then.

        Raises:
            DifferenceError: one of its numbers is none.
        """
        event = line.event
        self.accepted = line
        self.account_id: str = event["account_id"]
        self.client: str = event["client"]
        self.client_order_id: str = event["client_order_id"]
        self.cause_id: str = event["cause_id"]
        self.symbol: str = event["symbol"]
        self.buy = event["side"] == "BUY"
        self.order_type: str = event["order_type"]
        self.time_in_force: str = event["time_in_force"]
        self.notional = _stated(topic, line, "notional", numbers.cents)
        self.quantity = _stated(topic, line, "quantity", numbers.units)
        self.limit = _stated(topic, line, "limit_price", numbers.price)
        self.stop = _stated(topic, line, "stop_price", numbers.price)
        self.expire_time: Micros | None = _stated(topic, line, "expire_time", micros)
        self.triggered = self.order_type != "STOP_LIMIT"
        self.fills = 0
        self.units = 0
        self.gross = 0
        self.weighted = 0  # sum of units x price
        self.commission = 0
        self.rates = rates
        self.instrument = instrument
        self.last_sequence = 0
        # How many units are left to fill; of a notional, what its rest buys at its last price.
        self.residue = 0

    @property
    def order_id(self) -> tuple[str, str]:
        """What names the order."""
        return (self.account_id, self.client_order_id)

    def priority(self) -> tuple[Micros, str, str]:
        """Working orders are tried in this order."""
        return (self.accepted.at, self.account_id, self.client_order_id)

    def side_taken(self, quote: Quote | None) -> Side | None:
        """Return the side of a quote that the order takes."""
        if quote is None:
            return None
        return quote.ask if self.buy else quote.bid

    def too_far(self, side: Side) -> bool:
        """Whether the limit is more than 10% through the raw market."""
        if self.limit is None:
            return False
        return self.limit * 10 > side.price * 11 if self.buy else self.limit * 10 < side.price * 9

    def stop_reached(self, side: Side) -> bool:
        """Whether the raw market trades through the stop."""
        if self.stop is None:
            return False
        return side.price >= self.stop if self.buy else side.price <= self.stop

    @property
    def done(self) -> bool:
        """Whether nothing is left to fill; a notional's rest buys less than the increment."""
        return self.fills > 0 and self.residue == 0

    def left_at(self, at_price: int) -> int:
        """How many units are left to fill; of a notional, what its rest buys at this price."""
        if self.quantity is not None:
            return self.quantity - self.units
        left: int = (self.notional or 0) - self.gross
        return left * numbers.UNIT_PRICES_PER_CENT // at_price


def _stated(topic: TopicFile, line: Written, field: str, read: Callable[[str], int]) -> int | None:
    text = line.event[field]
    return None if text is None else topic.number(line, field, text, read)
