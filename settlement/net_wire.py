"""Stage net_settlement, what clients say and pay (contract section 10).

Wires received pay positive nets, wires sent negative ones, oldest first. What is left over is in
the newest net, which is OVERPAID by it, and goes over to the next net when that closes.
"""

from typing import TypeGuard

from typing_extensions import TypeIs

from schemas.event import Input
from schemas.instant import Micros, time_text
from schemas.money import Cents
from schemas.net_settlement import (
    NetSettlementConfirmed,
    NetSettlementDisputed,
    NetWireReceived,
    NetWireSent,
    RevenueSharePaid,
)
from settlement import ledger
from settlement.cause import Cause, Out
from settlement.client_ledger import ClientLedger
from settlement.net_settlement import NetSettlements
from settlement.remembered import RememberedIds, checksum, fingerprint
from topics.decode import Refused

Opinion = NetSettlementConfirmed | NetSettlementDisputed
Wire = NetWireReceived | NetWireSent | RevenueSharePaid
NetInput = Opinion | Wire


def is_opinion(event: NetInput) -> TypeIs[Opinion]:
    """Whether an input is a confirmation or a dispute; else it is a wire."""
    return isinstance(event, Opinion)


def is_net_input(event: Input) -> TypeGuard[NetInput]:
    """Whether an event is one of the topic `net-wires`."""
    return isinstance(event, NetInput)


def repeat_refusal(ids: RememberedIds, event: NetInput) -> Refused | None:
    """Say why an input is dead-lettered whose id is that of another. Changes nothing."""
    before = ids.get(_id(event))
    if before is None or before == _content(event):
        return None
    name = "event_id" if is_opinion(event) else "wire_id"
    return Refused("CONFLICT", f"{event.client}'s input of this {name} had other content")


def is_known(ids: RememberedIds, event: NetInput) -> bool:
    """Whether an input that is not refused is a repeat."""
    return ids.get(_id(event)) is not None


def remember(ids: RememberedIds, event: NetInput) -> None:
    """Remember an input that is acted on."""
    ids.put(_id(event), _content(event))


def _id(event: NetInput) -> bytes:
    """Return the fingerprint of its id: an opinion, which has none, goes by its `event_id`."""
    if is_opinion(event):
        return fingerprint("opinion", event.client, event.event_id)
    return fingerprint(event.client, event.wire_id)


def _content(event: NetInput) -> bytes:
    """Return a checksum of all but `event_id` and `event_time`."""
    if is_opinion(event):
        content = f"{event.type}|{event.window_to}|{event.reason}"
    else:
        content = f"{event.type}|{event.amount}"
    return checksum(content)


def opinion_refusal(nets: NetSettlements, event: Opinion) -> Refused | None:
    """Return why a confirmation or dispute is dead-lettered: there is no such net."""
    net = nets.clients.get(event.client)
    if net is not None and event.window_to in net.closed:
        return None
    window_to = time_text(event.window_to)
    return Refused("BAD_TRANSITION", f"{event.client} has no net settlement to {window_to}")


def opined(nets: NetSettlements, event: Opinion, cause: Cause, out: Out) -> None:
    """Note what the client says of a net. What was paid stays PAID when it is confirmed."""
    net = nets.of(event.client).closed[event.window_to]
    before = net.status
    if isinstance(event, NetSettlementConfirmed):
        net.opinion = "CONFIRMED"
        net.status = net.paid_status()
    else:
        net.opinion = net.status = "DISPUTED"
    nets.touched.add((event.client, event.window_to))
    if net.status != before:
        nets.announce(event.client, event.window_to, net, cause, out)


def wired(
    nets: NetSettlements,
    ledger_: ClientLedger,
    event: NetWireReceived | NetWireSent,
    cause: Cause,
    out: Out,
) -> None:
    """Book a wire that is new, and pay nets with it, oldest first."""
    book = nets.of(event.client)
    received = isinstance(event, NetWireReceived)
    if received:
        book.wires_in += event.amount
    else:
        book.wires_out += event.amount
    # What it takes from a positive `outstanding`, or adds to a negative one.
    amount: Cents = event.amount if received else -event.amount
    ledger_.book(event.client, ledger.net_wire(event.client, amount), cause, out)
    paid: list[Micros] = []
    for window_to, net in book.closed.items():
        part = min(amount, net.outstanding) if received else max(amount, net.outstanding)
        if amount and (part > 0 if received else part < 0):
            net.outstanding -= part
            amount -= part
            paid.append(window_to)
    if amount and not book.closed:
        book.advance -= amount
    elif amount:
        newest = next(reversed(book.closed))
        book.closed[newest].outstanding -= amount
        if newest not in paid:
            paid.append(newest)
    for window_to in paid:
        nets.moved(event.client, window_to, cause, out)
