"""Trading: windows and orders in the order in which they happen (contract sections 4 and 6).

Each order update, execution and window is computed from the inputs; the topic must have it next.
"""

from collections import Counter
from collections.abc import Callable
from hashlib import blake2b

from audit.admission import Holdings, World, jurisdiction_bars, mode_bars, refusal
from audit.cause import Cause
from audit.fill import fill, fillable_units
from audit.ledger import Ledger
from audit.orders_at_work import OrderId, OrdersAtWork
from audit.quotes import Quote, Side
from audit.topic_file import TopicFile, Written
from audit.working_order import WorkingOrder
from schemas.account import AccountUpdated
from schemas.instant import Micros, time_text
from schemas.money import price, quantity, usd
from schemas.order import OrderCancelRequested, OrderSubmitted
from settlement.calendar import ScheduledWindow, first_window, window_after
from topics.catalogue import ACCOUNTS, BBO, EXECUTIONS, ORDERS

_PARTITION = "0"  # a plain replay runs one
# The ID of an order that is rejected for one of these is not used up.
_ID_STAYS_FREE = frozenset({"UNKNOWN_ACCOUNT", "UNKNOWN_CLIENT"})
# What a repeat need not share with the order that it repeats.
_NO_CONTENT = {"event_id", "event_time", "type"}


