"""Revenue share (contract section 10; domain.md section 5), each sentence with its numbers.

The market is 99.00 / 100.00 and ACME takes a commission of 1% and gets half of it, if nothing else
is said: buying 1 brings 1.00 of commission, and 0.50 of share. ACME's account has no money, so its
cash calls fail and are written off 30 days after.
"""

from decimal import Decimal

import pytest

from tests.story import ACCOUNT, CLIENT, Event, Happened, Story, ct, event_id, only

TERMS = {"commission_model": "TRADE_FEE", "commission_bps": "100", "revenue_share_bps": "5000"}


def market(date: str = "2026-03-30", **terms: str) -> Story:
    """Return a story from 10:00 on, with a market that lasts for a day."""
    story = Story(known=False, date=date)
    story.client(at="10:00", **(TERMS | terms))
    story.instrument(at="10:00", stale_after_ms=86_400_000)
    story.account(at="10:00")
    quoted(story, "10:00")
    return story


def quoted(story: Story, at: str) -> Story:
    """Quote the market again, for another day."""
    story.tick("99.00", "100.00", at=at, ask_size="1000")
    return story


def statement(happened: Happened) -> dict[str, str]:
    """Return the figures of the only statement."""
    names = ("month", "share", "write_offs", "carried_in", "payable", "carried_out")
    return only(happened.one("RevenueShareStatement"), dict.fromkeys(names))


def figures(month: str, *amounts: str) -> dict[str, str]:
    """Return a statement's figures: share, write-offs, carried in, payable, carried out."""
    names = ("share", "write_offs", "carried_in", "payable", "carried_out")
    return {"month": month} | dict(zip(names, amounts, strict=True))


def first(month: str) -> str:
    """Return the first 09:00 of a month, in summer time."""
    return f"2026-{month}-01T14:00:00Z"


def entries(happened: Happened) -> list[list[tuple[str, str]]]:
    """Return account and amount of each posting of clients' entries."""
    return [
        [(posting["account"], posting["amount"]) for posting in entry["postings"]]
        for entry in happened.all("JournalEntry")
        if entry["account_id"] is None
    ]


def test_the_first_nine_of_a_month_states_the_month_before() -> None:
    story = market()
    story.order("o1", quantity="2", at="12:00")
    assert story.wait("2026-04-01T13:59:59.999999Z").all("RevenueShareStatement") == []
    happened = story.wait(first("04"))
    cause = "NET_SETTLEMENT@2026-04-01T14:00:00.000000Z"
    assert happened.one("RevenueShareStatement") == {
        "type": "RevenueShareStatement",
        "event_id": event_id("executions", cause, "RevenueShareStatement", CLIENT),
        "event_time": "2026-04-01T14:00:00.000000Z",
        "cause_id": cause,
        "client": CLIENT,
    } | figures("2026-03", "1.00", "0.00", "0.00", "1.00", "0.00")
    assert entries(happened) == [
        [("revenue:share:ACME", "-1.00"), ("client:ACME:share", "1.00")],
    ]
    assert story.wait("2026-04-30T23:00:00Z").all("RevenueShareStatement") == []


@pytest.mark.parametrize(
    ("at", "month"),
    [
        pytest.param("2026-03-31T22:04:59.999999Z", "2026-03", id="until-17:05-the-date-is-march"),
        pytest.param("2026-03-31T22:05:00Z", "2026-04", id="from-17:05-on-april"),
        pytest.param("2026-04-01T13:00:00Z", "2026-04", id="before-the-statement"),
    ],
)
def test_revenue_belongs_to_its_trade_date(at: str, month: str) -> None:
    """Orders rest in maintenance, so the first trade is of a resting order's quote behind it."""
    story = market()
    # In maintenance nobody trades: what is told then is at its very end or its beginning.
    at = at.replace("22:04:59.999999", "21:29:59.999999")
    quoted(story, at).order("o1", quantity="2", at=at)
    march = statement(story.wait(first("04")))
    april = statement(story.wait(first("05")))
    shares = {"2026-03": march["share"], "2026-04": april["share"]}
    assert shares == {"2026-03": "0.00", "2026-04": "0.00"} | {month: "1.00"}


