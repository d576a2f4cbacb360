"""Cash calls (contract section 7): the events of each execution, retry and Apex answer."""

import datetime as dt
from collections import Counter
from typing import Any

from audit import entries, numbers
from audit.account import Account, OpenCall
from audit.cause import Cause
from audit.files import DayRows
from audit.journals import COMPLETED, Journal, Journals
from audit.ledger import Ledger
from audit.topic_file import TopicFile, Written
from schemas.instant import milliseconds_text, time_text
from schemas.money import usd
from settlement.calendar import civil_date, next_retry
from topics.catalogue import EXECUTIONS

# A journal that is unanswered at a retry and older has timed out, in microseconds.
ANSWER_WITHIN = 15 * 60 * 1_000_000
WRITE_OFF_AFTER = dt.timedelta(days=30)
_AGED_REPORTS = {"AGED_REPORT": "AGED", "START_OF_DAY": "SOD"}


class CashCalls:
    """Cash calls of all accounts."""

    def __init__(
        self,
        ledger: Ledger,
        cash_calls: TopicFile,
        journals: Journals,
        aged_failures: TopicFile,
        rows: DayRows,
    ) -> None:
        """Start without a call."""
        self.ledger = ledger
        self.cash_calls = cash_calls
        self.journals = journals
        self.aged_failures = aged_failures
        self.rows = rows
        # By funding model and what happened to a call, as the summary names it.
        self.counted: Counter[tuple[str, str]] = Counter()
        self._with_open_calls: set[str] = set()

    def executed(self, line: Written) -> None:
        """Expect what an execution causes: trade entry, request, outcome, balance.

        Raises:
            DifferenceError: a topic's next event is not what has to come.
        """
        event = line.event
        account = self.ledger.account(event["account_id"], event["client"])
        model = event["funding_model"]
        cause = Cause(EXECUTIONS, event["event_id"], line.at)
        buy = event["side"] == "BUY"
        net_money = numbers.cents(event["net_money"])
        account.executions += 1
        self.ledger.book(
            account,
            entries.trade(
                account.account_id,
                account.client,
                event["base"],
                (
                    numbers.cents(event["gross"]),
                    numbers.cents(event["markup"]),
                    numbers.cents(event["commission"]),
                ),
                numbers.units(event["quantity"]),
                buy=buy,
                net=model == "NET_SETTLEMENT",
            ),
            cause,
        )
        fill = int(event["execution_id"].rpartition("-")[2])
        self.rows.executed(event, line.at, fill)
        if model == "NET_SETTLEMENT":
            account.net_lines += 1
            self.ledger.announce(account, cause)
            return
        call = OpenCall(
            event["execution_id"],
            event["client_order_id"],
            event["symbol"],
            net_money,
            line.at,
            event["trade_date"],
            buy=buy,
            fill=fill,
        )
        account.open(call)
        self.counted[model, "requested"] += 1
        self._expect("CashCallRequested", account, call, cause, attempt=1)
        if model == "APEX_CLEARING":
            call.journal = 1
            if net_money:
                self.journals.request(account, call, cause)
            else:
                call.attempts = 1
                self._settle(account, call, cause)
        else:
            self._attempt(account, call, cause)
        if account.open_calls:
            self._with_open_calls.add(account.account_id)
        self.ledger.announce(account, cause)

    def retry(self, window: Written) -> None:
        """Expect what a RETRY causes: per account one pass over its open calls, oldest first.

        Raises:
            DifferenceError: a topic's next event is not what has to come.
        """
        cause = Cause(EXECUTIONS, window.event["cause_id"], window.at)
        today = civil_date(window.at)
        for account_id in sorted(self._with_open_calls):
            account = self.ledger.accounts[account_id]
            before = _shown(account)
            for call in sorted(account.open_calls.values(), key=OpenCall.turn):
                if call.buy and today - dt.date.fromisoformat(call.trade_date) >= WRITE_OFF_AFTER:
                    self._write_off(account, call, cause)
                elif call.journal:
                    self._ask_again(account, call, cause)
                else:
                    self._attempt(account, call, cause)
            if not account.open_calls:
                self._with_open_calls.remove(account_id)
            if _shown(account) != before:
                self.ledger.announce(account, cause)

    def report_aged(self, window: Written) -> None:
        """Expect the `AgedFailure`s of a window: one per open call that failed at least once.

        Raises:
            DifferenceError: the topic's next event is not what has to come.
        """
        cause = Cause(EXECUTIONS, window.event["cause_id"], window.at)
        today = civil_date(window.at)
        for account_id in sorted(self._with_open_calls):
            account = self.ledger.accounts[account_id]
            for call in sorted(account.open_calls.values(), key=OpenCall.turn):
                if not call.last_reason:
                    continue
                age = (today - dt.date.fromisoformat(call.trade_date)).days
                expected = cause.about(
                    "AgedFailure",
                    account_id,
                    account.client,
                    report=_AGED_REPORTS[window.event["window"]],
                    as_of=cause.at_text,
                    tpj_id=f"{call.execution_id}-TPJ",
                    execution_id=call.execution_id,
                    symbol=call.symbol,
                    side="BUY" if call.buy else "SELL",
                    direction=call.direction,
                    notional=usd(call.amount),
                    executed_at=time_text(call.executed_at),
                    first_failed_at=time_text(call.first_failed_at),
                    attempts=call.attempts,
                    last_reason=call.last_reason,
                    age_days=max(0, age),
                )
                self.aged_failures.expect(expected)
                self.rows.agings[account.client].append(expected)

    def _attempt(self, account: Account, call: OpenCall, cause: Cause) -> None:
        """Try a Marketplace call."""
        call.attempts += 1
        reason = None
        if call.amount and account.restricted:
            reason = "ACCOUNT_RESTRICTED"
        elif call.buy and call.amount > account.cash and call.amount:
            reason = "INSUFFICIENT_FUNDS"
        if reason is None:
            self._settle(account, call, cause)
        else:
            self._fail(account, call, reason, cause)

    def _ask_again(self, account: Account, call: OpenCall, cause: Cause) -> None:
        """Retry an Apex call."""
        if call.journal_sent_at is None:
            call.journal += 1
            self.journals.request(account, call, cause)
        elif cause.at - call.journal_sent_at > ANSWER_WITHIN:
            call.attempts += 1
            self._fail(account, call, "TIMEOUT", cause)
            self.journals.request(account, call, cause)

    def answered(self, journal: Journal, outcome: str, cause: Cause) -> None:
        """Apply the first valid answer to a journal: COMPLETED, or why it was rejected.

        Raises:
            DifferenceError: a topic's next event is not what has to come.
        """
        journal.answer = outcome
        account, call = journal.account, journal.call
        if call.execution_id not in account.open_calls:
            # Only a write-off ends a call whose journal is unanswered.
            if outcome == COMPLETED:
                self._expect("WriteOffRecovered", account, call, cause)
                self.ledger.book(account, entries.recovered(account.client, call.amount), cause)
            return
        call.journal_sent_at = None
        call.attempts += 1
        if outcome != COMPLETED:
            self._fail(account, call, outcome, cause)
            return
        self._settle(account, call, cause)
        if not account.open_calls:
            self._with_open_calls.remove(account.account_id)
        self.ledger.announce(account, cause)

    def _fail(self, account: Account, call: OpenCall, reason: str, cause: Cause) -> None:
        call.first_failed_at = call.first_failed_at or cause.at
        call.last_reason = reason
        self._expect(
            "CashCallFailed",
            account,
            call,
            cause,
            attempt=call.attempts,
            reason=reason,
            next_retry_at=time_text(next_retry(cause.at)),
        )

    def _settle(self, account: Account, call: OpenCall, cause: Cause) -> None:
        settled = self._expect("CashCallSettled", account, call, cause, attempt=call.attempts)
        account.close(call)
        account.calls_settled += 1
        self._ended(call, "settled_at_once" if call.attempts == 1 else "settled_after_retry")
        if call.journal:
            entry = entries.journal_completed(account.account_id, call.amount, buy=call.buy)
            self.ledger.book(account, entry, cause)
            return
        self.ledger.book(
            account,
            entries.call_settled(account.account_id, call.amount, buy=call.buy),
            cause,
            withdrawal_call=call.buy,
        )
        if call.amount:
            self.rows.call_settled(account, call, settled["event_id"], milliseconds_text(cause.at))

    def _write_off(self, account: Account, call: OpenCall, cause: Cause) -> None:
        attempt, reason = call.attempts, call.last_reason
        self._expect("CashCallWrittenOff", account, call, cause, attempt=attempt, reason=reason)
        account.close(call)
        account.calls_written_off += 1
        self._ended(call, "written_off")
        self.ledger.book(
            account, entries.written_off(account.account_id, account.client, call.amount), cause
        )

    def _ended(self, call: OpenCall, ending: str) -> None:
        self.counted["APEX_CLEARING" if call.journal else "MARKETPLACE", ending] += 1

    def _expect(
        self, kind: str, account: Account, call: OpenCall, cause: Cause, **fields: object
    ) -> dict[str, Any]:
        """Take and return the next event about a call."""
        expected = cause.about(
            kind,
            account.account_id,
            account.client,
            cash_call_id=f"{call.execution_id}-TPJ",
            execution_id=call.execution_id,
            direction=call.direction,
            amount=usd(call.amount),
            **fields,
        )
        self.cash_calls.expect(expected)
        return expected


def _shown(account: Account) -> tuple[int, int, int]:
    """Return what a retry can change of a balance: settled, owed, and buying power with them."""
    return (account.cash, account.owed, account.open_withdrawals)
