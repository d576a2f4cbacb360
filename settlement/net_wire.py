"""Stage net_settlement, what clients say and pay (contract section 10).

Wires received pay positive nets, wires sent negative ones, oldest first. What is left over is in
the newest net, which is OVERPAID by it, and goes over to the next net when that closes.
"""

from typing import TypeGuard
from zlib import crc32

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
from settlement.net_settlement import WIRE_BYTES, NetSettlements
from settlement.remembered import RememberedIds, fingerprint
from topics.decode import Refused

Opinion = NetSettlementConfirmed | NetSettlementDisputed
Wire = NetWireReceived | NetWireSent | RevenueSharePaid
NetInput = Opinion | Wire


def is_net_input(event: Input) -> TypeGuard[NetInput]:
    """Whether an event is one of the topic `net-wires`."""
    return isinstance(event, NetInput)


def wire_refusal(wires: RememberedIds, event: Wire) -> Refused | None:
    """Say why a wire is dead-lettered: its id is that of another. Changes nothing."""
    before = wires.get(fingerprint(event.client, event.wire_id))
    if before is None or before == _content(event):
        return None
    return Refused("CONFLICT", "a wire of this wire_id had other content")


def is_new(wires: RememberedIds, event: Wire) -> bool:
    """Remember a wire that is not refused; whether it was not there before."""
    wire_id = fingerprint(event.client, event.wire_id)
    if wires.get(wire_id) is not None:
        return False
    wires.put(wire_id, _content(event))
    return True


def _content(event: Wire) -> bytes:
    """Return a checksum of all but `event_id` and `event_time`."""
    return crc32(f"{event.type}|{event.amount}".encode()).to_bytes(WIRE_BYTES, "big")


def opinion_refusal(
    nets: NetSettlements, event: Opinion, now: Micros, at: Micros
) -> Refused | None:
    """Say why a confirmation or dispute is dead-lettered: there is no such net by `at`."""
    if nets.will_be_closed(event.client, event.window_to, now, at):
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
