"""Reading a history (contract section 12, `settle replay`): formats, order, bad lines, values."""

import gzip
import io
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from replay.engine import History
from replay.output import WrittenFile
from replay.read import InputLine, UnreadableInputError, raw_value, read_inputs
from schemas.instant import micros
from settlement.reports.report import Report
from settlement.reports.rows import MemoryRows
from topics.decode import Refused

# In this order lines of one instant are applied (section 12).
TOPICS = (
    "clients",
    "instruments",
    "accounts",
    "price-ticks",
    "apex-journal-results",
    "fundings",
    "net-wires",
    "orders",
)
VALUES: dict[str, dict[str, Any]] = {
    "clients": {"type": "ClientUpdated", "client": "ACME", "commission_model": "MARKUP"},
    "instruments": {
        "type": "InstrumentUpdated",
        "symbol": "BTCUSD",
        "base": "BTC",
        "minimum_price_increment": "0.01",
        "minimum_quantity_increment": "0.01",
    },
    "accounts": {"type": "AccountUpdated", "account_id": "ACME0001", "client": "ACME"},
    "price-ticks": {"type": "PriceTick", "provider": "p", "symbol": "BTCUSD"},
    "apex-journal-results": {
        "type": "ApexJournalCompleted",
        "account_id": "ACME0001",
        "journal_id": "J",
        "amount": "1.00",
    },
    "fundings": {
        "type": "DepositSettled",
        "account_id": "ACME0001",
        "funding_id": "D1",
        "amount": "1.00",
    },
    "net-wires": {"type": "NetWireReceived", "wire_id": "W", "client": "ACME", "amount": "1.00"},
    "orders": {
        "type": "OrderCancelRequested",
        "account_id": "ACME0001",
        "client_order_id": "o1",
        "cancel_id": "c1",
    },
}
OURS = (
    "bbo",
    "order-updates",
    "executions",
    "cash-calls",
    "funding-updates",
    "apex-journals",
    "aged-failures",
    "journal",
    "balances",
    "net-settlements",
    "revenue-shares",
    "report-deliveries",
    "dead-letters",
)


def line(topic: str, at: str, event_id: str = "e") -> bytes:
    """Return a good line of a topic, at a time of March 3, 2026."""
    head = {"event_id": event_id, "event_time": f"2026-03-03T{at}Z"}
    return orjson.dumps({"topic": topic, "value": VALUES[topic] | head}) + b"\n"


def clients(*ats: str, name: str = "") -> bytes:
    """Return client lines at these times, event ids `{name}1`, `{name}2` ..."""
    return b"".join(line("clients", at, f"{name}{n}") for n, at in enumerate(ats, 1))


def file(folder: Path, content: bytes, name: str = "in.jsonl") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def ids(lines: Iterator[InputLine]) -> list[str]:
    """Return the event ids of good lines."""
    return ["bad" if isinstance(read.event, Refused) else read.event.event_id for read in lines]


# -- order -----------------------------------------------------------------------------------------


def test_files_are_merged_by_event_time(tmp_path: Path) -> None:
    one = file(tmp_path, clients("10:00:00", "10:00:02", "10:00:03", name="a"), "one")
    two = file(tmp_path, clients("09:59:59", "10:00:01", "10:00:04", name="b"), "two")
    assert ids(read_inputs([one, two])) == ["b1", "a1", "b2", "a2", "a3", "b3"]


@pytest.mark.parametrize("spread", [False, True], ids=["one-file", "a-file-for-each"])
def test_at_one_instant_by_topic(tmp_path: Path, spread: bool) -> None:
    """Whatever their order in a file, and however the files are named."""
    lines = [line(topic, "10:00:00", topic) for topic in sorted(TOPICS, reverse=True)]
    if spread:
        paths = [file(tmp_path, text, f"{n}") for n, text in enumerate(lines)]
    else:
        paths = [file(tmp_path, b"".join(lines))]
    assert ids(read_inputs(paths)) == list(TOPICS)


