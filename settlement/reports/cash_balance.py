"""The cash balance file: settled cash, and deposits on their way (domain.md section 9)."""

from collections.abc import Iterator

from schemas.money import CENTS_DECIMALS, reread
from settlement.calendar import ScheduledWindow
from settlement.reports.report import Report, Row

HEADER = "Partner Party Ref,Unsettled Amount,Settled Amount"


def report(
    client: str, window: ScheduledWindow, balances: Iterator[tuple[str, str, str]]
) -> Report:
    """Return the file as of the cut; `balances`: account, unsettled, settled, in account order."""
    return Report(
        client,
        "CASH_BALANCE",
        f"{client}_CashBalanceReport_{window.date:%m-%d-%y}.csv",
        (HEADER,),
        (
            Row(f"{account_id},{unsettled},{settled}", reread(settled, CENTS_DECIMALS))
            for account_id, unsettled, settled in balances
        ),
    )
