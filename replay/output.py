"""The replay directory: written aside, shown when it is whole.

Events are encoded here and written by one thread of its own, which also takes their checksums: both
let Python go on meanwhile. Each process that takes part writes topics of its own.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson

from replay.input_files import FOLDER, InputFile, KeptInputs
from replay.open_input import open_input
from replay.summary import Summary
from schemas.instant import Micros, time_text
from settlement.reports.report import Report
from topics.catalogue import (
    APEX_JOURNAL_RESULTS,
    CASH_CALLS,
    CATALOGUE,
    EXECUTIONS,
    OUTPUT_TOPICS,
)

SUMMARY = "summary.json"
# So few events of a topic are encoded together that they are still in the processor's cache.
_EVENTS_ENCODED_TOGETHER = 24
_TEXTS_ENCODED_TOGETHER = 64
# So many bytes of a topic are written together; queued writes are bounded, so is memory.
_BYTES_PER_WRITE = 1024 * 1024
_WRITES_QUEUED_MAX = 16


class OutputRefusedError(Exception):
    """The directory can't be written to; the message says why and what to do."""


class WrittenFile:
    """What a client's file turned out to be; `control` in cents, or units in a positions file."""

    __slots__ = ("control", "path", "rows", "sha256")

    def __init__(self, path: str, rows: int, control: int, digest: str) -> None:
        """Take the facts of a file that is written."""
        self.path = path
        self.rows = rows
        self.control = control
        self.sha256 = digest


def _is_replay(directory: Path) -> bool:
    """Whether a directory holds an earlier replay, and nothing else."""
    names = {entry.name for entry in directory.iterdir()}
    # Earlier versions had no folder of inputs where nothing was kept.
    if names | {FOLDER} != {FOLDER, "topics", "s3", SUMMARY}:
        return False
    try:
        with open_input(directory / SUMMARY) as file:
            return "topics_sha256" in orjson.loads(file.read())
    except (OSError, orjson.JSONDecodeError):
        return False


def stored_summary(
    summary: Summary,
    until: Micros | None,
    written: "Checksums",
    inputs: Sequence[InputFile],
    *,
    recorded: bool,
    csv_safe: bool,
) -> dict[str, Any]:
    """Return what `summary.json` holds: counts, inputs, and all checksums.

    `until`: as asked for. `recorded`: the one input is a dump, and its order was followed.
    `csv_safe`: the setting, which is stored only where it is on.
    """
    return {
        **summary.as_json(),
        "until": None if until is None else time_text(until),
        "recorded": recorded,
        **({"csv_safe": True} if csv_safe else {}),
        "input_files": [file._asdict() for file in inputs],
        "topics_sha256": dict(sorted(written.topics.items())),
        "files_sha256": dict(sorted(written.files.items())),
    }