def test_at_one_instant_of_one_topic_by_position_among_the_inputs_then_line(tmp_path: Path) -> None:
    one = file(tmp_path, clients("10:00:00", "10:00:00", name="z"), "z")
    two = file(tmp_path, clients("10:00:00", "10:00:00", name="a"), "a")
    assert ids(read_inputs([one, two])) == ["z1", "z2", "a1", "a2"]
    assert ids(read_inputs([two, one])) == ["a1", "a2", "z1", "z2"]


def test_topics_of_other_instants_keep_their_time(tmp_path: Path) -> None:
    content = line("orders", "10:00:00", "1") + line("clients", "10:00:00.000001", "2")
    assert ids(read_inputs([file(tmp_path, content)])) == ["1", "2"]


def test_times_compare_as_instants_not_as_text(tmp_path: Path) -> None:
    """10:00:00Z, 10:00:00.0Z and 10:00:00.000000Z are one instant; 10:00:00.5Z is later."""
    one = file(tmp_path, clients("10:00:00", "10:00:00.000000", "10:00:00.5", name="a"), "one")
    two = file(tmp_path, clients("10:00:00.0", "10:00:00.499999", name="b"), "two")
    assert ids(read_inputs([one, two])) == ["a1", "a2", "b1", "b2", "a3"]


def test_the_same_file_twice_is_read_twice(tmp_path: Path) -> None:
    path = file(tmp_path, clients("10:00:00", "10:00:01"))
    assert ids(read_inputs([path, path])) == ["1", "1", "2", "2"]


def test_line_numbers_count_every_line_from_one(tmp_path: Path) -> None:
    content = clients("10:00:00") + b'{"topic":"bbo","value":{}}\n' + line("orders", "10:00:01")
    read = list(read_inputs([file(tmp_path, content)]))
    assert [(entry.topic, entry.number) for entry in read] == [("clients", 1), ("orders", 3)]


def test_a_bad_value_stands_at_the_time_of_the_line_before(tmp_path: Path) -> None:
    """Between the good lines of its own file; its own `event_time` says nothing."""
    bad = orjson.dumps(
        {"topic": "clients", "value": {"type": "X", "event_time": "2030-01-01T00:00:00Z"}}
    )
    one = file(tmp_path, clients("10:00:00") + bad + b"\n" + clients("10:00:02"), "one")
    two = file(tmp_path, line("orders", "10:00:00.5", "o"), "two")
    read = list(read_inputs([one, two]))
    assert ids(iter(read)) == ["1", "bad", "o", "1"]
    assert read[1].at == micros("2026-03-03T10:00:00Z")


def test_nothing_is_read_before_it_is_needed(tmp_path: Path) -> None:
    """The bad fourth line shows only when it is reached: a history streams."""
    path = file(tmp_path, clients("10:00:00", "10:00:01", "10:00:02") + b"no line\n")
    lines = read_inputs([path])
    assert next(lines).number == 1
    assert next(lines).number == 2
    with pytest.raises(UnreadableInputError, match="line 4"):
        list(lines)


# -- formats ---------------------------------------------------------------------------------------


def test_gzip_is_known_by_content_not_by_name(tmp_path: Path) -> None:
    content = clients("10:00:00", "10:00:01")
    packed = file(tmp_path, gzip.compress(content), "packed.jsonl")
    plain = file(tmp_path, content, "plain.jsonl.gz")
    assert ids(read_inputs([packed])) == ids(read_inputs([plain])) == ["1", "2"]


def test_gzip_of_several_members_is_one_file(tmp_path: Path) -> None:
    members = gzip.compress(clients("10:00:00")) + gzip.compress(clients("10:00:01", name="b"))
    assert ids(read_inputs([file(tmp_path, members)])) == ["1", "b1"]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_standard_input(
    monkeypatch: pytest.MonkeyPatch,
    packed: bool,
) -> None:
    content = clients("10:00:00", "10:00:01")
    stream = io.BytesIO(gzip.compress(content) if packed else content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(stream)))
    assert ids(read_inputs(["-"])) == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        pytest.param(b"", [], id="empty"),
        pytest.param(gzip.compress(b""), [], id="gzip-of-nothing"),
        pytest.param(clients("10:00:00").rstrip(b"\n"), ["1"], id="no-line-end-at-the-end"),
        pytest.param(clients("10:00:00").replace(b"\n", b"\r\n"), ["1"], id="crlf"),
        pytest.param(b"  " + clients("10:00:00"), ["1"], id="spaces-around"),
    ],
)
def test_what_is_still_json_lines(tmp_path: Path, content: bytes, wanted: list[str]) -> None:
    assert ids(read_inputs([file(tmp_path, content)])) == wanted


