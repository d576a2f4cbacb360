"""Orders and cancels: most of them work, and some fail each check of the contract, section 6."""

from collections.abc import Callable

from schemas.instant import MINUTE, time_text
from tests.fuzz.sent import Tag
from tests.fuzz.world import Customer, Event, Market, World


def order(world: World, customer: Customer, market: Market, **fields: object) -> Event:
    """Return a MARKET buy for a few dollars, changed by `fields`."""
    event = world.new(
        "OrderSubmitted",
        account_id=customer.account_id,
        client_order_id=world.id("o"),
        symbol=market.symbol,
        side="BUY",
        order_type="MARKET",
        time_in_force="IOC",
        notional=f"{world.rng.randrange(5, 200)}.{world.rng.randrange(100):02d}",
    )
    return event | fields


def _price(market: Market, factor: float) -> str:
    cents = max(market.cents * factor, 1.0)
    return f"{cents / 100:.2f}" if market.cents > 100 else f"{cents / 100:.4f}"


def _good(world: World) -> Event:
    rng = world.rng
    customer, market = world.customer(), rng.choice(world.markets)
    event = order(world, customer, market)
    dollars = rng.uniform(5, 200)
    quantity = f"{dollars * 100 / market.cents:.4f}"
    if float(quantity) > 0 and rng.random() < 0.5:
        event["notional"], event["quantity"] = None, quantity
    holds = customer.bought.get(market.symbol, 0.0)
    if holds * market.cents > 200 and rng.random() < 0.6:
        event |= {"side": "SELL", "notional": None, "quantity": f"{holds * 0.4:.4f}"}
        if float(event["quantity"]) <= 0:
            event["quantity"] = "0.0001"
        customer.bought[market.symbol] = holds * 0.6
    buy = event["side"] == "BUY"
    kind = rng.random()
    if kind < 0.55:
        if buy:
            customer.bought[market.symbol] = holds + dollars * 90 / market.cents
    elif kind < 0.85:
        factor = rng.choice((1.01, 0.995, 0.999) if buy else (0.99, 1.005, 1.001))
        force = rng.choice(("IOC", "GTC", "DAY", "GTD"))
        event |= {"order_type": "LIMIT", "time_in_force": force}
        event["limit_price"] = _price(market, factor)
    else:
        event |= {"order_type": "STOP_LIMIT", "time_in_force": rng.choice(("GTC", "DAY"))}
        event["stop_price"] = _price(market, 1.0005 if buy else 0.9995)
        event["limit_price"] = _price(market, 1.01 if buy else 0.99)
    if event["time_in_force"] == "GTD":
        event["expire_time"] = time_text(world.at + rng.randrange(1, 300) * MINUTE)
    if rng.random() < 0.1:
        event[rng.choice(("markup_bps", "commission_bps"))] = f"{rng.randrange(100)}"
        event["commission_fixed"] = rng.choice(("0", "0.10"))
    return event


def _unknown_account(world: World) -> Event:
    customer = Customer(f"NOA{world.rng.randrange(100_000):05d}", "NONE", "MARKETPLACE")
    return order(world, customer, world.markets[0])


def _with(**fields: object) -> Callable[[World], Event]:
    def draw_order(world: World) -> Event:
        return (
            order(world, world.rng.choice(world.customers), world.rng.choice(world.markets))
            | fields
        )

    return draw_order


def _limit(factor: float, **fields: object) -> Callable[[World], Event]:
    def draw_order(world: World) -> Event:
        market = world.rng.choice(world.markets[:6])
        event = order(world, world.rng.choice(world.customers), market)
        event |= {"order_type": "LIMIT", "time_in_force": "GTC"}
        return event | {"limit_price": _price(market, factor)} | fields

    return draw_order


def _expired(world: World) -> Event:
    event = _limit(0.99, time_in_force="GTD")(world)
    return event | {"expire_time": time_text(world.at - 2 * MINUTE)}


def _duplicate(world: World) -> Event:
    if not world.orders:
        return _good(world)
    known = world.rng.choice(world.orders)
    return (
        world.new("OrderSubmitted")
        | {name: value for name, value in known.items() if not name.startswith("event_")}
        | {"symbol": "XRPUSD", "notional": "77.77", "quantity": None}
    )


# By the reason that each is meant to be rejected with.
REJECTED: dict[str, Callable[[World], Event]] = {
    "DUPLICATE_ORDER_ID": _duplicate,
    "UNKNOWN_ACCOUNT": _unknown_account,
    "UNKNOWN_CLIENT": lambda w: order(w, w.rng.choice(w.orphans), w.markets[0]),
    "INVALID_ORDER": _with(quantity="1"),
    "ACCOUNT_NOT_OPEN": lambda w: order(w, w.restricted[0], w.rng.choice(w.markets)),
    "UNKNOWN_SYMBOL": _with(symbol="NONEUSD"),
    "ORDER_EXPIRED": _expired,
    "JURISDICTION": lambda w: order(w, w.restricted[4], w.rng.choice(w.markets)),
    "PRICE_PRECISION": _limit(1.0, limit_price="15.001234567"),
    "QUANTITY_PRECISION": _with(notional=None, quantity="0.000000001"),
    "EMPTY_QUOTES": lambda w: order(w, w.rng.choice(w.customers), w.stale),
    "PRICE_TOO_FAR": _limit(1.25),
    "BELOW_MINIMUM": _with(notional="0.99"),
    "ABOVE_MAXIMUM": _limit(0.95, notional=None, quantity="999999999999"),
    "EXCEEDS_POSITION": _with(side="SELL", notional=None, quantity="9999"),
}


def draw(world: World) -> tuple[Event, Tag]:
    """Return one order or cancel."""
    rng = world.rng
    roll = rng.random()
    if roll < 0.10 and world.orders:
        known = rng.choice(world.orders)
        event = world.new(
            "OrderCancelRequested",
            account_id=known["account_id"],
            client_order_id=known["client_order_id"],
            cancel_id=world.id("c"),
        )
        if rng.random() < 0.1:
            event["client_order_id"] = "never-sent"
        world.cancels.append(event)
        return event, Tag("OrderCancelRequested")
    if roll < 0.12 and world.cancels:
        again = dict(rng.choice(world.cancels), event_id=world.id("c"))
        return again, Tag("OrderCancelRequested", repeats=True)
    if roll < 0.14 and world.orders:
        again = dict(rng.choice(world.orders), event_id=world.id("o"))
        return again, Tag("OrderSubmitted", step="repeat", repeats=True)
    if roll < 0.32:
        reason = rng.choice(tuple(REJECTED))
        return REJECTED[reason](world), Tag("OrderSubmitted", step=f"meant: {reason}")
    event = _good(world)
    world.orders.append(event)
    return event, Tag("OrderSubmitted")
