"""`settle worker`: the live pipeline on Kafka, all tasks or some."""

import logging
import socket
import sys
from typing import Annotated

import typer

from scripts.buckets import buckets
from scripts.errors import Failure
from scripts.local_kafka import free_port
from scripts.settings import broker, firm, read_settings
from topics.catalogue import APEX_GATEWAY, CATALOGUE, MONITOR, TASKS

_TASKS = (*TASKS, MONITOR, APEX_GATEWAY)


def worker(
    task: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Run this task only; repeatable: {', '.join(_TASKS)}."),
    ] = None,
    no_clock: Annotated[
        bool,
        typer.Option("--no-clock", help="For a produced history: settle produce sends the time."),
    ] = False,
    web_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port of /health and /status (0: any free one); default: the setting.",
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Say more on standard error.")] = False,
) -> None:
    """Run the live pipeline on Kafka. Several workers share the work.

    Needs the topics: settle topics create. What it is doing is on its pages /health and /status.

    Task monitor watches what went by, for the page /status. With SETTLE_APEX_URL, task apex-gateway
    takes Apex accounts' journals to the clearing firm there.

    Stops on Ctrl-C or SIGTERM: finishes, commits and leaves its groups within ten seconds.

    Example: settle worker

    Example: settle worker --task market --task trading
    """
    unknown = [name for name in task or () if name not in _TASKS]
    if unknown:
        raise typer.BadParameter(
            f"no task {unknown[0]!r}; there are {', '.join(_TASKS)}", param_hint="--task"
        )
    settings = read_settings()
    clearing_firm = firm(settings)
    if clearing_firm is None and APEX_GATEWAY in (task or ()):
        raise Failure(f"{APEX_GATEWAY} needs SETTLE_APEX_URL, the clearing firm's address")
    files = buckets(settings, blocking=False)
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )
    if not verbose:
        # What they say of each retry and each crash; what is given up is raised, and said by us.
        # Faust speaks of our services under the name of their room.
        for name in ("aiokafka", "mode", "faust", "asyncio", "agents"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # Imported here: Faust takes a second, and no other command needs it, nor most a Kafka client.
    from agents.app import Worker
    from agents.live import Live
    from agents.serve import serve
    from scripts.live import check_partitions

    check_partitions(settings, CATALOGUE)
    live = Live(
        broker(settings),
        settings.partitions,
        settings.quiet_commit_ms,
        files,
        settings.web_host,
        _port(settings.web_host, settings.web_port if web_port is None else web_port),
        clearing_firm,
    )
    chosen = [
        name
        for name in _TASKS
        if (not task or name in task) and (name != APEX_GATEWAY or clearing_firm is not None)
    ]
    sys.stderr.write(
        f"worker of {', '.join(chosen)} on {settings.brokers};"
        f" http://{live.web_host}:{live.web_port}/health and /status\n"
    )
    serve(Worker(live, chosen, with_clock=not no_clock and (not task or "trading" in task)))


def _port(host: str, port: int) -> int:
    """Return the port of the pages, a free one for 0.

    Raises:
        Failure: it can't be had; Faust would end the worker without a word.
    """
    if port == 0:
        return free_port()
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            # Connections of an earlier worker that are still ending are in nobody's way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        said = error.strerror or error
        raise Failure(
            f"the pages /health and /status at {host}:{port}: {said};"
            " choose another --web-port (0: any free one)"
        ) from None
    return port
