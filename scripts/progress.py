"""Progress of long work, on a terminal only and on standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


@contextmanager
def byte_progress(what: str, total: int) -> Iterator[Callable[[int], None] | None]:
    """Give a function that is told of bytes done; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    progress = Progress(
        TextColumn(what),
        BarColumn(),
        TaskProgressColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )
    with progress:
        task = progress.add_task(what, total=total or None)
        yield lambda done: progress.advance(task, done)
