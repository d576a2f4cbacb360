"""Customer funding (contract section 8): deposits, withdrawals, adjustments, their returns."""

from collections.abc import Sequence
from typing import Any

import pytest

from settlement.ach_return_codes import RETURN_CODES
from tests.story import ACCOUNT, CLIENT, Happened, Story, event_id, only

AMOUNT = "25.00"
DEPOSIT_STEPS = (
    "DepositInitiated",
    "DepositSettled",
    "DepositReturned",
    "DepositCancelled",
    "DepositDeclined",
)
WITHDRAWAL_STEPS = (
    "WithdrawalRequested",
    "WithdrawalSettled",
    "WithdrawalRejected",
    "WithdrawalReturned",
)
EVERY_STEP = (*DEPOSIT_STEPS, *WITHDRAWAL_STEPS, "CashAdjusted")

# How a funding gets to where it stands, and what it may do next (section 8).
STATES: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "none": (
        (),
        {"DepositInitiated", "DepositSettled", "WithdrawalRequested", "CashAdjusted"},
    ),
    "initiated": (
        ("DepositInitiated",),
        {"DepositSettled", "DepositReturned", "DepositCancelled", "DepositDeclined"},
    ),
    "settled": (("DepositInitiated", "DepositSettled"), {"DepositReturned"}),
    "settled-never-initiated": (("DepositSettled",), {"DepositReturned"}),
    "returned-unsettled": (("DepositInitiated", "DepositReturned"), set()),
    "returned": (("DepositInitiated", "DepositSettled", "DepositReturned"), set()),
    "returned-never-initiated": (("DepositSettled", "DepositReturned"), set()),
    "cancelled": (("DepositInitiated", "DepositCancelled"), set()),
    "declined": (("DepositInitiated", "DepositDeclined"), set()),
    "accepted": (("WithdrawalRequested",), {"WithdrawalSettled", "WithdrawalRejected"}),
    "rejected": (("WithdrawalRequested", "WithdrawalRejected"), set()),
    "paid": (("WithdrawalRequested", "WithdrawalSettled"), {"WithdrawalReturned"}),
    "sent-back": (("WithdrawalRequested", "WithdrawalSettled", "WithdrawalReturned"), set()),
    "adjusted": (("CashAdjusted",), set()),
}


def funded(cash: str = "100.00") -> Story:
    """Return a story in which the customer has settled cash."""
    story = Story()
    story.funding("DepositSettled", "cash", cash)
    return story


def tell(story: Story, kind: str, funding_id: str = "F1", **fields: Any) -> Happened:  # noqa: ANN401 - any JSON
    """Tell a step of a funding over 25.00."""
    usual = {"adjustment_type": "OTHER_ADJUSTMENT"} if kind == "CashAdjusted" else {}
    amount = fields.pop("amount", AMOUNT)
    return story.funding(kind, funding_id, amount, **(usual | fields))


def told(steps: Sequence[str], story: Story | None = None) -> Story:
    """Return a story in which a funding has taken these steps."""
    story = story or funded()
    for step in steps:
        happened = tell(story, step)
        assert happened.all("JournalEntry"), f"{step} was not taken"
    return story


def reasons(happened: Happened) -> list[str]:
    """Return why inputs were dead-lettered."""
    return [event["reason"] for event in happened.all("DeadLetter")]


def flags(happened: Happened) -> list[str]:
    """Return what was flagged."""
    return [event["reason"] for event in happened.all("FundingFlagged")]


def money(story: Story) -> tuple[str, str, str]:
    """Return settled, unsettled, withdrawing of the account's last balance."""
    balance = story.so_far().all("AccountBalance")[-1]
    return balance["settled"], balance["unsettled"], balance["withdrawing"]


# -- every step from everywhere --------------------------------------------------------------------


