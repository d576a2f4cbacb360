"""Damage to a replay directory. Each function damages a copy and returns what the audit must name.

That is an event's id, an account, an order's id or a file. `OUTPUTS_SHOW`: what the directory shows
by itself; `INPUTS_SHOW`: what only its inputs show; `MONTH_SHOWS`: what needs a call written off.
"""

from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256

from tests.simulation.replay_copy import Event, ReplayCopy

Damage = Callable[[ReplayCopy], str]


def _trade_entry(copy: ReplayCopy) -> Event:
    return copy.find(
        "journal", lambda event: sum(p["account"] == "bfs:usd" for p in event["postings"]) == 1
    )


def _posting(entry: Event, account: str) -> Event:
    found: Event = next(p for p in entry["postings"] if p["account"].startswith(account))
    return found


def _more(text: str, cents: int = 1) -> str:
    return f"{Decimal(text) + Decimal(cents) / 100:.2f}"


def _cent_moved_inside_an_entry(copy: ReplayCopy) -> str:
    entry = _trade_entry(copy)
    for account, cents in (("bfs:usd", 1), ("customer:", -1)):
        posting = _posting(entry, account)
        posting["amount"] = _more(posting["amount"], cents)
    return str(entry["event_id"])


def _posting_of_another_client(copy: ReplayCopy) -> str:
    entry = copy.find(
        "journal", lambda event: any("revenue:comm" in p["account"] for p in event["postings"])
    )
    _posting(entry, "revenue:comm")["account"] = "revenue:commission:ECHO"
    assert entry["client"] != "ECHO"
    return str(entry["event_id"])


def _entry_out_of_balance(copy: ReplayCopy) -> str:
    entry = copy.topic("journal")[20]
    entry["postings"][0]["amount"] = _more(entry["postings"][0]["amount"])
    return str(entry["event_id"])


def _entry_in_two_parts(copy: ReplayCopy) -> str:
    entry = _trade_entry(copy)
    posting = _posting(entry, "bfs:usd")
    posting["amount"] = _more(posting["amount"], -1)
    entry["postings"].append({**posting, "amount": "0.01"})
    return str(entry["event_id"])


def _dropped(topic: str, kind: str, number: int = 3, **fields: object) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        events = copy.of_type(topic, kind, **fields)
        event = events[min(number, len(events) - 1)]
        copy.drop(topic, event)
        if topic == "executions":
            return str(event["execution_id"])
        if topic == "dead-letters":
            return str(event["cause_id"])
        return str(event["client_order_id"] if topic == "order-updates" else event["event_id"])

    return damage


def _entry_of_a_funding(copy: ReplayCopy) -> str:
    entry = copy.find("journal", lambda event: "bank:fbo" in str(event["postings"]))
    copy.drop("journal", entry)
    return str(entry["account_id"])


def _entry_of_a_trade(copy: ReplayCopy) -> str:
    entry = _trade_entry(copy)
    copy.drop("journal", entry)
    return str(entry["event_id"])


def _doubled(topic: str, kind: str) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        event = copy.of_type(topic, kind)[2]
        events = copy.topic(topic)
        events.insert(events.index(event), dict(event))
        return str(event["event_id"])

    return damage


def _swapped_with_the_next(topic: str, kind: str) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        events = copy.topic(topic)
        at = events.index(copy.of_type(topic, kind)[2])
        events[at], events[at + 1] = events[at + 1], events[at]
        return str(events[at + 1].get("execution_id", events[at + 1]["event_id"]))

    return damage


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
    return str(settled["event_id"])


