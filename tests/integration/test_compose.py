"""What docker-compose.yml says, run without Docker: its Kafka, its worker, its health check.

Only what a container gives is replaced: host names, ports and folders.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from typing_extensions import override

from scripts.local_kafka import LocalKafka, free_port
from tests.integration.conftest import SETTLE

pytestmark = pytest.mark.integration

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "docker-compose.yml").read_text(encoding="utf-8")
)["services"]
READY_SECONDS = 60.0


class Node(LocalKafka):
    """A broker that has the compose file's settings and no other."""

    @override
    def _settings(self) -> dict[str, str]:
        return self.more


@dataclass(frozen=True, slots=True)
class Composed:
    """A broker with the settings of the compose file, and where a worker finds it."""

    node: LocalKafka
    network_port: int
    directory: Path

    def environment(self, web_port: int) -> dict[str, str]:
        """Return what the worker's container has, with addresses and folders of the test."""
        partitions = re.compile(r"\$\{SETTLE_PARTITIONS:-(\d+)\}")
        settings = {
            name: partitions.sub(r"\1", value)
            for name, value in SERVICES["worker"]["environment"].items()
        }
        return (
            os.environ
            | settings
            | {
                "SETTLE_BROKERS": f"127.0.0.1:{self.network_port}",
                "SETTLE_S3_URL": f"file:{self.directory / 's3'}",
                "SETTLE_WEB_PORT": str(web_port),
            }
        )


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    directory = tmp_path_factory.mktemp("compose")
    ports = {name: free_port() for name in ("9092", "19092", "9093")}

    def here(value: str) -> str:
        for name, port in ports.items():
            value = re.sub(
                rf"(?:0\.0\.0\.0|127\.0\.0\.1|kafka):{name}\b", f"127.0.0.1:{port}", value
            )
        return value

    # As the image does it: KAFKA_LOG_DIRS is log.dirs.
    settings = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): here(value)
        for name, value in SERVICES["kafka"]["environment"].items()
        if name != "KAFKA_HEAP_OPTS"
    }
    settings["log.dirs"] = str(directory / "node" / "data")
    node = Node(directory / "node", ports["9092"], more=settings)
    node.start()
    try:
        yield Composed(node, ports["19092"], directory)
    finally:
        node.kill()


def test_the_topics_are_made_and_a_worker_becomes_healthy(composed: Composed) -> None:
    port = free_port()
    environment = composed.environment(port)
    made = subprocess.run(
        [SETTLE, *SERVICES["topics"]["command"]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    check = [
        part.replace(":6066/", f":{port}/") for part in SERVICES["worker"]["healthcheck"]["test"]
    ]
    assert check[:2] == ["CMD", "python"]

    def healthy() -> bool:
        return not subprocess.run(
            [sys.executable, *check[2:]], check=False, capture_output=True
        ).returncode

    assert not healthy()  # nobody is there
    with (composed.directory / "worker.log").open("wb") as output:
        worker = subprocess.Popen(
            [SETTLE, *SERVICES["worker"]["command"]], env=environment, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not healthy():
            said = (composed.directory / "worker.log").read_text()
            assert worker.poll() is None, said
            assert time.monotonic() < deadline, said
        worker.send_signal(signal.SIGTERM)
        grace = float(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
        assert worker.wait(grace) == 0, (composed.directory / "worker.log").read_text()
    finally:
        worker.kill()
        worker.wait()


def test_the_host_has_a_listener_of_its_own(composed: Composed) -> None:
    checked = subprocess.run(
        [SETTLE, "topics", "check"],
        env=os.environ | {"SETTLE_BROKERS": composed.node.address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
