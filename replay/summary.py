"""What happened in a replay, counted: the same inputs give the same summary."""

from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from schemas.account import FundingModel
from schemas.instant import Micros, time_text
from schemas.money import Cents, usd
from topics.catalogue import (
    CASH_CALLS,
    DEAD_LETTERS,
    EXECUTIONS,
    NET_SETTLEMENTS,
    ORDER_UPDATES,
)

_MODELS: dict[FundingModel, str] = {
    "MARKETPLACE": "Marketplace",
    "NET_SETTLEMENT": "Net Settlement",
    "APEX_CLEARING": "Apex Clearing",
}


class Summary:
    """Counts of inputs and emitted events, and the few sums that a person asks for first."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.inputs: Counter[str] = Counter()
        self.emitted: dict[str, Counter[str]] = {}
        self.rejected: Counter[str] = Counter()
        self.dead_letters: Counter[str] = Counter()
        self.first_time: Micros | None = None
        self.last_time: Micros | None = None
        # When the first input that is not reference data came: windows open from here on.
        self.time_began: Micros | None = None
        self.orders_executed = 0
        self.volume: Cents = 0
        self.called: Cents = 0
        self.executions_by_model: Counter[str] = Counter()
        # The last of each net settlement, by client and `window_to`.
        self.net_status: dict[tuple[str, str], str] = {}
        self.settled_at_once = 0
        self.settled_after_retry = 0
        self.files = 0
        self.fbo: Cents = 0

    def count(self, topic: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Count events of one topic that were emitted one after the other."""
        counts = self.emitted.get(topic)
        if counts is None:
            counts = self.emitted[topic] = Counter()
        rejected_before = counts["OrderRejected"] if topic == ORDER_UPDATES else 0
        counts.update(map(itemgetter("type"), events))
        if topic == EXECUTIONS:
            for event in events:
                if event["type"] == "Execution":
                    self.volume += _cents(event["gross"])
                    self.called += _cents(event["net_money"])
                    self.orders_executed += event["execution_id"].endswith("-1")
                    self.executions_by_model[event["funding_model"]] += 1
        elif topic == CASH_CALLS:
            for event in events:
                if event["type"] == "CashCallSettled":
                    self.settled_at_once += event["attempt"] == 1
                    self.settled_after_retry += event["attempt"] > 1
        elif topic == NET_SETTLEMENTS:
            self.net_status.update(
                ((event["client"], event["window_to"]), event["status"])
                for event in events
                if event["type"] == "NetSettlementStatus"
            )
        elif topic == ORDER_UPDATES and counts["OrderRejected"] > rejected_before:
            self.rejected.update(e["reason"] for e in events if e["type"] == "OrderRejected")
        elif topic == DEAD_LETTERS:
            self.dead_letters.update(map(itemgetter("reason"), events))

    def count_alike(self, topic: str, kind: str, number: int) -> None:
        """Count events of one topic and type of which nothing else is asked."""
        self.emitted.setdefault(topic, Counter())[kind] += number

    def of(self, topic: str, kind: str) -> int:
        """Return how many events of a type were emitted to a topic."""
        return self.emitted.get(topic, Counter())[kind]

    def as_json(self) -> dict[str, Any]:
        """Return the summary in its stored form, keys in a fixed order."""
        return {
            "inputs": dict(sorted(self.inputs.items())),
            "first_time": _time_or_none(self.first_time),
            "time_began": _time_or_none(self.time_began),
            "last_time": _time_or_none(self.last_time),
            "emitted": {
                topic: dict(sorted(counts.items()))
                for topic, counts in sorted(self.emitted.items())
            },
            "orders": {
                "accepted": self.of("order-updates", "OrderAccepted"),
                "executed": self.orders_executed,
                "rejected": dict(sorted(self.rejected.items())),
            },
            "executions": {
                "count": self.of("executions", "Execution"),
                "gross": usd(self.volume),
                "net_money": usd(self.called),
            },
            "cash_calls": {
                "settled_at_once": self.settled_at_once,
                "settled_after_retry": self.settled_after_retry,
                "written_off": self.of("cash-calls", "CashCallWrittenOff"),
            },
            "dead_letters": dict(sorted(self.dead_letters.items())),
            "files": self.files,
            "fbo": usd(self.fbo),
        }

    def lines(self, seconds: float) -> list[tuple[str, str]]:
        """Return name and value of each line that is shown at the end of a run."""
        updates = self.emitted.get("order-updates", Counter())
        calls = self.emitted.get("cash-calls", Counter())
        rejected = ", ".join(f"{count} {reason}" for reason, count in self.rejected.most_common(4))
        emitted = sum(counts.total() for counts in self.emitted.values())
        events = self.inputs.total() + emitted
        requested = calls["CashCallRequested"]
        settled = self.settled_at_once + self.settled_after_retry
        open_calls = requested - settled - calls["CashCallWrittenOff"]
        nets = ", ".join(
            f"{count} {status}"
            for status, count in sorted(Counter(self.net_status.values()).items())
        )
        period = "no input moved time"
        if self.first_time is not None and self.last_time is not None:
            period = f"{time_text(self.first_time)[:19]}Z to {time_text(self.last_time)[:19]}Z"
        return [
            ("period", period),
            ("inputs", f"{self.inputs.total():,}"),
            ("best quotes", f"{self.of('bbo', 'BestQuote'):,}"),
            ("orders accepted", f"{updates['OrderAccepted']:,}"),
            ("  executed", f"{self.orders_executed:,}"),
            ("  cancelled", f"{updates['OrderCancelled']:,}"),
            ("  expired", f"{updates['OrderExpired']:,}"),
            ("orders rejected", f"{updates['OrderRejected']:,}"),
            *([("  mostly", rejected)] if rejected else []),
            ("executions", f"{self.of('executions', 'Execution'):,}"),
            *(
                (f"  {name}", f"{self.executions_by_model[model]:,}")
                for model, name in _MODELS.items()
            ),
            ("traded volume", f"{_dollars(self.volume)} USD"),
            ("cash calls", f"{requested:,}"),
            ("  settled at once", f"{self.settled_at_once:,}"),
            ("  settled after a retry", f"{self.settled_after_retry:,}"),
            ("  written off", f"{calls['CashCallWrittenOff']:,}"),
            ("  open (aged)", f"{open_calls:,}"),
            ("  Apex journals", f"{self.of('apex-journals', 'ApexJournalRequested'):,}"),
            ("net settlements", f"{self.of('net-settlements', 'NetSettlement'):,}"),
            *([("  where they stand", nets)] if nets else []),
            ("money in the FBO", f"{_dollars(self.fbo)} USD"),
            ("dead letters", f"{self.dead_letters.total():,}"),
            ("files to clients", f"{self.files:,}"),
            ("events in and out", f"{events:,} in {seconds:.1f} s, {events / seconds:,.0f}/s"),
        ]


def _time_or_none(at: Micros | None) -> str | None:
    return None if at is None else time_text(at)


def _cents(text: str) -> Cents:
    # What we wrote has two decimals.
    return int(text.replace(".", ""))


def _dollars(cents: Cents) -> str:
    whole, _, fraction = usd(cents).partition(".")
    return f"{int(whole):,}.{fraction}"