def _settled_twice_with_ids_of_its_own(copy: ReplayCopy) -> str:
    """As if the cause had made a second settlement: k = 2, and the balance follows."""
    settled = copy.of_type("cash-calls", "CashCallSettled", direction="WITHDRAWAL")[4]
    cause = f"executions|{settled['cause_id']}"
    again = {
        **settled,
        "event_id": _id(f"{cause}|CashCallSettled|{settled['account_id']}|2"),
        "attempt": 2,
    }
    events = copy.topic("cash-calls")
    events.insert(events.index(settled) + 1, again)
    journal = copy.topic("journal")
    entry = [event for event in journal if event["cause_id"] == settled["cause_id"]][-1]
    entry_id = _id(f"{cause}|JournalEntry|{settled['account_id']}|3")
    second = {**entry, "event_id": entry_id, "entry_id": entry_id}
    journal.insert(journal.index(entry) + 1, second)
    return str(settled["account_id"])


def _id(made: str) -> str:
    return sha256(made.encode()).hexdigest()[:32]


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


def _changed(topic: str, kind: str, number: int = 3, **fields: object) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        event = copy.of_type(topic, kind)[number]
        assert any(event[name] != value for name, value in fields.items())
        event.update(fields)
        return str(event["event_id"])

    return damage


def _a_cent_more(topic: str, kind: str, *names: str) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        event = copy.of_type(topic, kind)[3]
        for name in names:
            event[name] = _more(event[name])
        return str(event["account_id"])

    return damage


def _commission_in_everything(copy: ReplayCopy) -> str:
    """Commission and net changed in the execution and all that follows from it."""
    execution = next(e for e in copy.of_type("executions", "Execution") if e["side"] == "BUY")
    event_id = execution["event_id"]
    execution["commission"] = _more(execution["commission"])
    execution["net_money"] = _more(execution["net_money"])
    for call in (e for e in copy.topic("cash-calls") if e["cause_id"] == event_id):
        call["amount"] = _more(call["amount"])
    return str(event_id)


def _balance_from_then_on(copy: ReplayCopy) -> str:
    first = copy.topic("balances")[30]
    later = copy.topic("balances")[30:]
    for balance in (e for e in later if e["account_id"] == first["account_id"]):
        balance["settled"] = _more(balance["settled"], 100)
        balance["buying_power"] = _more(balance["buying_power"], 100)
    return str(first["event_id"])


def _row_dropped(report: str, rows_min: int = 2) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        path = copy.file_of(copy.delivery(report, rows_min))
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:-1]))
        return path.name

    return damage


def _row_changed(report: str, old: str, new: str) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        for event in copy.topic("report-deliveries"):
            path = copy.file_of(event)
            text = path.read_text()
            if event["report"] == report and old in text:
                path.write_text(text.replace(old, new, 1))
                return path.name
        raise AssertionError(old)

    return damage


def _aged_failure_with_its_row(copy: ReplayCopy) -> str:
    aged = copy.of_type("aged-failures", "AgedFailure", report="AGED")[0]
    copy.drop("aged-failures", aged)
    delivery = copy.find(
        "report-deliveries",
        lambda e: e["cause_id"] == aged["cause_id"] and e["client"] == aged["client"],
    )
    path = copy.file_of(delivery)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if aged["tpj_id"] not in line))
    return str(aged["event_id"])


def _file_dropped(copy: ReplayCopy) -> str:
    path = copy.file_of(copy.delivery("POSITIONS"))
    path.unlink()
    return path.name


def _file_with_its_delivery_dropped(copy: ReplayCopy) -> str:
    delivery = copy.delivery("POSITIONS")
    copy.file_of(delivery).unlink()
    copy.drop("report-deliveries", delivery)
    return str(delivery["client"])


def _file_too_many(copy: ReplayCopy) -> str:
    path = copy.file_of(copy.delivery("POSITIONS"))
    path.with_name("again.csv").write_bytes(path.read_bytes())
    return "again.csv"


def _cut_moved(copy: ReplayCopy) -> str:
    delivery = copy.delivery("AGED_TPJ", 0)
    path = copy.file_of(delivery)
    later = path.with_name(path.name.replace("1930", "1931"))
    path.rename(later)
    delivery["uri"] = delivery["uri"].replace("1930", "1931")
    return path.name


