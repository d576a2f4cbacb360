"""Each order from its acceptance to one end (contract section 6), as `order-updates` tells it."""

from collections import Counter, defaultdict
from heapq import heappop, heappush

from replay.audit.cause import FoundIds, event_id
from replay.audit.difference import DifferenceError, described
from replay.audit.fill import Increments, check_fill, check_filled
from replay.audit.quotes import Quote, Quotes
from replay.audit.topic_file import TopicFile, Written
from replay.audit.working_order import Rates, WorkingOrder
from schemas.instant import Micros
from schemas.instrument import InstrumentUpdated
from settlement.calendar import in_maintenance
from topics.catalogue import ACCOUNTS, BBO, EXECUTIONS, ORDERS

OrderId = tuple[str, str]

# Which topics the cause of an event can come from, the likeliest first; of what ends an order by
# the reason that it gives.
_CAUSES: dict[str, tuple[str, ...]] = {
    "OrderAccepted": (ORDERS,),
    "OrderRejected": (ORDERS,),
    "OrderCancelRejected": (ORDERS,),
    "OrderTriggered": (BBO, ORDERS),
    "OrderFilled": (ORDERS, BBO),
    "CLIENT_REQUEST": (ORDERS,),
    "IOC_REMAINDER": (ORDERS,),
    "NOT_MARKETABLE": (ORDERS,),
    "BELOW_MINIMUM": (BBO, ORDERS),
    "PRICE_TOO_FAR": (BBO, ORDERS),
    "MAINTENANCE": (EXECUTIONS,),
    "ACCOUNT_NOT_OPEN": (ACCOUNTS,),
    "JURISDICTION": (ACCOUNTS,),
    "END_OF_DAY": (EXECUTIONS,),
    "EXPIRE_TIME": (ORDERS,),
}
# A rejected order's id is used up, but for these reasons.
_ID_STAYS_FREE = frozenset({"UNKNOWN_ACCOUNT", "UNKNOWN_CLIENT"})
_SHARED_WITH_EXECUTION = (
    "execution_id",
    "account_id",
    "client",
    "client_order_id",
    "cause_id",
    "event_time",
)
# The checks that come before MAINTENANCE, and it.
_REJECTED_IN_MAINTENANCE = frozenset(
    {
        "DUPLICATE_ORDER_ID",
        "UNKNOWN_ACCOUNT",
        "UNKNOWN_CLIENT",
        "INVALID_ORDER",
        "ACCOUNT_NOT_OPEN",
        "UNKNOWN_SYMBOL",
        "MAINTENANCE",
    }
)


