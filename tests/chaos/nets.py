"""Net settlements: each line in exactly one, each wire booked once, each month stated once."""

from collections import Counter, defaultdict
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tests.chaos.counts import Measured
from topics.catalogue import JOURNAL, NET_SETTLEMENTS, NET_WIRES, REVENUE_SHARES

_Window = tuple[str, str]
_WIRES = {"NetWireReceived", "NetWireSent", "RevenueSharePaid"}


class Nets:
    """The clients' books, as their events tell them."""

    def __init__(self) -> None:
        # By client and window: how many lines, and what they come to.
        self._lines: Counter[_Window] = Counter()
        self._sums: dict[_Window, Decimal] = defaultdict(Decimal)
        self._nets: dict[_Window, list[dict[str, Any]]] = defaultdict(list)
        self._stated: Counter[_Window] = Counter()
        # The wires by place, and in the order of each client's partition.
        self._wires: list[tuple[tuple[int, int], dict[str, Any]]] = []
        self._entries: Counter[str] = Counter()
        self._letters: Counter[tuple[int, int]] = Counter()
        self._shares: Counter[_Window] = Counter()

    def take(self, topic: str, place: tuple[int, int], event: dict[str, Any]) -> None:
        """Count an event; `place`: its partition and offset."""
        kind = event["type"]
        if topic == NET_SETTLEMENTS:
            window = (event["client"], event["window_to"])
            if kind == "NetSettlementLine":
                self._lines[window] += 1
                self._sums[window] += Decimal(event["net_amount"])
            elif kind == "NetSettlement":
                self._nets[window].append(event)
            else:
                self._stated[window] += 1
        elif topic == NET_WIRES and kind in _WIRES:
            self._wires.append((place, event))
        elif topic == JOURNAL and event["account_id"] is None:
            self._entries[event["cause_id"]] += 1
        elif topic == REVENUE_SHARES:
            self._shares[event["client"], event["month"]] += 1
        elif kind == "DeadLetter" and event["source_topic"] == NET_WIRES:
            self._letters[event["source_partition"], event["source_offset"]] += 1

    def compare(self, measured: Measured, *, all_closed: bool) -> None:
        """Note what is not as it must be; `all_closed`: time went on past the last net."""
        measured.nets = len(self._nets)
        ended = max((to for _, to in self._nets), default="")
        for window in self._lines.keys() | self._nets.keys():
            client, to = window
            if not all_closed and to > ended:
                continue
            found = self._nets.get(window, [])
            measured.once(f"the net of {client} to {to}", len(found))
            for net in found[:1]:
                told = (net["executions"], Decimal(net["net_amount"]))
                lines = (self._lines[window], self._sums[window])
                if told != lines:
                    measured.wrong.append(f"the net of {client} to {to}: {told}, lines {lines}")
                if not self._stated[window]:
                    measured.lost.append(f"the status of the net of {client} to {to}")
        by_client: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for (client, _), nets in sorted(self._nets.items()):
            by_client[client] += nets
        for client, nets in by_client.items():
            for one, following in pairwise(nets):
                if one["window_to"] != following["window_from"]:
                    measured.lost.append(f"a net of {client} behind {one['window_to']}")
        measured.doubled += [
            f"the statement of {client} for {month}"
            for (client, month), count in self._shares.items()
            if count > 1
        ]
        self._compare_wires(measured)

    def _compare_wires(self, measured: Measured) -> None:
        """Each wire is booked once, or is one dead letter, or a repeat of one before it."""
        known: dict[tuple[str, str], str] = {}
        for place, wire in self._wires:
            measured.wires += 1
            entries, letters = self._entries[wire["event_id"]], self._letters[place]
            name = (wire["client"], wire["wire_id"])
            what = f"what became of wire {' '.join(name)} at {place}"
            if name in known:
                if entries > (known[name] == wire["event_id"]):
                    measured.doubled.append(what)
                continue
            measured.once(what, entries + letters)
            if entries:
                known[name] = wire["event_id"]
