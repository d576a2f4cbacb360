"""What becomes of an order, said to the world: the events of `order-updates` (contract 3).

Those that nearly every order makes are written as JSON at once (cause.py).
"""

from schemas.instant import time_text
from schemas.money import price, price_as_written, quantity, usd
from schemas.order import (
    CancelReason,
    CancelRejectReason,
    ExpireReason,
    OrderCancelled,
    OrderCancelRejected,
    OrderCancelRequested,
    OrderExpired,
    OrderRejected,
    OrderTriggered,
)
from settlement.cause import Cause, Out
from settlement.order import Rejection
from settlement.rounding import AVERAGE_DECIMALS, average_price
from settlement.submitted_order import SubmittedOrder
from settlement.working_orders import Order, QuoteSide, TradingAccount
from topics.catalogue import ORDER_UPDATES


def accepted(submitted: SubmittedOrder, order: Order, cause: Cause, out: Out) -> None:
    """Say that an order works from now on."""
    account, decimals = order.account, order.instrument.decimals
    account_id = account.account_id
    notional = quantity_ = limit = stop = expire_time = "null"
    if order.notional is not None:
        notional = f'"{usd(order.notional)}"'
    if order.quantity is not None:
        quantity_ = f'"{quantity(order.quantity)}"'
    if order.limit is not None:
        limit = f'"{price_as_written(submitted.limit_text, order.limit, decimals)}"'
    if order.stop is not None:
        stop = f'"{price_as_written(submitted.stop_text, order.stop, decimals)}"'
    if order.expire_time is not None:
        expire_time = f'"{time_text(order.expire_time)}"'
    event = (
        '{"type":"OrderAccepted",'
        f'"event_id":"{cause.event_id("OrderAccepted", account_id)}",'
        f'"event_time":"{cause.at_text}",'
        f'"cause_id":{cause.id_json},'
        f'"account_id":"{account_id}",'
        f'"client":"{account.client}",'
        f'"client_order_id":"{order.client_order_id}",'
        f'"symbol":"{submitted.symbol}",'
        f'"side":"{submitted.side}",'
        f'"order_type":"{submitted.order_type}",'
        f'"time_in_force":"{submitted.time_in_force}",'
        f'"notional":{notional},'
        f'"quantity":{quantity_},'
        f'"limit_price":{limit},'
        f'"stop_price":{stop},'
        f'"expire_time":{expire_time}}}'
    )
    out.append((ORDER_UPDATES, account_id, event))


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


def triggered(order: Order, side: QuoteSide, cause: Cause, out: Out) -> None:
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
        "quote_sequence": side.sequence,
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
    account_id = account.account_id
    quantity_left = notional_left = "null"
    if order.quantity is not None:
        quantity_left = f'"{quantity(order.quantity - order.filled)}"'
    else:
        notional_left = f'"{usd(order.leaves_notional)}"'
    average = average_price(order.average_total, order.filled)
    event = (
        '{"type":"OrderFilled",'
        f'"event_id":"{cause.event_id("OrderFilled", account_id)}",'
        f'"event_time":"{cause.at_text}",'
        f'"cause_id":{cause.id_json},'
        f'"account_id":"{account_id}",'
        f'"client":"{account.client}",'
        f'"client_order_id":"{order.client_order_id}",'
        f'"execution_id":"{execution_id}",'
        f'"cumulative_quantity":"{quantity(order.filled)}",'
        f'"leaves_quantity":{quantity_left},'
        f'"leaves_notional":{notional_left},'
        f'"average_price":"{price(average, AVERAGE_DECIMALS)}"}}'
    )
    out.append((ORDER_UPDATES, account_id, event))


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
