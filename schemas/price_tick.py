"""A provider's quote."""

from typing import Literal, Self

from pydantic import model_validator

from schemas.event import Input, Provider, Symbol
from schemas.money import TickPriceIn, TickSizeIn
from schemas.instant import TimeIn


class PriceTick(Input):
    """A side is null or has both price and size; both sides null withdraw the quote (section 5)."""

    type: Literal["PriceTick"]
    provider: Provider
    symbol: Symbol
    bid_price: TickPriceIn | None = None
    bid_size: TickSizeIn | None = None
    ask_price: TickPriceIn | None = None
    ask_size: TickSizeIn | None = None
    valid_until: TimeIn | None = None

    @model_validator(mode="after")
    def _whole_sides(self) -> Self:
        if (self.bid_price is None) != (self.bid_size is None):
            raise ValueError("bid_price and bid_size go together")
        if (self.ask_price is None) != (self.ask_size is None):
            raise ValueError("ask_price and ask_size go together")
        return self