@pytest.mark.parametrize("step", EVERY_STEP)
@pytest.mark.parametrize("state", STATES)
def test_a_step(state: str, step: str) -> None:
    """Allowed: money moves. Taken before: a repeat, no effect. Else: BAD_TRANSITION, no effect."""
    steps, allowed = STATES[state]
    story = told(steps)
    happened = tell(story, step)
    if step in allowed:
        assert happened.all("JournalEntry")
        assert happened.types("dead-letters") == []
    elif step in steps:
        assert happened.emitted == []
    else:
        assert happened.types() == ["DeadLetter"]
        assert reasons(happened) == ["BAD_TRANSITION"]


def test_the_table_of_steps_is_whole() -> None:
    """15 steps are allowed, counting those from a state that can be reached in two ways twice."""
    assert sum(len(allowed) for _, allowed in STATES.values()) == 4 + 4 + 2 + 2 + 1


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        pytest.param(["DepositInitiated"], ("100.00", "25.00", "0.00"), id="initiated"),
        pytest.param(["DepositSettled"], ("125.00", "0.00", "0.00"), id="settled-at-once"),
        pytest.param(
            ["DepositInitiated", "DepositSettled"], ("125.00", "0.00", "0.00"), id="settled"
        ),
        pytest.param(
            ["DepositInitiated", "DepositReturned"], ("100.00", "0.00", "0.00"), id="returned-early"
        ),
        pytest.param(
            ["DepositInitiated", "DepositCancelled"], ("100.00", "0.00", "0.00"), id="cancelled"
        ),
        pytest.param(
            ["DepositInitiated", "DepositDeclined"], ("100.00", "0.00", "0.00"), id="declined"
        ),
        pytest.param(
            ["DepositInitiated", "DepositSettled", "DepositReturned"],
            ("100.00", "0.00", "0.00"),
            id="returned",
        ),
        pytest.param(["WithdrawalRequested"], ("75.00", "0.00", "25.00"), id="accepted"),
        pytest.param(
            ["WithdrawalRequested", "WithdrawalSettled"], ("75.00", "0.00", "0.00"), id="paid"
        ),
        pytest.param(
            ["WithdrawalRequested", "WithdrawalRejected"], ("100.00", "0.00", "0.00"), id="rejected"
        ),
        pytest.param(
            ["WithdrawalRequested", "WithdrawalSettled", "WithdrawalReturned"],
            ("100.00", "0.00", "0.00"),
            id="sent-back",
        ),
        pytest.param(["CashAdjusted"], ("125.00", "0.00", "0.00"), id="adjusted"),
    ],
)
def test_where_the_money_is_after_each_step(steps: list[str], wanted: tuple[str, ...]) -> None:
    assert money(told(steps)) == wanted


# -- repeats, conflicts, mismatches ----------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [pytest.param(steps, id=state) for state, (steps, _) in STATES.items() if steps],
)
def test_repeats_have_no_effect_however_late(steps: Sequence[str]) -> None:
    """Every step comes again under another event id and at another time."""
    story = told(steps)
    for step in steps:
        assert tell(story, step, at="14:00").emitted == []


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        pytest.param("DepositInitiated", {"amount": "25.01"}, id="amount"),
        pytest.param("DepositInitiated", {"instrument_type": "WIRE"}, id="instrument_type"),
        pytest.param("DepositInitiated", {"reference": "other"}, id="reference"),
        pytest.param("DepositInitiated", {"reference": "None"}, id="reference-spelt-None"),
        pytest.param("DepositInitiated", {"return_code": "R01"}, id="return_code"),
        pytest.param("DepositInitiated", {"return_code": "None"}, id="return_code-spelt-None"),
        pytest.param("WithdrawalRequested", {"amount": "25.01"}, id="withdrawal"),
        pytest.param("CashAdjusted", {"amount": "-25.00"}, id="adjustment-sign"),
        pytest.param("CashAdjusted", {"adjustment_type": "ACH_RETURN_FEE"}, id="adjustment-type"),
        pytest.param("CashAdjusted", {"reference": "other"}, id="adjustment-reference"),
    ],
)
def test_the_same_step_with_other_content_conflicts(kind: str, changed: dict[str, Any]) -> None:
    story = told([kind])
    happened = tell(story, kind, **changed)
    assert happened.types() == ["DeadLetter"]
    assert reasons(happened) == ["CONFLICT"]
    assert tell(story, kind).emitted == []  # the original is untouched


