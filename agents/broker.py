"""How every client of ours talks to Kafka: settings that were proven, and credentials.

Producers write to all replicas or fail; consumers read what is committed. Each number is a deadline
that was measured against kills of workers, leaders and coordinators (docs/decisions/0008).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.consumer import fetcher
from aiokafka.errors import BrokerNotAvailableError, KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from agents.record_batches import FetchedBatches

# Every consumer of this process, Faust's included, parses record batches with ours. aiokafka has no
# setting for it (docs/decisions/0020).
fetcher.MemoryRecords = FetchedBatches

# A leader that was killed has a successor after 2 to 4 s: a request is tried again after 5.
_REQUEST_MS = 5_000
# A consumer's fetch may wait for data, so its requests take longer.
_FETCH_REQUEST_MS = 12_000
# A worker that is silent for so long loses its partitions.
_SESSION_MS = 6_000
_HEARTBEAT_MS = 1_500
# What a dead worker left open hides later commits until its partition is fenced, or for so long.
_TRANSACTION_MS = 20_000
_METADATA_MS = 10_000
# Records that one call of `getmany` takes: a batch of the smallest records has millions.
RECORDS_PER_FETCH_MAX = 20_000
# Topics take 4 MiB; a batch has a header of 61 bytes.
BATCH_BYTES_MAX = 4 * 1024 * 1024 - 1024


@dataclass(frozen=True, slots=True)
class Broker:
    """Where Kafka is; `security` as aiokafka takes it, never shown."""

    bootstrap: str
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def producer(self, transactional_id: str | None = None, **more: Any) -> AIOKafkaProducer:  # noqa: ANN401 - aiokafka's own settings
        """Return a producer, idempotent, or transactional under an id; not started."""
        settings = {
            "bootstrap_servers": self.bootstrap,
            "transactional_id": transactional_id,
            "transaction_timeout_ms": _TRANSACTION_MS,
            "enable_idempotence": True,
            "acks": "all",
            "linger_ms": 0,
            "max_batch_size": BATCH_BYTES_MAX,
            "max_request_size": BATCH_BYTES_MAX,
            "request_timeout_ms": _REQUEST_MS,
            "retry_backoff_ms": 50,
            "metadata_max_age_ms": _METADATA_MS,
        }
        return AIOKafkaProducer(**settings | dict(self.security) | more)

    def consumer(self, group: str | None = None, **more: Any) -> AIOKafkaConsumer:  # noqa: ANN401 - aiokafka's own settings
        """Return a consumer of committed records; not started."""
        settings = {
            "bootstrap_servers": self.bootstrap,
            "group_id": group,
            "isolation_level": "read_committed",
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "request_timeout_ms": _FETCH_REQUEST_MS,
            "session_timeout_ms": _SESSION_MS,
            "heartbeat_interval_ms": _HEARTBEAT_MS,
            "metadata_max_age_ms": _METADATA_MS,
        }
        return AIOKafkaConsumer(**settings | dict(self.security) | more)

    def admin(self) -> AIOKafkaAdminClient:
        """Return an admin client; not started."""
        return AIOKafkaAdminClient(
            bootstrap_servers=self.bootstrap,
            request_timeout_ms=_FETCH_REQUEST_MS,
            **dict(self.security),
        )

    async def partitions(self) -> dict[str, int]:
        """Return the topics that are there, and how many partitions each has.

        The clients themselves try every address and say only that none will do.

        Raises:
            OSError | KafkaError: no address lets us in, or none that does knows a broker;
                that of the last one.
        """
        last: Exception | None = None
        for host, port, _ in collect_hosts(self.bootstrap, randomize=False):
            try:
                connection = await create_conn(
                    host, port, request_timeout_ms=_REQUEST_MS, **dict(self.security)
                )
                try:
                    # One who speaks otherwise, or asks for credentials, hangs up now.
                    answer = await connection.send(MetadataRequest())
                finally:
                    connection.close()
            except (OSError, KafkaError) as error:  # also what takes too long
                last = error
                continue
            if not answer.brokers:
                # It is up and has not joined (again) yet: what topics there are, it can't say.
                last = BrokerNotAvailableError()
                continue
            cluster = ClusterMetadata()
            cluster.update_metadata(answer)
            return {name: len(cluster.partitions_for_topic(name)) for name in cluster.topics()}
        raise last or KafkaConnectionError("no address")


async def started(client: Any) -> Any:  # noqa: ANN401 - aiokafka has no types
    """Return a producer or consumer that has started; one that does not is closed again."""
    try:
        await client.start()
    except BaseException:  # a cancelled start leaves connections open, too
        await client.stop()
        raise
    return client
