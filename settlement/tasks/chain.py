"""The tasks in the order in which funds flow: a chain without loops (design: stages and tasks)."""

from settlement.tasks.client_books import ClientBooksTask, SpreadsheetSafeClientBooksTask
from settlement.tasks.delivery import DeliveryTask
from settlement.tasks.market import MarketTask
from settlement.tasks.settlement import SettlementTask
from settlement.tasks.task import Task
from settlement.tasks.trading import TradingTask

CHAIN: tuple[type[Task], ...] = (
    MarketTask,
    TradingTask,
    SettlementTask,
    ClientBooksTask,
    DeliveryTask,
)

_SPREADSHEET_SAFE = tuple(
    SpreadsheetSafeClientBooksTask if kind is ClientBooksTask else kind for kind in CHAIN
)


def chain_of(*, csv_safe: bool) -> tuple[type[Task], ...]:
    """Return the tasks in the same order; `csv_safe`: those of spreadsheet-safe files."""
    return _SPREADSHEET_SAFE if csv_safe else CHAIN
