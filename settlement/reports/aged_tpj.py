"""The Aged TPJ file: which cash calls failed and are still open (domain.md section 9)."""

from collections.abc import Iterator

from schemas.aged_failure import AgedFailure
from schemas.instant import micros, milliseconds_text
from schemas.money import CENTS_DECIMALS, reread
from settlement.calendar import ScheduledWindow, civil_time_text
from settlement.reports.report import Report, Row

HEADER = (
    "account_id,tpj_id,execution_id,symbol,side,direction,notional,executed_at,first_failed_at,"
    "attempts,last_reason,age_days"
)


def row_of(event: AgedFailure) -> str:
    """Return the file's row."""
    executed_at = milliseconds_text(micros(event["executed_at"]))
    first_failed_at = milliseconds_text(micros(event["first_failed_at"]))
    return (
        f"{event['account_id']},{event['tpj_id']},{event['execution_id']},"
        f"{event['symbol']},{event['side']},{event['direction']},{event['notional']},"
        f"{executed_at},{first_failed_at},{event['attempts']},{event['last_reason']},"
        f"{event['age_days']}"
    )


def report(client: str, window: ScheduledWindow, rows: Iterator[str]) -> Report:
    """Return the file of an AGED_REPORT, or the official one of START_OF_DAY."""
    date = window.date.isoformat()
    ordered = _in_order(rows)
    if window.window == "START_OF_DAY":
        key = f"sod_tpj_aging/{date}_sod_aged_tpj.csv"
        return Report(client, "SOD_AGED_TPJ", key, (HEADER,), ordered)
    key = f"tpj_aging/{date}_{civil_time_text(window.scheduled_at)}_aged_tpj.csv"
    return Report(client, "AGED_TPJ", key, (HEADER,), ordered)


def execution_of(row: str) -> str:
    """Return the `execution_id` of a row."""
    return row.split(",", 3)[2]


def _account_and_call(row: str) -> list[str]:
    return row.split(",", 2)[:2]


def _in_order(rows: Iterator[str]) -> Iterator[Row]:
    for row in sorted(rows, key=_account_and_call):
        yield Row(row, reread(row.split(",", 7)[6], CENTS_DECIMALS))
