"""Stage aged_failure: the cash calls that failed and are still open (contract section 7)."""

import datetime as dt
from collections.abc import Iterator

from schemas.aged_failure import AgedFailure, AgedReport
from schemas.instant import micros, time_text
from schemas.money import usd
from schemas.window import WindowOpened
from settlement.calendar import civil_date
from settlement.cash_call import Settlement
from settlement.cause import Cause, Out
from settlement.customer_account import OpenCall
from topics.catalogue import AGED_FAILURES, CLIENT_LINES, EXECUTIONS

# Which windows report aged failures, and under which name.
AGED_WINDOWS: dict[str, AgedReport] = {"AGED_REPORT": "AGED", "START_OF_DAY": "SOD"}


def report_aged(
    settlement: Settlement, event: WindowOpened, out: Out, after: str = ""
) -> Iterator[str]:
    """Emit an `AgedFailure` per open call that failed at least once, one account per step.

    Yields each account that is done; a sweep that was cut off goes on behind `after`.
    """
    report = AGED_WINDOWS[event["window"]]
    as_of = micros(event["scheduled_at"])
    today = civil_date(as_of)
    for account_id in sorted(settlement.with_open_calls):
        if account_id <= after:
            continue
        account = settlement.accounts[account_id]
        cause = Cause(EXECUTIONS, event["cause_id"], as_of)
        for call in sorted((account.open_calls or {}).values(), key=OpenCall.turn):
            if call.first_failed_at is None or call.last_reason is None:
                if report == "SOD":
                    # Asked of the clearing firm and unanswered: the execution confirm says so.
                    line = {
                        "type": "RequestedCallLine",
                        "account_id": account_id,
                        "execution_id": call.execution_id,
                    }
                    out.append((CLIENT_LINES, account.client, line))
                continue
            age = today - dt.date.fromisoformat(call.trade_date)
            aged: AgedFailure = {
                "type": "AgedFailure",
                "event_id": cause.event_id("AgedFailure", account_id),
                "event_time": cause.at_text,
                "cause_id": cause.id,
                "account_id": account_id,
                "client": account.client,
                "report": report,
                "as_of": cause.at_text,
                "tpj_id": call.cash_call_id,
                "execution_id": call.execution_id,
                "symbol": call.symbol,
                "side": call.side,
                "direction": call.direction,
                "notional": usd(call.amount),
                "executed_at": time_text(call.executed_at),
                "first_failed_at": time_text(call.first_failed_at),
                "attempts": call.attempts,
                "last_reason": call.last_reason,
                # From 17:05 on a trade belongs to the next date: not yet a day old at 19:30.
                "age_days": max(0, age.days),
            }
            out.append((AGED_FAILURES, account_id, aged))
            out.append((CLIENT_LINES, account.client, aged))
        yield account_id
