"""Funding steps, read off what was written, where the inputs are not at hand.

An entry tells which movement it was; the ids tell that a funding caused it. What only the inputs
know is believed: the funding's own id, the flags that a return's code and date decide, a
restricted account.
"""

from collections.abc import Callable
from typing import get_args

from replay.audit import entries, numbers
from replay.audit.cause import event_id
from replay.audit.entries import Movement
from replay.audit.files import ActivityKind
from replay.audit.funding import Fundings, FundingStep
from replay.audit.topic_file import Written
from schemas.funding import InstrumentType
from schemas.money import usd
from topics.catalogue import FUNDINGS

_INSTRUMENTS: tuple[str, ...] = get_args(InstrumentType)


def _of_any_instrument(direction: str, *statuses: str) -> tuple[ActivityKind, ...]:
    return tuple((kind, direction, status) for kind in _INSTRUMENTS for status in statuses)


# What a row of cash activity may say of a movement, as long as only the movement is known.
_KINDS: dict[Movement, tuple[ActivityKind, ...]] = {
    Movement.INITIATED: _of_any_instrument("DEPOSIT", "INITIATED"),
    Movement.RELEASED: _of_any_instrument("DEPOSIT", "RETURNED", "CANCELLED", "DECLINED"),
    Movement.ARRIVED: _of_any_instrument("DEPOSIT", "SETTLED"),
    Movement.CREDITED: (
        *_of_any_instrument("DEPOSIT", "SETTLED"),
        *_of_any_instrument("WITHDRAWAL", "RETURNED"),
        ("DECEASED_PARTY", "DEPOSIT", "SETTLED"),
    ),
    Movement.DEBITED: (
        *_of_any_instrument("DEPOSIT", "RETURNED"),
        ("DECEASED_PARTY", "WITHDRAWAL", "SETTLED"),
    ),
    Movement.SET_ASIDE: _of_any_instrument("WITHDRAWAL", "ACCEPTED"),
    Movement.PAID_OUT: (),
    Movement.GIVEN_BACK: _of_any_instrument("WITHDRAWAL", "REJECTED"),
}
# What may be flagged of a movement beside NEGATIVE_BALANCE; only what had settled can be late.
_FLAGS: dict[Movement | None, frozenset[str]] = {
    Movement.RELEASED: frozenset({"UNKNOWN_RETURN_CODE"}),
    Movement.CREDITED: frozenset({"UNKNOWN_RETURN_CODE", "LATE_RETURN"}),
    Movement.DEBITED: frozenset({"UNKNOWN_RETURN_CODE", "LATE_RETURN"}),
}


class WrittenFundings:
    """Finds the funding steps between the steps of trading."""

    def __init__(self, fundings: Fundings) -> None:
        """Start before the first."""
        self.fundings = fundings
        self.updates = fundings.updates
        self.journal = fundings.ledger.journal

    def apply_next(self, comes_before: Callable[[Written], bool]) -> bool:
        """Refold the next step, if it comes before a step of trading; return whether it does.

        Raises:
            DifferenceError: an entry is no funding's, or what follows from it is not there.
        """
        answer, entry = (
            line if line is not None and comes_before(line) else None
            for line in (self.updates.head, self.journal.head)
        )
        if answer is None and entry is None:
            return False
        self.fundings.apply(self._next(answer, entry))
        return True

    def _next(self, answer: Written | None, entry: Written | None) -> FundingStep:
        if answer is not None and answer.event["type"] == "WithdrawalRefused":
            step = self._requested(answer)
            if entry is None or answer.at < entry.at:
                return step
            account = self.fundings.ledger.accounts.get(step.account_id)
            # In one instant only the inputs know which came first: the one that explains it.
            refusal = account and self.fundings.withdrawal_refusal(account, step)
            if answer.at == entry.at and refusal == answer.event["reason"]:
                return step
        if entry is not None:
            accepted = answer is not None and answer.event["cause_id"] == entry.event["cause_id"]
            if accepted and answer is not None and answer.event["type"] == "WithdrawalAccepted":
                return self._requested(answer)
            return self._entered(entry)
        if answer is None:
            raise AssertionError("one of both is there")
        if answer.event["type"] == "FundingFlagged":
            raise self.updates.surplus("no entry belongs to the flag")
        return self._requested(answer)

    def _requested(self, answer: Written) -> FundingStep:
        event = self.updates.checked(answer).event
        account_id, client = event["account_id"], event["client"]
        if account_id is None or client is None:
            raise self.updates.surplus("it names no account")
        return FundingStep(
            event["cause_id"],
            answer.at,
            account_id,
            client,
            None,
            self.updates.number(answer, "amount", event["amount"], numbers.cents),
            event["funding_id"],
            found_refusal=event["reason"] or "",
            kinds=_KINDS[Movement.SET_ASIDE],
        )

    def _entered(self, entry: Written) -> FundingStep:
        event = self.journal.checked(entry).event
        account_id, cause_id = event["account_id"] or "", event["cause_id"]
        if event["event_id"] != event_id(FUNDINGS, cause_id, "JournalEntry", account_id, 1):
            raise self.journal.surplus("nothing that was executed or funded makes it")
        step = _reading(account_id, event["client"], event["postings"])
        if step is None:
            raise self.journal.differs(
                entry,
                "postings",
                expected="an entry of contract section 9",
                found=event["postings"],
            )
        step.cause_id, step.at = cause_id, entry.at
        if step.movement is Movement.SET_ASIDE:
            step.movement = None  # it has to be announced, too
        head = self.updates.head
        if head is not None and head.event["cause_id"] == cause_id:
            self.updates.checked(head)
            step.funding_id = head.event["funding_id"]
            if step.movement is Movement.DEBITED and head.event["amount"] == usd(-step.amount):
                step.announced = -step.amount
            possible = _FLAGS.get(step.movement)
            if possible is not None and head.event["reason"] in possible:
                step.flags = (head.event["reason"],)
        return step


def _reading(account_id: str, client: str, postings: list[dict[str, str]]) -> FundingStep | None:
    """Return the funding step whose entry these postings are, None if there is none."""
    own = f"customer:{account_id}:"
    expenses = entries.expense_accounts(client)
    texts = [p["amount"] for p in postings if p["account"].startswith(own) and p["asset"] == "USD"]
    if not texts:
        return None
    try:
        amount = numbers.cents(texts[0])
    except ValueError:
        return None
    found = sorted((p["account"], p["asset"], p["amount"]) for p in postings)
    for movement, kinds in _KINDS.items():
        step = FundingStep("", 0, account_id, client, movement, abs(amount), "", kinds=kinds)
        if _posted(entries.funding(movement, account_id, abs(amount))) == found:
            return step
    for expense, adjustment in expenses.items():
        entry = entries.funding(Movement.ADJUSTED, account_id, amount, expense)
        if _posted(entry) == found:
            direction = "DEPOSIT" if amount > 0 else "WITHDRAWAL"
            return FundingStep(
                "",
                0,
                account_id,
                client,
                Movement.ADJUSTED,
                amount,
                "",
                expense,
                kinds=((adjustment, direction, "SETTLED"),),
            )
    return None


def _posted(entry: entries.Entry) -> list[tuple[str, str, str]]:
    """Return an entry's postings in an order of their own."""
    return sorted((p["account"], p["asset"], p["amount"]) for p in entries.written(entry))
