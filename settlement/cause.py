"""What caused an event, when it was decided, and the id that follows (contract 1 and 4)."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast

import orjson

from schemas.instant import Micros, time_text

# An event as a decision says it: what every order makes is put into its JSON at once, as a text.
# Nothing that such an event consists of needs an escape in JSON but its `cause_id`.
Said = Mapping[str, Any] | str
# An emitted event on its way: topic, Kafka key, event.
Emission = tuple[str, str, Said]
Out = list[Emission]


def fields(event: Said) -> Mapping[str, Any]:
    """Return what an event says, field by field."""
    return cast("Mapping[str, Any]", orjson.loads(event)) if isinstance(event, str) else event


class Cause:
    """One cause within one task: the ids of all that it makes are functions of it.

    `at` is the decision time t that all its events carry, `id_json` the cause's id in JSON.
    """

    __slots__ = ("_counts", "_prefix", "at", "at_text", "id", "id_json")

    def __init__(self, topic: str, cause_id: str, at: Micros, at_text: str = "") -> None:
        """Take the cause's topic and `event_id`, and the decision time in microseconds.

        `at_text`: the same time as `time_text` writes it, from who has it.
        """
        self.id = cause_id
        self.id_json = orjson.dumps(cause_id).decode()
        self.at = at
        self.at_text = at_text or time_text(at)
        self._prefix = f"{topic}|{cause_id}|"
        self._counts: dict[str, int] = {}

    def event_id(self, kind: str, key: str) -> str:
        """Return the id of the next event of this type and key: k counts 1, 2 ... (section 1)."""
        counted = f"{self._prefix}{kind}|{key}|"
        counts = self._counts
        k = counts[counted] = counts.get(counted, 0) + 1
        return sha256(f"{counted}{k}".encode()).hexdigest()[:32]