def test_content_is_not_mixed_up_between_fields() -> None:
    story = funded()
    tell(story, "DepositInitiated", reference="a|b", return_code="c")
    happened = tell(story, "DepositInitiated", reference="a", return_code="b|c")
    assert reasons(happened) == ["CONFLICT"]


def test_a_field_we_do_not_know_is_no_content() -> None:
    story = told(["DepositInitiated"])
    assert tell(story, "DepositInitiated", colour="blue").emitted == []


def test_the_same_amount_written_otherwise_is_the_same() -> None:
    """Amounts are whole cents: 25, 25.0 and 25.00 are one amount."""
    story = told(["DepositInitiated"])
    assert tell(story, "DepositInitiated", amount="25").emitted == []
    assert tell(story, "DepositSettled", amount="25.0").types("dead-letters") == []


@pytest.mark.parametrize(
    ("steps", "step", "amount", "reason"),
    [
        pytest.param(
            ["DepositInitiated"], "DepositSettled", "25.01", "AMOUNT_MISMATCH", id="settled"
        ),
        pytest.param(
            ["DepositInitiated"], "DepositReturned", "24.99", "AMOUNT_MISMATCH", id="returned"
        ),
        pytest.param(
            ["DepositInitiated"], "DepositCancelled", "1.00", "AMOUNT_MISMATCH", id="cancelled"
        ),
        pytest.param(
            ["DepositInitiated"], "DepositDeclined", "1.00", "AMOUNT_MISMATCH", id="declined"
        ),
        pytest.param(
            ["DepositSettled"], "DepositReturned", "10.00", "AMOUNT_MISMATCH", id="part-return"
        ),
        pytest.param(
            ["WithdrawalRequested"], "WithdrawalSettled", "9.00", "AMOUNT_MISMATCH", id="paid"
        ),
        pytest.param(
            ["WithdrawalRequested"], "WithdrawalRejected", "9.00", "AMOUNT_MISMATCH", id="rejected"
        ),
        pytest.param(
            ["WithdrawalRequested", "WithdrawalSettled"],
            "WithdrawalReturned",
            "9.00",
            "AMOUNT_MISMATCH",
            id="sent-back",
        ),
        pytest.param(
            ["DepositInitiated", "DepositCancelled"],
            "DepositSettled",
            "1.00",
            "BAD_TRANSITION",
            id="a-bad-step-is-looked-at-first",
        ),
        pytest.param(
            ["DepositSettled"],
            "DepositInitiated",
            "1.00",
            "BAD_TRANSITION",
            id="initiated-after-settled",
        ),
    ],
)
def test_an_amount_other_than_the_first_step_s(
    steps: list[str], step: str, amount: str, reason: str
) -> None:
    story = told(steps)
    happened = tell(story, step, amount=amount)
    assert happened.types() == ["DeadLetter"]
    assert reasons(happened) == [reason]


def test_a_refused_step_uses_up_no_id() -> None:
    """Settled over a wrong amount, then over the right one."""
    story = told(["DepositInitiated"])
    assert reasons(tell(story, "DepositSettled", amount="26.00")) == ["AMOUNT_MISMATCH"]
    assert tell(story, "DepositSettled").all("JournalEntry")
    assert money(story) == ("125.00", "0.00", "0.00")


def test_a_first_step_that_was_refused_leaves_nothing() -> None:
    story = funded()
    assert reasons(tell(story, "DepositReturned")) == ["BAD_TRANSITION"]
    assert tell(story, "DepositInitiated", amount="77.00").all("JournalEntry")


