"""Every file into its client's own bucket, on a real broker and a real S3 server.

Each client here has another trouble, all at once and in the same partition of the task. The tests
are told in their order: while the trouble lasts, across kills, and when it is over.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

import orjson
import pytest

from agents.live_topics import read_live
from pipeline.task import Record
from schemas.report import ReportIssued
from scripts.local_kafka import free_port
from tests.integration.conftest import PARTITIONS, Kafka
from tests.integration.fault_proxy import Fault, FaultProxy, Slow
from tests.integration.s3_server import KEY_ID, SECRET, S3Server
from topics.catalogue import REPORT_DELIVERIES, REPORT_ISSUES, REPORT_PUTS
from topics.partition import partition_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PATIENCE_SECONDS = 90.0
PARTITION = 1
FILES = 3


def code(three: str) -> str:
    """Return a client's code of the one partition that all here share."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return next(three + x for x in letters if partition_of(three + x, PARTITIONS) == PARTITION)


class Trouble(NamedTuple):
    """What is wrong with a client's bucket, and how that is called."""

    fault: Fault
    reason: str
    detail: str


WELL = [code(f"W{letter}L") for letter in "ABC"]
TROUBLES = {
    code("FUL"): Trouble("unavailable", "UNAVAILABLE", "503 Service Unavailable"),
    code("CUT"): Trouble("cut_before", "UNAVAILABLE", "the connection was cut"),
    code("LOS"): Trouble("cut_after", "UNAVAILABLE", "the connection was cut"),
    code("SLO"): Trouble(Slow(4), "UNAVAILABLE", "no answer in time"),
    code("NOI"): Trouble("damaged", "UNAVAILABLE", "400 Bad Request"),
    code("KEY"): Trouble("stranger", "NOT_ALLOWED", "403 Forbidden (SignatureDoesNotMatch)"),
    code("NOB"): Trouble(None, "NO_BUCKET", "404 Not Found (NoSuchBucket)"),
    code("OTH"): Trouble(None, "OTHER_CONTENT", "day-1.csv is there with another content"),
}
NO_BUCKET, OTHER_CONTENT = code("NOB"), code("OTH")
CLIENTS = [*WELL, *TROUBLES]


