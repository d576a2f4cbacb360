"""Revenue shares (contract section 10). Amounts are cents.

Revenue is added up from the executions, write-offs from the ledger: what is posted to
`writeoff:{client}` in a month's CT dates, but for what a statement itself deducts.
"""

import datetime as dt
from collections import defaultdict
from typing import Any

from audit import entries, numbers
from audit.cause import Cause
from audit.ledger import Ledger
from audit.topic_file import TopicFile, Written
from schemas.instant import Micros
from schemas.money import usd
from settlement.calendar import civil_date
from topics.catalogue import EXECUTIONS, NET_WIRES


class Shares:
    """All clients' shares, in order."""

    def __init__(self, ledger: Ledger, topic: TopicFile) -> None:
        """Start before the first statement."""
        self.ledger = ledger
        self.topic = topic
        # By client and month (2026-03).
        self._revenue: dict[tuple[str, str], int] = defaultdict(int)
        self._carried: dict[str, int] = defaultdict(int)
        # What client:{client}:share has to be.
        self.booked: dict[str, int] = defaultdict(int)
        # Basis points by client, of all that are known.
        self.terms: dict[str, int] = {}

    def executed(self, event: dict[str, Any]) -> None:
        """Add an execution to the month of its trade date."""
        revenue = numbers.cents(event["markup"]) + numbers.cents(event["commission"])
        self._revenue[event["client"], event["trade_date"][:7]] += revenue

    def _state(self, client: str, window: Written) -> None:
        """Take a client's statement of the month before, and its entries.

        Raises:
            DifferenceError: a topic's next event is not what has to come.
        """
        month = (civil_date(window.at) - dt.timedelta(days=1)).strftime("%Y-%m")
        cause = Cause(EXECUTIONS, window.event["cause_id"], window.at)
        revenue = self._revenue.pop((client, month), 0)
        written_off = self.ledger.write_offs.pop((client, month), 0)
        carried = self._carried[client]
        share = numbers.share(revenue, self.terms.get(client, 0))
        left = share - written_off - carried
        self.topic.expect(
            cause.head(
                "RevenueShareStatement",
                client,
                client=client,
                month=month,
                share=usd(share),
                write_offs=usd(written_off),
                carried_in=usd(carried),
                payable=usd(max(0, left)),
                carried_out=usd(max(0, -left)),
            )
        )
        self._carried[client] = max(0, -left)
        self.booked[client] += share - written_off
        self.ledger.book_client(client, entries.share_stated(client, share), cause)
        self.ledger.book_client(client, entries.deducted(client, written_off), cause)

    def close(self, window: Written) -> None:
        """Take the statements of a NET_SETTLEMENT window, if it is the first of its month.

        Raises:
            DifferenceError: a topic's next event is not what has to come.
        """
        if civil_date(window.at).day == 1:
            for client in sorted(self.terms):
                self._state(client, window)

    def paid(self, client: str, amount: int, cause_id: str, at: Micros) -> None:
        """Take what a payout makes.

        Raises:
            DifferenceError: the journal's next event is not its entry.
        """
        self.booked[client] -= amount
        cause = Cause(NET_WIRES, cause_id, at)
        self.ledger.book_client(client, entries.share_paid(client, amount), cause)
