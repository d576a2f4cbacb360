"""Cash calls of Apex accounts (contract section 7): journals asked for, and the firm's answers.

The market is 99.00 / 100.00 and nobody is charged, so buying 0.25 is a WITHDRAWAL call over 25.00
and selling 0.25 a DEPOSIT call over 24.75. The account ACME0001 has the Apex Clearing model.
"""

import datetime as dt
from collections.abc import Mapping

import pytest

from tests.story import ACCOUNT, CLIENT, Event, Happened, Story, event_id, only

CALL = f"{ACCOUNT}-o1-1-TPJ"
FIRST, SECOND, THIRD = (f"{CALL}-{k}" for k in (1, 2, 3))
SETTLED = "settled"
OWED = f"customer:{ACCOUNT}:owed"
CASH = f"customer:{ACCOUNT}:cash"


def customer(*, date: str = "2026-03-03", model: str = "APEX_CLEARING", **account: str) -> Story:
    """Return a story with a quote that stays good for two months, and an Apex account."""
    story = Story(known=False, date=date)
    story.client(at="00:00")
    story.instrument(at="00:00", stale_after_ms=86_400_000)
    story.account(at="00:00", funding_model=model, **account)
    story.tick("99.00", "100.00", at="00:00", bid_size="1000", ask_size="1000")
    return story


def bought(*, date: str = "2026-03-03", at: str = "12:00") -> Story:
    """Return such a story in which 0.25 was bought for 25.00 as order `o1`."""
    story = customer(date=date)
    story.order("o1", quantity="0.25", at=at)
    return story


def said(happened: Happened) -> list[str]:
    """Return what was asked of the firm and what became of which call, in order.

    `o1-1/2`: the journal of k = 2; `o1-1 settled`, `o1-1 TIMEOUT`.
    """
    lines = []
    for event in happened.on("apex-journals", "cash-calls"):
        call = event["cash_call_id"][9:].removesuffix("-TPJ")
        match event["type"]:
            case "ApexJournalRequested":
                lines.append(f"{call}/{event['journal_id'].rpartition('-')[2]}")
            case "CashCallFailed":
                lines.append(f"{call} {event['reason']}")
            case "CashCallRequested":
                lines.append(f"{call} requested")
            case "CashCallSettled":
                lines.append(f"{call} {SETTLED}")
            case "CashCallWrittenOff":
                lines.append(f"{call} written off")
            case kind:
                lines.append(f"{call} {kind}")
    return lines


def refused(happened: Happened) -> str:
    """Return the reason of the only thing that happened: a dead letter."""
    assert happened.types() == ["DeadLetter"]
    reason = happened.one("DeadLetter")["reason"]
    assert isinstance(reason, str)
    return reason


def posted(happened: Happened) -> dict[str, str]:
    """Return the postings of the only entry."""
    return {p["account"]: p["amount"] for p in happened.one("JournalEntry")["postings"]}


# -- in the step that books the execution ----------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "direction", "amount"),
    [
        pytest.param("BUY", "WITHDRAWAL", "25.00", id="buy"),
        pytest.param("SELL", "DEPOSIT", "24.75", id="sell"),
    ],
)
def test_a_call_and_its_first_journal(side: str, direction: str, amount: str) -> None:
    story = customer()
    story.order("o0", quantity="1")
    happened = story.order("o1", side=side, quantity="0.25")
    execution = happened.one("Execution")
    assert execution["funding_model"] == "APEX_CLEARING"
    assert said(happened) == ["o1-1 requested", "o1-1/1"]
    common = {
        "account_id": ACCOUNT,
        "client": CLIENT,
        "cash_call_id": CALL,
        "direction": direction,
        "amount": amount,
        "event_time": execution["event_time"],
        "cause_id": execution["event_id"],
    }
    requested = happened.one("CashCallRequested")
    assert only(requested, common | {"attempt": 1}) == common | {"attempt": 1}
    wanted = common | {
        "journal_id": FIRST,
        "event_id": event_id("executions", execution["event_id"], "ApexJournalRequested", ACCOUNT),
    }
    assert only(happened.one("ApexJournalRequested"), wanted) == wanted


