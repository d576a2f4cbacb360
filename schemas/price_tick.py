"""A provider's quote."""

from typing import Literal, Self

from pydantic import model_validator

from schemas.event import Input, Provider, Symbol
from schemas.instant import TimeIn
from schemas.money import PriceDecimal, QuantityDecimal


class PriceTick(Input):
    """A side is null or has both price and size; both sides null withdraw the quote (section 5)."""

    type: Literal["PriceTick"]
    provider: Provider
    symbol: Symbol
    bid_price: PriceDecimal | None = None
    bid_size: QuantityDecimal | None = None
    ask_price: PriceDecimal | None = None
    ask_size: QuantityDecimal | None = None
    valid_until: TimeIn | None = None

    @model_validator(mode="after")
    def _whole_sides(self) -> Self:
        if (self.bid_price is None) is not (self.bid_size is None):
            raise ValueError("bid_price and bid_size go together")
        if (self.ask_price is None) is not (self.ask_size is None):
            raise ValueError("ask_price and ask_size go together")
        return self
