"""`settle produce`: historical or made-up inputs into the topics of a live pipeline."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.chain import CHAIN
from replay.read import STANDARD_INPUT, InputLine, UnreadableInputError, read_inputs
from schemas.instant import SECOND, Micros
from scripts.errors import Failure
from scripts.progress import byte_progress
from scripts.settings import Settings, broker, read_settings
from topics.catalogue import (
    CATALOGUE,
    CLOCK,
    FUNDINGS,
    NET_WIRES,
    ORDERS,
    PRICE_TICKS,
    REFERENCE_TOPICS,
)

if TYPE_CHECKING:
    from aiokafka import TopicPartition

    from agents.producing import Outgoing

# A transaction is committed within a second, before a task partition stops waiting for it. It has
# at most so many lines and bytes, and groups of which each is appended before the next is sent.
_LINES_PER_TRANSACTION = 500
_BYTES_PER_TRANSACTION = 1024 * 1024
_GROUPS_PER_TRANSACTION = 50
# Appended in the order of the input in every mode.
_BARRIERS = REFERENCE_TOPICS | {CLOCK}
CAUSES = REFERENCE_TOPICS | {PRICE_TICKS}
# What quotes that were sent before it may have changed.
_CAUSED_BY_QUOTES = frozenset({ORDERS, FUNDINGS, NET_WIRES, CLOCK})


def may_depend(topic: str, cause: str) -> bool:
    """Whether an input of `topic` may depend on an earlier one of `cause` (contract section 12).

    Within a topic nothing has to be waited for: each partition is applied in order.
    """
    if cause in REFERENCE_TOPICS:
        return topic != cause
    return cause == PRICE_TICKS and topic in _CAUSED_BY_QUOTES


def produce(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT...", help="JSON Lines, plain or gzip; - is standard input."),
    ],
    *,
    in_step: Annotated[
        bool, typer.Option("--in-step", help="Let each input be settled before the next.")
    ] = False,
    flat_out: Annotated[bool, typer.Option("--flat-out", help="Wait for nothing.")] = False,
    speed: Annotated[
        float | None,
        typer.Option(metavar="X", min=0.001, help="X times as fast as it happened; 1: real time."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help="Under which name it is remembered what was sent. Files go by their content;"
            " give each standard input or pipe one of its own."
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Send an input anew that was sent before.")
    ] = False,
    allow_gaps: Annotated[
        bool, typer.Option("--allow-gaps", help="Permit steps of more than 40 days.")
    ] = False,
) -> None:
    """Send inputs to their topics, each once: killed and run again, it goes on where it was.

    By default as fast as causes allow: an input waits until the reference data before it is
    applied, and an order, a funding or a wire until the quotes before it have become best quotes.
    It also sends the time (ClockTicked): run the workers with --no-clock.

    Example: settle produce out/day.jsonl

    Example: settle produce tests/golden/day.jsonl --in-step
    """
    if in_step + flat_out + (speed is not None) > 1:
        raise typer.BadParameter("one of --in-step, --flat-out and --speed")
    from agents.producing import StalledProducerError
    from scripts.live import check_partitions, run

    settings = read_settings()
    check_partitions(settings, [t.name for t in CATALOGUE.values() if t.direction == "in"])
    sizes = [Path(path).stat().st_size for path in inputs if Path(path).is_file()]
    with byte_progress("producing", sum(sizes)) as tell:
        production = _Production(settings, in_step=in_step, flat_out=flat_out, speed=speed)
        try:
            called = name or _called(inputs)
            lines = read_inputs(inputs, tell, allow_gaps=allow_gaps)
            run(settings, production.run(called, lines, again=again))
        except UnreadableInputError as error:
            raise Failure(f"{error}; {production.lines} lines before it are produced") from None
        except StalledProducerError as error:
            raise Failure(f"{error}; run it again, it goes on where it was") from None
        except OSError as error:
            raise Failure(f"{error.filename}: {error.strerror or error}") from None
    production.show()


def _called(inputs: list[str]) -> str:
    """Return the name of an input: a digest of its files' content."""
    # A pipe, too, can be read only once.
    if STANDARD_INPUT in inputs or any(Path(path).is_fifo() for path in inputs):
        return "stdin"
    whole = sha256()
    for path in inputs:
        with Path(path).open("rb") as file:
            whole.update(file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]