def test_what_is_asked_for_is_owed_until_the_firm_answers() -> None:
    """No cash of ours is looked at, none moves; there is no buying power to publish."""
    happened = customer().order("o1", quantity="0.25")
    wanted = {"settled": "0.00", "owed": "-25.00", "buying_power": None, "negative": False}
    assert only(happened.one("AccountBalance"), wanted) == wanted


@pytest.mark.parametrize("mode", ["OPEN", "CLOSING_ONLY"])
def test_a_call_of_nothing_settles_at_once_without_a_journal(mode: str) -> None:
    """0.02 sold for 1.98 at a fee of 5.00, capped at 1.98: the net is 0.00."""
    story = customer()
    story.order("o0", quantity="1")
    story.account(mode=mode, funding_model="APEX_CLEARING")
    happened = story.order("o1", side="SELL", quantity="0.02", commission_fixed="5.00")
    assert happened.one("CashCallRequested")["amount"] == "0.00"
    assert said(happened) == ["o1-1 requested", "o1-1 settled"]


def test_each_execution_has_a_call_and_a_journal_of_its_own() -> None:
    story = customer()
    story.tick("99.00", "100.00", ask_size="0.1")
    first = story.order("o1", quantity="0.2", limit_price="100.00")
    second = story.tick("99.00", "99.50", ask_size="0.1")
    assert said(first) == ["o1-1 requested", "o1-1/1"]
    assert said(second) == ["o1-2 requested", "o1-2/1"]
    assert second.one("ApexJournalRequested")["amount"] == "9.95"


# -- answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "amount", "postings"),
    [
        pytest.param(
            "BUY",
            "25.00",
            {
                OWED: "25.00",
                "world:customers": "-25.00",
                "bank:business": "25.00",
                "world:bank": "-25.00",
            },
            id="buy",
        ),
        pytest.param(
            "SELL",
            "24.75",
            {
                OWED: "-24.75",
                "world:customers": "24.75",
                "bank:business": "-24.75",
                "world:bank": "24.75",
            },
            id="sell",
        ),
    ],
)
def test_completed_settles(side: str, amount: str, postings: Mapping[str, str]) -> None:
    """Its entry, and the balance without the debt."""
    story = customer()
    story.order("o0", quantity="1")
    story.completed(f"{ACCOUNT}-o0-1-TPJ-1", "100.00")
    story.order("o1", side=side, quantity="0.25")
    happened = story.completed(FIRST, amount, event_id="the answer")
    assert happened.types() == ["CashCallSettled", "JournalEntry", "AccountBalance"]
    settled = happened.one("CashCallSettled")
    wanted = {
        "cash_call_id": CALL,
        "amount": amount,
        "attempt": 1,
        "cause_id": "the answer",
        "event_id": event_id("apex-journal-results", "the answer", "CashCallSettled", ACCOUNT),
    }
    assert only(settled, wanted) == wanted
    assert posted(happened) == postings
    balance = happened.one("AccountBalance")
    assert (balance["settled"], balance["owed"]) == ("0.00", "0.00")


@pytest.mark.parametrize("reason", ["INSUFFICIENT_FUNDS", "ACCOUNT_RESTRICTED", "LIMIT_REVIEW"])
@pytest.mark.parametrize("amount", [None, "25.00"], ids=["without-amount", "with-amount"])
def test_rejected_fails_and_the_next_retry_asks_under_the_next_id(
    reason: str, amount: str | None
) -> None:
    """At once nothing more is asked; at 17:00 k = 2 goes out, without a word on the call."""
    story = bought()
    happened = story.rejected(FIRST, reason, amount=amount)
    assert happened.types() == ["CashCallFailed"]
    wanted = {
        "reason": reason,
        "attempt": 1,
        "amount": "25.00",
        "next_retry_at": "2026-03-03T23:00:00.000000Z",
    }
    assert only(happened.one("CashCallFailed"), wanted) == wanted
    assert said(story.wait("16:59:59")) == []
    retried = story.wait("17:00")
    assert said(retried) == ["o1-1/2"]
    wanted = {
        "journal_id": SECOND,
        "amount": "25.00",
        "direction": "WITHDRAWAL",
        "cause_id": "RETRY@2026-03-03T23:00:00.000000Z",
    }
    assert only(retried.one("ApexJournalRequested"), wanted) == wanted


