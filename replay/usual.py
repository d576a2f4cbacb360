"""What a long history consists of, read straight into what is decided on: by topic."""

from replay.read import UsualReader
from settlement.provider_quote import usual_quote
from settlement.submitted_order import usual_order
from topics.catalogue import ORDERS, PRICE_TICKS

USUAL: dict[str, UsualReader] = {PRICE_TICKS: usual_quote, ORDERS: usual_order}
