"""Damage to what Apex accounts made: journals, answers, recoveries, memo rows, changes of model.

Each says what the audit must name.
"""

import orjson

from tests.simulation.damage import (
    Damage,
    a_cent_more,
    a_cent_more_than,
    changed,
    doubled,
    dropped,
    posting_to,
    swapped_with_the_next,
)
from tests.simulation.replay_copy import Event, ReplayCopy


def _entry_of(copy: ReplayCopy, event: Event) -> Event:
    return copy.find("journal", lambda entry: entry["cause_id"] == event["cause_id"])


def _settled(copy: ReplayCopy) -> Event:
    """Return a settlement that an answer made."""
    trades = {event["event_id"] for event in copy.of_type("executions", "Execution")}
    settled = copy.of_type("cash-calls", "CashCallSettled")
    return next(event for event in settled if event["cause_id"] not in trades)


def _recovery_dropped(copy: ReplayCopy) -> str:
    """With its entry: the books still balance, and nobody was paid."""
    recovered = copy.of_type("cash-calls", "WriteOffRecovered")[0]
    copy.drop("journal", _entry_of(copy, recovered))
    copy.drop("cash-calls", recovered)
    return str(recovered["cause_id"])


def _recovery_at_the_platform(copy: ReplayCopy) -> str:
    recovered = copy.of_type("cash-calls", "WriteOffRecovered")[0]
    entry = _entry_of(copy, recovered)
    posting_to(entry, "writeoff")["account"] = "writeoff:platform"
    return str(entry["event_id"])


def _recovery_turned_settlement(copy: ReplayCopy) -> str:
    recovered = copy.of_type("cash-calls", "WriteOffRecovered")[0]
    recovered.update(type="CashCallSettled", attempt=1)
    return str(recovered["account_id"])


def _out_of_the_fbo(copy: ReplayCopy) -> str:
    """The firm's money is booked as if it had come out of the pooled account."""
    entry = _entry_of(copy, _settled(copy))
    posting_to(entry, "world:bank")["account"] = "bank:fbo"
    return str(entry["event_id"])


def _cent_of_a_journal_s_entry(copy: ReplayCopy) -> str:
    entry = _entry_of(copy, _settled(copy))
    for account, cents in (("bank:business", 1), ("world:bank", -1)):
        posting = posting_to(entry, account)
        posting["amount"] = a_cent_more_than(posting["amount"], cents)
    return str(entry["event_id"])


def _answer_settles_another_call(copy: ReplayCopy) -> str:
    """A settlement names another call of the account."""
    settled = _settled(copy)
    other = copy.find(
        "cash-calls",
        lambda event: (
            event["account_id"] == settled["account_id"]
            and event["execution_id"] != settled["execution_id"]
        ),
    )
    for name in ("cash_call_id", "execution_id"):
        settled[name] = other[name]
    return str(settled["account_id"])


def _time_out_turned_rejection(copy: ReplayCopy) -> str:
    failed = copy.of_type("cash-calls", "CashCallFailed", reason="TIMEOUT")[0]
    failed["reason"] = "LIMIT_REVIEW"
    return str(failed["event_id"])


def _journal_under_the_next_id(copy: ReplayCopy) -> str:
    """A journal that timed out goes out under another id."""
    seen: set[str] = set()
    for event in copy.topic("apex-journals"):
        if event["journal_id"] in seen:
            event["journal_id"] = event["journal_id"][:-1] + "9"
            return str(event["event_id"])
        seen.add(event["journal_id"])
    raise AssertionError("none was sent twice")


def _buying_power_of_an_apex_account(copy: ReplayCopy) -> str:
    balance = next(event for event in copy.topic("balances") if event["buying_power"] is None)
    balance["buying_power"] = balance["settled"]
    return str(balance["account_id"])


def _change_of_model_dropped(copy: ReplayCopy) -> str:
    """The balance that told that an account is no Marketplace account any more."""
    before: dict[str, Event] = {}
    for event in copy.topic("balances"):
        last = before.get(event["account_id"])
        if last is not None and (last["buying_power"] is None) != (event["buying_power"] is None):
            copy.drop("balances", event)
            return str(event["client"])
        before[event["account_id"]] = event
    raise AssertionError("no account changed")


def _row(report: str, part: str, other: str) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        for delivery in copy.of_type("report-deliveries", "ReportDelivered", report=report):
            path = copy.file_of(delivery)
            text = path.read_text()
            if part in text:
                path.write_text(text.replace(part, other, 1))
                return path.name
        raise AssertionError(f"no {part} in {report}")

    return damage