class TradingAudit:
    """The orders at work, the IDs that were used, and the next window."""

    def __init__(
        self,
        world: World,
        ledger: Ledger,
        updates: TopicFile,
        executions: TopicFile,
        on_execution: Callable[[Written], None],
        on_window: Callable[[Written], None],
    ) -> None:
        """Take the topics; the callbacks settle each execution and window that was found."""
        self.world = world
        self.ledger = ledger
        self.updates = updates
        self.executions = executions
        self.on_execution = on_execution
        self.on_window = on_window
        self.at_work = OrdersAtWork()
        self.quotes: dict[str, Quote] = {}
        # How many orders were rejected, by reason.
        self.rejected: Counter[str] = Counter()
        # None until time begins.
        self._next: ScheduledWindow | None = None
        # A digest of the content of each order, and which order each cancel names.
        self._orders: dict[OrderId, bytes] = {}
        self._cancels: dict[tuple[str, str], str] = {}

    # -- time (section 4) ------------------------------------------------------------------------

    def begin(self, at: Micros) -> None:
        """Let time begin: the first window is the first at or after `at`."""
        self._next = first_window(at)

    def move_time(self, at: Micros) -> None:
        """Do what is due at or before `at`, in time order: expiries before windows.

        Raises:
            DifferenceError: a topic's next event is not what has to come.
        """
        while self._next is not None:
            order = self.at_work.next_expired(min(at, self._next.scheduled_at))
            if order is not None:
                expire_time = order.event.expire_time or 0
                self._expire(order, "EXPIRE_TIME", Cause(ORDERS, order.event.event_id, expire_time))
            elif self._next.scheduled_at <= at:
                self._open(self._next)
                self._next = window_after(self._next)
            else:
                return

    def _open(self, window: ScheduledWindow) -> None:
        scheduled_at = time_text(window.scheduled_at)
        cause = Cause(EXECUTIONS, f"{window.window}@{scheduled_at}", window.scheduled_at)
        if window.window == "MAINTENANCE_BEGIN":
            for order in sorted(self.at_work.by_id.values(), key=WorkingOrder.priority):
                if order.event.time_in_force == "DAY":
                    self._expire(order, "END_OF_DAY", cause)
                else:
                    self._cancel(order, "MAINTENANCE", cause)
        opened = {"window": window.window, "scheduled_at": scheduled_at}
        self.on_window(self.executions.expect(cause.head("WindowOpened", _PARTITION, **opened)))

    # -- inputs ----------------------------------------------------------------------------------

    def submitted(self, event: OrderSubmitted, at: Micros) -> None:
        """Answer an order; try it at once if it is accepted.

        Raises:
            DifferenceError: a topic's next event is not what has to come.
        """
        order_id = (event.account_id, event.client_order_id)
        content = _digest(event)
        before = self._orders.get(order_id)
        if before == content:
            return
        cause = Cause(ORDERS, event.event_id, at)
        account = self.world.accounts.get(event.account_id)
        client = None if account is None else account.client
        quote = self.quotes.get(event.symbol)
        side = quote.taken(buy=event.side == "BUY", at=at) if quote else None
        holdings = Holdings(
            lambda asset: self._available(event.account_id, asset),
            lambda: self._assets(event.account_id),
        )
        admitted = (
            "DUPLICATE_ORDER_ID" if before else refusal(event, self.world, side, holdings, at)
        )
        if admitted not in _ID_STAYS_FREE and not before:
            self._orders[order_id] = content
        if isinstance(admitted, str):
            self.rejected[admitted] += 1
            self._expect("OrderRejected", order_id, client, cause, reason=admitted)
            return
        instrument = self.world.instruments[event.symbol]
        order = WorkingOrder(
            event,
            client or "",
            admitted,
            instrument,
            at,
            buy=event.side == "BUY",
            triggered=admitted.stop is None,
        )
        decimals = instrument.price_decimals
        self._update(
            "OrderAccepted",
            order,
            cause,
            symbol=event.symbol,
            side=event.side,
            order_type=event.order_type,
            time_in_force=event.time_in_force,
            notional=admitted.notional and usd(admitted.notional),
            quantity=admitted.quantity and quantity(admitted.quantity),
            limit_price=admitted.limit and price(admitted.limit, decimals),
            stop_price=admitted.stop and price(admitted.stop, decimals),
            expire_time=event.expire_time and time_text(event.expire_time),
        )
        if quote and side and (order.triggered or order.stop_reached(side)):
            if not order.triggered:
                order.triggered = True
                self._trigger(order, quote, cause)
            if self._try(order, quote, side, cause):
                return
        if event.time_in_force != "IOC":
            self.at_work.add(order)
        else:
            self._cancel(order, "IOC_REMAINDER" if order.fills else "NOT_MARKETABLE", cause)

    def cancel_refusal(self, event: OrderCancelRequested) -> str | None:
        """Return why a cancel is dead-lettered, None if it is not."""
        before = self._cancels.get((event.account_id, event.cancel_id))
        return None if before in {None, event.client_order_id} else "CONFLICT"

    def cancel_requested(self, event: OrderCancelRequested, at: Micros) -> None:
        """Answer a cancel that is not refused, unless it is a repeat.

        Raises:
            DifferenceError: the next update is another.
        """
        if (event.account_id, event.cancel_id) in self._cancels:
            return
        self._cancels[event.account_id, event.cancel_id] = event.client_order_id
        cause = Cause(ORDERS, event.event_id, at)
        order_id = (event.account_id, event.client_order_id)
        order = self.at_work.by_id.get(order_id)
        if order is not None:
            self._cancel(order, "CLIENT_REQUEST", cause)
            return
        account = self.world.accounts.get(event.account_id)
        client = None if account is None else account.client
        reason = "ORDER_DONE" if order_id in self._orders else "UNKNOWN_ORDER"
        self._expect(
            "OrderCancelRejected",
            order_id,
            client,
            cause,
            cancel_id=event.cancel_id,
            reason=reason,
        )

    def account_updated(self, event: AccountUpdated, at: Micros) -> None:
        """Cancel the account's orders that it no longer admits.

        Raises:
            DifferenceError: the next update is another.
        """
        cause = Cause(ACCOUNTS, event.event_id, at)
        working = self.at_work.by_account.get(event.account_id, {}).values()
        for order in sorted(working, key=WorkingOrder.priority):
            if mode_bars(event, buy=order.buy):
                self._cancel(order, "ACCOUNT_NOT_OPEN", cause)
            elif jurisdiction_bars(event, buy=order.buy):
                self._cancel(order, "JURISDICTION", cause)

    def quoted(self, quote: Quote, at: Micros) -> None:
        """Apply a best quote: try the working orders that it reaches.

        Raises:
            DifferenceError: a topic's next event is not what has to come.
        """
        self.quotes[quote.symbol] = quote
        if not self.world.instruments[quote.symbol].tradable:
            return
        cause = Cause(BBO, quote.event_id, at)
        for order in self.at_work.reached_by(quote):
            side = quote.taken(buy=order.buy, at=at)
            if side is None:
                continue
            if not order.triggered:
                self.at_work.triggered(order)
                self._trigger(order, quote, cause)
                if order.too_far(side):
                    self._cancel(order, "PRICE_TOO_FAR", cause)
                    continue
            if self._try(order, quote, side, cause) and order.order_id in self.at_work.by_id:
                self.at_work.end(order)

    # -- fills -----------------------------------------------------------------------------------

    def _try(self, order: WorkingOrder, quote: Quote, side: Side, cause: Cause) -> bool:
        """Fill what one quote allows; return whether nothing is left to do."""
        customer_price = order.customer_price(side)
        if customer_price <= 0 or not order.reaches(customer_price):
            return False
        if not order.left_at(customer_price):
            if not order.fills:
                self._cancel(order, "BELOW_MINIMUM", cause)
            return True
        account_id = order.event.account_id
        position = self.ledger.position(account_id, order.instrument.base)
        taken = fillable_units(order, side, customer_price, position)
        if not taken:
            return False
        execution, filled = fill(order, quote, side, taken, cause.at)
        execution["funding_model"] = self.world.accounts[account_id].funding_model
        expected = cause.about("Execution", account_id, order.client, **execution)
        self._update("OrderFilled", order, cause, **filled)
        self.on_execution(self.executions.expect(expected))
        return order.left_at(customer_price) == 0

    def _available(self, account_id: str, asset: str) -> int:
        """Return the position less what working sell orders still hold."""
        working = self.at_work.by_account.get(account_id, {}).values()
        return self.ledger.position(account_id, asset) - sum(
            order.still_holds()
            for order in working
            if not order.buy and order.instrument.base == asset
        )

    def _assets(self, account_id: str) -> set[str]:
        """Return the assets that an account ever held and that its working buys are for."""
        working = self.at_work.by_account.get(account_id, {}).values()
        account = self.ledger.accounts.get(account_id)
        held = set() if account is None else set(account.positions)
        return held | {order.instrument.base for order in working if order.buy}

    # -- updates ---------------------------------------------------------------------------------

    def _trigger(self, order: WorkingOrder, quote: Quote, cause: Cause) -> None:
        stop = price(order.terms.stop or 0, order.instrument.price_decimals)
        self._update("OrderTriggered", order, cause, stop_price=stop, quote_sequence=quote.sequence)

    def _cancel(self, order: WorkingOrder, reason: str, cause: Cause) -> None:
        self._end(order)
        self._update("OrderCancelled", order, cause, reason=reason)

    def _expire(self, order: WorkingOrder, reason: str, cause: Cause) -> None:
        self._end(order)
        self._update("OrderExpired", order, cause, reason=reason)

    def _end(self, order: WorkingOrder) -> None:
        if self.at_work.by_id.get(order.order_id) is order:
            self.at_work.end(order)

    def _update(self, kind: str, order: WorkingOrder, cause: Cause, **fields: object) -> None:
        self._expect(kind, order.order_id, order.client, cause, **fields)

    def _expect(
        self, kind: str, order_id: OrderId, client: str | None, cause: Cause, **fields: object
    ) -> None:
        account_id, client_order_id = order_id
        self.updates.expect(
            cause.about(kind, account_id, client, client_order_id=client_order_id, **fields)
        )


def _digest(event: OrderSubmitted) -> bytes:
    """Return a digest of what a repeat shares."""
    content = event.model_dump_json(exclude=_NO_CONTENT)
    return blake2b(content.encode(), digest_size=12).digest()
