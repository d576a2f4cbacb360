"""The double-entry ledger: each row of the table of contract section 9.

A history in, the postings of its last step out. `Story` itself checks that every entry balances.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from tests.story import ACCOUNT, CLIENT, Event, Happened, Story

Postings = set[tuple[str, str, str]]
CASH = f"customer:{ACCOUNT}:cash"
PENDING = f"customer:{ACCOUNT}:pending"
WITHDRAWING = f"customer:{ACCOUNT}:withdrawing"
OWED = f"customer:{ACCOUNT}:owed"
BTC = f"customer:{ACCOUNT}:BTC"
MARKUP = f"revenue:markup:{CLIENT}"
COMMISSION = f"revenue:commission:{CLIENT}"


def usd(account: str, amount: str) -> tuple[str, str, str]:
    """Return a posting of dollars."""
    return (account, "USD", amount)


def written(entry: Event) -> Postings:
    """Return an entry's postings; none may come twice."""
    postings = [(p["account"], p["asset"], p["amount"]) for p in entry["postings"]]
    assert len(set(postings)) == len(postings)
    return set(postings)


def entries(happened: Happened) -> list[Postings]:
    """Return what was booked."""
    return [written(entry) for entry in happened.all("JournalEntry")]


def trading(*, markup_bps: str = "0", cash: str | None = None) -> Story:
    """Return a story with a market 99.00 / 100.00, in which the customer has cash."""
    story = Story()
    story.client(markup_bps=markup_bps)
    story.tick("99.00", "100.00")
    if cash is not None:
        story.funding("DepositSettled", "money", cash)
    return story


# -- trades ----------------------------------------------------------------------------------------


def test_a_buy_with_markup_and_commission() -> None:
    """0.5 at 100 x 1.01 = 101.00: G 50.50, M 50.50 - 50.00 = 0.50, C 1.25, N 51.75."""
    story = trading(markup_bps="100", cash="60.00")
    entry, _ = entries(story.order("o1", quantity="0.5", commission_fixed="1.25"))
    assert entry == {
        usd(OWED, "-51.75"),
        usd("bfs:usd", "50.00"),
        usd(MARKUP, "0.50"),
        usd(COMMISSION, "1.25"),
        ("bfs:BTC", "BTC", "-0.5"),
        (BTC, "BTC", "0.5"),
    }


def test_a_sell_with_markup_and_commission() -> None:
    """0.5 at 99 x 0.99 = 98.01: G 49.00 (49.005 half-even), M 0.50, C 1.25, N 47.75."""
    story = trading(markup_bps="100", cash="101.00")
    story.order("o1", quantity="1")
    entry, _ = entries(story.order("o2", side="SELL", quantity="0.5", commission_fixed="1.25"))
    assert entry == {
        usd(OWED, "47.75"),
        usd("bfs:usd", "-49.50"),
        usd(MARKUP, "0.50"),
        usd(COMMISSION, "1.25"),
        ("bfs:BTC", "BTC", "0.5"),
        (BTC, "BTC", "-0.5"),
    }


def test_zero_postings_are_left_out() -> None:
    """No markup and no commission: no posting to revenue."""
    entry, _ = entries(trading(cash="50.00").order("o1", quantity="0.5"))
    assert entry == {
        usd(OWED, "-50.00"),
        usd("bfs:usd", "50.00"),
        ("bfs:BTC", "BTC", "-0.5"),
        (BTC, "BTC", "0.5"),
    }


def test_an_entry_without_postings_is_left_out() -> None:
    """A sell of 0.02 that grosses 1.98 at a fee of 5.00: C is capped at 1.98, N is 0.00.

    Nothing is owed, the call of 0.00 settles and books nothing.
    """
    story = trading(cash="100.00")
    story.order("o1", quantity="1")
    happened = story.order("o2", side="SELL", quantity="0.02", commission_fixed="5.00")
    assert entries(happened) == [
        {
            usd("bfs:usd", "-1.98"),
            usd(COMMISSION, "1.98"),
            ("bfs:BTC", "BTC", "0.02"),
            (BTC, "BTC", "-0.02"),
        }
    ]
    assert happened.types("cash-calls") == ["CashCallRequested", "CashCallSettled"]


def test_quantities_are_written_without_trailing_zeros() -> None:
    entry, _ = entries(trading(cash="100.00").order("o1", quantity="0.12345670"))
    assert (BTC, "BTC", "0.1234567") in entry
    assert ("bfs:BTC", "BTC", "-0.1234567") in entry


