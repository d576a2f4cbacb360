"""hledger: accounts as the ledger calls them, declared before they are used (hledger check -s)."""

from collections.abc import Iterator

from schemas.instant import micros
from schemas.journal import USD, JournalEntry
from schemas.money import CENTS_DECIMALS, UNITS_DECIMALS
from settlement.calendar import civil_date


class Hledger:
    """Writes entries; remembers what is declared."""

    def __init__(self) -> None:
        self._declared: set[str] = set()

    def head(self) -> str:
        """Return what the file begins with."""
        return "; settle\ndecimal-mark .\n"

    def entry(self, entry: JournalEntry) -> Iterator[str]:
        """Give the entry's text, behind the declaration of each account and asset that is new."""
        for posting in entry["postings"]:
            yield from self._declare(f"account {posting['account']}")
            places = CENTS_DECIMALS if posting["asset"] == USD else UNITS_DECIMALS
            yield from self._declare(f"commodity {0:.{places}f} {commodity(posting['asset'])}")
        date = civil_date(micros(entry["event_time"])).isoformat()
        whose = f"{entry['client']} {entry['account_id'] or ''}".rstrip()
        yield f"\n{date} * ({entry['entry_id']}) {whose}\n    ; time: {entry['event_time']}\n"
        for posting in entry["postings"]:
            # Two blanks end an account's name.
            yield f"    {posting['account']}  {posting['amount']} {commodity(posting['asset'])}\n"

    def _declare(self, directive: str) -> Iterator[str]:
        if directive not in self._declared:
            self._declared.add(directive)
            yield f"\n{directive}\n"


def commodity(asset: str) -> str:
    """Return an asset's name: quoted where it has digits."""
    return asset if asset.isalpha() else f'"{asset}"'
