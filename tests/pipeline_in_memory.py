"""The tasks of the live engine without a broker: records in lists, one input settled at a time.

What it proves is about the tasks (their decisions, and that their state can be taken down and put
up again at any point). What Kafka does is proved on a broker, in tests/integration.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from settlement.cause import Out
from settlement.tasks.client_books import ClientBooksTask
from settlement.tasks.delivery import DeliveryTask
from settlement.tasks.market import MarketTask
from settlement.tasks.settlement import SettlementTask
from settlement.tasks.task import Record, Task, address
from settlement.tasks.trading import TradingTask
from topics.catalogue import CATALOGUE, CLOCK
from topics.partition import partition_of

TASKS: tuple[type[Task], ...] = (
    MarketTask,
    TradingTask,
    SettlementTask,
    ClientBooksTask,
    DeliveryTask,
)


class _Owned:
    """A task partition: the task, what a state topic would hold of it, and its positions."""

    def __init__(self, kind: type[Task], partition: int, partitions: int) -> None:
        self.kind, self.partition, self.partitions = kind, partition, partitions
        self.stored: dict[bytes, bytes] = {}
        self.positions = dict.fromkeys(kind.inputs, 0)
        self.rebuild()

    def rebuild(self) -> None:
        self.task = self.kind(self.partition, self.partitions)
        for key, value in self.stored.items():
            self.task.restore(key, value)
        self.task.restored()

    def store(self) -> None:
        for key, value in self.task.changes():
            if value is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = value


class PipelineInMemory:
    """Every task in `partitions` partitions. `killed()` is asked at each step: rebuild it now?"""

    def __init__(self, partitions: int, killed: Callable[[], bool] = lambda: False) -> None:
        self.partitions = partitions
        self.killed = killed
        self.log: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self.owned = [_Owned(kind, p, partitions) for kind in TASKS for p in range(partitions)]
        self.files: dict[str, bytes] = {}

    def produce(self, topic: str, value: dict[str, Any]) -> None:
        """Append an input to its partition and let all that it causes happen."""
        name = CATALOGUE[topic].key
        key = str(value[name]) if name is not None and name in value else ""
        self.append(topic, partition_of(key, self.partitions), key.encode(), orjson.dumps(value))
        self.settle()

    def tick_clock(self, at: str) -> None:
        """Send a `ClockTicked` to every partition."""
        value = {"type": "ClockTicked", "event_id": f"clock-{at}", "event_time": at, "at": at}
        for partition in range(self.partitions):
            self.append(CLOCK, partition, None, orjson.dumps(value))
        self.settle()

    def append(self, topic: str, partition: int, key: bytes | None, value: bytes) -> None:
        log = self.log[topic, partition]
        # Far in the future: what is produced here is history.
        log.append(Record(topic, partition, len(log), 4_000_000_000_000, key, value))

    def settle(self) -> None:
        """Let every task go on until nothing is left to do."""
        while any([self._step(owned) for owned in self.owned]):
            pass

    def _step(self, owned: _Owned) -> bool:
        for topic in owned.kind.inputs:
            log, at = self.log[topic, owned.partition], owned.positions[topic]
            if at == len(log):
                continue
            head = owned.task.read(log[at])
            if owned.task.waits(head):
                continue
            out: Out = []
            for _ in owned.task.apply(head, out):
                self._commit(owned, out)
                if self.killed():
                    owned.rebuild()
                    return True
            owned.positions[topic] += 1
            self._commit(owned, out)
            if self.killed():
                owned.rebuild()
            return True
        return False

    def _commit(self, owned: _Owned, out: Out) -> None:
        for topic, key, event in out:
            to = address(topic, key, event, owned.task)
            for partition in to.partitions:
                self.append(topic, partition, to.key, orjson.dumps(event))
        out.clear()
        if isinstance(owned.task, DeliveryTask):
            for file in owned.task.files:
                name = f"{file.client}/{file.key}"
                assert self.files.setdefault(name, file.content) == file.content
            owned.task.files.clear()
        owned.store()

    def events(self, topics: Iterable[str]) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """Return the events of topics by topic and key, in order."""
        events: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for (topic, _), records in sorted(self.log.items()):
            if topic in topics:
                for record in records:
                    key = (record.key or b"").decode()
                    events[topic, key].append(orjson.loads(record.value or b""))
        return events
