"""The best bid and offer of a symbol across providers."""

from typing import Literal

from typing_extensions import TypedDict

from schemas.event import Emitted
from schemas.instant import TimeText
from schemas.money import PriceText, QuantityText

QuoteStatus = Literal["LIVE", "LOCKED", "EMPTY"]


class ProviderSize(TypedDict):
    """What one provider shows at the best price."""

    provider: str
    size: QuantityText


class BestQuote(Emitted):
    """`event_id` is `{symbol}-{sequence}`; `event_time` the symbol's now (section 5).

    A side without a quote has null price, size and `valid_until`, and no providers.
    """

    type: Literal["BestQuote"]
    symbol: str
    status: QuoteStatus
    bid_price: PriceText | None
    bid_size: QuantityText | None
    bid_providers: list[ProviderSize]
    bid_valid_until: TimeText | None
    ask_price: PriceText | None
    ask_size: QuantityText | None
    ask_providers: list[ProviderSize]
    ask_valid_until: TimeText | None
    sequence: int