def test_each_asset_balances_by_itself() -> None:
    story = trading(cash="1000.00")
    story.instrument("ETHUSD")
    story.tick("9.00", "10.00", symbol="ETHUSD")
    story.order("o1", quantity="0.5")
    story.order("o2", symbol="ETHUSD", quantity="3")
    assert story.ledger["bfs:BTC", "BTC"] == Decimal("-0.5")
    assert story.ledger["bfs:ETH", "ETH"] == Decimal(-3)
    assert story.ledger[BTC, "BTC"] == Decimal("0.5")
    assert story.ledger[f"customer:{ACCOUNT}:ETH", "ETH"] == Decimal(3)


# -- cash calls ------------------------------------------------------------------------------------


def test_a_settled_buy() -> None:
    _, entry = entries(trading(cash="60.00").order("o1", quantity="0.5"))
    assert entry == {
        usd(CASH, "-50.00"),
        usd(OWED, "50.00"),
        usd("bank:fbo", "-50.00"),
        usd("bank:business", "50.00"),
    }


def test_a_settled_sell_is_all_reversed() -> None:
    story = trading(cash="60.00")
    story.order("o1", quantity="0.5")
    _, entry = entries(story.order("o2", side="SELL", quantity="0.25"))
    assert entry == {
        usd(CASH, "24.75"),
        usd(OWED, "-24.75"),
        usd("bank:fbo", "24.75"),
        usd("bank:business", "-24.75"),
    }


def test_a_failed_call_books_nothing_but_the_trade() -> None:
    (entry,) = entries(trading().order("o1", quantity="0.5"))
    assert usd(OWED, "-50.00") in entry


def test_a_written_off_buy() -> None:
    story = trading()
    story.order("o1", quantity="0.5")
    entry = story.wait("2026-04-02T11:00:00Z").all("JournalEntry")
    assert [written(booked) for booked in entry] == [
        {usd(OWED, "50.00"), usd(f"writeoff:{CLIENT}", "-50.00")}
    ]


# -- customer funding ------------------------------------------------------------------------------

Step = tuple[str, str]
INITIATED, SETTLED = ("DepositInitiated", "25.10"), ("DepositSettled", "25.10")
REQUESTED, PAID = ("WithdrawalRequested", "25.10"), ("WithdrawalSettled", "25.10")
TAKEN_BACK: Postings = {usd(PENDING, "-25.10"), usd("world:customers", "25.10")}
FUNDINGS = [
    pytest.param(
        [INITIATED], {usd(PENDING, "25.10"), usd("world:customers", "-25.10")}, id="initiated"
    ),
    pytest.param([INITIATED, ("DepositCancelled", "25.10")], TAKEN_BACK, id="cancelled"),
    pytest.param([INITIATED, ("DepositDeclined", "25.10")], TAKEN_BACK, id="declined"),
    pytest.param(
        [INITIATED, ("DepositReturned", "25.10")], TAKEN_BACK, id="returned-before-settlement"
    ),
    pytest.param(
        [INITIATED, SETTLED],
        {
            usd(PENDING, "-25.10"),
            usd(CASH, "25.10"),
            usd("bank:fbo", "25.10"),
            usd("world:bank", "-25.10"),
        },
        id="settled-was-initiated",
    ),
    pytest.param(
        [SETTLED],
        {
            usd(CASH, "25.10"),
            usd("world:customers", "-25.10"),
            usd("bank:fbo", "25.10"),
            usd("world:bank", "-25.10"),
        },
        id="settled-never-initiated",
    ),
    pytest.param(
        [INITIATED, SETTLED, ("DepositReturned", "25.10")],
        {
            usd(CASH, "-25.10"),
            usd("world:customers", "25.10"),
            usd("bank:fbo", "-25.10"),
            usd("world:bank", "25.10"),
        },
        id="returned-after-settlement",
    ),
    pytest.param(
        [SETTLED, ("DepositReturned", "25.10")],
        {
            usd(CASH, "-25.10"),
            usd("world:customers", "25.10"),
            usd("bank:fbo", "-25.10"),
            usd("world:bank", "25.10"),
        },
        id="returned-after-settlement-never-initiated",
    ),
    pytest.param(
        [REQUESTED], {usd(CASH, "-25.10"), usd(WITHDRAWING, "25.10")}, id="withdrawal-accepted"
    ),
    pytest.param(
        [REQUESTED, PAID],
        {
            usd(WITHDRAWING, "-25.10"),
            usd("world:customers", "25.10"),
            usd("bank:fbo", "-25.10"),
            usd("world:bank", "25.10"),
        },
        id="withdrawal-settled",
    ),
    pytest.param(
        [REQUESTED, ("WithdrawalRejected", "25.10")],
        {usd(CASH, "25.10"), usd(WITHDRAWING, "-25.10")},
        id="withdrawal-rejected-the-accepted-entry-reversed",
    ),
]


