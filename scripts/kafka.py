"""`settle kafka start|stop|status`: a local single-node Apache Kafka without Docker."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from scripts.errors import Failure
from scripts.local_kafka import KafkaRefusedError, LocalKafka

kafka = typer.Typer(
    help="A local single-node Apache Kafka, without Docker"
    " (needs Java 17 or newer, and Maven the first time).\n\n"
    "Example: settle kafka start",
    no_args_is_help=True,
)
_Port = Annotated[int, typer.Option(min=1, max=65535, help="Where clients connect.")]
_Dir = Annotated[Path, typer.Option("--dir", help="Where its data and its log are.")]
_PORT = 9092
_DIRECTORY = Path("var/kafka")


@kafka.command("start")
def start(port: _Port = _PORT, directory: _Dir = _DIRECTORY) -> None:
    """Start the broker and wait until it answers; the first time its jars are fetched.

    It goes on running in the background, until settle kafka stop.

    Example: settle kafka start --port 9092
    """
    node = LocalKafka(directory, port)
    running = node.running_address
    if running not in {None, node.address}:
        raise Failure(f"Kafka runs already, at {running}, with its data in {directory}; stop it")
    try:
        node.start()
    except KafkaRefusedError as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"{error.filename or directory}: {error.strerror or error}") from None
    said = "runs already" if running else "is up"
    sys.stdout.write(f"Kafka {said} at {node.address}, process {node.pid}, data in {directory}\n")


@kafka.command("stop")
def stop(directory: _Dir = _DIRECTORY) -> None:
    """Stop the broker; its data stay. Fine if none runs.

    Example: settle kafka stop
    """
    node = LocalKafka(directory, 0)
    if node.pid is None:
        sys.stdout.write(f"no Kafka runs in {directory}\n")
        return
    node.stop()
    sys.stdout.write("Kafka has stopped\n")


@kafka.command("status")
def status(directory: _Dir = _DIRECTORY) -> None:
    """Say whether the broker runs: exit 0 if it does, else 1.

    Example: settle kafka status
    """
    node = LocalKafka(directory, 0)
    address = node.running_address
    if address is None:
        raise Failure(f"no Kafka runs in {directory}; start one with settle kafka start")
    sys.stdout.write(f"Kafka runs at {address}, process {node.pid}, data in {directory}\n")
