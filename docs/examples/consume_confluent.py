"""Print what became of orders, with confluent-kafka: python consume_confluent.py GROUP.

Started again with the same group it goes on where it was; the last few may come again, with the
same event_id.
"""

import os
import sys

from confluent_kafka import Consumer, KafkaException

(group,) = sys.argv[1:] or sys.exit(__doc__)
consumer = Consumer(
    {
        "bootstrap.servers": os.environ.get("SETTLE_BROKERS", "localhost:9092"),
        "group.id": group,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",  # leaves out what settle took back
    }
)
consumer.subscribe(["order-updates"])
while True:
    record = consumer.poll(1.0)
    if record is None:
        continue
    if record.error():
        raise KafkaException(record.error())
    print((record.key() or b"").decode(), (record.value() or b"").decode(), flush=True)