def test_one_account_s_ids_are_not_another_s() -> None:
    story = told(["DepositSettled"])
    story.account("ACME0002")
    assert tell(story, "DepositSettled", account_id="ACME0002", amount="3.00").all("JournalEntry")


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        pytest.param("DepositSettled", {"account_id": "NOBODY00"}, "UNKNOWN_ACCOUNT", id="account"),
        pytest.param(
            "DepositReturned",
            {"account_id": "NOBODY00"},
            "UNKNOWN_ACCOUNT",
            id="account-before-transition",
        ),
        pytest.param("DepositSettled", {"amount": "0.00"}, "INVALID", id="nothing"),
        pytest.param("DepositSettled", {"amount": "-1.00"}, "INVALID", id="negative"),
        pytest.param("DepositSettled", {"amount": "1.005"}, "INVALID", id="not-whole-cents"),
        pytest.param("DepositSettled", {"amount": 25}, "INVALID", id="a-number"),
        pytest.param("DepositSettled", {"amount": "1e2"}, "INVALID", id="an-exponent"),
        pytest.param("DepositSettled", {"amount": "5\n"}, "INVALID", id="a-line-end"),
        pytest.param("DepositSettled", {"amount": "99999999999999.99"}, "INVALID", id="16-digits"),
        pytest.param("DepositSettled", {"funding_id": ""}, "INVALID", id="no-id"),
        pytest.param("DepositSettled", {"instrument_type": "CASH"}, "INVALID", id="instrument"),
        pytest.param("CashAdjusted", {"adjustment_type": "GIFT"}, "INVALID", id="adjustment"),
        pytest.param("CashAdjusted", {"amount": "0.00"}, "INVALID", id="adjusted-by-nothing"),
        pytest.param("WithdrawalRequested", {"amount": "0.00"}, "INVALID", id="withdraw-nothing"),
    ],
)
def test_what_is_no_funding_is_a_dead_letter(
    kind: str, fields: dict[str, Any], reason: str
) -> None:
    happened = tell(funded(), kind, **fields)
    assert happened.types() == ["DeadLetter"]
    assert reasons(happened) == [reason]


@pytest.mark.parametrize("state", STATES)
def test_the_largest_amount_is_remembered(state: str) -> None:
    """Every step of it is taken, and repeats without effect: no cent of it is lost."""
    story = funded("999999999999.99")
    for kind in STATES[state][0]:
        assert reasons(tell(story, kind, amount="999999999999.99")) == []
        assert tell(story, kind, amount="999999999999.99").emitted == []


# -- returns ---------------------------------------------------------------------------------------


def returned(code: str | None, settled_at: str, returned_at: str, date: str) -> list[str]:
    """Settle a deposit on a date, return it at a time; return the flags."""
    story = Story(known=False, date=date)
    story.client(at="00:00")
    story.account(at="00:00")
    story.funding("DepositSettled", "cash", "100.00", at="00:00")
    tell(story, "DepositSettled", at=settled_at)
    happened = tell(story, "DepositReturned", at=returned_at, return_code=code)
    assert len(happened.all("JournalEntry")) == 1  # it posts, late or not
    return flags(happened)


TWO_BANK_DAYS = ("R01", "R02", "R03", "R09", "R16", "R20", "R29")
SIXTY_DAYS = ("R05", "R07", "R10", "R11")


