"""The net settlement file and its summary: what one daily movement consists of (domain.md 9)."""

from collections.abc import Iterator

from schemas.execution import Execution
from schemas.instant import in_milliseconds, milliseconds_text
from schemas.money import CENTS_DECIMALS, UNITS_DECIMALS, Cents, Units, quantity, reread, usd
from settlement.calendar import ScheduledWindow, same_window_day_before
from settlement.reports.execution_order import in_order
from settlement.reports.report import Report, Row

HEADER = (
    "account_id,execution_id,client_order_id,symbol,side,quantity,price,gross,commission,"
    "net_amount,executed_at"
)
SUMMARY_HEADER = "symbol,buy_quantity,buy_net_money,sell_quantity,sell_net_money,net_amount"

_FOLDER = "eod_settlement"
# Where a waiting row, which begins with the time in full, has what the files are made of.
_EXECUTION, _SYMBOL, _SIDE, _QUANTITY, _NET_AMOUNT = 2, 4, 5, 6, 10


def row_of(event: Execution) -> str:
    """Return the file's row, behind the time in full that it is sorted by."""
    at = event["event_time"]
    sign = "" if event["side"] == "BUY" or event["net_money"] == "0.00" else "-"
    return (
        f"{at},{event['account_id']},{event['execution_id']},{event['client_order_id']},"
        f"{event['symbol']},{event['side']},{event['quantity']},{event['price']},{event['gross']},"
        f"{event['commission']},{sign}{event['net_money']},{in_milliseconds(at)}"
    )


def report(client: str, window: ScheduledWindow, net_amount: Cents, rows: Iterator[str]) -> Report:
    """Return the file of the window that ends at the cut: positive amounts the client owes."""
    return Report(
        client,
        "NET_SETTLEMENT",
        f"{_FOLDER}/{window.date:%d_%m_%Y}_NET_SETTLEMENT_{client}.csv",
        (
            f"From,{milliseconds_text(same_window_day_before(window))}",
            f"To,{milliseconds_text(window.scheduled_at)}",
            f"Net Settlement,{usd(net_amount)}",
            HEADER,
        ),
        _in_order(rows),
    )


def _in_order(rows: Iterator[str]) -> Iterator[Row]:
    for fields in in_order(rows, _EXECUTION):
        yield Row(",".join(fields[1:]), reread(fields[_NET_AMOUNT], CENTS_DECIMALS))


def summary(client: str, window: ScheduledWindow, rows: Iterator[str]) -> Report:
    """Return the sums by symbol of the same lines."""
    return Report(
        client,
        "NET_SETTLEMENT_SUMMARY",
        f"{_FOLDER}/{window.date:%d_%m_%Y}_NET_SETTLEMENT_SUMMARY_{client}.csv",
        (SUMMARY_HEADER,),
        _by_symbol(rows),
    )


def _by_symbol(rows: Iterator[str]) -> Iterator[Row]:
    bought: dict[str, tuple[Units, Cents]] = {}
    sold: dict[str, tuple[Units, Cents]] = {}
    for row in rows:
        fields = row.split(",")
        units = reread(fields[_QUANTITY], UNITS_DECIMALS)
        amount = reread(fields[_NET_AMOUNT], CENTS_DECIMALS)
        dealt = bought if fields[_SIDE] == "BUY" else sold
        before = dealt.get(fields[_SYMBOL], (0, 0))
        dealt[fields[_SYMBOL]] = (before[0] + units, before[1] + abs(amount))
    for symbol in sorted(bought.keys() | sold.keys()):
        buy_units, buy_money = bought.get(symbol, (0, 0))
        sell_units, sell_money = sold.get(symbol, (0, 0))
        net_amount = buy_money - sell_money
        yield Row(
            f"{symbol},{quantity(buy_units)},{usd(buy_money)},{quantity(sell_units)},"
            f"{usd(sell_money)},{usd(net_amount)}",
            net_amount,
        )
