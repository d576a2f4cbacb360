"""Wires, payouts and opinions, read off what was written, where the inputs are not at hand.

A client's own entry tells which wire it was; a status without one that a client said something.
"""

from collections.abc import Callable

from replay.audit import entries, numbers
from replay.audit.cause import event_id
from replay.audit.nets import Nets
from replay.audit.shares import Shares
from replay.audit.topic_file import Written
from topics.catalogue import NET_WIRES


class WrittenNets:
    """Finds what net wires made between the steps of trading."""

    def __init__(self, nets: Nets, shares: Shares) -> None:
        """Start before the first."""
        self.nets = nets
        self.shares = shares
        self.journal = nets.ledger.journal

    def apply_next(self, comes_before: Callable[[Written], bool]) -> bool:
        """Refold the next, if it comes before a step of trading; return whether it does.

        Raises:
            DifferenceError: an entry or a status is nothing that a client did.
        """
        entry, status = self.journal.head, self.nets.topic.head
        if (
            entry is not None
            and status is not None
            and entry.event["account_id"] is not None
            and entry.at <= status.at
        ):
            # A funding comes first; behind its entry there may be that of the status's own wire.
            status = None
        if entry is not None and not (entry.event["account_id"] is None and comes_before(entry)):
            entry = None
        if status is not None and not (
            status.event["type"] == "NetSettlementStatus" and comes_before(status)
        ):
            status = None
        if entry is not None and (status is None or self._is_first(entry, status)):
            self._entered(entry)
        elif status is not None:
            self._opined(status)
        return entry is not None or status is not None

    @staticmethod
    def _is_first(entry: Written, status: Written) -> bool:
        """Whether an entry comes before a status, which may be its own; a payout has none."""
        return entry.at < status.at or (
            entry.at == status.at and entry.event["cause_id"] == status.event["cause_id"]
        )

    def _entered(self, entry: Written) -> None:
        event = self.journal.checked(entry).event
        client, cause_id = event["client"], event["cause_id"]
        if event["event_id"] != event_id(NET_WIRES, cause_id, "JournalEntry", client, 1):
            raise self.journal.surplus("no window and no wire makes it")
        found = sorted((p["account"], p["asset"], p["amount"]) for p in event["postings"])
        for account, _, text in found:
            if account not in {f"client:{client}:net", f"client:{client}:share"}:
                continue
            amount = self.journal.number(entry, "postings", text, numbers.cents)
            wire = entries.net_wire(client, amount)
            if account.endswith(":share"):
                wire = entries.share_paid(client, -amount)
            posted = [(p["account"], p["asset"], p["amount"]) for p in entries.written(wire)]
            if sorted(posted) != found:
                continue
            if account.endswith(":net"):
                self.nets.wired(client, amount, cause_id, entry.at)
                return
            if amount < 0:
                self.shares.paid(client, -amount, cause_id, entry.at)
                return
        raise self.journal.differs(
            entry,
            "postings",
            expected="an entry of contract section 9",
            found=event["postings"],
        )

    def _opined(self, status: Written) -> None:
        event = status.event
        client, cause_id, window_to = event["client"], event["cause_id"], event["window_to"]
        if event["event_id"] != event_id(NET_WIRES, cause_id, event["type"], client, 1):
            raise self.nets.topic.surplus("no window, no wire and no opinion makes it")
        if client not in self.nets.clients or window_to not in self.nets.clients[client].nets:
            raise self.nets.topic.surplus("there is no such net settlement")
        opinion = "DISPUTED" if event["status"] == "DISPUTED" else "CONFIRMED"
        before = self.nets.clients[client].nets[window_to].shown
        self.nets.opined(client, window_to, opinion, cause_id, status.at)
        if self.nets.clients[client].nets[window_to].shown == before:
            raise self.nets.topic.surplus_at(status, "it says what was said before")
