"""What happens when, by a seed: the same seed, the same plan."""

import random
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "kill",
    "pause",
    "terminate",
    "add",
    "remove",
    "kill producer",
    "kill firm",
    "node",
    "leader",
    "coordinator",
]
# Of ten faults of a worker so many are kill -9, a stop of some seconds, SIGTERM.
_WORKER_FAULTS: tuple[Kind, ...] = ("kill",) * 5 + ("pause",) * 3 + ("terminate",) * 2
# One worker comes or goes, and a producer and the clearing firm are killed, for so many faults of
# workers.
_FAULTS_PER_CHANGE = 10
_FAULTS_PER_NODE = 25
_CHANGES: tuple[Kind, ...] = ("add", "remove", "kill producer", "kill firm")
KILLS: frozenset[Kind] = frozenset({"kill", "pause", "terminate"})
# The day begins, and ends, in peace: for so much of the time.
_CALM = 0.04


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that happens `at` a time, in seconds from the beginning."""

    at: float
    kind: Kind


def plan(seed: int, kills: int, seconds: float, nodes: int) -> list[Fault]:
    """Spread `kills` faults of workers, and all that goes with them, over `seconds`."""
    rng = random.Random(f"plan {seed}")

    def some_time() -> float:
        return rng.uniform(_CALM * seconds, (1 - _CALM) * seconds)

    faults = [Fault(some_time(), rng.choice(_WORKER_FAULTS)) for _ in range(kills)]
    changes = max(1, kills // _FAULTS_PER_CHANGE)
    for _ in range(changes):
        faults += [Fault(some_time(), kind) for kind in _CHANGES]
    node_kinds: tuple[Kind, ...] = ("node",) if nodes == 1 else ("leader", "coordinator")
    node_faults = max(len(node_kinds), kills // _FAULTS_PER_NODE)
    # Apart from each other, so that a cluster has a majority in step each time.
    part = (1 - 2 * _CALM) * seconds / node_faults
    faults += [
        Fault(
            _CALM * seconds + (number + rng.uniform(0.2, 0.5)) * part,
            node_kinds[number % len(node_kinds)],
        )
        for number in range(node_faults)
    ]
    return sorted(faults, key=lambda fault: fault.at)
