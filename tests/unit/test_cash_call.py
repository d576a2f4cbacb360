"""Cash calls of Marketplace accounts (contract section 7): at once, at retries, written off.

The market is 99.00 / 100.00 and nobody is charged, so buying 0.25 is a WITHDRAWAL call over 25.00
and selling 0.25 a DEPOSIT call over 24.75.
"""

import pytest

from schemas.account import AccountUpdated
from tests.story import ACCOUNT, CLIENT, Happened, Story, event_id, only

OTHER = "ACME0002"


def market(story: Story, at: str | None = None) -> Story:
    """Tell the market, and a quote that stays good for two months."""
    story.instrument(at=at, stale_after_ms=86_400_000)
    story.tick("99.00", "100.00", at=at, bid_size="1000", ask_size="1000")
    return story


def customer(cash: str | None = None) -> Story:
    """Return a story with a market and perhaps cash."""
    story = market(Story())
    if cash is not None:
        story.funding("DepositSettled", "cash", cash)
    return story


def on_date(date: str, cash: str | None = None) -> Story:
    """Return such a story on another date."""
    story = Story(known=False, date=date)
    story.client(at="00:00")
    story.account(at="00:00")
    market(story, at="00:00")
    if cash is not None:
        story.funding("DepositSettled", "cash", cash, at="00:00")
    return story


def settlement_learns(story: Story, mode: str, account_id: str = ACCOUNT) -> None:
    """Tell a mode to settlement alone.

    Live, `accounts` reaches settlement by its own road: it may know of a lock before trading does,
    so an execution of a restricted account can be on its way.
    """
    event = AccountUpdated.model_validate(
        {
            "type": "AccountUpdated",
            "event_id": "lock",
            "event_time": story.now_text(),
            "account_id": account_id,
            "client": CLIENT,
            "mode": mode,
        }
    )
    story.history.settlement.account_updated(event, 0, [])


def calls(happened: Happened) -> list[str]:
    """Return what became of which call: `o1-1 settled`, `o2-1 INSUFFICIENT_FUNDS`."""
    said = []
    for event in happened.all("CashCallSettled", "CashCallFailed", "CashCallWrittenOff"):
        outcome = {
            "CashCallSettled": "settled",
            "CashCallFailed": event.get("reason"),
            "CashCallWrittenOff": "written off",
        }[event["type"]]
        said.append(f"{event['execution_id'][9:]} {outcome}")
    return said


# -- in the step that books the execution ----------------------------------------------------------


def test_a_buy_is_called_and_settled_at_once() -> None:
    story = customer(cash="100.00")
    happened = story.order("o1", quantity="0.25", event_id="the order")
    execution = happened.one("Execution")
    assert happened.types("cash-calls") == ["CashCallRequested", "CashCallSettled"]
    common = {
        "cash_call_id": f"{ACCOUNT}-o1-1-TPJ",
        "execution_id": f"{ACCOUNT}-o1-1",
        "direction": "WITHDRAWAL",
        "amount": "25.00",
        "attempt": 1,
        "account_id": ACCOUNT,
        "client": CLIENT,
        "event_time": execution["event_time"],
        "cause_id": execution["event_id"],
    }
    for event in happened.on("cash-calls"):
        assert only(event, common) == common
        wanted = event_id("executions", execution["event_id"], event["type"], ACCOUNT)
        assert event["event_id"] == wanted


def test_a_buy_without_the_money_fails_at_once() -> None:
    happened = customer().order("o1", quantity="0.25", at="12:30")
    assert happened.types("cash-calls") == ["CashCallRequested", "CashCallFailed"]
    wanted = {
        "reason": "INSUFFICIENT_FUNDS",
        "attempt": 1,
        "amount": "25.00",
        "direction": "WITHDRAWAL",
        "next_retry_at": "2026-03-03T23:00:00.000000Z",
    }
    assert only(happened.one("CashCallFailed"), wanted) == wanted


def test_a_sell_deposits_at_once() -> None:
    story = customer(cash="25.00")
    story.order("o1", quantity="0.25")
    happened = story.order("o2", side="SELL", quantity="0.25")
    wanted = {"direction": "DEPOSIT", "amount": "24.75", "attempt": 1}
    assert only(happened.one("CashCallRequested"), wanted) == wanted
    assert only(happened.one("CashCallSettled"), wanted) == wanted


