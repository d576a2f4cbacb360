"""The tasks in the order in which funds flow: a chain without loops (design: stages and tasks)."""

from settlement.tasks.client_books import ClientBooksTask
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
