"""`settle produce`: historical or made-up inputs into the topics of a live pipeline."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from replay.read import (
    STANDARD_INPUT,
    InputLine,
    UnreadableInputError,
    line_key,
    raw_value,
    read_inputs,
)
from schemas.instant import SECOND, Micros, time_text
from scripts.errors import Failure
from scripts.progress import byte_progress
from scripts.settings import Settings, broker, read_settings
from settlement.calendar import ScheduledWindow, first_window
from topics.catalogue import (
    CATALOGUE,
    CLOCK,
    FUNDINGS,
    MARKET_TASK,
    NET_WIRES,
    ORDERS,
    PRICE_TICKS,
    REFERENCE_TOPICS,
)
from topics.decode import Refused
from topics.partition import partition_of

if TYPE_CHECKING:
    from agents.positions import Positions
    from agents.producing import Outgoing, Producing

# So many lines go into one transaction, unless something has to be waited for.
_LINES_PER_TRANSACTION = 500
# What is caused by quotes that were sent before it.
_CAUSED_BY_QUOTES = frozenset({ORDERS, FUNDINGS, NET_WIRES})


def produce(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT...", help="JSON Lines, plain or gzip; - is standard input."),
    ],
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
            " give each standard input one of its own."
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Send an input anew that was sent before.")
    ] = False,
) -> None:
    """Send inputs to their topics, each once: killed and run again, it goes on where it was.

    By default as fast as causes allow: before an order, a funding or a wire goes in, the quotes
    sent so far have become best quotes. It also sends the time (ClockTicked): run the workers
    with --no-clock.

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
            run(settings, production.run(called, read_inputs(inputs, tell), again=again))
        except UnreadableInputError as error:
            raise Failure(f"{error}; {production.lines} lines before it are produced") from None
        except StalledProducerError as error:
            raise Failure(f"{error}; run it again, it goes on where it was") from None
        except OSError as error:
            raise Failure(f"{error.filename}: {error.strerror or error}") from None
    production.show()


def _called(inputs: list[str]) -> str:
    """Return the name of an input: a digest of its files' content."""
    if STANDARD_INPUT in inputs:
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
        self._waits_for_quotes = not flat_out and speed is None
        self._speed = speed
        self._waiting: list[Outgoing] = []
        self._quotes_waiting = False
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
        producing = Producing(where, self._settings.partitions, name)
        positions = Positions(where, self._settings.partitions, _tell)
        try:
            self._skipped = await producing.start()
            if again:
                self._skipped = 0
            if self._waits_for_quotes:
                await positions.start()
            await self._send(lines, producing, positions)
        finally:
            await positions.stop()
            await producing.stop()

    async def _send(
        self, lines: Iterable[InputLine], producing: "Producing", positions: "Positions"
    ) -> None:
        clock = _ProducedClock(self._settings.partitions)
        count = 0
        for count, line in enumerate(lines, 1):
            ticks = clock.before(line)
            if count <= self._skipped:
                continue
            if self._speed is not None:
                await self._keep_pace(line.at, producing)
            if ticks:
                self._waiting += ticks
                if self._in_step:
                    await self._commit(producing, positions)
            if self._waits_for_quotes and self._quotes_waiting and line.topic in _CAUSED_BY_QUOTES:
                await self._commit(producing, positions)
            self._waiting.append(self._outgoing(line))
            self._quotes_waiting = self._quotes_waiting or line.topic == PRICE_TICKS
            self._sent[line.topic] += 1
            self.lines = count
            if self._in_step or len(self._waiting) >= _LINES_PER_TRANSACTION:
                await self._commit(producing, positions)
        # One line more than there are: the last ticks are sent, too.
        if self._skipped > count + 1:
            raise Failure(f"the input has {count} lines, and {self._skipped - 1} were sent before")
        if self._skipped <= count:
            self._waiting += clock.at_the_end()
            self.lines = count + 1
            await self._commit(producing, positions)
        self.lines = count

    async def _commit(self, producing: "Producing", positions: "Positions") -> None:
        """Send what waits, and wait for what must come before the next."""
        if not self._waiting:
            return
        last = await producing.commit(self._waiting, self.lines)
        self._waiting = []
        if self._in_step:
            await positions.settled()
        elif self._waits_for_quotes and self._quotes_waiting:
            quotes = {place: at for place, at in last.items() if place.topic == PRICE_TICKS}
            await positions.passed(MARKET_TASK, quotes)
        self._quotes_waiting = False

    async def _keep_pace(self, at: Micros, producing: "Producing") -> None:
        """Wait until it is the time of a line, `speed` times as fast as it happened."""
        if self._first_at is None:
            self._first_at, self._started = at, time.monotonic()
        due = self._started + (at - self._first_at) / SECOND / (self._speed or 1.0)
        early = due - time.monotonic()
        if early > 0:
            if self._waiting:
                await producing.commit(self._waiting, self.lines)
                self._waiting, self._quotes_waiting = [], False
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _outgoing(self, line: InputLine) -> "Outgoing":
        from agents.producing import Outgoing

        raw = raw_value(line.text)
        key = line_key(line.topic, raw)
        return Outgoing(
            line.topic,
            0 if key is None else partition_of(key.decode(), self._settings.partitions),
            key,
            raw,
            () if isinstance(line.event, Refused) else _headers(orjson.loads(raw)),
        )

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


class _ProducedClock:
    """The time of a produced history: ticks where a live clock would have had to tick.

    Before the first line that starts time, before a line that crosses a window, and at the end.
    """

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._next: ScheduledWindow | None = None
        self._last: Micros | None = None

    def before(self, line: InputLine) -> "list[Outgoing]":
        """Return the ticks that go before a line."""
        if isinstance(line.event, Refused):
            return []
        if self._next is None:
            if line.topic in REFERENCE_TOPICS:
                return []
            crossed = True
        else:
            crossed = line.at >= self._next.scheduled_at
        self._last = line.at
        self._next = first_window(line.at + 1)
        return self._ticks(line.at) if crossed else []

    def at_the_end(self) -> "list[Outgoing]":
        """Return the ticks that let every partition arrive at the last line's time."""
        return [] if self._last is None else self._ticks(self._last)

    def _ticks(self, at: Micros) -> "list[Outgoing]":
        from agents.producing import Outgoing

        text = time_text(at)
        event = {"type": "ClockTicked", "event_id": f"clock-{text}", "event_time": text, "at": text}
        value, headers = orjson.dumps(event), _headers(event)
        return [
            Outgoing(CLOCK, partition, None, value, headers)
            for partition in range(self._partitions)
        ]


def _headers(event: dict[str, str]) -> tuple[tuple[str, bytes], ...]:
    return (
        ("ce_id", event["event_id"].encode()),
        ("ce_type", event["type"].encode()),
        ("ce_source", b"/settle/produce"),
        ("ce_time", event["event_time"].encode()),
        ("ce_specversion", b"1.0"),
    )


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