@pytest.mark.parametrize("topic", OURS)
def test_lines_of_topics_that_we_emit_are_ignored(tmp_path: Path, topic: str) -> None:
    """So a directory's own output can be fed back; they need not even be in order."""
    ours = orjson.dumps({"topic": topic, "value": {"event_time": "1999-01-01T00:00:00Z"}})
    content = clients("10:00:00") + ours + b"\n" + clients("10:00:01", name="b")
    assert ids(read_inputs([file(tmp_path, content)])) == ["1", "b1"]


# -- lines that end a replay -----------------------------------------------------------------------

GOOD = clients("10:00:00")


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        pytest.param(b"\n", "not a JSON object with a topic and a value", id="blank"),
        pytest.param(b"hello\n", "not a JSON object", id="words"),
        pytest.param(GOOD[: len(GOOD) // 2], "not a JSON object", id="truncated"),
        pytest.param(b"\x00\x01\x02\xff\xfe\n", "not a JSON object", id="binary"),
        pytest.param(b"[]\n", "not a JSON object", id="a-list"),
        pytest.param(b'"text"\n', "not a JSON object", id="a-string"),
        pytest.param(b"17\n", "not a JSON object", id="a-number"),
        pytest.param(b"null\n", "not a JSON object", id="null"),
        pytest.param(b"{}\n", "not a JSON object", id="no-members"),
        pytest.param(b'{"topic":"clients"}\n', "not a JSON object", id="no-value"),
        pytest.param(b'{"value":{}}\n', "not a JSON object", id="no-topic"),
        pytest.param(b'{"topic":["clients"],"value":{}}\n', "not a JSON", id="a-list-of-topics"),
        pytest.param(b'{"topic":"client","value":{}}\n', "no topic 'client'", id="unknown-topic"),
        pytest.param(b'{"topic":"","value":{}}\n', "no topic ''", id="empty-topic"),
        pytest.param(b'{"topic":null,"value":{}}\n', "no topic None", id="null-topic"),
        pytest.param(b'{"topic":5,"value":{}}\n', "no topic 5", id="number-topic"),
        pytest.param(GOOD.strip() + b"," + GOOD, "not a JSON object", id="two-on-a-line"),
        pytest.param(clients("09:59:59.999999"), "goes back in time", id="back-a-microsecond"),
        pytest.param(b'\xef\xbb\xbf{"topic":"clients"}\n', "not a JSON object", id="a-mark"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(tmp_path: Path, bad: bytes, says: str) -> None:
    path = file(tmp_path, GOOD + GOOD + bad + GOOD)
    with pytest.raises(UnreadableInputError) as failure:
        list(read_inputs([path]))
    message = str(failure.value)
    assert message.startswith(f"{path}, line 3: ")
    assert says in message
    assert "\n" not in message


def test_back_in_time_is_told_with_both_times(tmp_path: Path) -> None:
    path = file(tmp_path, clients("10:00:00.5", "10:00:00"))
    with pytest.raises(UnreadableInputError) as failure:
        list(read_inputs([path]))
    assert "2026-03-03T10:00:00.000000Z" in str(failure.value)
    assert "2026-03-03T10:00:00.500000Z" in str(failure.value)


def test_a_bad_value_between_does_not_hide_that_time_goes_back(tmp_path: Path) -> None:
    bad = b'{"topic":"orders","value":1}\n'
    path = file(tmp_path, clients("10:00:01") + bad + clients("10:00:00"))
    with pytest.raises(UnreadableInputError, match=r"line 3: .*goes back in time"):
        list(read_inputs([path]))


def test_each_file_has_its_own_order(tmp_path: Path) -> None:
    """The second file begins before the first ends: no error."""
    one = file(tmp_path, clients("10:00:00", "11:00:00"), "one")
    two = file(tmp_path, clients("10:30:00"), "two")
    assert len(list(read_inputs([one, two]))) == 3


def test_the_bad_line_of_the_second_file_names_that_file(tmp_path: Path) -> None:
    one = file(tmp_path, clients("10:00:00"), "one")
    two = file(tmp_path, clients("10:00:00") + b"?\n", "two")
    with pytest.raises(UnreadableInputError, match=r"two, line 2: "):
        list(read_inputs([one, two]))


_PACKED = gzip.compress(b"".join(clients(f"10:00:{n:02d}") for n in range(60)))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(_PACKED[: len(_PACKED) // 2], id="cut-off"),
        pytest.param(_PACKED[:-4], id="cut-off-in-the-trailer"),
        pytest.param(_PACKED[:12], id="cut-off-after-the-header"),
        pytest.param(_PACKED[:5], id="cut-off-in-the-header"),
        pytest.param(_PACKED[:-8] + bytes(4) + _PACKED[-4:], id="wrong-checksum"),
        pytest.param(_PACKED[:-4] + bytes(4), id="wrong-length"),
        pytest.param(
            _PACKED[: len(_PACKED) // 2]
            + bytes(byte ^ 0xFF for byte in _PACKED[len(_PACKED) // 2 : len(_PACKED) // 2 + 20])
            + _PACKED[len(_PACKED) // 2 + 20 :],
            id="damaged-in-the-middle",
        ),
        pytest.param(_PACKED + b"garbage", id="garbage-behind"),
        pytest.param(b"\x1f\x8b" + b"\x00" * 20, id="only-the-magic-number"),
    ],
)
def test_a_damaged_gzip_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = file(tmp_path, content)
    with pytest.raises(UnreadableInputError) as failure:
        list(read_inputs([path]))
    assert str(failure.value).startswith(path)
    assert "\n" not in str(failure.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInputError, match=r"missing\.jsonl: No such file"):
        list(read_inputs([str(tmp_path / "missing.jsonl")]))


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInputError, match="Is a directory"):
        list(read_inputs([str(tmp_path)]))


# -- bad values ------------------------------------------------------------------------------------


class _Letters:
    """A destination that keeps dead letters."""

    def __init__(self) -> None:
        self.letters: list[dict[str, Any]] = []

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        if topic == "dead-letters":
            self.letters.append(dict(event))

    def report(self, report: Report) -> WrittenFile:
        return WrittenFile(report.key, len(list(report.rows)), 0, "0" * 64)


def letters(paths: Sequence[str]) -> list[dict[str, Any]]:
    """Replay files; return the dead letters."""
    kept = _Letters()
    History(kept, MemoryRows()).run(read_inputs(paths))
    return kept.letters


RAW_VALUES = [
    pytest.param(b"null", id="null"),
    pytest.param(b"1.50e3", id="a-number-as-written"),
    pytest.param(b'"text"', id="a-string"),
    pytest.param(b"[1, 2 ,3]", id="a-list-with-its-spaces"),
    pytest.param(b"{ }", id="an-empty-object-with-its-space"),
    pytest.param(b'{"type" :\t"X"  , "n":1}', id="an-object-with-its-spaces"),
    pytest.param(b'{"type":"\\u0041","a":"\\/"}', id="escapes-as-written"),
    pytest.param('{"type":"é€😀"}'.encode(), id="beyond-ascii"),
    pytest.param(b'{"value":{"value":[{"topic":"x"}]}}', id="names-that-are-also-the-line's"),
    pytest.param(b'{"t":"a}b{c]d[e,f:g\\"h\\\\"}', id="marks-inside-a-string"),
    pytest.param(b'"\\\\"', id="a-string-that-ends-in-a-backslash"),
    pytest.param(b'{"type":"X","type":"Y"}', id="a-name-given-twice"),
    pytest.param(b"[" * 500 + b"]" * 500, id="500-deep"),
    pytest.param(b"[" * 1000 + b"]" * 1000, id="1000-deep"),
    pytest.param(b"0.1000000000000000055511151231257827021181583404541015625", id="many-digits"),
]
SHAPES = [
    pytest.param(b'{"topic":"orders","value":%s}\n', id="usual"),
    pytest.param(b'{"value":%s,"topic":"orders"}\n', id="value-first"),
    pytest.param(b' { "topic" : "orders" , "value" : %s } \r\n', id="spaces"),
    pytest.param(b'{"topic":"orders","a":[{"value":0}],"value":%s,"b":1}\n', id="more-members"),
    pytest.param(b'{"topic":"orders","value":7,"value":%s}\n', id="given-twice-the-last-counts"),
    pytest.param(b'{"topic":"orders","val\\u0075e":%s}\n', id="an-escaped-name"),
    pytest.param(b'{"topic":"orders","value":%s}', id="no-line-end"),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("raw", RAW_VALUES)
def test_a_bad_value_is_kept_byte_for_byte(raw: bytes, shape: bytes) -> None:
    assert raw_value(shape.replace(b"%s", raw)) == raw


@pytest.mark.parametrize("raw", RAW_VALUES)
def test_and_so_it_stands_in_its_dead_letter(tmp_path: Path, raw: bytes) -> None:
    """Offset = line number, time = the line before; the stream goes on."""
    content = (
        line("fundings", "10:00:00")
        + b'{"topic":"orders","value":%s}\n'.replace(b"%s", raw)
        + line("fundings", "10:00:01")
    )
    one, two, three = letters([file(tmp_path, content)])
    assert (one["reason"], three["reason"]) == ("UNKNOWN_ACCOUNT", "UNKNOWN_ACCOUNT")
    assert b64decode(two["raw"]) == raw
    assert two["raw_length"] == len(raw)
    assert (two["source_topic"], two["source_partition"], two["source_offset"]) == ("orders", 0, 2)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"NaN", id="nan"),
        pytest.param(b'{"type":"X","n":Infinity}', id="infinity"),
        pytest.param(b'{"type":"\xff"}', id="no-utf-8"),
        pytest.param(b'{"type":"\\ud800"}', id="half-a-surrogate"),
        pytest.param(b'{"type":"X",}', id="a-comma-too-many"),
        pytest.param(b"{'type':1}", id="other-quotes"),
        pytest.param(b"truth", id="a-word"),
    ],
)
def test_a_value_that_is_no_json_is_dead_lettered(tmp_path: Path, raw: bytes) -> None:
    """The rest of the line says where it belongs: the value alone is bad."""
    content = line("fundings", "10:00:00") + b'{"topic":"orders","value":%b}\n' % raw
    one, two = letters([file(tmp_path, content + line("clients", "10:00:01"))])
    assert (one["reason"], two["reason"]) == ("UNKNOWN_ACCOUNT", "MALFORMED")
    assert b64decode(two["raw"]) == raw
    assert (two["source_topic"], two["source_offset"], two["source_key"]) == ("orders", 2, None)


@pytest.mark.parametrize(
    ("length", "reason", "key"),
    [
        pytest.param(256, "INVALID", "k" * 256, id="256"),
        pytest.param(257, "TOO_LARGE", None, id="257"),
    ],
)
def test_the_key_that_a_line_would_have_has_a_limit(
    tmp_path: Path, length: int, reason: str, key: str | None
) -> None:
    value = {"type": "OrderSubmitted", "account_id": "k" * length}
    content = orjson.dumps({"topic": "orders", "value": value})
    (letter,) = letters([file(tmp_path, content)])
    assert (letter["reason"], letter["source_key"]) == (reason, key)
    assert (letter["source_key_raw"], letter["source_key_length"]) == (
        b64encode(b"k" * 256).decode(),
        length,
    )


def test_a_bad_value_bears_the_time_that_the_line_before_gave(tmp_path: Path) -> None:
    content = line("orders", "10:00:00.25") + b'{"topic":"orders","value":1}\n'
    (letter,) = letters([file(tmp_path, content)])
    assert letter["event_time"] == "2026-03-03T10:00:00.250000Z"
    assert letter["reason"] == "MALFORMED"


def test_two_files_with_a_bad_value_in_the_same_line_of_a_topic_have_two_ids(
    tmp_path: Path,
) -> None:
    bad = b'{"topic":"orders","value":1}\n'
    paths = [file(tmp_path, bad, "one"), file(tmp_path, bad, "two")]
    one, two = letters(paths)
    assert one["cause_id"] == two["cause_id"] == "orders-0-1"
    assert one["event_id"] != two["event_id"]
