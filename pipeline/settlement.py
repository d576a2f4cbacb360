"""Task settlement: cash calls, fundings and aged failures of one account partition.

Windows come from `executions` only, behind the window's last execution. An input of its own that
belongs to a later window waits until that window has arrived (contract section 4), so every event
is in its right window. `clock` is read for one thing: the first tick starts trading's time, and
with it tells which window is the next.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, cast

import orjson
from typing_extensions import override

from pipeline.client_lines import (
    TimeStarted,
    count_line,
    count_of,
    count_record,
    window_markers,
)
from pipeline.task import Change, Head, Record, Task, fresh_ids, read_fields, read_outside
from schemas.account import AccountUpdated
from schemas.event import Input
from schemas.execution import Execution
from schemas.funding import Funding
from schemas.instant import Micros, micros, time_text
from schemas.money import CENTS_DECIMALS, UNITS_DECIMALS, quantity, reread, usd
from schemas.window import ClockTicked, WindowOpened
from settlement import apex_answer, customer_funding
from settlement.account import account_refusal
from settlement.aged_failure import AGED_WINDOWS, report_aged
from settlement.apex_answer import ApexResult
from settlement.apex_journal import execution_of
from settlement.calendar import ScheduledWindow, first_window, window_after
from settlement.cash_call import Settlement
from settlement.cause import Cause, Out
from settlement.customer_account import CUSTOMER, CustomerAccount, OpenCall
from settlement.customer_funding import RECORD_BYTES
from settlement.fill import fill_of
from topics.catalogue import (
    ACCOUNTS,
    AGED_FAILURES,
    APEX_JOURNAL_RESULTS,
    APEX_JOURNALS,
    BALANCES,
    CASH_CALLS,
    CLIENT_LINES,
    CLOCK,
    EXECUTIONS,
    FUNDING_UPDATES,
    FUNDINGS,
    JOURNAL,
    SETTLEMENT_TASK,
)
from topics.decode import Refused

_TIME = b"time"
_FUNDING = b"funding|"
_JOURNAL = b"journal|"


class SettlementTask(Task):
    """The books of the customers of one partition."""

    name: ClassVar[str] = SETTLEMENT_TASK
    inputs: ClassVar[tuple[str, ...]] = (
        EXECUTIONS,
        ACCOUNTS,
        FUNDINGS,
        APEX_JOURNAL_RESULTS,
        CLOCK,
    )
    writes: ClassVar[tuple[str, ...]] = (
        CASH_CALLS,
        FUNDING_UPDATES,
        APEX_JOURNALS,
        AGED_FAILURES,
        JOURNAL,
        BALANCES,
        CLIENT_LINES,
    )

    def __init__(self, partition: int, partitions: int) -> None:
        """Start with empty books."""
        super().__init__(partition, partitions)
        self.settlement = Settlement(RECORD_BYTES)
        self.next_window: ScheduledWindow | None = None
        self._now: Micros | None = None
        # Of a window that is being answered: the last account that is done; None: no such window.
        self._done_until: str | None = None
        # Lines to each client since the last marker: count, total in cents.
        self._sent: dict[str, list[int]] = {}
        # What the state topic is to learn.
        self._touched_accounts: set[str] = set()
        self._touched_calls: set[str] = set()
        self._touched_totals: set[str] = set()
        self._touched_sent: set[str] = set()
        self._time_written: list[Any] = [None, None, None, self.reference_time]
        # Open calls that the state topic has, by execution.
        self._stored_calls: set[str] = set()

    @property
    @override
    def now(self) -> Micros | None:
        return self._now

    @property
    @override
    def next_window_at(self) -> Micros | None:
        return None if self.next_window is None else self.next_window.scheduled_at

    @override
    def read(self, record: Record) -> Head:
        if record.topic != EXECUTIONS:
            return read_outside(record, self.partitions)
        event = orjson.loads(record.value or b"")
        return Head(record, event, micros(event["event_time"]))

    @override
    def waits(self, head: Head) -> bool:
        topic = head.record.topic
        if topic == EXECUTIONS:
            return False
        if self._done_until is not None:
            return True  # nothing comes between the steps of a window
        if topic == CLOCK or isinstance(head.event, Refused):
            return False
        if self.next_window is None:
            return topic != ACCOUNTS  # reference data does not wait for time to start
        return head.at >= self.next_window.scheduled_at

    @override
    def apply(self, head: Head, out: Out) -> Iterator[None]:
        topic, event = head.record.topic, head.event
        if topic == EXECUTIONS and event["type"] == "WindowOpened":
            yield from self._open(cast("WindowOpened", event), out)
            return
        before = len(out)
        if topic == EXECUTIONS:
            at = self._move_time(head.at)
            execution = cast("Execution", event)
            self.settlement.executed(execution, fill_of(execution), at, out)
            self._touched_accounts.add(event["account_id"])
        elif topic == CLOCK:
            if self.next_window is None and isinstance(event, ClockTicked):
                self._start(first_window(head.at), Cause(CLOCK, event.event_id, head.at), out)
        elif topic == ACCOUNTS:
            self._account_updated(head, event, out)
        else:
            self._outside(head, event, out)
        self._touch(out, before)

    def _start(self, window: ScheduledWindow, cause: Cause, out: Out) -> None:
        """Let time start, and tell the clients' books which window is the first."""
        self.next_window = window
        for to_partition in range(self.partitions):
            started: TimeStarted = {
                "type": "TimeStarted",
                "event_id": cause.event_id("TimeStarted", str(to_partition)),
                "event_time": cause.at_text,
                "cause_id": cause.id,
                "partition": self.partition,
                "partitions": self.partitions,
                "to_partition": to_partition,
                "first_window": time_text(window.scheduled_at),
            }
            out.append((CLIENT_LINES, "", started))

    def _move_time(self, at: Micros) -> Micros:
        self._now = at if self._now is None else max(self._now, at)
        return self._now

    def _account_updated(self, head: Head, event: Input | Refused, out: Out) -> None:
        """Take an account as it is from now on; trading dead-letters what is not taken."""
        if not isinstance(event, AccountUpdated):
            return
        at = head.at
        if self.next_window is None:
            self.reference_time = at
        else:
            at = self._move_time(at)
        known = self.settlement.accounts.get(event.account_id)
        if account_refusal(event, known.client if known is not None else None) is not None:
            return
        self.settlement.account_updated(event, at, out)
        self._touched_accounts.add(event.account_id)

    def _outside(self, head: Head, event: Funding | ApexResult | Refused, out: Out) -> None:
        """Act on a funding or an answer of the clearing firm, or dead-letter it."""
        refused: Refused | None
        if isinstance(event, Refused):
            refused = event
        else:
            at = self._move_time(head.at)
            if isinstance(event, ApexResult):
                refused = apex_answer.refusal(self.settlement, event)
                if refused is None:
                    apex_answer.answered(self.settlement, event, at, out)
            else:
                refused = customer_funding.refusal(self.settlement, event)
                if refused is None:
                    customer_funding.funded(self.settlement, event, at, out)
        if refused is not None:
            self.refuse(head, refused, out)

    def _open(self, event: WindowOpened, out: Out) -> Iterator[None]:
        """Answer a window, one account per step, and mark the end of its lines."""
        at = micros(event["scheduled_at"])
        if self._now is not None and self._now > at:
            raise AssertionError(f"{event['cause_id']} arrives after {time_text(self._now)}")
        self._now = at
        if self._done_until is None:
            self._done_until = ""
        before = len(out)
        for account_id in settle_window(self.settlement, event, out, self._done_until):
            self._touch(out, before)
            self._done_until = account_id
            yield
            before = len(out)
        cause = Cause(EXECUTIONS, event["cause_id"], at)
        out += [
            (CLIENT_LINES, "", marker)
            for marker in window_markers(event, cause, self._sent, self.partition, self.partitions)
        ]
        self._touched_sent.update(self._sent)
        self._sent = {}
        self._done_until = None
        self.next_window = window_after(first_window(at))

    def _touch(self, out: Out, before: int) -> None:
        """Note what events say has changed: no balance and no call changes without one."""
        for topic, key, event in read_fields(out, before):
            if topic == JOURNAL:
                self._touched_accounts.add(key)
                for posting in event["postings"]:
                    if not posting["account"].startswith(CUSTOMER):
                        self._touched_totals.add(posting["account"])
            elif topic == CASH_CALLS:
                self._touched_accounts.add(key)
                self._touched_calls.add(event["execution_id"])
            elif topic == APEX_JOURNALS:
                self._touched_calls.add(execution_of(event["journal_id"]))
            elif topic == CLIENT_LINES and event["type"] != "TimeStarted":
                count_line(self._sent, key, event)
                self._touched_sent.add(key)

    # -- the state topic -------------------------------------------------------------------------

    @override
    def changes(self) -> Iterator[Change]:
        settlement, window = self.settlement, self.next_window
        scheduled_at = window.scheduled_at if window else None
        time = [self._now, scheduled_at, self._done_until, self.reference_time]
        if time != self._time_written:
            self._time_written = time
            yield _TIME, orjson.dumps(time)
        for account_id in sorted(self._touched_accounts):
            record = _account_record(settlement.accounts[account_id])
            yield b"account|" + account_id.encode(), orjson.dumps(record)
        for execution_id in sorted(self._touched_calls):
            account = settlement.accounts[_account_of(execution_id)]
            call = (account.open_calls or {}).get(execution_id)
            key = b"call|" + execution_id.encode()
            if call is not None:
                self._stored_calls.add(execution_id)
                yield key, orjson.dumps(_call_record(call))
            elif execution_id in self._stored_calls:
                self._stored_calls.discard(execution_id)
                yield key, None
        for name in sorted(self._touched_totals):
            yield b"total|" + name.encode(), str(settlement.ledger.totals[name]).encode()
        for client in sorted(self._touched_sent):
            sent = self._sent.get(client)
            yield (
                b"sent|" + client.encode(),
                (None if sent is None else orjson.dumps(count_record(sent))),
            )
        yield from fresh_ids(_FUNDING, settlement.fundings)
        yield from fresh_ids(_JOURNAL, settlement.journals)
        self._touched_accounts.clear()
        self._touched_calls.clear()
        self._touched_totals.clear()
        self._touched_sent.clear()

    @override
    def restore(self, key: bytes, value: bytes) -> None:
        settlement = self.settlement
        kind, _, rest = key.partition(b"|")
        match kind:
            case b"funding":
                settlement.fundings.put(rest, value)
            case b"journal":
                settlement.journals.put(rest, value)
            case b"time":
                self._time_written = orjson.loads(value)
                # An earlier version stored no reference time.
                stored = [*self._time_written, self.reference_time][:4]
                self._now, scheduled_at, self._done_until, self.reference_time = stored
                self.next_window = None if scheduled_at is None else first_window(scheduled_at)
            case b"account":
                _fill_account(self._restored_account(rest.decode()), orjson.loads(value))
            case b"call":
                execution_id = rest.decode()
                account = self._restored_account(_account_of(execution_id))
                account.open(_call_of(execution_id, orjson.loads(value)))
                settlement.with_open_calls.add(account.account_id)
                self._stored_calls.add(execution_id)
            case b"total":
                settlement.ledger.totals[rest.decode()] = int(value)
            case b"sent":
                self._sent[rest.decode()] = count_of(orjson.loads(value))
            case _:
                raise AssertionError(f"a record of no known kind: {key!r}")

    @override
    def restored(self) -> None:
        self.settlement.fundings.fresh = {}
        self.settlement.journals.fresh = {}

    def _restored_account(self, account_id: str) -> CustomerAccount:
        """Return an account that is being restored: its calls may come before itself."""
        account = self.settlement.accounts.get(account_id)
        if account is None:
            account = self.settlement.accounts[account_id] = CustomerAccount(account_id, "")
        return account

    @override
    def status(self) -> Mapping[str, Any]:
        settlement, window = self.settlement, self.next_window
        calls = [
            call
            for account_id in settlement.with_open_calls
            for call in (settlement.accounts[account_id].open_calls or {}).values()
        ]
        return {
            "next_window": None
            if window is None
            else f"{window.window}@{time_text(window.scheduled_at)}",
            "answering_a_window": self._done_until is not None,
            "accounts": len(settlement.accounts),
            "open_calls": len(calls),
            "aged_calls": sum(call.first_failed_at is not None for call in calls),
        }


