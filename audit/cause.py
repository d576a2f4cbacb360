"""The ids that the contract prescribes for what a cause makes (section 1)."""

from hashlib import sha256
from typing import Any

from schemas.instant import Micros, time_text


def emitted(kind: str, event_id: str, event_time: str, cause_id: str) -> dict[str, Any]:
    """Return what every event starts with (section 3)."""
    return {
        "type": kind,
        "event_id": event_id,
        "event_time": event_time,
        "cause_id": cause_id,
    }


def event_id(topic: str, cause_id: str, kind: str, key: str, k: int) -> str:
    """Return the id of the k-th event of this type and key that the cause makes in one task."""
    return sha256(f"{topic}|{cause_id}|{kind}|{key}|{k}".encode()).hexdigest()[:32]


class Cause:
    """One cause in one task, with its decision time: makes the events expected of it.

    `what` adds up how often each (type, key) was made, so k has no gaps.
    """

    __slots__ = ("_made", "at", "at_text", "id", "topic")

    def __init__(self, topic: str, cause_id: str, at: Micros) -> None:
        """Take the cause's topic, its id and the time that its events carry."""
        self.topic = topic
        self.id = cause_id
        self.at = at
        self.at_text = time_text(at)
        self._made: dict[tuple[str, str], int] = {}

    def next_id(self, kind: str, key: str) -> str:
        """Return the id of the next event of this type and key."""
        k = self._made.get((kind, key), 0) + 1
        self._made[kind, key] = k
        return event_id(self.topic, self.id, kind, key, k)

    def head(self, kind: str, key: str, **fields: object) -> dict[str, Any]:
        """Return the next event of this type and key."""
        event = emitted(kind, self.next_id(kind, key), self.at_text, self.id)
        event.update(fields)
        return event

    def about(
        self, kind: str, account_id: str, client: str | None, **fields: object
    ) -> dict[str, Any]:
        """Return the next event of this type about an account."""
        return self.head(kind, account_id, account_id=account_id, client=client, **fields)
