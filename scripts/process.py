"""How a command runs as a process: signals, error lines, standard output (contract section 12)."""

import os
import signal
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from schemas.printable import printable
from scripts.credentials import without_credentials
from scripts.errors import TRACEBACK, Failure


def run(command: Callable[[], object]) -> NoReturn:
    """Run a command and end the process: exit 0, or 1 with one clear line, or 2 for wrong usage."""
    # Raised where the command works, so that it takes away what is half-written.
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    _open_what_is_closed()
    output = sys.stdout
    status: int | str | None = 0
    message: str | None = None
    try:
        try:
            command()
        except SystemExit as end:  # typer ends each command so
            status = end.code
        output.flush()
    except Failure as failure:
        message = str(failure)
    except BrokenPipeError:
        status = 1  # the reader of our output has gone, so no message can arrive
    except OSError as error:
        # Files that are read or written answer for themselves; this is what we print.
        message = f"standard output: {error.strerror or error}; what was made is there"
    except Exception as error:  # a defect of ours, not the user's: still one line
        if os.environ.get(TRACEBACK):
            raise
        message = (
            f"a defect of settle: {type(error).__name__}: {error} (set {TRACEBACK}=1 to see where)"
        )
    _flush_or_discard(output)
    if message is not None:
        sys.stderr.write(f"settle: {printable(without_credentials(message))}\n")
        status = 1
    sys.exit(status)


def _flush_or_discard(output: TextIO) -> None:
    """Flush; what can't be written goes nowhere, or Python itself would complain as it exits."""
    try:
        output.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())


def _open_what_is_closed() -> None:
    """Make standard output and error writable streams, whatever the shell gave us."""
    # Closed (`>&-`), Python has None for them, and the next file opened would get their number.
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as we run
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as above
    if isinstance(sys.stdout, TextIOWrapper):
        # A name that the terminal's encoding lacks is no reason to end.
        sys.stdout.reconfigure(errors="backslashreplace")


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signal wants it
    # People press Ctrl-C twice: what tidies up is not interrupted again.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Failure(f"interrupted by {signal.Signals(number).name}; nothing half-written is left")
