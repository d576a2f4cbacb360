"""Live balances (contract sections 3 and 9): one `AccountBalance` per step that changed values.

The market is 99.00 / 100.00 and nobody is charged: buying 0.25 is a call over 25.00.
"""

from collections.abc import Callable

import pytest

from tests.story import ACCOUNT, CLIENT, Happened, Story, event_id, only

OTHER = "ACME0002"


def customer(cash: str | None = None) -> Story:
    """Return a story with a market and perhaps cash."""
    story = Story()
    story.tick("99.00", "100.00")
    if cash is not None:
        story.funding("DepositSettled", "cash", cash)
    return story


def balances(happened: Happened) -> list[tuple[str, str, str, str, str | None]]:
    """Return settled, unsettled, withdrawing, owed, buying_power of each balance."""
    return [
        (e["settled"], e["unsettled"], e["withdrawing"], e["owed"], e["buying_power"])
        for e in happened.on("balances")
    ]


def test_a_balance_s_fields() -> None:
    happened = customer().funding("DepositSettled", "D1", "60.00", event_id="d1", at="12:30")
    assert happened.one("AccountBalance") == {
        "type": "AccountBalance",
        "event_id": event_id("fundings", "d1", "AccountBalance", ACCOUNT),
        "event_time": "2026-03-03T18:30:00.000000Z",
        "cause_id": "d1",
        "account_id": ACCOUNT,
        "client": CLIENT,
        "settled": "60.00",
        "unsettled": "0.00",
        "withdrawing": "0.00",
        "owed": "0.00",
        "buying_power": "60.00",
        "negative": False,
        "positions": {},
    }


def test_a_day_of_balances() -> None:
    """Each step with one balance: settled, unsettled, withdrawing, owed, buying power."""
    story = customer()
    story.funding("DepositInitiated", "D1", "60.00")
    story.funding("DepositSettled", "D1", "60.00")
    story.order("o1", quantity="0.25")  # 25.00 settles
    story.order("o2", quantity="0.5")  # 50.00 does not
    story.funding("DepositSettled", "D2", "45.00")
    story.funding("WithdrawalRequested", "W1", "30.00")
    story.order("o3", side="SELL", quantity="0.1")  # 9.90 comes in
    story.funding("WithdrawalSettled", "W1", "30.00")
    story.wait("17:00")  # the 50.00 settles
    assert balances(story.so_far()) == [
        ("0.00", "60.00", "0.00", "0.00", "0.00"),
        ("60.00", "0.00", "0.00", "0.00", "60.00"),
        ("35.00", "0.00", "0.00", "0.00", "35.00"),
        ("35.00", "0.00", "0.00", "-50.00", "-15.00"),
        ("80.00", "0.00", "0.00", "-50.00", "30.00"),
        ("50.00", "0.00", "30.00", "-50.00", "0.00"),
        ("59.90", "0.00", "30.00", "-50.00", "9.90"),
        ("59.90", "0.00", "0.00", "-50.00", "9.90"),
        ("9.90", "0.00", "0.00", "0.00", "9.90"),
    ]


def test_buying_power_is_settled_less_open_withdrawal_calls_only() -> None:
    """An open DEPOSIT call adds nothing: 24.75 is owed to the customer of a locked account."""
    story = customer(cash="100.00")
    story.order("o1", quantity="0.25")
    settlement = story.history.settlement
    settlement.accounts[ACCOUNT].mode = "LOCKED"  # settlement knew of the lock first
    happened = story.order("o2", side="SELL", quantity="0.25")
    assert balances(happened) == [("75.00", "0.00", "0.00", "24.75", "75.00")]
    happened = story.order("o3", quantity="0.1")
    assert balances(happened) == [("75.00", "0.00", "0.00", "14.75", "65.00")]


def test_owed_is_negative_where_the_customer_owes() -> None:
    assert customer().order("o1", quantity="0.25").one("AccountBalance")["owed"] == "-25.00"


def test_a_negative_balance_says_so() -> None:
    story = customer(cash="25.00")
    story.order("o1", quantity="0.25")
    happened = story.funding("DepositReturned", "cash", "25.00")
    wanted = {"settled": "-25.00", "negative": True, "buying_power": "-25.00"}
    assert only(happened.one("AccountBalance"), wanted) == wanted
    happened = story.funding("DepositSettled", "D2", "25.00")
    assert happened.one("AccountBalance")["negative"] is False


def test_positions_list_every_asset_ever_held_zero_ones_too() -> None:
    story = customer(cash="100.00")
    story.instrument("ETHUSD")
    story.tick("9.00", "10.00", symbol="ETHUSD")
    story.order("o1", quantity="0.5")
    story.order("o2", symbol="ETHUSD", quantity="0.10")
    happened = story.order("o3", side="SELL", quantity="0.5")
    assert happened.one("AccountBalance")["positions"] == {"BTC": "0", "ETH": "0.1"}


