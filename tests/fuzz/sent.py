"""One record to be sent, and what must become of it."""

from typing import NamedTuple

Headers = tuple[tuple[str, bytes | None], ...]


class Tag(NamedTuple):
    """What a record is, for the counts.

    `expected`: the reason of the dead letter that it must get, `ACT` where it must not be refused
    for its form, `ANSWER` for an order beyond a limit (`INVALID_ORDER`), empty where anything goes.
    `limit`: the name of the limit that it tests. `step`: the step of a flow that it is meant as.
    `repeats`: it repeats an earlier input, or is an older tick, so it has no effect.
    """

    kind: str
    expected: str = ""
    limit: str = ""
    step: str = ""
    repeats: bool = False


class Sent(NamedTuple):
    """One record. `order_at`: its place in a plain replay (microseconds), None: it has none."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    tag: Tag
    order_at: int | None
    headers: Headers = ()


ACT = "ACT"
ANSWER = "ANSWER"
