"""Damage to a copy of a replay directory: functions that do it, and say what the audit must name.

That is an event's id, an account, an order's id or a file. The tables are in damage_to_*.py.
"""

from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256

from tests.simulation.replay_copy import Event, ReplayCopy

Damage = Callable[[ReplayCopy], str]


def trade_entry(copy: ReplayCopy) -> Event:
    return copy.find(
        "journal", lambda event: sum(p["account"] == "bfs:usd" for p in event["postings"]) == 1
    )


def posting_to(entry: Event, account: str) -> Event:
    found: Event = next(p for p in entry["postings"] if p["account"].startswith(account))
    return found


def a_cent_more_than(text: str, cents: int = 1) -> str:
    return f"{Decimal(text) + Decimal(cents) / 100:.2f}"


def dropped(topic: str, kind: str, number: int = 3, **fields: object) -> Damage:
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


def doubled(topic: str, kind: str) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        event = copy.of_type(topic, kind)[2]
        events = copy.topic(topic)
        events.insert(events.index(event), dict(event))
        return str(event["event_id"])

    return damage


def swapped_with_the_next(topic: str, kind: str, named: str = "execution_id") -> Damage:
    def damage(copy: ReplayCopy) -> str:
        events = copy.topic(topic)
        at = events.index(copy.of_type(topic, kind)[2])
        events[at], events[at + 1] = events[at + 1], events[at]
        return str(events[at + 1].get(named, events[at + 1]["event_id"]))

    return damage


def id_of(made: str) -> str:
    return sha256(made.encode()).hexdigest()[:32]


def changed(topic: str, kind: str, number: int = 3, **fields: object) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        event = copy.of_type(topic, kind)[number]
        assert any(event[name] != value for name, value in fields.items())
        event.update(fields)
        return str(event["event_id"])

    return damage


def a_cent_more(topic: str, kind: str, *names: str) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        event = copy.of_type(topic, kind)[3]
        for name in names:
            event[name] = a_cent_more_than(event[name])
        return str(event["account_id"])

    return damage
