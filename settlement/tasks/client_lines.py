"""What settlement tells the clients' books on `client-lines`: lines, and a marker per window.

Each settlement partition answers a window with its lines and then, to every partition of
`client-lines`, one `WindowMarker` with the count and the total of the lines that it sent there
since its last one. So a client's books know when a window's lines are all in.
"""

from collections.abc import Mapping
from typing import Any, Literal

from schemas.event import Emitted
from schemas.money import CENTS_DECIMALS, Cents, reread
from schemas.window import Window

# By client: how many lines, and their total in cents.
Counts = dict[str, list[int]]

# By type of line: the field whose amounts are added up.
_TOTALLED = {
    "AccountBalance": "settled",
    "AgedFailure": "notional",
    "CashActivityLine": "amount",
    "CashCallSettled": "amount",
    "CashCallWrittenOff": "amount",
    "Execution": "net_money",
    "PartnerWriteOffLine": "amount",
    "WriteOffRecovered": "amount",
}


class WindowMarker(Emitted):
    """A settlement partition has sent all its lines of a window to one partition.

    `clients`: by code, `counts_text` of the lines since the last marker.
    """

    type: Literal["WindowMarker"]
    partition: int
    partitions: int
    to_partition: int
    window: Window
    scheduled_at: str
    clients: dict[str, str]


class TimeStarted(Emitted):
    """A settlement partition's time has started: `first_window` is when its first one ends."""

    type: Literal["TimeStarted"]
    partition: int
    partitions: int
    to_partition: int
    first_window: str


def line_total(line: Mapping[str, Any]) -> Cents:
    """Return what a line adds to the total of its client."""
    name = _TOTALLED.get(line["type"])
    return 0 if name is None else reread(line[name], CENTS_DECIMALS)


def count_line(sent: Counts, client: str, line: Mapping[str, Any]) -> None:
    """Add a line to the counts and totals by client."""
    counted = sent.get(client)
    if counted is None:
        counted = sent[client] = [0, 0]
    counted[0] += 1
    counted[1] += line_total(line)


def counts_text(counted: list[int]) -> str:
    """Write a client's count and total. As text, since a total may exceed 64 bits."""
    count, total = counted
    return f"{count} {total}"


def counts_of(text: str) -> list[int]:
    """Read a client's count and total."""
    return [int(part) for part in text.split(" ")]
