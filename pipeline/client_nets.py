"""Nets and revenue shares in the state topic of client-books.

The kinds of records:

net|{client}             lines of open windows, and wires
closed|{client}|{time}   one net that closed, by its window_to
share|{client}           revenue share: terms, and months that are not stated
input|{id}               an input of net-wires that was acted on
total|{ledger account}   what the clients' own entries add up to

Amounts are cents as text: a sum may exceed the 64 bits of a JSON integer.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from pipeline.task import Change, fresh_ids
from schemas.money import json_cents
from settlement.clients import Clients
from settlement.net_settlement import ClientNet, Net
from settlement.revenue_share import Share

_INPUT = b"input|"


def changed_nets(clients: Clients) -> Iterator[Change]:
    """Return what changed since this was last asked."""
    for client in sorted(clients.touched):
        net, share = clients.nets.of(client), clients.shares.of(client)
        yield b"net|" + client.encode(), orjson.dumps(_net_record(net))
        yield b"share|" + client.encode(), orjson.dumps(_share_record(share))
    for client, window_to in sorted(clients.nets.touched):
        closed = clients.nets.of(client).closed[window_to]
        key = f"closed|{client}|{window_to}"
        yield key.encode(), orjson.dumps(_closed_record(closed))
    for name in sorted(clients.ledger.touched):
        yield b"total|" + name.encode(), str(clients.ledger.totals[name]).encode()
    yield from fresh_ids(_INPUT, clients.nets.inputs)
    clients.touched.clear()
    clients.nets.touched.clear()
    clients.ledger.touched.clear()


def restore_net(clients: Clients, key: bytes, value: bytes) -> bool:
    """Take one record of state back; whether it is one of these."""
    kind, _, rest = key.partition(b"|")
    match kind:
        case b"input":
            clients.nets.inputs.put(rest, value)
        case b"net":
            _fill_net(clients.nets.of(rest.decode()), orjson.loads(value))
        case b"closed":
            client, _, window_to = rest.decode().partition("|")
            clients.nets.of(client).closed[int(window_to)] = _closed_net(orjson.loads(value))
        case b"share":
            _fill_share(clients.shares.of(rest.decode()), orjson.loads(value))
        case b"total":
            clients.ledger.totals[rest.decode()] = int(value)
        case _:
            return False
    return True


def restored_nets(clients: Clients) -> None:
    """Put together what was restored: nets in the order of their windows."""
    for net in clients.nets.clients.values():
        net.closed = dict(sorted(net.closed.items()))
    clients.nets.inputs.fresh = {}


def _net_record(net: ClientNet) -> list[Any]:
    lines = [
        [window_to, json_cents(amount), count] for window_to, (amount, count) in net.lines.items()
    ]
    return [lines, *map(json_cents, (net.advance, net.wires_in, net.wires_out))]


def _fill_net(net: ClientNet, stored: list[Any]) -> None:
    lines, *amounts = stored
    net.advance, net.wires_in, net.wires_out = map(int, amounts)
    net.lines = {window_to: (int(amount), count) for window_to, amount, count in lines}


def _closed_record(net: Net) -> list[Any]:
    amount, outstanding = json_cents(net.amount), json_cents(net.outstanding)
    return [amount, net.executions, outstanding, net.opinion, net.status]


def _closed_net(stored: list[Any]) -> Net:
    amount, executions, outstanding, *said = stored
    net = Net(int(amount), executions, int(outstanding))
    net.opinion, net.status = said
    return net


def _share_record(share: Share) -> list[Any]:
    months = [[month, *map(json_cents, amounts)] for month, amounts in sorted(share.months.items())]
    totals = map(json_cents, (share.carried, share.stated, share.deducted, share.paid))
    return [share.bps, months, *totals]


def _fill_share(share: Share, stored: list[Any]) -> None:
    share.bps, months, *totals = stored
    share.carried, share.stated, share.deducted, share.paid = map(int, totals)
    share.months = {month: (int(revenue), int(write_offs)) for month, revenue, write_offs in months}
