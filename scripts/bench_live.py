"""`make bench-live`: how fast the live pipeline is, beside its peers, all on one broker in one run.

    python -m scripts.bench_live                     all, about ten minutes on two cores
    python -m scripts.bench_live job path latency    some

job      the same small stateful job on four engines (scripts/peers/), one process each
path     orders a second through the whole pipeline, one worker
latency  order appended -> execution readable by a read_committed consumer, at 1,000 orders a second
latency-in-memory  the same, the broker's log in memory: without what the disk takes
start    records a second that a starting worker reads back; from kill -9 to the next commit
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from rich.console import Console
from rich.table import Table

from agents import topics
from agents.broker import Broker
from scripts.local_kafka import LocalKafka, free_port
from scripts.order_times import Order, OrderTimes, order_times
from topics.catalogue import CASH_CALLS, CLOCK, EXECUTIONS, ORDERS, TRADING_TASK, state_topic
from topics.partition import partition_of

PARTITIONS = 4
JOB_EVENTS = 100_000
JOB_KEYS = 997
# Faust is an order of magnitude slower: it gets fewer, so that the run ends.
FAUST_EVENTS = 30_000
ACCOUNTS = 1_000
PATH_ORDERS = 20_000
LATENCY_RATE = 1_000
LATENCY_SECONDS = 15
# Before that: a broker that has just started runs its own code slowly, and compiles it meanwhile.
LATENCY_WARM_SECONDS = 60
# Java takes it after, and so before, what the command line says: as for a broker that stays up.
_JAVA_OPTIONS = "-XX:TieredStopAtLevel=4 -XX:-UseSerialGC -XX:+UseParallelGC -Xmx1g -Xmn512m"
_JAVA = {"_JAVA_OPTIONS": _JAVA_OPTIONS}
# A folder in memory, where this system has one.
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made there
# Where workers share a machine, the one that nobody waits for gives way (nice).
_GIVES_WAY = 10
_PATIENCE_SECONDS = 180.0
_QUIET_SECONDS = 3.0
_PEERS = Path(__file__).parent / "peers"
_SETTLE = Path(sys.executable).with_name("settle")
_QUIXSTREAMS = Path(".venv-peers/bin/python")
_HAS_QUIXSTREAMS = _QUIXSTREAMS.exists()
LATENCY = "latency"
LATENCY_IN_MEMORY = "latency-in-memory"
DAY = "2026-03-02T15:00:00.000000Z"


class Bench:
    """One broker, its folder, and what was measured."""

    def __init__(self, node: LocalKafka, directory: Path) -> None:
        self.node = node
        self.directory = directory
        self.broker = Broker(node.address)
        self.table = Table("figure", "measured", "beside", box=None)
        self.notes: list[str] = []

    # -- a job ---------------------------------------------------------------------------------

    async def job(self) -> None:
        """Run the same job on each engine, one after the other."""
        rates: dict[str, float] = {}
        for name in ("runner", "aiokafka", "quixstreams", "faust"):
            if name == "quixstreams" and not _HAS_QUIXSTREAMS:
                self.notes.append("quixstreams was not measured: make bench-live sets it up")
                continue
            _say(f"job: {name}")
            rates[name] = await self._job(name, FAUST_EVENTS if name == "faust" else JOB_EVENTS)
        ours = rates["runner"]
        self.table.add_row("small stateful job, events/s", "", "runner is")
        for name, rate in rates.items():
            self.table.add_row(f"  {name}", f"{rate:,.0f}", f"{ours / rate:.1f}x")

    async def _job(self, name: str, events: int) -> float:
        """Return the events a second between the first output that is readable and the last."""
        topic_in, topic_out, task = f"{name}-in", f"{name}-out", f"{name}-job"
        await self._create(topic_in, topic_out)
        await self._create(state_topic(task), compact=True)
        async with self._producer() as producer:
            for number in range(events):
                key = f"k{number % JOB_KEYS}"
                value = orjson.dumps({"id": number, "v": number % 13})
                await producer.send(topic_in, value, key.encode(), partition_of(key, PARTITIONS))
        folder = self.directory / name
        arguments = [self.node.address, topic_in, topic_out, task]
        if name in {"faust", "quixstreams"}:
            arguments.append(str(folder))
        elif name == "aiokafka":
            arguments.append(state_topic(task))
        python = str(_QUIXSTREAMS) if name == "quixstreams" else sys.executable
        command = [python, str(_PEERS / f"{name}_job.py"), *arguments]
        with self._process(command, f"{name}.log"):
            times: list[tuple[float, int]] = []
            count = 0
            async with self._consumer(topic_out) as consumer:
                deadline = time.monotonic() + _PATIENCE_SECONDS
                while count < events and time.monotonic() < deadline:
                    fetched = await consumer.getmany(timeout_ms=100)
                    count += sum(map(len, fetched.values()))
                    if fetched:
                        times.append((time.monotonic(), count))
        if count < events:
            raise RuntimeError(f"{name}: {count} of {events} outputs; see {folder}.log")
        (first, before), (last, _) = times[0], times[-1]
        return (events - before) / (last - first)

    # -- the pipeline --------------------------------------------------------------------------

    async def path(self) -> None:
        """Measure orders a second through the whole pipeline."""
        _say("path: preparing")
        with self._worker(), self._worker_ready():
            await self._open_market()
            _say("path: running")
            async with (
                self._producer() as producer,
                self._consumer(CASH_CALLS, from_end=True) as consumer,
            ):
                started = time.monotonic()
                await self._send_orders(producer, "p", range(PATH_ORDERS))
                answered = 0
                while answered < PATH_ORDERS:
                    for records in (await consumer.getmany(timeout_ms=1000)).values():
                        answered += sum(b"CashCallSettled" in record.value for record in records)
                seconds = time.monotonic() - started
        self.table.add_row(
            "orders/s, whole business path, one worker",
            f"{PATH_ORDERS / seconds:,.0f}",
            f"{PATH_ORDERS:,} orders, all executed and cash-called",
        )

    async def latency(self) -> None:
        """Measure from an order's append to its execution being readable, the log on disk.

        With one worker, and as operators would run it who care: trading has a worker of its own,
        and what follows trading does not hold it up. The broker runs as one does that stays up,
        with Java's second compiler and memory of its own: `settle kafka` starts sooner without.
        """
        self.table.add_row(
            f"order appended -> execution readable, at {LATENCY_RATE:,} orders/s",
            "",
            "of that until the execution is appended",
        )
        _say("latency: one worker")
        with self._worker(), self._worker_ready():
            await self._latency("one worker", "l")
        await self._trading_apart("market and trading apart", "m")

    async def latency_in_memory(self) -> None:
        """Measure the same with the broker's log in memory: without what the disk takes."""
        await self._trading_apart("market and trading apart, log in memory", "n")

    async def _trading_apart(self, workers: str, prefix: str) -> None:
        _say(f"latency: {workers}")
        with (
            self._worker(
                *_tasks("settlement", "client-books", "delivery", "monitor"), nice=_GIVES_WAY
            ),
            self._worker(*_tasks("market", "trading")),
            self._worker_ready(),
        ):
            await self._latency(workers, prefix)

    async def _latency(self, workers: str, prefix: str) -> None:
        await self._open_market()
        await self._times(f"{prefix}w", LATENCY_WARM_SECONDS)
        times = await self._times(prefix, LATENCY_SECONDS)
        readable = sorted(order.readable - order.appended for order in times)
        executed = sorted(order.executed - order.appended for order in times)
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            at = int(len(times) * share)
            self.table.add_row(
                f"  {workers}, {name}",
                f"{readable[at] * 1000:,.0f} ms",
                f"{executed[at] * 1000:,.0f} ms",
            )

    async def _times(self, prefix: str, seconds: int) -> list[OrderTimes]:
        orders = [_order(prefix, number) for number in range(LATENCY_RATE * seconds)]
        return await asyncio.to_thread(
            order_times, self.node.address, PARTITIONS, orders, LATENCY_RATE
        )

    async def start(self) -> None:
        """Measure a start with state, and a take-over after kill -9."""
        _say("start")
        with self._worker(), self._worker_ready():
            await self._open_market()
            async with self._producer() as producer:
                await self._send_orders(producer, "s", range(PATH_ORDERS))
                await self._settled()
        with self._worker() as (_, port), self._worker_ready():
            tasks = _page(port, "status")["tasks"]
            places = [place for task in tasks.values() for place in task.values()]
            records = sum(place["restored_records"] for place in places)
            seconds = max(place["restored_seconds"] for place in places)
            self.table.add_row(
                "start: state read back, records/s", f"{records / seconds:,.0f}", f"{records:,}"
            )
            await self._take_over()

    async def _take_over(self) -> None:
        """Kill one of two workers; the figure is the longest pause of any partition's commits."""
        with self._worker() as (other, _), self._worker_ready():
            async with (
                self._producer() as producer,
                self._consumer(EXECUTIONS, from_end=True) as consumer,
            ):
                seen = dict.fromkeys(range(PARTITIONS), time.monotonic())
                longest = 0.0
                killed = False
                started = time.monotonic()
                number = 0
                while time.monotonic() - started < 25:  # noqa: PLR2004 - a take-over takes 7 s
                    if not killed and time.monotonic() - started > 4:  # noqa: PLR2004
                        other.send_signal(signal.SIGKILL)
                        killed = True
                    await self._send_orders(producer, "t", range(number, number + 20))
                    number += 20
                    for place in await consumer.getmany(timeout_ms=50):
                        now = time.monotonic()
                        if killed:
                            longest = max(longest, now - seen[place.partition])
                        seen[place.partition] = now
        self.table.add_row(
            "from kill -9 of one worker to the other's commits", f"{longest:.1f} s", "session: 6 s"
        )

    # -- what they share -----------------------------------------------------------------------

    async def _open_market(self) -> None:
        """Reference data, money, one quote that counts all day, and time; settled."""
        async with self._producer() as producer:

            async def send(topic: str, key: str, value: dict[str, Any]) -> None:
                event = {"event_id": f"{topic}-{key}", "event_time": DAY} | value
                partition = partition_of(key, PARTITIONS)
                await producer.send(topic, orjson.dumps(event), key.encode(), partition)

            terms = {"client": "ACME", "commission_model": "TRADE_FEE", "commission_bps": "25"}
            await send("clients", "ACME", {"type": "ClientUpdated"} | terms)
            instrument = {
                "type": "InstrumentUpdated",
                "symbol": "BTCUSD",
                "base": "BTC",
                "minimum_price_increment": "0.01",
                "minimum_quantity_increment": "0.00000001",
                "stale_after_ms": 86_400_000,
            }
            await send("instruments", "BTCUSD", instrument)
            for account in map(_account, range(ACCOUNTS)):
                opened = {"type": "AccountUpdated", "account_id": account, "client": "ACME"}
                await send("accounts", account, opened)
            await producer.flush()
            for partition in range(PARTITIONS):
                tick = {"type": "ClockTicked", "event_id": "c", "event_time": DAY, "at": DAY}
                await producer.send(CLOCK, orjson.dumps(tick), partition=partition)
            quote = {
                "type": "PriceTick",
                "provider": "alpha",
                "symbol": "BTCUSD",
                "bid_price": "60000.00",
                "bid_size": "1000000",
                "ask_price": "60001.00",
                "ask_size": "1000000",
            }
            await send("price-ticks", "BTCUSD", quote)
            for account in map(_account, range(ACCOUNTS)):
                paid = {
                    "type": "DepositSettled",
                    "account_id": account,
                    "funding_id": f"{account}-d",
                    "instrument_type": "WIRE",
                    "amount": "1000000.00",
                }
                await send("fundings", account, paid)
        await self._settled()

    async def _send_orders(self, producer: AIOKafkaProducer, prefix: str, numbers: range) -> None:
        for number in numbers:
            _, key, value = _order(prefix, number)
            await producer.send(ORDERS, value, key, partition_of(key.decode(), PARTITIONS))
        await producer.flush()

    async def _settled(self) -> None:
        """Wait until nothing new has been said for a while."""
        last = time.monotonic()
        seen = -1
        async with self._consumer(
            "balances", "report-deliveries", "client-books-state"
        ) as consumer:
            places = consumer.assignment()
            while time.monotonic() - last < _QUIET_SECONDS:
                ends = await consumer.end_offsets(places)
                if sum(ends.values()) != seen:
                    seen = sum(ends.values())
                    last = time.monotonic()
                await asyncio.sleep(0.02)

    async def _create(self, *names: str, compact: bool = False) -> None:
        admin = self.broker.admin()
        await admin.start()
        configs = {"cleanup.policy": "compact"} if compact else {}
        configs |= {"max.message.bytes": "4194304"}
        await admin.create_topics(
            [NewTopic(name, PARTITIONS, 1, topic_configs=configs) for name in names]
        )
        await admin.close()
        await asyncio.sleep(0.5)

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = self.broker.producer(linger_ms=2)
        try:
            await producer.start()
            yield producer
        finally:
            await producer.stop()

    @asynccontextmanager
    async def _consumer(
        self, *names: str, from_end: bool = False
    ) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = self.broker.consumer()
        await consumer.start()
        places = [TopicPartition(name, p) for name in names for p in range(PARTITIONS)]
        consumer.assign(places)
        await (consumer.seek_to_end(*places) if from_end else consumer.seek_to_beginning(*places))
        try:
            yield consumer
        finally:
            await consumer.stop()

    @contextmanager
    def _process(self, command: list[str], log: str) -> Iterator[subprocess.Popen[bytes]]:
        environment = os.environ | {
            "SETTLE_BROKERS": self.node.address,
            "SETTLE_PARTITIONS": str(PARTITIONS),
            "SETTLE_S3_URL": f"file:{self.directory / 's3'}",
            "PYTHONPATH": str(Path.cwd()),
        }
        with (self.directory / log).open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own arguments
                command, stdout=output, stderr=output, env=environment
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(12)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @contextmanager
    def _worker(self, *tasks: str, nice: int = 0) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        self._port = free_port()
        command = ["nice", "-n", str(nice), str(_SETTLE), "worker", "--no-clock"]
        command += ["--web-port", str(self._port), *tasks]
        with self._process(command, "worker.log") as process:
            yield process, self._port

    @contextmanager
    def _worker_ready(self) -> Iterator[None]:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                tasks = _page(self._port, "status")["tasks"]
                if _page(self._port, "health")["ready"] and any(tasks[TRADING_TASK].values()):
                    yield
                    return
            except URLError:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"the worker is not ready; see {self.directory}/worker.log")


