"""Trade execution: orders meet the best quotes; windows open here."""

from agents.live import Live
from agents.runner import TaskRunner
from settlement.tasks.trading import TradingTask


def trading(live: Live) -> TaskRunner:
    """Return the agent of one worker; the decisions are in settlement/tasks/trading.py."""
    return TaskRunner(
        live.broker, TradingTask, live.partitions, quiet_commit_ms=live.quiet_commit_ms
    )
