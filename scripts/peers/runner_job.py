"""The job on the exactly-once runner of agents/: runner_job.py BROKER IN OUT TASK."""

import asyncio
import sys
from collections.abc import Iterator
from typing import ClassVar

import orjson
from typing_extensions import override

from agents.broker import Broker
from agents.runner import TaskRunner
from pipeline.task import Change, Head, Record, Task
from schemas.instant import Micros
from settlement.cause import Out

_PARTITIONS = 4


class Fold(Task):
    """Count and sum per key."""

    name: ClassVar[str] = sys.argv[4]
    inputs: ClassVar[tuple[str, ...]] = (sys.argv[2],)
    output: ClassVar[str] = sys.argv[3]

    def __init__(self, partition: int, partitions: int) -> None:
        """Start with nothing folded."""
        super().__init__(partition, partitions)
        self.folds: dict[bytes, tuple[int, int]] = {}
        self.touched: set[bytes] = set()

    @property
    @override
    def now(self) -> Micros | None:
        return None

    @override
    def read(self, record: Record) -> Head:
        return Head(record, orjson.loads(record.value or b""), 0)

    @override
    def waits(self, head: Head) -> bool:
        return False

    @override
    def apply(self, head: Head, out: Out) -> Iterator[None]:
        yield from ()
        event, key = head.event, head.record.key or b""
        count, total = self.folds.get(key, (0, 0))
        count, total = count + 1, total + event["v"]
        self.folds[key] = (count, total)
        self.touched.add(key)
        answer = {"id": event["id"], "v": event["v"], "n": count, "sum": total}
        out.append((self.output, key.decode(), answer))

    @override
    def changes(self) -> Iterator[Change]:
        for key in self.touched:
            yield key, orjson.dumps(self.folds[key])
        self.touched.clear()

    @override
    def restore(self, key: bytes, value: bytes) -> None:
        count, total = orjson.loads(value)
        self.folds[key] = (count, total)


async def main() -> None:
    """Run until killed."""
    runner = TaskRunner(Broker(sys.argv[1]), Fold, _PARTITIONS, quiet_commit_ms=1000)
    await runner.start()
    await runner.supervise()


if __name__ == "__main__":
    asyncio.run(main())
