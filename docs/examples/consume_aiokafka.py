"""Print what became of orders, with aiokafka: python consume_aiokafka.py GROUP.

Started again with the same group it goes on where it was; the last few may come again, with the
same event_id.
"""

import asyncio
import os
import sys

from aiokafka import AIOKafkaConsumer

(group,) = sys.argv[1:] or sys.exit(__doc__)


async def read() -> None:
    """Print each event that is committed; read_committed leaves out what settle took back."""
    consumer = AIOKafkaConsumer(
        "order-updates",
        bootstrap_servers=os.environ.get("SETTLE_BROKERS", "localhost:9092"),
        group_id=group,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    async with consumer:
        async for record in consumer:
            print(record.key.decode(), record.value.decode(), flush=True)


asyncio.run(read())
