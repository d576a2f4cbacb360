"""Orders at work, and the books from which a quote finds those that it reaches (section 6).

A book is sorted by the raw market price from which on each order is marketable (or triggered), so a
quote looks only at orders that it reaches, however many rest.
"""

from typing import Any, cast

import orjson
from sortedcontainers import SortedList

from schemas.account import FundingModel, Jurisdiction, Mode
from schemas.best_quote import BestQuote, ProviderSize
from schemas.instant import Micros, micros
from schemas.instrument import InstrumentUpdated
from schemas.money import PRICE_DECIMALS, UNITS_DECIMALS, Cents, Price, Units, reread
from settlement.commission import Rates, marketable_from
from settlement.rounding import holds_at_least
from settlement.submitted_order import SubmittedOrder


class Instrument:
    """An instrument's terms in minor units; an order keeps those of its acceptance (section 6)."""

    __slots__ = (
        "base",
        "decimals",
        "minimum_order_value",
        "price_increment",
        "quantity_increment",
        "symbol",
        "tradable",
    )

    def __init__(self, event: InstrumentUpdated) -> None:
        """Take the terms of the event."""
        self.symbol = event.symbol
        self.base = event.base
        self.price_increment: Price = event.minimum_price_increment
        self.decimals = event.price_decimals
        self.quantity_increment: Units = event.minimum_quantity_increment
        self.minimum_order_value: Cents = event.minimum_order_value
        self.tradable = event.tradable


class QuoteSide:
    """One side of a best quote; it is empty from `valid_until` on. `sequence` is the quote's."""

    __slots__ = ("price", "providers", "sequence", "size", "valid_until")

    def __init__(
        self,
        price: str,
        size: str,
        valid_until: str,
        providers: list[ProviderSize],
        sequence: int,
    ) -> None:
        """Read the wire form."""
        self.sequence = sequence
        self.price: Price = reread(price, PRICE_DECIMALS)
        self.size: Units = reread(size, UNITS_DECIMALS)
        self.valid_until: Micros = micros(valid_until)
        self.providers = providers


class MarketQuote:
    """The latest best quote of a symbol in this partition."""

    __slots__ = ("_ask", "_bid", "_event")

    def __init__(self, event: BestQuote | str) -> None:
        """Take a best quote: the event, or the text of one."""
        # Read when an order looks at it: most quotes are replaced before one does.
        self._event = event
        self._bid: QuoteSide | None = None
        self._ask: QuoteSide | None = None

    def event(self) -> BestQuote:
        """Return the event."""
        if isinstance(self._event, str):
            self._event = cast("BestQuote", orjson.loads(self._event))
        return self._event

    def taken_by(self, *, buy: bool, at: Micros) -> QuoteSide | None:
        """Return the side that a buy (the ask) or a sell (the bid) takes; None if it is empty."""
        side = (self._ask or self._read_ask()) if buy else (self._bid or self._read_bid())
        return None if side is None or at >= side.valid_until else side

    def _read_bid(self) -> QuoteSide | None:
        quote = self.event()
        price, size, until = quote["bid_price"], quote["bid_size"], quote["bid_valid_until"]
        if price is not None and size is not None and until is not None:
            providers, sequence = quote["bid_providers"], quote["sequence"]
            self._bid = QuoteSide(price, size, until, providers, sequence)
        return self._bid

    def _read_ask(self) -> QuoteSide | None:
        quote = self.event()
        price, size, until = quote["ask_price"], quote["ask_size"], quote["ask_valid_until"]
        if price is not None and size is not None and until is not None:
            providers, sequence = quote["ask_providers"], quote["sequence"]
            self._ask = QuoteSide(price, size, until, providers, sequence)
        return self._ask


class TradingAccount:
    """What trading knows of an account. `positions` and `held` are units by asset.

    `held`: what working sell orders still hold of a position. `bought`: how many working buy orders
    there are for an asset; only assets that have one are in it.
    """

    __slots__ = (
        "account_id",
        "bought",
        "client",
        "funding_model",
        "held",
        "jurisdiction",
        "mode",
        "positions",
        "working",
    )

    def __init__(self, account_id: str, client: str) -> None:
        """Make an open account without anything in it."""
        self.account_id = account_id
        self.client = client
        self.funding_model: FundingModel = "MARKETPLACE"
        self.mode: Mode = "OPEN"
        self.jurisdiction: Jurisdiction = "OPEN"
        # None until first used: most accounts of a large client are idle.
        self.positions: dict[str, Units] | None = None
        self.held: dict[str, Units] | None = None
        self.bought: dict[str, int] | None = None
        self.working: dict[str, Order] | None = None

    def position(self, asset: str) -> Units:
        """Return how much of an asset the account has."""
        return self.positions.get(asset, 0) if self.positions else 0

    def available(self, asset: str) -> Units:
        """Return the position less what working sell orders still hold (section 6)."""
        return self.position(asset) - (self.held.get(asset, 0) if self.held else 0)

    def move_position(self, asset: str, units: Units) -> None:
        """Add signed units; a position stays known when it is zero."""
        if self.positions is None:
            self.positions = {}
        self.positions[asset] = self.positions.get(asset, 0) + units

    def buy_works(self, asset: str) -> None:
        """Count a buy order that begins to work."""
        if self.bought is None:
            self.bought = {}
        self.bought[asset] = self.bought.get(asset, 0) + 1

    def buy_ended(self, asset: str) -> None:
        """Stop counting a buy order that worked.

        Raises:
            AssertionError: none was counted.
        """
        if self.bought is None:
            raise AssertionError(f"{self.account_id} has no working buy of {asset}")
        self.bought[asset] -= 1
        if not self.bought[asset]:
            del self.bought[asset]

    def hold(self, asset: str, units: Units) -> None:
        """Add signed units to what is held."""
        if self.held is None:
            self.held = {}
        self.held[asset] = self.held.get(asset, 0) + units


