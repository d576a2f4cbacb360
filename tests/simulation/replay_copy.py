"""A replay directory to damage: its topics and files, and all that is stored of them made anew."""

import csv
import shutil
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

Event = dict[str, Any]
# Header lines before the rows, and the column that the control total adds up, by report.
_ADDED_UP = {
    "AGED_TPJ": (1, "notional"),
    "SOD_AGED_TPJ": (1, "notional"),
    "EXECUTION_CONFIRM": (2, "net_money"),
    "POSITIONS": (1, "Quantity"),
    "CASH_BALANCE": (1, "Settled Amount"),
    "CASH_ACTIVITY": (1, "amount"),
    "NET_SETTLEMENT": (4, "net_amount"),
    "NET_SETTLEMENT_SUMMARY": (1, "net_amount"),
}


class ReplayCopy:
    """A copy of a replay directory, with its topics in memory."""

    def __init__(self, original: Path, root: Path) -> None:
        shutil.copytree(original, root)
        self.root = root
        self.topics: dict[str, list[Event]] = {}

    def topic(self, name: str) -> list[Event]:
        if name not in self.topics:
            lines = (self.root / "topics" / f"{name}.jsonl").read_bytes().splitlines()
            self.topics[name] = [orjson.loads(line) for line in lines]
        return self.topics[name]

    def find(self, topic: str, wanted: Callable[[Event], bool]) -> Event:
        return next(event for event in self.topic(topic) if wanted(event))

    def of_type(self, topic: str, kind: str, **fields: object) -> list[Event]:
        return [
            event
            for event in self.topic(topic)
            if event["type"] == kind and all(event[name] == fields[name] for name in fields)
        ]

    def drop(self, topic: str, *events: Event) -> None:
        for event in events:
            self.topic(topic).remove(event)

    def drop_caused_by(self, *cause_ids: str) -> None:
        for topic in self.written_topics():
            kept = [event for event in self.topic(topic) if event["cause_id"] not in cause_ids]
            self.topics[topic][:] = kept

    def written_topics(self) -> list[str]:
        return sorted(path.stem for path in (self.root / "topics").glob("*.jsonl"))

    def file_of(self, delivery: Event) -> Path:
        key: str = delivery["uri"].removeprefix("s3://")
        return self.root / "s3" / key

    def delivery(self, report: str, rows_min: int = 1, client: str | None = None) -> Event:
        """Return a delivery of a report with that many rows; the last one, so it is no trifle."""
        return [
            event
            for event in self.topic("report-deliveries")
            if event["report"] == report
            and event["rows"] >= rows_min
            and client in {None, event["client"]}
        ][-1]

    def save(self) -> None:
        for name, events in self.topics.items():
            path = self.root / "topics" / f"{name}.jsonl"
            path.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))

    def store_anew(self) -> None:
        """Make deliveries and the summary fit whatever is there now."""
        for delivery in self.topic("report-deliveries"):
            path = self.file_of(delivery)
            if path.is_file():
                content = path.read_bytes()
                headers, column = _ADDED_UP[delivery["report"]]
                lines = content.decode().split("\n")
                rows = list(csv.DictReader(lines[headers - 1 :]))
                total = sum((Decimal(row[column] or 0) for row in rows), Decimal(0))
                delivery["rows"] = len(rows)
                delivery["sha256"] = sha256(content).hexdigest()
                delivery["control_total"] = (
                    _plain(total) if delivery["report"] == "POSITIONS" else f"{total:.2f}"
                )
        self.save()
        path = self.root / "summary.json"
        summary = orjson.loads(path.read_bytes())
        summary.update(self._summed_up())
        path.write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2))

    def _summed_up(self) -> dict[str, Any]:
        topics, s3 = self.root / "topics", self.root / "s3"
        files = sorted(path for path in s3.rglob("*") if path.is_file())
        emitted: dict[str, dict[str, int]] = {}
        for name in self.written_topics():
            if counts := Counter(event["type"] for event in self.topic(name)):
                emitted[name] = dict(counts)
        executions = self.of_type("executions", "Execution")
        calls = self._calls_by_model()
        rejected = self.of_type("order-updates", "OrderRejected")
        return {
            "emitted": emitted,
            "topics_sha256": {path.stem: _digest(path) for path in sorted(topics.glob("*.jsonl"))},
            "files_sha256": {path.relative_to(s3).as_posix(): _digest(path) for path in files},
            "files": len(files),
            "orders": {
                "accepted": len(self.of_type("order-updates", "OrderAccepted")),
                "executed": sum(event["execution_id"].endswith("-1") for event in executions),
                "rejected": Counter(event["reason"] for event in rejected),
            },
            "executions": {
                "count": len(executions),
                "gross": f"{sum(Decimal(event['gross']) for event in executions):.2f}",
                "net_money": f"{sum(Decimal(event['net_money']) for event in executions):.2f}",
            },
            "cash_calls": {
                name: sum(counts[name] for counts in calls.values())
                for name in ("settled_at_once", "settled_after_retry", "written_off")
            },
            "funding_models": self._by_model(calls),
            "dead_letters": Counter(event["reason"] for event in self.topic("dead-letters")),
        }

    def _by_model(self, calls: dict[str, dict[str, int]]) -> dict[str, Any]:
        models: dict[str, Any] = {}
        for model in ("MARKETPLACE", "APEX_CLEARING", "NET_SETTLEMENT"):
            executions = self.of_type("executions", "Execution", funding_model=model)
            models[model] = {
                "orders_executed": sum(e["execution_id"].endswith("-1") for e in executions),
                "executions": len(executions),
                "gross": f"{sum(Decimal(e['gross']) for e in executions):.2f}",
            }
        for model, counts in calls.items():
            models[model]["cash_calls"] = counts
        models["APEX_CLEARING"]["recovered"] = len(self.of_type("cash-calls", "WriteOffRecovered"))
        models["APEX_CLEARING"]["journals"] = len(self.topic("apex-journals"))
        last = {
            (event["client"], event["window_to"]): event
            for event in self.of_type("net-settlements", "NetSettlementStatus")
        }.values()
        due = [Decimal(event["outstanding"]) for event in last]
        models["NET_SETTLEMENT"] |= {
            "net_settlements": len(self.of_type("net-settlements", "NetSettlement")),
            "statuses": Counter(event["status"] for event in last),
            "due_from_clients": f"{sum(amount for amount in due if amount > 0):.2f}",
            "due_to_clients": f"{-sum(amount for amount in due if amount < 0):.2f}",
        }
        return models

    def _calls_by_model(self) -> dict[str, dict[str, int]]:
        model_of = {
            event["execution_id"]: event["funding_model"]
            for event in self.of_type("executions", "Execution")
        }
        names = {"CashCallRequested": "requested", "CashCallWrittenOff": "written_off"}
        counts: Counter[tuple[str, str]] = Counter()
        for event in self.topic("cash-calls"):
            name = names.get(event["type"])
            if event["type"] == "CashCallSettled":
                name = "settled_at_once" if event["attempt"] == 1 else "settled_after_retry"
            # A call whose execution was taken away: of whatever model.
            counts[model_of.get(event["execution_id"], "MARKETPLACE"), name or ""] += 1
        endings = ("settled_at_once", "settled_after_retry", "written_off")
        return {
            model: {
                **{name: counts[model, name] for name in ("requested", *endings)},
                "open": counts[model, "requested"] - sum(counts[model, e] for e in endings),
            }
            for model in ("MARKETPLACE", "APEX_CLEARING")
        }


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _plain(total: Decimal) -> str:
    text = f"{total:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
