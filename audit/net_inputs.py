"""Wires and opinions, decided anew from the inputs (contract sections 1 and 10)."""

from audit.admission import World
from audit.nets import Nets
from audit.shares import Shares
from schemas.instant import Micros, time_text
from schemas.net_settlement import (
    NetSettlementConfirmed,
    NetSettlementDisputed,
    NetWireReceived,
    NetWireSent,
    RevenueSharePaid,
)

NetInput = (
    NetSettlementConfirmed
    | NetSettlementDisputed
    | NetWireReceived
    | NetWireSent
    | RevenueSharePaid
)


class NetInputs:
    """All that were acted on: wires by client and `wire_id`, opinions by `event_id`."""

    def __init__(self, world: World, nets: Nets, shares: Shares) -> None:
        """Start without one."""
        self.world = world
        self.nets = nets
        self.shares = shares
        self._acted_on: dict[tuple[str, str, str], tuple[object, ...]] = {}

    def refusal(self, event: NetInput) -> str | None:
        """Return the reason for which an input is dead-lettered; None: it is not."""
        if event.client not in self.world.clients and not any(
            account.client == event.client for account in self.world.accounts.values()
        ):
            return "UNKNOWN_ACCOUNT"
        input_id, content = _id_and_content(event)
        if self._acted_on.get(input_id, content) != content:
            return "CONFLICT"
        if isinstance(event, NetSettlementConfirmed | NetSettlementDisputed):
            book = self.nets.clients.get(event.client)
            known = book is not None and time_text(event.window_to) in book.nets
            return None if known else "BAD_TRANSITION"
        return None

    def apply(self, event: NetInput, at: Micros) -> None:
        """Demand what an input that is not refused makes; a repeat makes nothing."""
        input_id, content = _id_and_content(event)
        if input_id in self._acted_on:
            return
        self._acted_on[input_id] = content
        if isinstance(event, NetSettlementConfirmed | NetSettlementDisputed):
            opinion = "CONFIRMED" if isinstance(event, NetSettlementConfirmed) else "DISPUTED"
            window_to = time_text(event.window_to)
            self.nets.opined(event.client, window_to, opinion, event.event_id, at)
            return
        if isinstance(event, RevenueSharePaid):
            self.shares.paid(event.client, event.amount, event.event_id, at)
        else:
            sign = 1 if isinstance(event, NetWireReceived) else -1
            self.nets.wired(event.client, sign * event.amount, event.event_id, at)


def _id_and_content(event: NetInput) -> tuple[tuple[str, str, str], tuple[object, ...]]:
    if isinstance(event, NetSettlementConfirmed | NetSettlementDisputed):
        content = (event.type, event.window_to, event.reason)
        return ("opinion", event.client, event.event_id), content
    return ("wire", event.client, event.wire_id), (event.type, event.amount)
