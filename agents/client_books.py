"""The clients' books: what each file of a window consists of."""

from agents.live import Live
from agents.runner import TaskRunner
from pipeline.client_books import ClientBooksTask, SpreadsheetSafeClientBooksTask

# Nobody waits for the lines of a file that is issued in hours.
COMMIT_INTERVAL_MS = 100


def client_books(live: Live) -> TaskRunner:
    """Return the agent of one worker; the decisions are in pipeline/client_books.py."""
    return TaskRunner(
        live.broker,
        SpreadsheetSafeClientBooksTask if live.csv_safe else ClientBooksTask,
        live.partitions,
        quiet_commit_ms=live.quiet_commit_ms,
        commit_interval_ms=COMMIT_INTERVAL_MS,
    )
