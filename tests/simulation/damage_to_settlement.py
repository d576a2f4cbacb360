"""Damage to what settlement wrote: cash calls, the journal, balances, fundings."""

from tests.simulation.damage import (
    Damage,
    a_cent_more,
    a_cent_more_than,
    changed,
    doubled,
    dropped,
    id_of,
    posting_to,
    swapped_with_the_next,
    trade_entry,
)
from tests.simulation.replay_copy import ReplayCopy


def _cent_moved_inside_an_entry(copy: ReplayCopy) -> str:
    entry = trade_entry(copy)
    for account, cents in (("bfs:usd", 1), ("customer:", -1)):
        posting = posting_to(entry, account)
        posting["amount"] = a_cent_more_than(posting["amount"], cents)
    return str(entry["event_id"])


def _posting_of_another_client(copy: ReplayCopy) -> str:
    entry = copy.find(
        "journal", lambda event: any("revenue:comm" in p["account"] for p in event["postings"])
    )
    posting_to(entry, "revenue:comm")["account"] = "revenue:commission:ECHO"
    assert entry["client"] != "ECHO"
    return str(entry["event_id"])


def _entry_out_of_balance(copy: ReplayCopy) -> str:
    entry = copy.topic("journal")[20]
    entry["postings"][0]["amount"] = a_cent_more_than(entry["postings"][0]["amount"])
    return str(entry["event_id"])


def _entry_in_two_parts(copy: ReplayCopy) -> str:
    entry = trade_entry(copy)
    posting = posting_to(entry, "bfs:usd")
    posting["amount"] = a_cent_more_than(posting["amount"], -1)
    entry["postings"].append({**posting, "amount": "0.01"})
    return str(entry["event_id"])


def _entry_of_a_funding(copy: ReplayCopy) -> str:
    entry = copy.find("journal", lambda event: "bank:fbo" in str(event["postings"]))
    copy.drop("journal", entry)
    return str(entry["account_id"])


def _entry_of_a_trade(copy: ReplayCopy) -> str:
    entry = trade_entry(copy)
    copy.drop("journal", entry)
    return str(entry["event_id"])


def _retries_swapped(copy: ReplayCopy) -> str:
    """Two outcomes of one RETRY window: same cause, same time, two accounts."""
    events = copy.topic("cash-calls")
    at = next(
        at
        for at, event in enumerate(events)
        if event["cause_id"].startswith("RETRY@")
        and events[at + 1]["cause_id"] == event["cause_id"]
    )
    events[at], events[at + 1] = events[at + 1], events[at]
    return str(events[at + 1]["event_id"])


def _settled_twice(copy: ReplayCopy) -> str:
    settled = copy.of_type("cash-calls", "CashCallSettled", direction="WITHDRAWAL")[4]
    events = copy.topic("cash-calls")
    events.insert(events.index(settled) + 1, dict(settled))
    journal = copy.topic("journal")
    entry = [event for event in journal if event["cause_id"] == settled["cause_id"]][-1]
    journal.insert(journal.index(entry) + 1, dict(entry))
    return str(entry["event_id"])


def _settled_twice_with_ids_of_its_own(copy: ReplayCopy) -> str:
    """As if the cause had made a second settlement: k = 2, and the balance follows."""
    settled = copy.of_type("cash-calls", "CashCallSettled", direction="WITHDRAWAL")[4]
    cause = f"executions|{settled['cause_id']}"
    again = {
        **settled,
        "event_id": id_of(f"{cause}|CashCallSettled|{settled['account_id']}|2"),
        "attempt": 2,
    }
    events = copy.topic("cash-calls")
    events.insert(events.index(settled) + 1, again)
    journal = copy.topic("journal")
    entry = [event for event in journal if event["cause_id"] == settled["cause_id"]][-1]
    entry_id = id_of(f"{cause}|JournalEntry|{settled['account_id']}|3")
    second = {**entry, "event_id": entry_id, "entry_id": entry_id}
    journal.insert(journal.index(entry) + 1, second)
    return str(settled["account_id"])


def _failed_turned_settled(copy: ReplayCopy) -> str:
    failed = copy.of_type("cash-calls", "CashCallFailed", reason="INSUFFICIENT_FUNDS")[0]
    failed["type"] = "CashCallSettled"
    del failed["reason"], failed["next_retry_at"]
    return str(failed["account_id"])


def _settled_turned_failed(copy: ReplayCopy) -> str:
    settled = copy.of_type("cash-calls", "CashCallSettled", direction="WITHDRAWAL")[4]
    settled.update(
        type="CashCallFailed",
        reason="INSUFFICIENT_FUNDS",
        next_retry_at="2026-03-02T12:00:00.000000Z",
    )
    entries = [e for e in copy.topic("journal") if e["cause_id"] == settled["cause_id"]]
    copy.drop("journal", entries[-1])
    return str(settled["account_id"])


