"""The ids that the contract prescribes for what a cause makes (section 1)."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from schemas.instant import Micros, time_text

_ANSWERS = frozenset({"OrderAccepted", "OrderRejected", "OrderCancelRejected"})


def answers(event: Mapping[str, Any]) -> bool:
    """Whether an order update is the first that its order or cancel makes.

    Another one of the same cause answers another input: nothing keeps a producer from giving two
    inputs one `event_id`, and an order that used up no ID is answered each time it comes.
    """
    return event["type"] in _ANSWERS or event.get("reason") == "CLIENT_REQUEST"


def event_id(topic: str, cause_id: str, kind: str, key: str, k: int) -> str:
    """Return the id of the k-th event of this type and key that the cause makes in one task."""
    return sha256(f"{topic}|{cause_id}|{kind}|{key}|{k}".encode()).hexdigest()[:32]


class Cause:
    """One cause in one task, with its decision time: makes the heads of the events expected of it.

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

    def head(self, kind: str, key: str) -> dict[str, Any]:
        """Return what every event starts with."""
        return {
            "type": kind,
            "event_id": self.next_id(kind, key),
            "event_time": self.at_text,
            "cause_id": self.id,
        }

    def about(self, kind: str, account_id: str, client: str) -> dict[str, Any]:
        """Return what every account's event starts with."""
        head = self.head(kind, account_id)
        head["account_id"] = account_id
        head["client"] = client
        return head


class FoundIds:
    """The ids of a topic whose events cannot be foretold: recomputed from what is written.

    What a cause makes stands together, in one step, and k starts anew with each step.
    """

    __slots__ = ("_made",)

    def __init__(self) -> None:
        """Start before the first event."""
        self._made: dict[tuple[str, str], int] = {}

    def begin_step(self) -> None:
        """Let k start anew."""
        self._made.clear()

    def topic_of_cause(
        self,
        event: dict[str, Any],
        key: str,
        possible: tuple[str, ...],
        refuse: Callable[[str], Exception],
    ) -> str:
        """Return which of the `possible` topics the event's cause came from.

        Raises:
            Exception: what `refuse` makes of the id expected, if the id fits none of them.
        """
        made = (event["type"], key)
        k = self._made.get(made, 0) + 1
        self._made[made] = k
        for topic in possible:
            if event_id(topic, event["cause_id"], *made, k) == event["event_id"]:
                return topic
        raise refuse(event_id(possible[0], event["cause_id"], *made, k))