def fund(steps: Sequence[Step]) -> Happened:
    """Tell the steps of one funding to an account with 100.00; return what the last caused."""
    story = Story()
    story.funding("DepositSettled", "money", "100.00")
    happened = Happened([])
    for kind, amount in steps:
        happened = story.funding(kind, "F1", amount)
    return happened


@pytest.mark.parametrize(("steps", "postings"), FUNDINGS)
def test_a_step_of_a_funding(steps: Sequence[Step], postings: Postings) -> None:
    assert entries(fund(steps)) == [postings]


def test_a_withdrawal_returned_after_settlement_has_both_entries_reversed() -> None:
    """What was withdrawing cancels out, in one entry or in two."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for entry in entries(fund([REQUESTED, PAID, ("WithdrawalReturned", "25.10")])):
        for account, _, amount in entry:
            sums[account] += Decimal(amount)
    assert {account: str(amount) for account, amount in sums.items() if amount} == {
        CASH: "25.10",
        "world:customers": "-25.10",
        "bank:fbo": "25.10",
        "world:bank": "-25.10",
    }


def test_a_refused_withdrawal_books_nothing() -> None:
    assert entries(fund([("WithdrawalRequested", "100.01")])) == []


@pytest.mark.parametrize(
    ("adjustment_type", "other", "bank"),
    [
        pytest.param("ACH_RETURN_FEE", f"revenue:ach_fee:{CLIENT}", "bank:business", id="ach-fee"),
        pytest.param("PARTNER_WRITE_OFF", f"writeoff:{CLIENT}", "bank:business", id="partner"),
        pytest.param("PLATFORM_WRITE_OFF", "writeoff:platform", "bank:business", id="platform"),
        pytest.param("OTHER_ADJUSTMENT", f"adjustment:{CLIENT}", "bank:business", id="other"),
        pytest.param("DECEASED_PARTY", "world:customers", "world:bank", id="deceased-party"),
    ],
)
@pytest.mark.parametrize(
    ("amount", "reversed_"), [("7.05", "-7.05"), ("-7.05", "7.05")], ids=["up", "down"]
)
def test_an_adjustment(
    adjustment_type: str, other: str, bank: str, amount: str, reversed_: str
) -> None:
    """A to cash and the FBO, -A to X and the Business account; the deceased's goes outside."""
    story = Story()
    story.funding("DepositSettled", "money", "100.00")
    happened = story.funding("CashAdjusted", "A1", amount, adjustment_type=adjustment_type)
    assert entries(happened) == [
        {usd(CASH, amount), usd(other, reversed_), usd("bank:fbo", amount), usd(bank, reversed_)}
    ]


# -- entries ---------------------------------------------------------------------------------------


def test_an_entry_s_own_fields() -> None:
    """`entry_id` is its `event_id`, in the order in which a step books them."""
    happened = trading(cash="60.00").order("o1", quantity="0.5")
    one, other = happened.all("JournalEntry")
    for entry in (one, other):
        assert entry["entry_id"] == entry["event_id"]
        assert (entry["account_id"], entry["client"]) == (ACCOUNT, CLIENT)
    assert one["event_id"] != other["event_id"]
    assert any(name == BTC for name, _, _ in written(one))
    assert any(name == CASH for name, _, _ in written(other))


def _deposit_returned_after_it_was_spent(story: Story) -> None:
    story.funding("DepositSettled", "D2", "40.00")
    story.order("spend", quantity="0.4")
    story.funding("DepositReturned", "D2", "40.00")


def _a_withdrawal_on_its_way(story: Story) -> None:
    story.funding("DepositSettled", "D3", "80.00")
    story.funding("WithdrawalRequested", "W1", "15.00")


def _bought_without_money(story: Story) -> None:
    story.order("no-money", quantity="2")


HISTORIES: list[Callable[[Story], None]] = [
    _deposit_returned_after_it_was_spent,
    _a_withdrawal_on_its_way,
    _bought_without_money,
]


def test_what_the_fbo_holds_is_all_cash_and_withdrawing_after_every_input() -> None:
    """Also where an account's cash is below zero; owed is minus the open calls."""
    story = Story()
    story.tick("99.00", "100.00")
    seen: list[tuple[str, str, str]] = []
    for history in HISTORIES:
        history(story)
        cash, withdrawing = story.ledger[CASH, "USD"], story.ledger[WITHDRAWING, "USD"]
        assert story.ledger["bank:fbo", "USD"] == cash + withdrawing
        seen.append((f"{cash}", f"{withdrawing}", f"{story.ledger[OWED, 'USD']}"))
    assert seen == [
        ("-40.00", "0", "0.00"),
        ("25.00", "15.00", "0.00"),
        ("25.00", "15.00", "-200.00"),
    ]
