"""Whole random days (days.py), with what contract section 9 promises after every single input.

Each promise is a function of what came out, which knows nothing of how it was decided. To look
harder: SETTLE_HYPOTHESIS=thorough make test ARGS=tests/property
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import given, note, settings

from replay.audit.directory import audit_directory
from replay.engine import History
from replay.output import WrittenFile
from replay.read import read_inputs
from scripts.replay import run_replay
from settlement.invariants import books_difference
from settlement.reports.report import Report
from settlement.reports.rows import MemoryRows
from tests.property.apex_calls import ApexCalls
from tests.property.days import (
    CHICAGO,
    CLOCK_TIMES,
    Line,
    clock_time,
    days,
    next_clock_time,
    text_of,
)
from tests.story import Story
from topics.catalogue import CATALOGUE, REFERENCE_TOPICS

Event = dict[str, Any]
Emitted = list[tuple[str, Event]]

# So many that they come to all that is to be reached.
MORE = settings(max_examples=settings().max_examples * 2)
# The other tests run each day several times.
FEWER = settings(max_examples=max(1, settings().max_examples // 4))
# Weeks of files are written and read again.
FEW = settings(max_examples=max(1, settings().max_examples // 8))
WINDOWS = (
    "RETRY",
    "NET_SETTLEMENT",
    "AGED_REPORT",
    "MAINTENANCE_BEGIN",
    "START_OF_DAY",
    "RETRY",
    "MAINTENANCE_END",
    "AGED_REPORT",
)


class Told(NamedTuple):
    """What became of a day: `steps` are its lines, each with all that it caused."""

    steps: list[tuple[Line, Emitted]]
    story: Story

    def emitted(self, *topics: str) -> Iterator[Event]:
        """Return what came out, or what came out on some topics."""
        return (
            event for _, out in self.steps for topic, event in out if not topics or topic in topics
        )


def tell(lines: Sequence[Line]) -> Told:
    """Tell a day; the books are looked at after every line and all that it causes."""
    story = Story(known=False, date=lines[0].at.date().isoformat())
    steps: list[tuple[Line, Emitted]] = []
    for line in lines:
        before = len(story.emitted)
        try:
            story.tell(line.topic, line.value)
            difference = books_difference(story.history.books())
            assert difference is None, difference
        except AssertionError:
            note(_last([*steps, (line, story.emitted[before:])]))
            raise
        steps.append((line, story.emitted[before:]))
    return Told(steps, story)


def _last(steps: list[tuple[Line, Emitted]], count: int = 6) -> str:
    """Return the last lines with what they caused, as a person reads them."""
    told = []
    for number, (line, out) in list(enumerate(steps, 1))[-count:]:
        told.append(f"line {number}: {line.topic} {orjson.dumps(line.value).decode()}")
        told += [f"    -> {topic} {orjson.dumps(event).decode()}" for topic, event in out[-12:]]
    return "\n".join(told)


@lru_cache(maxsize=1 << 14)
def number(text: str) -> Decimal:
    """Read a decimal string."""
    return Decimal(text)


class Book:
    """The journal folded by itself: (ledger account, asset) -> amount."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)

    def add(self, entry: Event) -> None:
        for posting in entry["postings"]:
            self.sums[posting["account"], posting["asset"]] += number(posting["amount"])

    def of(self, account_id: str, what: str, asset: str = "USD") -> Decimal:
        return self.sums[f"customer:{account_id}:{what}", asset]


class Accounts:
    """A field of each account, as the lines have it: its mode, if nothing else is said."""

    def __init__(self, field: str = "mode") -> None:
        self._field = field
        self._values: dict[str, str] = {}

    def add(self, line: Line, out: Emitted) -> None:
        if line.topic == "accounts" and not any(topic == "dead-letters" for topic, _ in out):
            self._values[line.value["account_id"]] = line.value[self._field]

    def of(self, account_id: str) -> str:
        return self._values[account_id]


def _models(told: Told) -> dict[str, str]:
    """Return the model of each execution, by its id: it governs its call for life."""
    return {event["execution_id"]: event["funding_model"] for event in _executions(told)}


# -- the promises --------------------------------------------------------------------------------


def entries_balance(told: Told) -> None:
    """Each entry sums to zero per asset; zero postings and empty entries are left out."""
    for entry in told.emitted("journal"):
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for posting in entry["postings"]:
            assert number(posting["amount"]) != 0, entry
            sums[posting["asset"]] += number(posting["amount"])
        assert entry["postings"], entry
        assert not any(sums.values()), entry


def the_fbo_holds_all_cash(told: Told) -> None:
    """bank:fbo = all cash and all withdrawing, from the journal alone."""
    book = Book()
    for line, out in told.steps:
        for topic, event in out:
            if topic == "journal":
                book.add(event)
        inside = sum(
            amount
            for (name, _), amount in book.sums.items()
            if name.startswith("customer:") and name.endswith((":cash", ":withdrawing"))
        )
        assert book.sums["bank:fbo", "USD"] == inside, line


