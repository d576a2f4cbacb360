"""The pages of workers on one machine, on a real broker."""

import os
import re
import socket
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.integration.conftest import SETTLE, Kafka

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PATIENCE_SECONDS = 120.0
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/health and /status\n")


def start(kafka: Kafka, temporary: Path, *arguments: str) -> int:
    """Start a worker as README does, without a port; return the port that it prints."""
    environment = {**kafka.environment(), "TMPDIR": str(temporary)}
    log = kafka.directory / f"pages-{len(kafka.processes)}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(SETTLE), "worker", "--no-clock", *arguments],
            env=environment,
            stdout=output,
            stderr=output,
        )
    kafka.processes.append(process)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := ADDRESS.search(log.read_text())) is None:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    return int(found[1])


def test_a_second_worker_starts_beside_the_first_and_each_serves_its_pages(
    kafka: Kafka, tmp_path: Path
) -> None:
    assert "SETTLE_WEB_PORT" not in os.environ
    # Somebody may have planted this folder, or not let us into it: nothing is made there.
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (temporary / "settle-faust").write_text("in the way")
    ports = [start(kafka, temporary) for _ in range(2)]
    assert len(set(ports)) == 2
    for port in ports:
        with urlopen(f"http://127.0.0.1:{port}/status", timeout=PATIENCE_SECONDS) as page:
            assert page.headers["Content-Type"] == "application/json; charset=utf-8"
            assert page.read().startswith(b'{"tasks":{"market":')
    assert [path.name for path in temporary.iterdir()] == ["settle-faust"]


def test_a_request_that_stays_unfinished_is_closed_by_a_worker(
    kafka: Kafka, tmp_path: Path
) -> None:
    port = start(kafka, tmp_path, "--task", "market")
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow")
        assert client.recv(1) == b""


def test_a_header_that_is_too_large_leaves_no_traceback(kafka: Kafka, tmp_path: Path) -> None:
    port = start(kafka, tmp_path, "--task", "market")
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n")
        assert client.recv(12)[8:] == b" 400"
    for log in kafka.directory.glob("pages-*.log"):
        assert len(log.read_text().splitlines()) == 1, log.read_text()
