"""Every order and every cancel has its answer, and the right one (contract section 6)."""

from collections import defaultdict
from hashlib import blake2b
from typing import Any, NamedTuple

from audit import numbers
from audit.admission import World, rates_of, refusal
from audit.ledger import Ledger
from audit.orders import Orders
from audit.working_order import WorkingOrder
from schemas.instant import Micros, time_text
from schemas.money import (
    CENTS_DECIMALS,
    PRICE_DECIMALS,
    UNITS_DECIMALS,
    price,
    quantity,
    usd,
)
from schemas.order import OrderCancelRequested, OrderSubmitted

# A rejected order's id is used up, but for these reasons.
_ID_STAYS_FREE = frozenset({"UNKNOWN_ACCOUNT", "UNKNOWN_CLIENT"})
_OF_NO_MEANING = {"event_id", "event_time", "type"}


class Answer(NamedTuple):
    """What the first update of an order or cancel must be: its type, reason and other fields."""

    kind: str
    reason: str | None
    fields: dict[str, Any]


class OrderAnswers:
    """The ids that were used, each with a digest of its content."""

    def __init__(self, world: World, ledger: Ledger, orders: Orders) -> None:
        """Start before the first order."""
        self.world = world
        self.ledger = ledger
        self.orders = orders
        self._orders: dict[tuple[str, str], bytes] = {}
        self._cancels: dict[tuple[str, str], str] = {}

    def cancel_refusals(self, event: OrderCancelRequested) -> set[str]:
        """Return the reasons for which a cancel may be dead-lettered; empty: it is answered."""
        before = self._cancels.get((event.account_id, event.cancel_id))
        return set() if before in {None, event.client_order_id} else {"CONFLICT"}

    def to_cancel(self, event: OrderCancelRequested) -> Answer | None:
        """Return the answer to a cancel that is not refused; None: it is a repeat."""
        cancel_id = (event.account_id, event.cancel_id)
        if cancel_id in self._cancels:
            return None
        self._cancels[cancel_id] = event.client_order_id
        order = self.orders.at_work.by_id.get((event.account_id, event.client_order_id))
        known = (event.account_id, event.client_order_id) in self._orders
        if order is not None:
            return Answer("OrderCancelled", "CLIENT_REQUEST", self._about(event))
        reason = "ORDER_DONE" if known else "UNKNOWN_ORDER"
        return Answer("OrderCancelRejected", reason, self._about(event))

    def to_order(self, event: OrderSubmitted, at: Micros) -> Answer | None:
        """Return the answer to an order at `at`; None: it is a repeat."""
        order_id = (event.account_id, event.client_order_id)
        content = _digest(event)
        before = self._orders.get(order_id)
        if before is not None:
            if before == content:
                return None
            return Answer("OrderRejected", "DUPLICATE_ORDER_ID", self._about(event))
        self.orders.quotes.read_to(at)
        quote = self.orders.quotes.latest.get(event.symbol)
        available, assets = self._available(event), self._assets(event)
        reason = refusal(event, self.world, quote, available, assets, at)
        if reason not in _ID_STAYS_FREE:
            self._orders[order_id] = content
        if reason is not None:
            return Answer("OrderRejected", reason, self._about(event))
        return Answer("OrderAccepted", None, self._about(event) | self._accepted(event))

    def barred(self, account_id: str, at: Micros) -> WorkingOrder | None:
        """Return an order accepted before `at` that its account's mode or jurisdiction now bars."""
        account = self.world.accounts[account_id]
        for order in self.orders.at_work.by_account.get(account_id, {}).values():
            if order.accepted.at >= at:
                continue
            if account.mode in {"CLOSED", "LOCKED"} or account.jurisdiction == "PROHIBITED":
                return order
            if order.buy and "CLOS" in account.mode + account.jurisdiction:
                return order
        return None

    def _about(self, event: OrderSubmitted | OrderCancelRequested) -> dict[str, Any]:
        account = self.world.accounts.get(event.account_id)
        about: dict[str, Any] = {
            "cause_id": event.event_id,
            "account_id": event.account_id,
            "client": None if account is None else account.client,
            "client_order_id": event.client_order_id,
        }
        if isinstance(event, OrderCancelRequested):
            about["cancel_id"] = event.cancel_id
        return about

    def _accepted(self, event: OrderSubmitted) -> dict[str, Any]:
        """Return what `OrderAccepted` repeats of an order; fix the rates and terms it keeps."""
        account = self.world.accounts[event.account_id]
        instrument = self.world.instruments[event.symbol]
        self.orders.accepting = (rates_of(event, self.world.clients[account.client]), instrument)
        decimals = instrument.price_decimals
        notional, units = event.notional, event.quantity
        return {
            "symbol": event.symbol,
            "side": event.side,
            "order_type": event.order_type,
            "time_in_force": event.time_in_force,
            "notional": None if notional is None else usd(numbers.stated(notional, CENTS_DECIMALS)),
            "quantity": None if units is None else quantity(numbers.stated(units, UNITS_DECIMALS)),
            "limit_price": _price_text(event.limit_price, decimals),
            "stop_price": _price_text(event.stop_price, decimals),
            "expire_time": None if event.expire_time is None else time_text(event.expire_time),
        }

    def _available(self, event: OrderSubmitted) -> dict[str, int]:
        """Return what the account may still sell, by asset."""
        account = self.ledger.accounts.get(event.account_id)
        if event.side == "BUY" or account is None:
            return {}
        held: dict[str, int] = defaultdict(int)
        for order in self.orders.at_work.by_account.get(event.account_id, {}).values():
            if not order.buy:
                held[order.instrument.base] += _still_holds(order)
        return {asset: units - held[asset] for asset, units in account.positions.items()}

    def _assets(self, event: OrderSubmitted) -> set[str]:
        """Return what the buyer ever held and what its working buys are for."""
        account = self.ledger.accounts.get(event.account_id)
        if event.side == "SELL" or account is None:
            return set()
        working = self.orders.at_work.by_account.get(event.account_id, {}).values()
        bought = {self.world.instruments[order.symbol].base for order in working if order.buy}
        return bought | account.positions.keys()


def _still_holds(order: WorkingOrder) -> int:
    """Return what a working sell order holds; a notional one its rest at its limit, rounded up."""
    if order.quantity is not None:
        return order.quantity - order.units
    if order.limit is None or order.notional is None:
        return 0
    rest = (order.notional - order.gross) * numbers.UNIT_PRICES_PER_CENT
    increment = order.instrument.minimum_quantity_increment
    return -(-rest // (order.limit * increment)) * increment


def _price_text(text: str | None, decimals: int) -> str | None:
    return None if text is None else price(numbers.stated(text, PRICE_DECIMALS), decimals)


def _digest(event: OrderSubmitted) -> bytes:
    """Return a digest of all but `event_id` and `event_time`: what a repeat shares."""
    content = event.model_dump_json(exclude=_OF_NO_MEANING)
    return blake2b(content.encode(), digest_size=12).digest()