def positions_are_never_negative(told: Told) -> None:
    """Nor is anybody's pending or withdrawing."""
    book = Book()
    for entry in told.emitted("journal"):
        book.add(entry)
        for posting in entry["postings"]:
            name = posting["account"]
            if name.startswith("customer:") and not name.endswith((":cash", ":owed")):
                assert book.sums[name, posting["asset"]] >= 0, entry


def calls_move_their_money(told: Told) -> None:
    """A call that settles books its whole amount at once, and leaves cash at 0.00 or more.

    One that is written off takes what is owed; one that fails moves nothing. The clearing firm's
    money comes from outside, also for what was written off before.
    """
    models = _models(told)
    book = Book()
    call: Event | None = None
    for topic, event in _of(told, "cash-calls", "journal"):
        if topic == "cash-calls":
            assert call is None, call
            ends = event["type"] in {"CashCallSettled", "CashCallWrittenOff", "WriteOffRecovered"}
            call = event if ends and number(event["amount"]) else None
            continue
        book.add(event)
        if call is None:
            continue
        account_id, amount = call["account_id"], number(call["amount"])
        # From the customer: cash -N, owed +N; to the customer all is reversed (section 9).
        paid = amount if call["direction"] == "WITHDRAWAL" else -amount
        if call["type"] == "CashCallWrittenOff":
            assert call["direction"] == "WITHDRAWAL"
            moved = {"owed": paid, f"writeoff:{call['client']}": -paid}
        elif models[call["execution_id"]] == "APEX_CLEARING":
            of_whom = "owed" if call["type"] == "CashCallSettled" else f"writeoff:{call['client']}"
            moved = {of_whom: paid, "world:customers": -paid}
            moved |= {"bank:business": paid, "world:bank": -paid}
        else:
            moved = {"cash": -paid, "owed": paid, "bank:fbo": -paid, "bank:business": paid}
            if call["direction"] == "WITHDRAWAL":
                assert book.of(account_id, "cash") >= 0, call
        assert event["cause_id"] == call["cause_id"]
        assert {
            posting["account"].removeprefix(f"customer:{account_id}:"): number(posting["amount"])
            for posting in event["postings"]
        } == moved
        call = None
    assert call is None, call


def executions_are_called(told: Told) -> None:
    """Each execution has exactly one call, over its net money, in the very step that books it.

    One that is settled net has no call, but exactly one line of a net settlement.
    """
    executions = {event["execution_id"]: event for event in _executions(told)}
    called: Counter[str] = Counter()
    for event in told.emitted("cash-calls"):
        if event["type"] == "CashCallRequested":
            called[event["execution_id"]] += 1
            execution = executions[event["execution_id"]]
            assert event["cash_call_id"] == f"{event['execution_id']}-TPJ"
            assert event["cause_id"] == execution["event_id"]
            assert event["amount"] == execution["net_money"]
            assert event["attempt"] == 1
            buys = execution["side"] == "BUY"
            assert event["direction"] == ("WITHDRAWAL" if buys else "DEPOSIT")
    assert len(executions) == sum(1 for _ in _executions(told))
    netted = Counter(
        event["execution_id"]
        for event in told.emitted("net-settlements")
        if event["type"] == "NetSettlementLine"
    )
    for counted, net in ((called, False), (netted, True)):
        wanted = [
            execution_id
            for execution_id, execution in executions.items()
            if (execution["funding_model"] == "NET_SETTLEMENT") == net
        ]
        assert counted == dict.fromkeys(wanted, 1)


def calls_end_at_most_once(told: Told) -> None:
    """And are not tried when they ended; attempts count 1, 2, 3 ...; open = what has not ended."""
    attempts: dict[str, int] = {}
    ended: set[str] = set()
    recovered: set[str] = set()
    for event in told.emitted("cash-calls"):
        call = event["cash_call_id"]
        if event["type"] == "WriteOffRecovered":
            assert call in ended - recovered, event
            recovered.add(call)
            continue
        assert call not in ended, event
        if event["type"] == "CashCallRequested":
            assert call not in attempts
            attempts[call] = 0
        elif event["type"] == "CashCallWrittenOff":
            # Given up instead of tried.
            assert event["attempt"] == attempts[call] > 0
            ended.add(call)
        else:
            attempts[call] += 1
            assert event["attempt"] == attempts[call]
            if event["type"] == "CashCallSettled":
                ended.add(call)
    accounts = told.story.history.settlement.accounts.values()
    assert sum(account.book().calls_open for account in accounts) == len(attempts.keys() - ended)


