"""Journal requests to the clearing firm, and its answers."""

from typing import Literal

from schemas.cash_call import Direction
from schemas.event import AccountEmitted, AccountId, FreeId, FreeText, Input
from schemas.money import PositiveUsdIn, UsdText


class ApexJournalCompleted(Input):
    """The firm moved the money."""

    type: Literal["ApexJournalCompleted"]
    account_id: AccountId
    journal_id: FreeId
    amount: PositiveUsdIn


class ApexJournalRejected(Input):
    """The firm refused; an unknown `reason` is a dead letter (section 7)."""

    type: Literal["ApexJournalRejected"]
    account_id: AccountId
    journal_id: FreeId
    amount: PositiveUsdIn | None = None
    reason: FreeText


class ApexJournalRequested(AccountEmitted):
    """`journal_id` = `{cash_call_id}-{k}`: the firm's idempotency key."""

    type: Literal["ApexJournalRequested"]
    journal_id: str
    cash_call_id: str
    direction: Direction
    amount: UsdText
