"""The counts and sums of `summary.json`, counted again from the events that were audited."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audit import numbers
from schemas.money import usd

# The funding models that have cash calls, and how a call ends.
_CALLED = ("MARKETPLACE", "APEX_CLEARING")
ENDINGS = ("settled_at_once", "settled_after_retry", "written_off")


@dataclass(slots=True)
class Totals:
    """What a person asks for first, counted from the events that were audited. Cents.

    `executed` (first fills), `executions` and `gross` by funding model; `rejected` and
    `dead_letters` by reason; `calls` by funding model and ending; `nets`: status and amount due.
    """

    net_money: int = 0
    executed: Counter[str] = field(default_factory=Counter)
    executions: Counter[str] = field(default_factory=Counter)
    gross: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    nets: list[tuple[str, int]] = field(default_factory=list)
    dead_letters: Counter[str] = field(default_factory=Counter)

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
