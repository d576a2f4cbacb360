"""The audit of a directory that `settle replay --recorded` wrote (contract section 12).

Its input is the dump. Every task partition is recomputed from the dump, in the recorded order, and
the directory must hold exactly what that gives: events partition by partition, files, and summary.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from pipeline.delivery import File
from replay.difference import DifferenceError, described, different_line
from replay.input_files import FOLDER, checked_inputs
from replay.open_input import open_input
from replay.output import Checksums, stored_summary
from replay.recorded import replay_recorded
from replay.refold import Refolded
from replay.stored_summary import StoredSummary
from replay.summary import Summary
from replay.surplus_files import no_surplus_files
from topics.catalogue import OUTPUT_TOPICS


def audit_recorded(
    directory: Path, inputs: Sequence[str] = (), tell: Callable[[int], None] | None = None
) -> Refolded:
    """Audit the directory of a recorded replay; return what was recomputed.

    `inputs`: where its dump is stored, if not where `summary.json` names it; `tell` is called with
    the bytes of the dump that were read.

    Raises:
        DifferenceError: the first difference, in the dump or in the directory.
        UnreadableInputError: the dump is missing, changed, or can't be read.
        OSError: the directory can't be read.
    """
    stored = StoredSummary(directory)
    paths = checked_inputs(directory, stored.input_files, inputs)
    summary = Summary()
    with ExitStack() as close_at_end:
        written = _Written(directory, summary, close_at_end)
        refolded = replay_recorded(Path(paths[0]), written, summary, tell, csv_safe=stored.csv_safe)
        checksums = written.finish()
    no_surplus_files(directory, FOLDER, {file.name for file in stored.input_files})
    dump = stored.input_files[:1]
    stored.same(
        stored_summary(summary, None, checksums, dump, recorded=True, csv_safe=stored.csv_safe)
    )
    return refolded


class _Written:
    """What the directory holds, compared with each event and file as it is recomputed."""

    def __init__(self, directory: Path, summary: Summary, close_at_end: ExitStack) -> None:
        self._directory = directory
        self._summary = summary
        self._numbers = dict.fromkeys(OUTPUT_TOPICS, 0)
        self._digests = {topic: sha256() for topic in OUTPUT_TOPICS}
        self._files: dict[str, str] = {}
        self._topics = {
            topic: close_at_end.enter_context(_opened(directory, topic)) for topic in OUTPUT_TOPICS
        }

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        """Compare an event with the next line of its topic.

        Raises:
            DifferenceError: the line is another.
        """
        self._numbers[topic] += 1
        line = self._topics[topic].readline()
        if line != orjson.dumps(event) + b"\n":
            raise self._unlike(topic, event, line)
        self._digests[topic].update(line)
        self._summary.count(topic, [event])

    def file(self, file: File) -> None:
        """Compare a client's file.

        Raises:
            DifferenceError: it is missing or different.
        """
        name = f"{file.client}/{file.key}"
        path = self._directory / "s3" / name
        if not path.is_file():
            raise DifferenceError(f"s3/{name}", "the file", expected="a file", found="none")
        found = path.read_bytes()
        if found != file.content:
            raise different_line(f"s3/{name}", file.content, found)
        self._files[name] = sha256(found).hexdigest()

    def finish(self) -> Checksums:
        """Check that nothing is left over; return the checksums of what was compared.

        Raises:
            DifferenceError: a line or a file is.
        """
        for topic, lines in self._topics.items():
            self._numbers[topic] += 1
            if line := lines.readline():
                raise self._unlike(topic, None, line)
        no_surplus_files(self._directory, "topics", {f"{topic}.jsonl" for topic in OUTPUT_TOPICS})
        no_surplus_files(self._directory, "s3", self._files)
        digests = {topic: digest.hexdigest() for topic, digest in self._digests.items()}
        return Checksums(digests, self._files)

    def _unlike(
        self, topic: str, expected: Mapping[str, Any] | None, line: bytes
    ) -> DifferenceError:
        place = f"topics/{topic}.jsonl line {self._numbers[topic]}"
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            found = None
        if expected is None or not isinstance(found, dict):
            return DifferenceError(
                place,
                "the event",
                expected="the end of the topic" if expected is None else described(expected),
                found=line.decode(errors="replace") if line else "the end of the topic",
            )
        event_id = expected["event_id"]
        if found.get("event_id") != event_id:
            return DifferenceError(
                place, "the next event", expected=described(expected), found=described(found)
            )
        for field in (*expected, *found):
            if expected.get(field) != found.get(field):
                return DifferenceError(
                    place,
                    field,
                    expected=expected.get(field),
                    found=found.get(field),
                    event_id=event_id,
                )
        return DifferenceError(
            place, "the bytes", expected=orjson.dumps(expected), found=line, event_id=event_id
        )


def _opened(directory: Path, topic: str) -> BinaryIO:
    name = f"topics/{topic}.jsonl"
    try:
        return open_input(directory / name)
    except FileNotFoundError:
        raise DifferenceError(name, "the file", expected="a file", found="none") from None
