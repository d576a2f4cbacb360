"""One node or a cluster: a node is killed as by a power cut, and started again."""

import asyncio
import random
from pathlib import Path

from agents.broker import Broker
from scripts.local_kafka import LocalKafka, cluster, free_port
from tests.chaos.transactions import transactions
from topics.catalogue import EXECUTIONS, ORDERS, SETTLEMENT_TASK, TRADING_TASK, state_topic


class Brokers:
    """All nodes."""

    def __init__(self, directory: Path, nodes: int) -> None:
        self.nodes = (
            [LocalKafka(directory / "node", free_port())]
            if nodes == 1
            else cluster(directory, nodes)
        )
        self.kills = 0

    @property
    def address(self) -> str:
        """Where clients begin."""
        return ",".join(node.address for node in self.nodes)

    def start(self) -> None:
        """Start all at once: each waits for the others' votes."""
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait()

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()

    def kill(self, node: LocalKafka) -> None:
        node.kill()
        self.kills += 1

    def leader(self, rng: random.Random) -> LocalKafka:
        """Return who leads a partition that orders go through."""
        topic = rng.choice([ORDERS, EXECUTIONS, state_topic(TRADING_TASK)])

        async def ask() -> int:
            admin = Broker(self.address).admin()
            try:
                await admin.start()
                (found,) = await admin.describe_topics([topic])
            finally:
                await admin.close()
            leader: int = rng.choice(found["partitions"])["leader"]
            return leader

        number = asyncio.run(ask())
        return next((node for node in self.nodes if node.node == number), self.nodes[0])

    def coordinator(self, rng: random.Random) -> LocalKafka:
        """Return who coordinates the transactions of a task partition."""
        name = f"{rng.choice([TRADING_TASK, SETTLEMENT_TASK])}-{rng.randrange(4)}"
        return next(
            (node for node in self.nodes if name in transactions(node.address)), self.nodes[0]
        )
