"""Trade execution: orders meet the best quotes; windows open here."""

from agents.live import Live
from agents.runner import TaskRunner
from pipeline.trading import TradingTask


def trading(live: Live) -> TaskRunner:
    """Return the agent of one worker; the decisions are in pipeline/trading.py."""
    return TaskRunner(
        live.broker, TradingTask, live.partitions, quiet_commit_ms=live.quiet_commit_ms
    )
