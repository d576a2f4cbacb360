"""Journals over HTTP, on a real broker: worker, gateway and a simulated clearing firm with faults.

Whatever the firm does, every journal settles or is reported, and none moves its money twice. The
stories stand on one broker, each with accounts of its own; a produced history gives the time.
"""

import datetime as dt
import re
import socket
import socketserver
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import parse_headers
from typing import Any
from urllib.request import urlopen

import orjson
import pytest
from confluent_kafka import Consumer
from typing_extensions import override

from tests.integration.conftest import PARTITIONS, SETTLE, Kafka
from topics.catalogue import APEX_GATEWAY, APEX_JOURNALS

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PATIENCE_SECONDS = 60.0
# In winter, when 17:00 in Chicago is 23:00 UTC.
NOON = dt.datetime(2025, 11, 10, 18, tzinfo=dt.UTC)
Event = dict[str, Any]


class Firm:
    """A simulated clearing firm that runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def books(self) -> dict[str, Event]:
        """Return its journals by id."""
        with urlopen(self.url, timeout=10) as answer:  # noqa: S310 - our own server
            return {one["journal_id"]: one for one in orjson.loads(answer.read())["journals"]}


@contextmanager
def clearing_firm(*faults: str, port: int = 0) -> Iterator[Firm]:
    """Run a firm with some faults."""
    with subprocess.Popen(
        [str(SETTLE), "apex-simulator", "--port", str(port), "--history", *faults],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            found = re.fullmatch(r"clearing firm at (\S+)\n", process.stdout.readline())
            assert found is not None
            yield Firm(found[1])
        finally:
            process.terminate()
        assert process.wait(timeout=20) == 0


class Day:
    """A produced history of one client's Apex accounts; each line a second after the one before.

    The days of a module follow each other.
    """

    def __init__(self, kafka: Kafka, client: str) -> None:
        self.kafka = kafka
        self.client = client
        told = len(list(kafka.directory.glob("*-1.jsonl")))
        self.at = NOON + dt.timedelta(days=told)
        self._number = 0
        self._piece = 0
        self._lines: list[bytes] = []

    def line(self, topic: str, kind: str, **fields: object) -> None:
        self._number += 1
        self.at += dt.timedelta(seconds=1)
        at = self.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        head = {"type": kind, "event_id": f"{self.client}-{self._number}", "event_time": at}
        self._lines.append(orjson.dumps({"topic": topic, "value": head | fields}) + b"\n")

    def opened(self, accounts: int) -> "Day":
        """Tell a market, the client, and its accounts."""
        self.line("clients", "ClientUpdated", client=self.client, commission_model="MARKUP")
        self.line(
            "instruments",
            "InstrumentUpdated",
            symbol="BTCUSD",
            base="BTC",
            minimum_price_increment="0.01",
            minimum_quantity_increment="0.0001",
            stale_after_ms=86_400_000,
        )
        for number in range(accounts):
            self.line(
                "accounts",
                "AccountUpdated",
                account_id=self.account(number),
                client=self.client,
                funding_model="APEX_CLEARING",
            )
        sides = {"bid_price": "99.00", "bid_size": "99", "ask_price": "100.00", "ask_size": "99"}
        self.line("price-ticks", "PriceTick", provider="v", symbol="BTCUSD", **sides)
        return self

    def account(self, number: int) -> str:
        return f"{self.client}{number:04d}"

    def buys(self, accounts: int, orders: int = 1) -> "Day":
        """Let each account buy 0.1 for 10.00, some times."""
        for order in range(orders):
            for number in range(accounts):
                self.line(
                    "orders",
                    "OrderSubmitted",
                    account_id=self.account(number),
                    client_order_id=f"o{order}",
                    symbol="BTCUSD",
                    side="BUY",
                    order_type="MARKET",
                    time_in_force="IOC",
                    quantity="0.1",
                )
        return self

    def until(self, time_of_day: str) -> "Day":
        """Let time pass, to a time of that day in UTC."""
        clock = dt.time.fromisoformat(time_of_day)
        at = dt.datetime.combine(self.at.date(), clock, dt.UTC)
        self.at = at - dt.timedelta(seconds=1)
        self.line("clock", "ClockTicked", at=at.strftime("%Y-%m-%dT%H:%M:%SZ"))
        return self

    def produce(self) -> None:
        """Send what was told since the last time."""
        self._piece += 1
        path = self.kafka.directory / f"{self.client}-{self._piece}.jsonl"
        path.write_bytes(b"".join(self._lines))
        self._lines.clear()
        self.kafka.settle("produce", str(path), "--in-step")

    def events(self, topic: str) -> list[Event]:
        """Return what is committed of this client, in each partition's order."""
        shown = self.kafka.settle("consume", topic, "--json")
        found = [orjson.loads(line) for line in shown.stdout.splitlines()]
        return [
            event
            for event in found
            if self.client in (event.get("client"), str(event.get("source_key"))[:4])
        ]

    def wait_for(self, topic: str, wanted: Callable[[list[Event]], bool]) -> list[Event]:
        """Wait until what is committed of a topic is as wanted."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not wanted(events := self.events(topic)):
            assert time.monotonic() < give_up, (self.kafka.said()[-3000:], events[-3:])
            time.sleep(0.5)
        return events


def outcomes(events: list[Event]) -> Counter[str]:
    """Count events by type, and reason if they have one."""
    return Counter(f"{event['type']} {event.get('reason') or ''}".strip() for event in events)


@contextmanager
def worker(kafka: Kafka, firm_url: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a whole worker with the gateway, to a clean end; by then what was written verifies."""
    process = kafka.worker("--no-clock", SETTLE_APEX_URL=firm_url, **more)
    try:
        yield process
        verified(kafka)
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0, kafka.said()[-3000:]


