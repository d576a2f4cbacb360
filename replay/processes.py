"""A replay in three processes, with pipes between them: all are busy at once.

    reader --lines--> Upstream (this process) --executions, windows, money--> Downstream

The tasks and their order are those of pipeline/driver.py, and so are the bytes. The other two
processes are forked, so that nothing is loaded twice; each sends one result or error. Whatever ends
one of the three ends all, and only this one writes to the terminal. Pipes carry `marshal`, the
fastest format: both ends are one program of one Python.
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
from typing import Any, NamedTuple, Self

import orjson

from pipeline.driver import UPSTREAM_TOPICS, Downstream, Emitted, Line, Upstream, blocks, clock_tick
from pipeline.settlement import Trade
from replay.input_files import KeptInputs
from replay.line_values import Packed, all_unpacked, packed, unpacked
from replay.output import Checksums, OutputFiles
from replay.read import InputFiles, Told
from replay.read import Line as InputLine
from replay.simulated_firm import SimulatedFirm
from replay.spool import Spool
from replay.summary import Summary
from replay.usual import USUAL
from schemas.instant import Micros
from schemas.window import ClockTicked
from settlement.fill import Fill
from topics.catalogue import APEX_JOURNAL_RESULTS, EXECUTIONS, OUTPUT_TOPICS

_DOWNSTREAM_TOPICS = tuple(topic for topic in OUTPUT_TOPICS if topic not in UPSTREAM_TOPICS)
# What goes downstream beside lines, whose kinds are above 0 (replay/line_values.py).
_TRADE, _CLOCK, _EMITTED = -1, -2, -3
# So few lines travel together that they are still in the processor's cache when they are taken up:
# a sixth more orders a second than with 512.
_TOGETHER = 32
# A pipe holds several blocks, so that whoever reads it seldom waits for the other to be woken.
_PIPE_BYTES = 1 << 20
# Sent instead of a block or the result: pickled, what ended the sender follows (None: its work).
_ENDED = b""
# Deciding and settling take most; where three share two processors, the reader fills what they leave.
_LESS_URGENT = 10
_SIGNALS = {signal.SIGINT, signal.SIGTERM}


class EndedError(Exception):
    """A process of ours ended without a word."""


class Settled(NamedTuple):
    """What was written downstream, and what was counted."""

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
    """A context: the reader and downstream of one replay, both gone on exit."""

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
        downstream = (_settle, settled, (messages, result), every)
        self._children = [fork(target=_child, args=args) for args in (reader, downstream)]
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
        """Replay up to `until`; `output` takes the topics of `Upstream`, `summary` counts all.

        Raises:
            UnreadableInputError: as `InputFiles` does.
            OSError: the disk is full.
            AssertionError: a broken invariant.
        """
        upstream = Upstream(output)
        for lines in blocks(chain.from_iterable(self._read_blocks(tell)), until):
            self._send(upstream.decide(lines))
        if until is not None:
            self._send(upstream.move_time(until))
        self._send_bytes(marshal.dumps(upstream.last_time))
        summary.decided(upstream)
        result = _received(self._result)
        if not result:
            _raise_end(self._result)
        settled: Settled = pickle.loads(result)  # noqa: S301 - written by a process of ours
        written = output.finish()
        summary.add(settled.summary)
        return Checksums(
            {**written.topics, **settled.written.topics}, {**written.files, **settled.written.files}
        )

    def _send(self, heads: list[Line]) -> None:
        if heads:
            self._send_bytes(marshal.dumps([_packed(head) for head in heads]))

    def _send_bytes(self, message: bytes) -> None:
        try:
            self._messages.send_bytes(message)
        except BrokenPipeError:
            # Instead of the result comes what ended it.
            _received(self._result)
            _raise_end(self._result)

    def _read_blocks(self, tell: Told | None) -> Iterator[Iterator[InputLine]]:
        while block := _received(self._lines):
            done, lines = marshal.loads(block)  # noqa: S302 - written by a process of ours
            if tell is not None:
                tell(done)
            yield all_unpacked(lines)
        _raise_end(self._lines)


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
    """Act on what comes from upstream; a message that is no list is the last: the last time."""
    summary = Summary()
    files = InputFiles(inputs.paths)
    with (
        OutputFiles(aside, summary, _DOWNSTREAM_TOPICS) as output,
        closing(Spool(str(aside))) as spool,
    ):
        firm = SimulatedFirm(output.answer, input_answers=lambda: files.have(APEX_JOURNAL_RESULTS))
        downstream = Downstream(output, spool, firm, csv_safe=csv_safe)
        while isinstance(heads := marshal.loads(messages.recv_bytes()), list):  # noqa: S302 - as above
            downstream.settle(map(_unpacked, heads))
        downstream.finish(heads)
        summary.settled(downstream)
        result.send_bytes(pickle.dumps(Settled(output.finish(), summary)))


def _packed(head: Line) -> tuple[Any, ...]:
    """Return what goes downstream as plain values."""
    if not isinstance(head, Emitted):
        return packed(head)  # type: ignore[arg-type]  # what is not emitted is a line
    event = head.event
    if isinstance(event, Trade):
        # Of nested dicts orjson makes less work than marshal.
        execution = orjson.dumps(event.execution)
        return (_TRADE, execution, tuple(event.fill), head.key, head.rank)
    if isinstance(event, ClockTicked):
        return (_CLOCK, head.at)
    return (_EMITTED, head.topic, head.key, event, head.at, head.rank)


def _unpacked(values: tuple[Any, ...]) -> Line:
    """Return what was packed."""
    match values:
        case (kind, execution, fill, key, rank) if kind == _TRADE:
            trade = Trade(orjson.loads(execution), Fill(*fill))
            return Emitted(EXECUTIONS, key, trade, trade.fill.executed_at, rank)
        case (kind, at) if kind == _CLOCK:
            return clock_tick(at)
        case (kind, *emitted) if kind == _EMITTED:
            return Emitted(*emitted)
    return unpacked(values)


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
