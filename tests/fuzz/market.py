"""Ticks: a market that moves, with every kind of tick that is refused or ignored."""

from schemas.instant import MILLISECOND, time_text
from tests.fuzz.sent import Tag
from tests.fuzz.world import Event, Market, World

# More than the providers that may have a quote of one symbol.
CROWD = 140
_PROVIDERS = ("alpha", "beta", "gamma", "delta.x", "Eps-1")


def _price(market: Market, cents: float) -> str:
    return f"{max(cents, 1) / 100:.2f}" if market.cents > 100 else f"{max(cents, 0.01) / 100:.6f}"


def tick(world: World, market: Market, provider: str) -> Event:
    """Return a provider's two-sided quote around the present price, which moves a little."""
    rng = world.rng
    low, high = market.cents * 0.999, market.cents * 1.001
    middle = rng.uniform(low, high)
    size = rng.choice(("0.5", "3", "40.12345678", "1000", "100000"))
    event = world.new(
        "PriceTick",
        provider=provider,
        symbol=market.symbol,
        bid_price=_price(market, middle * 0.9995),
        bid_size=size,
        ask_price=_price(market, middle * 1.0005),
        ask_size=size,
    )
    if rng.random() < 0.1:
        side = rng.choice(("bid", "ask"))
        event[f"{side}_price"] = event[f"{side}_size"] = None
    if rng.random() < 0.1:
        event["valid_until"] = time_text(world.at + rng.randrange(60_000) * MILLISECOND)
    market.ticks[provider] = event
    return event


def draw(world: World) -> tuple[Event, Tag]:
    """Return one tick."""
    rng = world.rng
    market, provider = rng.choice(world.markets), rng.choice(_PROVIDERS)
    known = market.ticks.get(provider)
    roll = rng.random()
    if roll < 0.04:
        return tick(world, world.stale, provider), Tag("PriceTick", step="stale within 1 ms")
    if roll < 0.07:
        provider = f"crowd-{rng.randrange(CROWD)}"
        return tick(world, world.crowded, provider), Tag("PriceTick", step="crowded symbol")
    if roll < 0.75 or known is None:
        return tick(world, market, provider), Tag("PriceTick")
    if roll < 0.79:
        again = dict(known, event_id=world.id("t"))
        return again, Tag("PriceTick", step="the same again", repeats=True)
    if roll < 0.84:
        replaced = dict(tick(world, market, provider), event_time=known["event_time"])
        market.ticks[provider] = replaced
        return replaced, Tag("PriceTick", step="replaces in its instant")
    if roll < 0.88:
        older = tick(world, market, provider)
        older["event_time"] = time_text(world.at - 3_600_000_000)
        market.ticks[provider] = known
        return older, Tag("PriceTick", step="older", repeats=True)
    if roll < 0.90:
        event = tick(world, market, provider)
        event |= dict.fromkeys(("bid_price", "bid_size", "ask_price", "ask_size"))
        return event, Tag("PriceTick", step="withdrawn")
    bad = world.new("PriceTick") | {k: v for k, v in known.items() if k[:6] != "event_"}
    if roll < 0.94:
        bad["symbol"] = f"NO{rng.randrange(50)}USD"
        return bad, Tag("PriceTick", step="unknown symbol")
    if roll < 0.97:
        bad |= {"bid_price": "9.02", "bid_size": "1", "ask_price": "9.01", "ask_size": "1"}
        return bad, Tag("PriceTick", step="crossed")
    bad |= {"bid_price": "1", "bid_size": "1", "ask_price": "2", "ask_size": "1"}
    bad[rng.choice(("bid_price", "bid_size", "ask_size"))] = rng.choice(("0", "-1", "-0.00"))
    return bad, Tag("PriceTick", step="not positive")
