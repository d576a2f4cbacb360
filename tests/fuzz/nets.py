"""What clients say and pay about their net settlements, by the nets that were emitted."""

from tests.fuzz.sent import Tag
from tests.fuzz.world import CLIENTS, Event, World

_WIRES = ("NetWireReceived", "NetWireSent", "RevenueSharePaid")


def draw(world: World) -> tuple[Event, Tag]:
    """Return one input of `net-wires`."""
    rng = world.rng
    roll = rng.random()
    if roll < 0.35 and world.nets:
        net = rng.choice(world.nets[-40:])
        kind = rng.choice(("NetSettlementConfirmed", "NetSettlementDisputed"))
        event = world.new(kind, client=net.client, window_to=net.window_to, reason=None)
        if kind == "NetSettlementConfirmed":
            event["amount"] = net.net_amount
        elif rng.random() < 0.5:
            event |= {"reason": "an execution is missing", "items": []}
        world.wires.append(event)
        return event, Tag(kind)
    if roll < 0.40 and world.nets:
        event = world.new(
            "NetSettlementDisputed",
            client=world.nets[-1].client,
            window_to="2026-01-01T15:00:00.000000Z",
            reason="no such net",
        )
        return event, Tag("NetSettlementDisputed", step="no such net")
    if roll < 0.50 and world.wires:
        known = rng.choice(world.wires)
        if "wire_id" in known and rng.random() < 0.5:
            event = dict(known, event_id=world.id("w"), amount="5.55")
            return event, Tag(event["type"], step="other content")
        return known, Tag(known["type"], step="repeat", repeats=True)
    event = world.new(
        rng.choice(_WIRES),
        wire_id=world.id("w"),
        client=rng.choice(CLIENTS) if rng.random() > 0.03 else "NOBO",
        amount=f"{rng.randrange(1, 3000)}.{rng.randrange(100):02d}",
    )
    if event["client"] in CLIENTS:
        world.wires.append(event)
    return event, Tag(event["type"])