def test_rejected_again_and_again_then_completed() -> None:
    """Under k = 1, 2, 3; attempts count what the firm refused and then the one that succeeded."""
    story = bought()
    story.rejected(FIRST, "LIMIT_REVIEW")
    story.wait("17:00")
    assert story.rejected(SECOND, "INSUFFICIENT_FUNDS").one("CashCallFailed")["attempt"] == 2
    assert said(story.wait("2026-03-04T12:00:00Z")) == ["o1-1/3"]
    settled = story.completed(THIRD, "25.00").one("CashCallSettled")
    assert settled["attempt"] == 3


@pytest.mark.parametrize(
    ("asked_at", "at_the_retry"),
    [
        pytest.param("05:45", [], id="15-minutes-are-left-alone"),
        pytest.param("05:59:59", [], id="a-second-is-left-alone"),
        pytest.param("05:44:59.999999", ["o1-1 TIMEOUT", "o1-1/1"], id="a-microsecond-older"),
        pytest.param("00:00:01", ["o1-1 TIMEOUT", "o1-1/1"], id="six-hours"),
    ],
)
def test_unanswered_at_a_retry(asked_at: str, at_the_retry: list[str]) -> None:
    """Older than 15 minutes: failed, and the same id goes out again."""
    assert said(bought(at=asked_at).wait("06:00")) == at_the_retry


def test_left_alone_at_one_retry_it_times_out_at_the_next() -> None:
    story = bought(at="05:50")
    assert said(story.wait("16:59:59")) == []
    happened = story.wait("17:00")
    assert said(happened) == ["o1-1 TIMEOUT", "o1-1/1"]
    wanted = {"reason": "TIMEOUT", "attempt": 1, "next_retry_at": "2026-03-04T12:00:00.000000Z"}
    assert only(happened.one("CashCallFailed"), wanted) == wanted
    asked = happened.one("ApexJournalRequested")
    cause = "RETRY@2026-03-03T23:00:00.000000Z"
    wanted = {
        "journal_id": FIRST,
        "event_id": event_id("executions", cause, "ApexJournalRequested", ACCOUNT),
    }
    assert only(asked, wanted) == wanted


def test_sent_again_it_is_as_old_as_it_was_sent_last() -> None:
    """Sent at 17:00 and again at 06:00: at 06:00 of the day after it is 24 hours old, not 37."""
    story = bought()
    assert said(story.wait("2026-03-05T12:00:00Z")) == 4 * ["o1-1 TIMEOUT", "o1-1/1"]


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        pytest.param(None, ["o1-1 settled"], id="completed"),
        pytest.param("LIMIT_REVIEW", ["o1-1 LIMIT_REVIEW"], id="rejected"),
    ],
)
def test_late_after_a_time_out_counts_as_the_first_answer(
    answer: str | None, wanted: list[str]
) -> None:
    """The id went out twice; one answer is enough, and the second try is what it answers."""
    story = bought()
    story.wait("17:00")
    late = story.rejected(FIRST, answer) if answer else story.completed(FIRST, "25.00")
    assert said(late) == wanted
    assert late.all("CashCallSettled", "CashCallFailed")[0]["attempt"] == 2
    after = story.wait("2026-03-04T12:00:00Z")
    assert said(after) == (["o1-1/2"] if answer else [])


def test_a_retry_goes_through_all_calls_in_their_order() -> None:
    """Rejected, unanswered and young ones side by side, by the time of their execution."""
    story = customer()
    for order, at in (("c", "05:00"), ("b", "05:10"), ("a", "05:50")):
        story.order(order, quantity="0.1", at=at)
    story.rejected(f"{ACCOUNT}-c-1-TPJ-1", "INSUFFICIENT_FUNDS", at="05:55")
    assert said(story.wait("06:00")) == ["c-1/2", "b-1 TIMEOUT", "b-1/1"]