class Orders:
    """The orders at work, and the ids that were used."""

    def __init__(self, updates: TopicFile, executions: TopicFile, quotes: Quotes) -> None:
        """Start without an order."""
        self.updates = updates
        self.executions = executions
        self.quotes = quotes
        self.increments: dict[str, Increments] = defaultdict(Increments)
        self.working: dict[OrderId, WorkingOrder] = {}
        self.working_of: dict[str, dict[OrderId, WorkingOrder]] = {}
        # Told by the inputs, if they are at hand: the instruments, and what the order that is about
        # to be accepted is charged.
        self.instruments: dict[str, InstrumentUpdated] = {}
        self.accepting: Rates | None = None
        self.rejected: Counter[str] = Counter()
        self._accepted_ids: set[OrderId] = set()
        self._rejected_ids: set[OrderId] = set()
        # The MAINTENANCE_BEGIN whose sweep is being read.
        self.maintenance: Written | None = None
        self._expiries: list[tuple[Micros, OrderId]] = []
        self._update_ids = FoundIds()
        self._execution_ids = FoundIds()
        # Of the step that is being read: the order that it accepted, whether the market had then
        # reached its stop, and the place in line of the order that was tried last.
        self._accepted: WorkingOrder | None = None
        self._stop_reached = False
        self._tried: tuple[Micros, str, str] | None = None

    # -- steps -----------------------------------------------------------------------------------

    def cause_topic(self, line: Written) -> str:
        """Return the topic of an update's cause; its id must follow from it."""
        event = line.event
        kind: str = event["type"]
        causes = _CAUSES.get(kind) or _CAUSES[event["reason"]]
        return self._update_ids.topic_of_cause(
            event,
            event["account_id"] or "",
            causes,
            lambda expected: self.updates.differs(
                line, "event_id", expected=expected, found=event["event_id"]
            ),
        )

    def topic_of_first(self, line: Written) -> str:
        """Return the topic of the cause of a step's first update; checked when it is applied."""
        event = line.event
        causes = _CAUSES.get(event["type"]) or _CAUSES[event["reason"]]
        for topic in causes[1:]:
            made = event_id(topic, event["cause_id"], event["type"], event["account_id"] or "", 1)
            if made == event["event_id"]:
                return topic
        return causes[0]

    def apply(self, line: Written, topic: str) -> Written | None:
        """Check an update; return the execution that comes with it, if one does.

        Raises:
            DifferenceError: it does not follow from what its order did before.
        """
        match line.event["type"]:
            case "OrderAccepted":
                self._accept(line)
            case "OrderRejected":
                self._reject(line)
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
        """Demand what an order's own step had to do: trigger a reached stop, end an IOC order."""
        self._tried = None
        order, self._accepted = self._accepted, None
        if order is None:
            return
        if self._stop_reached and not order.triggered:
            raise self.missing(order, "OrderTriggered, its stop is reached")
        if order.time_in_force != "IOC" or order.order_id not in self.working:
            return
        if order.last_fill is None or not order.may_be_done:
            raise self.missing(order, "a fill of all or OrderCancelled, it is IOC")
        self.increments[order.symbol].left(order.last_fill, order.residue)
        self._end(order)

    def nothing_overdue(self, at: Micros, *, expiring: bool) -> None:
        """Demand that every order whose `expire_time` has come is gone.

        `expiring`: those of this very instant are still going.
        """
        while self._expiries and self._expiries[0][0] <= at:
            expire_time, order_id = self._expiries[0]
            order = self.working.get(order_id)
            if order is not None:
                if expiring and expire_time == at:
                    return
                if not order.may_be_done:
                    raise self.missing(order, "OrderExpired, its expire_time has come")
                self._end(order)
            heappop(self._expiries)

    def end_maintenance(self) -> None:
        """Demand that MAINTENANCE_BEGIN has ended every order."""
        self.maintenance = None
        for order in self.working.values():
            if not order.may_be_done:
                raise self.missing(order, "OrderExpired or OrderCancelled at MAINTENANCE_BEGIN")
        self.working.clear()
        self.working_of.clear()
        self._expiries.clear()

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
        event = line.event
        order_id = self._order_id(line)
        if order_id in self._accepted_ids or order_id in self._rejected_ids:
            raise self._wrong(line, "client_order_id", "one that was not used before")
        if in_maintenance(line.at):
            raise self._wrong(line, "time of the acceptance", "none in [16:30, 17:05)")
        if event["client"] is None:
            raise self._wrong(line, "client", "the account's")
        order = WorkingOrder(self.updates, line)
        self._accepted_ids.add(order_id)
        self.working[order_id] = order
        self.working_of.setdefault(order.account_id, {})[order_id] = order
        order.rates = self.accepting
        if order.expire_time is not None:
            heappush(self._expiries, (order.expire_time, order_id))
        self._accepted = order
        self._check_market(line, order)
        self.increments[order.symbol].ordered(order)

    def _check_market(self, line: Written, order: WorkingOrder) -> None:
        self.quotes.read_to(line.at)
        side = order.side_taken(self.quotes.latest.get(order.symbol))
        if side is not None and not side.open_at(line.at):
            side = None
        self._stop_reached = side is not None and order.stop_reached(side)
        if not order.triggered and not self._stop_reached:
            return
        if side is None:
            raise self._wrong(line, "the side that the order takes", "quoted at its acceptance")
        if order.too_far(side):
            raise self._wrong(line, "limit_price", "at most 10% through the market")

    def _reject(self, line: Written) -> None:
        reason = line.event["reason"]
        order_id = self._order_id(line)
        used = order_id in self._accepted_ids or order_id in self._rejected_ids
        if used != (reason == "DUPLICATE_ORDER_ID"):
            state = "was used before" if used else "was not used before"
            raise self._wrong(line, "reason", f"one that fits an id that {state}")
        if (reason == "MAINTENANCE") > in_maintenance(line.at):
            raise self._wrong(line, "reason", "another outside [16:30, 17:05)")
        if in_maintenance(line.at) and reason not in _REJECTED_IN_MAINTENANCE:
            raise self._wrong(line, "reason", "MAINTENANCE")
        self.rejected[reason] += 1
        if reason not in _ID_STAYS_FREE and not used:
            self._rejected_ids.add(order_id)

    def _reject_cancel(self, line: Written) -> None:
        order_id = self._order_id(line)
        known = order_id in self._accepted_ids or order_id in self._rejected_ids
        order = self.working.get(order_id)
        if order is not None:
            if not order.may_be_done:
                raise self._wrong(line, "the answer to a cancel", "OrderCancelled, it is working")
            self._end(order)
        expected = "ORDER_DONE" if known else "UNKNOWN_ORDER"
        if line.event["reason"] != expected:
            raise self._wrong(line, "reason", expected)

    def _trigger(self, line: Written, topic: str) -> None:
        order = self._working_order(line)
        quote = self._quote(line, topic, order)
        side = order.side_taken(quote)
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
        order.triggered = True

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
        if not order.triggered:
            raise self._wrong(line, "the order", "OrderTriggered before its first fill")
        quote = self._quote(line, topic, order)
        instrument = self.instruments.get(order.symbol)
        increments = self.increments[order.symbol]
        check_fill(self.executions, execution, order, quote, increments, instrument)
        check_filled(self.updates, line, order)
        order.last_fill = line
        if order.done:
            self._end(order)
        return self.executions.take()

    def _cancel(self, line: Written, topic: str) -> None:
        order = self._working_order(line)
        ioc = order.time_in_force == "IOC"
        match line.event["reason"]:
            case "IOC_REMAINDER":
                fits = ioc and order.fills > 0
            case "NOT_MARKETABLE":
                fits = ioc and order.fills == 0
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
        self._end(order)

    def _expire(self, line: Written) -> None:
        order = self._working_order(line)
        if line.event["reason"] == "END_OF_DAY":
            fits = order.time_in_force == "DAY" and self._in_sweep(line)
        else:
            fits = order.expire_time == line.at and order.cause_id == line.event["cause_id"]
        if not fits:
            raise self._wrong(line, "reason", f"another for {described(order.accepted.event)}")
        self._end(order)

    def _end(self, order: WorkingOrder) -> None:
        del self.working[order.order_id]
        of_account = self.working_of[order.account_id]
        del of_account[order.order_id]
        if not of_account:
            del self.working_of[order.account_id]

    # -- what they share -------------------------------------------------------------------------

    def _working_order(self, line: Written) -> WorkingOrder:
        order = self.working.get(self._order_id(line))
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
            self.quotes.read_to(line.at)
            return self.quotes.latest.get(order.symbol)
        quote = self.quotes.read_to_quote(line.event["cause_id"], line.at)
        if quote is None or quote.symbol != order.symbol:
            raise self._wrong(line, "cause_id", f"a best quote of {order.symbol} at its time")
        return quote

    def _in_sweep(self, line: Written) -> bool:
        window = self.maintenance
        return window is not None and (
            (window.event["cause_id"], window.at) == (line.event["cause_id"], line.at)
        )

    def _order_id(self, line: Written) -> OrderId:
        account_id = line.event["account_id"]
        if account_id is None:
            raise self._wrong(line, "account_id", "an account")
        return (account_id, line.event["client_order_id"])

    def _wrong(self, line: Written, what: str, expected: str) -> DifferenceError:
        return self.updates.differs(line, what, expected=expected, found=described(line.event))
