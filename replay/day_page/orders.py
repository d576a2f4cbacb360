"""What became of the orders that came in."""

from collections import Counter
from collections.abc import Iterable

from replay.day_page.period import Period
from replay.day_page.topic_events import Event
from schemas.instant import micros


class Orders:
    """Every order received in the period has exactly one outcome, as of the period's end.

    received = rejected + executed + cancelled + expired + working, where `executed` counts orders
    with at least one fill, whatever became of their rest, and the others those without.
    """

    def __init__(self) -> None:
        """Start with none."""
        self.accepted = 0
        self.executed = 0
        self.rejected: Counter[str] = Counter()
        self.cancelled: Counter[str] = Counter()
        self.expired: Counter[str] = Counter()
        # Accepted in the period and not yet filled, cancelled or expired: (account, order id).
        self._unfilled: set[tuple[str, str]] = set()

    @property
    def received(self) -> int:
        """All that were answered in the period."""
        return self.accepted + self.rejected.total()

    @property
    def working(self) -> int:
        """Accepted, and nothing happened to them yet."""
        return len(self._unfilled)

    def read(self, updates: Iterable[Event], period: Period) -> None:
        """Count the order updates of a period; those of one order come in order."""
        for event in updates:
            if micros(event["event_time"]) not in period:
                continue
            kind = event["type"]
            if kind == "OrderRejected":
                self.rejected[event["reason"]] += 1
                continue
            order = (event["account_id"], event["client_order_id"])
            if kind == "OrderAccepted":
                self.accepted += 1
                self._unfilled.add(order)
            elif order in self._unfilled:
                if kind == "OrderFilled":
                    self.executed += 1
                elif kind == "OrderCancelled":
                    self.cancelled[event["reason"]] += 1
                elif kind == "OrderExpired":
                    self.expired[event["reason"]] += 1
                else:  # triggered, or a cancel that was refused: it goes on working
                    continue
                self._unfilled.discard(order)
