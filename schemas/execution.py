"""A fill: the fact from which settlement starts."""

from typing import Literal

from typing_extensions import TypedDict

from schemas.account import FundingModel
from schemas.event import AccountEmitted
from schemas.instant import DateText
from schemas.money import PriceText, QuantityText, UsdText
from schemas.order import Side


class ProviderQuantity(TypedDict):
    """What one provider contributed to a fill."""

    provider: str
    quantity: QuantityText


class Execution(AccountEmitted):
    """`execution_id` = `{account_id}-{client_order_id}-{n}`, n counting the order's fills from 1.

    `price` is the customer's, with markup; `quote_price` the raw market's. The five rates are those
    that were fixed when the order was accepted.
    """

    type: Literal["Execution"]
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
