"""Fundings under every model (contract section 8): posted, a memo row, or not ours.

The model that an account has at a funding's first step governs all its steps; settled cash can be
withdrawn under any model.
"""

from decimal import Decimal

import pytest

from tests.story import ACCOUNT, CLIENT, Happened, Story

ACTIVITY = f"{CLIENT}/{CLIENT}_CashActivityReport_03-03-26.csv"
CASH = (f"customer:{ACCOUNT}:cash", "USD")
PENDING = (f"customer:{ACCOUNT}:pending", "USD")


def story_of(model: str, cash: str | None = None) -> Story:
    """Return a story in which the account has a model, and cash from Marketplace days before."""
    story = Story(known=False)
    story.client(at="11:59")
    story.instrument(at="11:59")
    story.account(at="11:59")
    story.tick("99.00", "100.00", at="11:59")
    if cash is not None:
        story.funding("DepositSettled", "cash", cash, at="11:59")
    story.account(funding_model=model, at="11:59")
    return story


def tell(story: Story, steps: str, funding_id: str = "F1", amount: str = "50.00") -> Happened:
    """Tell the steps of one funding, as `DepositInitiated DepositSettled`; return the last."""
    happened = Happened([])
    for step in steps.split():
        extra = {"adjustment_type": "OTHER_ADJUSTMENT"} if step == "CashAdjusted" else {}
        event_id = f"{funding_id}-{step}"
        happened = story.funding(step, funding_id, amount, event_id=event_id, **extra)
    return happened


def activity(story: Story) -> list[list[str]]:
    """Return the cash activity file's rows, without the account and the time."""
    story.wait("16:40")
    rows = [line.split(",") for line in story.files[ACTIVITY].splitlines()[1:]]
    return [row[1:6] for row in rows]


def refused(happened: Happened) -> str:
    """Return the reason of the only thing that happened: a dead letter."""
    assert happened.types() == ["DeadLetter"]
    return str(happened.one("DeadLetter")["reason"])


# -- Apex: memo rows -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        pytest.param(
            "DepositInitiated DepositSettled DepositReturned",
            [
                ["F1-DepositInitiated", "ACH", "DEPOSIT", "50.00", "INITIATED"],
                ["F1-DepositReturned", "ACH", "DEPOSIT", "50.00", "RETURNED"],
                ["F1-DepositSettled", "ACH", "DEPOSIT", "50.00", "SETTLED"],
            ],
            id="deposit-settled-and-returned",
        ),
        pytest.param(
            "DepositInitiated DepositCancelled",
            [
                ["F1-DepositCancelled", "ACH", "DEPOSIT", "50.00", "CANCELLED"],
                ["F1-DepositInitiated", "ACH", "DEPOSIT", "50.00", "INITIATED"],
            ],
            id="deposit-cancelled",
        ),
        pytest.param(
            "DepositInitiated DepositDeclined",
            [
                ["F1-DepositDeclined", "ACH", "DEPOSIT", "50.00", "DECLINED"],
                ["F1-DepositInitiated", "ACH", "DEPOSIT", "50.00", "INITIATED"],
            ],
            id="deposit-declined",
        ),
        pytest.param(
            "DepositSettled",
            [["F1-DepositSettled", "ACH", "DEPOSIT", "50.00", "SETTLED"]],
            id="never-initiated",
        ),
        pytest.param(
            "WithdrawalRequested WithdrawalSettled WithdrawalReturned",
            [
                ["F1-WithdrawalRequested", "ACH", "WITHDRAWAL", "50.00", "REQUESTED"],
                ["F1-WithdrawalReturned", "ACH", "WITHDRAWAL", "50.00", "RETURNED"],
                ["F1-WithdrawalSettled", "ACH", "WITHDRAWAL", "50.00", "SETTLED"],
            ],
            id="withdrawal-settled-and-returned",
        ),
        pytest.param(
            "WithdrawalRequested WithdrawalRejected",
            [
                ["F1-WithdrawalRejected", "ACH", "WITHDRAWAL", "50.00", "REJECTED"],
                ["F1-WithdrawalRequested", "ACH", "WITHDRAWAL", "50.00", "REQUESTED"],
            ],
            id="withdrawal-rejected",
        ),
        pytest.param(
            "CashAdjusted",
            [["F1-CashAdjusted", "OTHER_ADJUSTMENT", "DEPOSIT", "50.00", "SETTLED"]],
            id="adjustment",
        ),
    ],
)
def test_an_apex_account_s_funding_is_a_row_for_each_step_and_nothing_else(
    steps: str, wanted: list[list[str]]
) -> None:
    """No event, no posting, no balance: the clearing firm has the money."""
    story = story_of("APEX_CLEARING")
    before = len(story.emitted)
    tell(story, steps)
    assert story.emitted[before:] == []
    assert set(story.ledger.values()) <= {0}
    assert activity(story) == wanted


