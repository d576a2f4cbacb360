"""A local Apache Kafka (KRaft) without Docker: the broker's jars from Maven, run by Java.

One node for a person and for tests; three for the tests of faults. What each setting is for stands
beside it; they were proven with transactions, groups, compaction and kills.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from scripts.maven import MavenRefusedError, fetched_jars

# Any 16 bytes, base64: the folder is one cluster's.
_CLUSTER_ID = "c2V0dGxlLWxvY2FsLWthZg"
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_JAVA_MINIMUM = 17

_FLAGS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # starts in half the time
    "-Xmx512m",  # with 256 MB it ran out of memory and stayed up as a zombie
    "-XX:+ExitOnOutOfMemoryError",
    "-Xshare:auto",
)


class KafkaRefusedError(Exception):
    """The broker can't be had; the message says what is missing and what to do."""


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def jars() -> list[Path]:
    """Return the broker's jars; the first time they are fetched by Maven (38 MB).

    Raises:
        KafkaRefusedError: Maven is missing or could not fetch them.
    """
    pom = files("scripts").joinpath("broker_files/pom.xml").read_bytes()
    try:
        return fetched_jars("kafka", pom, 38)
    except MavenRefusedError as error:
        raise KafkaRefusedError(
            f"{error}, which fetches the broker; install it"
            " (Debian: apt install maven), or run docker compose up kafka"
            if shutil.which("mvn") is None
            else str(error)
        ) from None


