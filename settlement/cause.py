"""What caused an event, when it was decided, and the id that follows (contract 1 and 4)."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from schemas.instant import Micros, time_text

# An emitted event on its way: topic, Kafka key, event.
Emission = tuple[str, str, Mapping[str, Any]]
Out = list[Emission]


class Cause:
    """One cause within one task: the ids of all that it makes are functions of it.

    `at` is the decision time t that all its events carry.
    """

    __slots__ = ("_counts", "_prefix", "at", "at_text", "id")

    def __init__(self, topic: str, cause_id: str, at: Micros) -> None:
        """Take the cause's topic and `event_id`, and the decision time in microseconds."""
        self.id = cause_id
        self.at = at
        self.at_text = time_text(at)
        self._prefix = f"{topic}|{cause_id}|"
        self._counts: dict[str, int] = {}

    def event_id(self, kind: str, key: str) -> str:
        """Return the id of the next event of this type and key: k counts 1, 2 ... (section 1)."""
        counted = f"{kind}|{key}|"
        k = self._counts.get(counted, 0) + 1
        self._counts[counted] = k
        return sha256(f"{self._prefix}{counted}{k}".encode()).hexdigest()[:32]
