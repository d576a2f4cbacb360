"""Reference data: complete events that replace the previous ones, and changes that are refused."""

from tests.fuzz.sent import Tag
from tests.fuzz.world import CLIENTS, LIMIT_CLIENT, Customer, Event, Market, World

_TEXTS = ("Müller & Söhne", "客户", "=1+1", "line\nbreak", '"quoted", with comma', "🙂", "")


def client_updated(world: World, client: str) -> Event:
    """Return a client's terms, small enough that trading goes on."""
    rng = world.rng
    model = rng.choice(("MARKUP", "TRADE_FEE"))
    return world.new(
        "ClientUpdated",
        client=client,
        name=rng.choice(_TEXTS),
        trading="OPEN",
        maximum_order_value=None,
        commission_model=model,
        markup_bps=f"{rng.randrange(80)}",
        markup_fixed=rng.choice(("0", "0.01", "0.000000000000000001")),
        commission_bps=f"{rng.randrange(50)}.{rng.randrange(1, 10)}",
        commission_fixed=rng.choice(("0", "0.25", "1.00")),
        commission_minimum=rng.choice(("0.00", "0.50")),
        revenue_share_bps=f"{rng.randrange(10_000)}",
    )


def account_updated(world: World, customer: Customer) -> Event:
    """Return an account as it is."""
    return world.new(
        "AccountUpdated",
        account_id=customer.account_id,
        client=customer.client,
        funding_model=customer.model,
        mode=customer.mode,
        jurisdiction=customer.jurisdiction,
    )


def instrument_updated(world: World, market: Market, *, tradable: bool = True) -> Event:
    """Return an instrument; its increments change now and then while orders rest."""
    rng = world.rng
    return world.new(
        "InstrumentUpdated",
        symbol=market.symbol,
        base=market.base,
        quote="USD",
        minimum_price_increment="0.01" if market.cents > 100 else "0.0001",
        minimum_quantity_increment=rng.choice(("0.00000001", "0.0001")),
        minimum_order_value=rng.choice(("1.00", "1.00", "5")),
        stale_after_ms=market.stale_after_ms,
        tradable=tradable,
    )


def opening(world: World) -> list[tuple[Event, Tag]]:
    """Return everything that must exist before the first other input."""
    events = [client_updated(world, client) for client in (*CLIENTS, LIMIT_CLIENT)]
    markets = [*world.markets, world.stale, world.crowded]
    events += [instrument_updated(world, market) for market in markets]
    customers = [*world.customers, *world.restricted, *world.orphans]
    events += [account_updated(world, customer) for customer in customers]
    return [(event, Tag(event["type"])) for event in events]


def draw(world: World) -> tuple[Event, Tag]:
    """Return one event of any of the three topics."""
    rng = world.rng
    roll = rng.random()
    if roll < 0.3:
        return client_updated(world, rng.choice(CLIENTS)), Tag("ClientUpdated")
    if roll < 0.62:
        market = rng.choice([*world.markets, world.stale, world.crowded])
        event = instrument_updated(world, market, tradable=rng.random() > 0.02)
        if rng.random() < 0.1:
            event["base"] = "OTHER"
            return event, Tag("InstrumentUpdated", step="base changed")
        return event, Tag("InstrumentUpdated")
    customer = rng.choice([*world.customers, *world.restricted, *world.orphans])
    if customer in world.customers and rng.random() < 0.05:
        customer.model = rng.choice(("MARKETPLACE", "NET_SETTLEMENT", "APEX_CLEARING"))
    event = account_updated(world, customer)
    if rng.random() < 0.1:
        event["client"] = next(c for c in CLIENTS if c != customer.client)
        return event, Tag("AccountUpdated", step="client changed")
    return event, Tag("AccountUpdated")
