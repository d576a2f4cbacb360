"""A real Kafka for every module of tests: a container where a Docker engine answers, else our own.

Never skipped: without either, the tests fail and say what is missing. A module has a broker of its
own, because the names of the topics are fixed.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agents import topics
from agents.broker import Broker
from scripts.local_kafka import LocalKafka, free_port

PARTITIONS = 4
SETTLE = Path(sys.executable).with_name("settle")
_IMAGE = "confluentinc/cp-kafka:7.6.0"


@dataclass(slots=True)
class Kafka:
    """A broker under test; `node` is None in a container."""

    address: str
    directory: Path
    partitions: int
    node: LocalKafka | None = None
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def broker(self) -> Broker:
        return Broker(self.address)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment in which `settle` talks to this broker."""
        settings = {
            "SETTLE_BROKERS": self.address,
            "SETTLE_PARTITIONS": str(self.partitions),
            "SETTLE_QUIET_COMMIT_MS": "10",
            "SETTLE_S3_URL": f"file:{self.directory / 's3'}",
            "SETTLE_TRACEBACK": "1",
        }
        return os.environ | settings | more

    def settle(
        self, *arguments: str, check: bool = True, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        done = subprocess.run(
            [str(SETTLE), *arguments],
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done

    def worker(self, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a worker; it is killed when the module ends."""
        # Of those that ended too, so that each has a log of its own.
        number = len(list(self.directory.glob("worker-*.log")))
        with (self.directory / f"worker-{number}.log").open("wb") as output:
            process = subprocess.Popen(
                [str(SETTLE), "worker", "--web-port", "0", *arguments],
                env=self.environment(**more),
                stdout=output,
                stderr=output,
            )
        self.processes.append(process)
        return process

    def said(self) -> str:
        """Return what the workers wrote."""
        return "\n".join(path.read_text() for path in sorted(self.directory.glob("worker-*.log")))


def has_docker() -> bool:
    """Whether a Docker engine answers."""
    if not (os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists()):
        return False
    import docker  # noqa: PLC0415 - comes with testcontainers

    try:
        client = docker.from_env(timeout=5)
    except docker.errors.DockerException:
        return False
    with contextlib.closing(client):
        return bool(client.ping())


@pytest.fixture(scope="module")
def kafka(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kafka]:
    """A broker with the catalogue's topics, in as many partitions as the module's `PARTITIONS`."""
    directory = tmp_path_factory.mktemp("kafka")
    partitions = getattr(request.module, "PARTITIONS", PARTITIONS)
    if has_docker():
        from testcontainers.community.kafka import KafkaContainer  # noqa: PLC0415

        container = (
            KafkaContainer(_IMAGE)
            .with_kraft()
            # Without these a transaction hangs on one node.
            .with_env("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1")
            .with_env("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1")
        )
        with container:
            address = container.get_bootstrap_server()
            yield from _with_topics(Kafka(address, directory, partitions))
        return
    node = LocalKafka(directory / "node", free_port())
    node.start()
    try:
        yield from _with_topics(Kafka(node.address, directory, partitions, node))
    finally:
        node.kill()


def _with_topics(kafka: Kafka) -> Iterator[Kafka]:
    asyncio.run(topics.create(kafka.broker, kafka.partitions, 1))
    try:
        yield kafka
    finally:
        for process in kafka.processes:
            process.kill()
            process.wait()
