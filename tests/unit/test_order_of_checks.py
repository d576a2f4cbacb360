"""The order of the checks of an order (contract section 6)."""

from collections.abc import Callable
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest

from tests.order_story import Fields, reason, traded
from tests.story import ACCOUNT, Story

# In the contract's order. Each fault can be put beside any other but for one pair: an empty side
# is not too far from anything.
CHECKS = (
    "DUPLICATE_ORDER_ID",
    "UNKNOWN_ACCOUNT",
    "UNKNOWN_CLIENT",
    "INVALID_ORDER",
    "ACCOUNT_NOT_OPEN",
    "UNKNOWN_SYMBOL",
    "MAINTENANCE",
    "ORDER_EXPIRED",
    "JURISDICTION",
    "PRICE_PRECISION",
    "QUANTITY_PRECISION",
    "EMPTY_QUOTES",
    "PRICE_TOO_FAR",
    "BELOW_MINIMUM",
    "EXCEEDS_POSITION",
)


def faulty(*faults: str) -> str | None:
    """Tell a sell order with the given faults and return the answer's reason.

    Without a fault: 0.5 BTC of 1 at a limit of 100.00 until 18:00 at a bid of 100.00.
    """
    story = Story()
    story.instrument(at="11:59", minimum_quantity_increment="0.001", stale_after_ms=86_400_000)
    story.tick(bid="100.00", ask="101.00", at="12:00:00")
    account = ACCOUNT
    if "UNKNOWN_CLIENT" in faults:
        account = "ZETA0001"
        story.account(account, client="ZETA")
    if "UNKNOWN_ACCOUNT" in faults:
        account = "NOBODY01"
    if "EXCEEDS_POSITION" not in faults and account == ACCOUNT:
        story.order("seed", quantity="1")
    if "DUPLICATE_ORDER_ID" in faults:
        story.order("o1", account_id=account, quantity="0")  # rejected, and so used up
    if "EMPTY_QUOTES" in faults:
        story.tick()
    story.account(
        mode="LOCKED" if "ACCOUNT_NOT_OPEN" in faults else "OPEN",
        jurisdiction="PROHIBITED" if "JURISDICTION" in faults else "OPEN",
    )
    limit = Decimal("80.00" if "PRICE_TOO_FAR" in faults else "100.00")
    quantity = Decimal("0.005" if "BELOW_MINIMUM" in faults else "0.5")
    fields = {
        "symbol": "DOGEUSD" if "UNKNOWN_SYMBOL" in faults else "BTCUSD",
        "limit_price": str(limit + ("PRICE_PRECISION" in faults) * Decimal("0.005")),
        "quantity": str(quantity + ("QUANTITY_PRECISION" in faults) * Decimal("0.0005")),
        "expire_time": "14:00" if "ORDER_EXPIRED" in faults else "18:00",
    }
    if "INVALID_ORDER" in faults:
        fields["notional"] = "50.00"
    at = "17:04" if "MAINTENANCE" in faults else "14:00"
    return reason(story, account_id=account, side="SELL", at=at, **fields)


def test_without_a_fault_it_is_accepted() -> None:
    assert faulty() is None


@pytest.mark.parametrize("fault", CHECKS)
def test_each_fault_alone(fault: str) -> None:
    assert faulty(fault) == fault


def _pairs() -> list[Any]:
    """All pairs but two: what names nobody has no earlier order, so no id that is used."""
    impossible = {
        ("EMPTY_QUOTES", "PRICE_TOO_FAR"),
        ("DUPLICATE_ORDER_ID", "UNKNOWN_ACCOUNT"),
        ("DUPLICATE_ORDER_ID", "UNKNOWN_CLIENT"),
    }
    return [
        pytest.param(first, second, id=f"{first}-before-{second}")
        for first, second in combinations(CHECKS, 2)
        if (first, second) not in impossible
    ]


@pytest.mark.parametrize(("first", "second"), _pairs())
def test_of_two_faults_the_first_check_answers(first: str, second: str) -> None:
    """Whichever way round the faults are named."""
    assert faulty(first, second) == first


def test_all_faults_at_once() -> None:
    """Mended one after the other, each check answers in its turn."""
    possible = [check for check in CHECKS[1:] if check != "PRICE_TOO_FAR"]
    assert [faulty(*possible[number:]) for number in range(len(possible))] == possible


@pytest.mark.parametrize(
    ("story_of", "order", "why"),
    [
        pytest.param(
            traded,
            {"side": "SELL", "quantity": "1.001", "limit_price": "89", "markup_fixed": "150"},
            "EMPTY_QUOTES",
            id="no-customer-price-before-too-far",
        ),
        pytest.param(
            traded,
            {"quantity": "0.001", "limit_price": "111.11"},
            "PRICE_TOO_FAR",
            id="too-far-before-the-minimum-of-a-buy",
        ),
        pytest.param(
            lambda: traded(minimum_quantity_increment="2"),
            {"side": "SELL", "notional": "150.00", "limit_price": "100"},
            "BELOW_MINIMUM",
            id="buys-nothing-before-exceeds-position",
        ),
    ],
)
def test_close_calls(story_of: Callable[[], Story], order: Fields, why: str) -> None:
    story = story_of()
    assert reason(story, **order) == why
