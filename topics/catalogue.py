"""Every topic of contract section 2, as data: what `settle topics` creates and checks."""

from dataclasses import dataclass
from typing import Any, Literal

from schemas.account import AccountUpdated
from schemas.aged_failure import AgedFailure
from schemas.apex_journal import ApexJournalCompleted, ApexJournalRejected, ApexJournalRequested
from schemas.balance import AccountBalance
from schemas.best_quote import BestQuote
from schemas.cash_call import (
    CashCallFailed,
    CashCallRequested,
    CashCallSettled,
    CashCallWrittenOff,
    WriteOffRecovered,
)
from schemas.client import ClientUpdated
from schemas.dead_letter import DeadLetter
from schemas.execution import Execution
from schemas.funding import (
    CashAdjusted,
    DepositCancelled,
    DepositDeclined,
    DepositInitiated,
    DepositReturned,
    DepositSettled,
    FundingFlagged,
    WithdrawalAccepted,
    WithdrawalRefused,
    WithdrawalRejected,
    WithdrawalRequested,
    WithdrawalReturned,
    WithdrawalSettled,
)
from schemas.instrument import InstrumentUpdated
from schemas.journal import JournalEntry
from schemas.net_settlement import (
    NetSettlement,
    NetSettlementConfirmed,
    NetSettlementDisputed,
    NetSettlementLine,
    NetSettlementStatus,
    NetWireReceived,
    NetWireSent,
    RevenueSharePaid,
)
from schemas.order import (
    OrderAccepted,
    OrderCancelled,
    OrderCancelRejected,
    OrderCancelRequested,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
    OrderTriggered,
)
from schemas.price_tick import PriceTick
from schemas.report import ReportDelivered
from schemas.revenue_share import RevenueShareStatement
from schemas.window import ClockTicked, WindowOpened

CLIENTS = "clients"
INSTRUMENTS = "instruments"
ACCOUNTS = "accounts"
PRICE_TICKS = "price-ticks"
ORDERS = "orders"
FUNDINGS = "fundings"
APEX_JOURNAL_RESULTS = "apex-journal-results"
NET_WIRES = "net-wires"
CLOCK = "clock"
BBO = "bbo"
ORDER_UPDATES = "order-updates"
EXECUTIONS = "executions"
CASH_CALLS = "cash-calls"
FUNDING_UPDATES = "funding-updates"
APEX_JOURNALS = "apex-journals"
AGED_FAILURES = "aged-failures"
JOURNAL = "journal"
BALANCES = "balances"
NET_SETTLEMENTS = "net-settlements"
REVENUE_SHARES = "revenue-shares"
REPORT_DELIVERIES = "report-deliveries"
DEAD_LETTERS = "dead-letters"
MARKET_FEED = "market-feed"
CLIENT_LINES = "client-lines"
REPORT_ISSUES = "report-issues"
REPORT_PUTS = "report-puts"
QUARANTINES = "quarantines"
TASK_LOG = "task-log"
# The tasks of the live engine, in the order in which funds flow (design: pipeline/).
MARKET_TASK = "market"
TRADING_TASK = "trading"
SETTLEMENT_TASK = "settlement"
CLIENT_BOOKS_TASK = "client-books"
DELIVERY_TASK = "delivery"
TASKS = (MARKET_TASK, TRADING_TASK, SETTLEMENT_TASK, CLIENT_BOOKS_TASK, DELIVERY_TASK)
# Not a task of the pipeline: who takes `apex-journals` to the clearing firm and brings its answers.
APEX_GATEWAY = "apex-gateway"
# Nor this: who watches what was emitted, for the page /status.
MONITOR = "monitor"
# Not a task of the pipeline: how far `settle produce` has come, kept in the same way.
PRODUCE = "produce"


def state_topic(task: str) -> str:
    """Return the compacted topic that holds a task's states and input positions."""
    return f"{task}-state"


PARTITIONS_DEFAULT = 4
KEEP_FOREVER_MS = -1
# A task's transaction sends one batch per topic and partition.
BATCH_BYTES_MAX = 4 * 1024 * 1024