def test_one_call_for_each_execution_of_an_order() -> None:
    """Two fills, 0.1 at 100.00 and 0.1 at 99.50: 10.00 is covered by 15.00, then 9.95 is not."""
    story = customer(cash="15.00")
    story.tick("99.00", "100.00", ask_size="0.1")
    first = story.order("o1", quantity="0.2", limit_price="100.00")
    second = story.tick("99.00", "99.50", ask_size="0.1")
    assert calls(first) == ["o1-1 settled"]
    assert calls(second) == ["o1-2 INSUFFICIENT_FUNDS"]
    assert second.one("CashCallFailed")["amount"] == "9.95"


@pytest.mark.parametrize(
    ("cash", "outcome"),
    [
        pytest.param("25.00", "settled", id="cash-less-amount-is-exactly-0"),
        pytest.param("25.01", "settled", id="a-cent-more"),
        pytest.param("24.99", "INSUFFICIENT_FUNDS", id="a-cent-short"),
        pytest.param("0.01", "INSUFFICIENT_FUNDS", id="whole-amounts-only"),
    ],
)
def test_a_withdrawal_settles_iff_cash_covers_all_of_it(cash: str, outcome: str) -> None:
    assert calls(customer(cash).order("o1", quantity="0.25")) == [f"o1-1 {outcome}"]


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        pytest.param("DepositInitiated", "INSUFFICIENT_FUNDS", id="pending-money-does-not-count"),
        pytest.param("DepositSettled", "settled", id="settled-money-does"),
    ],
)
def test_only_settled_cash_counts(kind: str, outcome: str) -> None:
    story = customer()
    story.funding(kind, "D1", "25.00")
    assert calls(story.order("o1", quantity="0.25")) == [f"o1-1 {outcome}"]


def test_what_is_withdrawing_is_gone() -> None:
    story = customer(cash="30.00")
    story.funding("WithdrawalRequested", "W1", "10.00")
    assert calls(story.order("o1", quantity="0.25")) == ["o1-1 INSUFFICIENT_FUNDS"]


def test_cash_below_zero_settles_no_withdrawal_but_a_deposit() -> None:
    story = customer(cash="50.00")
    story.order("o1", quantity="0.5")
    story.funding("DepositReturned", "cash", "50.00")
    assert calls(story.order("o2", side="SELL", quantity="0.25")) == ["o2-1 settled"]
    assert calls(story.order("o3", quantity="0.01")) == ["o3-1 INSUFFICIENT_FUNDS"]


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [
        pytest.param("OPEN", "settled", id="OPEN"),
        pytest.param("CLOSING_ONLY", "settled", id="CLOSING_ONLY-is-not-restricted"),
        pytest.param("LOCKED", "ACCOUNT_RESTRICTED", id="LOCKED"),
        pytest.param("CLOSED", "ACCOUNT_RESTRICTED", id="CLOSED"),
    ],
)
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_restricted_account_fails_both_directions(side: str, mode: str, outcome: str) -> None:
    story = customer(cash="100.00")
    story.order("o0", quantity="0.5")
    settlement_learns(story, mode)
    assert calls(story.order("o1", side=side, quantity="0.25")) == [f"o1-1 {outcome}"]


def test_restriction_is_looked_at_before_the_money() -> None:
    """Neither is there: the reason is the restriction."""
    story = customer()
    settlement_learns(story, "LOCKED")
    assert calls(story.order("o1", quantity="0.25")) == ["o1-1 ACCOUNT_RESTRICTED"]


@pytest.mark.parametrize("mode", ["OPEN", "LOCKED", "CLOSED", "CLOSING_ONLY"])
@pytest.mark.parametrize("below_zero", [False, True], ids=["cash", "cash-below-zero"])
def test_a_call_of_nothing_settles_at_once(mode: str, below_zero: bool) -> None:
    """0.02 sold for 1.98 at a fee of 5.00, capped at 1.98: the net is 0.00, whatever the mode."""
    story = customer(cash="100.00")
    story.order("o1", quantity="1")
    if below_zero:
        story.funding("DepositReturned", "cash", "100.00")
    settlement_learns(story, mode)
    happened = story.order("o2", side="SELL", quantity="0.02", commission_fixed="5.00")
    assert happened.one("CashCallRequested")["amount"] == "0.00"
    assert calls(happened) == ["o2-1 settled"]


