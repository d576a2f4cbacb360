"""Which order ids were used, and the answers that depend on nothing else (contract section 6)."""

from collections import Counter

from replay.audit.difference import DifferenceError, described
from replay.audit.orders_at_work import OrderId
from replay.audit.topic_file import TopicFile, Written
from settlement.calendar import in_maintenance

# A rejected order's id is used up, but for these reasons.
_ID_STAYS_FREE = frozenset({"UNKNOWN_ACCOUNT", "UNKNOWN_CLIENT"})
# The checks that come before MAINTENANCE, and it.
_REJECTED_IN_MAINTENANCE = frozenset(
    {
        "DUPLICATE_ORDER_ID",
        "UNKNOWN_ACCOUNT",
        "UNKNOWN_CLIENT",
        "INVALID_ORDER",
        "ACCOUNT_NOT_OPEN",
        "UNKNOWN_SYMBOL",
        "MAINTENANCE",
    }
)


class OrderIds:
    """The ids of accepted and of rejected orders."""

    def __init__(self, updates: TopicFile) -> None:
        """Start without an id."""
        self.updates = updates
        self.rejected: Counter[str] = Counter()  # by reason
        self._used: set[str] = set()

    def accept(self, line: Written) -> None:
        """Use the id of an accepted order up.

        Raises:
            DifferenceError: it was used before, or nothing is accepted at that time.
        """
        if not self._use(line):
            raise self._wrong(line, "client_order_id", "one that was not used before")
        if in_maintenance(line.at):
            raise self._wrong(line, "time of the acceptance", "none in [16:30, 17:05)")

    def _reject(self, line: Written) -> None:
        reason = line.event["reason"]
        order_id = self._order_id(line)
        used = order_id in self._accepted_ids or order_id in self._rejected_ids
        if used != (reason == "DUPLICATE_ORDER_ID"):
            state = "was used before" if used else "was not used before"
            raise self._wrong(line, "reason", f"one that fits an id that {state}")
        if (reason == "MAINTENANCE") > in_maintenance(line.at):
            raise self._wrong(line, "reason", "another outside [16:30, 17:05)")
        if in_maintenance(line.at) and reason not in _REJECTED_IN_MAINTENANCE:
            raise self._wrong(line, "reason", "MAINTENANCE")
        self.rejected[reason] += 1
        if reason not in _ID_STAYS_FREE and not used:
            self._rejected_ids.add(order_id)

    def _reject_cancel(self, line: Written) -> None:
        order_id = self._order_id(line)
        known = order_id in self._accepted_ids or order_id in self._rejected_ids
        order = self.at_work.by_id.get(order_id)
        if order is not None:
            if not order.may_be_done:
                raise self._wrong(line, "the answer to a cancel", "OrderCancelled, it is working")
            self._end(order, line)
        expected = "ORDER_DONE" if known else "UNKNOWN_ORDER"
        if line.event["reason"] != expected:
            raise self._wrong(line, "reason", expected)
