"""Where an order update's cause came from: only its id tells (contract section 1)."""

from audit.cause import FoundIds, event_id
from audit.topic_file import TopicFile, Written
from topics.catalogue import ACCOUNTS, BBO, EXECUTIONS, ORDERS

# Which topics the cause of an event can come from, the likeliest first; of what ends an order by
# the reason that it gives.
_CAUSES: dict[str, tuple[str, ...]] = {
    "OrderAccepted": (ORDERS,),
    "OrderRejected": (ORDERS,),
    "OrderCancelRejected": (ORDERS,),
    "OrderTriggered": (BBO, ORDERS),
    "OrderFilled": (ORDERS, BBO),
    "CLIENT_REQUEST": (ORDERS,),
    "IOC_REMAINDER": (ORDERS,),
    "NOT_MARKETABLE": (ORDERS,),
    "BELOW_MINIMUM": (BBO, ORDERS),
    "PRICE_TOO_FAR": (BBO, ORDERS),
    "MAINTENANCE": (EXECUTIONS,),
    "ACCOUNT_NOT_OPEN": (ACCOUNTS,),
    "JURISDICTION": (ACCOUNTS,),
    "END_OF_DAY": (EXECUTIONS,),
    "EXPIRE_TIME": (ORDERS,),
}


class UpdateCauses:
    """Recomputes the ids of `order-updates`."""

    def __init__(self, updates: TopicFile) -> None:
        """Start before the first update."""
        self.updates = updates
        self._ids = FoundIds()

    def begin_step(self) -> None:
        """Begin with what another cause makes."""
        self._ids.begin_step()

    def topic_of(self, line: Written) -> str:
        """Return the topic of an update's cause; its id must follow from it."""
        event = line.event
        kind: str = event["type"]
        causes = _CAUSES.get(kind) or _CAUSES[event["reason"]]
        return self._ids.topic_of_cause(
            event,
            event["account_id"] or "",
            causes,
            lambda expected: self.updates.differs(
                line, "event_id", expected=expected, found=event["event_id"]
            ),
        )

    def topic_of_first(self, line: Written) -> str:
        """Return the topic of the cause of a step's first update; checked when it is applied."""
        event = line.event
        causes = _CAUSES.get(event["type"]) or _CAUSES[event["reason"]]
        for topic in causes[1:]:
            made = event_id(topic, event["cause_id"], event["type"], event["account_id"] or "", 1)
            if made == event["event_id"]:
                return topic
        return causes[0]