def test_failures_never_block_later_calls() -> None:
    story = bought()
    story.rejected(FIRST, "INSUFFICIENT_FUNDS")
    story.order("o2", quantity="0.05")
    assert said(story.completed(f"{ACCOUNT}-o2-1-TPJ-1", "5.00")) == ["o2-1 settled"]


@pytest.mark.parametrize("answer", ["completed", "rejected"])
def test_a_repeat_has_no_effect(answer: str) -> None:
    """Another event id, another time, the same answer: nothing happens but time."""
    story = bought()

    def tell() -> Happened:
        if answer == "completed":
            return story.completed(FIRST, "25.00")
        return story.rejected(FIRST, "LIMIT_REVIEW")

    assert said(tell()) != []
    assert tell().emitted == []
    story.wait("17:00")
    assert tell().emitted == []  # k = 2 is under way; the answer to k = 1 says nothing of it


# -- what is dead-lettered -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("", "INSUFFICIENT_FUNDS", id="completed-then-rejected"),
        pytest.param("INSUFFICIENT_FUNDS", "", id="rejected-then-completed"),
        pytest.param("INSUFFICIENT_FUNDS", "LIMIT_REVIEW", id="rejected-for-another-reason"),
    ],
)
@pytest.mark.parametrize("later", [False, True], ids=["at-once", "behind-a-retry"])
def test_a_contradiction_changes_nothing(first: str, second: str, later: bool) -> None:
    story = bought()
    other = bought()
    for each in (story, other):
        _answer(each, FIRST, first)
        if later:
            each.wait("17:00")
    assert refused(_answer(story, FIRST, second)) == "CONTRADICTION"
    assert story.ledger == other.ledger
    until = "2026-03-05T12:00:00Z"
    assert said(story.wait(until)) == said(other.wait(until))


def _answer(story: Story, journal_id: str, reason: str) -> Happened:
    """Tell that a journal over 25.00 was completed, or rejected for a reason."""
    if reason:
        return story.rejected(journal_id, reason)
    return story.completed(journal_id, "25.00")


@pytest.mark.parametrize("answer", ["completed", "rejected"])
@pytest.mark.parametrize("amount", ["24.99", "25.01", "0.01", "2500.00"])
def test_a_wrong_amount_changes_nothing(answer: str, amount: str) -> None:
    """The right answer still counts afterwards."""
    story = bought()
    if answer == "completed":
        wrong = story.completed(FIRST, amount)
    else:
        wrong = story.rejected(FIRST, "LIMIT_REVIEW", amount=amount)
    assert refused(wrong) == "AMOUNT_MISMATCH"
    assert said(story.completed(FIRST, "25.00")) == ["o1-1 settled"]


@pytest.mark.parametrize(
    ("second", "amount", "reason"),
    [
        pytest.param("", "25.00", None, id="a-repeat"),
        pytest.param("", "24.99", "CONTRADICTION", id="the-same-with-another-amount"),
        pytest.param("LIMIT_REVIEW", None, "CONTRADICTION", id="another-without-an-amount"),
        pytest.param("LIMIT_REVIEW", "24.99", "CONTRADICTION", id="another-with-another-amount"),
    ],
)
def test_a_second_answer_is_a_repeat_or_a_contradiction(
    second: str, amount: str | None, reason: str | None
) -> None:
    """Contract section 8: of an answered journal no other amount is a mismatch."""
    story = bought()
    story.completed(FIRST, "25.00")
    if second:
        happened = story.rejected(FIRST, second, amount=amount)
    else:
        happened = story.completed(FIRST, amount or "")
    assert happened.emitted == [] if reason is None else refused(happened) == reason


@pytest.mark.parametrize(
    "reason",
    ["", "REJECTED", "TIMEOUT", "NONE", "COMPLETED", "insufficient_funds", "INSUFFICIENT_FUNDS "],
)
def test_an_unknown_reason_changes_nothing(reason: str) -> None:
    """What we call a failure ourselves is no reason of the firm's."""
    story = bought()
    assert refused(story.rejected(FIRST, reason)) == "UNKNOWN_REASON"
    assert said(story.completed(FIRST, "25.00")) == ["o1-1 settled"]


