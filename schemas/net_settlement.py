"""Net settlement: one movement a day per client, and the wires that pay it."""

from typing import Literal

from schemas.account import FundingModel
from schemas.event import AccountEmitted, ClientCode, Emitted, FreeId, FreeText, Input
from schemas.execution import ProviderQuantity
from schemas.instant import DateText, TimeIn, TimeText
from schemas.money import PositiveUsdIn, PriceText, QuantityText, UsdText
from schemas.order import Side


class NetSettlementConfirmed(Input):
    """The client agrees with the amount of the window that ended at `window_to`."""

    type: Literal["NetSettlementConfirmed"]
    client: ClientCode
    window_to: TimeIn
    reason: FreeText | None = None


class NetSettlementDisputed(Input):
    """The client does not agree."""

    type: Literal["NetSettlementDisputed"]
    client: ClientCode
    window_to: TimeIn
    reason: FreeText | None = None


class _Wire(Input):
    wire_id: FreeId
    client: ClientCode
    amount: PositiveUsdIn


class NetWireReceived(_Wire):
    """The client paid the platform."""

    type: Literal["NetWireReceived"]


class NetWireSent(_Wire):
    """The platform paid the client."""

    type: Literal["NetWireSent"]


class RevenueSharePaid(_Wire):
    """The platform paid the client its revenue share."""

    type: Literal["RevenueSharePaid"]


NetStatus = Literal["PENDING", "CONFIRMED", "DISPUTED", "PAID", "OVERPAID"]


class NetSettlementLine(AccountEmitted):
    """One execution of a Net Settlement account, with all its fields; `executed_at`: its time.

    `net_amount` is positive where the client owes: a buy.
    """

    type: Literal["NetSettlementLine"]
    execution_id: str
    client_order_id: str
    symbol: str
    base: str
    side: Side
    quantity: QuantityText
    price: PriceText
    quote_price: PriceText
    quote_sequence: int
    gross: UsdText
    markup: UsdText
    commission: UsdText
    net_money: UsdText
    markup_bps: str
    markup_fixed: str
    commission_bps: str
    commission_fixed: UsdText
    commission_minimum: UsdText
    providers: list[ProviderQuantity]
    trade_date: DateText
    funding_model: FundingModel
    executed_at: TimeText
    net_amount: UsdText
    window_to: TimeText


class NetSettlement(Emitted):
    """The day's net of one client, also when it is 0."""

    type: Literal["NetSettlement"]
    client: str
    window_from: TimeText
    window_to: TimeText
    net_amount: UsdText
    executions: int
    payment_due: DateText


class NetSettlementStatus(Emitted):
    """Where the payment of one net settlement stands.

    `outstanding`: positive, the client is to pay; negative, the platform. In an OVERPAID one it is
    what was paid beyond all that was due.
    """

    type: Literal["NetSettlementStatus"]
    client: str
    window_to: TimeText
    status: NetStatus
    outstanding: UsdText