def _row_dropped(report: str, part: str) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        for delivery in copy.of_type("report-deliveries", "ReportDelivered", report=report):
            path = copy.file_of(delivery)
            lines = path.read_text().splitlines(keepends=True)
            found = [line for line in lines if part in line]
            if found:
                lines.remove(found[0])
                path.write_text("".join(lines))
                return path.name
        raise AssertionError(f"no {part} in {report}")

    return damage


def _answers_of_the_firm(copy: ReplayCopy) -> str:
    """An answer of a failed call turned into another reason of the firm's, in the file, too."""
    failed = copy.of_type("cash-calls", "CashCallFailed", reason="LIMIT_REVIEW")[0]
    for event in copy.topic("cash-calls"):
        if event["cash_call_id"] == failed["cash_call_id"] and event.get("reason"):
            event["reason"] = "INSUFFICIENT_FUNDS"
    return str(failed["account_id"])


APEX: dict[str, Damage] = {
    "a journal dropped": dropped("apex-journals", "ApexJournalRequested", 1),
    "a journal doubled": doubled("apex-journals", "ApexJournalRequested"),
    "two journals swapped": swapped_with_the_next("apex-journals", "ApexJournalRequested"),
    "a cent in a journal": a_cent_more("apex-journals", "ApexJournalRequested", "amount"),
    "a journal in the other direction": changed(
        "apex-journals", "ApexJournalRequested", 1, direction="DEPOSIT"
    ),
    "a journal under the next id": _journal_under_the_next_id,
    "a time-out turned into a rejection": _time_out_turned_rejection,
    "a recovery at the platform's expense": _recovery_at_the_platform,
    "a recovery turned into a settlement": _recovery_turned_settlement,
    "a journal paid out of the FBO": _out_of_the_fbo,
    "a cent inside a journal's entry": _cent_of_a_journal_s_entry,
    "an answer settles another call": _answer_settles_another_call,
    "buying power of an Apex account": _buying_power_of_an_apex_account,
    "a change of model dropped": _change_of_model_dropped,
    "an unanswered call said to be settled": _row("EXECUTION_CONFIRM", ",REQUESTED", ",SETTLED"),
    "a net execution with a call": _row("EXECUTION_CONFIRM", "Z,,\n", "Z,,SETTLED\n"),
    "a memo row of a status that there is not": _row("CASH_ACTIVITY", ",INITIATED,", ",PENDING,"),
    "a recovery dropped": _recovery_dropped,
    "a rejection for another reason": _answers_of_the_firm,
    "a memo row dropped": _row_dropped("CASH_ACTIVITY", ",INITIATED,"),
    "a memo row's amount": _row("CASH_ACTIVITY", ",75.00,INITIATED,", ",75.01,INITIATED,"),
    "a memo row's reference": _row("CASH_ACTIVITY", ",memo-1", ",memo-2"),
    "a contradiction's letter dropped": dropped("dead-letters", "DeadLetter", 0),
}

FIRM = "inputs/apex-journal-results.jsonl"


def firm_line_dropped(copy: ReplayCopy) -> str:
    """The second answer of the simulated firm."""
    path = copy.root / FIRM
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    return FIRM


def firm_amount(copy: ReplayCopy) -> str:
    """A cent more in an answer of the simulated firm."""
    path = copy.root / FIRM
    lines = path.read_bytes().splitlines(keepends=True)
    line = orjson.loads(lines[0])
    line["value"]["amount"] = a_cent_more_than(line["value"]["amount"])
    path.write_bytes(b"".join([orjson.dumps(line) + b"\n", *lines[1:]]))
    return FIRM


def firm_line_more(copy: ReplayCopy) -> str:
    """An answer to nothing."""
    path = copy.root / FIRM
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[-1]]))
    return FIRM


def last_firm_line_dropped(copy: ReplayCopy) -> str:
    """The last answer: it would have been given before the end."""
    path = copy.root / FIRM
    *lines, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines))
    return str(orjson.loads(last)["value"]["event_id"])


FIRMS: dict[str, Damage] = {
    "an answer of the simulated firm dropped": firm_line_dropped,
    "its last answer dropped": last_firm_line_dropped,
    "a cent in its answer": firm_amount,
    "an answer to nothing": firm_line_more,
}