@pytest.mark.parametrize(
    "journal_id",
    [
        pytest.param(SECOND, id="not-asked-for-yet"),
        pytest.param(f"{CALL}-0", id="k-0"),
        pytest.param(f"{CALL}-01", id="k-with-a-zero"),
        pytest.param(CALL, id="the-call"),
        pytest.param(f"{ACCOUNT}-o2-1-TPJ-1", id="no-such-order"),
        pytest.param(f"{ACCOUNT}-o1-2-TPJ-1", id="no-such-fill"),
        pytest.param("J-1", id="somebody-else-s-form"),
    ],
)
def test_an_unknown_journal_changes_nothing(journal_id: str) -> None:
    story = bought()
    assert refused(story.completed(journal_id, "25.00")) == "UNKNOWN_JOURNAL"
    assert said(story.completed(FIRST, "25.00")) == ["o1-1 settled"]


def test_a_journal_is_its_account_s() -> None:
    """The account named beside it must be the one that asked for it."""
    story = bought()
    story.account("ACME0002", funding_model="APEX_CLEARING")
    answer = story.completed(FIRST, "25.00", account_id="ACME0002")
    assert refused(answer) == "UNKNOWN_JOURNAL"


def test_of_a_marketplace_call_no_answer_is_awaited() -> None:
    story = customer(model="MARKETPLACE")
    story.order("o1", quantity="0.25")
    assert refused(story.completed(FIRST, "25.00")) == "UNKNOWN_JOURNAL"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"account_id": "NOBODY00"}, "UNKNOWN_ACCOUNT", id="unknown-account"),
        pytest.param({"amount": "0.00"}, "INVALID", id="no-amount-is-0"),
        pytest.param({"amount": "25.001"}, "INVALID", id="a-part-of-a-cent"),
        pytest.param({"amount": None}, "INVALID", id="completed-names-its-amount"),
        pytest.param({"journal_id": ""}, "INVALID", id="no-id"),
        pytest.param({"type": "ApexJournalPending"}, "UNKNOWN_TYPE", id="unknown-answer"),
    ],
)
def test_an_answer_that_says_nothing_we_know(fields: Event, reason: str) -> None:
    story = bought()
    usual: Event = {"account_id": ACCOUNT, "journal_id": FIRST, "amount": "25.00"}
    kind = str(fields.get("type", "ApexJournalCompleted"))
    assert refused(story.fact("apex-journal-results", kind, None, usual | fields)) == reason
    assert said(story.completed(FIRST, "25.00")) == ["o1-1 settled"]


# -- answers and the time that a retry is due ------------------------------------------------------


def test_an_answer_may_be_to_what_a_retry_before_it_asks_for() -> None:
    """Nothing but the answer moves time over 17:00: the retry asks first, then it is answered."""
    story = bought()
    story.rejected(FIRST, "LIMIT_REVIEW")
    happened = story.completed(SECOND, "25.00", at="17:00:02")
    assert said(happened) == ["o1-1/2", "o1-1 settled"]


def test_also_when_two_retries_are_due() -> None:
    """Of k = 2 at 17:00; at 06:00 it is unanswered, so it goes out again."""
    story = bought()
    story.rejected(FIRST, "LIMIT_REVIEW")
    happened = story.completed(SECOND, "25.00", at="2026-03-04T12:00:02Z")
    assert said(happened) == ["o1-1/2", "o1-1 TIMEOUT", "o1-1/2", "o1-1 settled"]


@pytest.mark.parametrize(
    ("journal_id", "amount", "reason"),
    [
        pytest.param(SECOND, "24.00", "AMOUNT_MISMATCH", id="wrong-amount"),
        pytest.param(THIRD, "25.00", "UNKNOWN_JOURNAL", id="one-too-far"),
        pytest.param(FIRST, "25.00", "CONTRADICTION", id="the-one-before"),
    ],
)
def test_a_bad_answer_comes_behind_a_retry_that_is_due(
    journal_id: str, amount: str, reason: str
) -> None:
    story = bought()
    story.rejected(FIRST, "LIMIT_REVIEW")
    happened = story.completed(journal_id, amount, at="17:00:02")
    assert said(happened) == ["o1-1/2"]
    assert happened.one("DeadLetter")["reason"] == reason
    assert happened.one("DeadLetter")["event_time"] == story.time("17:00:02")


