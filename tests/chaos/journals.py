"""Apex journals: each that was asked for is answered, and its answer counts once.

The gateway may bring an answer again, so what is counted is what became of it: the first valid one
of a journal has one outcome in `cash-calls`, a repeat has none, and what contradicts it or gives a
reason that nobody knows is one dead letter.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.chaos.counts import Measured
from topics.catalogue import APEX_JOURNAL_RESULTS, APEX_JOURNALS, CASH_CALLS, EXECUTIONS

# By journal and amount: what the firm says of it in turn; nothing: it never answers.
Says = Callable[[str, str], list[dict[str, Any]]]
_KNOWN_REASONS = {"INSUFFICIENT_FUNDS", "ACCOUNT_RESTRICTED", "LIMIT_REVIEW"}
_COMPLETED = "COMPLETED"


class _Answer(NamedTuple):
    """One record of `apex-journal-results`; `said`: COMPLETED or the reason of the rejection."""

    place: tuple[int, int]
    event_id: str
    said: str


class Journals:
    """What was asked of the firm, what it said, and what became of that."""

    def __init__(self) -> None:
        # How often each journal was asked for, its amount, and the journals of each cash call.
        self.asked: Counter[str] = Counter()
        self._amounts: dict[str, str] = {}
        self._of_call: dict[str, set[str]] = defaultdict(set)
        self.answers: dict[str, list[_Answer]] = defaultdict(list)
        self._timeouts: Counter[str] = Counter()
        # Outcomes of cash calls by what caused them: COMPLETED or the reason, and the call.
        self._outcomes: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._letters: Counter[tuple[int, int]] = Counter()
        self._apex_executions: set[str] = set()

    def take(self, topic: str, place: tuple[int, int], event: dict[str, Any]) -> None:
        """Count an event; `place`: its partition and offset."""
        kind = event["type"]
        if topic == APEX_JOURNALS:
            self.asked[event["journal_id"]] += 1
            self._amounts[event["journal_id"]] = event["amount"]
            self._of_call[event["cash_call_id"]].add(event["journal_id"])
        elif topic == APEX_JOURNAL_RESULTS:
            said = _COMPLETED if kind == "ApexJournalCompleted" else str(event.get("reason"))
            self.answers[str(event.get("journal_id"))].append(
                _Answer(place, event["event_id"], said)
            )
        elif topic == CASH_CALLS and kind == "CashCallSettled":
            self._outcomes[event["cause_id"]].append((_COMPLETED, event["cash_call_id"]))
        elif topic == CASH_CALLS and kind == "CashCallFailed":
            if event["reason"] == "TIMEOUT":
                self._timeouts[event["cash_call_id"]] += 1
            else:
                self._outcomes[event["cause_id"]].append((event["reason"], event["cash_call_id"]))
        elif topic == EXECUTIONS and kind == "Execution":
            if event["funding_model"] == "APEX_CLEARING" and event["net_money"] != "0.00":
                self._apex_executions.add(event["execution_id"])
        elif kind == "DeadLetter" and event["source_topic"] == APEX_JOURNAL_RESULTS:
            self._letters[event["source_partition"], event["source_offset"]] += 1

    def missing(self, says: Says) -> list[str]:
        """Return the journals whose answers are not all in the topic."""
        return [
            journal
            for journal, amount in self._amounts.items()
            if {_said(one) for one in says(journal, amount)}
            - {answer.said for answer in self.answers.get(journal, ())}
        ]

    def compare(self, measured: Measured, says: Says | None) -> None:
        """Note what is not as it must be; `says` is None where answers were produced."""
        for name in self._apex_executions:
            if not self.asked[f"{name}-TPJ-1"]:
                measured.lost.append(f"the journal of {name}")
        for call, journals in self._of_call.items():
            # Each time-out asks again under the same id, each rejection under the next.
            asked, wanted = sum(self.asked[one] for one in journals), len(journals)
            if asked != wanted + self._timeouts[call]:
                measured.wrong.append(
                    f"{call} was asked for {asked} times, with {wanted} ids and"
                    f" {self._timeouts[call]} time-outs"
                )
        if says is not None:
            measured.unanswered += [f"journal {one}" for one in self.missing(says)]
            for journal, amount in self._amounts.items():
                told = {_said(one) for one in says(journal, amount)}
                measured.journals_never += not told
                measured.journals_answered += bool(told)
                if {answer.said for answer in self.answers.get(journal, ())} - told:
                    measured.wrong.append(f"journal {journal}: what the firm did not say")
        letters: Counter[tuple[int, int]] = Counter()
        for journal, answers in self.answers.items():
            if journal not in self._amounts:
                letters.update(answer.place for answer in answers)  # of no journal of ours
                continue
            measured.answers_repeated += len(answers) - len({one.event_id for one in answers})
            self._follow(measured, journal, answers, letters)
        for partition, offset in letters - self._letters:
            measured.lost.append(f"the dead letter of answer {partition}/{offset}")
        for partition, offset in self._letters - letters:
            measured.doubled.append(f"a dead letter of answer {partition}/{offset}")

    def _follow(
        self,
        measured: Measured,
        journal: str,
        answers: list[_Answer],
        letters: Counter[tuple[int, int]],
    ) -> None:
        """See what became of the answers to one journal, in the order they came."""
        first: _Answer | None = None
        for answer in answers:
            if answer.said != _COMPLETED and answer.said not in _KNOWN_REASONS:
                letters[answer.place] += 1
            elif first is None:
                first = answer
            elif answer.said != first.said:
                letters[answer.place] += 1
        call = journal.rpartition("-")[0]
        found = [
            (outcome, of_call)
            for event_id in {answer.event_id for answer in answers}
            for outcome, of_call in self._outcomes.get(event_id, ())
        ]
        if first is None:
            if found:
                measured.wrong.append(f"journal {journal}: an outcome without an answer")
            return
        measured.once(f"the outcome of journal {journal}", len(found))
        if found and found[0] != (first.said, call):
            measured.wrong.append(f"journal {journal}: {first.said} became {found[0][0]}")


def _said(answer: dict[str, Any]) -> str:
    return _COMPLETED if answer["status"] == _COMPLETED else str(answer["reason"])