def calls_are_retried(told: Told) -> None:
    """Every open Marketplace call is tried or written off at every RETRY, and at no other time.

    An account's calls by (executed_at, fill number, order). Written off: at the first RETRY 30 CT
    dates or more after its trade date, if it is a WITHDRAWAL.
    """
    executions = {event["execution_id"]: event for event in _executions(told)}
    still_open: set[str] = set()
    retrying: Event | None = None
    to_try: set[str] = set()
    last_turns: dict[str, tuple[str, int, str]] = {}
    models = _models(told)
    for topic, event in _of(told, "cash-calls", "executions"):
        if models.get(event.get("execution_id", "")) != "MARKETPLACE" and topic == "cash-calls":
            continue
        if topic == "executions":
            assert not to_try, (retrying, to_try)
            retrying = event if event.get("window") == "RETRY" else None
            to_try = set(still_open) if retrying else set()
            last_turns.clear()
            continue
        call = event["cash_call_id"]
        if event["type"] == "CashCallRequested":
            still_open.add(call)
            to_try.add(call)
            continue
        assert call in to_try, event
        to_try.remove(call)
        age = 0
        if retrying:
            assert event["event_time"] == retrying["scheduled_at"]
            execution = executions[event["execution_id"]]
            turn = _turn(execution)
            assert turn > last_turns.get(event["account_id"], ("",)), event
            last_turns[event["account_id"]] = turn
            trade_date = dt.date.fromisoformat(execution["trade_date"])
            age = (_date(event["event_time"]) - trade_date).days
        too_old = age >= 30 and event["direction"] == "WITHDRAWAL"
        assert (event["type"] == "CashCallWrittenOff") == too_old, (event, age)
        if event["type"] != "CashCallFailed":
            still_open.remove(call)
    assert not to_try


def apex_calls_follow_their_journals(told: Told) -> None:
    """Asked for in the execution's step; answers, time-outs and retries make what they must."""
    calls = ApexCalls(list(_executions(told)))
    for line, out in told.steps:
        try:
            calls.follow(line, out)
        except AssertionError:
            note(f"line: {line}")
            raise


def calls_fail_for_a_reason(told: Told) -> None:
    """ACCOUNT_RESTRICTED is looked at first, then INSUFFICIENT_FUNDS; else the call settles.

    Of Marketplace calls; the clearing firm has reasons of its own.
    """
    of_calls = _models(told)
    book, modes = Book(), Accounts()
    for line, out in told.steps:
        for topic, event in out:
            if topic == "journal":
                book.add(event)
            elif (
                event["type"] in {"CashCallSettled", "CashCallFailed"}
                and of_calls[event["execution_id"]] == "MARKETPLACE"
            ):
                amount = number(event["amount"])
                reason = None
                if amount and modes.of(event["account_id"]) in {"LOCKED", "CLOSED"}:
                    reason = "ACCOUNT_RESTRICTED"
                elif event["direction"] == "WITHDRAWAL" and amount > book.of(
                    event["account_id"], "cash"
                ):
                    reason = "INSUFFICIENT_FUNDS"
                assert event.get("reason") == reason, event
                if reason is not None:
                    at = dt.datetime.fromisoformat(event["event_time"])
                    retry = min(next_clock_time(at, text) for text in ("06:00", "17:00"))
                    assert event["next_retry_at"] == text_of(retry), event
        # What an update of the account causes was decided before it.
        modes.add(line, out)


def withdrawals_are_covered(told: Told) -> None:
    """Refused for the first of three reasons in their order, else accepted."""
    book, modes = Book(), Accounts()
    called: dict[str, Decimal] = defaultdict(Decimal)
    for line, out in told.steps:
        for topic, event in out:
            if topic == "journal":
                book.add(event)
            elif topic == "cash-calls":
                called[event["account_id"]] += _calls_more(event)
            elif event["type"] in {"WithdrawalAccepted", "WithdrawalRefused"}:
                account_id, amount = event["account_id"], number(event["amount"])
                reason = None
                if modes.of(account_id) == "LOCKED":
                    reason = "ACCOUNT_RESTRICTED"
                elif amount < 10:
                    reason = "BELOW_MINIMUM"
                elif amount > book.of(account_id, "cash") - called[account_id]:
                    reason = "INSUFFICIENT_FUNDS"
                assert (event["type"], event["reason"]) == (
                    "WithdrawalRefused" if reason else "WithdrawalAccepted",
                    reason,
                ), event
        modes.add(line, out)


def only_returns_and_adjustments_go_below_zero(told: Told) -> None:
    """And are flagged then; nothing else takes cash below zero, or lower."""
    book = Book()
    for line, out in told.steps:
        below: list[str] = []
        for topic, event in out:
            if topic != "journal":
                continue
            account_id = event["account_id"]
            if account_id is None:
                continue  # a client's
            before = book.of(account_id, "cash")
            book.add(event)
            after = book.of(account_id, "cash")
            if after < 0 and after < before:
                assert event["cause_id"] == line.value["event_id"], event
                assert line.value["type"] in {"DepositReturned", "CashAdjusted"}, event
                below.append(line.value["funding_id"])
        flagged = [e["funding_id"] for _, e in out if e.get("reason") == "NEGATIVE_BALANCE"]
        assert flagged == below, line