def test_its_rules_are_those_of_any_funding() -> None:
    """A repeat has no effect, no second row; bad steps and amounts are dead-lettered."""
    story = story_of("APEX_CLEARING")
    tell(story, "DepositInitiated")
    assert story.funding("DepositInitiated", "F1", "50.00").emitted == []
    assert refused(story.funding("DepositInitiated", "F1", "51.00")) == "CONFLICT"
    assert refused(story.funding("DepositSettled", "F1", "51.00")) == "AMOUNT_MISMATCH"
    assert refused(story.funding("WithdrawalSettled", "F1", "50.00")) == "BAD_TRANSITION"
    assert refused(story.funding("DepositReturned", "F2", "50.00")) == "BAD_TRANSITION"
    assert [row[0] for row in activity(story)] == ["F1-DepositInitiated"]


def test_a_late_return_of_the_firm_s_money_is_not_flagged() -> None:
    """A flag says that a posting needs a look; here is none."""
    story = story_of("APEX_CLEARING")
    tell(story, "DepositSettled")
    happened = story.funding(
        "DepositReturned", "F1", "50.00", return_code="R01", at="2026-03-20T18:00:00Z"
    )
    assert happened.on("funding-updates", "journal", "balances") == []


def test_an_apex_withdrawal_below_our_minimum_is_the_firm_s_to_decide() -> None:
    story = story_of("APEX_CLEARING")
    assert story.funding("WithdrawalRequested", "W1", "1.00").emitted == []
    assert [row[4] for row in activity(story)] == ["REQUESTED"]


# -- Net Settlement: not ours ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        pytest.param("DepositInitiated", "FUNDING_NOT_OURS", id="deposit-initiated"),
        pytest.param("DepositSettled", "FUNDING_NOT_OURS", id="deposit-settled"),
        pytest.param("WithdrawalRequested", "FUNDING_NOT_OURS", id="withdrawal-without-cash"),
        pytest.param("CashAdjusted", "FUNDING_NOT_OURS", id="adjustment"),
        pytest.param("DepositReturned", "BAD_TRANSITION", id="a-bad-step-is-looked-at-first"),
    ],
)
def test_a_net_settlement_account_s_funding_is_dead_lettered(steps: str, reason: str) -> None:
    """Its id is not used up: the same is taken once the account is a Marketplace account."""
    story = story_of("NET_SETTLEMENT")
    assert refused(tell(story, steps)) == reason
    assert story.ledger == {}
    story.account()
    if reason == "FUNDING_NOT_OURS":
        assert "DeadLetter" not in tell(story, steps).types()


# -- the first step's model governs ----------------------------------------------------------------


@pytest.mark.parametrize("later", ["APEX_CLEARING", "NET_SETTLEMENT"])
def test_what_began_under_marketplace_is_posted_to_its_end(later: str) -> None:
    """50.00 pending, settled as cash under the other model, and returned."""
    story = story_of("MARKETPLACE")
    tell(story, "DepositInitiated")
    story.account(funding_model=later)
    settled = tell(story, "DepositSettled")
    assert settled.types() == ["JournalEntry", "AccountBalance"]
    assert (story.ledger[CASH], story.ledger[PENDING]) == (Decimal(50), Decimal(0))
    returned = tell(story, "DepositReturned")
    assert returned.types() == ["JournalEntry", "AccountBalance"]
    assert story.ledger[CASH] == 0


@pytest.mark.parametrize("later", ["MARKETPLACE", "NET_SETTLEMENT"])
def test_what_began_as_a_memo_stays_one(later: str) -> None:
    """Nothing of it is ever posted; it is a row to its end."""
    story = story_of("APEX_CLEARING")
    tell(story, "DepositInitiated")
    balance = story.account(funding_model=later)
    assert balance.types() == (["AccountBalance"] if later == "MARKETPLACE" else [])
    assert tell(story, "DepositSettled DepositReturned").emitted == []
    assert story.ledger == {}


