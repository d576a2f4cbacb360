"""`summary.json`: what it must tell the audit, and every count and checksum that it holds."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from replay.audit import numbers
from replay.audit.difference import DifferenceError
from replay.input_files import InputFile, stored_input
from replay.open_input import open_input
from schemas.instant import Micros, micros
from schemas.money import usd

NAME = "summary.json"
# The funding models that have cash calls, and how a call ends.
_CALLED = ("MARKETPLACE", "APEX_CLEARING")
ENDINGS = ("settled_at_once", "settled_after_retry", "written_off")


class StoredSummary:
    """The summary as the replay stored it; an audit compares what it computes."""

    def __init__(self, directory: Path) -> None:
        """Read `DIR/summary.json`.

        Raises:
            DifferenceError: it is missing, not a JSON object, or lacks the inputs or times.
        """
        try:
            with open_input(directory / NAME) as file:
                stored = orjson.loads(file.read())
        except FileNotFoundError:
            raise DifferenceError(NAME, "the file", expected="a file", found="none") from None
        except orjson.JSONDecodeError as error:
            raise DifferenceError(NAME, "the file", expected="JSON", found=error) from None
        if not isinstance(stored, dict):
            raise DifferenceError(NAME, "the file", expected="a JSON object", found=stored)
        self.stored: dict[str, Any] = stored
        self.input_files = self._input_files()
        # Whether the one input is a dump, and its order was followed.
        self.recorded = stored.get("recorded") is True
        # Whether free texts of files are safe to open in a spreadsheet.
        self.csv_safe = stored.get("csv_safe") is True
        until = self._instant("until") if stored.get("until") is not None else None
        self.until = until if until is not None else self._instant("last_time")

    def same(self, computed: Mapping[str, Any]) -> None:
        """Compare every computed key with the stored one.

        Raises:
            DifferenceError: one differs or is missing.
        """
        for key, expected in computed.items():
            _same(key, expected, self.stored.get(key))

    def _input_files(self) -> list[InputFile]:
        stored = self.stored.get("input_files")
        files = [stored_input(file) for file in stored] if isinstance(stored, list) else []
        if not files or None in files:
            raise DifferenceError(
                NAME,
                "input_files",
                expected="name, bytes and sha256 of each input, as settle replay writes them"
                " (an earlier version did not: replay again)",
                found=stored,
            )
        return [file for file in files if file is not None]

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
        self.net_money = 0
        # By funding model: of first fills, of all executions, in cents.
        self.executed: Counter[str] = Counter()
        self.executions: Counter[str] = Counter()
        self.gross: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        # By funding model and what became of a call: cash_call's.
        self.calls: Counter[tuple[str, str]] = Counter()
        # Status and what is due of each net settlement.
        self.nets: list[tuple[str, int]] = []
        self.dead_letters: Counter[str] = Counter()

    def execution(self, event: Mapping[str, Any]) -> None:
        """Count an execution."""
        model = event["funding_model"]
        self.gross[model] += numbers.cents(event["gross"])
        self.net_money += numbers.cents(event["net_money"])
        self.executions[model] += 1
        self.executed[model] += event["execution_id"].endswith("-1")

    def as_stored(self, emitted: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
        """Return the sums under the names that the summary gives them."""
        updates = emitted.get("order-updates", {})
        calls = emitted.get("cash-calls", {})
        return {
            "orders": {
                "accepted": updates.get("OrderAccepted", 0),
                "executed": self.executed.total(),
                "rejected": dict(self.rejected),
            },
            "executions": {
                "count": emitted.get("executions", {}).get("Execution", 0),
                "gross": usd(self.gross.total()),
                "net_money": usd(self.net_money),
            },
            "cash_calls": {
                **{
                    ending: sum(self.calls[model, ending] for model in _CALLED)
                    for ending in ("settled_at_once", "settled_after_retry")
                },
                "written_off": calls.get("CashCallWrittenOff", 0),
            },
            "funding_models": {
                **{model: self._called(model) for model in _CALLED},
                "APEX_CLEARING": {
                    **self._called("APEX_CLEARING"),
                    "recovered": calls.get("WriteOffRecovered", 0),
                    "journals": emitted.get("apex-journals", {}).get("ApexJournalRequested", 0),
                },
                "NET_SETTLEMENT": {
                    **self._traded("NET_SETTLEMENT"),
                    "net_settlements": emitted.get("net-settlements", {}).get("NetSettlement", 0),
                    "statuses": dict(Counter(status for status, _ in self.nets)),
                    "due_from_clients": usd(sum(max(due, 0) for _, due in self.nets)),
                    "due_to_clients": usd(sum(max(-due, 0) for _, due in self.nets)),
                },
            },
            "dead_letters": dict(self.dead_letters),
        }

    def _traded(self, model: str) -> dict[str, Any]:
        return {
            "orders_executed": self.executed[model],
            "executions": self.executions[model],
            "gross": usd(self.gross[model]),
        }

    def _called(self, model: str) -> dict[str, Any]:
        calls = {ending: self.calls[model, ending] for ending in ("requested", *ENDINGS)}
        calls["open"] = calls["requested"] - sum(calls[ending] for ending in ENDINGS)
        return {**self._traded(model), "cash_calls": calls}


def _same(place: str, expected: object, found: object) -> None:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            _same(f"{place}.{key}", expected.get(key, 0), found.get(key, 0))
    elif expected != found:
        raise DifferenceError(NAME, place, expected=expected, found=found)
