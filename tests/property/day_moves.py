"""Moves of a random day (days.py): what happens next, picked by dice."""

import datetime as dt
from collections.abc import Callable

from tests.property.day_lines import (
    tell_account,
    tell_client,
    tell_funding,
    tell_instrument,
    tell_order,
    tell_tick,
)
from tests.property.day_words import (
    ACCOUNTS,
    ADJUSTMENTS,
    AMOUNTS,
    ANY_STEP,
    BAD_VALUES,
    CLIENTS,
    CLOCK_TIMES,
    EXPIRIES,
    FIRST_STEPS,
    FLAWS,
    JURISDICTIONS,
    MARKETS,
    MICRO,
    MODELS,
    MODES,
    NEXT_STEPS,
    ORPHAN,
    PROVIDERS,
    RETURN_CODES,
    SECOND,
    STRANGER,
    TERMS,
    WIRES,
    Dice,
    Line,
    Telling,
    Value,
    next_clock_time,
    text_of,
)


def pause(day: Telling, dice: Dice) -> None:
    """Let seconds to hours pass, or wait for a clock time, a microsecond more or less."""
    if dice.once_in(2):
        # After most of them orders are taken.
        clock, off = dice.pick((*CLOCK_TIMES, "06:00", "09:00", "17:05")), dice.pick((-1, 0, 1))
        day.at = max(day.at, next_clock_time(day.at, clock) + off * MICRO)
    else:
        day.at += dice.pick((30, 2, 600, 3600, 4 * 3600)) * SECOND


def quiet_days(day: Telling, dice: Dice) -> None:
    """Let days to weeks pass: to a clock time, a microsecond more or less."""
    day.at += dt.timedelta(days=dice.pick((1, 1, 2, 3, 30, 29, 31, 7, 61)))
    day.at = next_clock_time(day.at, dice.pick(CLOCK_TIMES)) + dice.pick((-1, 0, 1)) * MICRO


def clock_tick(day: Telling, dice: Dice) -> None:
    """Tell what has no effect but time."""
    pause(day, dice)
    day.tell("clock", "ClockTicked", at=text_of(day.at))


def tick(day: Telling, dice: Dice) -> None:
    """Tell a quote that may be dirty, one-sided or short-lived, or withdraw one."""
    market = dice.pick((*MARKETS[:1] * 4, *MARKETS))
    tell_tick(
        day,
        market,
        provider=dice.pick(PROVIDERS),
        bid=dice.pick((-1, -1, -2, 0, -3, 1, 2, None)),
        ask=dice.pick((1, 1, 2, 0, 3, -1, None)),
        sizes=(dice.pick(market.sizes), dice.pick(market.sizes)),
        finer=dice.pick(("",) * 8 + ("1", "05")),
    )
    fields = day.lines[-1].value
    valid_for = dice.pick((None,) * 7 + (0, 1, 90))
    if valid_for is not None:
        fields["valid_until"] = text_of(day.at + valid_for * SECOND)
    if dice.once_in(12):
        fields |= dice.pick(
            (
                {"bid_price": "999.00", "bid_size": "1", "ask_price": "1.00", "ask_size": "1"},
                {"symbol": "NONEUSD"},
                {"bid_price": "1.00", "bid_size": "-1"},
                {"ask_price": "100.00", "ask_size": None},
            )
        )


def any_order(day: Telling, dice: Dice) -> None:
    """Tell an order, good or bad, from anybody."""
    market = dice.pick((*MARKETS[:1] * 4, *MARKETS))
    tell_order(
        day,
        dice,
        market,
        account_id=dice.pick((*ACCOUNTS * 3, STRANGER, ORPHAN)),
        limit=dice.pick((1, 0, 2, -1, 5, -5, 12, -30, 60)),
        stop=dice.pick((1, 0, -1, 2, -2)),
        expires=dice.pick(EXPIRIES),
        flaw=dice.pick((*[{}] * 20, *FLAWS)),
    )