def balances_are_the_journal(told: Told) -> None:
    """An AccountBalance is the refold of the journal; no step that changed one goes without."""
    book = Book()
    called: dict[str, Decimal] = defaultdict(Decimal)  # open WITHDRAWAL calls by account
    last: dict[str, Event] = {}
    models = Accounts("funding_model")
    for line, out in told.steps:
        touched: set[str] = set()
        for topic, event in out:
            account_id = event.get("account_id")
            if topic == "journal":
                book.add(event)
                if any(p["account"].startswith("customer:") for p in event["postings"]):
                    touched.add(event["account_id"])  # not what is recovered of a write-off
            elif topic == "cash-calls":
                called[event["account_id"]] += _calls_more(event)
            elif topic == "balances" and account_id is not None:
                shown = _shown(event)
                if event["cause_id"] == line.value["event_id"]:
                    models.add(line, out)
                folded = _folded(book, account_id, called[account_id], event)
                if models.of(account_id) != "MARKETPLACE":
                    folded["buying_power"] = None
                assert shown == folded, event
                # At a retry, which touches it once, and in a step of its own.
                assert shown != _shown(last.get(account_id)), event
                last[account_id] = event
                touched.discard(account_id)
        models.add(line, out)
        assert not touched, (line, touched)


def _calls_more(event: Event) -> Decimal:
    """Return by how much a cash call event changes the account's open WITHDRAWAL calls."""
    changes = event["type"] not in {"CashCallFailed", "WriteOffRecovered"}
    if event["direction"] == "DEPOSIT" or not changes:
        return Decimal(0)
    amount = number(event["amount"])
    return amount if event["type"] == "CashCallRequested" else -amount


def _shown(balance: Event | None) -> Event | None:
    if balance is None:
        return None
    head = {"type", "event_id", "event_time", "cause_id", "account_id", "client"}
    return {name: value for name, value in balance.items() if name not in head}


def _folded(book: Book, account_id: str, called: Decimal, balance: Event) -> Event:
    cash = book.of(account_id, "cash")
    money = {"cash", "pending", "withdrawing", "owed"}
    held = {
        name.rpartition(":")[2]: amount
        for (name, _), amount in book.sums.items()
        if name.startswith(f"customer:{account_id}:") and name.rpartition(":")[2] not in money
    }
    assert {asset: number(text) for asset, text in balance["positions"].items()} == held
    return {
        "settled": f"{cash:.2f}",
        "unsettled": f"{book.of(account_id, 'pending'):.2f}",
        "withdrawing": f"{book.of(account_id, 'withdrawing'):.2f}",
        "owed": f"{book.of(account_id, 'owed'):.2f}",
        "buying_power": f"{cash - called:.2f}",
        "negative": cash < 0,
        "positions": balance["positions"],
    }


def ids_are_used_once(told: Told) -> None:
    """An `event_id` names one event.

    An order that did not use up its id, told again under its own event_id, gets the same answer
    under the same id: recognisable as a repeat (section 1).
    """
    answered_again = {"UNKNOWN_ACCOUNT", "UNKNOWN_CLIENT", "DUPLICATE_ORDER_ID"}
    seen: set[tuple[str, str]] = set()
    for _, out in told.steps:
        for topic, event in out:
            name = (topic, event["event_id"])
            assert name not in seen or event.get("reason") in answered_again, event
            seen.add(name)


def times_never_go_back(told: Told) -> None:
    """Per topic and key; and nothing is decided after the line that caused it."""
    latest: dict[tuple[str, str | None], str] = {}
    for line, out in told.steps:
        for topic, event in out:
            name = CATALOGUE[topic].key
            key = event.get(name) if name is not None else event.get("source_key")
            assert latest.get((topic, key), "") <= event["event_time"], event
            assert event["event_time"] <= text_of(line.at), (line, event)
            latest[topic, key] = event["event_time"]


class _Life:
    """An accepted order: what has become of it so far."""

    def __init__(self, accepted: Event) -> None:
        self.accepted = accepted
        self.quantity = Decimal(0)
        self.gross = Decimal(0)
        self.value = Decimal(0)
        self.fills = 0
        self.ended = False


