"""A client's own record of executions against the files that we issued: each difference, named.

Numbers are compared as numbers (100.0 is 100.00), times to the millisecond, as files carry them.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.money import CENTS_DECIMALS, PRICE_DECIMALS, UNITS_DECIMALS, reread

# What may be compared, and how many decimals it has at most; None: text.
FIELDS: Mapping[str, int | None] = {
    "account_id": None,
    "client_order_id": None,
    "symbol": None,
    "side": None,
    "quantity": UNITS_DECIMALS,
    "price": PRICE_DECIMALS,
    "gross": CENTS_DECIMALS,
    "commission": CENTS_DECIMALS,
    "net_money": CENTS_DECIMALS,
    "net_amount": CENTS_DECIMALS,
    "executed_at": None,
}
# In our files, not in the client's record; the other way round; twice in the client's record.
MISSING_THERE = "MISSING_THERE"
MISSING_HERE = "MISSING_HERE"
TWICE_THERE = "TWICE_THERE"


class Record(NamedTuple):
    """An execution as one side wrote it: texts of `FIELDS`, as far as it has them."""

    execution_id: str
    facts: Mapping[str, str]
    place: str


class Difference(NamedTuple):
    """`what`: a field's name in capital letters, or one of the three above. Places may be empty."""

    execution_id: str
    what: str
    here: str
    there: str
    place_here: str
    place_there: str


class Reconciliation:
    """The client's record in full, against which our files are held row by row."""

    def __init__(self) -> None:
        """Start with an empty record."""
        self._there: dict[str, Record] = {}
        # Of each kind of file, what was found in it.
        self._found: dict[str, set[str]] = {}
        self._missing_there: set[str] = set()

    def take(self, record: Record) -> Difference | None:
        """Take a row of the client's record."""
        first = self._there.setdefault(record.execution_id, record)
        if first is record:
            return None
        return Difference(record.execution_id, TWICE_THERE, "", first.place, "", record.place)

    def compare(self, kind: str, record: Record) -> Iterator[Difference]:
        """Hold a row of our files, of that kind, against the client's record."""
        there = self._there.get(record.execution_id)
        if there is None:
            # Said once, though several of our files may have it.
            if record.execution_id in self._missing_there:
                return
            self._missing_there.add(record.execution_id)
            yield Difference(record.execution_id, MISSING_THERE, "", "", record.place, "")
            return
        self._found.setdefault(kind, set()).add(record.execution_id)
        for name, theirs in there.facts.items():
            ours = record.facts.get(name)
            if ours is not None and not _same(name, ours, theirs):
                yield Difference(
                    record.execution_id, name.upper(), ours, theirs, record.place, there.place
                )

    def missing(self, kind: str) -> Iterator[Record]:
        """Give the rows of the client's record that no file of that kind had."""
        found = self._found.get(kind, set())
        for execution_id, record in self._there.items():
            if execution_id not in found:
                yield record


def _same(name: str, ours: str, theirs: str) -> bool:
    if ours == theirs:
        return True
    decimals = FIELDS[name]
    return decimals is not None and reread(ours, decimals) == reread(theirs, decimals)
