"""Each order from its acceptance to one end (contract section 6), as `order-updates` tells it."""

from collections import Counter

from audit.cause import FoundIds
from audit.duties import Duties
from audit.fill import check_fill, check_filled
from audit.orders_at_work import OrdersAtWork
from audit.quotes import Quote, Quotes
from audit.topic_file import TopicFile, Written
from audit.update_causes import UpdateCauses
from audit.working_order import Rates, WorkingOrder
from replay.difference import DifferenceError, described
from schemas.instant import Micros
from schemas.instrument import InstrumentUpdated
from topics.catalogue import BBO, ORDERS

_SHARED_WITH_EXECUTION = (
    "execution_id",
    "account_id",
    "client",
    "client_order_id",
    "cause_id",
    "event_time",
)


class Orders:
    """The orders at work."""

    def __init__(self, updates: TopicFile, executions: TopicFile, quotes: Quotes) -> None:
        """Start without an order."""
        self.updates = updates
        self.executions = executions
        self.quotes = quotes
        self.at_work = OrdersAtWork()
        self.duties = Duties(self.at_work)
        quotes.on_quote = self._quoted
        # How many orders were rejected, by reason.
        self.rejected: Counter[str] = Counter()
        self.causes = UpdateCauses(updates)
        # The rates and the instrument of the order that is about to be accepted: it keeps them.
        self.accepting: tuple[Rates, InstrumentUpdated] | None = None
        # The MAINTENANCE_BEGIN whose sweep is being read.
        self.maintenance: Written | None = None
        self._execution_ids = FoundIds()
        # Of the step that is being read: the order that it accepted, whether the market had then
        # reached its stop, and the place in line of the order that was tried last.
        self._accepted: WorkingOrder | None = None
        self._stop_reached = False
        self._tried: tuple[Micros, str, str] | None = None

    # -- steps -----------------------------------------------------------------------------------

    def begin_step(self, line: Written, topic: str) -> None:
        """Read the quotes that come before a step; what they had to do must be done."""
        self.causes.begin_step()
        self._execution_ids.begin_step()
        if topic == BBO:
            self.quotes.read_to_quote(line.event["cause_id"], line.at)
            return
        # Within an instant ticks come before orders, and behind all else that trading does.
        self.quotes.read_to(line.at if topic == ORDERS and not expires(line) else line.at - 1)
        self.nothing_due()

    def apply(self, line: Written, topic: str) -> Written | None:
        """Check an update; return the execution that comes with it, if one does.

        Raises:
            DifferenceError: it does not follow from what its order did before.
        """
        match line.event["type"]:
            case "OrderAccepted":
                self._accept(line)
            case "OrderRejected":
                self.rejected[line.event["reason"]] += 1
            case "OrderCancelRejected":
                self._reject_cancel(line)
            case "OrderTriggered":
                self._trigger(line, topic)
            case "OrderFilled":
                return self._fill(line, topic)
            case "OrderCancelled":
                self._cancel(line, topic)
            case _:
                self._expire(line)
        return None

    def end_step(self) -> None:
        """Demand what an order's own step, or a quote's, had to do."""
        self._tried = None
        self.nothing_due()
        order, self._accepted = self._accepted, None
        if order is None:
            return
        if self._stop_reached and not order.triggered:
            raise self.missing(order, "OrderTriggered, its stop is reached")
        if order.order_id not in self.at_work.by_id:
            return
        quote = self.quotes.latest.get(order.symbol)
        if not order.fills and "OrderFilled" in self.duties.at_acceptance(order, quote):
            raise self.missing(order, "OrderFilled, it is marketable")
        if order.time_in_force == "IOC":
            raise self.missing(order, "a fill of all or OrderCancelled, it is IOC")

    def nothing_due(self) -> None:
        """Demand that the latest quote has done all that it had to.

        Raises:
            DifferenceError: an order that it reaches lacks an event.
        """
        for order_id, kinds in self.duties.due.items():
            order = self.at_work.by_id[order_id]
            last = self.quotes.last.event_id if self.quotes.last is not None else ""
            raise self.missing(order, f"{' and '.join(sorted(kinds))} at quote {last}")

    def nothing_overdue(self, at: Micros, *, expiring: bool) -> None:
        """Demand that every order whose `expire_time` has come is gone.

        `expiring`: those of this very instant are still going.
        """
        order = self.at_work.overdue(at)
        if order is not None:
            if expiring and order.expire_time == at:
                return
            raise self.missing(order, "OrderExpired, its expire_time has come")

    def end_maintenance(self) -> None:
        """Demand that MAINTENANCE_BEGIN has ended every order."""
        self.maintenance = None
        for order in self.at_work.by_id.values():
            raise self.missing(order, "OrderExpired or OrderCancelled at MAINTENANCE_BEGIN")

    def missing(self, order: WorkingOrder, what: str) -> DifferenceError:
        """Return the difference that an accepted order lacks an event."""
        return self.updates.differs(
            order.accepted,
            f"what became of order {order.client_order_id}",
            expected=what,
            found=f"next {self.updates.described_head()}",
        )

    # -- events ----------------------------------------------------------------------------------

    def _accept(self, line: Written) -> None:
        if self.accepting is None:
            raise AssertionError("an answer is demanded before it is read")
        order = WorkingOrder(self.updates, line, *self.accepting)
        self.at_work.add(order)
        self._accepted = order
        side = order.side_taken(self.quotes.latest.get(order.symbol))
        self._stop_reached = side is not None and side.open_at(line.at) and order.stop_reached(side)

    def _reject_cancel(self, line: Written) -> None:
        if self._known(line) is not None:
            raise self._wrong(line, "the answer to a cancel", "OrderCancelled, it is working")

    def _trigger(self, line: Written, topic: str) -> None:
        order = self._working_order(line)
        quote = self._quote(line, topic, order)
        side = order.side_taken(quote)
        self._demand_tradable(line, order)
        if order.triggered:
            raise self._wrong(line, "the order", "one whose stop was not reached before")
        if (
            quote is None
            or side is None
            or not (side.open_at(line.at) and order.stop_reached(side))
        ):
            raise self._wrong(line, "the market", "one that reaches the stop")
        for field, expected in (
            ("stop_price", order.accepted.event["stop_price"]),
            ("quote_sequence", quote.sequence),
        ):
            if line.event[field] != expected:
                raise self.updates.differs(line, field, expected=expected, found=line.event[field])
        self.at_work.triggered(order)
        self.duties.done(order, "OrderTriggered")

    def _fill(self, line: Written, topic: str) -> Written:
        order = self._working_order(line)
        event = line.event
        execution = self.executions.head
        if execution is None or any(
            execution.event.get(field) != event[field] for field in _SHARED_WITH_EXECUTION
        ):
            raise self.updates.differs(
                line,
                "the fill's Execution",
                expected=f"Execution {event['execution_id']}",
                found=self.executions.described_head(),
            )
        self._execution_ids.topic_of_cause(
            execution.event,
            event["account_id"],
            (topic,),
            lambda expected: self.executions.differs(
                execution, "event_id", expected=expected, found=execution.event["event_id"]
            ),
        )
        self._demand_tradable(line, order)
        if not order.triggered:
            raise self._wrong(line, "the order", "OrderTriggered before its first fill")
        quote = self._quote(line, topic, order)
        check_fill(self.executions, execution, order, quote)
        check_filled(self.updates, line, order)
        self.duties.done(order, "OrderFilled")
        if order.done:
            self._end(order, line)
        return self.executions.take()

    def _cancel(self, line: Written, topic: str) -> None:
        order = self._working_order(line)
        ioc = order.time_in_force == "IOC"
        match line.event["reason"]:
            case "IOC_REMAINDER":
                fits = ioc and order.fills > 0
            case "NOT_MARKETABLE":
                quote = self.quotes.latest.get(order.symbol)
                due = self.duties.at_acceptance(order, quote)
                fits = ioc and order.fills == 0 and "OrderFilled" not in due
            case "MAINTENANCE":
                fits = order.time_in_force != "DAY" and self._in_sweep(line)
            case "BELOW_MINIMUM":
                fits = order.notional is not None and order.fills == 0
            case "PRICE_TOO_FAR":
                side = order.side_taken(self._quote(line, topic, order))
                fits = order.stop is not None and side is not None and order.too_far(side)
            case _:
                fits = True
        if not fits:
            raise self._wrong(line, "reason", f"another for {described(order.accepted.event)}")
        self._end(order, line)

    def _expire(self, line: Written) -> None:
        order = self._working_order(line)
        if line.event["reason"] == "END_OF_DAY":
            fits = order.time_in_force == "DAY" and self._in_sweep(line)
        else:
            fits = order.expire_time == line.at and order.cause_id == line.event["cause_id"]
        if not fits:
            raise self._wrong(line, "reason", f"another for {described(order.accepted.event)}")
        self._end(order, line)

    def _end(self, order: WorkingOrder, line: Written) -> None:
        self.at_work.end(order)
        self.duties.done(order, line.event["type"])

    def _quoted(self, quote: Quote) -> None:
        self.nothing_due()
        self.duties.quoted(quote)

    # -- what they share -------------------------------------------------------------------------

    def _working_order(self, line: Written) -> WorkingOrder:
        order = self._known(line)
        if order is None or order.client != line.event["client"]:
            raise self._wrong(line, "the order", "a working one of this account and client")
        priority = order.priority()
        if self._tried is not None and priority < self._tried:
            raise self._wrong(line, "turn", "by accepted time, account and client_order_id")
        self._tried = priority
        return order

    def _quote(self, line: Written, topic: str, order: WorkingOrder) -> Quote | None:
        """Return the quote that the order saw: its cause, or the latest of its symbol."""
        if topic != BBO:
            return self.quotes.latest.get(order.symbol)
        quote = self.quotes.last
        if quote is None or (quote.event_id, quote.at, quote.symbol) != (
            line.event["cause_id"],
            line.at,
            order.symbol,
        ):
            raise self._wrong(line, "cause_id", f"a best quote of {order.symbol} at its time")
        return quote

    def _in_sweep(self, line: Written) -> bool:
        window = self.maintenance
        return window is not None and (
            (window.event["cause_id"], window.at) == (line.event["cause_id"], line.at)
        )

    def _known(self, line: Written) -> WorkingOrder | None:
        """Return the working order that an update is about, None if there is none."""
        return self.at_work.by_id.get((line.event["account_id"], line.event["client_order_id"]))

    def _demand_tradable(self, line: Written, order: WorkingOrder) -> None:
        """Demand that the order's instrument is tradable: until it is, working orders rest."""
        if not self.duties.is_tradable(order.symbol):
            raise self._wrong(line, order.symbol, "nothing, it is not tradable")

    def _wrong(self, line: Written, what: str, expected: str) -> DifferenceError:
        return self.updates.differs(line, what, expected=expected, found=described(line.event))


def expires(line: Written) -> bool:
    """Whether an update is an order's expiry at its own time."""
    return line.event.get("reason") == "EXPIRE_TIME"
