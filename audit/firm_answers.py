"""The simulated clearing firm's answers, held against the journals asked for (section 12).

It completes each after two seconds, up to the end of the replay, and only where the input has no
answers of its own.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import orjson

from audit.cause import Cause
from replay.difference import DifferenceError
from replay.input_files import FOLDER
from schemas.instant import Micros, time_text
from schemas.money import usd
from topics.catalogue import APEX_JOURNAL_RESULTS
from topics.decode import Refused, decode

ANSWERED_AFTER: Micros = 2_000_000
NAME = f"{FOLDER}/{APEX_JOURNAL_RESULTS}.jsonl"


class FirmAnswers:
    """What the firm has to say, journal by journal, and what is kept of it."""

    def __init__(self, directory: Path, close_at_end: ExitStack) -> None:
        """Open what is kept, if anything is."""
        self.path: Path | None = directory / NAME
        self._lines: Iterator[bytes] = iter(())
        if self.path.is_file():
            self._lines = iter(close_at_end.enter_context(self.path.open("rb")))
        else:
            self.path = None
        self._number = 0
        # The first answer that is not kept: when it would have been given, to which account.
        self._missing: tuple[Micros, str, str] | None = None

    def requested(self, account_id: str, journal_id: str, amount: int, cause: Cause) -> None:
        """Demand the answer to a request, unless the replay ended before.

        Raises:
            DifferenceError: the next answer is another.
        """
        at = cause.at + ANSWERED_AFTER
        value = {
            "type": "ApexJournalCompleted",
            "event_id": f"{journal_id}-completed",
            "event_time": time_text(at),
            "account_id": account_id,
            "journal_id": journal_id,
            "amount": usd(amount),
        }
        # It is silent where its answer would be beyond the limits of an input.
        if self._missing is not None or isinstance(decode(APEX_JOURNAL_RESULTS, value), Refused):
            return
        line = next(self._lines, None)
        if line is None:
            self._missing = (at, account_id, journal_id)
            return
        self._number += 1
        expected = {"topic": APEX_JOURNAL_RESULTS, "value": value}
        if line != orjson.dumps(expected) + b"\n":
            raise DifferenceError(
                f"{NAME} line {self._number}",
                "the answer",
                expected=orjson.dumps(expected).decode(),
                found=line.decode(errors="replace"),
                account=account_id,
            )

    def close(self, end: Micros | None, *, input_answers: bool) -> None:
        """Demand that it said all up to the end, and no more.

        `input_answers`: whether the input has answers of its own, so that the firm is silent.

        Raises:
            DifferenceError: it did not.
        """
        for line in self._lines:
            raise DifferenceError(
                f"{NAME} line {self._number + 1}",
                "the answer",
                expected="none: no journal was asked for",
                found=line.decode(errors="replace"),
            )
        if self.path is not None and input_answers:
            raise DifferenceError(
                NAME, "the file", expected="none: the input has answers", found="a file"
            )
        if input_answers or self._missing is None or end is None or self._missing[0] > end:
            return
        at, account_id, journal_id = self._missing
        raise DifferenceError(
            f"{NAME} line {self._number + 1}",
            "the answer",
            expected=f"{journal_id} completed at {time_text(at)}",
            found="no such line",
            account=account_id,
        )
