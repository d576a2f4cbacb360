"""The stages, in the order in which funds flow: no loops, one writer per fact.

    price-ticks, instruments, clients
        | best_quote         Market        -> bbo, market-feed
        v
    market-feed, accounts, orders, clock
        | execution          Trading       -> order-updates, executions (with the windows)
        v
    executions, accounts, fundings, apex-journal-results
        | cash_call          Settlement    -> cash-calls, apex-journals, journal, balances,
        |   with apex_answer                  client-lines
        | customer_funding      (same)     -> funding-updates, journal, balances, client-lines
        | aged_failure          (same)     -> aged-failures, client-lines
        v
    client-lines, net-wires, clients
        | net_settlement     Clients       -> net-settlements, journal
        | revenue_share         (same)     -> revenue-shares, journal
        | reports               (same)     -> files

Both engines run them; here is what two stages do together.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from schemas.journal import USD
from schemas.window import WindowOpened
from settlement.aged_failure import AGED_WINDOWS, report_aged
from settlement.cash_call import Settlement
from settlement.cause import Out
from settlement.clients import Clients
from settlement.invariants import AccountBook, Books, ClientBook
from settlement.ledger import CLIENT


def joint_books(settlements: Iterable[Settlement], clients: Iterable[Clients]) -> Books:
    """Show the books of several partitions to the invariants, as one.

    What a client owes is booked by two stages: lines by cash_call, wires by net_settlement.
    """
    totals: dict[tuple[str, str], int] = defaultdict(int)
    accounts: list[AccountBook] = []
    for settlement in settlements:
        books = settlement.books()
        accounts += books.accounts
        for account, amount in books.totals.items():
            totals[account] += amount
    client_books: list[ClientBook] = []
    for partition in clients:
        client_books += partition.books()
        for name, amount in partition.ledger.totals.items():
            if not name.startswith(CLIENT):
                totals[name, USD] += amount
    return Books(
        {
            account: amount
            for account, amount in totals.items()
            if not account[0].startswith(CLIENT)
        },
        accounts,
        [
            book._replace(net=book.net + totals.get((f"{CLIENT}{book.client}:net", USD), 0))
            for book in client_books
        ],
    )


def settle_window(
    settlement: Settlement, event: WindowOpened, out: Out, after: str = ""
) -> Iterator[str]:
    """Do what a window asks of the settlement task, in bounded steps (contract section 7).

    Yields each account that is done; what was cut off goes on behind `after`.
    """
    if event["window"] == "RETRY":
        yield from settlement.retry(event, out, after)
    elif event["window"] in AGED_WINDOWS:
        yield from report_aged(settlement, event, out, after)