def test_a_withdrawal_that_began_under_marketplace_is_paid_under_another_model() -> None:
    story = story_of("MARKETPLACE", cash="80.00")
    assert "WithdrawalAccepted" in tell(story, "WithdrawalRequested").types()
    story.account(funding_model="APEX_CLEARING")
    assert tell(story, "WithdrawalSettled").types() == ["JournalEntry", "AccountBalance"]
    assert story.ledger["bank:fbo", "USD"] == 30


# -- settled cash can be withdrawn under any model -------------------------------------------------


@pytest.mark.parametrize("model", ["MARKETPLACE", "APEX_CLEARING", "NET_SETTLEMENT"])
@pytest.mark.parametrize(
    ("amount", "kind", "reason"),
    [
        pytest.param("80.00", "WithdrawalAccepted", None, id="all-of-it"),
        pytest.param("10.00", "WithdrawalAccepted", None, id="the-minimum"),
        pytest.param("9.99", "WithdrawalRefused", "BELOW_MINIMUM", id="below-the-minimum"),
        pytest.param("80.01", "WithdrawalRefused", "INSUFFICIENT_FUNDS", id="more-than-there-is"),
    ],
)
def test_settled_cash_can_be_withdrawn(
    model: str, amount: str, kind: str, reason: str | None
) -> None:
    happened = story_of(model, cash="80.00").funding("WithdrawalRequested", "W1", amount)
    assert happened.one(kind)["reason"] == reason


@pytest.mark.parametrize("model", ["MARKETPLACE", "APEX_CLEARING", "NET_SETTLEMENT"])
def test_not_from_a_locked_account_but_from_a_closed_one(model: str) -> None:
    story = story_of(model, cash="80.00")
    story.account(funding_model=model, mode="LOCKED")
    locked = story.funding("WithdrawalRequested", "W1", "20.00")
    assert locked.one("WithdrawalRefused")["reason"] == "ACCOUNT_RESTRICTED"
    story.account(funding_model=model, mode="CLOSED")
    closed = story.funding("WithdrawalRequested", "W2", "20.00")
    assert closed.types() == ["WithdrawalAccepted", "JournalEntry", "AccountBalance"]


def test_not_what_open_calls_claim() -> None:
    """80.00 less an open call over 100.00, whatever the account has become."""
    story = story_of("MARKETPLACE", cash="80.00")
    story.order("o1", quantity="1")
    story.account(funding_model="APEX_CLEARING")
    happened = story.funding("WithdrawalRequested", "W1", "20.00")
    assert happened.one("WithdrawalRefused")["reason"] == "INSUFFICIENT_FUNDS"


def test_cash_that_is_left_is_in_the_cash_balance_file_until_it_is_gone() -> None:
    story = story_of("NET_SETTLEMENT", cash="80.00")
    tell(story, "WithdrawalRequested", amount="30.00")
    story.wait("16:40")
    name = f"{CLIENT}/{CLIENT}_CashBalanceReport_03-03-26.csv"
    assert story.files[name].splitlines()[1:] == [f"{ACCOUNT},0.00,50.00"]


def test_money_that_came_and_went_before_the_cut_is_in_the_activity_file() -> None:
    """The client has Net Settlement accounts alone: no money is left at 16:40, but it moved."""
    story = story_of("NET_SETTLEMENT", cash="80.00")
    tell(story, "WithdrawalRequested WithdrawalSettled", amount="80.00")
    assert sorted(row[1:] for row in activity(story)) == [
        ["ACH", "DEPOSIT", "80.00", "SETTLED"],
        ["ACH", "WITHDRAWAL", "80.00", "ACCEPTED"],
    ]
    assert f"{CLIENT}/{CLIENT}_CashBalanceReport_03-03-26.csv" not in story.files
    # The day after nothing moved, so there is no file.
    story.wait("2026-03-04T22:40:00Z")
    assert [name for name in story.files if "CashActivity" in name] == [ACTIVITY]


def test_a_memo_before_the_account_left_apex_is_in_the_activity_file() -> None:
    story = story_of("APEX_CLEARING")
    tell(story, "DepositInitiated")
    story.account(funding_model="NET_SETTLEMENT")
    assert [row[0] for row in activity(story)] == ["F1-DepositInitiated"]
