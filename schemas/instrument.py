"""An instrument: what can be traded, and in which steps."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, PrivateAttr, model_validator

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

    # The scale is that of the increment as it is written: "0.50" prints 99.50, "0.5" prints 99.5.
    _price_decimals: int = PrivateAttr(default=0)

    @property
    def price_decimals(self) -> int:
        """Return with how many decimals prices of this symbol are printed (section 1)."""
        return self._price_decimals

    @model_validator(mode="wrap")
    @classmethod
    def _with_the_scale(cls, data: Any, read: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - any JSON
        event = read(data)
        written: str = data["minimum_price_increment"]
        event._price_decimals = len(written.partition(".")[2])  # noqa: SLF001 - our own
        return event
