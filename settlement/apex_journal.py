"""Journals of Apex calls: what is asked of the clearing firm, and what is known of each request.

The firm moves the money of an Apex customer. Each request bears a `journal_id`, the firm's
idempotency key: a request that is not answered goes out again under the same id, one that was
rejected under the next (contract section 7).
"""

from enum import IntEnum
from typing import NamedTuple

from schemas.apex_journal import ApexJournalRequested
from schemas.cash_call import FailureReason
from schemas.instant import Micros
from schemas.money import Cents, usd
from settlement.cause import Cause, Out
from settlement.customer_account import CustomerAccount, OpenCall
from settlement.remembered import RememberedIds, fingerprint
from topics.catalogue import APEX_JOURNALS

# A request that is unanswered at a retry is given up if it is older: micros.
ANSWER_EXPECTED: Micros = 15 * 60 * 1_000_000


class Answer(IntEnum):
    """What the firm said of a journal; the first valid answer counts."""

    NONE = 0
    COMPLETED = 1
    INSUFFICIENT_FUNDS = 2
    ACCOUNT_RESTRICTED = 3
    LIMIT_REVIEW = 4


# Why the firm may reject.
REJECTIONS: dict[str, FailureReason] = {
    "INSUFFICIENT_FUNDS": "INSUFFICIENT_FUNDS",
    "ACCOUNT_RESTRICTED": "ACCOUNT_RESTRICTED",
    "LIMIT_REVIEW": "LIMIT_REVIEW",
}


class Journal(NamedTuple):
    """What is remembered of a journal for ever, as 8 bytes; `amount` in cents.

    Its 7 bytes hold 7 x 10^14 dollars: a fill's gross is below 10^12, and its commission at most
    100 times that plus 10^12.
    """

    answer: Answer
    amount: Cents

    def packed(self) -> bytes:
        """Return the record's bytes."""
        return bytes([self.answer]) + self.amount.to_bytes(JOURNAL_BYTES - 1, "big")


JOURNAL_BYTES = 8


def find(journals: RememberedIds, account_id: str, journal: str) -> Journal | None:
    """Return what is known of a journal of this account, None if it was never requested."""
    record = journals.get(fingerprint(account_id, journal))
    return None if record is None else Journal(Answer(record[0]), int.from_bytes(record[1:], "big"))


def remember(journals: RememberedIds, account_id: str, journal: str, known: Journal) -> None:
    """Remember a journal, by its id, or its answer."""
    journals.put(fingerprint(account_id, journal), known.packed())


def journal_id(call: OpenCall, number: int) -> str:
    """Return the id of a call's journal, counted from 1: `{cash_call_id}-{k}` (section 3)."""
    return f"{call.cash_call_id}-{number}"


def execution_of(journal: str) -> str:
    """Return the execution that a journal pays, by its id."""
    return journal.rpartition("-TPJ-")[0]


def request(
    journals: RememberedIds, account: CustomerAccount, call: OpenCall, cause: Cause, out: Out
) -> None:
    """Ask the firm for a call's money, under the call's present number."""
    asked = journal_id(call, call.journal)
    call.journal_sent_at = cause.at
    remember(journals, account.account_id, asked, Journal(Answer.NONE, call.amount))
    requested: ApexJournalRequested = {
        "type": "ApexJournalRequested",
        "event_id": cause.event_id("ApexJournalRequested", account.account_id),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "account_id": account.account_id,
        "client": account.client,
        "journal_id": asked,
        "cash_call_id": call.cash_call_id,
        "direction": call.direction,
        "amount": usd(call.amount),
    }
    out.append((APEX_JOURNALS, account.account_id, requested))
