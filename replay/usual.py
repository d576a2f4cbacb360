"""What a long history consists of, read straight into what is decided on."""

from replay.read import Usual
from replay.usual_tick import usual_line, usual_value
from settlement.submitted_order import usual_order
from topics.catalogue import ORDERS, PRICE_TICKS

USUAL = Usual(usual_line, {PRICE_TICKS: usual_value, ORDERS: usual_order})