def trade(day: Telling, dice: Dice) -> None:
    """Tell a fresh quote, and an order right behind it."""
    market = dice.pick((*MARKETS[:1] * 4, *MARKETS))
    tell_tick(
        day,
        market,
        provider=dice.pick(PROVIDERS),
        bid=dice.pick((-1, -1, 0, -2)),
        ask=dice.pick((1, 1, 0, 2)),
        sizes=(dice.pick(market.sizes), dice.pick(market.sizes)),
    )
    day.at += MICRO
    tell_order(
        day,
        dice,
        market,
        account_id=dice.pick(ACCOUNTS),
        limit=dice.pick((2, 0, 1, 3, -1, -2)),
        stop=dice.pick((1, 0, -1)),
        expires=dice.pick(EXPIRIES[:2]),
        flaw={},
    )


def cancel(day: Telling, dice: Dice) -> None:
    """Cancel an order told before, or none."""
    order = dice.pick(day.orders[-1:-9:-1] or [{}])
    day.tell(
        "orders",
        "OrderCancelRequested",
        account_id=order.get("account_id", ACCOUNTS[0]),
        client_order_id=order.get("client_order_id", "never"),
        cancel_id=day.fresh("c"),
    )
    if dice.once_in(6):
        day.lines[-1].value["client_order_id"] = "never"


def funding(day: Telling, dice: Dice) -> None:
    """Tell the first step of a deposit or withdrawal, or an adjustment."""
    kind = dice.pick(FIRST_STEPS)
    account_id = dice.pick((*ACCOUNTS * 5, STRANGER, ORPHAN))
    if kind == "WithdrawalRequested" and dice.once_in(2):
        tell_funding(day, "DepositSettled", account_id, "1000.00")
    fields = tell_funding(day, kind, account_id, dice.pick(AMOUNTS))
    fields["instrument_type"] = dice.pick(("ACH", "WIRE", "DEBIT"))
    if kind == "CashAdjusted":
        fields["adjustment_type"] = dice.pick(ADJUSTMENTS)
        fields["reference"] = 'a "quoted", word'
        if dice.once_in(2):
            fields["amount"] = f"-{fields['amount']}"


def funding_step(day: Telling, dice: Dice) -> None:
    """Tell a next step of a funding told before, now and then a wrong one."""
    wrong = dice.once_in(10)
    under_way = [f for f in day.fundings if wrong or f["step"] in NEXT_STEPS]
    if not under_way:
        return
    told = dice.pick(under_way[::-1])
    kind = dice.pick(ANY_STEP if wrong else NEXT_STEPS[told["step"]])
    fields: Value = {
        "funding_id": told["funding_id"],
        "account_id": told["account_id"],
        "instrument_type": "ACH",
        "amount": told["amount"].lstrip("-"),
    }
    if kind.endswith("Returned"):
        fields["return_code"] = dice.pick(RETURN_CODES)
    if dice.once_in(15):
        fields["amount"] = "12.34"
    elif not wrong:
        told["step"] = kind
    day.tell("fundings", kind, **fields)


def again(day: Telling, dice: Dice) -> None:
    """Tell something told before once more, or something else under its id."""
    said = [line for line in day.lines if line.topic in {"orders", "fundings", "net-wires"}]
    said = [line for line in said if isinstance(line.value, dict) and "event_time" in line.value]
    line = dice.pick(said[-1:-13:-1])
    value = line.value | {"event_time": text_of(day.at)}
    if dice.once_in(3):
        match value["type"]:
            case "OrderSubmitted":
                value["side"] = "BUY" if value["side"] == "SELL" else "SELL"
            case "OrderCancelRequested":
                value["client_order_id"] = "other"
            case "NetWireReceived" | "NetWireSent" | "RevenueSharePaid":
                value["amount"] = "7.77"
            case _:
                value["reference"] = f"other {value.get('reference')}"
        value["event_id"] = day.fresh("in-")
    elif dice.once_in(2):
        value["event_id"] = day.fresh("in-")
    day.lines.append(Line(day.at, line.topic, value))


def account_change(day: Telling, dice: Dice) -> None:
    """Tell an account's model, mode and jurisdiction from now on; now and then another client's."""
    account_id = dice.pick(ACCOUNTS)
    tell_account(day, account_id)
    model = dice.pick(MODELS) if dice.once_in(4) else day.models[account_id]
    day.lines[-1].value.update(
        funding_model=model,
        mode=dice.pick((*MODES, "OPEN", "LOCKED")),
        jurisdiction=dice.pick((*("OPEN",) * 7, *JURISDICTIONS)),
        client="ELSE" if dice.once_in(10) else account_id[:4],
    )
    if day.lines[-1].value["client"] != "ELSE":
        day.models[account_id] = model


