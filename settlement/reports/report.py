"""One file to be: its key in the client's bucket, its header lines, its rows."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.money import quantity, usd
from schemas.report import ReportName

# A spreadsheet runs a cell that begins with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file, and what it adds to the control total (cents, or units of assets)."""

    text: str
    control: int


@dataclass(frozen=True, slots=True)
class Report:
    """A file that is about to be written; `rows` can be read once."""

    client: str
    name: ReportName
    key: str
    header: tuple[str, ...]
    rows: Iterator[Row]

    def control_text(self, total: int) -> str:
        """Write the control total: a sum of quantities in the positions file, else of dollars."""
        return quantity(total) if self.name == "POSITIONS" else usd(total)


def field(text: str) -> str:
    """Quote a CSV field where RFC 4180 asks for it (contract section 11)."""
    if not text.isalnum() and any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def free_text(text: str, *, csv_safe: bool) -> str:
    """Return the CSV field of a text that comes from outside and may hold anything.

    `csv_safe`: a text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    return field(f"'{text}" if csv_safe and text.startswith(_FORMULA_STARTS) else text)
