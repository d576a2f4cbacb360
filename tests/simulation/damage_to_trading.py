"""Damage to what trading wrote: best quotes, orders, executions, windows."""

from tests.simulation.damage import (
    Damage,
    a_cent_more,
    a_cent_more_than,
    changed,
    doubled,
    dropped,
    id_of,
    swapped_with_the_next,
)
from tests.simulation.replay_copy import ReplayCopy


def _commission_in_everything(copy: ReplayCopy) -> str:
    """Commission and net changed in the execution and all that follows from it."""
    execution = next(e for e in copy.of_type("executions", "Execution") if e["side"] == "BUY")
    event_id = execution["event_id"]
    execution["commission"] = a_cent_more_than(execution["commission"])
    execution["net_money"] = a_cent_more_than(execution["net_money"])
    for call in (e for e in copy.topic("cash-calls") if e["cause_id"] == event_id):
        call["amount"] = a_cent_more_than(call["amount"])
    return str(event_id)


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
    return str(quotes[-3]["event_id"])


def _id_altered(copy: ReplayCopy) -> str:
    event = copy.of_type("order-updates", "OrderFilled")[3]
    event["event_id"] = "0" * 32
    return "0" * 32


def _k_skipped(copy: ReplayCopy) -> str:
    """The id that would be right for the second fill of a cause."""
    event = copy.of_type("order-updates", "OrderFilled")[3]
    cause = f"{event['cause_id']}|OrderFilled|{event['account_id']}|2"
    event["event_id"] = id_of(f"orders|{cause}")
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


TRADING: dict[str, Damage] = {
    "an execution dropped": dropped("executions", "Execution"),
    "an execution dropped with all that follows": _execution_with_its_effects,
    "an order's acceptance dropped": dropped("order-updates", "OrderAccepted"),
    "an order's fill dropped": dropped("order-updates", "OrderFilled"),
    "an order's trigger dropped": dropped("order-updates", "OrderTriggered"),
    "an IOC order's end dropped": dropped("order-updates", "OrderCancelled", 0),
    "an order's expiry dropped": dropped("order-updates", "OrderExpired", 0),
    "a best quote dropped": _best_quote_dropped,
    "a best quote doubled": doubled("bbo", "BestQuote"),
    "an execution doubled": doubled("executions", "Execution"),
    "an order's acceptance doubled": doubled("order-updates", "OrderAccepted"),
    "a fill doubled": doubled("order-updates", "OrderFilled"),
    "an execution and the next swapped": swapped_with_the_next("executions", "Execution"),
    "an acceptance and the next event swapped": swapped_with_the_next(
        "order-updates", "OrderAccepted", named="cause_id"
    ),
    "an execution's price": a_cent_more("executions", "Execution", "price"),
    "an execution's commission": a_cent_more("executions", "Execution", "commission"),
    "an execution's commission and net": a_cent_more(
        "executions", "Execution", "commission", "net_money"
    ),
    "a commission changed in call and execution": _commission_in_everything,
    "an execution's markup": a_cent_more("executions", "Execution", "markup"),
    "an execution's gross": a_cent_more("executions", "Execution", "gross"),
    "an execution's quantity": changed("executions", "Execution", quantity="0.00000001"),
    "an execution's trade date": changed("executions", "Execution", trade_date="2026-03-09"),
    "an execution's provider": _other_provider,
    "an execution at the quote before": _quote_of_before,
    "a fill's average price": changed("order-updates", "OrderFilled", average_price="1.00000000"),
    "a window dropped with its effects": _window_with_its_effects,
    "a retry dropped with its effects": _retry_with_its_effects,
    "an event_id altered": _id_altered,
    "an event_id of another k": _k_skipped,
}
