"""Lines of a random day (days.py), each with what it must have."""

import datetime as dt

from tests.property.day_words import (
    NOTIONALS,
    PROVIDERS,
    RATES,
    Dice,
    Market,
    Telling,
    Value,
    next_clock_time,
    text_of,
)


def tell_client(day: Telling, client: str, terms: Value) -> None:
    """Tell a client's terms."""
    day.tell("clients", "ClientUpdated", client=client, name=client, **terms)


def tell_account(day: Telling, account_id: str) -> None:
    """Tell an open account of the model that it has."""
    day.tell(
        "accounts",
        "AccountUpdated",
        account_id=account_id,
        client=account_id[:4],
        funding_model=day.models[account_id],
        mode="OPEN",
        jurisdiction="OPEN",
    )


def tell_instrument(day: Telling, market: Market, stale_after_ms: int) -> None:
    """Tell a tradable instrument."""
    day.tell(
        "instruments",
        "InstrumentUpdated",
        symbol=market.symbol,
        base=market.symbol.removesuffix("USD"),
        quote="USD",
        minimum_price_increment=market.price_increment,
        minimum_quantity_increment=market.quantity_increment,
        minimum_order_value=market.minimum,
        stale_after_ms=stale_after_ms,
        tradable=True,
    )


def tell_tick(
    day: Telling,
    market: Market,
    *,
    provider: str = PROVIDERS[0],
    bid: int | None = -1,
    ask: int | None = 1,
    sizes: tuple[str, str] | None = None,
    finer: str = "",
) -> None:
    """Tell a provider's quote, never crossed in itself; prices in steps from the middle."""
    if bid is not None and ask is not None:
        bid, ask = min(bid, ask), max(bid, ask)
    bid_size, ask_size = sizes or (market.sizes[0], market.sizes[0])
    day.tell(
        "price-ticks",
        "PriceTick",
        provider=provider,
        symbol=market.symbol,
        bid_price=None if bid is None else market.price(bid, finer),
        bid_size=None if bid is None else bid_size,
        ask_price=None if ask is None else market.price(ask, finer),
        ask_size=None if ask is None else ask_size,
    )


def tell_order(
    day: Telling,
    dice: Dice,
    market: Market,
    *,
    account_id: str,
    limit: int,
    stop: int,
    expires: float | str,
    flaw: Value,
) -> None:
    """Tell an order of a kind, side, size and time in force that the dice say.

    A GTD order `expires` in so many seconds, or at the next such clock time.
    """
    side = dice.pick(("BUY", "BUY", "SELL"))
    kind = dice.pick(("LIMIT", "LIMIT", "MARKET", "STOP_LIMIT"))
    force = dice.pick(("GTC", "IOC", "DAY", "GTD"))
    if kind == "MARKET":
        force = "IOC"
    elif kind == "STOP_LIMIT" and force == "IOC":
        force = "GTC"
    by_notional = dice.once_in(4)
    if side == "SELL":
        limit = -limit
    fields: Value = {
        "account_id": account_id,
        "client_order_id": day.fresh("o"),
        "symbol": market.symbol,
        "side": side,
        "order_type": kind,
        "time_in_force": force,
        "notional": dice.pick(NOTIONALS) if by_notional else None,
        "quantity": None
        if by_notional
        else dice.pick(market.bought if side == "BUY" else market.sold),
        "limit_price": None if kind == "MARKET" else market.price(limit),
        "stop_price": market.price(stop) if kind == "STOP_LIMIT" else None,
    }
    if force == "GTD":
        fields["expire_time"] = text_of(
            next_clock_time(day.at, expires)
            if isinstance(expires, str)
            else day.at + dt.timedelta(seconds=expires)
        )
    fields |= dice.pick(RATES)
    fields |= flaw
    day.orders.append(fields)
    day.tell("orders", "OrderSubmitted", **fields)


def tell_funding(day: Telling, kind: str, account_id: str, amount: str) -> Value:
    """Tell a first step; return its fields, which may still be changed."""
    fields: Value = {
        "funding_id": day.fresh("f"),
        "account_id": account_id,
        "instrument_type": "ACH",
        "amount": amount,
    }
    day.fundings.append(fields | {"step": kind})
    day.tell("fundings", kind, **fields)
    value: Value = day.lines[-1].value
    return value
