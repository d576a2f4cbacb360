"""Run a worker in the foreground, under Faust's supervision, until a signal or an error."""

import os
import sys
import threading

import faust

from agents.app import Worker

# Docker kills after ten: what is not committed by then is done again by the next owner.
_STOP_SECONDS = 9.5


def serve(worker: Worker) -> None:
    """Run until SIGTERM, Ctrl-C or an error; ends the process with 0, or 1 after an error."""
    worker.on_stop = _end_at_latest
    process = faust.Worker(worker.app, quiet=True, redirect_stdouts=False, override_logging=False)
    process.execute_from_commandline()


def _end_at_latest() -> None:
    """End the process when stopping takes too long: a call to a broker that is gone never ends."""
    watchdog = threading.Timer(_STOP_SECONDS, _end)
    watchdog.daemon = True
    watchdog.start()


def _end() -> None:
    sys.stderr.write(f"settle: did not stop within {_STOP_SECONDS} s and is ended\n")
    sys.stderr.flush()
    os._exit(1)
