"""An instrument: what can be traded, and in which steps."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    field_serializer,
    model_validator,
)

from schemas.event import Input, Symbol
from schemas.instant import DAY, MILLISECOND
from schemas.journal import USD
from schemas.money import DOLLAR, IncrementPriceIn, IncrementUnitsIn, UsdIn, price


def _no_dollar(asset: str) -> str:
    """Refuse the asset that every account of the ledger is paid in."""
    if asset == USD:
        raise ValueError(f"{USD} is what assets are paid with")
    return asset


Asset = Annotated[
    str,
    Field(pattern=r"^[A-Z0-9]{1,16}$", json_schema_extra={"not": {"const": USD}}),
    AfterValidator(_no_dollar),
]
STALE_AFTER_MS_MAX = DAY // MILLISECOND


class InstrumentUpdated(Input):
    """`minimum_order_value` is USD; a quote of this symbol is stale after `stale_after_ms`.

    `base` never changes.
    """

    type: Literal["InstrumentUpdated"]
    symbol: Symbol
    base: Asset
    quote: Literal["USD"] = "USD"
    minimum_price_increment: IncrementPriceIn
    minimum_quantity_increment: IncrementUnitsIn
    minimum_order_value: UsdIn = DOLLAR
    stale_after_ms: Annotated[int, Field(ge=1, le=STALE_AFTER_MS_MAX)] = 2000
    tradable: bool = True

    # The scale is that of the increment as it is written: "0.50" prints 99.50, "0.5" prints 99.5.
    _price_decimals: int = PrivateAttr(default=0)

    @property
    def price_decimals(self) -> int:
        """Return with how many decimals prices of this symbol are printed (section 1)."""
        return self._price_decimals

    @field_serializer("minimum_price_increment")
    def _as_written(self, increment: int) -> str:
        return price(increment, self._price_decimals)

    @model_validator(mode="wrap")
    @classmethod
    def _with_the_scale(cls, data: Any, read: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - any JSON
        event = read(data)
        written: str = data["minimum_price_increment"]
        event._price_decimals = len(written.partition(".")[2])  # noqa: SLF001 - our own
        return event