def _window_with_its_effects(copy: ReplayCopy) -> str:
    window = copy.of_type("executions", "WindowOpened", window="AGED_REPORT")[-1]
    for delivery in copy.of_type("report-deliveries", "ReportDelivered"):
        if delivery["cause_id"] == window["cause_id"]:
            copy.file_of(delivery).unlink()
    copy.drop_caused_by(window["cause_id"])
    return str(window["event_id"])


def _retry_with_its_effects(copy: ReplayCopy) -> str:
    window = copy.of_type("executions", "WindowOpened", window="RETRY")[0]
    copy.drop_caused_by(window["cause_id"])
    return str(window["event_id"])


def _execution_with_its_effects(copy: ReplayCopy) -> str:
    markets = copy.of_type("order-updates", "OrderAccepted", order_type="MARKET")
    orders = {(event["account_id"], event["client_order_id"]) for event in markets}
    execution = copy.find(
        "executions", lambda e: (e.get("account_id"), e.get("client_order_id")) in orders
    )
    filled = copy.find(
        "order-updates",
        lambda e: e["type"] == "OrderFilled" and e["execution_id"] == execution["execution_id"],
    )
    copy.drop("order-updates", filled)
    copy.drop("executions", execution)
    copy.drop_caused_by(execution["event_id"])
    return str(execution["client_order_id"])


def _best_quote_dropped(copy: ReplayCopy) -> str:
    quotes = [e for e in copy.topic("bbo") if e["symbol"] == "BTCUSD"]
    copy.drop("bbo", quotes[-3])
    return str(quotes[-2]["event_id"])


def _id_altered(copy: ReplayCopy) -> str:
    event = copy.of_type("order-updates", "OrderFilled")[3]
    event["event_id"] = "0" * 32
    return "0" * 32


def _k_skipped(copy: ReplayCopy) -> str:
    """The id that would be right for the second fill of a cause."""
    event = copy.of_type("order-updates", "OrderFilled")[3]
    cause = f"{event['cause_id']}|OrderFilled|{event['account_id']}|2"
    event["event_id"] = _id(f"orders|{cause}")
    return str(event["event_id"])


def _quote_of_before(copy: ReplayCopy) -> str:
    execution = copy.of_type("executions", "Execution")[-1]
    before = execution["quote_sequence"] - 1
    quote = copy.find("bbo", lambda e: e["event_id"] == f"{execution['symbol']}-{before}")
    execution["quote_sequence"] = before
    execution["quote_price"] = quote["ask_price" if execution["side"] == "BUY" else "bid_price"]
    return str(execution["event_id"])


def _other_provider(copy: ReplayCopy) -> str:
    execution = copy.of_type("executions", "Execution")[3]
    execution["providers"][0]["provider"] = "nobody"
    return str(execution["event_id"])


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
    copy.save = lambda: None  # type: ignore[method-assign]
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


def _balance_row_dropped(copy: ReplayCopy) -> str:
    """The row of an account that has something, in the file of its client."""
    balance = copy.of_type("balances", "AccountBalance")[0]
    path = copy.file_of(copy.delivery("CASH_BALANCE", client=balance["client"]))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if balance["account_id"] not in line))
    return str(balance["account_id"])


