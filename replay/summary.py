"""What happened in a replay, counted: the same inputs give the same summary."""

from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, get_args

from schemas.account import FundingModel
from schemas.instant import Micros, time_text
from schemas.money import CENTS_DECIMALS, Cents, reread, usd, usd_for_a_person
from topics.catalogue import (
    APEX_JOURNALS,
    CASH_CALLS,
    DEAD_LETTERS,
    EXECUTIONS,
    NET_SETTLEMENTS,
    ORDER_UPDATES,
)

_MODELS: dict[FundingModel, str] = {
    "MARKETPLACE": "Marketplace",
    "APEX_CLEARING": "Apex Clearing",
    "NET_SETTLEMENT": "Net Settlement",
}


# Where an event that begins with its type names it; what may follow is the same in all of a type.
_BEHIND_TYPE = itemgetter(slice(len('{"type":"'), len('{"type":"') + 20))


class ModelCounts:
    """What executions of one funding model came to, which governs their calls for life."""

    __slots__ = (
        "called",
        "executed",
        "executions",
        "requested",
        "settled_after_retry",
        "settled_at_once",
        "volume",
        "written_off",
    )

    def __init__(self) -> None:
        """Start with nothing."""
        # Orders by the model of their first fill.
        self.executed = 0
        self.executions = 0
        self.volume: Cents = 0
        self.called: Cents = 0
        # Cash calls: none of Net Settlement.
        self.requested = 0
        self.settled_at_once = 0
        self.settled_after_retry = 0
        self.written_off = 0

    @property
    def open(self) -> int:
        """Return how many calls are neither settled nor written off."""
        return self.requested - self.settled_at_once - self.settled_after_retry - self.written_off

    def as_json(self) -> dict[str, Any]:
        """Return what every model has in the stored form."""
        return {
            "orders_executed": self.executed,
            "executions": self.executions,
            "gross": usd(self.volume),
        }

    def calls_as_json(self) -> dict[str, int]:
        """Return the cash calls in the stored form."""
        return {
            "requested": self.requested,
            "settled_at_once": self.settled_at_once,
            "settled_after_retry": self.settled_after_retry,
            "written_off": self.written_off,
            "open": self.open,
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
        self.models: dict[str, ModelCounts] = {
            model: ModelCounts() for model in get_args(FundingModel)
        }
        # Executions whose Apex calls are open: their later events do not name the model.
        self._open_apex: set[str] = set()
        # The last of each net settlement, by client and `window_to`: status and what is due.
        self.nets: dict[tuple[str, str], tuple[str, Cents]] = {}
        self.files = 0
        self.fbo: Cents = 0

    def count(self, topic: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Count events of one topic that were emitted one after the other.

        Executions are to be counted before their cash calls; topics come in any order else.
        """
        counts = self.emitted.get(topic)
        if counts is None:
            counts = self.emitted[topic] = Counter()
        rejected_before = counts["OrderRejected"] if topic == ORDER_UPDATES else 0
        counts.update(map(itemgetter("type"), events))
        if topic == EXECUTIONS:
            self._executed(events)
        elif topic == CASH_CALLS:
            self._called(events)
        elif topic == NET_SETTLEMENTS:
            self.nets.update(
                (
                    (event["client"], event["window_to"]),
                    (event["status"], reread(event["outstanding"], CENTS_DECIMALS)),
                )
                for event in events
                if event["type"] == "NetSettlementStatus"
            )
        elif topic == ORDER_UPDATES and counts["OrderRejected"] > rejected_before:
            self.rejected.update(e["reason"] for e in events if e["type"] == "OrderRejected")
        elif topic == DEAD_LETTERS:
            self.dead_letters.update(map(itemgetter("reason"), events))

    def add(self, other: "Summary") -> None:
        """Add what another process counted of topics of its own, and of the clearing firm."""
        self.inputs += other.inputs
        self.emitted |= other.emitted
        self.rejected += other.rejected
        self.dead_letters += other.dead_letters
        self.last_time = other.last_time
        self.models = other.models
        self.nets = other.nets
        self.files = other.files
        self.fbo = other.fbo

    def count_alike(self, topic: str, kind: str, number: int) -> None:
        """Count events of one topic and type of which nothing else is asked."""
        self.emitted.setdefault(topic, Counter())[kind] += number

    def _executed(self, events: Sequence[Mapping[str, Any]]) -> None:
        for event in events:
            if event["type"] == "Execution":
                model = event["funding_model"]
                counts = self.models[model]
                counts.executions += 1
                counts.volume += _cents(event["gross"])
                counts.called += _cents(event["net_money"])
                counts.executed += event["execution_id"].endswith("-1")
                if model == "APEX_CLEARING":
                    self._open_apex.add(event["execution_id"])

    def _called(self, events: Sequence[Mapping[str, Any]]) -> None:
        marketplace, apex = self.models["MARKETPLACE"], self.models["APEX_CLEARING"]
        open_apex = self._open_apex
        for event in events:
            kind = event["type"]
            of_apex = event["execution_id"] in open_apex
            counts = apex if of_apex else marketplace
            if kind == "CashCallRequested":
                counts.requested += 1
                continue
            if kind == "CashCallSettled":
                if event["attempt"] == 1:
                    counts.settled_at_once += 1
                else:
                    counts.settled_after_retry += 1
            elif kind == "CashCallWrittenOff":
                counts.written_off += 1
            else:
                continue  # it stays as it is
            if of_apex:
                open_apex.discard(event["execution_id"])

    @property
    def orders_executed(self) -> int:
        """Return how many orders had a fill."""
        return self._total("executed")

    def count_texts(self, topic: str, texts: Sequence[str]) -> None:
        """Count events of one topic that were emitted in their JSON: of types that say no more."""
        counts = self.emitted.get(topic)
        if counts is None:
            counts = self.emitted[topic] = Counter()
        for begin, count in Counter(map(_BEHIND_TYPE, texts)).items():
            counts[begin.partition('"')[0]] += count

    def of(self, topic: str, kind: str) -> int:
        """Return how many events of a type were emitted to a topic."""
        return self.emitted.get(topic, Counter())[kind]

    def _total(self, name: str) -> int:
        """Return a count or sum of all models together."""
        return sum(getattr(counts, name) for counts in self.models.values())

    def _due(self) -> tuple[Cents, Cents]:
        """Return what clients are to pay of closed net settlements, and what the platform is."""
        dues = [due for _, due in self.nets.values()]
        return sum(due for due in dues if due > 0), -sum(due for due in dues if due < 0)

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
                "count": self._total("executions"),
                "gross": usd(self._total("volume")),
                "net_money": usd(self._total("called")),
            },
            "cash_calls": {
                "settled_at_once": self._total("settled_at_once"),
                "settled_after_retry": self._total("settled_after_retry"),
                "written_off": self._total("written_off"),
            },
            "funding_models": self._models_as_json(),
            "dead_letters": dict(sorted(self.dead_letters.items())),
            "files": self.files,
            "fbo": usd(self.fbo),
        }

    def _models_as_json(self) -> dict[str, Any]:
        marketplace, apex, net = (self.models[model] for model in _MODELS)
        from_clients, to_clients = self._due()
        return {
            "MARKETPLACE": {**marketplace.as_json(), "cash_calls": marketplace.calls_as_json()},
            "APEX_CLEARING": {
                **apex.as_json(),
                "cash_calls": apex.calls_as_json(),
                "recovered": self.of(CASH_CALLS, "WriteOffRecovered"),
                "journals": self.of(APEX_JOURNALS, "ApexJournalRequested"),
            },
            "NET_SETTLEMENT": {
                **net.as_json(),
                "net_settlements": self.of(NET_SETTLEMENTS, "NetSettlement"),
                "statuses": dict(
                    sorted(Counter(status for status, _ in self.nets.values()).items())
                ),
                "due_from_clients": usd(from_clients),
                "due_to_clients": usd(to_clients),
            },
        }

    def lines(self, seconds: float) -> list[tuple[str, str]]:
        """Return name and value of each line that is shown at the end of a run."""
        updates = self.emitted.get("order-updates", Counter())
        rejected = ", ".join(f"{count} {reason}" for reason, count in self.rejected.most_common(4))
        emitted = sum(counts.total() for counts in self.emitted.values())
        events = self.inputs.total() + emitted
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
            ("executions", f"{self._total('executions'):,}"),
            ("traded volume", f"{usd_for_a_person(self._total('volume'))} USD"),
            ("money in the FBO", f"{usd_for_a_person(self.fbo)} USD"),
            ("dead letters", f"{self.dead_letters.total():,}"),
            ("files to clients", f"{self.files:,}"),
            ("events in and out", f"{events:,} in {seconds:.1f} s, {events / seconds:,.0f}/s"),
        ]

    def model_names(self) -> list[str]:
        """Return the funding models as people call them, in the order of `model_lines`."""
        return list(_MODELS.values())

    def model_lines(self) -> list[tuple[str, list[str]]]:
        """Return what is shown of each funding model: a name, and its value for each model.

        No value: the model knows no such thing.
        """
        models = [self.models[model] for model in _MODELS]
        calls = models[:2]

        def counted(name: str, of: Sequence[ModelCounts]) -> list[str]:
            return [f"{getattr(counts, name):,}" for counts in of] + [""] * (3 - len(of))

        def of_net(value: str) -> list[str]:
            return ["", "", value]

        statuses = Counter(status for status, _ in self.nets.values())
        from_clients, to_clients = self._due()
        return [
            ("orders executed", counted("executed", models)),
            ("executions", counted("executions", models)),
            ("traded volume, USD", [usd_for_a_person(counts.volume) for counts in models]),
            ("cash calls", counted("requested", calls)),
            ("  settled at once", counted("settled_at_once", calls)),
            ("  settled after a retry", counted("settled_after_retry", calls)),
            ("  written off", counted("written_off", calls)),
            ("  open (aged or unanswered)", counted("open", calls)),
            ("journals asked for", ["", f"{self.of(APEX_JOURNALS, 'ApexJournalRequested'):,}", ""]),
            ("net settlements", of_net(f"{self.of(NET_SETTLEMENTS, 'NetSettlement'):,}")),
            *((f"  {status}", of_net(f"{count:,}")) for status, count in sorted(statuses.items())),
            ("  clients are to pay, USD", of_net(usd_for_a_person(from_clients))),
            ("  clients are to get, USD", of_net(usd_for_a_person(to_clients))),
        ]


def _time_or_none(at: Micros | None) -> str | None:
    return None if at is None else time_text(at)


def _cents(text: str) -> Cents:
    # What we wrote has two decimals.
    return int(text.replace(".", ""))