def _tasks(*names: str) -> list[str]:
    return [word for name in names for word in ("--task", name)]


def _page(port: int, name: str) -> Any:  # noqa: ANN401 - any JSON
    with urlopen(f"http://127.0.0.1:{port}/{name}", timeout=5) as page:
        return orjson.loads(page.read())


def _account(number: int) -> str:
    return f"ACME{number:04d}"


def _order(prefix: str, number: int) -> Order:
    """Return an order for 25.00 at the market."""
    account = _account(number % ACCOUNTS)
    name = f"{prefix}-{number}"
    order = {
        "type": "OrderSubmitted",
        "event_id": name,
        "event_time": DAY,
        "account_id": account,
        "client_order_id": name,
        "symbol": "BTCUSD",
        "side": "BUY",
        "order_type": "MARKET",
        "time_in_force": "IOC",
        "notional": "25.00",
    }
    return Order(name, account.encode(), orjson.dumps(order))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


async def _run(named: list[str], directory: Path) -> Bench:
    bench: Bench | None = None
    for name in named:
        with _folder(name, directory) as folder:
            # A broker of its own for each, so that none runs among another's leavings.
            java = _JAVA if name in {LATENCY, LATENCY_IN_MEMORY} else None
            node = LocalKafka(folder / f"kafka-{name}", free_port(), environment=java)
            node.start()
            try:
                fresh = Bench(node, directory)
                if bench is not None:
                    fresh.table, fresh.notes = bench.table, bench.notes
                bench = fresh
                await topics.create(bench.broker, PARTITIONS, 1)
                await getattr(bench, name.replace("-", "_"))()
            finally:
                node.kill()
    if bench is None:
        raise AssertionError("nothing was named")
    return bench


@contextmanager
def _folder(name: str, directory: Path) -> Iterator[Path]:
    """Return where the broker of a benchmark keeps its log."""
    if name != LATENCY_IN_MEMORY:
        yield directory
        return
    with tempfile.TemporaryDirectory(dir=_MEMORY) as in_memory:
        yield Path(in_memory)


def main() -> None:
    """Run the benchmarks that are named, all without a name."""
    all_of_them = ["job", "path", LATENCY, LATENCY_IN_MEMORY, "start"]
    if not _MEMORY.is_dir():
        all_of_them.remove(LATENCY_IN_MEMORY)
    named = sys.argv[1:] or all_of_them
    unknown = set(named) - set(all_of_them)
    if unknown:
        sys.stderr.write(f"bench-live: no {', '.join(unknown)}; there are {all_of_them}\n")
        sys.exit(2)
    with tempfile.TemporaryDirectory() as directory:
        bench = asyncio.run(_run(named, Path(directory)))
    console = Console(file=sys.stdout, width=110)
    console.print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors\n")
    console.print(bench.table)
    for note in bench.notes:
        console.print(f"\n{note}")


if __name__ == "__main__":
    main()
