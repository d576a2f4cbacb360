"""Send an order with aiokafka: python produce_aiokafka.py ACCOUNT CLIENT_ORDER_ID.

Sent twice under one id it is one order: after an error send it again as it was.
"""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

account_id, client_order_id = sys.argv[1:] or sys.exit(__doc__)
order = {
    "type": "OrderSubmitted",
    "event_id": f"{account_id}-{client_order_id}",
    "event_time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
    "account_id": account_id,
    "client_order_id": client_order_id,
    "symbol": "BTCUSD",
    "side": "BUY",
    "order_type": "MARKET",
    "time_in_force": "IOC",
    "notional": "100.00",  # decimals are strings
}


async def send() -> None:
    """Return when the broker has it for good. aiokafka picks the partition by murmur2 itself."""
    brokers = os.environ.get("SETTLE_BROKERS", "localhost:9092")
    async with AIOKafkaProducer(bootstrap_servers=brokers, enable_idempotence=True) as producer:
        await producer.send_and_wait("orders", json.dumps(order).encode(), account_id.encode())


asyncio.run(send())
