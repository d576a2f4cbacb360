"""Customers' money: each step of a funding is booked or refused, once."""

from collections import Counter, defaultdict
from typing import Any

from tests.chaos.counts import Measured
from topics.catalogue import ACCOUNTS, FUNDING_UPDATES, FUNDINGS, JOURNAL

_OURS = "MARKETPLACE"


class Fundings:
    """What was asked for, and what it led to."""

    def __init__(self) -> None:
        self._models: dict[str, set[str]] = defaultdict(set)
        self._steps: list[tuple[tuple[int, int], dict[str, Any]]] = []
        self._entries: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._letters: Counter[tuple[int, int]] = Counter()

    def take(self, topic: str, place: tuple[int, int], event: dict[str, Any]) -> None:
        """Count an event; `place`: its partition and offset."""
        if topic == ACCOUNTS:
            self._models[str(event.get("account_id"))].add(str(event.get("funding_model", _OURS)))
        elif topic == FUNDINGS:
            self._steps.append((place, event))
        elif topic == JOURNAL and event["account_id"] is not None:
            self._entries[event["cause_id"]] += 1
        elif topic == FUNDING_UPDATES and event["type"] == "WithdrawalRefused":
            self._refusals[event["cause_id"]] += 1
        elif event["type"] == "DeadLetter" and event["source_topic"] == FUNDINGS:
            self._letters[event["source_partition"], event["source_offset"]] += 1

    def compare(self, measured: Measured) -> None:
        """Note what is not as it must be.

        Of an account that is not ours alone a step may be a memo, which leaves nothing here.
        """
        done: set[tuple[str, ...]] = set()
        for place, step in self._steps:
            measured.fundings += 1
            cause = step["event_id"]
            found = self._entries[cause] + self._refusals[cause] + self._letters[place]
            account = str(step.get("account_id"))
            name = (account, str(step.get("funding_id")), step["type"])
            what = f"what became of {' '.join(name)} at {place}"
            if found > 1:
                measured.doubled.append(f"{what}, {found} times")
            elif not found and name not in done and self._models.get(account) == {_OURS}:
                measured.lost.append(what)
            done.add(name)
