"""BBO aggregation: price ticks in, the best bid and offer out."""

from agents.live import Live
from agents.runner import TaskRunner
from pipeline.market import MarketTask


def market(live: Live) -> TaskRunner:
    """Return the agent of one worker; the decisions are in pipeline/market.py."""
    return TaskRunner(
        live.broker, MarketTask, live.partitions, quiet_commit_ms=live.quiet_commit_ms
    )