def verified(kafka: Kafka) -> None:
    """Every task partition is refolded from its inputs, answers of the firm among them.

    What is still on its way through the tasks gets the time that it needs.
    """
    give_up = time.monotonic() + PATIENCE_SECONDS
    while (done := kafka.settle("verify", check=False)).returncode:
        assert "unanswered" in done.stderr, done.stderr
        assert time.monotonic() < give_up, done.stderr
        time.sleep(0.5)
    assert "no difference" in done.stdout


def settled(count: int) -> Callable[[list[Event]], bool]:
    """Whether so many calls have settled."""
    return lambda events: outcomes(events)["CashCallSettled"] >= count


# -- each fault alone ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "faults", "attempts"),
    [
        pytest.param("GOOD", (), 1, id="none"),
        pytest.param("SLOW", ("--delay", "1500"), 2, id="delay"),
        # Of this seed no journal needs more than three attempts: each waits twice as long.
        pytest.param("ERRS", ("--5xx", "0.5", "--seed", "5"), 3, id="5xx"),
        pytest.param("CUTS", ("--cut", "0.5", "--seed", "5"), 3, id="cut"),
        pytest.param("TWIC", ("--repeat", "1"), 1, id="repeat"),
    ],
)
def test_every_journal_settles_once_whatever_the_road(
    kafka: Kafka, client: str, faults: tuple[str, ...], attempts: int
) -> None:
    """Asked for again until it is answered; repeats have no effect, nothing is dead-lettered."""
    day = Day(kafka, client)
    with clearing_firm(*faults) as firm, worker(kafka, firm.url):
        day.opened(6).buys(6).produce()
        calls = day.wait_for("cash-calls", settled(6))
        books = firm.books()
    assert outcomes(calls) == {"CashCallRequested": 6, "CashCallSettled": 6}
    asked = {event["journal_id"] for event in day.events("apex-journals")}
    assert books.keys() == asked
    assert max(one["attempts"] for one in books.values()) >= attempts
    assert day.events("dead-letters") == []