class Order:
    """An accepted order. Amounts: units, cents, prices; exactly one of `quantity`, `notional`."""

    __slots__ = (
        "accepted_at",
        "account",
        "average_total",
        "buy",
        "client_order_id",
        "commission_charged",
        "event_id",
        "expire_time",
        "filled",
        "fills",
        "gross",
        "held",
        "instrument",
        "key",
        "last_sequence",
        "limit",
        "notional",
        "quantity",
        "rates",
        "stop",
        "time_in_force",
        "triggered",
        "working",
    )

    def __init__(
        self,
        order: SubmittedOrder,
        account: TradingAccount,
        instrument: Instrument,
        rates: Rates,
        at: Micros,
    ) -> None:
        """Take what the order says."""
        self.account = account
        self.instrument = instrument
        self.rates = rates
        self.event_id = order.event_id
        self.client_order_id = order.client_order_id
        self.buy = order.buy
        self.time_in_force = order.time_in_force
        self.expire_time = order.expire_time
        self.quantity = order.quantity
        self.notional = order.notional
        self.limit = order.limit
        self.stop = order.stop
        self.triggered = order.order_type != "STOP_LIMIT"
        self.accepted_at = at
        self.fills = 0
        self.filled: Units = 0
        self.gross: Cents = 0
        self.average_total = 0  # sum of units x price over the fills
        self.commission_charged: Cents = 0
        self.last_sequence = 0  # of the quote that it last filled at: once per quote
        self.held: Units = 0
        self.working = False
        # Its place in the book, while it works.
        self.key: tuple[Price, Micros, str, str] | None = None

    @property
    def leaves_notional(self) -> Cents:
        """The notional less the gross so far; only of a notional order."""
        return (self.notional or 0) - self.gross

    def priority(self) -> tuple[Micros, str, str]:
        """Working orders are tried in this order (section 6)."""
        return (self.accepted_at, self.account.account_id, self.client_order_id)

    def still_holds(self) -> Units:
        """What a working sell order still holds of the position."""
        if self.quantity is not None:
            return self.quantity - self.filled
        if self.limit is None:
            return 0
        return holds_at_least(self.leaves_notional, self.limit, self.instrument.quantity_increment)


# (reached at, accepted at, account, id, order); shorter tuples are bounds of a search.
_Entry = tuple[Any, ...]


class SymbolBook:
    """The working orders of one symbol: limits by side, and stops that wait for the market."""

    __slots__ = ("buy_limits", "buy_stops", "sell_limits", "sell_stops")

    def __init__(self) -> None:
        """Make an empty book."""
        self.buy_limits: SortedList[_Entry] = SortedList()
        self.sell_limits: SortedList[_Entry] = SortedList()
        self.buy_stops: SortedList[_Entry] = SortedList()
        self.sell_stops: SortedList[_Entry] = SortedList()

    def add(self, order: Order) -> None:
        """Put an order where the quotes that reach it will find it."""
        at, account_id, client_order_id = order.priority()
        reached_at = _reached_at(order)
        if reached_at is None:
            return  # no market price reaches it; it works until it ends
        order.key = (reached_at, at, account_id, client_order_id)
        self._list(order).add((*order.key, order))

    def remove(self, order: Order) -> None:
        """Take an order out."""
        if order.key is not None:
            self._list(order).remove((*order.key, order))
            order.key = None

    def reached(self, bid: Price | None, ask: Price | None) -> list[Order]:
        """Return the orders that a raw market reaches, in the order in which they are tried."""
        entries: list[_Entry] = []
        if ask is not None:
            entries += self.buy_limits.irange((ask,))
            entries += self.buy_stops.irange(None, (ask + 1,))
        if bid is not None:
            entries += self.sell_limits.irange(None, (bid + 1,))
            entries += self.sell_stops.irange((bid,))
        return [entry[4] for entry in sorted(entries, key=lambda entry: entry[1:4])]

    def _list(self, order: Order) -> SortedList[_Entry]:
        if order.triggered:
            return self.buy_limits if order.buy else self.sell_limits
        return self.buy_stops if order.buy else self.sell_stops


def _reached_at(order: Order) -> Price | None:
    if not order.triggered:
        return order.stop
    if order.limit is None:
        return None
    return marketable_from(
        order.limit, order.rates, order.instrument.price_increment, buy=order.buy
    )
