"""A replay in three processes: one reads, one trades, one settles, and all are busy at once.

    reader --lines--> front office --executions, windows, money--> back office

The front office is this process; the back office sends it one message, the result. Decisions and
their order are those of engine.py, so are the bytes. The other two are forked, so that nothing is
loaded twice. Whatever ends one of the three ends all, and only this one talks to a person. What
travels is written by `marshal`, which nothing else comes near in speed: both ends are one program
of one Python.
"""

import marshal
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import chain
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, Self, cast

import orjson

from replay.back_office import BackOffice
from replay.front_office import TOPICS as FRONT_OFFICE_TOPICS
from replay.front_office import FrontOffice
from replay.input_files import KeptInputs
from replay.line_values import Packed, all_unpacked, packed, unpacked
from replay.output import Checksums, OutputFiles
from replay.read import InputFiles, InputLine, Line, Told
from replay.simulated_firm import SimulatedFirm
from replay.spool import Spool
from replay.summary import Summary
from replay.usual import USUAL
from schemas.execution import Execution
from schemas.instant import Micros
from schemas.window import WindowOpened
from settlement.fill import Fill
from topics.catalogue import APEX_JOURNAL_RESULTS, OUTPUT_TOPICS
from topics.decode import Refused

# The output topics that the back office writes.
BACK_OFFICE_TOPICS = tuple(topic for topic in OUTPUT_TOPICS if topic not in FRONT_OFFICE_TOPICS)
# So few lines, or messages to the back office, travel together that they are still in the
# processor's cache when they are taken up: a sixth more orders a second than with 512.
_TOGETHER = 32
# A pipe holds several blocks, so that whoever reads it seldom waits for the other to be woken.
_PIPE_BYTES = 1 << 20
# Sent instead of a block or the result: pickled, what ended the sender follows (None: its work).
_ENDED = b""
# The offices have most to do; where three share two processors, the reader fills what they leave.
_LESS_URGENT = 10
_SIGNALS = {signal.SIGINT, signal.SIGTERM}


class EndedError(Exception):
    """A process of ours ended without a word."""


class Settled(NamedTuple):
    """What the back office wrote, and what it counted."""

    written: Checksums
    summary: Summary


def are_possible() -> bool:
    """Whether a replay can run in three processes here.

    A fork copies no other thread, and on one processor there is nothing to win.
    """
    return (
        sys.platform == "linux"
        and len(os.sched_getaffinity(0)) > 1
        and threading.active_count() == 1
    )