OUTPUTS_SHOW: dict[str, Damage] = {
    "a cent moved inside a balanced entry": _cent_moved_inside_an_entry,
    "a posting to another client's revenue": _posting_of_another_client,
    "an entry out of balance": _entry_out_of_balance,
    "a posting in two parts": _entry_in_two_parts,
    "an entry that nothing caused": _entry_of_nobody,
    "a trade's entry dropped": _entry_of_a_trade,
    "a funding's entry dropped": _entry_of_a_funding,
    "an execution dropped": _dropped("executions", "Execution"),
    "an execution dropped with all that follows": _execution_with_its_effects,
    "a cash call's request dropped": _dropped("cash-calls", "CashCallRequested"),
    "a cash call's settlement dropped": _dropped("cash-calls", "CashCallSettled"),
    "a cash call's failure dropped": _dropped("cash-calls", "CashCallFailed"),
    "a balance dropped": _dropped("balances", "AccountBalance", 50),
    "a last balance dropped": _dropped("balances", "AccountBalance", 10**9),
    "an accepted withdrawal dropped": _dropped("funding-updates", "WithdrawalAccepted"),
    "a flag dropped": _dropped("funding-updates", "FundingFlagged", reason="NEGATIVE_BALANCE"),
    "an order's acceptance dropped": _dropped("order-updates", "OrderAccepted"),
    "an order's fill dropped": _dropped("order-updates", "OrderFilled"),
    "an order's trigger dropped": _dropped("order-updates", "OrderTriggered"),
    "an IOC order's end dropped": _dropped("order-updates", "OrderCancelled", 0),
    "an order's expiry dropped": _dropped("order-updates", "OrderExpired", 0),
    "a best quote dropped": _best_quote_dropped,
    "a delivery dropped": _dropped("report-deliveries", "ReportDelivered"),
    "a best quote doubled": _doubled("bbo", "BestQuote"),
    "an execution doubled": _doubled("executions", "Execution"),
    "an order's acceptance doubled": _doubled("order-updates", "OrderAccepted"),
    "a fill doubled": _doubled("order-updates", "OrderFilled"),
    "a journal entry doubled": _doubled("journal", "JournalEntry"),
    "a balance doubled": _doubled("balances", "AccountBalance"),
    "an aged failure doubled": _doubled("aged-failures", "AgedFailure"),
    "an execution and the next swapped": _swapped_with_the_next("executions", "Execution"),
    "a journal entry and the next swapped": _swapped_with_the_next("journal", "JournalEntry"),
    "an acceptance and its fill swapped": _swapped_with_the_next("order-updates", "OrderAccepted"),
    "a balance and the next swapped": _swapped_with_the_next("balances", "AccountBalance"),
    "a delivery and the next swapped": _swapped_with_the_next(
        "report-deliveries", "ReportDelivered"
    ),
    "two outcomes of one retry swapped": _retries_swapped,
    "a call settled twice": _settled_twice,
    "a call settled twice, with ids of its own": _settled_twice_with_ids_of_its_own,
    "a failed call turned settled": _failed_turned_settled,
    "a settled call turned failed": _settled_turned_failed,
    "a call of another amount": _a_cent_more("cash-calls", "CashCallRequested", "amount"),
    "an execution's price": _a_cent_more("executions", "Execution", "price"),
    "an execution's commission": _a_cent_more("executions", "Execution", "commission"),
    "an execution's commission and net": _a_cent_more(
        "executions", "Execution", "commission", "net_money"
    ),
    "a commission changed in call and execution": _commission_in_everything,
    "an execution's markup": _a_cent_more("executions", "Execution", "markup"),
    "an execution's gross": _a_cent_more("executions", "Execution", "gross"),
    "an execution's quantity": _changed("executions", "Execution", quantity="0.00000001"),
    "an execution's trade date": _changed("executions", "Execution", trade_date="2026-03-09"),
    "an execution's provider": _other_provider,
    "an execution at the quote before": _quote_of_before,
    "a fill's average price": _changed("order-updates", "OrderFilled", average_price="1.00000000"),
    "a balance changed": _a_cent_more("balances", "AccountBalance", "settled"),
    "a balance changed from then on": _balance_from_then_on,
    "a position in a balance": _position_in_a_balance,
    "buying power": _a_cent_more("balances", "AccountBalance", "buying_power"),
    "an aged failure dropped with its row": _aged_failure_with_its_row,
    "an aged failure a day older": _changed("aged-failures", "AgedFailure", age_days=1),
    "a row missing from an aged file": _row_dropped("AGED_TPJ"),
    "a row missing from the confirm": _row_dropped("EXECUTION_CONFIRM"),
    "a row missing from positions": _row_dropped("POSITIONS"),
    "a row missing from the cash balance": _balance_row_dropped,
    "a row missing from cash activity": _row_dropped("CASH_ACTIVITY"),
    "a status in the confirm": _row_changed("EXECUTION_CONFIRM", "NOT_SETTLED", "SETTLED"),
    "the confirm's header": _row_changed("EXECUTION_CONFIRM", "From,", "from,"),
    "an instrument type in cash activity": _row_changed("CASH_ACTIVITY", ",TPJ,", ",ACH,"),
    "a status in cash activity": _row_changed("CASH_ACTIVITY", ",INITIATED,", ",ACCEPTED,"),
    "a file missing": _file_dropped,
    "a file missing with its delivery": _file_with_its_delivery_dropped,
    "a file too many": _file_too_many,
    "a report's cut moved": _cut_moved,
    "a window dropped with its effects": _window_with_its_effects,
    "a retry dropped with its effects": _retry_with_its_effects,
    "an event_id altered": _id_altered,
    "an event_id of another k": _k_skipped,
    "a field too many": _field_too_many,
    "a field missing": _field_missing,
    "a topic cut off": _cut_off,
    "a topic missing": _topic_missing,
    "an event of a flow that is not served": _net_settlement_line,
}


