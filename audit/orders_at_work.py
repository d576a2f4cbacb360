"""The orders at work: by id, by account, by expiry, and by the raw market that reaches them."""

from heapq import heappop, heappush

from sortedcontainers import SortedList

from audit.quotes import Quote
from audit.working_order import WorkingOrder
from schemas.instant import Micros

OrderId = tuple[str, str]
# It sorts before every order's id.
_FIRST: OrderId = ("", "")


class _Resting:
    """One symbol's orders that rest, sorted by price: limits that work and stops that wait."""

    __slots__ = ("limits", "stops")

    def __init__(self) -> None:
        # By whether they buy: (price, order id).
        self.limits: dict[bool, SortedList[tuple[int, OrderId]]] = {
            buy: SortedList() for buy in (True, False)
        }
        self.stops: dict[bool, SortedList[tuple[int, OrderId]]] = {
            buy: SortedList() for buy in (True, False)
        }


class OrdersAtWork:
    """All accepted orders that have not ended."""

    def __init__(self) -> None:
        """Start without an order."""
        self.by_id: dict[OrderId, WorkingOrder] = {}
        self.by_account: dict[str, dict[OrderId, WorkingOrder]] = {}
        self._resting: dict[str, _Resting] = {}
        # (expire_time, when it was accepted, account, client_order_id)
        self._expiries: list[tuple[Micros, Micros, str, str]] = []

    def add(self, order: WorkingOrder) -> None:
        """Add an order that was accepted."""
        self.by_id[order.order_id] = order
        self.by_account.setdefault(order.event.account_id, {})[order.order_id] = order
        if order.event.expire_time is not None:
            heappush(self._expiries, (order.event.expire_time, *order.priority()))
        self._place(order).add(_key(order))

    def triggered(self, order: WorkingOrder) -> None:
        """Make a stop a limit order."""
        self._place(order).remove(_key(order))
        order.triggered = True
        self._place(order).add(_key(order))

    def end(self, order: WorkingOrder) -> None:
        """Take an order out."""
        del self.by_id[order.order_id]
        of_account = self.by_account[order.event.account_id]
        del of_account[order.order_id]
        if not of_account:
            del self.by_account[order.event.account_id]
        self._place(order).remove(_key(order))

    def next_expired(self, at: Micros) -> WorkingOrder | None:
        """Return the first order whose `expire_time` has come at `at`."""
        while self._expiries and self._expiries[0][0] <= at:
            expire_time, accepted_at, *order_id = heappop(self._expiries)
            order = self.by_id.get((order_id[0], order_id[1]))
            # A later order may have the ID of one that ended.
            if order and (order.event.expire_time, order.accepted_at) == (expire_time, accepted_at):
                return order
        return None

    def reached_by(self, quote: Quote) -> list[WorkingOrder]:
        """Return resting orders that the raw market of a quote reaches, markup aside, in turn."""
        resting = self._resting.get(quote.symbol)
        if resting is None:
            return []
        keys: list[tuple[int, OrderId]] = []
        if quote.ask is not None:
            keys += resting.limits[True].irange((quote.ask.price, _FIRST))
            keys += resting.stops[True].irange(None, (quote.ask.price + 1, _FIRST))
        if quote.bid is not None:
            keys += resting.limits[False].irange(None, (quote.bid.price + 1, _FIRST))
            keys += resting.stops[False].irange((quote.bid.price, _FIRST))
        return sorted((self.by_id[order_id] for _, order_id in keys), key=WorkingOrder.priority)

    def _place(self, order: WorkingOrder) -> "SortedList[tuple[int, OrderId]]":
        resting = self._resting.setdefault(order.event.symbol, _Resting())
        return (resting.limits if order.triggered else resting.stops)[order.buy]


def _key(order: WorkingOrder) -> tuple[int, OrderId]:
    return ((order.terms.limit if order.triggered else order.terms.stop) or 0, order.order_id)
