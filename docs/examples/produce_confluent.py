"""Send a deposit with confluent-kafka: python produce_confluent.py ACCOUNT FUNDING_ID AMOUNT.

Sent twice under one id it is one deposit: after an error send it again as it was.
"""

import json
import os
import sys
from datetime import UTC, datetime

from confluent_kafka import KafkaError, KafkaException, Message, Producer

account_id, funding_id, amount = sys.argv[1:] or sys.exit(__doc__)
deposit = {
    "type": "DepositSettled",
    "event_id": f"{funding_id}-settled",
    "event_time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
    "account_id": account_id,
    "funding_id": funding_id,
    "instrument_type": "WIRE",
    "amount": amount,  # decimals are strings: 650.00
}


def on_delivery(error: KafkaError | None, message: Message) -> None:  # noqa: ARG001 - its shape is librdkafka's
    """Raise out of flush what the broker refused."""
    if error:
        raise KafkaException(error)


producer = Producer(
    {
        "bootstrap.servers": os.environ.get("SETTLE_BROKERS", "localhost:9092"),
        "enable.idempotence": True,
        # By default librdkafka takes a CRC32 of the key, Java clients, aiokafka and settle murmur2:
        # in the partition of the one, the deposit is refused by the other as WRONG_PARTITION.
        "partitioner": "murmur2_random",
    }
)
producer.produce("fundings", json.dumps(deposit), account_id, on_delivery=on_delivery)
producer.flush()
