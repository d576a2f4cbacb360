"""Orders, and what becomes of them."""

from typing import Literal

from schemas.event import AccountEmitted, AccountId, ClientOrderId, FreeId, Input, Symbol
from schemas.instant import TimeIn, TimeText
from schemas.money import DecimalText, PriceText, QuantityText, UsdText

Side = Literal["BUY", "SELL"]
OrderType = Literal["MARKET", "LIMIT", "STOP_LIMIT"]
TimeInForce = Literal["IOC", "GTC", "DAY", "GTD"]


class OrderSubmitted(Input):
    """An order. Its numbers stay text: bad ones are answered `INVALID_ORDER`, not dead-lettered."""

    type: Literal["OrderSubmitted"]
    account_id: AccountId
    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    notional: DecimalText | None = None
    quantity: DecimalText | None = None
    limit_price: DecimalText | None = None
    stop_price: DecimalText | None = None
    expire_time: TimeIn | None = None
    markup_bps: DecimalText | None = None
    markup_fixed: DecimalText | None = None
    commission_bps: DecimalText | None = None
    commission_fixed: DecimalText | None = None


class OrderCancelRequested(Input):
    """Answered once per `cancel_id`."""

    type: Literal["OrderCancelRequested"]
    account_id: AccountId
    client_order_id: ClientOrderId
    cancel_id: FreeId


RejectReason = Literal[
    "DUPLICATE_ORDER_ID",
    "UNKNOWN_ACCOUNT",
    "UNKNOWN_CLIENT",
    "INVALID_ORDER",
    "ACCOUNT_NOT_OPEN",
    "UNKNOWN_SYMBOL",
    "MAINTENANCE",
    "ORDER_EXPIRED",
    "JURISDICTION",
    "PRICE_PRECISION",
    "QUANTITY_PRECISION",
    "EMPTY_QUOTES",
    "PRICE_TOO_FAR",
    "BELOW_MINIMUM",
    "ABOVE_MAXIMUM",
    "EXCEEDS_POSITION",
    "TOO_MANY_ASSETS",
]
CancelReason = Literal[
    "CLIENT_REQUEST",
    "IOC_REMAINDER",
    "NOT_MARKETABLE",
    "MAINTENANCE",
    "BELOW_MINIMUM",
    "PRICE_TOO_FAR",
    "ACCOUNT_NOT_OPEN",
    "JURISDICTION",
]
ExpireReason = Literal["END_OF_DAY", "EXPIRE_TIME"]
CancelRejectReason = Literal["UNKNOWN_ORDER", "ORDER_DONE"]


class OrderEmitted(AccountEmitted):
    """An order's event."""

    client_order_id: str


class OrderAccepted(OrderEmitted):
    """The order is working, or about to fill in the same step."""

    type: Literal["OrderAccepted"]
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    notional: UsdText | None
    quantity: QuantityText | None
    limit_price: PriceText | None
    stop_price: PriceText | None
    expire_time: TimeText | None


class OrderRejected(OrderEmitted):
    """The first check that failed (contract section 6); `detail` says it in words."""

    type: Literal["OrderRejected"]
    reason: RejectReason
    detail: str


class OrderTriggered(OrderEmitted):
    """The market traded through a stop: from now on a limit order."""

    type: Literal["OrderTriggered"]
    stop_price: PriceText
    quote_sequence: int


class OrderFilled(OrderEmitted):
    """A fill, beside its `Execution`.

    `leaves_quantity` or `leaves_notional`, the other null; a notional order's residue stays in
    `leaves_notional`. `average_price`: half-even, 8 places.
    """

    type: Literal["OrderFilled"]
    execution_id: str
    cumulative_quantity: QuantityText
    leaves_quantity: QuantityText | None
    leaves_notional: UsdText | None
    average_price: PriceText


class OrderCancelled(OrderEmitted):
    """What was left of the order is gone."""

    type: Literal["OrderCancelled"]
    reason: CancelReason
    detail: str


class OrderCancelRejected(OrderEmitted):
    """There was nothing to cancel."""

    type: Literal["OrderCancelRejected"]
    cancel_id: str
    reason: CancelRejectReason
    detail: str


class OrderExpired(OrderEmitted):
    """The order's time in force is over."""

    type: Literal["OrderExpired"]
    reason: ExpireReason
    detail: str
