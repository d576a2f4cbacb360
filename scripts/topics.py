"""`settle topics create|list|check`: the catalogue's topics on a broker."""

import sys
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from scripts.errors import Failure
from scripts.settings import Settings, broker, read_settings
from topics.catalogue import CATALOGUE

if TYPE_CHECKING:
    from agents.topics import TopicState

topics = typer.Typer(
    help="The topics of settle on a Kafka broker.\n\nExample: settle topics create",
    no_args_is_help=True,
)


@topics.command("create")
def create() -> None:
    """Create the topics that are missing: partitions, copies, retention, append time.

    Example: SETTLE_PARTITIONS=8 settle topics create
    """
    from agents import topics as live
    from scripts.live import run

    settings = read_settings()
    try:
        made = run(
            settings, live.create(broker(settings), settings.partitions, settings.replication)
        )
    except live.TopicRefusedError as error:
        raise Failure(str(error)) from None
    there = len(CATALOGUE) - len(made)
    sys.stdout.write(f"{len(made)} topics made, {there} were there, at {settings.brokers}\n")


@topics.command("list")
def list_topics() -> None:
    """List every topic: its key, and what the broker has of it.

    Example: settle topics list
    """
    table = Table(box=None)
    for name in ("topic", "key", "direction", "partitions", "copies", "cleanup"):
        table.add_column(name)
    for state in _states(read_settings()):
        topic = state.topic
        table.add_row(
            topic.name,
            topic.key or "-",
            topic.direction,
            "missing" if state.partitions is None else str(state.partitions),
            "" if state.replication is None else str(state.replication),
            topic.cleanup,
        )
    Console(file=sys.stdout).print(table)


@topics.command("check")
def check() -> None:
    """Name every difference between the catalogue and the broker; exit 1 if there is one.

    Example: settle topics check
    """
    from agents.topics import differences

    settings = read_settings()
    found = [
        line
        for state in _states(settings)
        for line in differences(state, settings.partitions, settings.replication)
    ]
    for line in found:
        sys.stdout.write(f"{line}\n")
    if found:
        raise Failure(f"{len(found)} differences at {settings.brokers}; see above")
    sys.stdout.write(f"{len(CATALOGUE)} topics at {settings.brokers} are as the catalogue says\n")


def _states(settings: Settings) -> "list[TopicState]":
    from agents.topics import states
    from scripts.live import run

    return run(settings, states(broker(settings)))
