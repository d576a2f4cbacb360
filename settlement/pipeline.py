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
    client-lines, clients
        | reports            ClientBooks   -> files

`Pipeline` is one partition of all of them, for an engine that runs them in one process.
"""

from collections.abc import Iterator

from schemas.window import WindowOpened
from settlement.aged_failure import AGED_WINDOWS, report_aged
from settlement.best_quote import Market
from settlement.cash_call import Settlement
from settlement.cause import Out
from settlement.customer_funding import RECORD_BYTES
from settlement.execution import Trading
from settlement.reports.books import ClientBooks
from settlement.reports.rows import Rows


class Pipeline:
    """The states of all stages."""

    __slots__ = ("books", "market", "settlement", "trading")

    def __init__(self, rows: Rows) -> None:
        """Start empty, before time; `rows` keeps what the clients' files will consist of."""
        self.market = Market()
        self.trading = Trading()
        self.settlement = Settlement(RECORD_BYTES)
        self.books = ClientBooks(rows)


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
