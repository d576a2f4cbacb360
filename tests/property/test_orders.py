"""Orders against naive readings of contract section 6, on random orders and markets.

What the stage finds by sorted books, the reading finds by trying every working order; what the
stage works out in integers, the reading works out in fractions.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from settlement.commission import Rates, customer_price, marketable_from
from settlement.remembered import KEY_BYTES, RememberedIds
from tests.story import Happened, Story

# -- customer price and its inverse ---------------------------------------------------------------

PRICES = st.one_of(st.integers(1, 10**6), st.integers(1, 10**30))
INCREMENTS = st.sampled_from([1, 5, 10**3, 10**16, 5 * 10**16, 3 * 10**18])
RATES = st.builds(
    Rates,
    markup_bps=st.one_of(st.just(0), st.integers(0, 12_000 * 10**8)),
    markup_fixed=st.one_of(st.just(0), st.integers(0, 10**19)),
)


def marked(raw: int, rates: Rates, increment: int, *, buy: bool) -> int:
    """Return raw x (1 +- bps / 10000) +- fixed, rounded up or down, exactly."""
    bps = Fraction(rates.markup_bps, 10**8 * 10_000)
    if buy:
        return ceil((raw * (1 + bps) + rates.markup_fixed) / Fraction(increment)) * increment
    return floor((raw * (1 - bps) - rates.markup_fixed) / Fraction(increment)) * increment


@given(PRICES, RATES, INCREMENTS, st.booleans())
def test_the_customers_price(raw: int, rates: Rates, increment: int, buy: bool) -> None:
    assert customer_price(raw, rates, increment, buy=buy) == marked(raw, rates, increment, buy=buy)


@given(PRICES, PRICES, RATES, INCREMENTS, st.booleans())
def test_the_price_from_which_on_a_limit_is_marketable(
    limit: int,
    raw: int,
    rates: Rates,
    increment: int,
    buy: bool,
) -> None:
    """Exactly there and beyond, at no price before: also where it changes, and one step aside."""
    start = marketable_from(limit, rates, increment, buy=buy)
    for tried in {raw} | ({start - 1, start, start + 1} if start is not None else set()):
        if tried <= 0:
            continue
        price = marked(tried, rates, increment, buy=buy)
        marketable = price <= limit if buy else price >= limit
        reached = start is not None and (tried <= start if buy else tried >= start)
        assert reached == marketable


# -- a naive order book ---------------------------------------------------------------------------

CENT = Fraction(1, 100)
UNIT = Fraction(1, 10)  # the quantity increment of these stories
TICK = Fraction(1, 10)  # the price increment
MINIMUM = Fraction(1)
Line = tuple[str, ...]


def half_even(value: Fraction, step: Fraction = CENT) -> Fraction:
    return round(value / step) * step  # Python rounds a fraction half to even


def down(value: Fraction, step: Fraction) -> Fraction:
    return floor(value / step) * step


def up(value: Fraction, step: Fraction) -> Fraction:
    return ceil(value / step) * step


@dataclass
class NaiveOrder:
    """An order as it was told, and what became of it."""

    account: str
    order_id: str
    buy: bool
    ioc: bool
    quantity: Fraction | None
    notional: Fraction | None
    limit: Fraction | None
    stop: Fraction | None
    bps: Fraction
    fee_bps: Fraction
    fee_fixed: Fraction
    filled: Fraction = Fraction()
    gross: Fraction = Fraction()
    charged: Fraction = Fraction()
    fills: int = 0
    triggered: bool = True
    working: bool = False

    def price(self, raw: Fraction) -> Fraction:
        if self.buy:
            return up(raw * (1 + self.bps / 10_000), TICK)
        return down(raw * (1 - self.bps / 10_000), TICK)

    def marketable(self, price: Fraction) -> bool:
        if self.limit is None:
            return True
        return self.limit >= price if self.buy else self.limit <= price

    def passed(self, raw: Fraction) -> bool:
        assert self.stop is not None
        return raw >= self.stop if self.buy else raw <= self.stop

    def too_far(self, raw: Fraction) -> bool:
        if self.limit is None:
            return False
        if self.buy:
            return self.limit > raw * Fraction(11, 10)
        return self.limit < raw * Fraction(9, 10)

    def wanted(self, price: Fraction) -> Fraction:
        if self.quantity is not None:
            return self.quantity - self.filled
        assert self.notional is not None
        return down((self.notional - self.gross) / price, UNIT)

    def holds(self) -> Fraction:
        """What a working sell still holds."""
        if self.quantity is not None:
            return self.quantity - self.filled
        assert self.notional is not None
        assert self.limit is not None
        return up((self.notional - self.gross) / self.limit, UNIT)


@dataclass
class NaiveBook:
    """Section 6 for one symbol: every working order is tried at every quote."""

    positions: dict[str, Fraction]
    sides: dict[bool, tuple[Fraction, Fraction] | None] = field(default_factory=dict)
    orders: list[NaiveOrder] = field(default_factory=list)

    def submit(self, order: NaiveOrder) -> list[Line]:
        """The side that the order takes: the ask (True) if it buys."""
        quote = self.sides.get(order.buy)
        order.triggered = order.stop is None or (quote is not None and order.passed(quote[0]))
        price = order.price(quote[0]) if quote is not None else Fraction()
        if order.triggered:
            if quote is None or price <= 0:
                return [("OrderRejected", order.order_id, "EMPTY_QUOTES")]
            if order.too_far(quote[0]):
                return [("OrderRejected", order.order_id, "PRICE_TOO_FAR")]
        why = self._size(order, price)
        if why is not None:
            return [("OrderRejected", order.order_id, why)]
        lines: list[Line] = [("OrderAccepted", order.order_id)]
        if order.stop is not None and order.triggered:
            lines.append(("OrderTriggered", order.order_id))
        order.working = not order.ioc
        self.orders.append(order)
        done = False
        if order.triggered and quote is not None:
            done = self._try(order, quote, lines)
        if done:
            order.working = False
        elif order.ioc:
            reason = "IOC_REMAINDER" if order.fills else "NOT_MARKETABLE"
            lines.append(("OrderCancelled", order.order_id, reason))
        return lines

    def _size(self, order: NaiveOrder, price: Fraction) -> str | None:
        held = sum(o.holds() for o in self.orders if o.working and self._sells(o, order.account))
        available = self.positions[order.account] - held
        if order.quantity is not None:
            needed = order.quantity
            value = half_even(needed * (order.limit if order.limit is not None else price))
        else:
            assert order.notional is not None
            value = order.notional
            needed = up(value / order.limit, UNIT) if order.limit else down(value / price, UNIT)
        sells_all = not order.buy and needed == available > 0
        if value < MINIMUM and not sells_all:
            return "BELOW_MINIMUM"
        at_once = order.triggered and order.marketable(price)
        if order.notional is not None and at_once and not order.wanted(price):
            return "BELOW_MINIMUM"
        if not order.buy and needed > available:
            return "EXCEEDS_POSITION"
        return None

    @staticmethod
    def _sells(order: NaiveOrder, account: str) -> bool:
        return not order.buy and order.account == account

    def quote(self, bid: tuple[Fraction, Fraction], ask: tuple[Fraction, Fraction]) -> list[Line]:
        self.sides = {True: ask, False: bid}
        lines: list[Line] = []
        for order in self.orders:  # in the order of acceptance, a second apart
            side = ask if order.buy else bid
            if not order.working:
                continue
            if not order.triggered:
                if not order.passed(side[0]):
                    continue
                order.triggered = True
                lines.append(("OrderTriggered", order.order_id))
                if order.too_far(side[0]):
                    order.working = False
                    lines.append(("OrderCancelled", order.order_id, "PRICE_TOO_FAR"))
                    continue
            if self._try(order, side, lines):
                order.working = False
        return lines

    def _try(self, order: NaiveOrder, side: tuple[Fraction, Fraction], lines: list[Line]) -> bool:
        raw, size = side
        price = order.price(raw)
        if price <= 0 or not order.marketable(price):
            return False
        wanted = order.wanted(price)
        if not wanted:
            if not order.fills:
                lines.append(("OrderCancelled", order.order_id, "BELOW_MINIMUM"))
            return True
        taken = min(wanted, down(size, UNIT))
        if not order.buy:
            taken = min(taken, self.positions[order.account])
        gross = half_even(taken * price)
        if not gross:
            return False
        order.fills += 1
        order.filled += taken
        order.gross += gross
        self.positions[order.account] += taken if order.buy else -taken
        owed = half_even(order.gross * order.fee_bps / 10_000) + order.fee_fixed
        fee = owed - order.charged
        if not order.buy:
            fee = min(fee, gross)
        order.charged += fee
        markup = abs(gross - half_even(taken * raw))
        lines.append(
            (
                "Execution",
                order.order_id,
                plain(taken),
                f"{float(price):.1f}",
                *(f"{float(amount):.2f}" for amount in (gross, markup, fee)),
            )
        )
        lines.append(("OrderFilled", order.order_id))
        return not order.wanted(price)


def plain(value: Fraction) -> str:
    return f"{float(value):.2f}".rstrip("0").rstrip(".")


def lines_of(happened: Happened) -> list[Line]:
    """Return the same lines of what the stage emitted."""
    lines: list[Line] = []
    for topic, event in happened.emitted:
        if event["type"] == "Execution":
            names = ("quantity", "price", "gross", "markup", "commission")
            lines.append(("Execution", event["client_order_id"], *(event[n] for n in names)))
        elif topic == "order-updates":
            shown = ("type", "client_order_id", "reason")
            lines.append(tuple(event[name] for name in shown if event.get(name)))
    return lines


LEVELS = st.sampled_from([Fraction(n, 10) for n in (80, 88, 95, 99, 100, 101, 105, 112, 125)])
SIZES = st.sampled_from([Fraction(s) for s in ("0.04", "0.3", "1.19", "2", "50")])
BPS = st.sampled_from([Fraction(b) for b in ("0", "0", "25", "333.3")])
ALL_OF_IT = Fraction(11_000)


@st.composite
def orders(draw: st.DrawFn, number: int) -> NaiveOrder:
    kind = draw(st.sampled_from(["MARKET", "LIMIT", "LIMIT", "STOP", "STOP", "IOC"]))
    by_notional = draw(st.booleans())
    quantity = draw(st.sampled_from(["0.1", "0.2", "1", "1.3", "3", "5", "12.5"]))
    notional = draw(st.sampled_from(["0.99", "1.00", "1.05", "9.90", "13.37", "40", "125"]))
    return NaiveOrder(
        account=draw(st.sampled_from(["ACME0001", "ACME0002"])),
        order_id=f"o{number:02d}",
        buy=draw(st.booleans()),
        ioc=kind in {"MARKET", "IOC"},
        quantity=None if by_notional else Fraction(quantity),
        notional=Fraction(notional) if by_notional else None,
        limit=None if kind == "MARKET" else draw(LEVELS),
        stop=draw(LEVELS) if kind == "STOP" else None,
        bps=ALL_OF_IT if draw(st.integers(0, 19)) == 7 else draw(BPS),
        fee_bps=ALL_OF_IT if draw(st.integers(0, 19)) == 7 else draw(BPS),
        fee_fixed=draw(st.sampled_from([Fraction(), Fraction("0.35")])),
    )


@st.composite
def quotes(draw: st.DrawFn) -> tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]:
    """A bid and an ask, (price, size) each, the bid not above the ask."""
    low, high = sorted((draw(LEVELS), draw(LEVELS)))
    return (low, draw(SIZES)), (high, draw(SIZES))


@st.composite
def stories(draw: st.DrawFn) -> list[Any]:
    return [
        draw(quotes()) if number == 0 or draw(st.booleans()) else draw(orders(number))
        for number in range(draw(st.integers(2, 40)))
    ]


@given(stories())
def test_every_order_is_tried_as_if_there_were_no_book(steps: list[Any]) -> None:
    """Both accounts begin with 5 coins; quotes are one provider's and never stale."""
    story = Story()
    increments = {
        "minimum_price_increment": "0.1",
        "minimum_quantity_increment": "0.1",
        "stale_after_ms": 86_400_000,
    }
    story.instrument(at="11:59", **increments)  # type: ignore[arg-type]  # increments alone
    story.account("ACME0002", at="11:59")
    story.tick(ask="1.0", at="12:00")
    for account in ("ACME0001", "ACME0002"):
        story.order("seed", account_id=account, quantity="5", at="12:00")
    naive = NaiveBook({"ACME0001": Fraction(5), "ACME0002": Fraction(5)})
    shown = None
    for step in steps:
        if isinstance(step, NaiveOrder):
            found = lines_of(_submitted(story, step))
            wanted = naive.submit(step)
        else:
            (bid, bid_size), (ask, ask_size) = step
            found = lines_of(
                story.tick(
                    bid=str(float(bid)),
                    ask=str(float(ask)),
                    bid_size=plain3(bid_size),
                    ask_size=plain3(ask_size),
                )
            )
            # A quote that is not new is no new quote.
            wanted = naive.quote(*step) if step != shown else []
            shown = step
        assert found == wanted, step
    for account, position in naive.positions.items():
        assert position >= 0
        assert story.ledger[f"customer:{account}:BTC", "BTC"] == Decimal(plain(position))