class _Production:
    """An input under way."""

    def __init__(
        self, settings: Settings, *, in_step: bool, flat_out: bool, speed: float | None
    ) -> None:
        self._settings = settings
        self._in_step = in_step
        # At a pace, as in life, nobody waits for what quotes have become.
        self._waits_for_causes = not flat_out and speed is None
        self._speed = speed
        # Not sent yet, in groups; each group is appended before the next.
        self._waiting: list[list[Outgoing]] = []
        self._lines_waiting = self._bytes_waiting = 0
        # Topics of causes that are not known to be applied, and where the last record of each
        # partition is.
        self._causes: set[str] = set()
        self._last: dict[TopicPartition, int] = {}
        self._sent: Counter[str] = Counter()
        self._skipped = 0
        self._started = time.monotonic()
        self._first_at: Micros | None = None
        self.lines = 0

    async def run(self, name: str, lines: Iterator[InputLine], *, again: bool) -> None:
        """Send everything that is not sent yet."""
        from agents.positions import Positions
        from agents.producing import Producing

        where = broker(self._settings)
        self._producing = Producing(where, self._settings.partitions, name)
        self._positions = Positions(where, self._settings.partitions, _tell)
        try:
            self._skipped = await self._producing.start()
            if self._waits_for_causes:
                await self._positions.start()
                if self._skipped:
                    # Of an earlier run, which was interrupted.
                    self._last = self._positions.last(CAUSES)
                    self._causes = {place.topic for place in self._last}
            if again:
                self._skipped = 0
            await self._send(lines)
        finally:
            await self._positions.stop()
            await self._producing.stop()

    async def _send(self, lines: Iterable[InputLine]) -> None:
        from scripts.produced_records import ProducedClock, outgoing

        clock = ProducedClock(self._settings.partitions)
        count = 0
        for count, line in enumerate(lines, 1):
            ticks = clock.before(line)
            if count <= self._skipped:
                continue
            if self._speed is not None:
                await self._keep_pace(line.at)
            if ticks:
                await self._add(ticks)
                if self._in_step:
                    await self._commit()
            await self._add([outgoing(line, self._settings.partitions)])
            self._sent[line.topic] += 1
            self._lines_waiting += 1
            self.lines = count
            if self._in_step or self._is_full():
                await self._commit()
        # One line more than there are: the last ticks are sent, too.
        if self._skipped > count + 1:
            raise Failure(f"the input has {count} lines, and {self._skipped - 1} were sent before")
        if self._skipped <= count:
            if ticks := clock.at_the_end():
                await self._add(ticks)
            self.lines = count + 1
            await self._commit()
        self.lines = count

    async def _add(self, records: "list[Outgoing]") -> None:
        """Take records of one topic; first let the causes that they may depend on be applied."""
        topic = records[0].topic
        if self._waits_for_causes:
            await self._apply_causes_of(topic)
        if not self._waiting or self._comes_after(self._waiting[-1][0].topic, topic):
            self._waiting.append([])
        self._waiting[-1] += records
        self._bytes_waiting += sum(len(record.value) for record in records)
        if topic in CAUSES:
            self._causes.add(topic)

    async def _apply_causes_of(self, topic: str) -> None:
        causes = {cause for cause in self._causes if may_depend(topic, cause)}
        if not causes:
            return
        await self._commit()
        for task in CHAIN:
            read = causes.intersection(task.inputs)
            sent = {place: offset for place, offset in self._last.items() if place.topic in read}
            await self._positions.passed(task.name, sent)
        self._causes -= causes

    def _comes_after(self, before: str, topic: str) -> bool:
        """Whether a record must be appended after the group before it, not beside it.

        One request carries the records of many partitions, and Kafka appends them in any order.
        """
        if before == topic:
            return False
        return self._waits_for_causes or not _BARRIERS.isdisjoint((before, topic))

    def _is_full(self) -> bool:
        return (
            self._lines_waiting >= _LINES_PER_TRANSACTION
            or self._bytes_waiting >= _BYTES_PER_TRANSACTION
            or len(self._waiting) >= _GROUPS_PER_TRANSACTION
        )

    async def _commit(self) -> None:
        """Send what waits; in step, let it be settled."""
        if not self._waiting:
            return
        self._last |= await self._producing.commit(self._waiting, self.lines)
        self._waiting = []
        self._lines_waiting = self._bytes_waiting = 0
        if self._in_step:
            await self._positions.settled()
            self._causes.clear()

    async def _keep_pace(self, at: Micros) -> None:
        """Wait until it is the time of a line, `speed` times as fast as it happened."""
        if self._first_at is None:
            self._first_at, self._started = at, time.monotonic()
        due = self._started + (at - self._first_at) / SECOND / (self._speed or 1.0)
        if due > time.monotonic():
            await self._commit()
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def show(self) -> None:
        """Print what was sent."""
        seconds = time.monotonic() - self._started
        total = self._sent.total()
        if not total:
            said = f"all {self.lines:,} lines were sent before; --again sends them anew"
            sys.stdout.write(f"{said if self.lines else 'there is no line to send'}\n")
            return
        for topic, count in sorted(self._sent.items()):
            sys.stdout.write(f"{count:>12,}  {topic}\n")
        before = f", {self._skipped:,} were sent before" if self._skipped else ""
        sys.stdout.write(f"{total:>12,}  lines in {seconds:.1f} s{before}\n")


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