@pytest.mark.parametrize(
    ("date", "settled_at", "returned_at", "late"),
    [
        pytest.param("2026-03-03", "10:00", "2026-03-06T05:59:59Z", False, id="thu-23:59-tue"),
        pytest.param("2026-03-03", "10:00", "2026-03-06T06:00:00Z", True, id="fri-00:00-tue"),
        pytest.param(
            "2026-03-06", "10:00", "2026-03-11T04:59:59Z", False, id="friday-to-tuesday-over-dst"
        ),
        pytest.param(
            "2026-03-06", "10:00", "2026-03-11T05:00:00Z", True, id="friday-to-wednesday-over-dst"
        ),
        pytest.param("2026-03-07", "10:00", "2026-03-11T04:59:59Z", False, id="from-saturday"),
        pytest.param("2026-03-07", "10:00", "2026-03-11T05:00:00Z", True, id="from-saturday-late"),
        pytest.param("2026-10-30", "10:00", "2026-11-04T05:59:59Z", False, id="over-fall-back"),
        pytest.param("2026-10-30", "10:00", "2026-11-04T06:00:00Z", True, id="over-fall-back-late"),
        pytest.param("2026-11-25", "10:00", "2026-12-01T05:59:59Z", False, id="thanksgiving"),
        pytest.param("2026-11-25", "10:00", "2026-12-01T06:00:00Z", True, id="thanksgiving-late"),
        pytest.param("2026-07-02", "10:00", "2026-07-07T04:59:59Z", False, id="july-3-2026-counts"),
        pytest.param("2026-07-02", "10:00", "2026-07-07T05:00:00Z", True, id="july-3-2026-late"),
        pytest.param("2027-07-02", "10:00", "2027-07-08T04:59:59Z", False, id="july-5-2027-not"),
        pytest.param("2027-07-02", "10:00", "2027-07-08T05:00:00Z", True, id="july-5-2027-late"),
        pytest.param(
            "2026-03-03", "23:30", "2026-03-06T05:59:59Z", False, id="settled-23:30-ct-is-tuesday"
        ),
        pytest.param(
            "2026-03-03", "23:30", "2026-03-06T06:00:00Z", True, id="its-utc-date-does-not-count"
        ),
        pytest.param(
            "2026-03-03", "17:30", "2026-03-06T06:00:00Z", True, id="nor-does-the-trade-date"
        ),
        pytest.param("2026-03-03", "10:00", "2026-03-03T17:00:00Z", False, id="the-same-day"),
    ],
)
def test_two_bank_days_from_the_ct_date_of_settlement_last_day_included(
    date: str,
    settled_at: str,
    returned_at: str,
    late: bool,
) -> None:
    assert returned("R01", settled_at, returned_at, date) == (["LATE_RETURN"] if late else [])


@pytest.mark.parametrize(
    ("date", "returned_at", "late"),
    [
        pytest.param("2026-03-03", "2026-05-03T04:59:59Z", False, id="may-2-over-dst"),
        pytest.param("2026-03-03", "2026-05-03T05:00:00Z", True, id="may-3-over-dst"),
        pytest.param("2026-09-15", "2026-11-15T05:59:59Z", False, id="nov-14-over-dst"),
        pytest.param("2026-09-15", "2026-11-15T06:00:00Z", True, id="nov-15-over-dst"),
        pytest.param("2024-02-01", "2024-04-02T04:59:59Z", False, id="apr-1-over-a-leap-day"),
        pytest.param("2024-02-01", "2024-04-02T05:00:00Z", True, id="apr-2-over-a-leap-day"),
        pytest.param("2026-12-01", "2027-01-31T05:59:59Z", False, id="jan-30-over-the-year-end"),
        pytest.param("2026-12-01", "2027-01-31T06:00:00Z", True, id="jan-31-over-the-year-end"),
    ],
)
def test_sixty_calendar_days_last_day_included(
    date: str,
    returned_at: str,
    late: bool,
) -> None:
    assert returned("R10", "10:00", returned_at, date) == (["LATE_RETURN"] if late else [])


