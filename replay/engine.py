"""One partition of the pipeline in one process: each input, and all it causes, before the next.

processes.py runs the same two offices beside each other.
"""

from collections.abc import Iterable

from replay.back_office import BackOffice, Destination
from replay.front_office import FrontOffice
from replay.read import Line
from replay.simulated_firm import SimulatedFirm
from replay.summary import Summary
from schemas.instant import Micros
from settlement.invariants import Books
from settlement.reports.rows import Rows


class History:
    """A replay under way."""

    def __init__(
        self,
        destination: Destination,
        rows: Rows,
        summary: Summary | None = None,
        clearing_firm: SimulatedFirm | None = None,
        *,
        csv_safe: bool = False,
    ) -> None:
        """Start before time; all but `destination` and `summary` as `BackOffice`."""
        self.summary = summary if summary is not None else Summary()
        self._back = BackOffice(destination, rows, self.summary, clearing_firm, csv_safe=csv_safe)
        self._front = FrontOffice(destination, self._back, self.summary)
        self.apply = self._front.apply
        self.move_time = self._front.move_time
        self.opened = self._back.opened
        self.trading = self._front.trading
        self.settlement = self._back.settlement
        self.clients = self._back.clients

    @property
    def now(self) -> Micros | None:
        """The time T of the partition, None before it starts."""
        return None if self.trading.now is None else self._back.last

    def run(self, lines: Iterable[Line], until: Micros | None = None) -> Summary:
        """Apply lines in order, up to and including the time `until`, then move time to it."""
        self._front.run(lines, until)
        self._back.finish()
        return self.summary

    def books(self) -> Books:
        """Show all books to the invariants (settlement/invariants.py)."""
        return self._back.books()
