"""Two records of the same executions, held against each other: what is a difference."""

import pytest

from settlement.reconciliation import Difference, Reconciliation, Record

FACTS = {
    "account_id": "ACME0001",
    "symbol": "BTCUSD",
    "side": "BUY",
    "quantity": "0.5",
    "price": "100.00",
    "commission": "0.25",
    "net_money": "50.25",
    "executed_at": "2026-03-02T15:00:00.123Z",
}
OURS = Record("ACME0001-o-1", FACTS, "confirm.csv")


def differences(there: dict[str, str]) -> list[tuple[str, str, str]]:
    reconciliation = Reconciliation()
    assert reconciliation.take(Record("ACME0001-o-1", there, "line 2")) is None
    found = list(reconciliation.compare("confirm", OURS))
    assert all(one.place_here == "confirm.csv" and one.place_there == "line 2" for one in found)
    assert list(reconciliation.missing("confirm")) == []
    return [(one.what, one.here, one.there) for one in found]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        pytest.param({}, [], id="the-same"),
        pytest.param({"price": "100"}, [], id="a-number-written-otherwise"),
        pytest.param({"quantity": "0.50000000"}, [], id="zeros-at-the-end"),
        pytest.param({"price": "100.01"}, [("PRICE", "100.00", "100.01")], id="price"),
        pytest.param({"quantity": "0.6"}, [("QUANTITY", "0.5", "0.6")], id="quantity"),
        pytest.param({"side": "SELL"}, [("SIDE", "BUY", "SELL")], id="side"),
        pytest.param({"symbol": "ETHUSD"}, [("SYMBOL", "BTCUSD", "ETHUSD")], id="symbol"),
        pytest.param(
            {"commission": "0.00", "net_money": "50.00"},
            [("COMMISSION", "0.25", "0.00"), ("NET_MONEY", "50.25", "50.00")],
            id="two-at-once",
        ),
        pytest.param(
            {"account_id": "ACME0002"}, [("ACCOUNT_ID", "ACME0001", "ACME0002")], id="account"
        ),
        pytest.param(
            {"executed_at": "2026-03-02T15:00:00.124Z"},
            [("EXECUTED_AT", "2026-03-02T15:00:00.123Z", "2026-03-02T15:00:00.124Z")],
            id="time",
        ),
        pytest.param({"gross": "1.00"}, [], id="what-our-file-does-not-have"),
    ],
)
def test_each_difference_is_named(
    changed: dict[str, str], named: list[tuple[str, str, str]]
) -> None:
    assert differences(FACTS | changed) == named


def test_only_what_the_other_side_has_is_compared() -> None:
    assert differences({"price": "100.00"}) == []
    assert differences({}) == []


def test_missing_on_either_side_is_said_once() -> None:
    reconciliation = Reconciliation()
    reconciliation.take(Record("theirs", {}, "line 2"))
    missing_there = Difference("ACME0001-o-1", "MISSING_THERE", "", "", "confirm.csv", "")
    assert list(reconciliation.compare("confirm", OURS)) == [missing_there]
    assert list(reconciliation.compare("net settlement", OURS)) == []
    assert [record.place for record in reconciliation.missing("confirm")] == ["line 2"]


def test_booked_twice_is_a_difference_also_with_the_same_content() -> None:
    reconciliation = Reconciliation()
    reconciliation.take(OURS._replace(place="line 2"))
    assert reconciliation.take(OURS._replace(place="line 9")) == Difference(
        "ACME0001-o-1", "TWICE_THERE", "", "line 2", "", "line 9"
    )
