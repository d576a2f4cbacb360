"""What becomes of an order, said to the world: the events of `order-updates` (contract 3)."""

from schemas.instant import time_text
from schemas.money import price, quantity, usd
from schemas.order import (
    CancelReason,
    CancelRejectReason,
    ExpireReason,
    OrderAccepted,
    OrderCancelled,
    OrderCancelRejected,
    OrderCancelRequested,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderTriggered,
)
from settlement.cause import Cause, Out
from settlement.order import Rejection
from settlement.rounding import AVERAGE_DECIMALS, average_price
from settlement.submitted_order import SubmittedOrder
from settlement.working_orders import MarketQuote, Order, TradingAccount
from topics.catalogue import ORDER_UPDATES


def accepted(submitted: SubmittedOrder, order: Order, cause: Cause, out: Out) -> None:
    """Say that an order works from now on."""
    account, decimals = order.account, order.instrument.decimals
    event: OrderAccepted = {
        "type": "OrderAccepted",
        "event_id": cause.event_id("OrderAccepted", account.account_id),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "account_id": account.account_id,
        "client": account.client,
        "client_order_id": order.client_order_id,
        "symbol": submitted.symbol,
        "side": submitted.side,
        "order_type": submitted.order_type,
        "time_in_force": submitted.time_in_force,
        "notional": None if order.notional is None else usd(order.notional),
        "quantity": None if order.quantity is None else quantity(order.quantity),
        "limit_price": None if order.limit is None else price(order.limit, decimals),
        "stop_price": None if order.stop is None else price(order.stop, decimals),
        "expire_time": None if order.expire_time is None else time_text(order.expire_time),
    }
    out.append((ORDER_UPDATES, account.account_id, event))


def rejected(
    submitted: SubmittedOrder,
    account: TradingAccount | None,
    rejection: Rejection,
    cause: Cause,
    out: Out,
) -> None:
    """Say which check an order failed."""
    event: OrderRejected = {
        "type": "OrderRejected",
        "event_id": cause.event_id("OrderRejected", submitted.account_id),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "account_id": submitted.account_id,
        "client": account.client if account is not None else None,
        "client_order_id": submitted.client_order_id,
        "reason": rejection.reason,
        "detail": rejection.detail,
    }
    out.append((ORDER_UPDATES, submitted.account_id, event))


def triggered(order: Order, quote: MarketQuote, cause: Cause, out: Out) -> None:
    """Say that the market has traded through an order's stop."""
    account = order.account
    event: OrderTriggered = {
        "type": "OrderTriggered",
        "event_id": cause.event_id("OrderTriggered", account.account_id),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "account_id": account.account_id,
        "client": account.client,
        "client_order_id": order.client_order_id,
        "stop_price": price(order.stop or 0, order.instrument.decimals),
        "quote_sequence": quote.sequence,
    }
    out.append((ORDER_UPDATES, account.account_id, event))


def cancelled(order: Order, reason: CancelReason, detail: str, cause: Cause, out: Out) -> None:
    """Say that what was left of an order is gone."""
    account = order.account
    event: OrderCancelled = {
        "type": "OrderCancelled",
        "event_id": cause.event_id("OrderCancelled", account.account_id),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "account_id": account.account_id,
        "client": account.client,
        "client_order_id": order.client_order_id,
        "reason": reason,
        "detail": detail,
    }
    out.append((ORDER_UPDATES, account.account_id, event))


def filled(order: Order, execution_id: str, cause: Cause, out: Out) -> None:
    """Say what is left of an order after a fill."""
    account = order.account
    by_quantity = order.quantity is not None
    event: OrderFilled = {
        "type": "OrderFilled",
        "event_id": cause.event_id("OrderFilled", account.account_id),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "account_id": account.account_id,
        "client": account.client,
        "client_order_id": order.client_order_id,
        "execution_id": execution_id,
        "cumulative_quantity": quantity(order.filled),
        "leaves_quantity": quantity((order.quantity or 0) - order.filled) if by_quantity else None,
        "leaves_notional": None if by_quantity else usd(order.leaves_notional),
        "average_price": price(average_price(order.average_total, order.filled), AVERAGE_DECIMALS),
    }
    out.append((ORDER_UPDATES, account.account_id, event))


def expired(order: Order, reason: ExpireReason, detail: str, cause: Cause, out: Out) -> None:
    """Say that an order's time in force is over."""
    account = order.account
    event: OrderExpired = {
        "type": "OrderExpired",
        "event_id": cause.event_id("OrderExpired", account.account_id),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "account_id": account.account_id,
        "client": account.client,
        "client_order_id": order.client_order_id,
        "reason": reason,
        "detail": detail,
    }
    out.append((ORDER_UPDATES, account.account_id, event))


def cancel_rejected(
    requested: OrderCancelRequested,
    account: TradingAccount | None,
    reason: CancelRejectReason,
    detail: str,
    cause: Cause,
    out: Out,
) -> None:
    """Say why there was nothing to cancel."""
    event: OrderCancelRejected = {
        "type": "OrderCancelRejected",
        "event_id": cause.event_id("OrderCancelRejected", requested.account_id),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "account_id": requested.account_id,
        "client": account.client if account else None,
        "client_order_id": requested.client_order_id,
        "cancel_id": requested.cancel_id,
        "reason": reason,
        "detail": detail,
    }
    out.append((ORDER_UPDATES, requested.account_id, event))
