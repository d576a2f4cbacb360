"""What live topics recorded, off the broker: read from a dump, and replayed (contract section 12).

A dump has lines of `topic`, `partition`, `offset`, `append_time`, `key` (or `key_raw`, base64,
where the key is not UTF-8) and `value` (or `raw`, base64, where the value's bytes are not what its
JSON is written as).
"""

import gzip
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson

from pipeline.delivery import File
from pipeline.task import Record
from replay.output import OutputFiles
from replay.read import UnreadableInputError
from replay.record_spool import RecordSpool
from replay.refold import Refolded, Sink, refold
from replay.summary import Summary
from schemas.instant import micros
from topics.catalogue import CATALOGUE, TASK_LOG

_GZIP_MAGIC = b"\x1f\x8b"
# How often progress is told, in lines.
_TELL_EVERY = 2000

Told = Callable[[int], None]


class RecordedTopics:
    """Topics in a temporary file: `refold` reads them. `partitions` each has."""

    def __init__(self, spool: RecordSpool, partitions: int = 0, *, with_states: bool) -> None:
        """Start empty; `partitions` of 0: as many as records name."""
        self._spool = spool
        self._ends: dict[tuple[str, int], int] = {}
        self.partitions = partitions
        self.with_states = with_states

    def add(self, record: Record) -> None:
        """Keep a record, behind those of its topic partition that came before.

        Raises:
            ValueError: its offset goes back.
        """
        place = (record.topic, record.partition)
        if record.offset < self._ends.get(place, 0):
            raise ValueError(f"offset {record.offset} of {record.topic} goes back")
        self._ends[place] = record.offset + 1
        self.partitions = max(self.partitions, record.partition + 1)
        self._spool.add(place, record)

    def has(self, topic: str) -> bool:
        """Whether a topic has a record."""
        return any(name == topic for name, _ in self._ends)

    def records(self, topic: str, partition: int) -> Iterator[Record]:
        """Return the records of a topic partition."""
        return self._spool.read((topic, partition))


class RecordedFiles(OutputFiles):
    """Output files that take the clients' files as they are."""

    def file(self, file: File) -> None:
        """Write one file of a client, whole."""
        path = self.aside / "s3" / file.client / file.key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as written:
            written.write(file.content)
        self._files[f"{file.client}/{file.key}"] = sha256(file.content).hexdigest()


def replay_recorded(
    path: Path,
    output: Sink,
    summary: Summary,
    tell: Told | None = None,
    directory: str | None = None,
    *,
    csv_safe: bool = False,
) -> Refolded:
    """Replay a dump partition by partition, in the recorded order, into `output`.

    `directory` is for temporary files; `csv_safe`: as `refold`.

    Raises:
        UnreadableInputError: the file is no dump, or damaged; the message names the line.
        DifferenceError: something is not as the dump recorded it.
    """
    with RecordSpool(directory) as spool:
        recorded = RecordedTopics(spool, with_states=False)
        read_dump(path, recorded, tell)
        if not recorded.has(TASK_LOG):
            raise UnreadableInputError(f"{path}: no record of {TASK_LOG}, so no order is recorded")
        refolded = refold(recorded, output, directory, csv_safe=csv_safe)
    summary.inputs.update(refolded.inputs)
    summary.first_time = refolded.first_time
    summary.time_began = refolded.time_began
    summary.last_time = refolded.last_time
    summary.files = refolded.files
    summary.fbo = refolded.fbo
    return refolded


def read_dump(path: Path, recorded: RecordedTopics, tell: Told | None = None) -> None:
    """Read a dump, plain or gzip.

    Raises:
        UnreadableInputError: the file can't be read, or a line of it is no record.
    """
    number = told = 0
    try:
        with _opened(path) as (file, lines):
            for number, text in enumerate(lines, 1):
                try:
                    recorded.add(_record_of(orjson.loads(text)))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise UnreadableInputError(
                        f"{path}, line {number}: no record of a dump ({_said(error)})"
                    ) from None
                if tell is not None and not number % _TELL_EVERY:
                    tell(file.tell() - told)
                    told = file.tell()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableInputError(
            f"{path}, after line {number}: the gzip stream is damaged or cut off ({error})"
        ) from None


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, Iterable[bytes]]]:
    with path.open("rb") as file:
        zipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        file.seek(0)
        yield file, gzip.GzipFile(fileobj=file) if zipped else file


def _record_of(line: Mapping[str, Any]) -> Record:
    """Return the record in a line."""
    topic, partition, offset = (line[name] for name in ("topic", "partition", "offset"))
    if topic not in CATALOGUE:
        raise ValueError(f"no topic {topic!r}")
    if not isinstance(partition, int) or not isinstance(offset, int) or min(partition, offset) < 0:
        raise ValueError(f"partition {partition!r}, offset {offset!r}")
    key = _key_of(line)
    value: bytes | None
    if "raw" in line:
        value = b64decode(line["raw"], validate=True)
    else:
        # A record without a value; JSON's null comes as raw.
        value = None if line["value"] is None else orjson.dumps(line["value"])
    return Record(
        topic,
        partition,
        offset,
        micros(line["append_time"]) // 1000,
        key,
        value,
    )


def _key_of(line: Mapping[str, Any]) -> bytes | None:
    if "key_raw" in line:
        return b64decode(line["key_raw"], validate=True)
    key = line["key"]
    return None if key is None else cast("str", key).encode()


def _said(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)
