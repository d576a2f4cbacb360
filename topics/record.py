"""A record as Kafka stores it."""

from typing import NamedTuple


class Record(NamedTuple):
    """One Kafka record; `appended_ms` is the broker's append time."""

    topic: str
    partition: int
    offset: int
    appended_ms: int
    key: bytes | None
    value: bytes | None
