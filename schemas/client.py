"""A client (correspondent): the brokerage that brings customers."""

from typing import Literal

from schemas.event import ClientCode, FreeText, Input
from schemas.money import BpsIn, PriceIn, UsdIn

CommissionModel = Literal["MARKUP", "TRADE_FEE"]


class ClientUpdated(Input):
    """The client's terms. Markup is inside the price, commission is itemised (domain.md 5).

    `markup_fixed`: USD per whole asset; `commission_fixed`, `commission_minimum`: USD per order.
    """

    type: Literal["ClientUpdated"]
    client: ClientCode
    name: FreeText = ""
    commission_model: CommissionModel
    markup_bps: BpsIn = 0
    markup_fixed: PriceIn = 0
    commission_bps: BpsIn = 0
    commission_fixed: UsdIn = 0
    commission_minimum: UsdIn = 0
    revenue_share_bps: BpsIn = 0
