"""Cash calls over a period: open, settled, aged."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from replay.day_page.period import Period, Steps
from replay.day_page.tally import Tally
from replay.day_page.topic_events import Event
from schemas.instant import Micros, micros
from schemas.money import CENTS_DECIMALS, Cents, reread

# Five minutes apart over the longest day, of 25 hours.
_STEPS_MAX = 300


@dataclass(slots=True)
class OpenCall:
    """A cash call that is neither settled nor written off; aged once it has failed."""

    cash_call_id: str
    execution_id: str
    account_id: str
    client: str
    direction: str
    cents: Cents
    failed: int = 0
    first_failed_at: Micros = 0
    last_reason: str = ""


class _Series:
    """Per step of a period: a change of a number, in count and cents; added up at the end."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self.before = Tally()
        self._counts = [0] * steps.count
        self._cents = [0] * steps.count

    def change(self, at: Micros, period: Period, cents: Cents, sign: int = 1) -> None:
        """Take note of a change; `sign` -1: one less."""
        if at < period.start:
            self.before.count += sign
            self.before.cents += sign * cents
        else:
            step = self._steps.index(at)
            self._counts[step] += sign
            self._cents[step] += sign * cents

    def counts(self) -> list[int]:
        """Return the changes by step."""
        return self._counts

    def cents(self) -> list[Cents]:
        """Return the changes by step, in cents."""
        return self._cents

    def level(self) -> list[Tally]:
        """Return the number at the end of each step."""
        counts = accumulate(self._counts, initial=self.before.count)
        cents = accumulate(self._cents, initial=self.before.cents)
        return [Tally(*both) for both in zip(counts, cents, strict=True)][1:]


class CashCalls:
    """Calls of a period. What is kept: the open ones, and sums by step.

    opening + requested = settled at once + after a retry + written off + open at the end, in number
    and in cents.
    """

    def __init__(self, period: Period) -> None:
        """Start with none."""
        self.period = period
        self.steps = Steps(period, _STEPS_MAX)
        self.requested = Tally()
        self.settled_at_once = Tally()
        self.settled_after_retry = Tally()
        self.written_off = Tally()
        self.recovered = Tally()
        self.failures: Counter[str] = Counter()
        self.open: dict[str, OpenCall] = {}
        self.settled_by_step = _Series(self.steps)
        self.open_by_step = _Series(self.steps)
        self.aged_by_step = _Series(self.steps)

    @property
    def opening(self) -> Tally:
        """What was open when the period began."""
        return self.open_by_step.before

    @property
    def aged(self) -> list[OpenCall]:
        """Open calls that failed at least once: the greatest first, then by id."""
        aged = [call for call in self.open.values() if call.failed]
        return sorted(aged, key=lambda call: (-call.cents, call.cash_call_id))

    @property
    def waiting(self) -> Tally:
        """Open calls that have not failed: the clearing firm has yet to answer."""
        waiting = Tally()
        for call in self.open.values():
            if not call.failed:
                waiting.add(call.cents)
        return waiting

    def read(self, events: Iterable[Event]) -> None:
        """Fold the cash calls up to the period's end; those of one call come in order."""
        for event in events:
            at = micros(event["event_time"])
            if at >= self.period.end:
                continue
            self._fold(event, at, counted=at in self.period)

    def _fold(self, event: Event, at: Micros, *, counted: bool) -> None:
        kind = event["type"]
        cents = reread(event["amount"], CENTS_DECIMALS)
        call_id = event["cash_call_id"]
        if kind == "CashCallRequested":
            self.open[call_id] = OpenCall(
                call_id,
                event["execution_id"],
                event["account_id"],
                event["client"],
                event["direction"],
                cents,
            )
            self.open_by_step.change(at, self.period, cents)
            if counted:
                self.requested.add(cents)
        elif kind == "CashCallFailed":
            call = self.open[call_id]
            if not call.failed:
                call.first_failed_at = at
                self.aged_by_step.change(at, self.period, cents)
            call.failed += 1
            call.last_reason = event["reason"]
            if counted:
                self.failures[event["reason"]] += 1
        elif kind == "WriteOffRecovered":
            if counted:
                self.recovered.add(cents)
        else:
            self._close(event, at, cents, counted=counted)

    def _close(self, event: Event, at: Micros, cents: Cents, *, counted: bool) -> None:
        call = self.open.pop(event["cash_call_id"])
        self.open_by_step.change(at, self.period, cents, -1)
        if call.failed:
            self.aged_by_step.change(at, self.period, cents, -1)
        if not counted:
            return
        if event["type"] == "CashCallWrittenOff":
            self.written_off.add(cents)
            return
        self.settled_by_step.change(at, self.period, cents)
        if event["attempt"] == 1:
            self.settled_at_once.add(cents)
        else:
            self.settled_after_retry.add(cents)
