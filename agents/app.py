"""The Faust app: it starts and supervises every agent of a worker, ticks the clock, shows health.

Money does not pass through Faust's streams or tables (docs/decisions/0009); each task runs on the
exactly-once runner as a service of the app, and a service that raises stops the worker with exit 1.
A task that raises does not: its partition is parked (agents/parking.py).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from mode import Service
from typing_extensions import override

from agents.apex_gateway import ApexGateway
from agents.client_books import client_books
from agents.clock import TICK_SECONDS, Clock
from agents.deadlines import StalledError
from agents.delivery import delivery
from agents.health import LOOK_SECONDS, Health
from agents.live import Live
from agents.market import market
from agents.monitor import Views, monitor
from agents.pages import Pages
from agents.runner import TaskRunner
from agents.settlement import settlement
from agents.trading import trading
from topics.catalogue import (
    APEX_GATEWAY,
    CLIENT_BOOKS_TASK,
    DELIVERY_TASK,
    MARKET_TASK,
    MONITOR,
    SETTLEMENT_TASK,
    TRADING_TASK,
)

log = logging.getLogger("settle")

AGENTS: dict[str, Callable[[Live], TaskRunner]] = {
    MARKET_TASK: market,
    TRADING_TASK: trading,
    SETTLEMENT_TASK: settlement,
    CLIENT_BOOKS_TASK: client_books,
    DELIVERY_TASK: delivery,
}


class _ReadCommitted(driver.AIOKafkaConsumerThread):
    """Faust reads uncommitted records unless it runs transactions of its own; we never do."""

    @override
    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - no setting leads there
        return consumer


class _Consumer(driver.Consumer):
    @override
    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return _ReadCommitted(self, loop=self.loop, beacon=self.beacon)


class _Transport(driver.Transport):
    Consumer = _Consumer


class Runner(Protocol):
    """What runs one agent: a task's runner, or the way to the clearing firm."""

    async def start(self) -> None:
        """Join the agent's group."""

    async def supervise(self) -> None:
        """Serve until `stop`; raise what the agent can't go on with."""

    async def stop(self) -> None:
        """Finish, commit and leave the group; called again it does no harm."""


class AgentService(Service):
    """One agent of the worker; it is started and supervised by Faust."""

    def __init__(self, worker: "Worker", name: str, runner: Runner) -> None:
        super().__init__()
        self._worker = worker
        self.name = name
        self.runner = runner
        self._stop: asyncio.Task[None] | None = None

    @override
    async def on_start(self) -> None:
        await self.runner.start()

    @Service.task
    async def _run(self) -> None:
        try:
            await self.runner.supervise()
        except Exception as error:  # whatever it is: the worker says it in one line and ends
            await self._worker.fail(self.name, error)
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and not task.cancelling():
                # Not ours: aiokafka cancels calls of its own, and who awaited them is not told why.
                await self._worker.fail(self.name, StalledError("Kafka's client has given up"))
            raise

    @override
    async def on_stop(self) -> None:
        # Faust stops one after the other; nobody waits for that.
        await self._worker.stop_runners()

    async def stop_runner(self) -> None:
        """Let the agent finish, commit and leave its group; asked again, wait for the same.

        Faust stops what has raised by cancelling it, and that may be what stops all the others.
        """
        if self._stop is None:
            self._stop = asyncio.create_task(self._stop_in_order())
        await asyncio.wait({self._stop})

    async def _stop_in_order(self) -> None:
        try:
            await self.runner.stop()
        except Exception as error:  # noqa: BLE001 - what is not committed is done again by others
            log.warning("%s did not stop in order: %s", self.name, repr(error))

    @property
    def has_stopped(self) -> bool:
        """Whether the agent has left its group."""
        return self._stop is not None and self._stop.done()


