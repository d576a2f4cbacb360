"""Damage that only the inputs show."""

from decimal import Decimal

from tests.simulation.damage import Damage, changed, dropped
from tests.simulation.replay_copy import ReplayCopy


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


INPUTS: dict[str, Damage] = {
    "a last best quote dropped": _last_quote_dropped,
    "a size in a best quote": _quote_size,
    "a dead letter dropped": dropped("dead-letters", "DeadLetter"),
    "a dead letter of another reason": changed("dead-letters", "DeadLetter", reason="MALFORMED"),
    "a dead letter's raw bytes": changed(
        "dead-letters",
        "DeadLetter",
        raw="e30=",
        raw_length=2,
        raw_sha256="44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    ),
    "an input unanswered: a rejection dropped": _order_with_all_that_follows,
    "an input unanswered: a refused withdrawal dropped": dropped(
        "funding-updates", "WithdrawalRefused"
    ),
    "an order rejected for another reason": changed(
        "order-updates", "OrderRejected", reason="PRICE_PRECISION"
    ),
    "an order accepted for another symbol": changed(
        "order-updates", "OrderAccepted", symbol="XRPUSD"
    ),
    "a call that failed for the account's mode": _restricted,
    "an idle account dropped from the cash balance": _idle_account_dropped,
    "an instrument type of a deposit": _reference_changed,
}
