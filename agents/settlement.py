"""Asynchronous cash calls with their two retries a day, fundings, aged failures."""

from agents.live import Live
from agents.runner import TaskRunner
from pipeline.settlement import SettlementTask

# A cash call may come a moment after its execution; trading has the broker first.
COMMIT_INTERVAL_MS = 50


def settlement(live: Live) -> TaskRunner:
    """Return the agent of one worker; the decisions are in pipeline/settlement.py."""
    return TaskRunner(
        live.broker,
        SettlementTask,
        live.partitions,
        quiet_commit_ms=live.quiet_commit_ms,
        commit_interval_ms=COMMIT_INTERVAL_MS,
    )