def test_a_failure_never_blocks_later_calls() -> None:
    """25.00 is not covered; 5.00 behind it is, at once."""
    story = customer(cash="10.00")
    assert calls(story.order("o1", quantity="0.25")) == ["o1-1 INSUFFICIENT_FUNDS"]
    assert calls(story.order("o2", quantity="0.05")) == ["o2-1 settled"]
    assert calls(story.order("o3", quantity="0.06")) == ["o3-1 INSUFFICIENT_FUNDS"]
    assert calls(story.order("o4", quantity="0.05")) == ["o4-1 settled"]


@pytest.mark.parametrize(
    "kind", [pytest.param("DepositSettled", id="funding"), pytest.param("CashAdjusted", id="other")]
)
def test_money_that_comes_in_triggers_no_retry(kind: str) -> None:
    story = customer()
    story.order("o1", quantity="0.25")
    extra = {"adjustment_type": "OTHER_ADJUSTMENT"} if kind == "CashAdjusted" else {}
    assert calls(story.funding(kind, "D1", "25.00", **extra)) == []
    assert calls(story.wait("16:59:59")) == []
    assert calls(story.wait("17:00")) == ["o1-1 settled"]


def test_nor_does_a_sell_that_pays_the_customer() -> None:
    """25.00 is open; selling another 0.4 brings 39.60; the buy is tried again at 17:00 only."""
    story = customer(cash="100.00")
    story.order("o1", quantity="1")
    story.order("o2", quantity="0.25")
    assert calls(story.order("o3", side="SELL", quantity="0.4")) == ["o3-1 settled"]
    assert calls(story.wait("17:00")) == ["o2-1 settled"]


def test_unlocking_triggers_no_retry_either() -> None:
    story = customer(cash="100.00")
    settlement_learns(story, "LOCKED")
    story.order("o1", quantity="0.25")
    assert story.account(mode="OPEN").emitted == []
    assert calls(story.wait("17:00")) == ["o1-1 settled"]


# -- retries ---------------------------------------------------------------------------------------


def test_each_open_call_is_tried_at_06_00_and_17_00_every_day() -> None:
    """A retry emits only its outcome; attempts go on counting."""
    story = customer()
    story.order("o1", quantity="0.25")
    events = story.wait("2026-03-05T12:00:00Z").on("cash-calls")
    assert [(e["type"], e["event_time"], e["attempt"], e["next_retry_at"]) for e in events] == [
        ("CashCallFailed", "2026-03-03T23:00:00.000000Z", 2, "2026-03-04T12:00:00.000000Z"),
        ("CashCallFailed", "2026-03-04T12:00:00.000000Z", 3, "2026-03-04T23:00:00.000000Z"),
        ("CashCallFailed", "2026-03-04T23:00:00.000000Z", 4, "2026-03-05T12:00:00.000000Z"),
        ("CashCallFailed", "2026-03-05T12:00:00.000000Z", 5, "2026-03-05T23:00:00.000000Z"),
    ]


def test_a_call_that_settles_at_a_retry() -> None:
    story = customer()
    story.order("o1", quantity="0.25")
    story.funding("DepositSettled", "D1", "25.00")
    happened = story.wait("17:00")
    assert happened.types("cash-calls", "journal", "balances") == [
        "CashCallSettled",
        "JournalEntry",
        "AccountBalance",
    ]
    wanted = {
        "attempt": 2,
        "amount": "25.00",
        "direction": "WITHDRAWAL",
        "cash_call_id": f"{ACCOUNT}-o1-1-TPJ",
        "event_time": "2026-03-03T23:00:00.000000Z",
        "cause_id": "RETRY@2026-03-03T23:00:00.000000Z",
    }
    assert only(happened.one("CashCallSettled"), wanted) == wanted


def test_a_settled_call_is_never_tried_again() -> None:
    story = customer(cash="25.00")
    story.order("o1", quantity="0.25")
    story.funding("DepositSettled", "D2", "500.00")
    assert calls(story.wait("2026-05-01T12:00:00Z")) == []


@pytest.mark.parametrize(
    ("date", "retries"),
    [
        pytest.param("2026-03-07", ["23:00", "11:00", "22:00"], id="spring-forward"),
        pytest.param("2026-10-31", ["22:00", "12:00", "23:00"], id="fall-back"),
        pytest.param("2024-02-28", ["23:00", "12:00", "23:00"], id="leap-day"),
    ],
)
def test_retries_keep_to_the_wall_clock(date: str, retries: list[str]) -> None:
    story = on_date(date)
    failed = [story.order("o1", quantity="0.25", at="12:00").one("CashCallFailed")]
    for _ in retries:
        failed.append(story.wait(failed[-1]["next_retry_at"]).one("CashCallFailed"))
    assert [event["event_time"][11:16] for event in failed[1:]] == retries
    assert [event["event_time"] for event in failed[1:]] == [
        event["next_retry_at"] for event in failed[:-1]
    ]


