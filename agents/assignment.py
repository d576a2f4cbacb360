"""Which member of a task's group gets which partitions."""

from collections.abc import Mapping
from typing import Any

from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from typing_extensions import override


class _First:
    """A cluster of which every topic has at most so many partitions."""

    def __init__(self, cluster: Any, partitions: int) -> None:  # noqa: ANN401 - aiokafka has no types
        self._cluster = cluster
        self._partitions = partitions

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return the partitions of a topic that count, None if there is no such topic."""
        found = self._cluster.partitions_for_topic(topic)
        return None if found is None else {number for number in found if number < self._partitions}


def co_partitioned(partitions: int) -> type[RangePartitionAssignor]:
    """Return an assignor that gives partition p of all topics of a group to the same member.

    `RangePartitionAssignor` does so while all topics have the same number of partitions. Someone
    who adds partitions to one topic would tear the others apart; those beyond `partitions` are left
    unread instead, which `/health` reports.
    """

    class CoPartitioned(RangePartitionAssignor):  # type: ignore[misc]  # aiokafka has no types
        @classmethod
        @override
        def assign(cls, cluster: Any, members: Mapping[str, Any]) -> Any:
            return super().assign(_First(cluster, partitions), members)

    return CoPartitioned