def orders_end_once(told: Told) -> None:
    """An accepted order has one end or is at work; none is at work in the maintenance.

    Nothing happens to it from its `expire_time` on, but that it expires at that very instant.
    """
    lives: dict[tuple[str, str], _Life] = {}
    for line, out in told.steps:
        for topic, event in out:
            if event.get("window") == "MAINTENANCE_BEGIN":
                # What a notional order leaves may buy nothing: then it is done, without an event.
                left = [life for life in lives.values() if not life.ended]
                assert all(life.accepted["notional"] and life.fills for life in left), line
            if topic != "order-updates" or event["type"].endswith("Rejected"):
                continue
            name = (event["account_id"], event["client_order_id"])
            if event["type"] == "OrderAccepted":
                assert name not in lives, event
                lives[name] = _Life(event)
                continue
            life = lives[name]
            assert not life.ended, (line, event)
            expires, reason = life.accepted["expire_time"], event.get("reason")
            assert (event["event_time"] == expires) == (reason == "EXPIRE_TIME"), event
            assert expires is None or event["event_time"] <= expires, event
            if event["type"] == "OrderFilled":
                life.fills += 1
                life.ended = event["leaves_quantity"] == "0" or event["leaves_notional"] == "0.00"
            else:
                life.ended = event["type"] != "OrderTriggered"
    working = {
        (order.account.account_id, order.client_order_id)
        for order in told.story.history.trading.working
    }
    unended = {name for name, life in lives.items() if not life.ended}
    assert working <= unended
    assert all(lives[name].accepted["notional"] and lives[name].fills for name in unended - working)


def fills_keep_to_the_order(told: Told) -> None:
    """Fills add up to at most the order, at its limit or better, and as `OrderFilled` says."""
    lives: dict[tuple[str, str], _Life] = {}
    execution: Event = {}
    for _, event in _of(told, "order-updates", "executions"):
        if event["type"] == "OrderAccepted":
            lives[event["account_id"], event["client_order_id"]] = _Life(event)
        elif event["type"] == "Execution":
            execution = event
            _fill(lives[event["account_id"], event["client_order_id"]], event)
        elif event["type"] == "OrderFilled":
            life = lives[event["account_id"], event["client_order_id"]]
            assert event["execution_id"] == execution["execution_id"]
            assert number(event["cumulative_quantity"]) == life.quantity
            if life.accepted["quantity"] is not None:
                left = number(life.accepted["quantity"]) - life.quantity
                assert number(event["leaves_quantity"]) == left
            else:
                left = number(life.accepted["notional"]) - life.gross
                assert number(event["leaves_notional"]) == left
            assert left >= 0, event
            average = life.value / life.quantity
            assert abs(number(event["average_price"]) - average) <= Decimal("0.000000005")


def _fill(life: _Life, execution: Event) -> None:
    accepted, price = life.accepted, number(execution["price"])
    life.fills += 1
    assert execution["execution_id"].endswith(f"-{execution['client_order_id']}-{life.fills}")
    assert execution["side"] == accepted["side"]
    at = dt.datetime.fromisoformat(execution["event_time"])
    # From 17:05 on it is the next trading day.
    trading_day_ends = next_clock_time(at, "17:05").astimezone(CHICAGO).date()
    assert execution["trade_date"] == trading_day_ends.isoformat()
    gross = number(execution["gross"])
    commission = number(execution["commission"])
    assert gross > 0
    assert commission >= 0
    if accepted["side"] == "BUY":
        assert price >= number(execution["quote_price"])
        assert number(execution["net_money"]) == gross + commission
    else:
        assert price <= number(execution["quote_price"])
        assert number(execution["net_money"]) == gross - commission >= 0
    if accepted["limit_price"] is not None:
        limit = number(accepted["limit_price"])
        assert price <= limit if accepted["side"] == "BUY" else price >= limit
    units = number(execution["quantity"])
    assert abs(gross - units * price) <= Decimal("0.005")
    assert sum(number(part["quantity"]) for part in execution["providers"]) == units
    life.quantity += units
    life.gross += gross
    life.value += units * price


def windows_open_once_and_in_order(told: Told) -> None:
    """All those of domain.md section 3 from the first input that moves time to the last."""
    moving = [
        (line.at, line.topic in REFERENCE_TOPICS)
        for line, out in told.steps
        if not any(topic == "dead-letters" for topic, _ in out)
    ]
    first = next((at for at, reference in moving if not reference), None)
    wanted = [] if first is None else list(_schedule(first, moving[-1][0]))
    opened = [e for e in told.emitted("executions") if e["type"] == "WindowOpened"]
    assert [(event["window"], event["scheduled_at"]) for event in opened] == wanted


def _schedule(first: dt.datetime, last: dt.datetime) -> Iterator[tuple[str, str]]:
    date = first.astimezone(CHICAGO).date()
    while clock_time(date, "00:00") <= last:
        for window, text in zip(WINDOWS, CLOCK_TIMES, strict=True):
            at = clock_time(date, text)
            if first <= at <= last:
                yield window, text_of(at)
        date += dt.timedelta(days=1)