def test_an_execution_at_the_very_time_of_a_retry_waits_for_the_next() -> None:
    story = on_date("2026-03-03")
    happened = story.order("o1", quantity="0.25", at="06:00:00")
    assert happened.one("CashCallFailed")["next_retry_at"] == story.time("17:00")
    assert happened.one("WindowOpened")["window"] == "RETRY"
    assert calls(happened) == ["o1-1 INSUFFICIENT_FUNDS"]


@pytest.mark.parametrize(
    ("cash", "wanted"),
    [
        pytest.param("60.00", ["settled", "settled", "settled"], id="all"),
        pytest.param("59.99", ["settled", "settled", "INSUFFICIENT_FUNDS"], id="not-the-last"),
        pytest.param("45.00", ["settled", "INSUFFICIENT_FUNDS", "settled"], id="skips-the-second"),
        pytest.param(
            "29.99", ["INSUFFICIENT_FUNDS", "settled", "INSUFFICIENT_FUNDS"], id="second-only"
        ),
        pytest.param(
            "15.00", ["INSUFFICIENT_FUNDS", "INSUFFICIENT_FUNDS", "settled"], id="the-small-one"
        ),
    ],
)
def test_oldest_first_whole_amounts_only(cash: str, wanted: list[str]) -> None:
    """30.00, then 20.00, then 10.00, though the ids sort the other way."""
    story = customer()
    for order, quantity in (("c", "0.3"), ("b", "0.2"), ("a", "0.1")):
        story.order(order, quantity=quantity)
    story.funding("DepositSettled", "D1", cash)
    outcomes = [f"{order}-1 {outcome}" for order, outcome in zip("cba", wanted, strict=True)]
    assert calls(story.wait("17:00")) == outcomes


def test_executed_at_comes_first_not_the_order_s_acceptance() -> None:
    """The order `a` is older but fills a second later than `b`; 10.00 covers one of them."""
    story = customer()
    story.order("a", quantity="0.1", limit_price="99.50")
    story.order("b", quantity="0.1")
    story.tick("99.00", "99.50")
    story.funding("DepositSettled", "D1", "10.00")
    assert calls(story.wait("17:00")) == ["b-1 settled", "a-1 INSUFFICIENT_FUNDS"]


def test_at_one_instant_by_fill_number_then_by_client_order_id() -> None:
    """At 12:30 the first fill of `z` and `Y`, and the second of `a`, which began at 12:29."""
    story = customer()
    story.tick("99.00", "100.00", ask_size="0.1", at="12:28")
    story.order("a", quantity="0.2", limit_price="100.00", at="12:29")
    story.order("z", quantity="0.1", at="12:30")
    story.order("Y", quantity="0.1", at="12:30")
    story.tick("99.00", "99.99", ask_size="0.1", at="12:30")
    assert calls(story.wait("17:00")) == [
        "a-1 INSUFFICIENT_FUNDS",
        "Y-1 INSUFFICIENT_FUNDS",
        "z-1 INSUFFICIENT_FUNDS",
        "a-2 INSUFFICIENT_FUNDS",
    ]


def test_fill_numbers_are_numbers() -> None:
    """Eleven fills at one instant, of 0.1, 0.2 ... 1.1 as more venues show 0.1: 2 is before 10."""
    story = customer()
    story.order("a-b", quantity="6.6", limit_price="95.00")
    for venue in range(11):
        story.tick(None, "95.00", provider=f"v{venue:02d}", ask_size="0.1", at="12:30")
    tried = [said.split(" ")[0] for said in calls(story.wait("17:00"))]
    assert tried == [f"a-b-{n}" for n in range(1, 12)]


def test_order_ids_with_hyphens_sort_as_ids() -> None:
    story = customer()
    for order in ("o-2", "o-10", "o", "o-1-1"):
        story.order(order, quantity="0.1", at="12:30")
    tried = [said.split(" ")[0] for said in calls(story.wait("17:00"))]
    assert tried == ["o-1", "o-1-1-1", "o-10-1", "o-2-1"]


