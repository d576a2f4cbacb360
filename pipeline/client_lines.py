"""What settlement sends to the clients' books on `client-lines`: lines, and a marker per window.

Each settlement partition answers a window with its lines and then, to every partition of
`client-lines`, one `WindowMarker` with the count and the total of the lines that it sent there
since its last one. So a client's books know when a window's lines are all in. Counts of many
clients do not fit in one record: `WindowCounts` right before the marker contain the others.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Literal

from schemas.event import Emitted
from schemas.money import CENTS_DECIMALS, Cents, json_cents, reread
from schemas.window import Window, WindowOpened
from settlement.cause import Cause
from topics.partition import partition_of

# The count of a client is at most some 50 bytes of JSON, so a record stays below 64 KiB. There can
# be 26^4 clients.
CLIENTS_PER_RECORD = 1000


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

    `clients`: by code, how many lines since the last marker and their total in cents
    (`json_cents`). Those of further clients are in the `WindowCounts` before it.
    """

    type: Literal["WindowMarker"]
    partition: int
    partitions: int
    to_partition: int
    window: Window
    scheduled_at: str
    clients: dict[str, list[int | str]]


class WindowCounts(Emitted):
    """Counts of a window for which its `WindowMarker`, which follows, has no room."""

    type: Literal["WindowCounts"]
    partition: int
    to_partition: int
    clients: dict[str, list[int | str]]


# What settlement sends to a partition of `client-lines`, not to a client.
TO_PARTITION = frozenset({"TimeStarted", "WindowCounts", "WindowMarker"})


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


def count_line(sent: dict[str, list[int]], client: str, line: Mapping[str, Any]) -> None:
    """Add a line to the counts and totals by client."""
    counted = sent.get(client)
    if counted is None:
        counted = sent[client] = [0, 0]
    counted[0] += 1
    counted[1] += line_total(line)


def count_record(count: list[int]) -> list[int | str]:
    """Return a count and its total as JSON."""
    lines, total = count
    return [lines, json_cents(total)]


def count_of(record: list[int | str]) -> list[int]:
    """Read a count and its total."""
    return [int(number) for number in record]


def window_markers(
    opened: WindowOpened,
    cause: Cause,
    sent: Mapping[str, list[int]],
    partition: int,
    partitions: int,
) -> Iterator[WindowCounts | WindowMarker]:
    """Return what ends a window's lines: for each partition its counts, then its marker.

    `sent`: by client, count and total in cents. `partition`: the one of `partitions` that sends.
    """
    counts_to: list[list[tuple[str, list[int | str]]]] = [[] for _ in range(partitions)]
    for client, count in sorted(sent.items()):
        counts_to[partition_of(client, partitions)].append((client, count_record(count)))
    for to_partition, counts in enumerate(counts_to):
        rest = iter(counts)
        for _ in range((len(counts) - 1) // CLIENTS_PER_RECORD):
            yield {
                "type": "WindowCounts",
                "event_id": cause.event_id("WindowCounts", str(to_partition)),
                "event_time": cause.at_text,
                "cause_id": cause.id,
                "partition": partition,
                "to_partition": to_partition,
                "clients": dict(islice(rest, CLIENTS_PER_RECORD)),
            }
        yield {
            "type": "WindowMarker",
            "event_id": cause.event_id("WindowMarker", str(to_partition)),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "partition": partition,
            "partitions": partitions,
            "to_partition": to_partition,
            "window": opened["window"],
            "scheduled_at": opened["scheduled_at"],
            "clients": dict(rest),
        }
