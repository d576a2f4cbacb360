"""A stream that can be read once only (a pipe, standard input), and yet looked ahead in.

Whoever asks what is still to come gets the answer from the rest of the stream, which waits on disk
from then on; until then every line is read when it is asked for.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader
from tempfile import TemporaryFile
from typing import IO

# Bytes that are looked through together.
CHUNK_BYTES = 4 * 1024 * 1024
Stream = BufferedReader | gzip.GzipFile
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)


class Pipe:
    """The lines of a stream."""

    def __init__(self, stream: Stream, directory: str | None) -> None:
        """Read `stream`; what has to wait waits in a temporary file in `directory`."""
        self._stream = stream
        self._directory = directory
        self._waiting: IO[bytes] | None = None
        # What ended the reading ahead; it is raised where the lines before it end.
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Give each line, when it is asked for."""
        while line := self._next():
            yield line

    def _next(self) -> bytes:
        if self._waiting is not None:
            line = self._waiting.readline()
            if line:
                return line
            self.close()
            if self._error is not None:
                raise self._error
        return self._stream.readline()

    def close(self) -> None:
        """Give up what waits on disk."""
        if self._waiting is not None:
            self._waiting.close()
            self._waiting = None

    def any_ahead(self, wanted: Callable[[bytes], bool]) -> bool:
        """Whether `wanted` is true of a chunk of whole lines that have not been given yet.

        Raises:
            OSError: there is no room for what has to wait.
        """
        if self._waiting is not None:
            raise AssertionError("looked ahead before")
        self._waiting = TemporaryFile(dir=self._directory)  # noqa: SIM115 - closed when it is read
        found = False
        while not found and (chunk := self._read()):
            self._waiting.write(chunk)
            found = wanted(chunk)
        self._waiting.seek(0)
        return found

    def _read(self) -> bytes:
        """Return some whole lines, none at the end or before an error."""
        chunk = b""
        try:
            chunk = self._stream.read1(CHUNK_BYTES)
            if chunk and not chunk.endswith(b"\n"):
                chunk += self._stream.readline()
        except (*DAMAGED, OSError) as error:
            self._error = error
        return chunk
