"""Stage cash_call (BTS): each execution's money, at once and at every retry (contract section 7).

Marketplace accounts only, so far: the customer's cash in the FBO against the Business account.
"""

import datetime as dt
from collections.abc import Iterator

from schemas.account import AccountUpdated
from schemas.cash_call import (
    CashCallFailed,
    CashCallRequested,
    CashCallSettled,
    CashCallWrittenOff,
    FailureReason,
)
from schemas.execution import Execution
from schemas.instant import Micros, micros, time_text
from schemas.money import CENTS_DECIMALS, UNITS_DECIMALS, reread, usd
from schemas.window import WindowOpened
from settlement import ledger
from settlement.calendar import civil_date, next_retry
from settlement.cause import Cause, Out
from settlement.customer_account import CustomerAccount, Ledger, OpenCall, announce
from settlement.invariants import Books
from settlement.remembered import RememberedIds
from topics.catalogue import CASH_CALLS, CLIENT_LINES, EXECUTIONS

# An unsettled WITHDRAWAL is written off this many CT dates after its trade date.
WRITE_OFF_DAYS = 30


class Settlement:
    """The settlement task's state in one partition: customers' books and the ledger.

    `fundings` remembers every funding by id (customer_funding.py gives the record).
    """

    __slots__ = ("accounts", "fundings", "ledger", "with_open_calls")

    def __init__(self, funding_record_bytes: int) -> None:
        """Start with empty books."""
        self.accounts: dict[str, CustomerAccount] = {}
        self.with_open_calls: set[str] = set()
        self.ledger = Ledger()
        self.fundings = RememberedIds(funding_record_bytes)

    def books(self) -> Books:
        """Show the books to the invariants (settlement/invariants.py)."""
        return Books(
            {(name, ledger.asset_of(name)): total for name, total in self.ledger.totals.items()},
            (account.book() for account in self.accounts.values()),
        )

    def account_updated(self, event: AccountUpdated, out: Out) -> None:
        """Take an account as it is from now on."""
        account = self.accounts.get(event.account_id)
        if account is None:
            account = CustomerAccount(event.account_id, event.client)
            self.accounts[event.account_id] = account
        account.funding_model = event.funding_model
        account.mode = event.mode
        line = {
            "type": "AccountLine",
            "account_id": event.account_id,
            "funding_model": event.funding_model,
        }
        out.append((CLIENT_LINES, event.client, line))

    def executed(self, event: Execution, at: Micros, out: Out) -> None:
        """Book an execution and make its cash call, all in one step decided at t."""
        account_id, client = event["account_id"], event["client"]
        if account_id is None or client is None:
            raise AssertionError(f"{event['execution_id']} names no account")
        cause = Cause(EXECUTIONS, event["event_id"], at)
        account = self.accounts.get(account_id)
        if account is None:
            account = self.accounts[account_id] = CustomerAccount(account_id, client)
        buy = event["side"] == "BUY"
        account.executions += 1
        self.ledger.book(
            account,
            ledger.trade(
                account_id,
                client,
                event["base"],
                buy=buy,
                units=reread(event["quantity"], UNITS_DECIMALS),
                gross=reread(event["gross"], CENTS_DECIMALS),
                markup=reread(event["markup"], CENTS_DECIMALS),
                commission=reread(event["commission"], CENTS_DECIMALS),
            ),
            cause,
            out,
        )
        out.append((CLIENT_LINES, client, event))
        call = OpenCall(
            event["execution_id"],
            event["symbol"],
            event["side"],
            reread(event["net_money"], CENTS_DECIMALS),
            micros(event["event_time"]),
            event["trade_date"],
        )
        account.open(call)
        requested: CashCallRequested = {
            "type": "CashCallRequested",
            "event_id": cause.event_id("CashCallRequested", account_id),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "account_id": account_id,
            "client": client,
            "cash_call_id": call.cash_call_id,
            "execution_id": call.execution_id,
            "direction": call.direction,
            "amount": event["net_money"],
            "attempt": 1,
        }
        out.append((CASH_CALLS, account_id, requested))
        self._attempt(account, call, cause, out)
        if account.open_calls:
            self.with_open_calls.add(account_id)
        announce(account, cause, out)

    def retry(self, event: WindowOpened, out: Out, after: str = "") -> Iterator[str]:
        """Try every open call once, one account per step: a sweep of any size in bounded steps.

        Yields each account that is done; a sweep that was cut off goes on behind `after`.
        """
        at = micros(event["scheduled_at"])
        today = civil_date(at)
        oldest_kept = (today - dt.timedelta(days=WRITE_OFF_DAYS)).isoformat()
        for account_id in sorted(self.with_open_calls):
            if account_id <= after:
                continue
            account = self.accounts[account_id]
            # One cause for the whole window: k counts per account.
            cause = Cause(EXECUTIONS, event["cause_id"], at)
            before = (account.cash, account.owed, account.open_withdrawals)
            for call in sorted((account.open_calls or {}).values(), key=OpenCall.turn):
                # ISO dates sort as dates do.
                if call.side == "BUY" and call.trade_date <= oldest_kept:
                    self._write_off(account, call, cause, out)
                else:
                    self._attempt(account, call, cause, out)
            if not account.open_calls:
                self.with_open_calls.discard(account_id)
            if before != (account.cash, account.owed, account.open_withdrawals):
                announce(account, cause, out)
            yield account_id

    def _attempt(self, account: CustomerAccount, call: OpenCall, cause: Cause, out: Out) -> None:
        """Settle a call if it can be: never by taking cash below zero."""
        call.attempts += 1
        reason: FailureReason | None = None
        # A call of 0.00 settles at once, whatever the account's mode.
        if call.amount:
            if account.restricted:
                reason = "ACCOUNT_RESTRICTED"
            elif call.side == "BUY" and account.cash < call.amount:
                reason = "INSUFFICIENT_FUNDS"
        if reason is not None:
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
            return
        account.close(call)
        account.calls_settled += 1
        settled: CashCallSettled = {
            "type": "CashCallSettled",
            "event_id": cause.event_id("CashCallSettled", account.account_id),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "account_id": account.account_id,
            "client": account.client,
            "cash_call_id": call.cash_call_id,
            "execution_id": call.execution_id,
            "direction": call.direction,
            "amount": usd(call.amount),
            "attempt": call.attempts,
        }
        out.append((CASH_CALLS, account.account_id, settled))
        out.append((CLIENT_LINES, account.client, settled))
        self.ledger.book(
            account,
            ledger.cash_call_settled(
                account.ledger_names(), call.amount, withdrawal=call.side == "BUY"
            ),
            cause,
            out,
        )

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