# -- when ------------------------------------------------------------------------------------------

Tell = Callable[[Story], Happened]


@pytest.mark.parametrize(
    ("tell", "count"),
    [
        pytest.param(lambda s: s.order("o1", quantity="0.25"), 1, id="an-execution-and-its-call"),
        pytest.param(lambda s: s.order("o1", quantity="5"), 1, id="an-execution-that-fails"),
        pytest.param(lambda s: s.funding("DepositInitiated", "D1", "5.00"), 1, id="a-deposit"),
        pytest.param(
            lambda s: s.funding("WithdrawalRequested", "W1", "10.00"), 1, id="a-withdrawal"
        ),
        pytest.param(
            lambda s: s.funding("CashAdjusted", "A1", "1.00", adjustment_type="OTHER_ADJUSTMENT"),
            1,
            id="an-adjustment",
        ),
        pytest.param(
            lambda s: s.funding("WithdrawalRequested", "W1", "999.00"), 0, id="a-refused-withdrawal"
        ),
        pytest.param(lambda s: s.funding("DepositSettled", "cash", "50.00"), 0, id="a-repeat"),
        pytest.param(lambda s: s.funding("DepositSettled", "cash", "51.00"), 0, id="a-conflict"),
        pytest.param(
            lambda s: s.order("o1", quantity="1", limit_price="95.00"), 0, id="a-resting-order"
        ),
        pytest.param(lambda s: s.order("o1", notional="0.50"), 0, id="a-rejected-order"),
        pytest.param(lambda s: s.account(mode="LOCKED"), 0, id="an-account-changed"),
        pytest.param(lambda s: s.account(OTHER), 0, id="an-account-made"),
        pytest.param(lambda s: s.tick("98.00", "99.00"), 0, id="a-quote"),
        pytest.param(lambda s: s.wait("20:00"), 0, id="windows-with-nothing-open"),
    ],
)
def test_one_balance_where_values_changed_else_none(tell: Tell, count: int) -> None:
    assert len(tell(customer(cash="50.00")).on("balances")) == count


def test_a_retry_tells_only_the_accounts_that_it_changed() -> None:
    """One account's calls settle, the other's fail: its values are as they were."""
    story = customer()
    story.account(OTHER)
    for account in (ACCOUNT, OTHER):
        for order in ("o1", "o2"):
            story.order(order, account_id=account, quantity="0.25")
    story.funding("DepositSettled", "D1", "50.00", account_id=OTHER)
    happened = story.wait("17:00")
    assert len(happened.on("cash-calls")) == 4
    balance = happened.one("AccountBalance")
    assert (balance["account_id"], balance["settled"], balance["owed"]) == (OTHER, "0.00", "0.00")


def test_a_retry_in_which_two_calls_cancel_out_changes_the_buying_power() -> None:
    """A DEPOSIT and a WITHDRAWAL call over 24.75 settle: cash and owed are as before, 0.00 each."""
    story = customer(cash="25.00")
    story.order("o1", quantity="0.25")
    account = story.history.settlement.accounts[ACCOUNT]
    account.mode = "LOCKED"  # settlement knew of the lock first
    story.order("o2", side="SELL", quantity="0.25")
    happened = story.order("o3", quantity="0.2475")
    assert balances(happened) == [("0.00", "0.00", "0.00", "0.00", "-24.75")]
    account.mode = "OPEN"
    happened = story.wait("17:00")
    assert happened.types("cash-calls") == ["CashCallSettled", "CashCallSettled"]
    assert balances(happened) == [("0.00", "0.00", "0.00", "0.00", "0.00")]


def test_a_write_off_changes_what_is_owed() -> None:
    story = customer()
    story.order("o1", quantity="0.25")
    story.wait("2026-04-01T23:00:00Z")
    happened = story.wait("2026-04-02T12:00:00Z")
    assert balances(happened) == [("0.00", "0.00", "0.00", "0.00", "0.00")]
    assert happened.one("AccountBalance")["positions"] == {"BTC": "0.25"}


def test_a_quote_that_fills_two_orders_of_an_account_tells_each_step() -> None:
    """Each execution is an input of settlement, so each has its balance."""
    story = customer(cash="100.00")
    story.order("o1", quantity="0.25", limit_price="95.00")
    story.order("o2", quantity="0.25", limit_price="95.00")
    assert [settled for settled, *_ in balances(story.tick("94.00", "95.00"))] == [
        "76.25",
        "52.50",
    ]


def test_a_quote_that_fills_two_accounts_tells_both() -> None:
    story = customer()
    story.account(OTHER)
    for account in (ACCOUNT, OTHER):
        story.order("o1", account_id=account, quantity="0.25", limit_price="95.00")
    happened = story.tick("94.00", "95.00")
    assert [e["account_id"] for e in happened.on("balances")] == [ACCOUNT, OTHER]
    assert {e["owed"] for e in happened.on("balances")} == {"-23.75"}