def test_rejected_asked_for_again_at_the_retry_and_given_what_is_unknown(kafka: Kafka) -> None:
    """A third is rejected, a third for a reason that nobody knows: its call stays unanswered."""
    day = Day(kafka, "REJE")
    faults = ("--reject", "0.4/LIMIT_REVIEW", "--reject", "0.4/TOO_LATE", "--seed", "2")
    with clearing_firm(*faults) as firm, worker(kafka, firm.url):
        day.opened(12).buys(12).produce()
        wanted = 12
        day.wait_for("apex-journals", lambda events: len(events) == wanted)
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            calls = outcomes(day.events("cash-calls"))
            letters = outcomes(day.events("dead-letters"))
            settled_now, rejected = calls["CashCallSettled"], calls["CashCallFailed LIMIT_REVIEW"]
            unknown = letters["DeadLetter UNKNOWN_REASON"]
            if settled_now + rejected + unknown == wanted:
                break
            assert time.monotonic() < give_up, (calls, letters)
            time.sleep(0.5)
        assert min(settled_now, rejected, unknown) > 0
        day.until("23:00:01").produce()
        asked = day.wait_for(
            "apex-journals", lambda events: len(events) == wanted + rejected + unknown
        )
    again = Counter(event["journal_id"] for event in asked if _at_the_retry(event))
    firsts = {journal for journal in again if journal.endswith("-1")}
    assert len(firsts) == unknown  # timed out: the same id
    assert len(again.keys() - firsts) == rejected  # rejected: the next


def _at_the_retry(event: Event) -> bool:
    """Whether it was made at 17:00 in Chicago."""
    return str(event["event_time"])[11:] == "23:00:00.000000Z"


def test_a_contradiction_is_kept_and_changes_nothing(kafka: Kafka) -> None:
    day = Day(kafka, "BOTH")
    with clearing_firm("--contradict", "1") as firm, worker(kafka, firm.url):
        day.opened(4).buys(4).produce()
        calls = day.wait_for("cash-calls", settled(4))
        letters = day.wait_for("dead-letters", lambda events: len(events) == 4)
    assert outcomes(calls) == {"CashCallRequested": 4, "CashCallSettled": 4}
    assert outcomes(letters) == {"DeadLetter CONTRADICTION": 4}


def test_one_account_s_silence_delays_no_other_and_ends_at_the_next_retry(kafka: Kafka) -> None:
    """Given up after two seconds; at 17:00 the call has timed out and goes out again."""
    day = Day(kafka, "MUTE")
    with clearing_firm("--never", "0.3", "--seed", "5") as firm:
        with worker(kafka, firm.url, SETTLE_APEX_TIMEOUT_MS="500", SETTLE_APEX_GIVE_UP_MS="2000"):
            day.opened(10).buys(10, orders=2).produce()
            mute = (
                20
                - outcomes(
                    day.wait_for("cash-calls", lambda events: _settled_for_good(events, firm))
                )["CashCallSettled"]
            )
            assert 0 < mute < 20
            day.until("23:00:01").produce()
            day.wait_for("cash-calls", lambda e: outcomes(e)["CashCallFailed TIMEOUT"] == mute)
        assert "no answer of the clearing firm" in kafka.said()
        asked = Counter(event["journal_id"] for event in day.events("apex-journals"))
    assert Counter(asked.values()) == {1: 20 - mute, 2: mute}


def _settled_for_good(events: list[Event], firm: Firm) -> bool:
    """Whether every journal that the firm answered has settled its call."""
    books = firm.books()
    answered = sum(bool(one["answers"]) for one in books.values())
    return len(books) == 20 and answered == outcomes(events)["CashCallSettled"] > 0


