"""What is promised to clients: aged rows, nets, shares of revenue. As promises_of_cash.py."""

import datetime as dt
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal

from tests.property.day_words import next_clock_time, text_of
from tests.property.told_day import (
    Book,
    Event,
    Told,
    date_of,
    is_acted_on,
    number,
    on_topics,
    time_of,
)


def aged_rows_are_the_open_failed_calls(told: Told) -> None:
    """At each report one row for each of them, and for no other."""
    executions: dict[str, Event] = {}
    failures: dict[str, list[Event]] = defaultdict(list)  # of each open call
    wanted: dict[str, Event] = {}
    for topic, event in on_topics(told, "cash-calls", "executions", "aged-failures"):
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
    age = (date_of(as_of) - dt.date.fromisoformat(execution["trade_date"])).days
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
                assert event["window_to"] == text_of(next_clock_time(time_of(event), "09:00"))
                lines[name].append(number(event["net_amount"]))
            elif event["type"] == "NetSettlement":
                assert name not in nets, event
                assert event["event_time"] == event["window_to"]
                before = next_clock_time(time_of(event) - dt.timedelta(hours=26), "09:00")
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
                        name = (event["client"], date_of(event["event_time"]).isoformat()[:7])
                        write_offs[name] -= number(posting["amount"])
            elif topic == "revenue-shares":
                client = event["client"]
                day_before = date_of(event["event_time"]) - dt.timedelta(days=1)
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
        if is_acted_on(out) and line.topic == "clients":
            terms[line.value["client"]] = number(line.value.get("revenue_share_bps", "0"))
        if line.topic == "net-wires" and line.value["type"] == "RevenueSharePaid":
            booked = any(event["cause_id"] == line.value["event_id"] for _, event in out)
            balance[line.value["client"]] -= booked * number(line.value["amount"])
        for client, amount in balance.items():
            assert book.sums[f"client:{client}:share", "USD"] == amount, line