def test_what_a_deposit_call_brings_pays_the_calls_behind_it_not_those_before() -> None:
    """At the retry: 10.00 before and 20.00 behind a DEPOSIT call over 24.75, cash 0.00."""
    story = customer(cash="100.00")
    story.order("o0", quantity="1")
    settlement_learns(story, "LOCKED")
    story.order("o1", quantity="0.1")
    story.order("o2", side="SELL", quantity="0.25")
    story.order("o3", quantity="0.2")
    settlement_learns(story, "OPEN")
    assert calls(story.wait("17:00")) == [
        "o1-1 INSUFFICIENT_FUNDS",
        "o2-1 settled",
        "o3-1 settled",
    ]
    story.date = "2026-03-04"
    assert calls(story.wait("06:00")) == ["o1-1 INSUFFICIENT_FUNDS"]


def test_the_reason_of_a_retry_is_that_of_the_day() -> None:
    story = customer()
    story.order("o1", quantity="0.25")
    story.account(mode="LOCKED")
    assert calls(story.wait("17:00")) == ["o1-1 ACCOUNT_RESTRICTED"]
    story.account(mode="CLOSING_ONLY")
    assert calls(story.wait("2026-03-04T12:00:00Z")) == ["o1-1 INSUFFICIENT_FUNDS"]
    story.account(mode="CLOSED")
    assert calls(story.wait("2026-03-04T23:00:00Z")) == ["o1-1 ACCOUNT_RESTRICTED"]


def test_accounts_do_not_pay_for_each_other() -> None:
    story = customer()
    story.account(OTHER)
    story.order("o1", quantity="0.25")
    story.order("o1", account_id=OTHER, quantity="0.25")
    story.funding("DepositSettled", "D1", "500.00", account_id=OTHER)
    happened = story.wait("17:00")
    assert {(e["account_id"], e["type"]) for e in happened.on("cash-calls")} == {
        (ACCOUNT, "CashCallFailed"),
        (OTHER, "CashCallSettled"),
    }


# -- write-offs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "at", "kept_at", "written_off_at"),
    [
        pytest.param(
            "2026-03-03",
            "12:00",
            "2026-04-01T22:00:00Z",
            "2026-04-02T11:00:00Z",
            id="30-dates-over-spring-forward-at-06:00",
        ),
        pytest.param(
            "2026-03-03",
            "17:05",
            "2026-04-02T22:00:00Z",
            "2026-04-03T11:00:00Z",
            id="trade-date-is-the-next-from-17:05",
        ),
        pytest.param(
            "2026-10-15",
            "09:00",
            "2026-11-13T23:00:00Z",
            "2026-11-14T12:00:00Z",
            id="over-fall-back",
        ),
        pytest.param(
            "2024-02-15",
            "23:30",
            "2024-03-16T22:00:00Z",
            "2024-03-17T11:00:00Z",
            id="over-a-leap-day-trade-date-feb-16",
        ),
        pytest.param(
            "2023-02-15",
            "01:00",
            "2023-03-16T22:00:00Z",
            "2023-03-17T11:00:00Z",
            id="over-a-short-february",
        ),
        pytest.param(
            "2026-12-10",
            "16:29",
            "2027-01-08T23:00:00Z",
            "2027-01-09T12:00:00Z",
            id="over-the-year-end",
        ),
    ],
)
def test_written_off_at_the_first_retry_30_dates_after_the_trade_date(
    date: str, at: str, kept_at: str, written_off_at: str
) -> None:
    """29 dates after it, at 17:00, the call is still tried."""
    story = on_date(date)
    story.order("o1", quantity="0.25", at=at)
    until_kept = calls(story.wait(kept_at))
    assert set(until_kept) == {"o1-1 INSUFFICIENT_FUNDS"}
    happened = story.wait(written_off_at)
    assert calls(happened) == ["o1-1 written off"]
    assert happened.one("CashCallWrittenOff")["event_time"][:19] + "Z" == written_off_at


def test_a_write_off_s_fields() -> None:
    """It had been tried once at once, and at 59 retries: 17:00 of March 3 to 17:00 of April 1."""
    story = customer()
    story.order("o1", quantity="0.25")
    story.wait("2026-04-02T10:59:59Z")
    written_off = story.wait("2026-04-02T11:00:00Z").one("CashCallWrittenOff")
    wanted = {
        "cash_call_id": f"{ACCOUNT}-o1-1-TPJ",
        "execution_id": f"{ACCOUNT}-o1-1",
        "direction": "WITHDRAWAL",
        "amount": "25.00",
        "attempt": 60,
        "account_id": ACCOUNT,
        "client": CLIENT,
        "event_id": event_id(
            "executions", "RETRY@2026-04-02T11:00:00.000000Z", "CashCallWrittenOff", ACCOUNT
        ),
    }
    assert only(written_off, wanted) == wanted


