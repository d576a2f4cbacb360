"""Open a file that a person named; a pipe that no program writes to does not block for ever."""

import errno
import os
import select
import stat
from io import BufferedReader
from pathlib import Path

# A program that the same command line starts connects within milliseconds.
WRITER_SECONDS = 5.0


def open_input(path: Path, writer_seconds: float = WRITER_SECONDS) -> BufferedReader:
    """Open a file for reading, or a named pipe once a program writes to it.

    Raises:
        OSError: it cannot be opened, or no program wrote to the pipe within `writer_seconds`.
    """
    if not stat.S_ISFIFO(path.stat().st_mode):
        return path.open("rb")
    # A blocking open of a pipe returns only when a program opens it for writing.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = select.poll()
    writer.register(descriptor, select.POLLIN)
    if not writer.poll(writer_seconds * 1000):
        os.close(descriptor)
        raise OSError(errno.ETIMEDOUT, "no program writes to this pipe", str(path))
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "rb")
