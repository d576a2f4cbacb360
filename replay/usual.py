"""What a long history consists of, read straight into what is decided on: by topic."""

from replay.read import UsualReader
from replay.usual_tick import usual_value
from settlement.submitted_order import usual_order
from topics.catalogue import ORDERS, PRICE_TICKS

USUAL: dict[str, UsualReader] = {PRICE_TICKS: usual_value, ORDERS: usual_order}