@pytest.mark.parametrize(
    ("returned_at", "late"),
    [
        pytest.param("2026-03-05T18:00:00Z", {*()}, id="on-the-second-bank-day-none"),
        pytest.param("2026-03-06T18:00:00Z", {*TWO_BANK_DAYS}, id="on-the-third-those-with-two"),
        pytest.param("2026-05-02T18:00:00Z", {*TWO_BANK_DAYS}, id="on-the-60th-day-the-same"),
        pytest.param(
            "2026-05-03T18:00:00Z",
            {*TWO_BANK_DAYS, *SIXTY_DAYS},
            id="on-the-61st-those-with-60-and-no-other-ever",
        ),
    ],
)
def test_which_codes_have_which_window(returned_at: str, late: set[str]) -> None:
    """A deposit for each known code, all settled on Tuesday, March 3, and one without a code."""
    story = funded()
    codes = [*RETURN_CODES, None]
    for code in codes:
        tell(story, "DepositSettled", f"F-{code}")
    flagged = {}
    for code in codes:
        flagged[code] = flags(
            tell(story, "DepositReturned", f"F-{code}", at=returned_at, return_code=code)
        )
    assert flagged == {code: ["LATE_RETURN"] if code in late else [] for code in codes}


@pytest.mark.parametrize("code", ["R00", "R36", "R99", "r01", "R1", "", "R01 "])
def test_an_unknown_code_posts_and_is_flagged(code: str) -> None:
    flag = "UNKNOWN_RETURN_CODE"
    assert returned(code, "10:00", "2026-03-04T18:00:00Z", "2026-03-03") == [flag]
    story = told(["DepositInitiated"])
    happened = tell(story, "DepositReturned", return_code=code)
    assert flags(happened) == [flag]
    assert money(story) == ("100.00", "0.00", "0.00")


@pytest.mark.parametrize("code", ["R01", "R10"])
def test_a_return_before_settlement_is_never_late(code: str) -> None:
    story = told(["DepositInitiated"])
    happened = tell(story, "DepositReturned", return_code=code, at="2026-05-20T18:00:00Z")
    assert flags(happened) == []


def test_a_withdrawal_sent_back_has_the_same_windows_and_flags() -> None:
    steps = ["WithdrawalRequested", "WithdrawalSettled"]
    in_time = tell(told(steps), "WithdrawalReturned", return_code="R03", at="2026-03-05T18:00:00Z")
    late = tell(told(steps), "WithdrawalReturned", return_code="R03", at="2026-03-06T18:00:00Z")
    unknown = tell(told(steps), "WithdrawalReturned", return_code="R98")
    assert (flags(in_time), flags(late), flags(unknown)) == (
        [],
        ["LATE_RETURN"],
        ["UNKNOWN_RETURN_CODE"],
    )


def test_a_late_return_that_also_takes_cash_below_zero_has_two_flags() -> None:
    """15.00 of the deposit's 25.00 were withdrawn before it came back."""
    story = Story()
    story.funding("DepositSettled", "F1", AMOUNT)
    story.funding("WithdrawalRequested", "W1", "15.00")
    happened = tell(story, "DepositReturned", return_code="R01", at="2026-03-20T18:00:00Z")
    assert sorted(flags(happened)) == ["LATE_RETURN", "NEGATIVE_BALANCE"]
    one, two = happened.all("FundingFlagged")
    cause = one["cause_id"]
    for k, event in ((1, one), (2, two)):
        wanted = {
            "funding_id": "F1",
            "amount": "25.00",
            "account_id": ACCOUNT,
            "client": CLIENT,
            "event_id": event_id("fundings", cause, "FundingFlagged", ACCOUNT, k),
        }
        assert only(event, wanted) == wanted
    balance = happened.one("AccountBalance")
    assert (balance["settled"], balance["negative"]) == ("-15.00", True)


