"""`settle kafka start|stop|status` (contract section 12), as a person runs it in a new folder."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.errors import Failure
from scripts.live import reach
from scripts.local_kafka import LocalKafka, free_port, jars
from scripts.settings import read_settings
from tests.integration.conftest import SETTLE
from topics.catalogue import CATALOGUE

pytestmark = pytest.mark.integration

GONE_SECONDS = 30.0
# A node that is alone and silent for so long takes itself for dead.
SESSION_SECONDS = 6.0
PATIENCE_SECONDS = 120.0

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def settle(tmp_path: Path) -> Iterator[Run]:
    """Return what runs a command in a new folder; a broker that it leaves there is killed."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SETTLE, *arguments],
            cwd=tmp_path,
            env=os.environ | {"JAVA_HOME": ""} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    yield run
    LocalKafka(tmp_path / "var/kafka", 0).kill()


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line with which a command has ended."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def pid_of(tmp_path: Path) -> int:
    return int((tmp_path / "var/kafka/pid").read_text())


def test_what_was_sent_is_there_after_a_stop_and_a_start(settle: Run, tmp_path: Path) -> None:
    port = str(free_port())
    brokers = {"SETTLE_BROKERS": f"127.0.0.1:{port}"}

    up = settle("kafka", "start", "--port", port)
    assert up.returncode == 0, up.stderr
    assert f"Kafka is up at 127.0.0.1:{port}, process {pid_of(tmp_path)}, " in up.stdout
    status = settle("kafka", "status")
    assert status.returncode == 0
    assert f"Kafka runs at 127.0.0.1:{port}, process {pid_of(tmp_path)}, " in status.stdout

    assert settle("topics", "create", **brokers).returncode == 0
    value = '{"type":"ClientUpdated","event_id":"1","event_time":"2026-03-02T00:00:00Z",'
    value += '"client":"ACME","commission_model":"MARKUP"}'
    (tmp_path / "in.jsonl").write_text(f'{{"topic":"clients","value":{value}}}\n')
    assert settle("produce", "in.jsonl", "--flat-out", **brokers).returncode == 0

    down = settle("kafka", "stop")
    assert (down.returncode, down.stdout) == (0, "Kafka has stopped\n")
    assert "no Kafka runs in var/kafka" in refusal(settle("kafka", "status"))
    assert "no Kafka at " in refusal(settle("topics", "check", **brokers))

    assert settle("kafka", "start", "--port", port).returncode == 0
    assert settle("topics", "check", **brokers).returncode == 0
    assert "ClientUpdated" in settle("consume", "clients", **brokers).stdout


def test_started_twice_it_is_the_same_broker(settle: Run, tmp_path: Path) -> None:
    port, other = str(free_port()), str(free_port())
    assert settle("kafka", "start", "--port", port).returncode == 0
    first = pid_of(tmp_path)

    again = settle("kafka", "start", "--port", port)
    assert again.returncode == 0
    assert f"Kafka runs already at 127.0.0.1:{port}, process {first}, " in again.stdout
    # It is not said to be where it is not.
    elsewhere = refusal(settle("kafka", "start", "--port", other))
    assert f"Kafka runs already, at 127.0.0.1:{port}" in elsewhere
    assert pid_of(tmp_path) == first

    # Killed, it runs no more, and starts again.
    os.kill(first, signal.SIGKILL)
    give_up = time.monotonic() + GONE_SECONDS
    # On a busy machine a killed process takes a moment to go.
    while (status := settle("kafka", "status")).returncode == 0:
        assert time.monotonic() < give_up, status.stdout
    assert "no Kafka runs" in refusal(status)
    assert settle("kafka", "start", "--port", port).returncode == 0
    assert pid_of(tmp_path) != first


def test_a_broker_that_was_silent_does_not_say_that_its_topics_are_gone(
    settle: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own controller takes it for dead; until it is back it knows of no broker, nor topic."""
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("SETTLE_BROKERS", address)
    assert settle("kafka", "start", "--port", address.partition(":")[2]).returncode == 0
    assert settle("topics", "create").returncode == 0
    settings = read_settings()
    refused: set[str] = set()
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not refused:  # the state may pass between two questions
        assert time.monotonic() < give_up
        os.kill(pid_of(tmp_path), signal.SIGSTOP)
        time.sleep(SESSION_SECONDS + 1)
        os.kill(pid_of(tmp_path), signal.SIGCONT)
        until = time.monotonic() + 3
        while time.monotonic() < until:
            try:
                assert set(CATALOGUE) <= set(reach(settings))
            except Failure as failure:
                refused.add(str(failure))
    why = "it is starting, or was silent and has not come back yet; try again in a moment"
    assert refused == {f"no Kafka at {address}: {why}"}


def test_a_stop_without_a_start_is_fine(settle: Run) -> None:
    done = settle("kafka", "stop")
    assert (done.returncode, done.stdout) == (0, "no Kafka runs in var/kafka\n")


def test_anothers_process_is_not_taken_for_the_broker(settle: Run, tmp_path: Path) -> None:
    """The number in the file may be, after a reboot, that of any program."""
    (tmp_path / "var/kafka").mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as innocent:  # noqa: S607 - of any system
        try:
            (tmp_path / "var/kafka/pid").write_text(str(innocent.pid))
            assert "no Kafka runs" in refusal(settle("kafka", "status"))
            assert settle("kafka", "stop").returncode == 0
            assert innocent.poll() is None
        finally:
            innocent.kill()


def test_a_port_that_is_taken(settle: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refusal(settle("kafka", "start", "--port", str(port)))
    assert f"port {port} is taken by another program" in said
    assert not (tmp_path / "var").exists()


def test_no_java(settle: Run, tmp_path: Path) -> None:
    jars()  # they are there
    said = refusal(settle("kafka", "start", "--port", str(free_port()), PATH=str(tmp_path)))
    assert "Java is not installed; install Java 17" in said


def test_no_maven(settle: Run, tmp_path: Path) -> None:
    nothing = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    said = refusal(settle("kafka", "start", "--port", str(free_port()), **nothing))
    assert "Maven (mvn) is not installed" in said
    assert "apt install maven" in said
    assert not (tmp_path / "cache").exists()


def test_an_old_java(settle: Run, tmp_path: Path) -> None:
    jars()
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    said = refusal(settle("kafka", "start", "--port", str(free_port()), PATH=str(tmp_path)))
    assert "java is Java 11; install Java 17 or newer" in said


def test_a_folder_that_is_a_file(settle: Run, tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    said = refusal(settle("kafka", "start", "--port", str(free_port()), "--dir", "data"))
    assert said.endswith("/data: File exists")


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_no_port(settle: Run, port: str) -> None:
    assert settle("kafka", "start", "--port", port).returncode == 2