def answer(day: Telling, dice: Dice) -> None:
    """Leave a place for an answer of the clearing firm: `Firm` knows what it was asked for."""
    if dice.once_in(3):
        pause(day, dice)
    day.tell(
        "apex-journal-results",
        "ApexJournalRejected",
        account_id=ACCOUNTS[0],
        journal_id="never",
        reason="LIMIT_REVIEW",
        thrown=[dice.pick(range(256)) for _ in range(4)],
    )


def wire(day: Telling, dice: Dice) -> None:
    """Tell a wire between a client and us, or a payout, under an id that may not be new."""
    day.tell(
        "net-wires",
        dice.pick(WIRES),
        wire_id=day.fresh("w") if dice.pick((1, 1, 1, 0)) else "w0",
        client=dice.pick((*CLIENTS * 6, "GONE", "NONE")),
        amount=dice.pick(("50.00", "100.50", "0.01", "1000.00", "12.34")),
    )


def opinion(day: Telling, dice: Dice) -> None:
    """Tell what a client says of a net, or of none: of the last one, if nothing else is said."""
    closed = next_clock_time(day.at - dt.timedelta(days=dice.pick((1, 1, 2, 0, 5))), "09:00")
    day.tell(
        "net-wires",
        dice.pick(("NetSettlementConfirmed", "NetSettlementDisputed")),
        client=dice.pick((*CLIENTS * 6, "GONE", "NONE")),
        window_to=text_of(closed),
    )


def net_day(day: Telling, dice: Dice) -> None:
    """Buy for a Net Settlement account, wait until nine, more or less, and speak of the net."""
    account_id = dice.pick((ACCOUNTS[1], ACCOUNTS[3]))
    if day.models.get(account_id) != "NET_SETTLEMENT":
        day.models[account_id] = "NET_SETTLEMENT"
        tell_account(day, account_id)
    tell_tick(day, MARKETS[0])
    day.at += MICRO
    day.tell(
        "orders",
        "OrderSubmitted",
        account_id=account_id,
        client_order_id=day.fresh("net"),
        symbol=MARKETS[0].symbol,
        side="BUY",
        order_type="MARKET",
        time_in_force="IOC",
        quantity=dice.pick(MARKETS[0].bought),
    )
    day.at = next_clock_time(day.at, "09:00") + dice.pick((0, 1, 1_000_000, -1)) * MICRO
    for say in dice.pick(
        ((opinion,), (wire,), (opinion, wire), (wire, opinion), (opinion, opinion))
    ):
        say(day, dice)
        day.at += MICRO


def terms_change(day: Telling, dice: Dice) -> None:
    """Tell a client's or an instrument's terms from now on."""
    if dice.once_in(2):
        tell_instrument(day, dice.pick(MARKETS), dice.pick(STALE_AFTER_MS))
        day.lines[-1].value["tradable"] = not dice.once_in(3)
    else:
        tell_client(day, dice.pick(CLIENTS), dice.pick(TERMS))


def bad_value(day: Telling, dice: Dice) -> None:
    """Tell what is no event, or not one that we serve."""
    topic, value = dice.pick(BAD_VALUES)
    day.lines.append(Line(day.at, topic, value))


# Each as often as it stands here.
MOVES: tuple[Callable[[Telling, Dice], None], ...] = (
    *[trade] * 20,
    *[tick] * 10,
    *[funding_step] * 10,
    *[any_order] * 8,
    *[funding] * 8,
    *[pause] * 5,
    *[account_change] * 5,
    *[answer] * 6,
    *[cancel] * 4,
    *[wire] * 3,
    *[opinion] * 2,
    *[net_day] * 3,
    *[again] * 2,
    *[quiet_days] * 2,
    clock_tick,
    terms_change,
    *[bad_value] * 2,
)
# Between two moves, in microseconds; now and then two are of the same instant.
PAUSES = (1_000_000, 250_000, 1, 2_000_000, 1_000_000, 0)
STALE_AFTER_MS = (600_000, 2000, 86_400_000)