@pytest.mark.parametrize(
    ("terms", "quantity", "share"),
    [
        # 1.01 of commission
        pytest.param({}, "1.01", "0.50", id="0.505-to-the-even-cent"),
        # 1.03 of commission
        pytest.param({}, "1.03", "0.52", id="0.515-to-the-even-cent"),
        pytest.param({"revenue_share_bps": "3333.33"}, "3", "1.00", id="a-third-rounds-up"),
        pytest.param({"revenue_share_bps": "10000"}, "1.01", "1.01", id="all-of-it"),
        pytest.param({"revenue_share_bps": "0"}, "1.01", "0.00", id="none-of-it"),
        # 1% of markup: 101.00 a piece
        pytest.param(
            {"commission_model": "MARKUP", "markup_bps": "100", "commission_bps": "0"},
            "3",
            "1.50",
            id="of-markup-too",
        ),
    ],
)
def test_the_share_is_rounded_half_even_once(
    terms: dict[str, str], quantity: str, share: str
) -> None:
    story = market(**terms)
    story.order("o1", quantity=quantity, at="12:00")
    assert statement(story.wait(first("04")))["share"] == share


def test_the_terms_are_those_of_the_statement() -> None:
    story = market()
    story.order("o1", quantity="2", at="12:00")
    story.client(at="13:00", **(TERMS | {"revenue_share_bps": "2500"}))
    assert statement(story.wait(first("04")))["share"] == "0.50"


def test_every_client_gets_one() -> None:
    """Also who never traded, and who is only known by an account."""
    story = market()
    story.client("IDLE")
    story.account("LOST0001", client="LOST")
    story.funding(
        "CashAdjusted", "a1", "5.00", account_id="LOST0001", adjustment_type="PARTNER_WRITE_OFF"
    )
    story.account("NONE0001", client="NONE")
    happened = story.wait(first("04"))
    stated = {e["client"]: e["carried_out"] for e in happened.all("RevenueShareStatement")}
    assert stated == {"ACME": "0.00", "IDLE": "0.00", "LOST": "5.00", "NONE": "0.00"}


def test_a_shortfall_is_carried_over_three_months() -> None:
    """A call of 202.00 that is never paid: two months' shares do not cover it."""
    story = market(date="2026-03-02")
    story.order("o1", quantity="2", at="12:00")
    # Written off on April 1 at 06:00, three hours before March is stated: it is April's.
    assert statement(story.wait("2026-04-01T14:00:00Z")) == figures(
        "2026-03", "1.00", "0.00", "0.00", "1.00", "0.00"
    )
    assert len(story.so_far().all("CashCallWrittenOff")) == 1
    story.funding("DepositSettled", "d1", "90000.00", at="2026-04-02T15:00:00Z")
    quoted(story, "2026-04-02T16:00:00Z").order("o2", quantity="100", at="2026-04-02T16:00:00Z")
    happened = story.wait(first("05"))
    assert statement(happened) == figures("2026-04", "50.00", "202.00", "0.00", "0.00", "152.00")
    assert entries(happened) == [
        [("revenue:share:ACME", "-50.00"), ("client:ACME:share", "50.00")],
        [("client:ACME:share", "-202.00"), ("writeoff:ACME", "202.00")],
    ]
    quoted(story, "2026-05-02T16:00:00Z").order("o3", quantity="200", at="2026-05-02T16:00:00Z")
    assert statement(story.wait(first("06"))) == figures(
        "2026-05", "100.00", "0.00", "152.00", "0.00", "52.00"
    )
    quoted(story, "2026-06-02T16:00:00Z").order("o4", quantity="110", at="2026-06-02T16:00:00Z")
    assert statement(story.wait(first("07"))) == figures(
        "2026-06", "55.00", "0.00", "52.00", "3.00", "0.00"
    )
    # The account holds what was ever stated less what was deducted.
    assert story.ledger["client:ACME:share", "USD"] == Decimal("4.00")
    assert story.ledger["writeoff:ACME", "USD"] == 0