def settle_window(
    settlement: Settlement, event: WindowOpened, out: Out, after: str = ""
) -> Iterator[str]:
    """Do what a window asks of the settlement task, in bounded steps (contract section 7).

    Yields each account that is done; what was cut off goes on behind `after`.
    """
    if event["window"] == "RETRY":
        yield from settlement.retry(event, out, after)
    elif event["window"] in AGED_WINDOWS:
        yield from report_aged(settlement, event, out, after)


def _account_of(execution_id: str) -> str:
    return execution_id[:8]


def _account_record(account: CustomerAccount) -> list[Any]:
    return [
        account.client,
        account.funding_model,
        account.mode,
        usd(account.cash),
        usd(account.pending),
        usd(account.withdrawing),
        usd(account.owed),
        {asset: quantity(units) for asset, units in (account.positions or {}).items()},
        account.executions,
        account.calls_settled,
        account.calls_written_off,
        account.net_lines,
    ]


def _fill_account(account: CustomerAccount, stored: list[Any]) -> None:
    (
        account.client,
        account.funding_model,
        account.mode,
        cash,
        pending,
        withdrawing,
        owed,
        positions,
        account.executions,
        account.calls_settled,
        account.calls_written_off,
        account.net_lines,
    ) = stored
    account.cash = reread(cash, CENTS_DECIMALS)
    account.pending = reread(pending, CENTS_DECIMALS)
    account.withdrawing = reread(withdrawing, CENTS_DECIMALS)
    account.owed = reread(owed, CENTS_DECIMALS)
    for asset, text in positions.items():
        account.move(asset, reread(text, UNITS_DECIMALS))


def _call_record(call: OpenCall) -> list[Any]:
    """Return an open call as JSON; times in microseconds."""
    return [
        call.symbol,
        call.side,
        usd(call.amount),
        call.executed_at,
        call.trade_date,
        call.attempts,
        call.first_failed_at,
        call.last_reason,
        call.journal,
        call.journal_sent_at,
    ]


def _call_of(execution_id: str, stored: list[Any]) -> OpenCall:
    symbol, side, amount, executed_at, trade_date, *rest = stored
    call = OpenCall(
        execution_id, symbol, side, reread(amount, CENTS_DECIMALS), executed_at, trade_date
    )
    call.attempts, call.first_failed_at, call.last_reason, *rest = rest
    call.journal, call.journal_sent_at = rest
    return call
