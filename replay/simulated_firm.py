"""A simulated clearing firm: it completes every journal two seconds after the request.

It answers only where the input has no answers of a real one (contract section 12). It is silent
where its answer would be beyond the limits of an input: an amount of 10^12 or more, or a time after
2099.
"""

import sys
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from replay.read import InputLine
from schemas.instant import Micros, micros, time_text
from topics.catalogue import APEX_JOURNAL_RESULTS, INPUT_ORDER
from topics.decode import Refused, decode

ANSWERS_AFTER: Micros = 2_000_000
_RANK = INPUT_ORDER.index(APEX_JOURNAL_RESULTS)
# Of input positions: behind those of all files.
_SOURCE = sys.maxsize


class SimulatedFirm:
    """Answers that are on their way, in the order of the requests."""

    def __init__(
        self,
        kept: Callable[[bytes], None] = lambda _: None,
        *,
        input_answers: Callable[[], bool] = lambda: False,
    ) -> None:
        """Start without a request.

        `kept` takes each answer that is given, as a line of input. `input_answers` is asked once,
        at the first request, whether the input has answers of its own: then none is given.
        """
        self._kept = kept
        self._input_answers = input_answers
        self._silent: bool | None = None
        # Answers that are on their way, the earliest first.
        self.waiting: deque[InputLine] = deque()
        self._number = 0

    def requested(self, event: Mapping[str, Any]) -> None:
        """Take an `ApexJournalRequested`."""
        if self._silent is None:
            self._silent = self._input_answers()
        if self._silent:
            return
        at = micros(event["event_time"]) + ANSWERS_AFTER
        value = {
            "type": "ApexJournalCompleted",
            "event_id": f"{event['journal_id']}-completed",
            "event_time": time_text(at),
            "account_id": event["account_id"],
            "journal_id": event["journal_id"],
            "amount": event["amount"],
        }
        answer = decode(APEX_JOURNAL_RESULTS, value)
        if isinstance(answer, Refused):
            return
        self._number += 1
        self.waiting.append(
            InputLine(
                at,
                _RANK,
                _SOURCE,
                self._number,
                APEX_JOURNAL_RESULTS,
                answer,
                orjson.dumps({"topic": APEX_JOURNAL_RESULTS, "value": value}),
            )
        )

    def is_before(self, at: Micros, rank: int) -> bool:
        """Whether the next answer comes before an input of this time and rank."""
        return bool(self.waiting) and (self.waiting[0].at, _RANK) < (at, rank)

    def answer(self) -> InputLine:
        """Give the next answer."""
        line = self.waiting.popleft()
        self._kept(line.text)
        return line
