"""What contract section 7 says of Apex calls, told from what came out, line by line."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from tests.property.day_words import CHICAGO, Line

Event = Mapping[str, Any]
# Type, the call or journal that it names, the reason of a failure.
Outcome = tuple[str, str, str | None]

QUARTER_OF_AN_HOUR = dt.timedelta(minutes=15)


class Journal:
    """A journal that was asked for: over how much, when last, and the answer that counts."""

    def __init__(self, amount: str) -> None:
        """Take the amount that was asked for first."""
        self.amount = amount
        self.asked_at = ""
        self.answer: Event | None = None


class ApexCalls:
    """The calls of all executions under the Apex model, line by line."""

    def __init__(self, executions: Sequence[Event]) -> None:
        """Take all executions of the day."""
        self._executions = {
            event["execution_id"]: event
            for event in executions
            if event["funding_model"] == "APEX_CLEARING"
        }
        self._journals: dict[str, Journal] = {}
        self._last: dict[str, str] = {}  # of each call that is open: its last journal
        self._expected: list[Outcome] = []
        self._found: list[Outcome] = []

    def follow(self, line: Line, out: Sequence[tuple[str, Event]]) -> None:
        """Hold what came of a line against what had to."""
        self._expected.clear()
        self._found.clear()
        answer = None
        if line.topic == "apex-journal-results" and all(t != "dead-letters" for t, _ in out):
            answer = line.value
        for topic, event in out:
            if topic == "executions":
                self._executed(event)
            elif topic == "apex-journals":
                self._asked(event)
            elif topic == "cash-calls" and event["execution_id"] in self._executions:
                if answer is not None and event["cause_id"] == answer["event_id"]:
                    self._answered(answer)
                    answer = None
                self._called(event)
        if answer is not None:
            self._answered(answer)
        self._same()

    def _same(self) -> None:
        assert self._found == self._expected

    def _executed(self, event: Event) -> None:
        self._same()
        if event["type"] == "WindowOpened":
            if event["window"] == "RETRY":
                self._retry(event["scheduled_at"])
        elif event["execution_id"] in self._executions:
            call = f"{event['execution_id']}-TPJ"
            self._expected.append(("CashCallRequested", call, None))
            if event["net_money"] == "0.00":
                self._expected.append(("CashCallSettled", call, None))
            else:
                self._expected.append(("ApexJournalRequested", f"{call}-1", None))

    def _retry(self, at: str) -> None:
        """Each open call once: written off, asked for again, or left alone."""
        today = dt.datetime.fromisoformat(at).astimezone(CHICAGO).date()
        for execution_id in sorted(self._last, key=self._turn):
            execution = self._executions[execution_id]
            age = (today - dt.date.fromisoformat(execution["trade_date"])).days
            call = f"{execution_id}-TPJ"
            journal = self._journals[self._last[execution_id]]
            k = int(self._last[execution_id].rpartition("-")[2])
            if age >= 30 and execution["side"] == "BUY":
                self._expected.append(("CashCallWrittenOff", call, None))
            elif journal.answer is not None:
                self._expected.append(("ApexJournalRequested", f"{call}-{k + 1}", None))
            elif _between(journal.asked_at, at) > QUARTER_OF_AN_HOUR:
                self._expected.append(("CashCallFailed", call, "TIMEOUT"))
                self._expected.append(("ApexJournalRequested", f"{call}-{k}", None))

    def _turn(self, execution_id: str) -> tuple[str, str, int, str]:
        execution = self._executions[execution_id]
        fill = int(execution_id.rpartition("-")[2])
        order = execution["client_order_id"]
        return (execution["account_id"], execution["event_time"], fill, order)

    def _asked(self, event: Event) -> None:
        self._found.append((event["type"], event["journal_id"], None))
        execution_id = event["cash_call_id"].removesuffix("-TPJ")
        execution = self._executions[execution_id]
        assert event["amount"] == execution["net_money"]
        assert event["direction"] == ("WITHDRAWAL" if execution["side"] == "BUY" else "DEPOSIT")
        journal = self._journals.setdefault(event["journal_id"], Journal(event["amount"]))
        journal.asked_at = event["event_time"]
        self._last[execution_id] = event["journal_id"]

    def _answered(self, answer: Event) -> None:
        """Expect what the first answer makes; a repeat makes nothing."""
        self._same()
        journal = self._journals[answer["journal_id"]]
        completed = answer["type"] == "ApexJournalCompleted"
        assert answer.get("amount") in ({journal.amount} if completed else {journal.amount, None})
        if journal.answer is not None:
            reasons = (journal.answer.get("reason"), answer.get("reason"))
            assert journal.answer["type"] == answer["type"]
            assert completed or reasons[0] == reasons[1]
            return
        journal.answer = answer
        execution_id = answer["journal_id"].rpartition("-TPJ-")[0]
        call = f"{execution_id}-TPJ"
        if execution_id not in self._last:
            if completed:
                self._expected.append(("WriteOffRecovered", call, None))
        elif completed:
            self._expected.append(("CashCallSettled", call, None))
        else:
            self._expected.append(("CashCallFailed", call, answer["reason"]))

    def _called(self, event: Event) -> None:
        reason = event["reason"] if event["type"] == "CashCallFailed" else None
        self._found.append((event["type"], event["cash_call_id"], reason))
        if event["type"] in {"CashCallSettled", "CashCallWrittenOff"}:
            self._last.pop(event["execution_id"], None)


def _between(earlier: str, later: str) -> dt.timedelta:
    return dt.datetime.fromisoformat(later) - dt.datetime.fromisoformat(earlier)
