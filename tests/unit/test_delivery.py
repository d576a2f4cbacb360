"""Task delivery: queues of files, each delivered once, a client in trouble parked (contract 11)."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
import pytest

from pipeline.delivery import DeliveryTask, File, IssuedFile, file_not_put, file_put
from pipeline.task import Record
from settlement.cause import Out, fields
from topics.catalogue import REPORT_DELIVERIES, REPORT_ISSUES, REPORT_PUTS

AT = "2026-03-09T14:30:00.000000Z"
SINCE_MS = 1_773_066_600_000  # as AT
LATER_MS = SINCE_MS + 60_000


class Step(NamedTuple):
    """What one record led to."""

    delivered: list[dict[str, Any]]
    files: list[File]


class Delivery:
    """A task partition, and what its state topic holds."""

    def __init__(self, *, restarts: bool = False) -> None:
        self.restarts = restarts
        self.task = DeliveryTask(0, 1)
        self.stored: dict[bytes, bytes] = {}
        self.offset = 0

    def take(
        self, event: Mapping[str, Any], topic: str = REPORT_PUTS, at_ms: int = SINCE_MS
    ) -> Step:
        out: Out = []
        record = Record(topic, 0, self.offset, at_ms, b"", orjson.dumps(event))
        self.offset += 2  # the transaction's mark lies between
        assert list(self.task.apply(self.task.read(record), out)) == []
        files, self.task.files = self.task.files, []
        for key, value in self.task.changes():
            if value is None:
                del self.stored[key]
            else:
                self.stored[key] = value
        if self.restarts:
            self.restart()
        said = [dict(fields(event)) for _, _, event in out]
        assert [(topic, key) for topic, key, _ in out] == [
            (REPORT_DELIVERIES, event["client"]) for event in said
        ]
        return Step(said, files)

    def issue(self, client: str, key: str, *texts: str) -> Step:
        content = "".join(texts).encode()
        step = Step([], [])
        for part, text in enumerate(texts, 1):
            last = part == len(texts)
            step = self.take(
                {
                    "type": "ReportIssued",
                    "event_id": f"{key}-{part}",
                    "event_time": AT,
                    "cause_id": f"AGED_REPORT@{AT}",
                    "client": client,
                    "report": "AGED_TPJ",
                    "key": key,
                    "part": part,
                    "text": text,
                    "delivered_id": f"{key}-delivered" if last else None,
                    "rows": 7 if last else None,
                    "sha256": sha256(content).hexdigest() if last else None,
                    "control_total": "1.50" if last else None,
                },
                REPORT_ISSUES,
            )
        return step

    def file(self, client: str, key: str) -> IssuedFile:
        return self.task.queues[client][key]

    def restart(self) -> None:
        """Put the task up again from its state topic, whose order is nobody's."""
        self.task = DeliveryTask(0, 1)
        for key, value in reversed(self.stored.items()):
            self.task.restore(key, value)
        self.task.restored()


@pytest.fixture(params=[False, True], ids=["running", "restarted-each-time"])
def delivery(request: pytest.FixtureRequest) -> Delivery:
    """A task that runs through, and one that is killed behind every record."""
    return Delivery(restarts=request.param)


def test_a_file_is_delivered_when_it_was_put_and_not_before(delivery: Delivery) -> None:
    issued = delivery.issue("ACME", "a.csv", "x,y\n")
    assert issued == Step([], [File("ACME", "a.csv", b"x,y\n")])
    put = delivery.take(file_put(delivery.file("ACME", "a.csv")))
    assert put.delivered == [
        {
            "type": "ReportDelivered",
            "event_id": "a.csv-delivered",
            "event_time": AT,
            "cause_id": f"AGED_REPORT@{AT}",
            "client": "ACME",
            "report": "AGED_TPJ",
            "uri": "s3://ACME/a.csv",
            "rows": 7,
            "sha256": sha256(b"x,y\n").hexdigest(),
            "control_total": "1.50",
        }
    ]
    assert delivery.stored == {}  # nothing is kept of it


def test_that_it_was_put_may_be_said_many_times(delivery: Delivery) -> None:
    delivery.issue("ACME", "a.csv", "x\n")
    said = file_put(delivery.file("ACME", "a.csv"))
    assert [len(delivery.take(said).delivered) for _ in range(3)] == [1, 0, 0]


def test_a_put_that_nobody_issued_has_no_effect(delivery: Delivery) -> None:
    delivery.issue("ACME", "a.csv", "x\n")
    said = file_put(delivery.file("ACME", "a.csv"))
    other = {**said, "key": "b.csv"}
    assert delivery.take(other).delivered == []
    assert delivery.take({**said, "client": "BETA"}).delivered == []
    assert list(delivery.task.queues) == ["ACME"]


def test_a_file_of_parts_is_one_file(delivery: Delivery) -> None:
    delivery.issue("ACME", "a.csv", "1\n", "2\n", "3\n")
    file = delivery.file("ACME", "a.csv")
    assert (file.first, file.last) == (0, 4)
    assert file.sha256 == sha256(b"1\n2\n3\n").hexdigest()
    assert [key.partition(b"|")[0] for key in delivery.stored] == [b"file"]  # no part is under way


def test_its_bytes_are_at_hand_if_it_was_not_cut_by_a_restart() -> None:
    whole, cut = Delivery(), Delivery(restarts=True)
    assert whole.issue("ACME", "a.csv", "1\n", "2\n").files == [File("ACME", "a.csv", b"1\n2\n")]
    assert cut.issue("ACME", "a.csv", "1\n", "2\n").files == []  # they are in report-issues


