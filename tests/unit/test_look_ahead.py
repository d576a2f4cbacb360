"""Looking ahead in the inputs of a replay for answers of a clearing firm (section 12).

A replay looks only when the first journal is requested; the lines are the same as without. A pipe
can be read only once, so a replay reads a copy of it.
"""

import gzip
import io
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from replay.input_files import KeptInputs
from replay.read import InputFiles, UnreadableInputError, read_inputs
from topics.catalogue import APEX_JOURNAL_RESULTS


def line(topic: str, minute: int, **fields: str) -> bytes:
    """Return a line of clients or of the firm's answers, at a minute past ten."""
    value = {"event_id": f"e{minute}", "event_time": f"2026-03-03T10:{minute:02d}:00Z"} | fields
    if topic == "clients":
        value |= {"type": "ClientUpdated", "client": "ACME", "commission_model": "MARKUP"}
    else:
        value |= {"type": "ApexJournalCompleted", "account_id": "ACME0001", "journal_id": "J"}
        value["amount"] = "1.00"
    return orjson.dumps({"topic": topic, "value": value}) + b"\n"


QUIET = [line("clients", minute) for minute in range(8)]
ANSWER = line(APEX_JOURNAL_RESULTS, 30)
# The words are there, but it is no line of that topic.
WORDS = line("clients", 30, name=APEX_JOURNAL_RESULTS)


def kept(folder: Path, *inputs: str) -> InputFiles:
    """Return inputs as a replay into a directory in `folder` reads them."""
    (folder / "aside").mkdir()
    inputs_kept = KeptInputs(inputs, folder / "aside", folder / "out")
    return InputFiles(inputs_kept.paths, shown=inputs_kept.shown)


def ids(lines: Iterator[object]) -> list[str]:
    return [read.event.event_id for read in lines]  # type: ignore[attr-defined]  # good ones alone


@pytest.fixture(params=["file", "file.gz", "pipe", "pipe.gz", "stdin", "stdin.gz"])
def given(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[object]:
    """Return what makes an input of some bytes: a file, a named pipe or standard input."""
    kind, _, packed = request.param.partition(".")
    writers = []

    def make(content: bytes) -> str:
        content = gzip.compress(content) if packed else content
        path = tmp_path / "in"
        if kind == "file":
            path.write_bytes(content)
        elif kind == "pipe":
            os.mkfifo(path)
            writers.append(threading.Thread(target=path.write_bytes, args=(content,)))
            writers[0].start()
        else:
            stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(content)))
            monkeypatch.setattr(sys, "stdin", stream)
            return "-"
        return str(path)

    yield make
    for writer in writers:
        writer.join()


@pytest.mark.parametrize(
    ("content", "answers"),
    [
        pytest.param(QUIET, False, id="none"),
        pytest.param([*QUIET, ANSWER], True, id="at-the-end"),
        pytest.param([*QUIET[:3], line(APEX_JOURNAL_RESULTS, 2), *QUIET[3:]], True, id="ahead"),
        pytest.param([line(APEX_JOURNAL_RESULTS, 0), *QUIET], True, id="given-before"),
        pytest.param([*QUIET, WORDS], False, id="its-words-in-another-line"),
        pytest.param([*QUIET, WORDS, ANSWER.rstrip()], True, id="no-line-end"),
    ],
)
def test_there_are_answers_or_not_and_no_line_is_lost(
    given: object,
    tmp_path: Path,
    content: list[bytes],
    answers: bool,
) -> None:
    """Asked when two lines have been given; all lines come, in their order."""
    files = kept(tmp_path, given(b"".join(content)))  # type: ignore[operator]  # the fixture is a function
    lines = files.lines()
    first = ids(next(lines) for _ in range(2))
    assert files.have(APEX_JOURNAL_RESULTS) is answers
    assert first + ids(lines) == [orjson.loads(text)["value"]["event_id"] for text in content]


def test_a_line_over_many_chunks_is_one_line(
    given: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is read together, a line is looked at as a whole."""
    monkeypatch.setattr("replay.read.CHUNK_BYTES", 7)
    files = kept(tmp_path, given(b"".join([*QUIET, ANSWER, *QUIET])))  # type: ignore[operator]  # the fixture is a function
    lines = files.lines()
    next(lines)
    assert files.have(APEX_JOURNAL_RESULTS)


def test_the_words_are_looked_for_in_each_of_several_inputs(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"".join(QUIET))
    (tmp_path / "b").write_bytes(ANSWER)
    files = kept(tmp_path, str(tmp_path / "a"), str(tmp_path / "b"))
    next(files.lines())
    assert files.have(APEX_JOURNAL_RESULTS)


@pytest.mark.parametrize("looked", [False, True], ids=["as-a-stream", "looked-ahead"])
@pytest.mark.parametrize(
    ("content", "given_lines", "says"),
    [
        pytest.param(b"".join(QUIET) + b"?\n", 8, "standard input, line 9", id="bad-line"),
        pytest.param(
            gzip.compress(b"".join(QUIET))[:-8], 8, "after line 8: the gzip stream", id="cut-off"
        ),
    ],
)
def test_a_bad_end_is_met_where_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    given_lines: int,
    says: str,
    looked: bool,
) -> None:
    """Looking ahead meets damage first; it is said when all lines before it have been given."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))
    files = kept(tmp_path, "-")
    lines = files.lines()
    got = [next(lines)]
    if looked:
        assert not files.have(APEX_JOURNAL_RESULTS)
    with pytest.raises(UnreadableInputError, match=says):
        got.extend(lines)
    # The lines of the last instant are given when the next is known.
    assert len(got) == given_lines - 1


def test_a_stream_gives_a_line_before_the_next_is_written() -> None:
    """For `settle produce`: the writer still holds the pipe open."""
    out_of, into = os.pipe()
    with os.fdopen(into, "wb", buffering=0) as writer:
        lines = read_inputs([f"/dev/fd/{out_of}"])
        writer.write(b"".join(QUIET[:3]))
        assert ids(next(lines) for _ in range(2)) == ["e0", "e1"]
    assert ids(lines) == ["e2"]
    os.close(out_of)