def aged_rows_are_the_open_failed_calls(told: Told) -> None:
    """At each report one row for each of them, and for no other."""
    executions: dict[str, Event] = {}
    failures: dict[str, list[Event]] = defaultdict(list)  # of each open call
    wanted: dict[str, Event] = {}
    for topic, event in _of(told, "cash-calls", "executions", "aged-failures"):
        if topic == "aged-failures":
            row = wanted.pop(event["tpj_id"])
            assert {name: event[name] for name in row} == row
        elif event["type"] == "Execution":
            executions[event["execution_id"]] = event
        elif event["type"] == "WindowOpened":
            assert not wanted, (event, wanted)
            report = {"AGED_REPORT": "AGED", "START_OF_DAY": "SOD"}.get(event["window"])
            if report:
                wanted = {
                    call: {"report": report} | _row(failed, executions, event["scheduled_at"])
                    for call, failed in failures.items()
                }
        elif event["type"] == "CashCallFailed":
            failures[event["cash_call_id"]].append(event)
        else:
            failures.pop(event["cash_call_id"], None)
    assert not wanted


def _row(failed: list[Event], executions: dict[str, Event], as_of: str) -> Event:
    """Return what a report says of a call that failed these times."""
    first, last = failed[0], failed[-1]
    execution = executions[first["execution_id"]]
    age = (_date(as_of) - dt.date.fromisoformat(execution["trade_date"])).days
    return {
        "as_of": as_of,
        "account_id": execution["account_id"],
        "client": execution["client"],
        "execution_id": execution["execution_id"],
        "symbol": execution["symbol"],
        "side": execution["side"],
        "direction": first["direction"],
        "notional": execution["net_money"],
        "executed_at": execution["event_time"],
        "first_failed_at": first["event_time"],
        "attempts": len(failed),
        "last_reason": last["reason"],
        "age_days": max(0, age),
    }


def nets_are_their_lines(told: Told) -> None:
    """Each line is in the one net that its `window_to` names; what is due is what was not paid.

    After each input -client:net = open lines + closed nets - wires in + wires out.
    """
    book = Book()
    lines: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    nets: dict[tuple[str, str], Decimal] = {}
    due: dict[tuple[str, str], Decimal] = {}
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for line, out in told.steps:
        for topic, event in out:
            if topic == "journal":
                book.add(event)
                if line.topic == "net-wires" and event["cause_id"] == line.value["event_id"]:
                    wire_sign = {"NetWireReceived": 1, "NetWireSent": -1, "RevenueSharePaid": 0}
                    amount = number(line.value["amount"])
                    paid[event["client"]] += wire_sign[line.value["type"]] * amount
            if topic != "net-settlements":
                continue
            name = (event["client"], event["window_to"])
            if event["type"] == "NetSettlementLine":
                assert name not in nets, event
                sign = 1 if event["side"] == "BUY" else -1
                assert number(event["net_amount"]) == sign * number(event["net_money"])
                assert event["window_to"] == text_of(next_clock_time(_time(event), "09:00"))
                lines[name].append(number(event["net_amount"]))
            elif event["type"] == "NetSettlement":
                assert name not in nets, event
                assert event["event_time"] == event["window_to"]
                before = next_clock_time(_time(event) - dt.timedelta(hours=26), "09:00")
                assert event["window_from"] == text_of(before)
                assert event["executions"] == len(lines[name])
                nets[name] = number(event["net_amount"])
                assert nets[name] == sum(lines[name])
            else:
                due[name] = number(event["outstanding"])
                if event["status"] in {"PAID", "OVERPAID"}:
                    assert (due[name] == 0) == (event["status"] == "PAID"), event
        for client in {client for client, _ in (*lines, *nets)} | paid.keys():
            closed = sum(amount for name, amount in nets.items() if name[0] == client)
            unclosed = sum(
                sum(amounts)
                for name, amounts in lines.items()
                if name[0] == client and name not in nets
            )
            assert -book.sums[f"client:{client}:net", "USD"] == unclosed + closed - paid[client]
            if any(name[0] == client for name in nets):
                assert closed - paid[client] == sum(
                    amount for name, amount in due.items() if name[0] == client
                ), line