def test_written_off_instead_of_tried_even_with_the_money_there() -> None:
    story = customer()
    story.order("o1", quantity="0.25")
    story.wait("2026-04-01T23:00:00Z")
    story.funding("DepositSettled", "D1", "25.00")
    assert calls(story.wait("2026-04-02T11:00:00Z")) == ["o1-1 written off"]


def test_settled_on_the_29th_date_with_the_money_there() -> None:
    story = customer()
    story.order("o1", quantity="0.25")
    story.wait("2026-04-01T21:00:00Z")
    story.funding("DepositSettled", "D1", "25.00")
    assert calls(story.wait("2026-04-02T11:00:00Z")) == ["o1-1 settled"]


@pytest.mark.parametrize("mode", ["LOCKED", "CLOSED"])
def test_a_restricted_account_s_call_is_written_off_too(mode: str) -> None:
    story = customer()
    story.order("o1", quantity="0.25")
    story.account(mode=mode)
    story.wait("2026-04-01T23:00:00Z")
    assert calls(story.wait("2026-04-02T11:00:00Z")) == ["o1-1 written off"]


def test_a_deposit_call_is_never_written_off() -> None:
    """The customer is owed 24.75 by a locked account's sale; unlocked 45 days later, it is paid."""
    story = customer(cash="25.00")
    story.order("o1", quantity="0.25")
    settlement_learns(story, "LOCKED")
    story.order("o2", side="SELL", quantity="0.25")
    assert set(calls(story.wait("2026-04-17T12:00:00Z"))) == {"o2-1 ACCOUNT_RESTRICTED"}
    story.account(mode="OPEN")
    settled = story.wait("2026-04-17T22:00:00Z").one("CashCallSettled")
    assert (settled["direction"], settled["amount"]) == ("DEPOSIT", "24.75")


def test_a_written_off_call_is_gone_for_good() -> None:
    story = customer()
    story.order("o1", quantity="0.25")
    story.wait("2026-04-02T11:00:00Z")
    story.funding("DepositSettled", "D1", "500.00")
    happened = story.wait("2026-04-10T12:00:00Z")
    assert happened.on("cash-calls") == []
    assert happened.on("aged-failures") == []


def test_the_coin_stays_with_the_customer() -> None:
    story = customer()
    story.order("o1", quantity="0.25")
    balance = story.wait("2026-04-02T11:00:00Z").one("AccountBalance")
    assert (balance["owed"], balance["positions"]) == ("0.00", {"BTC": "0.25"})
    story.tick("99.00", "100.00")
    assert calls(story.order("o2", side="SELL", quantity="0.25")) == ["o2-1 settled"]


def test_one_pass_writes_off_the_old_and_tries_the_young() -> None:
    """Two trade dates: on April 2 the call of March 3 goes, that of March 4 is tried."""
    story = customer()
    story.order("o1", quantity="0.25", at="16:29")
    story.order("o2", quantity="0.25", at="17:06")
    story.wait("2026-04-01T23:00:00Z")
    assert calls(story.wait("2026-04-02T11:00:00Z")) == [
        "o1-1 written off",
        "o2-1 INSUFFICIENT_FUNDS",
    ]
    assert calls(story.wait("2026-04-02T22:00:00Z")) == ["o2-1 INSUFFICIENT_FUNDS"]
    assert calls(story.wait("2026-04-03T11:00:00Z")) == ["o2-1 written off"]


def test_every_call_is_in_exactly_one_of_open_settled_written_off() -> None:
    story = customer(cash="30.00")
    story.order("o1", quantity="0.25")
    story.order("o2", quantity="0.25")
    story.order("o3", quantity="0.05")
    story.wait("2026-04-05T12:00:00Z")
    happened = story.so_far()
    requested = [event["cash_call_id"] for event in happened.all("CashCallRequested")]
    ended = [e["cash_call_id"] for e in happened.all("CashCallSettled", "CashCallWrittenOff")]
    assert sorted(requested) == sorted(ended)
    assert len(set(requested)) == 3