def test_a_firm_that_is_down_is_asked_until_it_is_up_and_a_worker_may_die(kafka: Kafka) -> None:
    """Killed with journals unanswered: the next one asks for them again, none is lost."""
    day = Day(kafka, "DOWN")
    with clearing_firm() as firm:
        url = firm.url
    port = int(url.rpartition(":")[2].partition("/")[0])
    process = kafka.worker("--no-clock", SETTLE_APEX_URL=url)
    day.opened(5).buys(5).produce()
    day.wait_for("apex-journals", lambda events: len(events) == 5)
    process.kill()
    process.wait()
    with worker(kafka, url), clearing_firm(port=port) as firm:
        calls = day.wait_for("cash-calls", settled(5))
        assert {one["attempts"] for one in firm.books().values()} == {1}
    assert outcomes(calls) == {"CashCallRequested": 5, "CashCallSettled": 5}


def test_everything_at_once(kafka: Kafka) -> None:
    """Every fault, two workers, and a retry: each journal moves its money once or is reported."""
    day = Day(kafka, "WILD")
    faults = "--reject 0.2/INSUFFICIENT_FUNDS --delay 300 --repeat 0.3 --contradict 0.2 --5xx 0.2"
    with clearing_firm(*faults.split(), "--cut", "0.2", "--seed", "11") as firm:
        url = firm.url
        with worker(kafka, url), worker(kafka, url):
            day.opened(8).buys(8, orders=5).produce()
            day.wait_for("cash-calls", lambda events: _answered(events) == 40)
            day.until("23:00:01").produce()
            rejected = outcomes(day.events("cash-calls"))["CashCallFailed INSUFFICIENT_FUNDS"]
            day.wait_for("apex-journals", lambda events: len(events) == 40 + rejected)
            calls = day.wait_for("cash-calls", lambda events: _answered(events) == 40 + rejected)
        books = firm.books()
    paid = sum(one["answers"][0]["status"] == "COMPLETED" for one in books.values())
    assert outcomes(calls)["CashCallSettled"] == paid
    assert outcomes(day.events("dead-letters")).keys() <= {"DeadLetter CONTRADICTION"}


def _answered(events: list[Event]) -> int:
    counts = outcomes(events)
    return counts["CashCallSettled"] + counts["CashCallFailed INSUFFICIENT_FUNDS"]


# -- hostile bytes -------------------------------------------------------------------------------


def _http(body: bytes, *headers: str, length: bool = True) -> bytes:
    """Return a whole response of HTTP."""
    head = ["HTTP/1.1 200 OK", "Connection: close", *headers]
    if length:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def _answer(journal: str, **more: object) -> bytes:
    completed = {"journal_id": journal, "status": "COMPLETED", "amount": "10.00"}
    return orjson.dumps({"answers": [completed | more]})


def _two_packets(journal: str) -> list[bytes]:
    whole = _http(_answer(journal))
    return [whole[:-20], whole[-20:]]


def _chunked(journal: str) -> list[bytes]:
    body = _answer(journal)
    parts = [body[:10], body[10:50], body[50:]]
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]
    return [_http(b"", "Transfer-Encoding: chunked", length=False), *chunks, b"0\r\n\r\n"]


_BAD_HOUR = "Tue, 11 Nov 2025 99999999999999999999:00:00 GMT"
_BAD_ZONE = "Tue, 11 Nov 2025 18:00:00 +99999999999999"
_NESTED = b"[" * 300 + b"]" * 300
# By account number: what the firm sends, a packet each, and how the call ends.
_HOSTILE: list[tuple[str, Callable[[str], list[bytes]], str]] = [
    ("an answer in two packets", _two_packets, "settled"),
    ("a chunked answer", _chunked, "settled"),
    ("300 KB", lambda j: [_http(_answer(j, note="x" * 300_000))], "settled"),
    ("an hour that is none", lambda j: [_http(_answer(j), f"Date: {_BAD_HOUR}")], "settled"),
    ("a zone that is none", lambda j: [_http(_answer(j), f"Date: {_BAD_ZONE}")], "settled"),
    ("300 nested lists", lambda _: [_http(b'{"answers": [%s]}' % _NESTED)], "dead-lettered"),
    ("2 MB", lambda j: [_http(_answer(j, note="x" * 2_000_000))], "dead-lettered"),
    ("no HTTP", lambda _: [b"\xff\xfe\x00garbage\r\n\r\n"], "open"),
    ("a header of 100 KB", lambda j: [_http(_answer(j), "X: " + "x" * 100_000)], "open"),
    ("no gzip", lambda j: [_http(_answer(j), "Content-Encoding: gzip")], "open"),
    ("half a body", lambda j: [_http(_answer(j))[:-20]], "open"),
    ("a cookie that is none", lambda j: [_http(_answer(j), 'Set-Cookie: "\xff=;;')], "settled"),
]


