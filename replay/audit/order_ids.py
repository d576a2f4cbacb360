"""Which order ids were used, and the answers that depend on nothing else (contract section 6)."""

from collections import Counter

from replay.audit.difference import DifferenceError, described
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
    """The ids of all orders that used one."""

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
        if line.event["account_id"] is None or line.event["client"] is None:
            raise self._wrong(line, "account_id and client", "an account and its client")
        if self.known(line):
            raise self._wrong(line, "client_order_id", "one that was not used before")
        if in_maintenance(line.at):
            raise self._wrong(line, "time of the acceptance", "none in [16:30, 17:05)")
        self._used.add(_order_id(line))

    def reject(self, line: Written) -> None:
        """Check a rejection's reason as far as the id and the time tell; use the id up.

        Raises:
            DifferenceError: the reason can't be that one.
        """
        reason = line.event["reason"]
        known = self.known(line)
        if known != (reason == "DUPLICATE_ORDER_ID"):
            state = "was used before" if known else "was not used before"
            raise self._wrong(line, "reason", f"one that fits an id that {state}")
        maintenance = in_maintenance(line.at)
        if reason == "MAINTENANCE" and not maintenance:
            raise self._wrong(line, "reason", "another outside [16:30, 17:05)")
        if maintenance and reason not in _REJECTED_IN_MAINTENANCE:
            raise self._wrong(line, "reason", "MAINTENANCE")
        self.rejected[reason] += 1
        if reason not in _ID_STAYS_FREE:
            self._used.add(_order_id(line))

    def reject_cancel(self, line: Written) -> None:
        """Check the reason for which there is nothing to cancel.

        Raises:
            DifferenceError: it is the other one.
        """
        expected = "ORDER_DONE" if self.known(line) else "UNKNOWN_ORDER"
        if line.event["reason"] != expected:
            raise self._wrong(line, "reason", expected)

    def known(self, line: Written) -> bool:
        """Whether the id of an update's order was used."""
        return _order_id(line) in self._used

    def _wrong(self, line: Written, what: str, expected: str) -> DifferenceError:
        return self.updates.differs(line, what, expected=expected, found=described(line.event))


def _order_id(line: Written) -> str:
    """Return the order's id as one text: millions are kept."""
    return f"{line.event['account_id']} {line.event['client_order_id']}"