def test_an_answer_to_a_retry_that_writes_off_instead_is_unknown() -> None:
    """Rejected before 06:00 of the 30th date, the call is written off: k = 61 never goes out."""
    story = bought()
    story.rejected(FIRST, "LIMIT_REVIEW")
    for k in range(2, 61):
        day = dt.date(2026, 3, 3) + dt.timedelta(days=(k - 1) // 2)
        story.date = day.isoformat()
        story.wait("17:00" if k % 2 == 0 else "06:00")
        assert story.rejected(f"{CALL}-{k}", "LIMIT_REVIEW").types() == ["CashCallFailed"]
    happened = story.completed(f"{CALL}-61", "25.00", at="2026-04-02T11:00:02Z")
    assert said(happened) == ["o1-1 written off"]
    assert happened.one("DeadLetter")["reason"] == "UNKNOWN_JOURNAL"


# -- write-offs and recoveries ---------------------------------------------------------------------

WRITTEN_OFF_AT = "2026-04-02T11:00:00Z"


def written_off(*, rejected: bool = False) -> Story:
    """Return a story in which the call was just written off, its journal unanswered or rejected."""
    story = bought()
    if rejected:
        story.rejected(FIRST, "LIMIT_REVIEW")
    story.wait("2026-04-02T10:59:59Z")
    happened = story.wait(WRITTEN_OFF_AT)
    assert said(happened) == ["o1-1 written off"]
    assert posted(happened) == {OWED: "25.00", f"writeoff:{CLIENT}": "-25.00"}
    return story


def test_written_off_at_the_first_retry_30_dates_after_the_trade_date() -> None:
    """It had timed out at 59 retries before; nothing goes out any more."""
    story = written_off()
    event = story.so_far().one("CashCallWrittenOff")
    wanted = {"attempt": 59, "reason": "TIMEOUT", "amount": "25.00", "direction": "WITHDRAWAL"}
    assert only(event, wanted) == wanted
    assert said(story.wait("2026-04-10T12:00:00Z")) == []


def test_completed_after_the_write_off_recovers_it() -> None:
    """The write-off goes back; what the call is stays: no settlement, no balance changes."""
    story = written_off()
    happened = story.completed(FIRST, "25.00", event_id="late")
    assert happened.types() == ["WriteOffRecovered", "JournalEntry"]
    wanted = {
        "cash_call_id": CALL,
        "execution_id": CALL.removesuffix("-TPJ"),
        "direction": "WITHDRAWAL",
        "amount": "25.00",
        "cause_id": "late",
        "event_id": event_id("apex-journal-results", "late", "WriteOffRecovered", ACCOUNT),
    }
    assert only(happened.one("WriteOffRecovered"), wanted) == wanted
    assert posted(happened) == {
        f"writeoff:{CLIENT}": "25.00",
        "world:customers": "-25.00",
        "bank:business": "25.00",
        "world:bank": "-25.00",
    }
    assert story.ledger[f"writeoff:{CLIENT}", "USD"] == 0


def test_it_is_recovered_once() -> None:
    story = written_off()
    story.completed(FIRST, "25.00")
    assert story.completed(FIRST, "25.00").emitted == []
    assert refused(story.rejected(FIRST, "LIMIT_REVIEW")) == "CONTRADICTION"


def test_rejected_after_the_write_off_changes_nothing_and_counts() -> None:
    story = written_off()
    assert story.rejected(FIRST, "LIMIT_REVIEW").emitted == []
    assert refused(story.completed(FIRST, "25.00")) == "CONTRADICTION"


def test_an_id_that_was_rejected_before_the_write_off_recovers_nothing() -> None:
    """With k = 1 rejected and k = 2 unanswered at the write-off, k = 2 alone can still be paid."""
    story = written_off(rejected=True)
    assert refused(story.completed(FIRST, "25.00")) == "CONTRADICTION"
    assert story.completed(SECOND, "25.00").types() == ["WriteOffRecovered", "JournalEntry"]


def test_a_deposit_call_is_never_written_off() -> None:
    """24.75 owed to the customer: asked for at every retry, paid after 45 days."""
    story = customer()
    story.order("o0", quantity="0.25")
    story.completed(f"{ACCOUNT}-o0-1-TPJ-1", "25.00")
    story.order("o1", side="SELL", quantity="0.25")
    lines = said(story.wait("2026-04-17T12:00:00Z"))
    assert set(lines) == {"o1-1 TIMEOUT", "o1-1/1"}
    assert said(story.completed(FIRST, "24.75")) == ["o1-1 settled"]


# -- the model of the execution governs the call for life ------------------------------------------


@pytest.mark.parametrize("model", ["MARKETPLACE", "NET_SETTLEMENT"])
def test_an_open_apex_call_stays_one_whatever_the_account_becomes(model: str) -> None:
    """Rejected, asked for again and completed by the firm; cash of ours is left alone."""
    story = bought()
    story.rejected(FIRST, "LIMIT_REVIEW")
    story.account(funding_model="MARKETPLACE")
    story.funding("DepositSettled", "D1", "500.00")
    story.account(funding_model=model)
    assert said(story.wait("17:00")) == ["o1-1/2"]
    happened = story.completed(SECOND, "25.00")
    assert said(happened) == ["o1-1 settled"]
    assert CASH not in posted(happened)
    assert happened.one("AccountBalance")["settled"] == "500.00"


@pytest.mark.parametrize("model", ["APEX_CLEARING", "NET_SETTLEMENT"])
def test_an_open_marketplace_call_stays_one(model: str) -> None:
    """25.00 fails for want of money, and settles from cash at the retry under another model."""
    story = customer(model="MARKETPLACE")
    story.order("o1", quantity="0.25")
    story.funding("DepositInitiated", "D1", "25.00")
    story.account(funding_model=model)
    story.funding("DepositSettled", "D1", "25.00")
    happened = story.wait("17:00")
    assert said(happened) == ["o1-1 settled"]
    assert posted(happened)[CASH] == "-25.00"


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        pytest.param(
            "MARKETPLACE", "APEX_CLEARING", ["o2-1 requested", "o2-1/1"], id="marketplace-to-apex"
        ),
        pytest.param(
            "APEX_CLEARING",
            "MARKETPLACE",
            ["o2-1 requested", "o2-1 INSUFFICIENT_FUNDS"],
            id="apex-to-marketplace",
        ),
        pytest.param("APEX_CLEARING", "NET_SETTLEMENT", [], id="apex-to-net"),
    ],
)
def test_from_the_change_on_executions_have_the_new_model(
    old: str, new: str, wanted: list[str]
) -> None:
    story = customer(model=old)
    story.order("o1", quantity="0.25")
    story.account(funding_model=new)
    happened = story.order("o2", quantity="0.25")
    assert happened.one("Execution")["funding_model"] == new
    assert said(happened) == wanted


