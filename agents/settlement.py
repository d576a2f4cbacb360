"""Asynchronous cash calls with their two retries a day, fundings, aged failures."""

from agents.live import Live
from agents.runner import TaskRunner
from settlement.tasks.settlement import SettlementTask


def settlement(live: Live) -> TaskRunner:
    """Return the agent of one worker; the decisions are in settlement/tasks/settlement.py."""
    return TaskRunner(
        live.broker, SettlementTask, live.partitions, quiet_commit_ms=live.quiet_commit_ms
    )
