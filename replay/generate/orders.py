"""Orders as customers send them, around the market of their time."""

from collections.abc import Mapping

from replay.generate.agenda import HOUR, Agenda
from replay.generate.cast import RETURNED, Cast, Client, Customer
from replay.generate.chance import Draw, between
from replay.generate.fundings import Fundings
from replay.generate.net_wires import NetWires
from replay.generate.order_kinds import (
    LIMIT_GTC,
    NO_OVERRIDE,
    ORDER_MIX,
    ORDER_VALUES,
    OVERRIDE_EVERY,
    OVERRIDES,
    SELLS_PERCENT,
    WORTH_SELLING,
    Override,
    but,
    market,
)
from replay.generate.quote import Best, SeenQuotes
from schemas.instant import time_text
from schemas.money import WHOLE, Cents, Units, quantity, usd
from topics.catalogue import ORDERS


class Orders:
    """Says orders and cancels; what customers hold and have is guessed, on the low side.

    `last` is the last order of the flow, `left_out` counts those for which no fresh quote with both
    sides was there.
    """

    def __init__(
        self,
        agenda: Agenda,
        cast: Cast,
        seen: SeenQuotes,
        fundings: Fundings,
        wires: NetWires,
        draw: Draw,
    ) -> None:
        self.last: dict[str, object] | None = None
        self.left_out = 0
        self._agenda = agenda
        self._traders = cast.traders
        self._seen = seen
        self._fundings = fundings
        self._wires = wires
        self._draw = draw

    def of_the_flow(self, number: int) -> None:
        """Place order `number` of the flow."""
        draw = self._draw
        best = self.some_market()
        if best is None:
            self.left_out += 1
            return
        customer = self._traders[draw(len(self._traders))]
        kind = ORDER_MIX[draw(len(ORDER_MIX))]
        turn, place = divmod(number, OVERRIDE_EVERY)
        override = NO_OVERRIDE if place else OVERRIDES[turn % len(OVERRIDES)]
        held = customer.held.get(best.symbol, 0)
        buy = (
            held * best.bid < WORTH_SELLING * WHOLE
            or draw(100) >= SELLS_PERCENT
            or customer.habit is RETURNED
        )
        price = _customer_price(best, customer.client, override, buy=buy)
        if price <= 0:
            self.left_out += 1
            return

        if buy:
            value = ORDER_VALUES[draw(len(ORDER_VALUES))] * (50 + draw(101)) // 100
            units = value * WHOLE // price
        else:
            units = held * (20 + draw(61)) // 100
            # Nine tenths, so that the notional is there also at a limit below the market.
            value = units * price // WHOLE * 9 // 10
        customer.orders += 1
        order: dict[str, object] = {
            "account_id": customer.account_id,
            "client_order_id": f"order-{customer.orders}",
            "symbol": best.symbol,
            "side": "BUY" if buy else "SELL",
            "order_type": kind.order_type,
            "time_in_force": kind.time_in_force,
            kind.by: usd(value) if kind.by == "notional" else quantity(units),
        }
        away = 0
        stop: dict[str, object] = {}
        if kind.stop_bps is not None:
            away = between(draw, kind.stop_bps)
            stop["stop_price"] = usd(_moved(best.ask if buy else best.bid, away, up=buy))
        if kind.through_bps is not None:
            through = away + between(draw, kind.through_bps)
            order["limit_price"] = usd(_moved(price, through, up=buy))
        order |= stop  # behind the limit: in the order that replay/usual_order.py reads
        if kind.time_in_force == "GTD":
            order["expire_time"] = time_text(self._agenda.now + (1 + draw(6)) * HOUR)
        if not place:
            order |= override.fields()
        self._agenda.say(ORDERS, "OrderSubmitted", order)
        self.last = order
        self._guess(customer, best, value, units if kind.at_once or not buy else 0, buy=buy)
        if kind.at_once:
            self._wires.traded(customer, value, buy=buy)

    def submit(
        self, customer: Customer, symbol: str, fields: Mapping[str, object]
    ) -> dict[str, object]:
        """Say an order; return it."""
        customer.orders += 1
        order: dict[str, object] = {
            "account_id": customer.account_id,
            "client_order_id": f"order-{customer.orders}",
            "symbol": symbol,
            **fields,
        }
        self._agenda.say(ORDERS, "OrderSubmitted", order)
        return order

    def buy(self, customer: Customer, value: Cents) -> str | None:
        """Say a market buy if there is a market; return its symbol."""
        best = self.some_market()
        if best is None:
            return None
        self.submit(customer, best.symbol, market("BUY", notional=usd(value)))
        # A tenth less than the money buys before markup and fees.
        self._guess(customer, best, value, value * WHOLE // best.ask * 9 // 10, buy=True)
        self._wires.traded(customer, value, buy=True)
        return best.symbol

    def rest_far_away(self, customer: Customer) -> dict[str, object] | None:
        """Say a limit buy far below the market, if there is one; return it."""
        best = self.some_market()
        if best is None:
            return None
        limit = usd(best.ask * 80 // 100)
        return self.submit(customer, best.symbol, but(LIMIT_GTC | {"limit_price": limit}))

    def cancel(self, order: Mapping[str, object], cancel_id: str) -> None:
        """Say that an order is to be cancelled."""
        fields = {
            "account_id": order["account_id"],
            "client_order_id": order["client_order_id"],
            "cancel_id": cancel_id,
        }
        self._agenda.say(ORDERS, "OrderCancelRequested", fields)

    def cancel_id(self) -> str:
        """Return an id for a cancel."""
        return f"cancel-{self._agenda.number('cancel_id')}"

    def some_market(self) -> Best | None:
        """Return the market of a symbol drawn at random, or of the next that has one."""
        symbols = self._seen.symbols
        if not symbols:
            return None
        first = self._draw(len(symbols))
        now = self._agenda.now
        best = self._seen.best(symbols[first], now)
        if best is None:
            for symbol in symbols[first + 1 :] + symbols[:first]:
                best = best or self._seen.best(symbol, now)
        return best

    def _guess(
        self, customer: Customer, best: Best, value: Cents, units: Units, *, buy: bool
    ) -> None:
        """Keep the guess of cash and holdings on the low side; let low cash be topped up."""
        held = customer.held.get(best.symbol, 0)
        if buy:
            # 2% and a dollar for commission; 3% less coin for fees and prices that move.
            customer.cash -= value + value // 50 + 100
            customer.held[best.symbol] = held + min(units, best.ask_size) * 97 // 100
        else:
            customer.held[best.symbol] = held - units
        self._fundings.top_up_when_low(customer)


def _customer_price(best: Best, client: Client, override: Override, *, buy: bool) -> Cents:
    """What the client shows the customer: about the price with markup."""
    bps = client.markup_bps if override.markup_bps is None else override.markup_bps
    fixed = client.markup_fixed if override.markup_fixed is None else override.markup_fixed
    if buy:
        return -(-best.ask * (10_000 + bps) // 10_000) + fixed
    return best.bid * (10_000 - bps) // 10_000 - fixed


def _moved(price: Cents, bps: int, *, up: bool) -> Cents:
    """Return the price moved by basis points, at least a cent."""
    return max(1, price * (10_000 + (bps if up else -bps)) // 10_000)
