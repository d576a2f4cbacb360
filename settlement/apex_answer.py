"""Stage cash_call, answers of the clearing firm (contract section 7, Apex).

The first valid answer to a journal counts; a repeat has no effect. An answer that contradicts it,
or that does not fit the request, is dead-lettered and changes nothing: never guessed.
"""

from schemas.apex_journal import ApexJournalCompleted, ApexJournalRejected
from schemas.cash_call import WriteOffRecovered
from schemas.instant import Micros
from schemas.money import usd
from settlement import apex_journal, ledger
from settlement.apex_journal import REJECTIONS, Answer, Journal
from settlement.cash_call import Settlement
from settlement.cause import Cause, Out
from settlement.customer_account import CustomerAccount, announce
from topics.catalogue import APEX_JOURNAL_RESULTS, CASH_CALLS, CLIENT_LINES
from topics.decode import Refused

ApexResult = ApexJournalCompleted | ApexJournalRejected


def refusal(settlement: Settlement, event: ApexResult) -> Refused | None:
    """Return why an answer is dead-lettered, None if it is not. Changes nothing."""
    if event.account_id not in settlement.accounts:
        return Refused("UNKNOWN_ACCOUNT", f"no AccountUpdated for {event.account_id}")
    journal = apex_journal.find(settlement.journals, event.account_id, event.journal_id)
    if journal is None:
        return Refused("UNKNOWN_JOURNAL", f"{event.account_id} requested no {event.journal_id}")
    if isinstance(event, ApexJournalRejected) and event.reason not in REJECTIONS:
        return Refused("UNKNOWN_REASON", f"reason: {event.reason}")
    is_other_amount = event.amount is not None and event.amount != journal.amount
    is_other_answer = is_other_amount or journal.answer is not _answer(event)
    if journal.answer is not Answer.NONE and is_other_answer:
        return Refused("CONTRADICTION", f"it was answered before: {journal.answer.name}")
    if is_other_amount:
        return Refused("AMOUNT_MISMATCH", f"the request was over {usd(journal.amount)}")
    return None


def answered(settlement: Settlement, event: ApexResult, at: Micros, out: Out) -> None:
    """Apply an answer that is not refused."""
    account = settlement.accounts[event.account_id]
    journal = apex_journal.find(settlement.journals, event.account_id, event.journal_id)
    if journal is None:
        raise AssertionError(f"{event.journal_id} was not refused")
    if journal.answer is not Answer.NONE:
        return
    known = Journal(_answer(event), journal.amount)
    apex_journal.remember(settlement.journals, event.account_id, event.journal_id, known)
    cause = Cause(APEX_JOURNAL_RESULTS, event.event_id, at)
    call = (account.open_calls or {}).get(apex_journal.execution_of(event.journal_id))
    if call is None:
        # Only a write-off ends a call whose journal is unanswered; the status stays.
        if isinstance(event, ApexJournalCompleted):
            _recover(settlement, account, event, cause, out)
        return
    call.journal_sent_at = None
    if isinstance(event, ApexJournalRejected):
        settlement.fail(account, call, REJECTIONS[event.reason], cause, out)
        return
    settlement.settle(account, call, cause, out)
    if not account.open_calls:
        settlement.with_open_calls.discard(account.account_id)
    announce(account, cause, out)


def _answer(event: ApexResult) -> Answer:
    return Answer.COMPLETED if isinstance(event, ApexJournalCompleted) else Answer[event.reason]


def _recover(
    settlement: Settlement,
    account: CustomerAccount,
    event: ApexJournalCompleted,
    cause: Cause,
    out: Out,
) -> None:
    """Take back the write-off of a call: the firm paid after all."""
    execution_id = apex_journal.execution_of(event.journal_id)
    recovered: WriteOffRecovered = {
        "type": "WriteOffRecovered",
        "event_id": cause.event_id("WriteOffRecovered", account.account_id),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "account_id": account.account_id,
        "client": account.client,
        "cash_call_id": f"{execution_id}-TPJ",
        "execution_id": execution_id,
        "direction": "WITHDRAWAL",
        "amount": usd(event.amount),
    }
    out.append((CASH_CALLS, account.account_id, recovered))
    out.append((CLIENT_LINES, account.client, recovered))
    settlement.ledger.book(
        account, ledger.write_off_recovered(account.client, event.amount), cause, out
    )
