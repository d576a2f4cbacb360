"""The two entries of an execution: what is written balances, and is what is moved (section 9)."""

from collections import Counter
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from schemas.execution import Execution
from schemas.money import quantity, reread, usd
from settlement.cause import Cause, Out, fields
from settlement.customer_account import CustomerAccount, Ledger
from settlement.fill import Fill
from settlement.trade_entries import book_call, book_trade

CENTS = st.integers(0, 10**9) | st.sampled_from([0, 1, 99, 100])
Moved = Counter[tuple[str, str]]


def state(account: CustomerAccount, ledger: Ledger) -> Moved:
    """Return every balance that is not zero, by its ledger account and asset."""
    name = f"customer:{account.account_id}"
    balances: Moved = Counter({(f"{name}:cash", "USD"): account.cash})
    balances[f"{name}:owed", "USD"] = account.owed
    for asset, units in (account.positions or {}).items():
        balances[f"{name}:{asset}", asset] = units
    for ledger_account, amount in ledger.totals.items():
        asset = ledger_account[4:] if ledger_account in {"bfs:BTC", "bfs:ETH"} else "USD"
        balances[ledger_account, asset] = amount
    return balances


def postings(out: Out) -> Moved:
    """Return what the journal says was moved; no posting is zero, none comes twice."""
    moved: Moved = Counter()
    for _, _, said in out:
        entry = fields(said)
        accounts = [posting["account"] for posting in entry["postings"]]
        assert len(set(accounts)) == len(accounts) > 0
        sums: Counter[str] = Counter()
        for posting in entry["postings"]:
            asset = posting["asset"]
            amount = reread(posting["amount"], 2 if asset == "USD" else 8)
            assert amount
            sums[asset] += amount
            moved[posting["account"], asset] += amount
        assert set(sums.values()) == {0}
    return moved


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(["BTC", "ETH"]),
            st.integers(1, 10**12),
            CENTS,
            CENTS,
            CENTS,
            st.sampled_from(["MARKETPLACE", "NET_SETTLEMENT", "APEX_CLEARING"]),
        ),
        max_size=6,
    )
)
def test_what_is_written_of_trades_and_calls_is_what_is_moved(trades: list[Any]) -> None:
    account, ledger = CustomerAccount("ACME0001", "ACME"), Ledger()
    cause = Cause("executions", "e", 0)
    out: Out = []
    for buy, asset, units, gross, markup, commission, model in trades:
        # On a sell the commission is capped at the gross.
        charged = commission if buy else min(commission, gross)
        net = gross + charged if buy else gross - charged
        event = {
            "execution_id": "ACME0001-o-1",
            "side": "BUY" if buy else "SELL",
            "base": asset,
            "quantity": quantity(units),
            "markup": usd(markup),
            "commission": usd(charged),
            "net_money": usd(net),
            "funding_model": model,
        }
        fill = Fill(units, gross, markup, charged, net, 0)
        book_trade(ledger, account, cast("Execution", event), fill, cause, out)
        if model == "MARKETPLACE":
            book_call(ledger, account, net, usd(net), cause, out, withdrawal=buy)
    moved = postings(out)
    assert +moved == +state(account, ledger)
    assert -moved == -state(account, ledger)
    assert account.position_texts == (
        {a: quantity(u) for a, u in account.positions.items()} if account.positions else None
    )
