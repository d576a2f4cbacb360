"""The cash call (TPJ): an execution's money, between customer and Business account."""

from typing import Literal

from schemas.event import AccountEmitted
from schemas.instant import TimeText
from schemas.money import UsdText

Direction = Literal["WITHDRAWAL", "DEPOSIT"]
FailureReason = Literal["INSUFFICIENT_FUNDS", "ACCOUNT_RESTRICTED", "LIMIT_REVIEW", "TIMEOUT"]


class CashCallEmitted(AccountEmitted):
    """`cash_call_id` = `{execution_id}-TPJ`; WITHDRAWAL takes from the customer, for a buy."""

    cash_call_id: str
    execution_id: str
    direction: Direction
    amount: UsdText


class CashCallRequested(CashCallEmitted):
    """The first attempt; retries announce only their outcome."""

    type: Literal["CashCallRequested"]
    attempt: int


class CashCallSettled(CashCallEmitted):
    """The money moved."""

    type: Literal["CashCallSettled"]
    attempt: int


class CashCallFailed(CashCallEmitted):
    """Tried again at `next_retry_at`."""

    type: Literal["CashCallFailed"]
    attempt: int
    reason: FailureReason
    next_retry_at: TimeText


class CashCallWrittenOff(CashCallEmitted):
    """Given up 30 CT dates after the trade date, against the client's revenue share.

    `attempt`: how often it had been tried.
    """

    type: Literal["CashCallWrittenOff"]
    attempt: int
    reason: FailureReason


class WriteOffRecovered(CashCallEmitted):
    """The clearing firm paid after all; the call stays written off."""

    type: Literal["WriteOffRecovered"]