def shares_add_up(told: Told) -> None:
    """Each month's statement is that of its executions and of its write-offs in the journal.

    client:share is what was stated, less what was deducted and paid.
    """
    terms: dict[str, Decimal] = {}
    revenue: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    write_offs: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    carried: dict[str, Decimal] = defaultdict(Decimal)
    balance: dict[str, Decimal] = defaultdict(Decimal)
    book = Book()
    for line, out in told.steps:
        for topic, event in out:
            if event["type"] == "Execution":
                name = (event["client"], event["trade_date"][:7])
                revenue[name] += number(event["markup"]) + number(event["commission"])
            elif topic == "journal":
                book.add(event)
                for posting in event["postings"]:
                    if posting["account"] == f"writeoff:{event['client']}" and event["account_id"]:
                        name = (event["client"], _date(event["event_time"]).isoformat()[:7])
                        write_offs[name] -= number(posting["amount"])
            elif topic == "revenue-shares":
                client = event["client"]
                day_before = _date(event["event_time"]) - dt.timedelta(days=1)
                assert event["month"] == day_before.isoformat()[:7]
                name = (client, event["month"])
                exact = revenue[name] * terms.get(client, Decimal(0)) / 10_000
                share = exact.quantize(Decimal("0.01"), ROUND_HALF_EVEN)
                left = share - write_offs[name] - carried[client]
                stated = (share, write_offs[name], carried[client], max(left, 0), max(-left, 0))
                fields = ("share", "write_offs", "carried_in", "payable", "carried_out")
                assert tuple(number(event[field]) for field in fields) == stated, event
                carried[client] = max(-left, Decimal(0))
                balance[client] += share - write_offs[name]
        if _is_acted_on(out) and line.topic == "clients":
            terms[line.value["client"]] = number(line.value.get("revenue_share_bps", "0"))
        if line.topic == "net-wires" and line.value["type"] == "RevenueSharePaid":
            booked = any(event["cause_id"] == line.value["event_id"] for _, event in out)
            balance[line.value["client"]] -= booked * number(line.value["amount"])
        for client, amount in balance.items():
            assert book.sums[f"client:{client}:share", "USD"] == amount, line


def _is_acted_on(out: Emitted) -> bool:
    return not any(topic == "dead-letters" for topic, _ in out)


def _time(event: Event) -> dt.datetime:
    return dt.datetime.fromisoformat(event["event_time"])


def bad_lines_are_never_lost(told: Told) -> None:
    """A bad line has one dead letter, which holds it as it was, and does nothing else."""
    for at_line, (line, out) in enumerate(told.steps, 1):
        letters = [event for topic, event in out if topic == "dead-letters"]
        if letters:
            assert [topic for topic, _ in out] == ["dead-letters"], line
            raw = orjson.dumps(line.value)
            assert letters[0]["raw_sha256"] == sha256(raw).hexdigest()
            assert (letters[0]["source_topic"], letters[0]["source_offset"]) == (
                line.topic,
                at_line,
            )


PROMISES = (
    entries_balance,
    the_fbo_holds_all_cash,
    positions_are_never_negative,
    calls_move_their_money,
    executions_are_called,
    calls_end_at_most_once,
    calls_are_retried,
    apex_calls_follow_their_journals,
    calls_fail_for_a_reason,
    withdrawals_are_covered,
    only_returns_and_adjustments_go_below_zero,
    balances_are_the_journal,
    ids_are_used_once,
    times_never_go_back,
    orders_end_once,
    fills_keep_to_the_order,
    windows_open_once_and_in_order,
    aged_rows_are_the_open_failed_calls,
    nets_are_their_lines,
    shares_add_up,
    bad_lines_are_never_lost,
)
# What so many days must have come to: else the promises would be empty words.
REACHED = {
    "OrderAccepted",
    "OrderTriggered",
    "OrderFilled",
    "OrderExpired END_OF_DAY",
    "OrderExpired EXPIRE_TIME",
    "OrderCancelled CLIENT_REQUEST",
    "OrderCancelled MAINTENANCE",
    "OrderCancelled ACCOUNT_NOT_OPEN",
    "OrderCancelRejected",
    "Execution",
    "CashCallSettled",
    "CashCallFailed INSUFFICIENT_FUNDS",
    "CashCallFailed ACCOUNT_RESTRICTED",
    "CashCallFailed LIMIT_REVIEW",
    "CashCallFailed TIMEOUT",
    "CashCallWrittenOff",
    "ApexJournalRequested",
    "AgedFailure",
    "WithdrawalAccepted",
    "WithdrawalRefused BELOW_MINIMUM",
    "WithdrawalRefused INSUFFICIENT_FUNDS",
    "FundingFlagged LATE_RETURN",
    "FundingFlagged UNKNOWN_RETURN_CODE",
    "FundingFlagged NEGATIVE_BALANCE",
    "NetSettlementLine",
    "NetSettlement",
    "NetSettlementStatus PENDING",
    "NetSettlementStatus CONFIRMED",
    "NetSettlementStatus DISPUTED",
    "NetSettlementStatus PAID",
    "NetSettlementStatus OVERPAID",
    "RevenueShareStatement",
    "DeadLetter AMOUNT_MISMATCH",
    "DeadLetter BAD_TRANSITION",
    "DeadLetter CONFLICT",
    "DeadLetter CROSSED_TICK",
    "DeadLetter FUNDING_NOT_OURS",
    "DeadLetter INVALID",
    "DeadLetter MALFORMED",
    "DeadLetter UNKNOWN_ACCOUNT",
    "DeadLetter UNKNOWN_JOURNAL",
    "DeadLetter UNKNOWN_REASON",
    "DeadLetter CONTRADICTION",
}


def _of(told: Told, *topics: str) -> Iterator[tuple[str, Event]]:
    return ((topic, event) for _, out in told.steps for topic, event in out if topic in topics)


