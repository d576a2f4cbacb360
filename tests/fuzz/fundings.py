"""Fundings: every step of deposits and withdrawals, adjustments, and steps that do not fit."""

from tests.fuzz.sent import Tag
from tests.fuzz.world import Event, Funding, World

_CODES = ("R01", "R02", "R03", "R05", "R10", "R36", "R99", None)
ADJUSTMENTS = (
    "ACH_RETURN_FEE",
    "PARTNER_WRITE_OFF",
    "PLATFORM_WRITE_OFF",
    "DECEASED_PARTY",
    "OTHER_ADJUSTMENT",
)


def begin(world: World, kind: str, account_id: str, amount: str) -> Event:
    """Return the first step of a funding."""
    return world.new(
        kind,
        funding_id=world.id("d"),
        account_id=account_id,
        instrument_type=world.rng.choice(("ACH", "WIRE", "DEBIT")),
        amount=amount,
        reference=world.rng.choice((None, "salary", "=cmd()", "ü")),
    )


def _next(world: World, funding: Funding, kind: str) -> Event:
    event = world.new(kind) | {
        name: value
        for name, value in funding.event.items()
        if name not in {"type", "event_id", "event_time"}
    }
    if kind.endswith("Returned"):
        event["return_code"] = world.rng.choice(_CODES)
    return event


def draw(world: World) -> tuple[Event, Tag]:
    """Return one funding."""
    rng = world.rng
    roll = rng.random()
    if roll < 0.22:
        return _begin(world)
    if roll < 0.40:
        customer = world.locked if rng.random() < 0.03 else world.funded()
        amount = f"{rng.randrange(5, 60)}.{rng.randrange(100):02d}"
        event = begin(world, "WithdrawalRequested", customer.account_id, amount)
        if customer.model == "APEX_CLEARING":  # the firm accepts it; we are told of what follows
            world.started.append(Funding(event, "ACCEPTED"))
        else:
            world.requested[customer.account_id, event["funding_id"]] = event
        return event, Tag("WithdrawalRequested", step="WithdrawalRequested")
    if roll < 0.45:
        return _adjustment(world)
    if roll < 0.84 and world.started:
        return _go_on(world)
    settled = world.paid if rng.random() < 0.7 else world.settled
    if roll < 0.93 and len(settled) > 8:
        # One of those that were settled days ago: a return may be late.
        index = rng.randrange(len(settled) // 4)
        funding = settled[index]
        del settled[index]
        kind = "DepositReturned" if funding.state == "SETTLED" else "WithdrawalReturned"
        event = _next(world, funding, kind)
        world.ended.append(event)
        return event, Tag(kind, step=f"{kind} after settlement")
    return _bad(world)


def _begin(world: World) -> tuple[Event, Tag]:
    rng = world.rng
    customer = world.funded()
    amount = f"{rng.randrange(500, 9_000)}.{rng.randrange(100):02d}"
    if rng.random() < 0.8:
        event = begin(world, "DepositInitiated", customer.account_id, amount)
        if customer.model != "NET_SETTLEMENT":
            world.started.append(Funding(event, "INITIATED"))
        return event, Tag("DepositInitiated", step="DepositInitiated")
    event = begin(world, "DepositSettled", customer.account_id, amount)
    if customer.model != "NET_SETTLEMENT":
        world.settled.append(Funding(event, "SETTLED"))
    return event, Tag("DepositSettled", step="DepositSettled, never initiated")


def _go_on(world: World) -> tuple[Event, Tag]:
    rng = world.rng
    # Oldest first: what was begun has been applied long ago.
    funding = world.started.popleft()
    if funding.state == "INITIATED":
        kind = rng.choices(
            ("DepositSettled", "DepositReturned", "DepositCancelled", "DepositDeclined"),
            (5, 1.5, 2, 2),
        )[0]
        event = _next(world, funding, kind)
        if kind == "DepositSettled":
            world.settled.append(Funding(event, "SETTLED"))
        step = f"{kind} after DepositInitiated"
    else:
        kind = rng.choice(("WithdrawalSettled", "WithdrawalRejected"))
        event = _next(world, funding, kind)
        if kind == "WithdrawalSettled":
            world.paid.append(Funding(event, "PAID"))
        step = kind
    world.ended.append(event)
    return event, Tag(kind, step=step)


def _adjustment(world: World) -> tuple[Event, Tag]:
    rng = world.rng
    kind = rng.choice(ADJUSTMENTS)
    sign = rng.choice(("", "-"))
    amount = f"{sign}{rng.randrange(1, 40)}.{rng.randrange(100):02d}"
    event = world.new(
        "CashAdjusted",
        funding_id=world.id("a"),
        account_id=world.funded().account_id,
        adjustment_type=kind,
        amount=amount,
        reference=None,
    )
    if rng.random() < 0.1:  # it trades nothing, so no call waits for its cash
        event |= {"account_id": world.locked.account_id, "amount": "-50000.00"}
    return event, Tag("CashAdjusted", step=f"CashAdjusted {kind}")


def _bad(world: World) -> tuple[Event, Tag]:
    """Return a step that is a repeat, or contradicts the ones before it."""
    rng = world.rng
    if not world.ended or rng.random() < 0.15:
        event = begin(world, "DepositInitiated", f"NOA{rng.randrange(1000):05d}", "10.00")
        return event, Tag("DepositInitiated", step="unknown account")
    known = rng.choice(world.ended)
    again = dict(known, event_id=world.id("r"))
    match rng.randrange(4):
        case 0:
            return again, Tag(known["type"], step="repeat", repeats=True)
        case 1:
            return again | {"reference": "other"}, Tag(known["type"], step="other content")
        case 2:
            return again | {"type": "DepositCancelled"}, Tag("DepositCancelled", step="too late")
        case _:
            if not world.started:
                return again, Tag(known["type"], step="repeat", repeats=True)
            funding = rng.choice(world.started)
            kind = "DepositSettled" if funding.state == "INITIATED" else "WithdrawalSettled"
            event = _next(world, funding, kind) | {"amount": "3.33"}
            return event, Tag(kind, step="other amount")
