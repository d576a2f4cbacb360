"""The job on plain aiokafka, one send per event and a transaction per batch.

aiokafka_job.py BROKER IN OUT GROUP STATE. Offsets go into the transaction, as Kafka's recipe says;
what that does in a rebalance is in docs/decisions/0008.
"""

import asyncio
import sys

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

_BATCH = 1000


async def main() -> None:
    """Run until killed."""
    broker, topic_in, topic_out, group, topic_state = sys.argv[1:]
    consumer = AIOKafkaConsumer(
        topic_in,
        bootstrap_servers=broker,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    producer = AIOKafkaProducer(bootstrap_servers=broker, transactional_id=group)
    await consumer.start()
    await producer.start()
    folds: dict[bytes, tuple[int, int]] = {}
    while True:
        fetched = await consumer.getmany(timeout_ms=200, max_records=_BATCH)
        if not fetched:
            continue
        async with producer.transaction():
            sent = []
            for place, records in fetched.items():
                for record in records:
                    event = orjson.loads(record.value)
                    count, total = folds.get(record.key, (0, 0))
                    count, total = count + 1, total + event["v"]
                    folds[record.key] = (count, total)
                    answer = {"id": event["id"], "v": event["v"], "n": count, "sum": total}
                    sent.append(
                        await producer.send(
                            topic_out, orjson.dumps(answer), record.key, place.partition
                        )
                    )
                    state = orjson.dumps([count, total])
                    sent.append(
                        await producer.send(topic_state, state, record.key, place.partition)
                    )
            await asyncio.gather(*sent)
            positions = {place: records[-1].offset + 1 for place, records in fetched.items()}
            await producer.send_offsets_to_transaction(positions, group)


asyncio.run(main())
