"""The cash activity file: every movement of cash or pending in a day (domain.md section 9)."""

from collections.abc import Iterator

from typing_extensions import TypedDict

from schemas.cash_call import CashCallSettled
from schemas.instant import in_milliseconds
from schemas.money import CENTS_DECIMALS, reread
from settlement.calendar import ScheduledWindow
from settlement.reports.report import Report, Row, free_text

HEADER = "account_id,activity_id,instrument_type,direction,amount,status,occurred_at,reference"


class CashActivityLine(TypedDict):
    """A funding step or an adjustment that changed cash or pending; `amount` positive."""

    type: str
    account_id: str
    activity_id: str
    instrument_type: str
    direction: str
    amount: str
    status: str
    occurred_at: str
    reference: str


# Between what a waiting row is sorted by, its amount, and its text.
_MARK = "\x1f"


def row_of(line: CashActivityLine, *, csv_safe: bool) -> str:
    """Return the row of a funding step, behind account, activity and amount.

    `csv_safe`: as `free_text`.
    """
    account_id, activity_id, amount = line["account_id"], line["activity_id"], line["amount"]
    sorted_by = activity_id.replace(_MARK, " ")
    return (
        f"{account_id}{_MARK}{sorted_by}{_MARK}{amount}{_MARK}{account_id},"
        f"{free_text(activity_id, csv_safe=csv_safe)},{line['instrument_type']},"
        f"{line['direction']},{amount},{line['status']},{in_milliseconds(line['occurred_at'])},"
        f"{free_text(line['reference'], csv_safe=csv_safe)}"
    )


def row_of_call(event: CashCallSettled) -> str:
    """Return the row of a settled cash call, behind account, activity and amount."""
    # Ours, so nothing is to be quoted.
    account_id, activity_id, amount = event["account_id"], event["event_id"], event["amount"]
    return (
        f"{account_id}{_MARK}{activity_id}{_MARK}{amount}{_MARK}{account_id},{activity_id},"
        f"TPJ,{event['direction']},{amount},SETTLED,{in_milliseconds(event['event_time'])},"
        f"{event['cash_call_id']}"
    )


def report(client: str, window: ScheduledWindow, rows: Iterator[str]) -> Report:
    """Return the file of the day that ends at the cut, by account and activity."""
    return Report(
        client,
        "CASH_ACTIVITY",
        f"{client}_CashActivityReport_{window.date:%m-%d-%y}.csv",
        (HEADER,),
        _in_order(rows),
    )


def _in_order(rows: Iterator[str]) -> Iterator[Row]:
    for _, _, amount, text in sorted(row.split(_MARK, 3) for row in rows):
        yield Row(text, reread(amount, CENTS_DECIMALS))