def _balance_from_then_on(copy: ReplayCopy) -> str:
    first = copy.topic("balances")[30]
    later = copy.topic("balances")[30:]
    for balance in (e for e in later if e["account_id"] == first["account_id"]):
        balance["settled"] = a_cent_more_than(balance["settled"], 100)
        balance["buying_power"] = a_cent_more_than(balance["buying_power"], 100)
    return str(first["event_id"])


def _position_in_a_balance(copy: ReplayCopy) -> str:
    balance = copy.find("balances", lambda e: bool(e["positions"]))
    balance["positions"] = dict.fromkeys(balance["positions"], "7")
    return str(balance["event_id"])


def _field_too_many(copy: ReplayCopy) -> str:
    event = copy.topic("cash-calls")[5]
    event["note"] = "surplus"
    return str(event["event_id"])


def _field_missing(copy: ReplayCopy) -> str:
    event = copy.topic("cash-calls")[5]
    del event["direction"]
    return str(event["event_id"])


def _cut_off(copy: ReplayCopy) -> str:
    path = copy.root / "topics" / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    copy.topics["journal"] = []  # what is cut off can't be counted again
    copy.save = lambda: None  # type: ignore[method-assign]  # else all is whole
    return "topics/journal.jsonl line"


def _topic_missing(copy: ReplayCopy) -> str:
    (copy.root / "topics" / "revenue-shares.jsonl").unlink()
    return "topics/revenue-shares.jsonl"


def _entry_of_nobody(copy: ReplayCopy) -> str:
    copy.topic("journal").append({**copy.topic("journal")[-1], "cause_id": "nothing"})
    return str(copy.topic("journal")[-1]["event_id"])


def _net_settlement_line(copy: ReplayCopy) -> str:
    copy.topic("apex-journals").append(
        {
            **{
                name: copy.topic("cash-calls")[-1][name]
                for name in ("event_time", "cause_id", "account_id", "client", "cash_call_id")
            },
            "type": "ApexJournalRequested",
            "event_id": "f" * 32,
            "journal_id": "x-TPJ-1",
            "direction": "DEPOSIT",
            "amount": "1.00",
        }
    )
    return "f" * 32


SETTLEMENT: dict[str, Damage] = {
    "a cent moved inside a balanced entry": _cent_moved_inside_an_entry,
    "a posting to another client's revenue": _posting_of_another_client,
    "an entry out of balance": _entry_out_of_balance,
    "a posting in two parts": _entry_in_two_parts,
    "an entry that nothing caused": _entry_of_nobody,
    "a trade's entry dropped": _entry_of_a_trade,
    "a funding's entry dropped": _entry_of_a_funding,
    "a cash call's request dropped": dropped("cash-calls", "CashCallRequested"),
    "a cash call's settlement dropped": dropped("cash-calls", "CashCallSettled"),
    "a cash call's failure dropped": dropped("cash-calls", "CashCallFailed"),
    "a balance dropped": dropped("balances", "AccountBalance", 50),
    "a last balance dropped": dropped("balances", "AccountBalance", 10**9),
    "an accepted withdrawal dropped": dropped("funding-updates", "WithdrawalAccepted"),
    "a flag dropped": dropped("funding-updates", "FundingFlagged", reason="NEGATIVE_BALANCE"),
    "a journal entry doubled": doubled("journal", "JournalEntry"),
    "a balance doubled": doubled("balances", "AccountBalance"),
    "an aged failure doubled": doubled("aged-failures", "AgedFailure"),
    "a journal entry and the next swapped": swapped_with_the_next("journal", "JournalEntry"),
    "a balance and the next swapped": swapped_with_the_next("balances", "AccountBalance"),
    "two outcomes of one retry swapped": _retries_swapped,
    "a call settled twice": _settled_twice,
    "a call settled twice, with ids of its own": _settled_twice_with_ids_of_its_own,
    "a failed call turned settled": _failed_turned_settled,
    "a settled call turned failed": _settled_turned_failed,
    "a call of another amount": a_cent_more("cash-calls", "CashCallRequested", "amount"),
    "a balance changed": a_cent_more("balances", "AccountBalance", "settled"),
    "a balance changed from then on": _balance_from_then_on,
    "a position in a balance": _position_in_a_balance,
    "buying power": a_cent_more("balances", "AccountBalance", "buying_power"),
    "an aged failure a day older": changed("aged-failures", "AgedFailure", age_days=1),
    "a field too many": _field_too_many,
    "a field missing": _field_missing,
    "a topic cut off": _cut_off,
    "a topic missing": _topic_missing,
    "an event of a flow that is not served": _net_settlement_line,
}
