"""The cash that an account will have once the retries that are due have happened.

A retry settles what it can (cash_call.py), and windows open when time moves. Whether an input is
dead-lettered may depend on that cash, and a dead-lettered one moves no time (contract section 1).
"""

from schemas.instant import Micros
from schemas.money import Cents
from settlement.calendar import next_retry
from settlement.cash_call import is_given_up, latest_too_old, why_not
from settlement.customer_account import CustomerAccount, OpenCall


def cash_behind_retries(account: CustomerAccount, now: Micros, at: Micros) -> Cents:
    """Return an account's settled cash at `at`, behind all retries after `now`. Changes nothing."""
    cash = account.cash
    # Apex money is not among our cash.
    calls = [call for call in (account.open_calls or {}).values() if not call.journal]
    calls.sort(key=OpenCall.turn)
    retry_at = next_retry(now)
    settles = True
    # A pass that settles nothing is the last: cash is as it was, so the next would settle nothing.
    while settles and calls and retry_at <= at:
        settles, failed = False, []
        too_old = latest_too_old(retry_at)
        for call in calls:
            if is_given_up(call, too_old):
                continue
            if why_not(account, call.direction, call.amount, cash) is not None:
                failed.append(call)
                continue
            settles = True
            cash += call.amount if call.side == "SELL" else -call.amount
        calls, retry_at = failed, next_retry(retry_at)
    return cash
