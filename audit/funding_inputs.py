"""Funding steps, decided anew from the inputs (contract section 8)."""

import datetime as dt
from dataclasses import dataclass, field

from audit.account import Account
from audit.entries import Movement, expense_accounts
from audit.funding import FundingStep
from schemas.funding import CashAdjusted, Funding
from schemas.instant import Micros
from settlement.ach_return_codes import RETURN_CODES
from settlement.calendar import bank_days_after, civil_date

_TWO_BANK_DAYS = frozenset({"R01", "R02", "R03", "R09", "R16", "R20", "R29"})
_SIXTY_DAYS = frozenset({"R05", "R07", "R10", "R11"})

# Which steps there are, by the event and the state that it finds (None: the funding is new): the
# state that it leaves, what it does to the money, and what its row of cash activity says.
_STEPS: dict[tuple[str, str | None], tuple[str, Movement | None, str, str]] = {
    ("DepositInitiated", None): ("initiated", Movement.INITIATED, "DEPOSIT", "INITIATED"),
    ("DepositSettled", None): ("settled", Movement.CREDITED, "DEPOSIT", "SETTLED"),
    ("DepositSettled", "initiated"): ("settled", Movement.ARRIVED, "DEPOSIT", "SETTLED"),
    ("DepositReturned", "initiated"): ("over", Movement.RELEASED, "DEPOSIT", "RETURNED"),
    ("DepositReturned", "settled"): ("over", Movement.DEBITED, "DEPOSIT", "RETURNED"),
    ("DepositCancelled", "initiated"): ("over", Movement.RELEASED, "DEPOSIT", "CANCELLED"),
    ("DepositDeclined", "initiated"): ("over", Movement.RELEASED, "DEPOSIT", "DECLINED"),
    ("WithdrawalRequested", None): ("accepted", None, "WITHDRAWAL", "ACCEPTED"),
    ("WithdrawalSettled", "accepted"): ("paid", Movement.PAID_OUT, "WITHDRAWAL", "SETTLED"),
    ("WithdrawalRejected", "accepted"): ("over", Movement.GIVEN_BACK, "WITHDRAWAL", "REJECTED"),
    ("WithdrawalReturned", "paid"): ("over", Movement.CREDITED, "WITHDRAWAL", "RETURNED"),
    ("CashAdjusted", None): ("over", Movement.ADJUSTED, "", "SETTLED"),
}


@dataclass(slots=True)
class _Funding:
    """One funding; `contents`: of the steps that were acted on, by event type."""

    memo: bool = False
    state: str | None = None
    amount: int = 0
    settled_on: dt.date | None = None
    contents: dict[str, tuple[object, ...]] = field(default_factory=dict)


class FundingInputs:
    """All fundings by account and `funding_id`."""

    def __init__(self) -> None:
        """Start without one."""
        self._fundings: dict[tuple[str, str], _Funding] = {}

    def refusal(self, event: Funding, account: Account) -> str | None:
        """Return the reason for which a step is dead-lettered; None: it is not."""
        funding = self._of(event)
        before = funding.contents.get(event.type)
        if before is not None:
            return None if before == _content(event) else "CONFLICT"
        if (event.type, funding.state) not in _STEPS:
            return "BAD_TRANSITION"
        if funding.state is None and account.model == "NET_SETTLEMENT":
            is_ours = event.type == "WithdrawalRequested" and account.cash > 0
            return None if is_ours else "FUNDING_NOT_OURS"
        if funding.state is not None and event.amount != funding.amount:
            return "AMOUNT_MISMATCH"
        return None

    def step(self, event: Funding, account: Account, at: Micros) -> FundingStep | None:
        """Return the step that a funding that is not refused makes; None: it is a repeat."""
        funding = self._of(event)
        if event.type in funding.contents:
            return None
        state, movement, direction, status = _STEPS[event.type, funding.state]
        if funding.state is None:
            # The model of the first step governs all.
            of_the_firm = account.model == "APEX_CLEARING"
            takes_our_cash = event.type == "WithdrawalRequested" and account.cash > 0
            funding.memo = of_the_firm and not takes_our_cash
        step = FundingStep(
            event.event_id,
            at,
            event.account_id,
            account.client,
            movement,
            event.amount,
            event.funding_id,
            reference=event.reference or "",
            memo=funding.memo,
        )
        if funding.memo and status == "ACCEPTED":
            status = "REQUESTED"
        if isinstance(event, CashAdjusted):
            direction = "DEPOSIT" if event.amount > 0 else "WITHDRAWAL"
            step.kind = (event.adjustment_type, direction, status)
            _at_expense(step, event)
        else:
            step.kind = (event.instrument_type, direction, status)
            if status == "RETURNED":
                step.flags = _flags(event.return_code, funding.settled_on, civil_date(at))
        if funding.state is None:
            funding.amount = event.amount
        if state in {"settled", "paid"}:
            funding.settled_on = civil_date(at)
        funding.contents[event.type] = _content(event)
        funding.state = state
        return step

    def refused(self, event: Funding) -> None:
        """Note that a requested withdrawal was refused: nothing can follow."""
        self._of(event).state = "over"

    def _of(self, event: Funding) -> _Funding:
        return self._fundings.setdefault((event.account_id, event.funding_id), _Funding())


def _at_expense(step: FundingStep, event: CashAdjusted) -> None:
    if event.adjustment_type == "DECEASED_PARTY":
        step.movement = Movement.CREDITED if event.amount > 0 else Movement.DEBITED
        step.amount = abs(event.amount)
        step.announced = event.amount
        return
    of_type = {kind: account for account, kind in expense_accounts(step.client).items()}
    step.at_expense_of = of_type[event.adjustment_type]


def _flags(code: str | None, settled_on: dt.date | None, today: dt.date) -> tuple[str, ...]:
    """Return what is flagged of a return beside a negative balance."""
    if code is None:
        return ()
    if code not in RETURN_CODES:
        return ("UNKNOWN_RETURN_CODE",)
    if settled_on is None:
        return ()
    late = (code in _TWO_BANK_DAYS and today > bank_days_after(settled_on, 2)) or (
        code in _SIXTY_DAYS and (today - settled_on).days > 60  # noqa: PLR2004 - calendar days
    )
    return ("LATE_RETURN",) if late else ()


def _content(event: Funding) -> tuple[object, ...]:
    """Return all but `event_id` and `event_time`."""
    if isinstance(event, CashAdjusted):
        return (event.adjustment_type, event.amount, event.reference)
    return (event.instrument_type, event.amount, event.reference, event.return_code)