class Processes:
    """A context: the reader and the back office of one replay, both gone on exit."""

    def __init__(
        self,
        inputs: KeptInputs,
        aside: Path,
        *,
        allow_gaps: bool = True,
        csv_safe: bool = False,
    ) -> None:
        """Take the inputs, and the directory that is written."""
        self._inputs = inputs
        self._allow_gaps = allow_gaps
        self._csv_safe = csv_safe
        self._aside = aside

    def __enter__(self) -> Self:
        """Fork both."""
        self._lines, lines = Pipe(duplex=False)
        messages, self._messages = Pipe(duplex=False)
        self._result, result = Pipe(duplex=False)
        self._ours = (self._lines, self._messages, self._result)
        theirs = (lines, messages, result)
        for end in self._ours:
            _widen(end)
        every = (*self._ours, *theirs)
        fork = get_context("fork").Process
        reader = (_read, (self._inputs, self._allow_gaps), (lines,), every)
        settled = (self._inputs, self._aside, self._csv_safe)
        back_office = (_settle, settled, (messages, result), every)
        self._children = [fork(target=_child, args=args) for args in (reader, back_office)]
        try:
            # A signal waits until a child has its own way with it.
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            for child in self._children:
                child.start()
            for end in theirs:
                end.close()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End them, whatever they do."""
        for end in self._ours:
            end.close()
        for child in self._children:
            if child.pid is not None:
                child.terminate()
                child.join()

    def replay(
        self, output: OutputFiles, summary: Summary, until: Micros | None, tell: Told | None
    ) -> Checksums:
        """Replay up to `until`; `output` takes the front office's topics, `summary` counts all.

        Raises:
            UnreadableInputError: as `InputFiles` does.
            OSError: the disk is full.
            AssertionError: a broken invariant.
        """
        back_office = _BackOfficeAfar(self._messages, self._result)
        FrontOffice(output, back_office, summary).run(
            chain.from_iterable(self._read_blocks(tell)), until
        )
        settled = back_office.finish()
        written = output.finish()
        summary.add(settled.summary)
        return Checksums(
            {**written.topics, **settled.written.topics}, {**written.files, **settled.written.files}
        )

    def _read_blocks(self, tell: Told | None) -> Iterator[Iterator[Line]]:
        while block := _received(self._lines):
            done, lines = marshal.loads(block)  # noqa: S302 - written by a process of ours
            if tell is not None:
                tell(done)
            yield all_unpacked(lines)
        _raise_end(self._lines)


class _BackOfficeAfar:
    """The back office as the front office knows it: messages to its process.

    Each message has the word, which is the name of what is called there, and the time of the last
    input that moved time.
    """

    def __init__(self, messages: Connection, result: Connection) -> None:
        self.last: Micros | None = None
        self._messages = messages
        self._result = result
        self._waiting: list[tuple[object, ...]] = []

    def executed(self, event: Execution, fill: Fill, rank: int) -> None:
        # Of nested dicts orjson makes less work than marshal.
        self._tell("executed", orjson.dumps(event), tuple(fill), rank)

    def opened(self, event: WindowOpened) -> None:
        self._tell("opened", event)

    def told(self, line: InputLine) -> None:
        self._tell("told", packed(line))

    def refused(self, line: Line, refused: Refused) -> None:
        self._tell("refused", packed(line), refused.reason, refused.detail)

    def finish(self) -> Settled:
        self._tell("finish")
        if self._waiting:
            self._send()
        result = _received(self._result)
        if not result:
            _raise_end(self._result)
        settled: Settled = pickle.loads(result)  # noqa: S301 - written by a process of ours
        return settled

    def _tell(self, word: str, *said: object) -> None:
        self._waiting.append((word, self.last, *said))
        if len(self._waiting) >= _TOGETHER:
            self._send()

    def _send(self) -> None:
        try:
            self._messages.send_bytes(marshal.dumps(self._waiting))
        except BrokenPipeError:
            # Instead of the result comes what ended it.
            _received(self._result)
            _raise_end(self._result)
        self._waiting.clear()


def _widen(end: Connection) -> None:
    """Let a pipe hold more, if this user may: it is only slower else."""
    import fcntl  # noqa: PLC0415 - only where processes are possible there is one

    with suppress(PermissionError):
        fcntl.fcntl(end.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


# -- in a process of its own ----------------------------------------------------------------------


def _child(
    work: Callable[..., None],
    arguments: tuple[object, ...],
    own: tuple[Connection, ...],
    ends: tuple[Connection, ...],
) -> None:
    """Work with the pipe ends of its own; the last takes what ended it."""
    # Ctrl-C reaches all three: the one that a person talks to ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    for end in ends:
        if end not in own:
            end.close()  # else nobody would hear that a process is gone
    ended: Exception | None = None
    try:
        try:
            work(*arguments, *own)
        except (BrokenPipeError, EOFError):
            return  # nobody is there to work for
        except Exception as error:  # noqa: BLE001 - raised where it is heard
            error.add_note("".join(traceback.format_exception(error)))
            ended = error
        own[-1].send_bytes(_ENDED)
        own[-1].send_bytes(pickle.dumps(ended))
    except BrokenPipeError:
        return


def _read(inputs: KeptInputs, allow_gaps: bool, to: Connection) -> None:  # noqa: FBT001 - of a fork, by place
    """Read all lines; with each block go the bytes of input that were read since the last."""
    os.nice(_LESS_URGENT)
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more

    block: list[Packed] = []
    try:
        files = InputFiles(inputs.paths, tell, USUAL, inputs.shown, allow_gaps=allow_gaps)
        for line in files.lines():
            block.append(packed(line))
            if len(block) >= _TOGETHER:
                to.send_bytes(marshal.dumps((done, block)))
                block.clear()
                done = 0
    finally:
        # Also before an error: what comes before it may be all that is asked for.
        to.send_bytes(marshal.dumps((done, block)))


def _settle(
    inputs: KeptInputs,
    aside: Path,
    csv_safe: bool,  # noqa: FBT001 - of a fork, by place
    messages: Connection,
    result: Connection,
) -> None:
    """Do what the front office says, until it says `finish`."""
    summary = Summary()
    files = InputFiles(inputs.paths)
    with (
        OutputFiles(aside, summary, BACK_OFFICE_TOPICS) as output,
        closing(Spool(str(aside))) as spool,
    ):
        firm = SimulatedFirm(output.answer, input_answers=lambda: files.have(APEX_JOURNAL_RESULTS))
        back_office = BackOffice(output, spool, summary, firm, csv_safe=csv_safe)

        words: dict[str, Callable[..., None]] = {
            "executed": lambda event, fill, rank: back_office.executed(
                orjson.loads(event), Fill(*fill), rank
            ),
            "opened": back_office.opened,
            "told": lambda line: back_office.told(cast("InputLine", unpacked(line))),
            "refused": lambda line, reason, detail: back_office.refused(
                unpacked(line), Refused(reason, detail)
            ),
            "finish": back_office.finish,
        }
        word = ""
        while word != "finish":
            for word, back_office.last, *said in marshal.loads(messages.recv_bytes()):  # noqa: S302 - as above
                words[word](*said)
        result.send_bytes(pickle.dumps(Settled(output.finish(), summary)))


def _received(end: Connection) -> bytes:
    try:
        return end.recv_bytes()
    except EOFError:
        raise EndedError("a process of this replay was killed; run it again") from None


def _raise_end(end: Connection) -> None:
    """Raise what ended a sender, if anything did."""
    ended: Exception | None = pickle.loads(_received(end))  # noqa: S301 - written by a process of ours
    if ended is not None:
        raise ended