def _executions(told: Told) -> Iterator[Event]:
    return (event for event in told.emitted("executions") if event["type"] == "Execution")


def _turn(execution: Event) -> tuple[str, int, str]:
    """Return an execution's place among those of its account (section 7)."""
    fill = int(execution["execution_id"].rpartition("-")[2])
    return (execution["event_time"], fill, execution["client_order_id"])


def _date(text: str) -> dt.date:
    """Return the Chicago date of an instant."""
    return dt.datetime.fromisoformat(text).astimezone(CHICAGO).date()


# -- the tests -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_promise_holds_on_every_day() -> None:
    reached: set[str] = set()

    @MORE
    @given(days())
    def keeps_its_promises(lines: list[Line]) -> None:
        told = tell(lines)
        for event in told.emitted():
            said = event.get("reason") or event.get("status")
            reached.update({event["type"], f"{event['type']} {said}"})
        for promise in PROMISES:
            try:
                promise(told)
            except AssertionError:
                note(f"{promise.__name__}: {promise.__doc__}\n{_last(told.steps, 12)}")
                raise

    keeps_its_promises()
    assert reached >= REACHED, sorted(REACHED - reached)


class Kept:
    """A destination that keeps everything."""

    def __init__(self) -> None:
        self.emitted: Emitted = []
        self.files: dict[str, str] = {}

    def event(self, topic: str, event: Any) -> None:  # noqa: ANN401 - any event
        self.emitted.append((topic, orjson.loads(orjson.dumps(event))))

    def report(self, report: Report) -> WrittenFile:
        rows = list(report.rows)
        path = f"{report.client}/{report.key}"
        assert path not in self.files
        text = "\n".join((*report.header, *(row.text for row in rows))) + "\n"
        self.files[path] = text
        control = sum(row.control for row in rows)
        return WrittenFile(path, len(rows), control, sha256(text.encode()).hexdigest())


def written(path: Path, lines: Sequence[Line]) -> str:
    """Write lines to a file, and return its name."""
    path.write_bytes(
        b"".join(orjson.dumps({"topic": line.topic, "value": line.value}) + b"\n" for line in lines)
    )
    return str(path)


def replayed(*files: Sequence[Line]) -> Kept:
    """Replay lines as they are read back from files."""
    kept = Kept()
    with TemporaryDirectory() as folder:
        paths = [
            written(Path(folder) / f"{number}.jsonl", lines) for number, lines in enumerate(files)
        ]
        History(kept, MemoryRows()).run(read_inputs(paths))
    return kept


def _but_dead_letters(emitted: Emitted) -> Emitted:
    return [(topic, event) for topic, event in emitted if topic != "dead-letters"]


@FEWER
@given(days())
def test_the_same_lines_give_the_same_events_and_files(lines: list[Line]) -> None:
    """Told one by one, or read from a file."""
    told, read = tell(lines), replayed(lines)
    assert read.emitted == told.story.emitted
    assert read.files == told.story.files


@FEWER
@given(days())
def test_repeating_every_line_has_no_effect(lines: list[Line]) -> None:
    """But on dead letters, which name the line that they come from."""
    once = replayed(lines)
    twice = replayed([line for line in lines for _ in range(2)])
    # An order that used up no id is answered again, with the very same event.
    answers: Emitted = []
    for topic, event in _but_dead_letters(twice.emitted):
        if event["type"] != "OrderRejected" or (topic, event) not in answers[-1:]:
            answers.append((topic, event))
    assert answers == _but_dead_letters(once.emitted)
    assert twice.files == once.files


@FEWER
@given(days())
def test_it_does_not_matter_how_lines_are_spread_over_files(lines: list[Line]) -> None:
    """One file for each topic, merged by time: the same, but for the dead letters' line numbers."""
    by_topic: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_topic[line.topic].append(line)
    one = replayed(lines)
    many = replayed(*by_topic.values())
    assert _but_dead_letters(many.emitted) == _but_dead_letters(one.emitted)
    assert many.files == one.files

    def letters(kept: Kept) -> Counter[tuple[str, str, str]]:
        return Counter(
            (event["source_topic"], event["raw"], event["reason"])
            for topic, event in kept.emitted
            if topic == "dead-letters"
        )

    assert letters(many) == letters(one)


@FEW
@given(days())
def test_the_audit_finds_nothing_wrong(lines: list[Line]) -> None:
    """Nor in the files: `settle verify` knows nothing of how they were made."""
    with TemporaryDirectory() as folder:
        told, out = written(Path(folder) / "day.jsonl", lines), Path(folder) / "out"
        run_replay([told], out, None)
        checked = dict(audit_directory(out, [told]))
        audit_directory(out)
        firm = out / "inputs" / "apex-journal-results.jsonl"
        answers = firm.read_bytes().count(b"\n") if firm.exists() else 0
    assert checked["inputs, each answered"] == str(len(lines) + answers)
