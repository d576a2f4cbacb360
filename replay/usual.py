"""What a long history consists of, read straight into what is decided on."""

from replay.read import Usual
from replay.usual_order import usual_order, usual_order_value
from replay.usual_tick import usual_tick, usual_tick_value
from topics.catalogue import ORDERS, PRICE_TICKS

USUAL = Usual(usual_tick, usual_order, {PRICE_TICKS: usual_tick_value, ORDERS: usual_order_value})
