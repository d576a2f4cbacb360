"""`settle worker`: the live pipeline on Kafka, all tasks or some."""

import errno
import logging
import socket
import sys
from typing import Annotated, Any

import typer
from typing_extensions import override

from schemas.printable import printable
from scripts.buckets import buckets
from scripts.credentials import without_credentials
from scripts.errors import Failure
from scripts.settings import broker, firm, read_settings
from topics.catalogue import APEX_GATEWAY, CATALOGUE, MONITOR, TASKS

# Workers of one machine find ports of their own, one after the other.
_PORTS_TRIED_MAX = 100
_PORT_MAX = 65535
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
            help="Port of /health and /status (0: any free one)."
            " (default: the setting, or else the first free one from 6066 on)",
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
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(PrintableFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[output])
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
    listening = _listening(
        settings.web_host,
        settings.web_port if web_port is None else web_port,
        may_move=web_port is None and "web_port" not in settings.model_fields_set,
    )
    live = Live(
        broker(settings),
        settings.partitions,
        settings.quiet_commit_ms,
        files,
        listening,
        clearing_firm,
        csv_safe=settings.csv_safe,
    )
    chosen = [
        name
        for name in _TASKS
        if (not task or name in task) and (name != APEX_GATEWAY or clearing_firm is not None)
    ]
    host = f"[{settings.web_host}]" if ":" in settings.web_host else settings.web_host
    sys.stderr.write(
        f"worker of {', '.join(chosen)} on {settings.brokers};"
        f" http://{host}:{listening.getsockname()[1]}/health and /status\n"
    )
    serve(Worker(live, chosen, with_clock=not no_clock and (not task or "trading" in task)))


class PrintableFormatter(logging.Formatter):
    """Writes each message as one line that is safe to print, without credentials of URLs.

    Only a traceback has more lines.
    """

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = printable(without_credentials(record.message))
        return super().formatMessage(record)

    @override
    def formatException(self, ei: Any) -> str:
        text = without_credentials(super().formatException(ei))
        return "\n".join(map(printable, text.split("\n")))


def _listening(host: str, port: int, *, may_move: bool) -> socket.socket:
    """Return a socket that listens for the pages; 0: on any free port.

    `may_move`: the port is the default, so the next free one will do.

    Raises:
        Failure: nobody may listen there; Faust would end the worker without a word.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for tried in range(port, min(port + (_PORTS_TRIED_MAX if may_move else 1), _PORT_MAX + 1)):
        try:
            return socket.create_server((host, tried), family=family)
        except OSError as error:
            if may_move and error.errno == errno.EADDRINUSE:
                continue
            # Python adds the address, which is there already.
            said = (error.strerror or str(error)).partition(" (while")[0]
            raise Failure(
                f"the pages /health and /status at {host}:{tried}: {said};"
                " choose another --web-port (0: any free one)"
            ) from None
    raise Failure(
        f"the pages /health and /status: all of the ports {port} to {tried} of {host} are taken;"
        " choose another --web-port (0: any free one)"
    )
