"""A day settled live beside its replay: per topic and key the same events, ids included.

    live, replayed = settled_live(broker, partitions, files), settled_in(directory)
    differences(live, replayed)                    # [] if they are the same

Not compared: `WindowOpened`, which each partition has of its own; of dead letters what
`pipeline_in_memory.differences` leaves out.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from aiokafka import TopicPartition

from agents.broker import Broker
from tests.pipeline_in_memory import compared_letter
from topics.catalogue import CATALOGUE, DEAD_LETTERS, OUTPUT_TOPICS

Event = dict[str, Any]
# By topic and key, in order.
Events = dict[tuple[str, str], list[Event]]


class Settled(NamedTuple):
    """What became of a day: `letters` sorted, `files` by path."""

    events: Events
    letters: list[tuple[str, ...]]
    files: dict[str, bytes]

    @property
    def compared(self) -> int:
        """How many events are compared."""
        return sum(map(len, self.events.values())) + len(self.letters)


def settled_live(broker: Broker, partitions: int, files: Path) -> Settled:
    """Return what is on a broker and in a folder of files."""
    return _settled(asyncio.run(read_live(broker, partitions)), files)


def settled_in(directory: Path) -> Settled:
    """Return what a replay wrote."""
    events: Events = defaultdict(list)
    for topic in OUTPUT_TOPICS:
        for line in (directory / "topics" / f"{topic}.jsonl").read_bytes().splitlines():
            event = orjson.loads(line)
            name = "source_key" if topic == DEAD_LETTERS else CATALOGUE[topic].key
            # A client's own entries of the journal are keyed by the client.
            key = event.get(name) or event.get("client") or ""
            events[topic, key].append(event)
    return _settled(events, directory / "s3")


async def read_live(broker: Broker, partitions: int) -> Events:
    """Return the committed events of the output topics."""
    events: Events = defaultdict(list)
    consumer = broker.consumer()
    try:
        await consumer.start()
        places = [TopicPartition(topic, p) for topic in OUTPUT_TOPICS for p in range(partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        for place in places:
            while await consumer.position(place) < ends[place]:
                fetched = await consumer.getmany(place, timeout_ms=1000)
                for record in fetched.get(place, []):
                    key = (record.key or b"").decode()
                    events[place.topic, key].append(orjson.loads(record.value))
    finally:
        await consumer.stop()
    return events


def differences(live: Settled, replayed: Settled) -> Iterator[str]:
    """Name what is not the same: the first event of each topic and key, letters, files."""
    for place in sorted(live.events.keys() | replayed.events.keys()):
        one, other = (settled.events.get(place, []) for settled in (live, replayed))
        if one != other:
            yield f"{' '.join(place)}: {_first(one, other)}"
    found, expected = Counter(live.letters), Counter(replayed.letters)
    for letter in sorted((found - expected) + (expected - found)):
        yield f"dead letter {letter}: {found[letter]} live, {expected[letter]} replayed"
    for name in sorted(live.files.keys() | replayed.files.keys()):
        if live.files.get(name) != replayed.files.get(name):
            yield f"file {name}: {_bytes(live, name)} live, {_bytes(replayed, name)} replayed"


def _settled(events: Events, files: Path) -> Settled:
    compared: Events = {}
    letters: list[tuple[str, ...]] = []
    for place, all_of_key in events.items():
        kept = [event for event in all_of_key if event["type"] != "WindowOpened"]
        if place[0] == DEAD_LETTERS:
            letters += map(compared_letter, kept)
        elif kept:
            compared[place] = kept
    found = {
        str(path.relative_to(files)): path.read_bytes()
        for path in files.rglob("*")
        if path.is_file()
    }
    return Settled(compared, sorted(letters), found)


def _first(found: list[Event], expected: list[Event]) -> str:
    for number in range(max(len(found), len(expected))):
        one, other = (events[number : number + 1] for events in (found, expected))
        if one != other:
            return f"event {number + 1}: {_text(one)} live, {_text(other)} replayed"
    raise AssertionError("no difference")


def _text(event: list[Event]) -> str:
    return orjson.dumps(event[0]).decode() if event else "none"


def _bytes(settled: Settled, name: str) -> str:
    content = settled.files.get(name)
    return "none" if content is None else f"{len(content):,} bytes"