Direction = Literal["in", "out", "internal"]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `key` names the field that is the Kafka key; None: addressed by partition."""

    name: str
    key: str | None
    events: tuple[Any, ...]  # pydantic models of what comes in, typed dicts of what goes out
    direction: Direction
    retention_ms: int = KEEP_FOREVER_MS
    cleanup: Literal["delete", "compact"] = "delete"
    timestamps: Literal["LogAppendTime"] = "LogAppendTime"
    message_bytes_max: int = BATCH_BYTES_MAX


_DEPOSIT_STEPS = (
    DepositInitiated,
    DepositSettled,
    DepositReturned,
    DepositCancelled,
    DepositDeclined,
)
_WITHDRAWAL_STEPS = (
    WithdrawalRequested,
    WithdrawalSettled,
    WithdrawalRejected,
    WithdrawalReturned,
)
_NET_WIRES = (
    NetSettlementConfirmed,
    NetSettlementDisputed,
    NetWireReceived,
    NetWireSent,
    RevenueSharePaid,
)
_ORDER_UPDATES = (
    OrderAccepted,
    OrderRejected,
    OrderTriggered,
    OrderFilled,
    OrderCancelled,
    OrderCancelRejected,
    OrderExpired,
)
_CASH_CALLS = (
    CashCallRequested,
    CashCallSettled,
    CashCallFailed,
    CashCallWrittenOff,
    WriteOffRecovered,
)

CATALOGUE: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        Topic(CLIENTS, "client", (ClientUpdated,), "in"),
        Topic(INSTRUMENTS, "symbol", (InstrumentUpdated,), "in"),
        Topic(ACCOUNTS, "account_id", (AccountUpdated,), "in"),
        Topic(PRICE_TICKS, "symbol", (PriceTick,), "in"),
        Topic(ORDERS, "account_id", (OrderSubmitted, OrderCancelRequested), "in"),
        Topic(
            FUNDINGS,
            "account_id",
            (*_DEPOSIT_STEPS, *_WITHDRAWAL_STEPS, CashAdjusted),
            "in",
        ),
        Topic(
            APEX_JOURNAL_RESULTS,
            "account_id",
            (ApexJournalCompleted, ApexJournalRejected),
            "in",
        ),
        Topic(NET_WIRES, "client", _NET_WIRES, "in"),
        Topic(CLOCK, None, (ClockTicked,), "in"),
        Topic(BBO, "symbol", (BestQuote,), "out"),
        Topic(ORDER_UPDATES, "account_id", _ORDER_UPDATES, "out"),
        Topic(EXECUTIONS, "account_id", (Execution, WindowOpened), "out"),
        Topic(CASH_CALLS, "account_id", _CASH_CALLS, "out"),
        Topic(
            FUNDING_UPDATES,
            "account_id",
            (WithdrawalAccepted, WithdrawalRefused, FundingFlagged),
            "out",
        ),
        Topic(APEX_JOURNALS, "account_id", (ApexJournalRequested,), "out"),
        Topic(AGED_FAILURES, "account_id", (AgedFailure,), "out"),
        Topic(JOURNAL, "account_id", (JournalEntry,), "out"),  # or the client, in its own entries
        Topic(BALANCES, "account_id", (AccountBalance,), "out"),
        Topic(
            NET_SETTLEMENTS,
            "client",
            (NetSettlementLine, NetSettlement, NetSettlementStatus),
            "out",
        ),
        Topic(REVENUE_SHARES, "client", (RevenueShareStatement,), "out"),
        Topic(REPORT_DELIVERIES, "client", (ReportDelivered,), "out"),
        Topic(DEAD_LETTERS, None, (DeadLetter,), "out"),  # keyed as its source was
        Topic(MARKET_FEED, None, (BestQuote, InstrumentUpdated, ClientUpdated), "internal"),
        Topic(CLIENT_LINES, None, (), "internal"),
        Topic(REPORT_ISSUES, "client", (), "internal"),
        Topic(REPORT_PUTS, "client", (), "internal"),
        Topic(QUARANTINES, None, (), "internal"),
        Topic(TASK_LOG, None, (), "internal"),
        *(
            Topic(state_topic(task), None, (), "internal", cleanup="compact")
            for task in (*TASKS, PRODUCE)
        ),
    )
}

# In which order inputs of the same instant are applied (contract section 12).
INPUT_ORDER: tuple[str, ...] = (
    CLIENTS,
    INSTRUMENTS,
    ACCOUNTS,
    PRICE_TICKS,
    APEX_JOURNAL_RESULTS,
    FUNDINGS,
    NET_WIRES,
    ORDERS,
    CLOCK,
)
# Reference data does not start time (contract section 4).
REFERENCE_TOPICS = frozenset({CLIENTS, INSTRUMENTS, ACCOUNTS})
OUTPUT_TOPICS: tuple[str, ...] = tuple(
    topic.name for topic in CATALOGUE.values() if topic.direction == "out"
)
