"""The positions file: every pair of account and asset ever held, zero rows too (domain.md 9)."""

from collections.abc import Iterator, Mapping

from schemas.instant import milliseconds_text
from schemas.money import UNITS_DECIMALS, reread
from settlement.calendar import ScheduledWindow
from settlement.reports.report import Report, Row

HEADER = "Timestamp,Account ID,Asset ID,Asset Type,Quantity"


def report(
    client: str, window: ScheduledWindow, positions: Iterator[tuple[str, Mapping[str, str]]]
) -> Report:
    """Return the file as of the cut; `positions`: quantities by asset, in account order."""
    return Report(
        client,
        "POSITIONS",
        f"{client}_{window.date.isoformat()}_asset_positions.csv",
        (HEADER,),
        _rows(milliseconds_text(window.scheduled_at), positions),
    )


def _rows(as_of: str, positions: Iterator[tuple[str, Mapping[str, str]]]) -> Iterator[Row]:
    for account_id, quantities in positions:
        for asset, units in sorted(quantities.items()):
            yield Row(
                f"{as_of},{account_id},{asset},CURRENCY,{units}", reread(units, UNITS_DECIMALS)
            )
