"""What contract section 9 promises of cash calls, the journal and balances, on whole days.

Each promise is a function of what came out, which knows nothing of how it was decided.
"""

import datetime as dt
from collections import Counter, defaultdict
from decimal import Decimal

from hypothesis import note

from tests.property.apex_calls import ApexCalls
from tests.property.day_words import next_clock_time, text_of
from tests.property.told_day import (
    Accounts,
    Book,
    Event,
    Told,
    date_of,
    executions_of,
    models_of,
    number,
    on_topics,
    turn_of,
)


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
    models = models_of(told)
    book = Book()
    call: Event | None = None
    for topic, event in on_topics(told, "cash-calls", "journal"):
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
    executions = {event["execution_id"]: event for event in executions_of(told)}
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
    assert len(executions) == sum(1 for _ in executions_of(told))
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
    executions = {event["execution_id"]: event for event in executions_of(told)}
    still_open: set[str] = set()
    retrying: Event | None = None
    to_try: set[str] = set()
    last_turns: dict[str, tuple[str, int, str]] = {}
    models = models_of(told)
    for topic, event in on_topics(told, "cash-calls", "executions"):
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
            turn = turn_of(execution)
            assert turn > last_turns.get(event["account_id"], ("",)), event
            last_turns[event["account_id"]] = turn
            trade_date = dt.date.fromisoformat(execution["trade_date"])
            age = (date_of(event["event_time"]) - trade_date).days
        too_old = age >= 30 and event["direction"] == "WITHDRAWAL"
        assert (event["type"] == "CashCallWrittenOff") == too_old, (event, age)
        if event["type"] != "CashCallFailed":
            still_open.remove(call)
    assert not to_try


def apex_calls_follow_their_journals(told: Told) -> None:
    """Asked for in the execution's step; answers, time-outs and retries make what they must."""
    calls = ApexCalls(list(executions_of(told)))
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
    of_calls = models_of(told)
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
