"""Stage cash_call (BTS): each execution's money, at once and at every retry (contract section 7).

The model that an account had at the execution governs the call for life. Marketplace: the
customer's cash in the FBO against the Business account. Apex: a journal that the clearing firm is
asked for (apex_journal.py) and answers (apex_answer.py). Net Settlement: no call.
"""

import datetime as dt
from collections.abc import Iterator

from schemas.account import AccountUpdated
from schemas.cash_call import (
    CashCallFailed,
    CashCallRequested,
    CashCallSettled,
    CashCallWrittenOff,
    Direction,
    FailureReason,
)
from schemas.execution import Execution
from schemas.instant import Micros, micros, time_text
from schemas.money import Cents, usd
from schemas.window import WindowOpened
from settlement import apex_journal, ledger
from settlement.apex_journal import JOURNAL_BYTES
from settlement.calendar import civil_date, next_retry
from settlement.cause import Cause, Out
from settlement.customer_account import CustomerAccount, Ledger, OpenCall, announce
from settlement.fill import Fill
from settlement.invariants import Books
from settlement.remembered import RememberedIds
from settlement.trade_entries import book_call, book_trade
from topics.catalogue import ACCOUNTS, CASH_CALLS, CLIENT_LINES, EXECUTIONS

# An unsettled WITHDRAWAL is written off this many CT dates after its trade date.
WRITE_OFF_DAYS = 30


def why_not(account: CustomerAccount, direction: Direction, amount: Cents) -> FailureReason | None:
    """Say why a Marketplace call fails; None: it settles, and takes no cash below zero."""
    # A call of 0.00 settles at once, whatever the account's mode.
    if not amount:
        return None
    if account.restricted:
        return "ACCOUNT_RESTRICTED"
    if direction == "WITHDRAWAL" and account.cash < amount:
        return "INSUFFICIENT_FUNDS"
    return None


