"""The tasks in the order in which funds flow: a chain without loops (design: stages and tasks)."""

from pipeline.client_books import ClientBooksTask, SpreadsheetSafeClientBooksTask
from pipeline.delivery import DeliveryTask
from pipeline.market import MarketTask
from pipeline.settlement import SettlementTask
from pipeline.task import Task
from pipeline.trading import TradingTask

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