class _TopicFile:
    """One topic: events that wait, and the file that they go to."""

    __slots__ = ("digest", "encoded", "encoded_bytes", "file", "kind", "texts", "topic", "waiting")

    def __init__(self, topic: str, path: Path) -> None:
        self.topic = topic
        # Unbuffered: chunks are large, and on a full disk nothing may wait for a last try.
        self.file = path.open("wb", buffering=0)
        self.digest = sha256()
        self.waiting: list[Mapping[str, Any]] = []
        # Events in their JSON; only one of the two lists has any.
        self.texts: list[str] = []
        # The type of all the topic's events; None: it has several.
        kinds = [event.__name__ for event in CATALOGUE[topic].events]
        self.kind = kinds[0] if len(kinds) == 1 else None
        self.encoded: list[bytes] = []
        self.encoded_bytes = 0

    def write(self, chunk: bytes) -> None:
        self.digest.update(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[self.file.write(rest) :]


class Checksums(NamedTuple):
    """What was written, by name in `topics/` and in `s3/`: its sha256."""

    topics: dict[str, str]
    files: dict[str, str]


class OutputFiles:
    """A context: the files of some topics, and the clients' files; closed on exit, whole or not."""

    def __init__(
        self, aside: Path, summary: Summary, topics: Iterable[str] = OUTPUT_TOPICS
    ) -> None:
        """Open one file for each of `topics`; `summary` counts what is written."""
        self.aside = aside
        self._topics = {
            topic: _TopicFile(topic, aside / "topics" / f"{topic}.jsonl") for topic in topics
        }
        self._files: dict[str, str] = {}
        self._answers: _TopicFile | None = None
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")
        self._queued: list[Future[None]] = []
        self._summary = summary
        self.events = 0  # encoded so far

    def __enter__(self) -> Self:
        """Nothing more to open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give up what was not written, and close."""
        self._writer.shutdown(wait=True, cancel_futures=True)
        for file in self._topics.values():
            file.file.close()
        if self._answers is not None:
            self._answers.file.close()

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        """Write one event behind the others of its topic."""
        file = self._topics[topic]
        if file.texts:
            self._encode_texts(file)
        waiting = file.waiting
        waiting.append(event)
        if len(waiting) >= _EVENTS_ENCODED_TOGETHER:
            self._encode(file)

    def text(self, topic: str, text: str) -> None:
        """Write one event that is in its JSON behind the others of its topic."""
        file = self._topics[topic]
        if file.waiting:
            self._encode(file)
        texts = file.texts
        texts.append(text)
        if len(texts) >= _TEXTS_ENCODED_TOGETHER:
            self._encode_texts(file)

    def answer(self, line: bytes) -> None:
        """Write an answer of the simulated clearing firm, as a line of input."""
        if self._answers is None:
            path = self.aside / FOLDER / f"{APEX_JOURNAL_RESULTS}.jsonl"
            self._answers = _TopicFile(APEX_JOURNAL_RESULTS, path)
        self._answers.encoded += [line, b"\n"]
        self._answers.encoded_bytes += len(line) + 1
        if self._answers.encoded_bytes >= _BYTES_PER_WRITE:
            self._hand_over(self._answers)

    def report(self, report: Report) -> WrittenFile:
        """Write one file of a client, whole."""
        path = self.aside / "s3" / report.client / report.key
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = sha256()
        rows = control = 0
        with path.open("xb") as file:
            header = "".join(f"{line}\n" for line in report.header).encode()
            digest.update(header)
            file.write(header)
            for row in report.rows:
                text = f"{row.text}\n".encode()
                digest.update(text)
                file.write(text)
                rows += 1
                control += row.control
        key = f"{report.client}/{report.key}"
        self._files[key] = digest.hexdigest()
        return WrittenFile(key, rows, control, digest.hexdigest())

    def finish(self) -> Checksums:
        """Write what waits, and wait for it."""
        for file in self._topics.values():
            self._encode(file)
            self._encode_texts(file)
            self._hand_over(file)
        if self._answers is not None:
            self._hand_over(self._answers)
        self._settle(0)
        return Checksums(
            {topic: file.digest.hexdigest() for topic, file in self._topics.items()}, self._files
        )

    def _encode(self, file: _TopicFile) -> None:
        if not file.waiting:
            return
        if file.topic == CASH_CALLS:
            # The summary knows the model of a call by its execution.
            self._encode(self._topics[EXECUTIONS])
        self._summary.count(file.topic, file.waiting)
        self.events += len(file.waiting)
        chunk = b"\n".join(map(orjson.dumps, file.waiting)) + b"\n"
        file.waiting.clear()
        self._encoded(file, chunk)

    def _encode_texts(self, file: _TopicFile) -> None:
        if not file.texts:
            return
        if file.kind is None:
            self._summary.count_texts(file.topic, file.texts)
        else:
            self._summary.count_alike(file.topic, file.kind, len(file.texts))
        self.events += len(file.texts)
        file.texts.append("")
        chunk = "\n".join(file.texts).encode()
        file.texts.clear()
        self._encoded(file, chunk)

    def _encoded(self, file: _TopicFile, chunk: bytes) -> None:
        file.encoded.append(chunk)
        file.encoded_bytes += len(chunk)
        if file.encoded_bytes >= _BYTES_PER_WRITE:
            self._hand_over(file)

    def _hand_over(self, file: _TopicFile) -> None:
        if not file.encoded:
            return
        chunk = b"".join(file.encoded)
        file.encoded.clear()
        file.encoded_bytes = 0
        self._queued.append(self._writer.submit(file.write, chunk))
        if len(self._queued) > _WRITES_QUEUED_MAX:
            self._settle(_WRITES_QUEUED_MAX // 2)

    def _settle(self, left: int) -> None:
        """Wait until all but `left` writes are done; raises what a write raised."""
        while len(self._queued) > left:
            self._queued.pop(0).result()


class ReplayDirectory:
    """A context: on a clean exit after `finish` the directory is there, else nothing is."""

    def __init__(self, directory: Path) -> None:
        """Check that `directory` may be made or replaced.

        Raises:
            OutputRefusedError: it is a file, a mount point, or holds what no replay wrote.
        """
        # Through a symbolic link what it points to is replaced, not the link.
        self.directory = directory = directory.resolve()
        if directory.exists() and not directory.is_dir():
            raise OutputRefusedError(f"{directory} is a file; name a directory")
        if directory.is_mount():
            raise OutputRefusedError(f"{directory} is a mount point; name a directory inside it")
        if directory.is_dir() and any(directory.iterdir()) and not _is_replay(directory):
            raise OutputRefusedError(
                f"{directory} holds something that no replay wrote; name an empty or new directory"
            )
        self._finished = False

    def __enter__(self) -> Self:
        """Make the directory aside, under a name of its own."""
        parent = self.directory.parent
        self._made = [path for path in (parent, *parent.parents) if not path.exists()]
        parent.mkdir(parents=True, exist_ok=True)
        # Not mkdtemp: who may read a replay is for the umask to say.
        self.aside = parent / f".{self.directory.name}.{token_hex(8)}"
        self.aside.mkdir()
        (self.aside / "topics").mkdir()
        (self.aside / "s3").mkdir()
        return self

    def keep(self, inputs: Sequence[str]) -> KeptInputs:
        """Link or copy the inputs into the directory, where an audit finds them.

        Raises:
            UnreadableInputError: an input can't be read.
            OSError: there is no room for a copy.
        """
        return KeptInputs(inputs, self.aside, self.directory)

    def finish(
        self,
        summary: Summary,
        until: Micros | None,
        written: Checksums,
        inputs: KeptInputs,
        *,
        recorded: bool = False,
        csv_safe: bool = False,
    ) -> None:
        """Write the summary, as `stored_summary` makes it.

        Raises:
            UnreadableInputError: an input was changed meanwhile.
        """
        inputs.check_unchanged()
        stored = stored_summary(
            summary, until, written, inputs.files, recorded=recorded, csv_safe=csv_safe
        )
        (self.aside / SUMMARY).write_bytes(
            orjson.dumps(stored, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
        self._finished = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Show the directory if it is whole, else take everything away."""
        if kind is None and self._finished:
            if self.directory.is_dir():
                # What stands here is empty or an earlier replay.
                old = self.aside.with_name(self.aside.name + ".old")
                self.directory.rename(old)
                self.aside.rename(self.directory)
                shutil.rmtree(old)
            else:
                self.aside.rename(self.directory)
            return
        shutil.rmtree(self.aside, ignore_errors=True)
        for path in self._made:
            path.rmdir()
