"""What moves customers' money: deposits, withdrawals, returns, adjustments."""

from collections.abc import Iterator
from typing import NamedTuple

from replay.generate.agenda import HOUR, Agenda, Story
from replay.generate.cast import (
    ACH_CLEARS_LATER,
    FUNDED,
    LATE_MONEY,
    LOCKED,
    RETURNED,
    Customer,
)
from replay.generate.chance import Draw, between
from schemas.instant import MINUTE, SECOND, Micros
from schemas.money import Cents, usd
from topics.catalogue import FUNDINGS


class Step(NamedTuple):
    """One event of a funding, so many minutes after the first; or an adjustment of that type."""

    after_minutes: int
    event: str
    return_code: str | None = None


class FundingStory(NamedTuple):
    """`amount` in cents from and to; the same amount in every step."""

    instrument_type: str
    amount: tuple[Cents, Cents]
    steps: tuple[Step, ...]


_SMALL = (1_000, 9_000)
_SOME = (10_000, 90_000)
_DAY_MINUTES = 24 * 60
_INITIATED = Step(0, "DepositInitiated")
_SETTLED = Step(0, "DepositSettled")
_REQUESTED = Step(0, "WithdrawalRequested")
FUNDING_STORIES = (
    FundingStory("ACH", _SOME, (_INITIATED, Step(180, "DepositSettled"))),
    FundingStory("ACH", _SOME, (_INITIATED, Step(45, "DepositCancelled"))),
    FundingStory("DEBIT", _SOME, (_INITIATED, Step(1, "DepositDeclined"))),
    FundingStory("ACH", _SOME, (_INITIATED, Step(240, "DepositReturned", "R03"))),
    FundingStory(
        "ACH",
        _SOME,
        (_INITIATED, Step(60, "DepositSettled"), Step(420, "DepositReturned", "R01")),
    ),
    FundingStory("ACH", _SOME, (_SETTLED, Step(300, "DepositReturned", "R10"))),
    # Two banking days are over after six days, whatever the weekend or holiday between. A day of
    # 24 hours ends before.
    FundingStory("ACH", _SOME, (_SETTLED, Step(6 * _DAY_MINUTES, "DepositReturned", "R01"))),
    # R99 is no ACH return code.
    FundingStory("ACH", _SOME, (_SETTLED, Step(200, "DepositReturned", "R99"))),
    FundingStory("WIRE", _SOME, (_SETTLED, Step(5, "DepositSettled"))),  # repeated: no effect
    FundingStory("ACH", _SOME, (_INITIATED,)),
    FundingStory("WIRE", _SMALL, (_REQUESTED, Step(120, "WithdrawalSettled"))),
    FundingStory("ACH", _SMALL, (_REQUESTED, Step(90, "WithdrawalRejected"))),
    FundingStory(
        "ACH",
        _SMALL,
        (_REQUESTED, Step(60, "WithdrawalSettled"), Step(400, "WithdrawalReturned", "R02")),
    ),
    FundingStory("WIRE", (500, 999), (_REQUESTED,)),  # below the minimum
    FundingStory("WIRE", (90_000_000, 90_000_000), (_REQUESTED,)),  # more than anybody has
    FundingStory("", (-3_000, -2_000), (Step(0, "ACH_RETURN_FEE"),)),
    FundingStory("", _SMALL, (Step(0, "PARTNER_WRITE_OFF"),)),
    FundingStory("", _SMALL, (Step(0, "PLATFORM_WRITE_OFF"),)),
    FundingStory("", (-9_000, -1_000), (Step(0, "DECEASED_PARTY"),)),
    FundingStory("", (-500, -100), (Step(0, "OTHER_ADJUSTMENT"),)),
    FundingStory("", (100, 500), (Step(0, "OTHER_ADJUSTMENT"),)),
)
# One funded account in this many has such a story, by turns.
_FUNDING_STORY_EVERY = 3
# A customer whose cash is guessed to be below this, in cents, pays in again.
_LOW_CASH: Cents = 100_000
# What other habits have beside their opening deposit.
_ACH_CLEARS = FundingStory("ACH", (300_000, 900_000), (_INITIATED, Step(5 * 60, "DepositSettled")))
_SPENT_AND_RETURNED = FundingStory(
    "ACH", _SOME, (_SETTLED, Step(10 * 60, "DepositReturned", "R01"))
)
_RETURN_FEE = FundingStory("", (-3_000, -3_000), (Step(0, "ACH_RETURN_FEE"),))
_LOCKED_WITHDRAWAL = FundingStory("WIRE", _SMALL, (_REQUESTED,))  # refused ACCOUNT_RESTRICTED


