"""The monitor: a Faust agent over derived streams, for people who look at /status.

It adds nothing to the truth and holds no money: when it stops, nothing is lost. It sees the
partitions that Faust gives this worker, from when the worker started. It reads only what it shows:
Faust's own work for an event is as large as a decision, and each order has several executions and
cash calls; those are counted by the tasks that emit them.
"""

from collections.abc import Mapping
from typing import Any

import faust
import orjson

from topics.catalogue import AGED_FAILURES, BALANCES, BBO, DEAD_LETTERS

# What /status shows of them is the latest, so few are kept.
_LATEST_MAX = 5


class Views:
    """What went by: counts by topic, latest quotes and dead letters, accounts below zero."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self.events: dict[str, int] = {}
        self.quotes: dict[str, dict[str, Any]] = {}
        self.negative_accounts: set[str] = set()
        self.dead_letters: list[dict[str, Any]] = []

    def see(self, topic: str, event: Mapping[str, Any]) -> None:
        """Take one event."""
        self.events[topic] = self.events.get(topic, 0) + 1
        if topic == BBO:
            names = ("status", "bid_price", "ask_price", "event_time", "sequence")
            self.quotes[event["symbol"]] = {name: event[name] for name in names}
        elif topic == BALANCES:
            if event["negative"]:
                self.negative_accounts.add(event["account_id"])
            else:
                self.negative_accounts.discard(event["account_id"])
        elif topic == DEAD_LETTERS:
            names = ("source_topic", "source_partition", "source_offset", "reason", "detail")
            self.dead_letters.append({name: event[name] for name in names})
            del self.dead_letters[:-_LATEST_MAX]

    def as_json(self) -> dict[str, Any]:
        """Show what was seen."""
        return {
            "events": dict(sorted(self.events.items())),
            "quotes": dict(sorted(self.quotes.items())),
            "negative_accounts": len(self.negative_accounts),
            "latest_dead_letters": self.dead_letters,
        }


def monitor(app: faust.App, views: Views) -> None:
    """Add the agent to a Faust app."""
    for topic in (BBO, AGED_FAILURES, BALANCES, DEAD_LETTERS):

        async def see(stream: Any, topic: str = topic) -> None:  # noqa: ANN401 - Faust's stream
            async for value in stream:
                views.see(topic, orjson.loads(value))

        channel = app.topic(topic, key_serializer="raw", value_serializer="raw")
        app.agent(channel, name=f"monitor.{topic}")(see)