# -- what only the inputs show -------------------------------------------------------------------


def _last_quote_dropped(copy: ReplayCopy) -> str:
    """The last quote of a symbol, which no trade saw."""
    quote = copy.topic("bbo")[-1]
    copy.drop("bbo", quote)
    return str(quote["event_id"])


def _quote_size(copy: ReplayCopy) -> str:
    """One more on the bid of the last quote, consistent in itself."""
    quote = [event for event in copy.topic("bbo") if event["bid_price"]][-1]
    shown = quote["bid_providers"][0]
    for holder, name in ((shown, "size"), (quote, "bid_size")):
        holder[name] = f"{Decimal(holder[name]) + 1:f}"
    return str(quote["event_id"])


def _restricted(copy: ReplayCopy) -> str:
    """A call that failed for want of money is said to have failed for the account's mode."""
    failed = copy.of_type("cash-calls", "CashCallFailed", reason="INSUFFICIENT_FUNDS")[-1]
    calls = [e for e in copy.topic("cash-calls") if e["cash_call_id"] == failed["cash_call_id"]]
    for call in calls:
        if call["type"] == "CashCallFailed":
            call["reason"] = "ACCOUNT_RESTRICTED"
    for aged in copy.topic("aged-failures"):
        if aged["tpj_id"] == failed["cash_call_id"]:
            aged["last_reason"] = "ACCOUNT_RESTRICTED"
    for delivery in copy.topic("report-deliveries"):
        path = copy.file_of(delivery)
        lines = path.read_text().splitlines(keepends=True)
        path.write_text(
            "".join(
                line.replace("INSUFFICIENT_FUNDS", "ACCOUNT_RESTRICTED")
                if failed["cash_call_id"] in line
                else line
                for line in lines
            )
        )
    return str(calls[0]["account_id"])


def _idle_account_dropped(copy: ReplayCopy) -> str:
    """The row of an account that never had anything."""
    known = {event["account_id"] for event in copy.topic("balances")}
    for delivery in copy.of_type("report-deliveries", "ReportDelivered", report="CASH_BALANCE"):
        path = copy.file_of(delivery)
        lines = path.read_text().splitlines(keepends=True)
        idle = [line for line in lines[1:] if line[:8] not in known]
        if idle:
            lines.remove(idle[0])
            path.write_text("".join(lines))
            return idle[0][:8]
    raise AssertionError("every account has something")


