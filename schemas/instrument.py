"""An instrument: what can be traded, and in which steps."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.event import Input, Symbol
from schemas.money import DOLLAR, IncrementPriceIn, IncrementUnitsIn, UsdIn

Asset = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,16}$")]


class InstrumentUpdated(Input):
    """`minimum_order_value` is USD; a quote of this symbol is stale after `stale_after_ms`."""

    type: Literal["InstrumentUpdated"]
    symbol: Symbol
    base: Asset
    quote: Literal["USD"] = "USD"
    minimum_price_increment: IncrementPriceIn
    minimum_quantity_increment: IncrementUnitsIn
    minimum_order_value: UsdIn = DOLLAR
    stale_after_ms: Annotated[int, Field(gt=0)] = 2000
    tradable: bool = True