def test_a_resting_order_s_fill_has_the_model_of_its_execution() -> None:
    """Accepted as a Marketplace order at 99.50, filled when the account has become Apex."""
    story = customer(model="MARKETPLACE")
    story.order("o1", quantity="0.25", limit_price="99.50")
    story.account(funding_model="APEX_CLEARING")
    happened = story.tick("99.00", "99.50")
    assert said(happened) == ["o1-1 requested", "o1-1/1"]


@pytest.mark.parametrize(
    ("old", "new", "buying_power"),
    [
        pytest.param("MARKETPLACE", "APEX_CLEARING", [None], id="to-apex"),
        pytest.param("APEX_CLEARING", "MARKETPLACE", ["0.00"], id="to-marketplace"),
        pytest.param("APEX_CLEARING", "NET_SETTLEMENT", [], id="neither"),
        pytest.param("APEX_CLEARING", "APEX_CLEARING", [], id="no-change"),
    ],
)
def test_buying_power_comes_and_goes_with_the_marketplace_model(
    old: str, new: str, buying_power: list[str | None]
) -> None:
    happened = customer(model=old).account(funding_model=new)
    assert [event["buying_power"] for event in happened.all("AccountBalance")] == buying_power


# -- closing and locking with open calls and working orders ----------------------------------------


