"""Records that a person has quarantined: which task skips them, and which one dead-letters them.

Contract section 12, `settle quarantine`. A quarantine is a record of the internal topic
`quarantines`, in the partition of the record that it names; of two for the same record, the first
counts. A task partition learns of quarantines when it restores its state. It skips each quarantined
record that it has not applied yet. The check is the first of the form checks (section 1), made
before the value is read.

Which task writes the dead letter is decided by what earlier tasks of the chain that read the same
topic have done. A task that skips a record stores a mark in its state, in the same transaction, so
a later task can tell a record that was skipped from one that was applied.
"""

from collections.abc import Iterable, Iterator, Mapping

import orjson

from pipeline.chain import CHAIN
from pipeline.task import Change, Head, Record, Task
from schemas.quarantine import WHY_LENGTH_MAX, RecordQuarantined
from settlement.cause import Out
from topics.catalogue import CATALOGUE, MARKET_FEED
from topics.decode import Refused

# A record's place in the partition: its topic and its offset.
Place = tuple[str, int]

# Keys of a task's state topic that begin so mark a skipped record; the topic and offset follow.
SKIPPED = b"!"


def may_be_quarantined(topic: str) -> bool:
    """Whether records of a topic can be quarantined.

    A record between our tasks cannot: its counts and totals would no longer agree downstream.
    """
    known = CATALOGUE.get(topic)
    return known is not None and (known.direction == "in" or topic == MARKET_FEED)


def record_quarantined(topic: str, partition: int, offset: int, why: str) -> RecordQuarantined:
    """Return the quarantine of one record."""
    return {
        "type": "RecordQuarantined",
        "event_id": f"{topic}-{partition}-{offset}",
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "why": why,
    }


def quarantined(values: Iterable[bytes | None], partition: int) -> dict[Place, str]:
    """Return the reason of each quarantined record of a partition, from the values of its topic.

    A value that is no quarantine of that partition has no effect.
    """
    reasons: dict[Place, str] = {}
    for value in values:
        try:
            match orjson.loads(value or b""):
                case {"topic": str(topic), "partition": number, "offset": int(offset), "why": why}:
                    if number == partition and isinstance(why, str) and len(why) <= WHY_LENGTH_MAX:
                        reasons.setdefault((topic, offset), why)
        except orjson.JSONDecodeError:
            continue
    return reasons


def earlier_readers(name: str, topic: str) -> list[str]:
    """Return the names of the tasks that read a topic and come before a task in the chain."""
    chain = [kind.name for kind in CHAIN]
    before = CHAIN[: chain.index(name)] if name in chain else ()
    return [kind.name for kind in before if topic in kind.inputs]


def is_dead_lettered(place: Place, earlier: Iterable[tuple[int, bool]]) -> bool | None:
    """Whether an earlier task dead-letters a quarantined record.

    `earlier`: of each earlier reader, in the order of the chain, its position in the topic and
    whether it has skipped the record. None: unknown, because one of them has not passed the record.
    """
    for position, has_skipped in earlier:
        if position <= place[1]:
            return None
        if has_skipped:
            return True
    return False


def read(task: Task, record: Record, reasons: Mapping[Place, str]) -> Head:
    """Read a record, unless it is quarantined: then its value is not looked at."""
    why = reasons.get((record.topic, record.offset)) if reasons else None
    return task.read(record) if why is None else Head(record, Refused("QUARANTINED", why), 0)


def is_quarantined(head: Head) -> bool:
    """Whether a head is skipped."""
    return isinstance(head.event, Refused) and head.event.reason == "QUARANTINED"


def skip(task: Task, head: Head, out: Out, *, dead_lettered: bool) -> Iterator[None]:
    """Skip a quarantined head, in one step; it moves no time and changes no state of the task.

    `dead_lettered`: an earlier task emits the dead letter.
    """
    yield from ()
    if not dead_lettered:
        task.refuse(head, head.event, out)


def skip_mark(place: Place) -> Change:
    """Return the state record that tells later tasks that a record was skipped."""
    topic, offset = place
    return SKIPPED + f"{topic}|{offset}".encode(), b"1"
