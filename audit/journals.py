"""Journals of Apex calls: requests to the clearing firm, and its answers (contract section 7)."""

from dataclasses import dataclass

from audit.account import Account, OpenCall
from audit.cause import Cause
from audit.firm_answers import FirmAnswers
from audit.topic_file import TopicFile
from schemas.apex_journal import ApexJournalCompleted, ApexJournalRejected
from schemas.money import usd

COMPLETED = "COMPLETED"
REJECTIONS = frozenset({"INSUFFICIENT_FUNDS", "ACCOUNT_RESTRICTED", "LIMIT_REVIEW"})


@dataclass(slots=True)
class Journal:
    """One journal: its account, its call, and the answer that counts, None so far."""

    account: Account
    call: OpenCall
    answer: str | None = None


class Journals:
    """All journals by account and `journal_id`."""

    def __init__(self, requests: TopicFile, firm: FirmAnswers) -> None:
        """Start without one; `firm`: the simulated one, which may have nothing to say."""
        self.requests = requests
        self.firm = firm
        self._known: dict[tuple[str, str], Journal] = {}

    def request(self, account: Account, call: OpenCall, cause: Cause) -> None:
        """Take the request of a call's present journal, for the first time or again.

        Raises:
            DifferenceError: the topic's next event is not it.
        """
        call.journal_sent_at = cause.at
        journal_id = f"{call.execution_id}-TPJ-{call.journal}"
        self._known.setdefault((account.account_id, journal_id), Journal(account, call))
        self.requests.expect(
            cause.about(
                "ApexJournalRequested",
                account.account_id,
                account.client,
                journal_id=journal_id,
                cash_call_id=f"{call.execution_id}-TPJ",
                direction=call.direction,
                amount=usd(call.amount),
            )
        )
        self.firm.requested(account.account_id, journal_id, call.amount, cause)

    def of(self, event: ApexJournalCompleted | ApexJournalRejected) -> Journal | None:
        """Return the journal that an answer names, None if it was not asked for."""
        return self._known.get((event.account_id, event.journal_id))

    def refusal(self, event: ApexJournalCompleted | ApexJournalRejected) -> str | None:
        """Return the reason for which an answer is dead-lettered; None: it is not."""
        journal = self.of(event)
        if journal is None:
            return "UNKNOWN_JOURNAL"
        outcome = outcome_of(event)
        if outcome != COMPLETED and outcome not in REJECTIONS:
            return "UNKNOWN_REASON"
        # A rejection may leave the amount out.
        is_other_amount = event.amount not in {None, journal.call.amount}
        if is_other_amount or journal.answer not in {None, outcome}:
            return "CONTRADICTION" if journal.answer else "AMOUNT_MISMATCH"
        return None


def outcome_of(event: ApexJournalCompleted | ApexJournalRejected) -> str:
    """Return COMPLETED, or why the firm rejected."""
    return COMPLETED if isinstance(event, ApexJournalCompleted) else event.reason
