"""The two entries of nearly every execution: the trade, and its cash call settled (section 9).

They are most of the journal, so they are booked without a look at each posting, and in the texts
that the execution carries: its numbers are put into words once. All other rows of the contract's
table are in ledger.py. A posting of zero is left out, and what is written is what is moved.
"""

from functools import lru_cache
from typing import NamedTuple

from schemas.execution import Execution
from schemas.journal import FBO
from schemas.money import Cents, usd
from settlement.cause import Cause, Out
from settlement.customer_account import CustomerAccount, Ledger
from settlement.fill import Fill
from settlement.ledger import BFS_USD, BUSINESS


class ClientNames(NamedTuple):
    """The ledger accounts that a client's executions move."""

    net: str
    markup: str
    commission: str


@lru_cache(maxsize=1024)
def client_names(client: str) -> ClientNames:
    """Spell a client's ledger accounts."""
    return ClientNames(
        f"client:{client}:net", f"revenue:markup:{client}", f"revenue:commission:{client}"
    )


def book_trade(
    ledger: Ledger,
    account: CustomerAccount,
    event: Execution,
    fill: Fill,
    cause: Cause,
    out: Out,
) -> None:
    """Book an execution: what is owed for it, and the asset's change of hands.

    buy:  owed -N, bfs:usd +(G-M), revenue:markup +M, revenue:commission +C; bfs:{asset} -q,
          customer:{asset} +q
    sell: owed +N, bfs:usd -(G+M), revenue:markup +M, revenue:commission +C; assets reversed

    The Net Settlement model owes it in the client's next net settlement (client:net), the others in
    a cash call. `fill` has the execution's numbers.

    Raises:
        AssertionError: the entry does not balance, which parks the partition.
    """
    totals = ledger.totals
    units, gross, markup, commission, net_money, _ = fill
    buy = event["side"] == "BUY"
    if net_money != (gross + commission if buy else gross - commission):
        raise AssertionError(f"unbalanced entry of {event['execution_id']}: {fill}")
    names, of_client = account.names or account.ledger_names(), client_names(account.client)
    asset, quantity_text = event["base"], event["quantity"]
    # How a number that a buy takes from the account is signed, and one that it adds to it.
    taken, added = ("-", "") if buy else ("", "-")
    written: list[str] = []
    if net_money:
        owed = -net_money if buy else net_money
        amount = taken + event["net_money"]
        if event["funding_model"] == "NET_SETTLEMENT":
            totals[of_client.net] += owed
            written.append(f'{{"account":"{of_client.net}","asset":"USD","amount":"{amount}"}}')
        else:
            account.owed += owed
            written.append(f'{{"account":"{names.owed}","asset":"USD","amount":"{amount}"}}')
    paid_to_bfs = gross - markup if buy else -(gross + markup)
    if paid_to_bfs:
        totals[BFS_USD] += paid_to_bfs
        amount = usd(paid_to_bfs)
        written.append(f'{{"account":"bfs:usd","asset":"USD","amount":"{amount}"}}')
    if markup:
        totals[of_client.markup] += markup
        amount = event["markup"]
        written.append(f'{{"account":"{of_client.markup}","asset":"USD","amount":"{amount}"}}')
    if commission:
        totals[of_client.commission] += commission
        amount = event["commission"]
        written.append(f'{{"account":"{of_client.commission}","asset":"USD","amount":"{amount}"}}')
    bfs_asset, holding = f"bfs:{asset}", names.holding(asset)
    totals[bfs_asset] += -units if buy else units
    account.move_position(asset, units if buy else -units)
    written.append(
        f'{{"account":"{bfs_asset}","asset":"{asset}","amount":"{taken}{quantity_text}"}},'
        f'{{"account":"{holding}","asset":"{asset}","amount":"{added}{quantity_text}"}}'
    )
    ledger.write(account, written, cause, out)


def book_call(
    ledger: Ledger,
    account: CustomerAccount,
    amount: Cents,
    text: str,
    cause: Cause,
    out: Out,
    *,
    withdrawal: bool,
) -> None:
    """Book a settled Marketplace call: the customer's cash in the FBO and the Business account.

    buy: cash -N, owed +N; fbo -N, business +N (sell: all reversed)

    `text` is the amount in words.
    """
    if not amount:
        return
    names, totals = account.names or account.ledger_names(), ledger.totals
    less, more = (f"-{text}", text) if withdrawal else (text, f"-{text}")
    paid = amount if withdrawal else -amount
    account.cash -= paid
    account.owed += paid
    totals[FBO] -= paid
    totals[BUSINESS] += paid
    written = (
        f'{{"account":"{names.cash}","asset":"USD","amount":"{less}"}},'
        f'{{"account":"{names.owed}","asset":"USD","amount":"{more}"}},'
        f'{{"account":"bank:fbo","asset":"USD","amount":"{less}"}},'
        f'{{"account":"bank:business","asset":"USD","amount":"{more}"}}'
    )
    ledger.write(account, [written], cause, out)