def test_files_wait_in_the_order_of_their_issue(delivery: Delivery) -> None:
    for key in ("c.csv", "a.csv", "b.csv"):
        for client in ("ACME", "BETA"):
            delivery.issue(client, key, "x\n")
    assert [list(queue) for queue in delivery.task.queues.values()] == [
        ["c.csv", "a.csv", "b.csv"]
    ] * 2


def test_a_parked_client_is_shown_and_others_are_not_touched(delivery: Delivery) -> None:
    for client in ("ACME", "BETA"):
        delivery.issue(client, "a.csv", "x\n")
    delivery.issue("ACME", "b.csv", "x\n")
    delivery.take(file_not_put(delivery.file("ACME", "a.csv"), "NO_BUCKET", "404 Not Found"))
    assert delivery.task.alerts() == [
        "2 files of ACME are parked since 2026-03-09T14:30:00.000Z: NO_BUCKET: 404 Not Found"
    ]
    assert delivery.task.status()["files_waiting"] == 3
    assert list(delivery.task.status()["parked_clients"]) == ["ACME"]
    assert delivery.take(file_put(delivery.file("BETA", "a.csv"))).delivered


def test_since_when_a_client_is_parked_stays_while_the_reason_changes(delivery: Delivery) -> None:
    delivery.issue("ACME", "a.csv", "x\n")
    file = delivery.file("ACME", "a.csv")
    delivery.take(file_not_put(file, "UNAVAILABLE", "503"), at_ms=SINCE_MS)
    delivery.take(file_not_put(file, "NOT_ALLOWED", "403"), at_ms=LATER_MS)
    assert delivery.task.parked["ACME"].since_ms == SINCE_MS
    assert "NOT_ALLOWED: 403" in delivery.task.alerts()[0]


def test_a_put_ends_the_parking(delivery: Delivery) -> None:
    for key in ("a.csv", "b.csv"):
        delivery.issue("ACME", key, "x\n")
    delivery.take(file_not_put(delivery.file("ACME", "a.csv"), "UNAVAILABLE", "503"))
    assert delivery.take(file_put(delivery.file("ACME", "a.csv"))).delivered
    assert delivery.task.alerts() == []
    assert list(delivery.task.queues["ACME"]) == ["b.csv"]


def test_a_late_word_of_a_former_owner_parks_nobody(delivery: Delivery) -> None:
    delivery.issue("ACME", "a.csv", "x\n")
    file = delivery.file("ACME", "a.csv")
    delivery.take(file_put(file))
    delivery.take(file_not_put(file, "UNAVAILABLE", "503"))
    assert (delivery.task.alerts(), delivery.stored) == ([], {})


def test_what_is_said_of_a_put_has_an_id_of_its_own() -> None:
    delivery = Delivery()
    delivery.issue("ACME", "a.csv", "x\n")
    file = delivery.file("ACME", "a.csv")
    said = [
        file_put(file),
        file_not_put(file, "UNAVAILABLE", "503"),
        file_not_put(file, "UNAVAILABLE", "no answer in time"),
        file_not_put(file, "NOT_ALLOWED", "503"),
    ]
    ids = [event["event_id"] for event in said]
    assert len(set(ids)) == len(ids)
    assert file_put(file) == said[0]


def _a_part_is_missing(delivery: Delivery) -> None:
    delivery.issue("ACME", "a.csv", "1\n")
    delivery.take({**ISSUED, "key": "b.csv", "part": 2}, REPORT_ISSUES)


def _another_file_begins_in_the_middle(delivery: Delivery) -> None:
    delivery.take({**ISSUED, "delivered_id": None}, REPORT_ISSUES)
    delivery.take({**ISSUED, "key": "b.csv", "part": 2}, REPORT_ISSUES)


def _issued_twice(delivery: Delivery) -> None:
    delivery.issue("ACME", "a.csv", "1\n")
    delivery.issue("ACME", "a.csv", "2\n")


def _other_bytes_were_put(delivery: Delivery) -> None:
    delivery.issue("ACME", "a.csv", "1\n")
    said = file_put(delivery.file("ACME", "a.csv"))
    delivery.take({**said, "sha256": sha256(b"2\n").hexdigest()})


def _an_unknown_event(delivery: Delivery) -> None:
    delivery.take({"type": "FileLost", "event_time": AT})


ISSUED = {
    "type": "ReportIssued",
    "event_id": "1",
    "event_time": AT,
    "cause_id": "c",
    "client": "ACME",
    "report": "AGED_TPJ",
    "key": "a.csv",
    "part": 1,
    "text": "x\n",
    "delivered_id": "d",
    "rows": 1,
    "sha256": sha256(b"x\n").hexdigest(),
    "control_total": "1.00",
}


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        pytest.param(_a_part_is_missing, "part 2 of ACME/b.csv", id="a-part-is-missing"),
        pytest.param(
            _another_file_begins_in_the_middle, "part 2 of ACME/b.csv", id="in-the-middle"
        ),
        pytest.param(_issued_twice, "ACME/a.csv is issued twice", id="issued-twice"),
        pytest.param(_other_bytes_were_put, "ACME/a.csv: put with sha256", id="other-bytes"),
        pytest.param(_an_unknown_event, "a FileLost in report-puts", id="unknown"),
    ],
)
def test_what_can_not_be_stops_the_worker(
    delivery: Delivery, broken: Callable[[Delivery], None], says: str
) -> None:
    with pytest.raises(AssertionError, match=says):
        broken(delivery)