class Worker:
    """What one worker runs, and what it shows of it."""

    def __init__(self, live: Live, tasks: Sequence[str], *, with_clock: bool) -> None:
        """Take the names of the tasks; `with_clock`: tick in real time."""
        self.live = live
        self.views = Views()
        # Why the worker stops, if it is for an error.
        self.failed: str | None = None
        # Called once when the worker begins to stop, and when its agents have stopped.
        self.on_stop: Callable[[], None] | None = None
        self.stopped: Callable[[], None] = lambda: None
        self.runners = [AGENTS[name](live) for name in tasks if name in AGENTS]
        self.gateway: ApexGateway | None = None
        if APEX_GATEWAY in tasks and live.firm is not None:
            self.gateway = ApexGateway(live.broker, live.partitions, live.firm)
        self.health = Health(live, self.runners, self.gateway)
        self.services = [AgentService(self, runner.kind.name, runner) for runner in self.runners]
        if self.gateway is not None:
            self.services.append(AgentService(self, APEX_GATEWAY, self.gateway))
        self.app = _faust_app(live)
        # Faust's own consumer asks for topics to read.
        self.app.producer_only = MONITOR not in tasks
        if MONITOR in tasks:
            monitor(self.app, self.views)
        for service in self.services:
            self.app.add_dependency(service)
        self.app.add_dependency(_LookService(self.health))
        if with_clock:
            clock = Clock(live)
            self.app.add_dependency(_ClockService(clock))
        _add_pages(self.app, self)

    async def fail(self, name: str, error: Exception) -> None:
        """Give everything up when one task can't go on: the others' partitions wait for no one.

        Faust would stop them one after the other, while those still running take partitions.
        """
        if self.failed is None:
            self.failed = f"{name} can't go on: {str(error) or type(error).__name__}"
            log.critical("%s; the worker ends", self.failed)
        await self.stop_runners()
        self.stopped()

    async def stop(self) -> None:
        """Let all agents finish, commit and leave their groups, and tell Faust."""
        await self.stop_runners()
        await asyncio.gather(*(service.stop() for service in self.services))

    async def stop_runners(self) -> None:
        """Let all agents finish, commit and leave their groups, at the same time."""
        self.stopping()
        await asyncio.gather(*(service.stop_runner() for service in self.services))

    def still_stopping(self) -> list[str]:
        """Name the agents that have not stopped yet."""
        return [service.name for service in self.services if not service.has_stopped]

    def stopping(self) -> None:
        """Hear from an agent that the worker stops."""
        told, self.on_stop = self.on_stop, None
        if told is not None:
            told()


class _ClockService(Service):
    """Ticks about once a second; a tick that fails is said and not repeated."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    @override
    async def on_start(self) -> None:
        await self._clock.start()

    @Service.timer(TICK_SECONDS)
    async def _tick(self) -> None:
        try:
            await self._clock.tick()
        except Exception as error:  # noqa: BLE001 - the next tick says as much
            log.warning("clock: a tick did not get through: %s", repr(error))

    @override
    async def on_stop(self) -> None:
        await asyncio.wait_for(self._clock.stop(), 5)


class _LookService(Service):
    """Looks at the topics again and again, for /health."""

    def __init__(self, health: Health) -> None:
        super().__init__()
        self._health = health

    @Service.timer(LOOK_SECONDS)
    async def _look(self) -> None:
        await self._health.look()


def _add_pages(app: faust.App, worker: Worker) -> None:
    @app.page("/health")
    async def health(web: Any, _request: Any) -> Any:  # noqa: ANN401 - Faust's web
        wrong = worker.health.not_ready()
        return web.json(
            {"ready": not wrong, "because": wrong, "alerts": worker.health.alerts()},
            status=503 if wrong else 200,
        )

    @app.page("/live")
    async def live(web: Any, _request: Any) -> Any:  # noqa: ANN401 - Faust's web
        # To start the worker again would help no parked partition, and hold up the others.
        return web.json({"live": True})

    @app.page("/status")
    async def status(web: Any, _request: Any) -> Any:  # noqa: ANN401 - Faust's web
        return web.json(worker.health.status() | {"seen": worker.views.as_json()})


class _App(faust.App):
    @override
    def _create_directories(self) -> None:
        """Create none: Faust keeps only tables in its data directory, and there are no tables."""


def _faust_app(live: Live) -> faust.App:
    security = dict(live.broker.security)
    credentials: faust.SASLCredentials | faust.SSLCredentials | None = None
    if security.get("sasl_mechanism"):
        credentials = faust.SASLCredentials(
            username=security.get("sasl_plain_username"),
            password=security.get("sasl_plain_password"),
            ssl_context=security.get("ssl_context"),
            mechanism=security["sasl_mechanism"],
        )
    elif security.get("ssl_context") is not None:
        credentials = faust.SSLCredentials(security["ssl_context"])
    app = _App(
        "settle-monitor",
        broker=[f"kafka://{address.strip()}" for address in live.broker.bootstrap.split(",")],
        broker_credentials=credentials,
        store="memory://",  # no tables: the monitor's views are what went by
        topic_disable_leader=True,
        topic_allow_declare=False,  # topics come from the catalogue: settle topics create
        autodiscover=False,
    )
    app.web = Pages(app, live.listening)
    app.transport = _Transport(app.conf.broker_consumer, app)
    return app