class Fundings:
    """What customers' money does."""

    def __init__(self, agenda: Agenda, draw: Draw) -> None:
        self._agenda = agenda
        self._draw = draw

    def opening_deposit(self, customer: Customer) -> None:
        """Say the customer's first deposit, if there is one."""
        if customer.habit.opening != (0, 0) and customer.pays_in:
            self._settle_deposit(customer, 100 * between(self._draw, customer.habit.opening))

    def stories(self, customer: Customer) -> Iterator[Story]:
        """Give the stories that follow the opening deposit."""
        habit, agenda = customer.habit, self._agenda
        soon = agenda.now + MINUTE
        if habit is FUNDED:
            turn, rest = divmod(agenda.number(FUNDED.name), _FUNDING_STORY_EVERY)
            if not rest:
                # Within the first day, so that what takes a week is seen in eight days.
                day = min(agenda.end - agenda.start, 24 * HOUR)
                begin = agenda.start + day * (50 + self._draw(500)) // 1000
                yield self._funding(customer, _story(turn), begin)
                yield self._on_later_days(customer, turn)
        elif habit is ACH_CLEARS_LATER:
            yield self._funding(customer, _ACH_CLEARS, soon)
        elif habit is LATE_MONEY:
            yield self._late_money(customer)
        elif habit is RETURNED:
            yield self._funding(customer, _SPENT_AND_RETURNED, soon)
            yield self._funding(customer, _RETURN_FEE, soon + 11 * HOUR)
        elif habit is LOCKED:
            yield self._funding(customer, _LOCKED_WITHDRAWAL, agenda.part(300))

    def top_up_when_low(self, customer: Customer) -> None:
        """Let money come to a customer who has little left and is one who sees to it."""
        if customer.cash < _LOW_CASH and customer.habit.tops_up and customer.pays_in:
            amount = 200_000 + self._draw(800_000)
            # Counted when it is promised, so that it is promised once.
            customer.cash += amount
            self._agenda.tell(self._tops_up(customer, amount))

    def _settle_deposit(self, customer: Customer, amount: Cents) -> None:
        customer.cash += amount
        self._agenda.say(
            FUNDINGS,
            "DepositSettled",
            {
                "funding_id": self._funding_id(),
                "account_id": customer.account_id,
                "instrument_type": "WIRE",
                "amount": usd(amount),
            },
        )

    def _funding(self, customer: Customer, story: FundingStory, begin: Micros) -> Story:
        amount = usd(between(self._draw, story.amount))
        funding_id = self._funding_id()
        for step in story.steps:
            yield begin + step.after_minutes * MINUTE, FUNDINGS
            fields = {
                "funding_id": funding_id,
                "account_id": customer.account_id,
                "amount": amount,
            }
            if story.instrument_type:
                fields["instrument_type"] = story.instrument_type
                if step.return_code is not None:
                    fields["return_code"] = step.return_code
                self._agenda.say(FUNDINGS, step.event, fields)
            else:
                fields["adjustment_type"] = step.event
                self._agenda.say(FUNDINGS, "CashAdjusted", fields)

    def _on_later_days(self, customer: Customer, turn: int) -> Story:
        """Begin another story each day, as long as there are days."""
        day = self._agenda.start
        while True:
            day += 24 * HOUR
            turn += 1
            yield day, FUNDINGS
            begin = day + 24 * HOUR * (50 + self._draw(500)) // 1000
            if customer.pays_in:
                self._agenda.tell(self._funding(customer, _story(turn), begin))

    def _late_money(self, customer: Customer) -> Story:
        yield self._agenda.part(100 + self._draw(600)), FUNDINGS
        self._settle_deposit(customer, 1_000_000)

    def _tops_up(self, customer: Customer, amount: Cents) -> Story:
        yield self._agenda.now + SECOND, FUNDINGS
        self._settle_deposit(customer, amount)

    def _funding_id(self) -> str:
        return f"funding-{self._agenda.number('funding_id')}"


def _story(turn: int) -> FundingStory:
    return FUNDING_STORIES[turn % len(FUNDING_STORIES)]