class Settlement:
    """The settlement task's state in one partition: customers' books and the ledger.

    `fundings` remembers every funding by id (customer_funding.py gives the record), `journals`
    every journal.
    """

    __slots__ = ("accounts", "fundings", "journals", "ledger", "with_open_calls")

    def __init__(self, funding_record_bytes: int) -> None:
        """Start with empty books."""
        self.accounts: dict[str, CustomerAccount] = {}
        self.with_open_calls: set[str] = set()
        self.ledger = Ledger()
        self.fundings = RememberedIds(funding_record_bytes)
        self.journals = RememberedIds(JOURNAL_BYTES)

    def books(self) -> Books:
        """Show the books to the invariants (settlement/invariants.py)."""
        return Books(
            {(name, ledger.asset_of(name)): total for name, total in self.ledger.totals.items()},
            (account.book() for account in self.accounts.values()),
        )

    def account_updated(self, event: AccountUpdated, at: Micros, out: Out) -> None:
        """Take an account as it is from now on; its open calls keep the model of their execution.

        Buying power is published of Marketplace accounts only, so a change of model may change it.
        """
        account = self.accounts.get(event.account_id)
        known = account is not None
        if account is None:
            account = CustomerAccount(event.account_id, event.client)
            self.accounts[event.account_id] = account
        before = account.funding_model == "MARKETPLACE"
        account.funding_model = event.funding_model
        account.mode = event.mode
        line = {
            "type": "AccountLine",
            "account_id": event.account_id,
            "funding_model": event.funding_model,
        }
        out.append((CLIENT_LINES, event.client, line))
        if known and before != (account.funding_model == "MARKETPLACE"):
            announce(account, Cause(ACCOUNTS, event.event_id, at), out)

    def executed(self, event: Execution, fill: Fill, at: Micros, out: Out) -> None:
        """Book an execution and make its cash call, all in one step decided at t.

        `fill`: the execution's numbers.
        """
        account_id, client = event["account_id"], event["client"]
        if account_id is None or client is None:
            raise AssertionError(f"{event['execution_id']} names no account")
        at_text = event["event_time"] if at == fill.executed_at else ""
        cause = Cause(EXECUTIONS, event["event_id"], at, at_text)
        account = self.accounts.get(account_id)
        if account is None:
            account = self.accounts[account_id] = CustomerAccount(account_id, client)
        account.executions += 1
        book_trade(self.ledger, account, event, fill, cause, out)
        out.append((CLIENT_LINES, client, event))
        if event["funding_model"] == "NET_SETTLEMENT":
            account.net_lines += 1  # its line: net_settlement, in the client's books
        else:
            self._call(account, event, fill, cause, out)
        announce(account, cause, out)

    def _call(
        self, account: CustomerAccount, event: Execution, fill: Fill, cause: Cause, out: Out
    ) -> None:
        """Make the cash call of an execution, and attempt it."""
        account_id, execution_id = account.account_id, event["execution_id"]
        amount = fill.net_money
        direction: Direction = "WITHDRAWAL" if event["side"] == "BUY" else "DEPOSIT"
        requested: CashCallRequested = {
            "type": "CashCallRequested",
            "event_id": cause.event_id("CashCallRequested", account_id),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "account_id": account_id,
            "client": account.client,
            "cash_call_id": f"{execution_id}-TPJ",
            "execution_id": execution_id,
            "direction": direction,
            "amount": event["net_money"],
            "attempt": 1,
        }
        out.append((CASH_CALLS, account_id, requested))
        by_firm = event["funding_model"] == "APEX_CLEARING" and amount != 0
        reason = None if by_firm else why_not(account, direction, amount)
        if reason is None and not by_firm:
            # Most calls: settled at once, they are never among the open ones.
            self._settled(
                account,
                execution_id,
                direction,
                amount,
                cause,
                out,
                amount_text=event["net_money"],
                attempt=1,
                by_firm=False,
            )
            return
        call = OpenCall(
            execution_id,
            event["symbol"],
            event["side"],
            amount,
            fill.executed_at,
            event["trade_date"],
        )
        if reason is None:
            call.journal = 1
            apex_journal.request(self.journals, account, call, cause, out)
        else:
            self.fail(account, call, reason, cause, out)
        account.open(call)
        self.with_open_calls.add(account_id)

    def retry(self, event: WindowOpened, out: Out, after: str = "") -> Iterator[str]:
        """Try every open call once, one account per step: a sweep of any size in bounded steps.

        Yields each account that is done; a sweep that was cut off goes on behind `after`.
        """
        at = micros(event["scheduled_at"])
        # A WITHDRAWAL call of this trade date or before is written off. ISO dates sort as dates do.
        too_old = (civil_date(at) - dt.timedelta(days=WRITE_OFF_DAYS)).isoformat()
        for account_id in sorted(self.with_open_calls):
            if account_id <= after:
                continue
            account = self.accounts[account_id]
            # One cause for the whole window: k counts per account.
            cause = Cause(EXECUTIONS, event["cause_id"], at)
            before = (account.cash, account.owed, account.open_withdrawals)
            for call in sorted((account.open_calls or {}).values(), key=OpenCall.turn):
                if call.side == "BUY" and call.trade_date <= too_old:
                    self._write_off(account, call, cause, out)
                elif call.journal:
                    self._ask_again(account, call, cause, out)
                else:
                    self._attempt(account, call, cause, out)
            if not account.open_calls:
                self.with_open_calls.discard(account_id)
            if before != (account.cash, account.owed, account.open_withdrawals):
                announce(account, cause, out)
            yield account_id

    def _ask_again(self, account: CustomerAccount, call: OpenCall, cause: Cause, out: Out) -> None:
        """Retry an Apex call: a rejected journal under the next id, a lost one under its own."""
        if call.journal_sent_at is None:
            call.journal += 1
        elif cause.at - call.journal_sent_at > apex_journal.ANSWER_EXPECTED:
            self.fail(account, call, "TIMEOUT", cause, out)
        else:
            return  # the firm may still answer
        apex_journal.request(self.journals, account, call, cause, out)

    def _attempt(self, account: CustomerAccount, call: OpenCall, cause: Cause, out: Out) -> None:
        """Settle an open Marketplace call if it can be."""
        reason = why_not(account, call.direction, call.amount)
        if reason is None:
            self.settle(account, call, cause, out)
        else:
            self.fail(account, call, reason, cause, out)

    def fail(
        self,
        account: CustomerAccount,
        call: OpenCall,
        reason: FailureReason,
        cause: Cause,
        out: Out,
    ) -> None:
        """Leave a call open: it is tried again at the next retry."""
        call.attempts += 1
        call.first_failed_at = call.first_failed_at or cause.at
        call.last_reason = reason
        failed: CashCallFailed = {
            "type": "CashCallFailed",
            "event_id": cause.event_id("CashCallFailed", account.account_id),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "account_id": account.account_id,
            "client": account.client,
            "cash_call_id": call.cash_call_id,
            "execution_id": call.execution_id,
            "direction": call.direction,
            "amount": usd(call.amount),
            "attempt": call.attempts,
            "reason": reason,
            "next_retry_at": time_text(next_retry(cause.at)),
        }
        out.append((CASH_CALLS, account.account_id, failed))

    def settle(self, account: CustomerAccount, call: OpenCall, cause: Cause, out: Out) -> None:
        """Close an open call whose money has moved, and book that."""
        account.close(call)
        call.attempts += 1
        self._settled(
            account,
            call.execution_id,
            call.direction,
            call.amount,
            cause,
            out,
            amount_text=usd(call.amount),
            attempt=call.attempts,
            by_firm=call.journal > 0,
        )

    def _settled(  # noqa: PLR0913 - a call's facts: most calls have no `OpenCall`
        self,
        account: CustomerAccount,
        execution_id: str,
        direction: Direction,
        amount: Cents,
        cause: Cause,
        out: Out,
        *,
        amount_text: str,
        attempt: int,
        by_firm: bool,
    ) -> None:
        """Say that a call is settled, and book what has moved."""
        account.calls_settled += 1
        account_id = account.account_id
        settled: CashCallSettled = {
            "type": "CashCallSettled",
            "event_id": cause.event_id("CashCallSettled", account_id),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "account_id": account_id,
            "client": account.client,
            "cash_call_id": f"{execution_id}-TPJ",
            "execution_id": execution_id,
            "direction": direction,
            "amount": amount_text,
            "attempt": attempt,
        }
        out.append((CASH_CALLS, account_id, settled))
        withdrawal = direction == "WITHDRAWAL"
        if by_firm:
            names = account.ledger_names()
            postings = ledger.journal_completed(names, amount, withdrawal=withdrawal)
            self.ledger.book(account, postings, cause, out)
        else:
            # A movement of the customer's cash in the FBO: a row of cash activity.
            out.append((CLIENT_LINES, account.client, settled))
            book_call(self.ledger, account, amount, amount_text, cause, out, withdrawal=withdrawal)

    def _write_off(self, account: CustomerAccount, call: OpenCall, cause: Cause, out: Out) -> None:
        """Give a call up; the coin stays with the customer."""
        account.close(call)
        account.calls_written_off += 1
        written_off: CashCallWrittenOff = {
            "type": "CashCallWrittenOff",
            "event_id": cause.event_id("CashCallWrittenOff", account.account_id),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "account_id": account.account_id,
            "client": account.client,
            "cash_call_id": call.cash_call_id,
            "execution_id": call.execution_id,
            "direction": call.direction,
            "amount": usd(call.amount),
            "attempt": call.attempts,
            "reason": call.last_reason or "TIMEOUT",
        }
        out.append((CASH_CALLS, account.account_id, written_off))
        out.append((CLIENT_LINES, account.client, written_off))
        self.ledger.book(
            account,
            ledger.written_off(account.ledger_names(), account.client, call.amount),
            cause,
            out,
        )