class _HostileFirm(socketserver.StreamRequestHandler):
    """Reads one request and answers it with the packets of its account's row."""

    @override
    def handle(self) -> None:
        self.rfile.readline()
        headers = parse_headers(self.rfile)
        request = orjson.loads(self.rfile.read(int(headers.get("Content-Length", "0"))))
        _, packets, _ = _HOSTILE[int(request["account_id"][4:])]
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(ConnectionError):  # the gateway stops reading when it has had enough
            for packet in packets(request["journal_id"]):
                self.wfile.write(packet)
                time.sleep(0.2)


def test_nothing_that_the_firm_sends_ends_the_worker(kafka: Kafka) -> None:
    """Each answer is read whole, kept in a dead letter, or asked for again; all accounts go on."""
    day = Day(kafka, "EVIL")
    ends = Counter(end for _, _, end in _HOSTILE)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _HostileFirm) as firm:
        firm.daemon_threads = True
        threading.Thread(target=firm.serve_forever, daemon=True).start()
        with worker(
            kafka, f"http://127.0.0.1:{firm.server_address[1]}/", SETTLE_APEX_GIVE_UP_MS="3000"
        ):
            day.opened(len(_HOSTILE)).buys(len(_HOSTILE)).produce()
            calls = day.wait_for("cash-calls", settled(ends["settled"]))
            letters = day.wait_for("dead-letters", lambda e: len(e) == ends["dead-lettered"])
            firm.shutdown()
    settled_accounts = {e["account_id"] for e in calls if e["type"] == "CashCallSettled"}
    assert settled_accounts == {
        day.account(number) for number, (_, _, end) in enumerate(_HOSTILE) if end == "settled"
    }
    assert outcomes(letters) == {"DeadLetter UNKNOWN_TYPE": ends["dead-lettered"]}
    assert "Traceback" not in kafka.said()


# -- who leaves ------------------------------------------------------------------------------------


def test_a_stop_does_not_wait_for_a_member_that_is_silent(kafka: Kafka) -> None:
    """Its group waits for it, with all who are to come or go, for a minute."""
    with clearing_firm() as firm:
        process = kafka.worker("--no-clock", "--task", APEX_GATEWAY, SETTLE_APEX_URL=firm.url)
        silent = _member(kafka)
        give_up = time.monotonic() + PATIENCE_SECONDS
        while len(silent.assignment()) != PARTITIONS // 2:  # the worker has the others
            assert time.monotonic() < give_up, kafka.said()[-3000:]
            silent.poll(0.1)
        # It polls no more, so it does not hear that somebody comes.
        newcomer = _member(kafka)
        time.sleep(3)
        process.terminate()
        assert process.wait(timeout=10) == 0, kafka.said()[-3000:]
        newcomer.close()
        silent.close()


def _member(kafka: Kafka) -> Consumer:
    """Return a foreign member of the gateway's group; it joins again only if it polls."""
    member = Consumer(
        {
            "bootstrap.servers": kafka.address,
            "group.id": APEX_GATEWAY,
            "partition.assignment.strategy": "roundrobin",
            "max.poll.interval.ms": 60_000,
            "session.timeout.ms": 30_000,
        }
    )
    member.subscribe([APEX_JOURNALS])
    return member
