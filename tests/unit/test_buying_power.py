"""Buying power from a client's files (domain.md section 8): worked numbers, in cents."""

import pytest

from settlement.buying_power import AgedCall, SettledCash, Trade, buying_power

CASH = [SettledCash("ACME0002", 500_00), SettledCash("ACME0001", 100_00)]


@pytest.mark.parametrize(
    ("aged", "trades", "amount"),
    [
        pytest.param([], [], 100_00, id="settled-cash-alone"),
        pytest.param(
            [AgedCall("ACME0001", "WITHDRAWAL", 30_00), AgedCall("ACME0001", "WITHDRAWAL", 1_00)],
            [],
            69_00,
            id="each-unpaid-call-is-taken-off",
        ),
        pytest.param(
            [AgedCall("ACME0001", "WITHDRAWAL", 250_00)], [], -150_00, id="below-zero-he-owes"
        ),
        pytest.param(
            [AgedCall("ACME0001", "DEPOSIT", 40_00)], [], 100_00, id="a-failed-credit-is-no-money"
        ),
        pytest.param(
            [],
            [Trade("ACME0001", buy=True, net_money=25_00)],
            75_00,
            id="bought-since",
        ),
        pytest.param([], [Trade("ACME0001", buy=False, net_money=25_00)], 125_00, id="sold-since"),
        pytest.param(
            [],
            [Trade("ACME0001", buy=False, net_money=25_00, credited=False)],
            100_00,
            id="sold-since-and-the-credit-failed",
        ),
        pytest.param(
            [AgedCall("ACME0001", "WITHDRAWAL", 10_00), AgedCall("ACME0002", "WITHDRAWAL", 7_00)],
            [
                Trade("ACME0001", buy=True, net_money=60_00),
                Trade("ACME0001", buy=False, net_money=5_50),
                Trade("ACME0002", buy=False, net_money=9_00),
            ],
            35_50,  # 100 - 10 - 60 + 5.50
            id="all-together-and-nothing-of-another-account",
        ),
    ],
)
def test_buying_power(aged: list[AgedCall], trades: list[Trade], amount: int) -> None:
    powers, unknown = buying_power(CASH, aged, trades)
    assert [power.account_id for power in powers] == ["ACME0001", "ACME0002"]
    assert powers[0].amount == amount
    assert unknown == set()


def test_an_account_without_cash_here_is_left_out_and_named() -> None:
    """It is no Marketplace account, or was opened after the cut."""
    powers, unknown = buying_power(
        CASH,
        [AgedCall("ACME0009", "WITHDRAWAL", 1_00)],
        [Trade("ACME0008", buy=True, net_money=1_00)],
    )
    assert [power.amount for power in powers] == [100_00, 500_00]
    assert unknown == {"ACME0008", "ACME0009"}