@pytest.mark.parametrize(
    ("kind", "amount", "wanted"),
    [
        pytest.param("CashAdjusted", "-10.00", [], id="to-exactly-zero"),
        pytest.param("CashAdjusted", "-10.01", ["NEGATIVE_BALANCE"], id="a-cent-below"),
        pytest.param("CashAdjusted", "5.00", [], id="up"),
    ],
)
def test_an_adjustment_may_take_cash_below_zero(kind: str, amount: str, wanted: list[str]) -> None:
    story = funded("10.00")
    happened = story.funding(kind, "A1", amount, adjustment_type="ACH_RETURN_FEE")
    assert flags(happened) == wanted
    assert happened.one("AccountBalance")["negative"] is bool(wanted)


def test_what_raises_cash_that_stays_below_zero_is_not_flagged() -> None:
    story = funded("10.00")
    story.funding("CashAdjusted", "A1", "-30.00", adjustment_type="OTHER_ADJUSTMENT")
    happened = story.funding("CashAdjusted", "A2", "5.00", adjustment_type="OTHER_ADJUSTMENT")
    assert flags(happened) == []
    assert happened.one("AccountBalance")["settled"] == "-15.00"


def test_what_lowers_it_further_is_flagged_again() -> None:
    story = funded("10.00")
    for number in (1, 2):
        happened = story.funding(
            "CashAdjusted", f"A{number}", "-30.00", adjustment_type="OTHER_ADJUSTMENT"
        )
        assert flags(happened) == ["NEGATIVE_BALANCE"]


def test_what_touches_no_cash_is_not_flagged_though_it_is_below_zero() -> None:
    """A deposit that comes back before it settled was never cash."""
    story = funded("10.00")
    tell(story, "DepositInitiated")
    story.funding("CashAdjusted", "A1", "-30.00", adjustment_type="OTHER_ADJUSTMENT")
    assert flags(tell(story, "DepositReturned")) == []


def test_a_return_to_exactly_zero_is_not_flagged() -> None:
    story = Story()
    tell(story, "DepositSettled")
    assert flags(tell(story, "DepositReturned")) == []


@pytest.mark.parametrize(
    "adjustment_type",
    [
        "ACH_RETURN_FEE",
        "PARTNER_WRITE_OFF",
        "PLATFORM_WRITE_OFF",
        "DECEASED_PARTY",
        "OTHER_ADJUSTMENT",
    ],
)
def test_every_adjustment_moves_cash(adjustment_type: str) -> None:
    story = funded()
    story.funding("CashAdjusted", "A1", "-12.34", adjustment_type=adjustment_type)
    story.funding("CashAdjusted", "A2", "0.04", adjustment_type=adjustment_type)
    assert money(story) == ("87.70", "0.00", "0.00")


# -- withdrawals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "amount", "reason"),
    [
        pytest.param("OPEN", "10.00", None, id="exactly-the-minimum"),
        pytest.param("OPEN", "9.99", "BELOW_MINIMUM", id="a-cent-below-the-minimum"),
        pytest.param("OPEN", "50.00", None, id="all-of-it"),
        pytest.param("OPEN", "50.01", "INSUFFICIENT_FUNDS", id="a-cent-more-than-there-is"),
        pytest.param("CLOSED", "50.00", None, id="a-closed-account-may-withdraw"),
        pytest.param("CLOSING_ONLY", "50.00", None, id="a-closing-account-may-withdraw"),
        pytest.param("LOCKED", "50.00", "ACCOUNT_RESTRICTED", id="a-locked-one-may-not"),
        pytest.param("LOCKED", "9.99", "ACCOUNT_RESTRICTED", id="looked-at-before-the-minimum"),
        pytest.param("LOCKED", "50.01", "ACCOUNT_RESTRICTED", id="and-before-the-money"),
    ],
)
def test_a_withdrawal_is_accepted_iff(mode: str, amount: str, reason: str | None) -> None:
    """Settled cash is 50.00."""
    story = funded("50.00")
    story.account(mode=mode)
    happened = story.funding("WithdrawalRequested", "W1", amount, event_id="request")
    kind = "WithdrawalAccepted" if reason is None else "WithdrawalRefused"
    wanted = {
        "funding_id": "W1",
        "amount": amount,
        "reason": reason,
        "account_id": ACCOUNT,
        "client": CLIENT,
        "cause_id": "request",
        "event_id": event_id("fundings", "request", kind, ACCOUNT),
    }
    assert only(happened.one(kind), wanted) == wanted
    others = ["JournalEntry", "AccountBalance"] if reason is None else []
    assert sorted(happened.types()) == sorted([kind, *others])


