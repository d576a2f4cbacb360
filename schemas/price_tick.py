"""A provider's quote."""

from typing import Literal

from schemas.event import Input, Provider, Symbol
from schemas.instant import TimeText
from schemas.money import DecimalText


class PriceTick(Input):
    """A side is null or has both price and size; both sides null withdraw the quote (section 5)."""

    type: Literal["PriceTick"]
    provider: Provider
    symbol: Symbol
    bid_price: DecimalText | None = None
    bid_size: DecimalText | None = None
    ask_price: DecimalText | None = None
    ask_size: DecimalText | None = None
    valid_until: TimeText | None = None