def plain3(value: Fraction) -> str:
    return f"{float(value):.3f}"


def _submitted(story: Story, order: NaiveOrder) -> Happened:
    def text(value: Fraction | None, write: Callable[[Fraction], str]) -> str | None:
        return None if value is None else write(value)

    return story.order(
        order.order_id,
        account_id=order.account,
        side="BUY" if order.buy else "SELL",
        time_in_force="IOC" if order.ioc else "GTC",
        quantity=text(order.quantity, plain),
        notional=text(order.notional, plain),
        limit_price=text(order.limit, lambda price: f"{float(price):.1f}"),
        stop_price=text(order.stop, lambda price: f"{float(price):.1f}"),
        markup_bps=text(order.bps, lambda bps: f"{float(bps):.1f}"),
        commission_bps=text(order.fee_bps, lambda bps: f"{float(bps):.1f}"),
        commission_fixed=text(order.fee_fixed, lambda amount: f"{float(amount):.2f}"),
    )


# -- remembered ids -------------------------------------------------------------------------------

# Keys that share their shard and their slot, and keys that share nothing.
ALIKE = st.binary(min_size=1, max_size=1).map(
    lambda last: b"\x00" * (KEY_BYTES - 2) + b"\x01" + last
)
NEAR = st.binary(min_size=1, max_size=1).map(lambda last: last.rjust(6, b"\x00") + b"\x01" * 6)
KEYS = st.one_of(ALIKE, NEAR, st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES).filter(any))


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(st.tuples(KEYS, st.binary(min_size=width, max_size=width)))
    ),
    st.lists(KEYS),
)
def test_remembered_ids_are_a_dict(puts: list[tuple[bytes, bytes]], others: list[bytes]) -> None:
    ids = RememberedIds(len(puts[0][1]) if puts else 1)
    known: dict[bytes, bytes] = {}
    for key, value in puts:
        assert ids.get(key) == known.get(key)
        ids.put(key, value)
        known[key] = value
        assert ids.get(key) == value
        assert len(ids) == len(known)
    for key in (*known, *others):
        assert ids.get(key) == known.get(key)