def test_the_minimum_is_looked_at_before_the_money() -> None:
    happened = Story().funding("WithdrawalRequested", "W1", "9.99")
    assert happened.one("WithdrawalRefused")["reason"] == "BELOW_MINIMUM"


@pytest.mark.parametrize(
    ("amount", "kind"),
    [
        pytest.param("30.00", "WithdrawalAccepted", id="what-the-open-call-leaves"),
        pytest.param("30.01", "WithdrawalRefused", id="a-cent-more"),
    ],
)
def test_open_withdrawal_calls_are_kept_back(amount: str, kind: str) -> None:
    """Cash 50.00 came after a call over 20.00 had failed; 30.00 can leave."""
    story = Story()
    story.tick("99.00", "100.00")
    story.order("o1", quantity="0.2")
    story.funding("DepositSettled", "cash", "50.00")
    happened = story.funding("WithdrawalRequested", "W1", amount)
    assert happened.types("funding-updates") == [kind]


def test_pending_money_cannot_be_withdrawn() -> None:
    story = Story()
    story.funding("DepositInitiated", "D1", "100.00")
    happened = story.funding("WithdrawalRequested", "W1", "50.00")
    assert happened.one("WithdrawalRefused")["reason"] == "INSUFFICIENT_FUNDS"


def test_what_is_withdrawing_cannot_be_withdrawn_again() -> None:
    story = funded("50.00")
    story.funding("WithdrawalRequested", "W1", "30.00")
    happened = story.funding("WithdrawalRequested", "W2", "30.00")
    assert happened.one("WithdrawalRefused")["reason"] == "INSUFFICIENT_FUNDS"
    story.funding("WithdrawalRejected", "W1", "30.00")
    happened = story.funding("WithdrawalRequested", "W3", "30.00")
    assert happened.types("funding-updates") == ["WithdrawalAccepted"]


@pytest.mark.parametrize("step", ["WithdrawalSettled", "WithdrawalRejected", "WithdrawalReturned"])
def test_a_refused_withdrawal_goes_no_further(step: str) -> None:
    story = Story()
    tell(story, "WithdrawalRequested")
    assert reasons(tell(story, step)) == ["BAD_TRANSITION"]


def test_a_refused_request_that_comes_again_has_no_effect() -> None:
    """It was answered; with the money there it needs a new id."""
    story = Story()
    tell(story, "WithdrawalRequested")
    story.funding("DepositSettled", "cash", "100.00")
    assert tell(story, "WithdrawalRequested").emitted == []
    happened = tell(story, "WithdrawalRequested", "F2")
    assert happened.types("funding-updates") == ["WithdrawalAccepted"]


def test_a_locked_account_s_money_still_moves() -> None:
    """A lock refuses new withdrawals; what was under way goes on, deposits come in."""
    story = told(["WithdrawalRequested"])
    story.account(mode="LOCKED")
    assert tell(story, "WithdrawalSettled").all("JournalEntry")
    assert tell(story, "DepositSettled", "D2").all("JournalEntry")


# -- return codes ----------------------------------------------------------------------------------


def test_the_known_codes_are_those_of_the_public_list() -> None:
    """R01 to R85 without these numbers, which the list does not use."""
    unused = [36, 48, 49, *range(54, 61), *range(63, 67), 78, 79]
    listed = {f"R{number:02d}" for number in range(1, 86) if number not in unused}
    assert {*RETURN_CODES} == listed