def java() -> str:
    """Return the Java command.

    Raises:
        KafkaRefusedError: there is none, or it is older than 17.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(f"{home}/bin/java") if home else None
    found = found or shutil.which("java")
    install = "install Java 17 or newer (Debian: apt install openjdk-17-jre-headless)"
    if found is None:
        raise KafkaRefusedError(f"Java is not installed; {install}")
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 - as below
    words = said.stderr.split('"')
    major = words[1].split(".")[0] if len(words) > 1 else ""
    if not major.isdigit() or int(major) < _JAVA_MINIMUM:
        raise KafkaRefusedError(f"{found} is Java {major or 'of an unknown version'}; {install}")
    return found


class LocalKafka:
    """One node. `directory` holds its data, settings, log and process id."""

    def __init__(  # noqa: PLR0913 - what a node may need, each by its name
        self,
        directory: Path,
        port: int,
        *,
        controller_port: int | None = None,
        node: int = 1,
        voters: str | None = None,
        replicas: int = 1,
        more: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        format_options: Sequence[str] = (),
    ) -> None:
        """Describe a node; `voters` names those of a cluster, `more` adds or replaces settings.

        `format_options` are those of the first start, with which a folder may get its users.
        """
        self.directory = directory.resolve()
        self.port = port
        self.controller_port = controller_port or free_port()
        self.node = node
        self.voters = voters
        self.replicas = replicas
        self.more = dict(more or {})
        self.environment = dict(environment or {})
        self.format_options = list(format_options)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id of the running broker, None if it does not run."""
        try:
            pid = int((self.directory / "pid").read_text())
            command = Path(f"/proc/{pid}/cmdline")
            # After a reboot the number may be another process's.
            if command.exists() and os.fsencode(self._settings_file) not in command.read_bytes():
                return None
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return pid

    @property
    def running_address(self) -> str | None:
        """Where clients connect to the running broker, which another process may have started."""
        if self.pid is None:
            return None
        lines = self._settings_file.read_text().splitlines()
        listeners = next(line for line in lines if line.startswith("advertised.listeners="))
        return listeners.partition("://")[2].partition(",")[0]

    @property
    def _settings_file(self) -> Path:
        return self.directory / "server.properties"

    def answers(self) -> bool:
        """Whether something listens on the port."""
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def start(self) -> None:
        """Start the broker, and wait until it answers; nothing happens if it runs.

        Raises:
            KafkaRefusedError: it can't be had, or did not answer in time.
        """
        if self.pid is not None:
            return
        if self.answers():
            raise KafkaRefusedError(
                f"port {self.port} is taken by another program; choose one with --port"
            )
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start the broker without waiting for it."""
        classes = os.pathsep.join(map(str, jars()))
        command = [java(), *_FLAGS, f"-Dkafka.logs.dir={self.directory}"]
        self.directory.mkdir(parents=True, exist_ok=True)
        settings = self._settings_file
        settings.write_text("".join(f"{k}={v}\n" for k, v in self._settings().items()))
        logging = self.directory / "log4j2.properties"
        logging.write_bytes(
            files("scripts").joinpath("broker_files/log4j2.properties").read_bytes()
        )
        command += [f"-Dlog4j2.configurationFile={logging}", "-cp", classes]
        environment = os.environ | self.environment
        if not (self.directory / "data" / "meta.properties").is_file():
            self._run(
                [
                    *command,
                    "kafka.tools.StorageTool",
                    "format",
                    f"--cluster-id={_CLUSTER_ID}",
                    "-c",
                    str(settings),
                    *self.format_options,
                ],
                environment,
            )
        with (self.directory / "output.log").open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own arguments
                [*command, "kafka.Kafka", str(settings)],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                cwd=self.directory,
                env=environment,
                start_new_session=True,  # it outlives the command
            )
        (self.directory / "pid").write_text(str(process.pid))
        self._process = process

    def wait(self) -> None:
        """Wait until the broker answers."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self.answers():
                return
            if self._process is not None and self._process.poll() is not None:
                break
            time.sleep(0.05)
        self.kill()
        raise KafkaRefusedError(
            f"the broker did not start; see {self.directory}/output.log and broker.log"
        )

    def stop(self) -> None:
        """Stop the broker cleanly; kill it if it takes too long."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            self._wait_for_end(_STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Kill the broker as a power cut does."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self._wait_for_end(_STOP_SECONDS)
        if self._process is not None:
            self._process.wait()
        (self.directory / "pid").unlink(missing_ok=True)

    def _wait_for_end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.pid is None:
                return
            time.sleep(0.05)

    def _run(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        done = subprocess.run(  # noqa: S603 - our own arguments
            command, capture_output=True, text=True, check=False, env=dict(environment)
        )
        if done.returncode:
            raise KafkaRefusedError(f"formatting: {(done.stderr or done.stdout).strip()[-300:]}")

    def _settings(self) -> dict[str, str]:
        controller = f"127.0.0.1:{self.controller_port}"
        replicas = str(self.replicas)
        return {
            "process.roles": "broker,controller",
            "node.id": str(self.node),
            "controller.quorum.voters": self.voters or f"{self.node}@{controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,"
            "SASL_SSL:SASL_SSL",
            "log.dirs": f"{self.directory}/data",
            "auto.create.topics.enable": "false",  # a typing error is not a topic
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": "1" if self.replicas == 1 else "2",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
            # After kill -9 a broker waits out its own session before it serves again. In a cluster
            # others take over so soon; alone and busy it would only take itself for dead, and
            # serve nothing until it has noticed.
            "broker.session.timeout.ms": "2000" if self.voters else "6000",
            "broker.heartbeat.interval.ms": "300",
            "controller.quorum.fetch.timeout.ms": "1000",
            "controller.quorum.election.timeout.ms": "500",
            "message.max.bytes": str(4 * 1024 * 1024),
            "replica.fetch.max.bytes": str(4 * 1024 * 1024),
            "log.cleaner.dedupe.buffer.size": "2097152",
            "log.initial.task.delay.ms": "500",
            "num.network.threads": "2",
            "num.io.threads": "4",
            "background.threads": "2",
        } | self.more


def cluster(directory: Path, nodes: int) -> list[LocalKafka]:
    """Return the nodes of a cluster that replicates everything to all of them, not started."""
    ports = [(free_port(), free_port()) for _ in range(nodes)]
    voters = ",".join(
        f"{number}@127.0.0.1:{controller}" for number, (_, controller) in enumerate(ports, 1)
    )
    return [
        LocalKafka(
            directory / f"node-{number}",
            port,
            controller_port=controller,
            node=number,
            voters=voters,
            replicas=nodes,
        )
        for number, (port, controller) in enumerate(ports, 1)
    ]
