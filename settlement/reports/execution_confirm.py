"""The execution confirm: a day's executions, and where their cash calls stand (domain.md 9)."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Literal

from schemas.execution import Execution
from schemas.instant import Micros, milliseconds_text
from schemas.money import CENTS_DECIMALS, reread
from settlement.calendar import ScheduledWindow
from settlement.reports.report import Report, Row

HEADER = (
    "account_id,direction,side,execution_id,client_order_id,symbol,quantity,price,commission,"
    "net_money,executed_at,tpj_id,tpj_status"
)


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
        f"{event['commission']},{event['net_money']},{at[:-4]}Z,{tpj_id}"
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


def turn(account_id: str, execution_id: str, client_order_id: str) -> tuple[str, int, str]:
    """account, fill number, `client_order_id`: the order of executions within one instant."""
    return (account_id, int(execution_id.rpartition("-")[2]), client_order_id)


def _turn(fields: list[str]) -> tuple[str, int, str]:
    return turn(fields[1], fields[4], fields[5])


def _with_status(rows: Iterator[str], open_calls: Mapping[str, TpjStatus]) -> Iterator[Row]:
    # Executions come in time order, so only those of one instant are sorted: a day of any length
    # needs no memory.
    for _, instant in groupby((row.split(",") for row in rows), key=lambda fields: fields[0]):
        for fields in sorted(instant, key=_turn):
            status = open_calls.get(fields[4], "SETTLED") if fields[-1] else ""
            yield Row(",".join([*fields[1:], status]), reread(fields[10], CENTS_DECIMALS))