@pytest.mark.parametrize("mode", ["LOCKED", "CLOSED"])
def test_a_restricted_account_s_call_is_the_firm_s_to_decide(mode: str) -> None:
    """Working orders end, no new one is taken; the open call goes on being asked for."""
    story = bought()
    story.order("o2", quantity="0.1", limit_price="50.00")
    happened = story.account(mode=mode, funding_model="APEX_CLEARING")
    assert happened.said() == [("OrderCancelled", "o2", "ACCOUNT_NOT_OPEN")]
    rejected = story.order("o3", quantity="0.1")
    assert rejected.said() == [("OrderRejected", "o3", "ACCOUNT_NOT_OPEN")]
    assert said(story.wait("17:00")) == ["o1-1 TIMEOUT", "o1-1/1"]
    assert said(story.completed(FIRST, "25.00")) == ["o1-1 settled"]


def test_closing_only_ends_buys_and_lets_the_position_be_sold() -> None:
    story = bought()
    story.order("o2", quantity="0.1", limit_price="50.00")
    story.order("o3", side="SELL", quantity="0.1", limit_price="150.00")
    happened = story.account(mode="CLOSING_ONLY", funding_model="APEX_CLEARING")
    assert happened.said() == [("OrderCancelled", "o2", "ACCOUNT_NOT_OPEN")]
    assert said(story.order("o4", side="SELL", quantity="0.1")) == ["o4-1 requested", "o4-1/1"]


# -- aged failures and the files -------------------------------------------------------------------


def test_a_call_ages_from_its_first_failure_on() -> None:
    """Unanswered at 16:40 it has not failed; timed out at 17:00 it is in the 19:30 file."""
    story = bought()
    assert story.wait("16:40").on("aged-failures") == []
    (aged,) = story.wait("19:30").on("aged-failures")
    wanted = {
        "report": "AGED",
        "tpj_id": CALL,
        "notional": "25.00",
        "attempts": 1,
        "last_reason": "TIMEOUT",
        "first_failed_at": "2026-03-03T23:00:00.000000Z",
        "age_days": 0,
    }
    assert only(aged, wanted) == wanted


def test_its_status_in_the_execution_confirm() -> None:
    """Unanswered REQUESTED, rejected NOT_SETTLED, completed SETTLED, of a net account none."""
    story = customer()
    for order in ("o1", "o2", "o3"):
        story.order(order, quantity="0.25")
    story.rejected(f"{ACCOUNT}-o2-1-TPJ-1", "LIMIT_REVIEW")
    story.completed(f"{ACCOUNT}-o3-1-TPJ-1", "25.00")
    story.account(funding_model="NET_SETTLEMENT")
    story.order("o4", quantity="0.25")
    story.wait("16:40")
    name = f"{CLIENT}/execution_confirm/2026-03-03_execution_and_tpj_confirms.csv"
    rows = [line.split(",") for line in story.files[name].splitlines()[2:]]
    assert [(row[3], row[11], row[12]) for row in rows] == [
        (f"{ACCOUNT}-o1-1", f"{ACCOUNT}-o1-1-TPJ", "REQUESTED"),
        (f"{ACCOUNT}-o2-1", f"{ACCOUNT}-o2-1-TPJ", "NOT_SETTLED"),
        (f"{ACCOUNT}-o3-1", f"{ACCOUNT}-o3-1-TPJ", "SETTLED"),
        (f"{ACCOUNT}-o4-1", "", ""),
    ]


def test_a_settled_apex_call_moves_no_cash_of_ours_so_it_has_no_activity_row() -> None:
    story = bought()
    story.completed(FIRST, "25.00")
    story.wait("16:40")
    text = story.files[f"{CLIENT}/{CLIENT}_CashActivityReport_03-03-26.csv"]
    assert len(text.splitlines()) == 1


def test_an_apex_account_without_money_with_us_is_in_no_cash_balance_file() -> None:
    """The client has Apex accounts alone: an activity file, no balance file."""
    story = bought()
    story.wait("16:40")
    names = {name.removeprefix(f"{CLIENT}/") for name in story.files}
    assert f"{CLIENT}_CashActivityReport_03-03-26.csv" in names
    assert f"{CLIENT}_CashBalanceReport_03-03-26.csv" not in names
