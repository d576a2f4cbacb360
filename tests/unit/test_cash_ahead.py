"""The cash that an account will have once the retries that are due have happened (section 7).

On 2026-03-03, a winter day: 17:00 in Chicago is 23:00 UTC, 06:00 the next day 12:00 UTC.
"""

from collections.abc import Mapping

import pytest

from schemas.account import Mode
from schemas.instant import MINUTE, micros
from schemas.order import Side
from settlement.cash_ahead import cash_behind_retries
from settlement.customer_account import CustomerAccount, OpenCall

NOW = micros("2026-03-03T18:30:00Z")
BEFORE, ONE_RETRY, TWO_RETRIES = (
    micros(at)
    for at in ("2026-03-03T22:59:59.999999Z", "2026-03-03T23:00:00Z", "2026-03-04T12:00:00Z")
)
OLD, NEW = "2026-02-01", "2026-03-03"


def account(cash: int, *calls: tuple[Side, int, str, int], mode: Mode = "OPEN") -> CustomerAccount:
    """Return an account with calls, oldest first: side, cents, trade date, Apex journal or 0."""
    made = CustomerAccount("ACME0001", "ACME")
    made.cash, made.mode = cash, mode
    for number, (side, amount, trade_date, journal) in enumerate(calls, 1):
        at = NOW + number * MINUTE
        call = OpenCall(f"ACME0001-o{number}-1", "BTCUSD", side, amount, at, trade_date)
        call.journal = journal
        made.open(call)
    return made


BUY_100: tuple[Side, int, str, int] = ("BUY", 100_00, NEW, 0)
SELL_99: tuple[Side, int, str, int] = ("SELL", 99_00, NEW, 0)
SELL_100: tuple[Side, int, str, int] = ("SELL", 100_00, NEW, 0)
TABLE: Mapping[str, tuple[CustomerAccount, int, int]] = {
    "no calls": (account(50_00), TWO_RETRIES, 50_00),
    "the retry is later": (account(150_00, BUY_100), BEFORE, 150_00),
    "at the retry's instant a buy takes its money": (account(150_00, BUY_100), ONE_RETRY, 50_00),
    "not what is not there": (account(99_99, BUY_100), TWO_RETRIES, 99_99),
    "a sale brings its money": (account(0, SELL_99), ONE_RETRY, 99_00),
    "not to a locked account": (account(0, SELL_99, mode="LOCKED"), TWO_RETRIES, 0),
    "nor from a closed one": (account(150_00, BUY_100, mode="CLOSED"), TWO_RETRIES, 150_00),
    "an older sale pays a buy": (account(1_00, SELL_99, BUY_100), ONE_RETRY, 0),
    "a younger one pays it at the next retry": (account(0, BUY_100, SELL_100), ONE_RETRY, 100_00),
    "which is the next morning": (account(0, BUY_100, SELL_100), TWO_RETRIES, 0),
    "a failure does not block a later call": (
        account(50_00, BUY_100, ("BUY", 20_00, NEW, 0)),
        ONE_RETRY,
        30_00,
    ),
    "an old buy is given up, not paid": (
        account(150_00, ("BUY", 100_00, OLD, 0)),
        TWO_RETRIES,
        150_00,
    ),
    "an old sale never is": (account(0, ("SELL", 99_00, OLD, 0)), ONE_RETRY, 99_00),
    "the clearing firm's money is not ours": (
        account(150_00, ("BUY", 100_00, NEW, 1), ("SELL", 99_00, NEW, 1)),
        TWO_RETRIES,
        150_00,
    ),
}


@pytest.mark.parametrize(("of", "at", "cash"), TABLE.values(), ids=TABLE)
def test_what_an_account_will_have(of: CustomerAccount, at: int, cash: int) -> None:
    before = (of.cash, dict(of.open_calls or {}), of.open_withdrawals, of.open_deposits)
    assert cash_behind_retries(of, NOW, at) == cash
    assert before == (of.cash, dict(of.open_calls or {}), of.open_withdrawals, of.open_deposits)