def _reference_changed(copy: ReplayCopy) -> str:
    path = copy.file_of(copy.delivery("CASH_ACTIVITY"))
    text = path.read_text()
    path.write_text(text.replace(",ACH,DEPOSIT,", ",WIRE,DEPOSIT,", 1))
    return path.name


def _order_with_all_that_follows(copy: ReplayCopy) -> str:
    """An order that was rejected is as if it had never come."""
    rejected = copy.of_type("order-updates", "OrderRejected", reason="INVALID_ORDER")[0]
    copy.drop("order-updates", rejected)
    return str(rejected["cause_id"])


INPUTS_SHOW: dict[str, Damage] = {
    "a last best quote dropped": _last_quote_dropped,
    "a size in a best quote": _quote_size,
    "a dead letter dropped": _dropped("dead-letters", "DeadLetter"),
    "a dead letter of another reason": _changed("dead-letters", "DeadLetter", reason="MALFORMED"),
    "a dead letter's raw bytes": _changed(
        "dead-letters",
        "DeadLetter",
        raw="e30=",
        raw_length=2,
        raw_sha256="44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    ),
    "an input unanswered: a rejection dropped": _order_with_all_that_follows,
    "an input unanswered: a refused withdrawal dropped": _dropped(
        "funding-updates", "WithdrawalRefused"
    ),
    "an order rejected for another reason": _changed(
        "order-updates", "OrderRejected", reason="PRICE_PRECISION"
    ),
    "an order accepted with another time in force": _changed(
        "order-updates", "OrderAccepted", symbol="XRPUSD"
    ),
    "a call that failed for the account's mode": _restricted,
    "an idle account dropped from the cash balance": _idle_account_dropped,
    "an instrument type of a deposit": _reference_changed,
}


# -- a call that is written off ------------------------------------------------------------------


def _write_off_turned_failure(copy: ReplayCopy) -> str:
    written_off = copy.of_type("cash-calls", "CashCallWrittenOff")[0]
    copy.drop("journal", *[e for e in copy.topic("journal") if "writeoff" in str(e["postings"])])
    written_off.update(
        type="CashCallFailed",
        attempt=written_off["attempt"] + 1,
        next_retry_at="2026-03-05T23:00:00.000000Z",
    )
    return str(written_off["account_id"])


def _write_off_dropped(copy: ReplayCopy) -> str:
    written_off = copy.of_type("cash-calls", "CashCallWrittenOff")[0]
    copy.drop("cash-calls", written_off)
    return str(written_off["event_id"])


def _write_off_turned_settlement(copy: ReplayCopy) -> str:
    written_off = copy.of_type("cash-calls", "CashCallWrittenOff")[0]
    written_off["type"] = "CashCallSettled"
    del written_off["reason"]
    return str(written_off["account_id"])


def _write_off_of_another_client(copy: ReplayCopy) -> str:
    entry = copy.find("journal", lambda event: "writeoff" in str(event["postings"]))
    _posting(entry, "writeoff")["account"] = "writeoff:platform"
    return str(entry["event_id"])


def _quiet_window_dropped(copy: ReplayCopy) -> str:
    window = copy.of_type("executions", "WindowOpened", window="NET_SETTLEMENT")[12]
    copy.drop("executions", window)
    return str(window["event_id"])


def _window_an_hour_late(copy: ReplayCopy) -> str:
    """As if daylight saving had been overlooked."""
    window = copy.of_type("executions", "WindowOpened", window="MAINTENANCE_END")[12]
    window["scheduled_at"] = window["scheduled_at"].replace("T23:05", "T22:05")
    return str(window["event_id"])


MONTH_SHOWS: dict[str, Damage] = {
    "a write-off turned into a failure": _write_off_turned_failure,
    "a write-off dropped": _write_off_dropped,
    "a write-off turned into a settlement": _write_off_turned_settlement,
    "a write-off at the platform's expense": _write_off_of_another_client,
    "a quiet window dropped": _quiet_window_dropped,
    "a window an hour off": _window_an_hour_late,
}