class Desk:
    """Issues files, and reads what became of them."""

    def __init__(self, kafka: Kafka, server: S3Server, proxy: FaultProxy) -> None:
        self.kafka, self.server, self.proxy = kafka, server, proxy
        self.web_port = free_port()
        self.contents: dict[tuple[str, str], bytes] = {}
        self.environment = {
            "SETTLE_S3_URL": "s3://{client}",
            "SETTLE_S3_ENDPOINT": proxy.endpoint,
            "SETTLE_S3_ALLOW_HTTP": "true",
            "SETTLE_S3_ACCESS_KEY_ID": KEY_ID,
            "SETTLE_S3_SECRET_ACCESS_KEY": SECRET,
            "SETTLE_S3_TIMEOUT_SECONDS": "2",
        }

    def worker(self) -> None:
        port = ("--web-port", str(self.web_port))
        self.kafka.worker("--no-clock", "--task", "delivery", *port, **self.environment)

    def kill_workers(self) -> None:
        for process in self.kafka.processes:
            process.kill()
            process.wait()

    def issue(self, *names: str, parts: int = 1) -> None:
        """Issue a file of each name to each client."""
        asyncio.run(self._issue(names, parts))

    async def _issue(self, names: tuple[str, ...], parts: int) -> None:
        producer = self.kafka.broker.producer("client-books-of-the-test")
        try:
            await producer.start()
            async with producer.transaction():
                sent = [
                    await producer.send(
                        REPORT_ISSUES,
                        orjson.dumps(event),
                        key=client.encode(),
                        partition=PARTITION,
                    )
                    for name in names
                    for client in CLIENTS
                    for event in self._parts(client, f"{name}.csv", parts)
                ]
                await asyncio.gather(*sent)
        finally:
            await producer.stop()

    async def tell_of(self, by_account: str, by_itself: str) -> None:
        """Tell of two clients that have no files: of one by an account alone."""
        head = {"event_id": "1", "event_time": "2026-03-09T14:00:00Z"}
        account = {"type": "AccountUpdated", "account_id": "ZETA0001", "client": by_account}
        client = {"type": "ClientUpdated", "client": by_itself, "commission_model": "MARKUP"}
        bad = {"type": "ClientUpdated", "client": "no code", "commission_model": "MARKUP"}
        producer = self.kafka.broker.producer()
        try:
            await producer.start()
            for topic, key, value in (
                ("accounts", "ZETA0001", account),
                ("clients", by_itself, client),
                ("clients", by_itself, bad),
            ):
                place = partition_of(key, PARTITIONS)
                content = orjson.dumps(head | value)
                await producer.send_and_wait(topic, content, key=key.encode(), partition=place)
        finally:
            await producer.stop()

    def _parts(self, client: str, key: str, parts: int) -> Iterator[ReportIssued]:
        texts = [f"{client},{key},{part}\n" * 10 for part in range(1, parts + 1)]
        content = "".join(texts).encode()
        self.contents[client, key] = content
        for part, text in enumerate(texts, 1):
            last = part == parts
            yield {
                "type": "ReportIssued",
                "event_id": sha256(f"{client}{key}{part}".encode()).hexdigest()[:32],
                "event_time": "2026-03-09T14:30:00.000000Z",
                "cause_id": "AGED_REPORT@2026-03-09T14:30:00.000000Z",
                "client": client,
                "report": "AGED_TPJ",
                "key": key,
                "part": part,
                "text": text,
                "delivered_id": sha256(f"{client}{key}".encode()).hexdigest()[:32]
                if last
                else None,
                "rows": parts * 10 if last else None,
                "sha256": sha256(content).hexdigest() if last else None,
                "control_total": "1.00" if last else None,
            }

    def events(self, topic: str) -> list[dict[str, Any]]:
        records: list[Record] = []
        asyncio.run(read_live(self.kafka.broker, records.append, [topic]))
        return [orjson.loads(record.value or b"") for record in records]

    def delivered(self) -> Counter[str]:
        """Return how many files of each client are said to be delivered; each file only once."""
        uris = [event["uri"] for event in self.events(REPORT_DELIVERIES)]
        assert len(set(uris)) == len(uris), Counter(uris).most_common(3)
        return Counter(uri.removeprefix("s3://").partition("/")[0] for uri in uris)

    def wait(self, what: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not done():
            assert time.monotonic() < deadline, f"{what}: {self.delivered()}\n{self.kafka.said()}"
            time.sleep(0.2)

    def health(self) -> dict[str, Any]:
        try:
            with urlopen(f"http://127.0.0.1:{self.web_port}/health", timeout=5) as page:
                return dict(json.load(page))
        except HTTPError as error:
            return dict(json.load(error))
        except OSError:
            return {"ready": False, "alerts": []}

    def alerts(self) -> dict[str, str]:
        """Return what /health says of each parked client."""
        return {alert.split(" files of ")[1][:4]: alert for alert in self.health()["alerts"]}

    def reports(self, *arguments: str, check: bool = True) -> CompletedProcess[str]:
        return self.kafka.settle("reports", *arguments, check=check, **self.environment)

    def bucket(self, client: str) -> Path:
        return self.server.folder / client.lower()


@pytest.fixture(scope="module")
def desk(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with (
        S3Server(tmp_path_factory.mktemp("s3")) as server,
        FaultProxy(server.port) as proxy,
    ):
        faults = {client.lower(): trouble.fault for client, trouble in TROUBLES.items()}
        proxy.fault = lambda _method, path: faults.get(path.split("/")[1])
        for client in CLIENTS:
            if client != NO_BUCKET:
                server.bucket(client.lower())
        (server.folder / OTHER_CONTENT.lower() / "day-1.csv").write_bytes(b"somebody else's")
        yield Desk(kafka, server, proxy)


def test_a_dead_bucket_delays_no_other_client(desk: Desk) -> None:
    """All are in one partition, and those in trouble come first in no order of ours."""
    desk.issue("day-1", "day-2")
    desk.issue("day-3", parts=3)
    desk.worker()
    desk.wait("those who are well", lambda: all(desk.delivered()[c] == FILES for c in WELL))
    for client in WELL:
        for number in range(1, FILES + 1):
            key = f"day-{number}.csv"
            assert (desk.bucket(client) / key).read_bytes() == desk.contents[client, key]
    assert set(desk.delivered()) == set(WELL)


def test_each_trouble_parks_its_client_with_an_alert(desk: Desk) -> None:
    desk.wait("all alerts", lambda: set(desk.alerts()) == set(TROUBLES))
    assert desk.health()["ready"]  # a worker that is restarted for it helps nobody
    said = desk.kafka.said()
    for client, trouble in TROUBLES.items():
        assert f"3 files of {client} are parked since" in desk.alerts()[client]
        assert f"{trouble.reason}: {trouble.detail}" in desk.alerts()[client]
        assert f"files of {client} are parked: s3://{client.lower()}/day-1.csv" in said
    assert set(desk.delivered()) == set(WELL)
    assert SECRET not in said
    assert KEY_ID not in said


def test_what_parks_is_said_once_and_not_for_every_try(desk: Desk) -> None:
    tries = len(desk.proxy.puts(next(iter(TROUBLES)).lower()))
    desk.wait(
        "more tries",
        lambda: len(desk.proxy.puts(next(iter(TROUBLES)).lower())) > tries,
    )
    said = Counter(e["client"] for e in desk.events(REPORT_PUTS) if e["type"] == "FileNotPut")
    assert said == Counter(dict.fromkeys(TROUBLES, 1))


def test_the_operator_sees_what_is_parked_and_why(desk: Desk) -> None:
    lines = desk.reports("list", "--state", "parked", "--json").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert Counter(report["client"] for report in found) == Counter(dict.fromkeys(TROUBLES, FILES))
    for report in found:
        trouble = TROUBLES[report["client"]]
        assert report["parked_because"].startswith(f"{trouble.reason}: {trouble.detail}")
        assert report["parked_at"] == "day-1.csv"
    table = desk.reports("list", "--client", NO_BUCKET, "--date", "2026-03-09").stdout
    lines = [" ".join(line.split()) for line in table.splitlines()]
    assert lines[0] == "issued (CT) state rows control total file"
    assert lines[1] == f"2026-03-09 09:30 parked 10 1.00 {NO_BUCKET}/day-1.csv"
    assert f"{NO_BUCKET} is parked since" in table
    assert table.endswith("3 files: 3 parked\n")
    assert desk.reports("list", "--date", "2026-03-10").stdout == "0 files\n"
    assert desk.reports("list", "--report", "POSITIONS").stdout == "0 files\n"
    well = desk.reports("list", "--client", WELL[0]).stdout
    assert well.endswith("3 files: 3 delivered\n")


def test_a_client_that_is_not_there_is_told_from_one_without_files(desk: Desk) -> None:
    """Whatever else is asked for; who may be meant is named."""
    by_account, by_itself = "ZETA", "YETI"  # known by an account; by ClientUpdated
    asyncio.run(desk.tell_of(by_account, by_itself))
    small = WELL[0].lower()
    asked = [
        [],
        ["--json"],
        ["--state", "parked"],
        ["--report", "POSITIONS", "--date", "2026-03-10"],
    ]
    for client in (small, "NONE", ""):
        for options in asked:
            done = desk.reports("list", "--client", client, *options, check=False)
            assert done.returncode == 1, done
            assert done.stdout == ""
            assert done.stderr == f"settle: no such client as {client!r}; there are YETI, ZETA\n"
    for client in (by_account, by_itself):
        assert desk.reports("list", "--client", client).stdout == "0 files\n"
    nothing_of_it = desk.reports("list", "--client", WELL[0], "--state", "parked").stdout
    assert nothing_of_it == "0 files\n"


def test_what_can_not_be_put_by_the_operator_either_is_one_line(desk: Desk) -> None:
    for client, said in (
        (NO_BUCKET, "NO_BUCKET: 404 Not Found (NoSuchBucket)"),
        (OTHER_CONTENT, "OTHER_CONTENT: day-1.csv is there with another content"),
    ):
        done = desk.reports("redeliver", f"{client}/day-1.csv", check=False)
        assert done.returncode == 1
        assert f"settle: s3://{client.lower()}/day-1.csv: {said}" in done.stderr
        assert done.stderr.count("\n") == 1
    shown = desk.reports("show", f"{OTHER_CONTENT}/day-1.csv").stdout
    assert "another content of 15 bytes" in shown
    shown = desk.reports("show", f"{NO_BUCKET}/day-1.csv").stdout
    assert "can't be read: NO_BUCKET" in shown


def test_a_worker_that_is_killed_knows_who_is_parked(desk: Desk) -> None:
    since = {client: alert.split(": ")[0] for client, alert in desk.alerts().items()}
    desk.kill_workers()
    desk.worker()
    desk.wait("all alerts", lambda: set(desk.alerts()) == set(TROUBLES))
    assert {client: alert.split(": ")[0] for client, alert in desk.alerts().items()} == since
    desk.issue("day-4", parts=2)
    desk.wait("those who are well", lambda: all(desk.delivered()[c] == FILES + 1 for c in WELL))
    assert set(desk.delivered()) == set(WELL)


def test_when_the_trouble_is_over_files_go_on_by_themselves(desk: Desk) -> None:
    """Two more workers join, and all are killed once: each file is delivered once all the same."""
    desk.proxy.fault = lambda _method, _path: None
    desk.server.bucket(NO_BUCKET.lower())
    (desk.bucket(OTHER_CONTENT) / "day-1.csv").unlink()
    desk.wait("the first", lambda: len(desk.delivered()) > len(WELL))
    desk.kill_workers()
    desk.worker()
    desk.kafka.worker("--no-clock", "--task", "delivery", **desk.environment)
    total = Counter(dict.fromkeys(CLIENTS, FILES + 1))
    desk.wait("all files", lambda: desk.delivered() == total)
    assert desk.alerts() == {}
    assert "go on" in desk.kafka.said()


def test_every_bucket_holds_what_was_issued_and_nothing_else(desk: Desk) -> None:
    for client in CLIENTS:
        found = {path.name: path.read_bytes() for path in desk.bucket(client).iterdir()}
        assert found == {key: c for (of, key), c in desk.contents.items() if of == client}, client
    in_order = [f"day-{number}.csv" for number in range(1, FILES + 2)]
    for client in CLIENTS:
        uris = [e["uri"] for e in desk.events(REPORT_DELIVERIES) if e["client"] == client]
        assert [uri.rpartition("/")[2] for uri in uris] == in_order, client
    # Nothing was put over anything: S3 itself has seen to it.
    assert all(
        asked.headers["if-none-match"] == "*" for asked in desk.proxy.asked if asked.method == "PUT"
    )


def test_the_facts_of_a_delivery_are_those_of_its_issue(desk: Desk) -> None:
    for event in desk.events(REPORT_DELIVERIES):
        client, _, key = event["uri"].removeprefix("s3://").partition("/")
        assert event["sha256"] == sha256(desk.contents[client, key]).hexdigest()
        assert event["event_id"] == sha256(f"{client}{key}".encode()).hexdigest()[:32]
        assert event["rows"] == desk.contents[client, key].count(b"\n")
        assert event["event_time"] == "2026-03-09T14:30:00.000000Z"


def test_one_file_can_be_looked_at(desk: Desk) -> None:
    client = WELL[0]
    shown = desk.reports("show", f"s3://{client}/day-3.csv").stdout
    content = desk.contents[client, "day-3.csv"]
    assert shown.endswith("\n\n" + content.decode())
    assert f"s3://{client.lower()}/day-3.csv: the same bytes" in " ".join(shown.split())
    assert sha256(content).hexdigest() in shown
    bare = desk.reports("show", f"{client}/day-3.csv", "--content").stdout
    assert bare.encode() == content
    done = desk.reports("show", f"{client}/day-9.csv", check=False)
    assert done.returncode == 1
    assert f"{client}/day-9.csv: no such file was issued" in done.stderr
    assert desk.reports("show", "day-9.csv", check=False).returncode == 2


def test_a_file_is_put_again_and_its_delivery_is_not_said_again(desk: Desk) -> None:
    client = WELL[1]
    lost = desk.bucket(client) / "day-1.csv"
    lost.unlink()
    file = f"{client}/day-1.csv"
    assert "nothing is there" in desk.reports("show", file).stdout
    before = (desk.events(REPORT_DELIVERIES), desk.events(REPORT_PUTS))
    assert ": put (" in desk.reports("redeliver", file).stdout
    assert lost.read_bytes() == desk.contents[client, "day-1.csv"]
    assert "was there, the same bytes" in desk.reports("redeliver", file).stdout
    assert (desk.events(REPORT_DELIVERIES), desk.events(REPORT_PUTS)) == before
    lost.write_bytes(b"not ours")
    assert "OTHER_CONTENT" in desk.reports("redeliver", file, check=False).stderr
    assert lost.read_bytes() == b"not ours"
