"""`summary.json`: what it must tell the audit, and every count and checksum that it holds."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from replay.audit import numbers
from replay.audit.difference import DifferenceError
from schemas.instant import Micros, micros
from schemas.money import usd

NAME = "summary.json"


class StoredSummary:
    """The summary as the replay stored it. Unknown keys are left alone."""

    def __init__(self, directory: Path) -> None:
        """Read `DIR/summary.json`.

        Raises:
            DifferenceError: it is missing, no JSON object, or does not say when time ran.
        """
        try:
            stored = orjson.loads((directory / NAME).read_bytes())
        except FileNotFoundError:
            raise DifferenceError(NAME, "the file", expected="a file", found="none") from None
        except orjson.JSONDecodeError as error:
            raise DifferenceError(NAME, "the file", expected="JSON", found=error) from None
        if not isinstance(stored, dict):
            raise DifferenceError(NAME, "the file", expected="a JSON object", found=stored)
        self.stored: dict[str, Any] = stored
        began = "time_began" if "time_began" in stored else "first_time"
        self.began = self._instant(began)
        until = self._instant("until") if stored.get("until") is not None else None
        self.until = until if until is not None else self._instant("last_time")

    def same(self, computed: Mapping[str, Any]) -> None:
        """Hold every key that is both stored and computed against the computed value.

        Raises:
            DifferenceError: one differs.
        """
        for key, expected in computed.items():
            if key in self.stored:
                _same(key, expected, self.stored[key])

    def _instant(self, key: str) -> Micros | None:
        text = self.stored.get(key)
        if text is None:
            return None
        try:
            return micros(text)
        except (TypeError, ValueError):
            raise DifferenceError(NAME, key, expected="a time", found=text) from None


class Totals:
    """What a person asks for first, counted from the events that were audited."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.gross = 0
        self.net_money = 0
        self.executed = 0
        self.rejected: Counter[str] = Counter()
        self.settled_at_once = 0
        self.settled_after_retry = 0
        self.dead_letters: Counter[str] = Counter()

    def execution(self, event: Mapping[str, Any]) -> None:
        """Count an execution."""
        self.gross += numbers.cents(event["gross"])
        self.net_money += numbers.cents(event["net_money"])
        self.executed += event["execution_id"].endswith("-1")

    def as_stored(self, emitted: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
        """Return the sums under the names that the summary gives them."""
        updates = emitted.get("order-updates", {})
        return {
            "orders": {
                "accepted": updates.get("OrderAccepted", 0),
                "executed": self.executed,
                "rejected": dict(self.rejected),
            },
            "executions": {
                "count": emitted.get("executions", {}).get("Execution", 0),
                "gross": usd(self.gross),
                "net_money": usd(self.net_money),
            },
            "cash_calls": {
                "settled_at_once": self.settled_at_once,
                "settled_after_retry": self.settled_after_retry,
                "written_off": emitted.get("cash-calls", {}).get("CashCallWrittenOff", 0),
            },
            "dead_letters": dict(self.dead_letters),
        }


def _same(place: str, expected: object, found: object) -> None:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            _same(f"{place}.{key}", expected.get(key, 0), found.get(key, 0))
    elif expected != found:
        raise DifferenceError(NAME, place, expected=expected, found=found)
