"""Beancount: accounts under five roots, opened before they are used.

customer:XYZ12345:cash    Assets:Customer:XYZ12345:Cash
customer:XYZ12345:BTC     Assets:Customer:XYZ12345:BTC
client:ACME:net           Assets:Client:ACME:Net
bfs:usd  bank:fbo         Assets:Bfs:Usd  Assets:Bank:Fbo
revenue:markup:ACME       Income:Revenue:Markup:ACME
writeoff:platform         Expenses:Writeoff:Platform
adjustment:ACME           Expenses:Adjustment:ACME
world:bank                Equity:World:Bank
"""

from collections.abc import Iterator

from schemas.instant import micros
from schemas.journal import JournalEntry
from settlement.calendar import civil_date

_ROOTS = {
    "adjustment": "Expenses",
    "bank": "Assets",
    "bfs": "Assets",
    "client": "Assets",
    "customer": "Assets",
    "revenue": "Income",
    "world": "Equity",
    "writeoff": "Expenses",
}
# Words of the language itself.
_RESERVED = frozenset({"FALSE", "NULL", "TRUE"})
# Before every time that the contract allows, so the order of the entries does not matter.
_OPENED = "1970-01-01"


class Beancount:
    """Writes entries; remembers which accounts are open."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def head(self) -> str:
        """Return what the file begins with."""
        return 'option "title" "settle"\noption "operating_currency" "USD"\n'

    def entry(self, entry: JournalEntry) -> Iterator[str]:
        """Give the entry's text, behind the `open` of each account that is new."""
        lines = []
        for posting in entry["postings"]:
            name = self._names.get(posting["account"])
            if name is None:
                name = self._names[posting["account"]] = account_name(posting["account"])
                yield f"\n{_OPENED} open {name}\n"
            lines.append(f"  {name}  {posting['amount']} {commodity(posting['asset'])}\n")
        date = civil_date(micros(entry["event_time"])).isoformat()
        yield (
            f'\n{date} * "{entry["client"]}" "{entry["account_id"] or ""}"\n'
            f'  entry: "{entry["entry_id"]}"\n'
            f'  time: "{entry["event_time"]}"\n'
        )
        yield from lines


def account_name(account: str) -> str:
    """Return a ledger account's name; no two have the same."""
    parts = account.split(":")
    # Our words are lower case, codes and assets upper case: a capital letter mixes up nothing.
    # A hyphen neither: no word of ours has one.
    words = (part[0].upper() + part[1:].replace("_", "-") for part in parts)
    return ":".join([_ROOTS[parts[0]], *words])


def commodity(asset: str) -> str:
    """Return an asset's name: it must begin with a letter and be no word of the language."""
    return f"ASSET.{asset}" if asset[0].isdigit() or asset in _RESERVED else asset