@pytest.mark.parametrize(
    ("amount", "at", "wanted"),
    [
        pytest.param(
            "5.00",
            "2026-04-01T04:59:59.999999Z",
            figures("2026-03", "1.00", "5.00", "0.00", "0.00", "4.00"),
            id="given-to-a-customer-at-the-client-s-expense",
        ),
        pytest.param(
            "-5.00",
            "2026-03-31T22:00:00Z",
            figures("2026-03", "1.00", "-5.00", "0.00", "6.00", "0.00"),
            id="taken-back",
        ),
        pytest.param(
            "5.00",
            "2026-04-01T05:00:00Z",
            figures("2026-03", "1.00", "0.00", "0.00", "1.00", "0.00"),
            id="at-midnight-it-is-the-next-month-s",
        ),
    ],
)
def test_partner_write_offs_count_by_their_ct_date(
    amount: str, at: str, wanted: dict[str, str]
) -> None:
    story = market()
    story.order("o1", quantity="2", at="12:00")
    story.funding("CashAdjusted", "a1", amount, at=at, adjustment_type="PARTNER_WRITE_OFF")
    assert statement(story.wait(first("04"))) == wanted


@pytest.mark.parametrize("kind", ["PLATFORM_WRITE_OFF", "OTHER_ADJUSTMENT", "ACH_RETURN_FEE"])
def test_other_adjustments_do_not_count(kind: str) -> None:
    story = market()
    story.funding("CashAdjusted", "a1", "5.00", adjustment_type=kind)
    assert statement(story.wait(first("04")))["write_offs"] == "0.00"


def test_a_recovery_is_a_negative_write_off() -> None:
    """An Apex customer pays 202.00 that were written off in April: May gets them back."""
    story = market(date="2026-03-02")
    story.account("APEX0001", at="10:01", funding_model="APEX_CLEARING")
    story.order("o1", account_id="APEX0001", quantity="2", at="12:00")
    statement(story.wait("2026-04-01T14:00:00Z"))
    may = statement(story.wait(first("05")))
    assert may == figures("2026-04", "0.00", "202.00", "0.00", "0.00", "202.00")
    story.fact(
        "apex-journal-results",
        "ApexJournalCompleted",
        "2026-05-02T15:00:00Z",
        {"account_id": "APEX0001", "journal_id": "APEX0001-o1-1-TPJ-1", "amount": "202.00"},
    )
    assert len(story.so_far().all("WriteOffRecovered")) == 1
    happened = story.wait(first("06"))
    assert statement(happened) == figures("2026-05", "0.00", "-202.00", "202.00", "0.00", "0.00")
    assert entries(happened) == [[("client:ACME:share", "202.00"), ("writeoff:ACME", "-202.00")]]


def test_a_payout_may_be_larger_than_the_share() -> None:
    story = market()
    story.funding("DepositSettled", "d1", "202.00", at="11:00")
    story.order("o1", quantity="2", at="12:00")
    story.wait(first("04"))
    happened = story.wire("RevenueSharePaid", "p1", "1.50", event_id="pay")
    assert happened.types() == ["JournalEntry"]
    wanted: Event = {"account_id": None, "client": CLIENT, "cause_id": "pay"}
    assert only(happened.one("JournalEntry"), wanted) == wanted
    assert entries(happened) == [
        [
            ("client:ACME:share", "-1.50"),
            ("world:customers", "1.50"),
            ("bank:business", "-1.50"),
            ("world:bank", "1.50"),
        ]
    ]
    assert story.ledger["client:ACME:share", "USD"] == Decimal("-0.50")
    assert story.wire("RevenueSharePaid", "p1", "1.50").types() == []
    # It changes no statement.
    assert statement(story.wait(first("05"))) == figures(
        "2026-04", "0.00", "0.00", "0.00", "0.00", "0.00"
    )


def test_executions_of_every_model_bring_revenue() -> None:
    story = market()
    for model in ("NET_SETTLEMENT", "APEX_CLEARING"):
        story.account(f"{model[:3]}00001", funding_model=model)
        story.order("o1", account_id=f"{model[:3]}00001", quantity="2")
    story.order("o1", account_id=ACCOUNT, quantity="2")
    assert statement(story.wait(first("04")))["share"] == "3.00"


def test_the_winter_s_first_nine() -> None:
    story = market(date="2026-11-30")
    assert story.wait("2026-12-01T14:59:59Z").all("RevenueShareStatement") == []
    happened = story.wait("2026-12-01T15:00:00Z")
    assert statement(happened)["month"] == "2026-11"
    assert ct("09:00", "2026-12-01") == happened.one("RevenueShareStatement")["event_time"]
