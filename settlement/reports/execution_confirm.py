"""The execution confirm: a day's executions, and where their cash calls stand (domain.md 9)."""

from collections.abc import Iterator, Mapping
from typing import Literal

from schemas.execution import Execution
from schemas.instant import Micros, in_milliseconds, milliseconds_text
from schemas.money import CENTS_DECIMALS, reread
from settlement.calendar import ScheduledWindow
from settlement.reports.execution_order import in_order
from settlement.reports.report import Report, Row

HEADER = (
    "account_id,direction,side,execution_id,client_order_id,symbol,quantity,price,commission,"
    "net_money,executed_at,tpj_id,tpj_status"
)
# Where a waiting row, which begins with the time in full, has them.
_EXECUTION, _NET_MONEY = 4, 10

TpjStatus = Literal["REQUESTED", "SETTLED", "NOT_SETTLED"]


def row_of(event: Execution) -> str:
    """Return the file's row but for its status, behind the time in full that it is sorted by."""
    at = event["event_time"]
    direction = "Withdrawal" if event["side"] == "BUY" else "Deposit"
    execution_id = event["execution_id"]
    tpj_id = "" if event["funding_model"] == "NET_SETTLEMENT" else f"{execution_id}-TPJ"
    return (
        f"{at},{event['account_id']},{direction},{event['side']},{execution_id},"
        f"{event['client_order_id']},{event['symbol']},{event['quantity']},{event['price']},"
        f"{event['commission']},{event['net_money']},{in_milliseconds(at)},{tpj_id}"
    )


def report(
    client: str,
    window: ScheduledWindow,
    since: Micros,
    rows: Iterator[str],
    open_calls: Mapping[str, TpjStatus],
) -> Report:
    """Return the file of the window [`since`, the cut).

    `open_calls`: by `execution_id`, how the calls stand that are open at the cut. An execution that
    is settled net has no call.
    """
    until = milliseconds_text(window.scheduled_at)
    period = f"From,{milliseconds_text(since)},To,{until}"
    date = window.date.isoformat()
    return Report(
        client,
        "EXECUTION_CONFIRM",
        f"execution_confirm/{date}_execution_and_tpj_confirms.csv",
        (period, HEADER),
        _with_status(rows, open_calls),
    )


def _with_status(rows: Iterator[str], open_calls: Mapping[str, TpjStatus]) -> Iterator[Row]:
    for fields in in_order(rows, _EXECUTION):
        status = open_calls.get(fields[_EXECUTION], "SETTLED") if fields[-1] else ""
        yield Row(",".join([*fields[1:], status]), reread(fields[_NET_MONEY], CENTS_DECIMALS))
