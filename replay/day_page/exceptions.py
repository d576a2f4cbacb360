"""What did not go its usual way: refused inputs, flagged fundings, accounts below zero."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from replay.day_page.period import Period
from replay.day_page.topic_events import Event
from schemas.instant import micros
from schemas.money import CENTS_DECIMALS, Cents, reread


@dataclass(frozen=True, slots=True)
class LettersOf:
    """Dead letters of one topic and reason, by what the first of them says."""

    topic: str
    reason: str
    first: str


class Exceptions:
    """Counted in the period; accounts below zero as they are at its end."""

    def __init__(self) -> None:
        """Start with none."""
        self.dead_letters: Counter[tuple[str, str]] = Counter()
        self.first_detail: dict[tuple[str, str], str] = {}
        self.flags: Counter[str] = Counter()
        self.refused_withdrawals: Counter[str] = Counter()
        self.negative: dict[str, Cents] = {}

    def read_dead_letters(self, events: Iterable[Event], period: Period) -> None:
        """Count the dead letters by topic and reason, and keep what the first says."""
        for event in events:
            at = micros(event["event_time"])
            # What was refused before time began belongs to the beginning; perhaps there is no more.
            if not period.is_empty and at >= period.end:
                continue
            if at < period.start and not period.is_first:
                continue
            kind = (event["source_topic"], event["reason"])
            self.dead_letters[kind] += 1
            self.first_detail.setdefault(kind, event["detail"])

    def read_fundings(self, events: Iterable[Event], period: Period) -> None:
        """Count flags and refused withdrawals by reason."""
        for event in events:
            if micros(event["event_time"]) not in period:
                continue
            if event["type"] == "FundingFlagged":
                self.flags[event["reason"]] += 1
            elif event["type"] == "WithdrawalRefused":
                self.refused_withdrawals[event["reason"]] += 1

    def read_balances(self, events: Iterable[Event], period: Period) -> None:
        """Keep the accounts whose settled cash is below zero at the period's end."""
        for event in events:
            if micros(event["event_time"]) >= period.end:
                continue
            if event["negative"]:
                self.negative[event["account_id"]] = reread(event["settled"], CENTS_DECIMALS)
            else:
                self.negative.pop(event["account_id"], None)

    def letters(self) -> list[tuple[LettersOf, int]]:
        """Return the kinds of dead letters, the most frequent first."""
        kinds = sorted(self.dead_letters.items(), key=lambda kind: (-kind[1], kind[0]))
        return [(LettersOf(*kind, self.first_detail[kind]), count) for kind, count in kinds]
