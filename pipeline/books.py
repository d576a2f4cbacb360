"""The books of all partitions, as the invariants see them."""

from collections import defaultdict
from collections.abc import Iterable

from schemas.journal import USD
from settlement.cash_call import Settlement
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
