"""The same values as a plain history: JSON Lines in the order of their times."""

from pathlib import Path

import orjson

from tests.fuzz.sent import Sent


class History:
    """Lines on disk; in memory only where each begins and when it happened."""

    def __init__(self, spool: Path) -> None:
        """Begin a file of lines in the order in which they were sent."""
        self._path = spool
        self._file = spool.open("wb")
        self._lines: list[tuple[int, int, int]] = []
        self._at = self._end = 0

    def add(self, sent: Sent, latest: int) -> None:
        """Add a record that a line can hold; `latest`: later ones have no place in a history."""
        if sent.value is None or sent.order_at is None or sent.order_at > latest:
            return
        try:
            value = orjson.dumps(orjson.loads(sent.value)) if b"\n" in sent.value else sent.value
            orjson.loads(value)
        except orjson.JSONDecodeError:
            return
        line = b'{"topic":"' + sent.topic.encode() + b'","value":' + value + b"}\n"
        self._lines.append((sent.order_at, self._end, len(line)))
        self._file.write(line)
        self._end += len(line)

    def write(self, path: Path) -> int:
        """Write the history, and return how many lines it has."""
        self._file.close()
        with self._path.open("rb") as spool, path.open("wb") as out:
            for _, begin, length in sorted(self._lines):
                spool.seek(begin)
                out.write(spool.read(length))
        self._path.unlink()
        return len(self._lines)
