"""Customer funding (contract section 8): the answer, entry, flags and balance of a step.

funding_inputs.py decides each step.
"""

from dataclasses import dataclass
from typing import Any

from audit import entries
from audit.account import Account
from audit.cause import Cause
from audit.entries import Movement
from audit.files import Activity, ActivityKind, DayRows
from audit.ledger import Ledger
from audit.topic_file import TopicFile
from schemas.instant import Micros, milliseconds_text
from schemas.money import usd
from topics.catalogue import FUNDINGS

MINIMUM_WITHDRAWAL = 10_00


@dataclass(slots=True)
class FundingStep:
    """One step that was acted on. `amount` in cents, signed only of an adjustment.

    `movement` None: a requested withdrawal. `announced`: the amount that answers and flags carry,
    if it is another (what a DECEASED_PARTY gets back is negative there). `flags`: what is flagged
    beside NEGATIVE_BALANCE. `kind`, `reference`: of its row of cash activity. `memo`: the row is
    all that it makes.
    """

    cause_id: str
    at: Micros
    account_id: str
    client: str
    movement: Movement | None
    amount: int
    funding_id: str
    at_expense_of: str = ""
    announced: int | None = None
    flags: tuple[str, ...] = ()
    kind: ActivityKind = ("", "", "")
    reference: str = ""
    memo: bool = False

    @property
    def lowers_cash(self) -> bool:
        """Whether it is one of the steps that may take cash below zero."""
        return self.movement is Movement.DEBITED or (
            self.movement is Movement.ADJUSTED and self.amount < 0
        )


class Fundings:
    """Computes the events of each funding step, in order."""

    def __init__(self, ledger: Ledger, updates: TopicFile, rows: DayRows) -> None:
        """Start before the first."""
        self.ledger = ledger
        self.updates = updates
        self.rows = rows
        self.steps = 0

    def apply(self, step: FundingStep) -> str | None:
        """Take all that a step has to make; return why it was refused, if it was.

        Raises:
            DifferenceError: a topic's next event is not what has to come.
        """
        self.steps += 1
        account = self.ledger.account(step.account_id, step.client)
        if step.memo:
            self._note(account, step, step.cause_id)
            return None
        cause = Cause(FUNDINGS, step.cause_id, step.at)
        if step.movement is None:
            refusal = self.withdrawal_refusal(account, step)
            kind = "WithdrawalAccepted" if refusal is None else "WithdrawalRefused"
            answer = self._about(kind, account, step, cause, refusal)
            self.updates.expect(answer)
            if refusal is not None:
                return refusal
            self._post(account, step, Movement.SET_ASIDE, cause, answer["event_id"])
        else:
            self._post(account, step, step.movement, cause, step.cause_id)
        self.ledger.announce(account, cause)
        return None

    def _post(
        self,
        account: Account,
        step: FundingStep,
        movement: Movement,
        cause: Cause,
        activity_id: str,
    ) -> None:
        self.ledger.book(
            account,
            entries.funding(movement, account.account_id, step.amount, step.at_expense_of),
            cause,
        )
        flags = list(step.flags)
        if step.lowers_cash and account.cash < 0:
            flags.append("NEGATIVE_BALANCE")
        for flag in flags:
            self.updates.expect(self._about("FundingFlagged", account, step, cause, flag))
        if movement is not Movement.PAID_OUT:
            self._note(account, step, activity_id)

    def _note(self, account: Account, step: FundingStep, activity_id: str) -> None:
        self.rows.activities[account.client].append(
            Activity(
                account.account_id,
                activity_id,
                abs(step.amount),
                milliseconds_text(step.at),
                step.kind,
                step.reference,
            )
        )

    @staticmethod
    def withdrawal_refusal(account: Account, step: FundingStep) -> str | None:
        """Return why a withdrawal is refused, looked at in the contract's order."""
        if account.mode == "LOCKED":
            return "ACCOUNT_RESTRICTED"
        if step.amount < MINIMUM_WITHDRAWAL:
            return "BELOW_MINIMUM"
        if step.amount > account.cash - account.open_withdrawals:
            return "INSUFFICIENT_FUNDS"
        return None

    @staticmethod
    def _about(
        kind: str, account: Account, step: FundingStep, cause: Cause, reason: str | None
    ) -> dict[str, Any]:
        return cause.about(
            kind,
            account.account_id,
            account.client,
            funding_id=step.funding_id,
            amount=usd(step.amount if step.announced is None else step.announced),
            reason=reason,
        )
