"""What `task-log` recorded of a task partition: its transactions, and the inputs of each."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import orjson

from pipeline.chain import CHAIN
from pipeline.quarantine import Place
from pipeline.task import Record
from replay.difference import DifferenceError


class Applied(NamedTuple):
    """One transaction. `place`: where it is recorded, in words.

    `spans`: the inputs in the order in which they were applied, as topic, first offset, how many.
    `skipped`: those among them that are quarantined.
    """

    place: str
    spans: list[tuple[str, int, int]]
    skipped: frozenset[Place]


def transactions(log: Iterable[Record], name: str) -> Iterator[Applied]:
    """Return the transactions of one task from the records of a partition of `task-log`.

    Raises:
        DifferenceError: a record is no transaction of a task of that partition.
    """
    for record in log:
        place = f"{record.topic}-{record.partition} offset {record.offset}"
        try:
            applied = orjson.loads(record.value or b"")
            spans = [
                (str(topic), int(first), int(count)) for topic, first, count in applied["spans"]
            ]
            skipped = frozenset(
                (str(topic), int(offset)) for topic, offset in applied.get("skipped", ())
            )
            of_task, of_partition = applied["task"], applied["partition"]
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
            raise DifferenceError(
                place,
                "a transaction",
                expected='{"task", "partition", "spans": [[topic, first offset, count]]}',
                found=(record.value or b"").decode(errors="replace"),
            ) from None
        if of_partition != record.partition or of_task not in {kind.name for kind in CHAIN}:
            raise DifferenceError(
                place,
                "whose transaction it is",
                expected=f"a task's, partition {record.partition}",
                found=f"{of_task}-{of_partition}",
            )
        if of_task == name:
            yield Applied(place, spans, skipped)
