"""What is promised of orders, windows, ids and times, and of lines that are not acted on.

As promises_of_cash.py.
"""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256

import orjson

from tests.form_reasons import FORM_REASONS
from tests.property.day_words import CHICAGO, CLOCK_TIMES, clock_time, next_clock_time, text_of
from tests.property.told_day import (
    Emitted,
    Event,
    Told,
    number,
    on_topics,
    time_of,
)
from topics.catalogue import CATALOGUE, REFERENCE_TOPICS

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
    for _, event in on_topics(told, "order-updates", "executions"):
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
        if not any(event.get("reason") in FORM_REASONS for event in _letters(out))
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


def _letters(out: Emitted) -> list[Event]:
    return [event for topic, event in out if topic == "dead-letters"]


def bad_lines_are_never_lost(told: Told) -> None:
    """A bad line has one dead letter, which holds it as it was, and does nothing else.

    What is due before it happens first, unless it is refused for its form.
    """
    for at_line, (line, out) in enumerate(told.steps, 1):
        letters = _letters(out)
        if letters:
            assert len(letters) == 1
            assert out[-1][0] == "dead-letters", line
            if letters[0]["reason"] in FORM_REASONS:
                assert len(out) == 1, line
            else:
                assert time_of(letters[0]) == line.at
            raw = orjson.dumps(line.value)
            assert letters[0]["raw_sha256"] == sha256(raw).hexdigest()
            assert (letters[0]["source_topic"], letters[0]["source_offset"]) == (
                line.topic,
                at_line,
            )
