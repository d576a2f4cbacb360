"""A bad value is never acted on and never lost; repeats have no effect (contract section 1)."""

from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from replay.engine import History
from replay.output import WrittenFile
from replay.read import read_inputs
from settlement.reports.report import Report
from settlement.reports.rows import MemoryRows
from tests.story import Event, Happened, Story, ct, event_id


def test_it_holds_all_that_is_known_of_the_value() -> None:
    story = Story()
    story.tick(ask="100.00", at="12:00")
    value = {"type": "OrderAmended", "account_id": "ACME0001"}
    raw = b'{"type":"OrderAmended","account_id":"ACME0001"}'
    letter = story.tell("orders", value).one("DeadLetter")
    assert letter == {
        "type": "DeadLetter",
        "event_id": event_id("orders", "orders-0-5", "DeadLetter", "ACME0001"),
        "event_time": ct("12:00"),
        "cause_id": "orders-0-5",
        "source_topic": "orders",
        "source_partition": 0,
        "source_offset": 5,
        "source_key": "ACME0001",
        "source_key_raw": "QUNNRTAwMDE=",
        "source_key_length": 8,
        "raw": b64encode(raw).decode(),
        "raw_length": 47,
        "raw_sha256": sha256(raw).hexdigest(),
        "reason": "UNKNOWN_TYPE",
        "detail": "type is 'OrderAmended', not one of OrderSubmitted, OrderCancelRequested",
    }


def _no_object(story: Story) -> Happened:
    return story.tell("orders", ["no", "object"])


def _unknown_type(story: Story) -> Happened:
    return story.tell("accounts", {"type": "AccountClosed"})


def _invalid(story: Story) -> Happened:
    return story.order("o1", quantity=1.5)


def _unknown_symbol(story: Story) -> Happened:
    return story.tick(ask="100.00", symbol="DOGEUSD")


def _another_order_for_that_cancel(story: Story) -> Happened:
    story.cancel("o1", "c1")
    return story.cancel("o2", "c1")


def _crossed(story: Story) -> Happened:
    return story.tick(bid="100.01", ask="100.00")


def _no_size(story: Story) -> Happened:
    return story.tick(bid="99.00", bid_size="0")


def _another_client(story: Story) -> Happened:
    return story.account(client="ZETA")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(_no_object, "MALFORMED", id="no-json-object"),
        pytest.param(_unknown_type, "UNKNOWN_TYPE", id="unknown-type"),
        pytest.param(_invalid, "INVALID", id="does-not-fit-its-schema"),
        pytest.param(_unknown_symbol, "UNKNOWN_SYMBOL", id="unknown-symbol"),
        pytest.param(_another_order_for_that_cancel, "CONFLICT", id="same-cancel-other-order"),
        pytest.param(_crossed, "CROSSED_TICK", id="crossed"),
        pytest.param(_no_size, "NOT_POSITIVE", id="no-size"),
        pytest.param(_another_client, "CLIENT_CHANGED", id="another-client"),
    ],
)
def test_a_bad_value_is_dead_lettered_and_the_stream_goes_on(bad: Any, reason: str) -> None:  # noqa: ANN401 - any JSON
    """Nothing else comes of it; the same account still buys at the same market."""
    story = Story()
    story.tick(ask="50.00", provider="beta")
    happened = bad(story)
    assert happened.types() == ["DeadLetter"]
    assert happened.one("DeadLetter")["reason"] == reason
    story.tick(ask="40.00", provider="gamma")
    after = story.order("o9", quantity="1")
    assert after.said() == [("OrderAccepted", "o9"), ("OrderFilled", "o9")]
    assert after.one("Execution")["price"] == "40.00"


@pytest.mark.parametrize(
    ("bid", "ask", "fields", "reason"),
    [
        pytest.param("0", "100", {}, "NOT_POSITIVE", id="bid-0"),
        pytest.param("-1", "100", {}, "NOT_POSITIVE", id="bid-negative"),
        pytest.param(None, "0.00", {}, "NOT_POSITIVE", id="ask-0"),
        pytest.param("99", "100", {"bid_size": "0"}, "NOT_POSITIVE", id="bid-size-0"),
        pytest.param("99", "100", {"ask_size": "-1"}, "NOT_POSITIVE", id="ask-size-negative"),
        pytest.param("100.01", "100", {}, "CROSSED_TICK", id="crossed"),
        pytest.param("1", "-1", {}, "CROSSED_TICK", id="crossed-and-negative"),
        pytest.param("99", "100", {"symbol": "DOGEUSD"}, "UNKNOWN_SYMBOL", id="unknown-symbol"),
        pytest.param("2", "1", {"symbol": "DOGEUSD"}, "UNKNOWN_SYMBOL", id="unknown-and-crossed"),
    ],
)
def test_dirty_ticks(bid: str, ask: str, fields: dict[str, str], reason: str) -> None:
    happened = Story().tick(bid=bid, ask=ask, **fields)
    assert happened.types() == ["DeadLetter"]
    assert happened.one("DeadLetter")["reason"] == reason


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        pytest.param({"bid_price": "99", "bid_size": None}, "bid", id="a-price-without-size"),
        pytest.param({"ask_price": None, "ask_size": "1"}, "ask", id="a-size-without-price"),
        pytest.param(
            {"bid_price": "99", "bid_size": "0.000000001"}, "bid_size", id="size-too-fine"
        ),
        pytest.param(
            {"ask_price": "1234567890.123456", "ask_size": "1"}, "ask_price", id="16-digits"
        ),
        pytest.param({"valid_until": "2026-02-30T00:00:00Z"}, "valid_until", id="no-such-day"),
        pytest.param({"valid_until": "tomorrow"}, "valid_until", id="no-time"),
    ],
)
def test_a_tick_that_does_not_fit_its_schema_names_the_place(fields: Event, place: str) -> None:
    story = Story()
    letter = story.tick(**fields).one("DeadLetter")
    assert letter["reason"] == "INVALID"
    assert letter["detail"].startswith(place)
    assert story.tick(ask="100.00").one("BestQuote")["sequence"] == 1


def test_a_tick_whose_own_bid_and_ask_are_equal_is_not_crossed() -> None:
    assert Story().tick(bid="100", ask="100").one("BestQuote")["status"] == "LOCKED"


def test_a_first_input_refused_for_its_form_does_not_start_time() -> None:
    story = Story()
    happened = story.order("o1", quantity="1e3", at="12:00")
    assert happened.one("DeadLetter")["event_time"] == ct("11:59")  # that of the reference data
    assert story.history.now is None


# -- repeats ---------------------------------------------------------------------------------------


def test_a_repeated_tick_has_no_effect() -> None:
    """Its id is its provider and time; `event_id` is no content."""
    story = Story()
    story.tick(bid="99.00", ask="100.00", at="12:00", event_id="one")
    assert story.tick(bid="99.00", ask="100.00", at="12:00", event_id="two").emitted == []
    assert story.tick(bid="99.0", ask="100", at="12:00", event_id="three").emitted == []


def test_a_repeated_tick_has_no_effect_though_the_instrument_has_changed() -> None:
    """Taken anew it would be valid for 500 ms only, and so be news."""
    story = Story()
    story.tick(bid="99.00", ask="100.00", at="12:00")
    story.instrument(stale_after_ms=500, at="12:00")
    assert story.tick(bid="99.00", ask="100.00", at="12:00").emitted == []


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"bid_price": "98.99"}, id="bid"),
        pytest.param({"bid_size": "11"}, id="bid-size"),
        pytest.param({"ask_price": "100.01"}, id="ask"),
        pytest.param({"ask_size": "9"}, id="ask-size"),
        pytest.param({"ask_price": None, "ask_size": None}, id="one-side-less"),
        pytest.param({"valid_until": "2026-03-03T18:30:00Z"}, id="valid-until"),
    ],
)
def test_another_quote_of_the_same_provider_and_time_replaces_the_first(changed: Event) -> None:
    """It is no dead letter, and the first one is new again: it was superseded."""
    story = Story()
    story.tick(bid="99.00", ask="100.00", at="12:00")
    assert story.tick(bid="99.00", ask="100.00", at="12:00", **changed).all("DeadLetter") == []
    assert story.tick(bid="99.00", ask="100.00", at="12:00", **changed).emitted == []
    assert story.tick(bid="99.00", ask="100.00", at="12:00").types() == ["BestQuote"]


def test_a_customer_trades_on_the_last_quote_of_an_instant() -> None:
    story = Story()
    story.tick(ask="100.04", at="12:00")
    story.tick(ask="100.01", at="12:00")
    execution = story.order("o1", quantity="1", at="12:00:00.02").one("Execution")
    assert (execution["price"], execution["quote_sequence"]) == ("100.01", 2)


def test_a_refused_tick_does_not_use_up_its_id() -> None:
    """Only an input that was acted on uses up its id: the corrected tick of that time counts."""
    story = Story()
    assert story.tick(bid="101.00", ask="100.00", at="12:00").types() == ["DeadLetter"]
    assert story.tick(bid="99.00", ask="100.00", at="12:00").types() == ["BestQuote"]


def test_one_provider_quotes_two_symbols_at_the_same_time() -> None:
    story = Story()
    story.instrument("ETHUSD")
    story.tick(ask="100.00", at="12:00")
    assert story.tick(ask="10.00", at="12:00", symbol="ETHUSD").types() == ["BestQuote"]


def test_a_repeated_order_has_no_effect() -> None:
    story = Story()
    story.tick(ask="100.00")
    story.order("o1", quantity="1", event_id="one")
    assert story.order("o1", quantity="1", event_id="two").emitted == []


def test_a_repeated_rejected_order_has_no_effect() -> None:
    """Its id stays used; only the first answer is given, also when it would be accepted by now."""
    story = Story()
    assert story.order("o1", quantity="1").said() == [("OrderRejected", "o1", "EMPTY_QUOTES")]
    story.tick(ask="100.00")
    assert story.order("o1", quantity="1").emitted == []
    assert story.order("o1", quantity="2").said() == [("OrderRejected", "o1", "DUPLICATE_ORDER_ID")]


def test_the_id_of_an_order_is_its_accounts() -> None:
    story = Story()
    story.account("ACME0002")
    story.tick(ask="100.00")
    story.order("o1", quantity="1")
    happened = story.order("o1", quantity="2", account_id="ACME0002")
    assert happened.said() == [("OrderAccepted", "o1"), ("OrderFilled", "o1")]


def test_a_cancel_is_answered_once() -> None:
    story = Story()
    story.tick(ask="100.00")
    story.order("o1", quantity="1", limit_price="99.00")
    assert story.cancel("o1", "c1").said() == [("OrderCancelled", "o1", "CLIENT_REQUEST")]
    assert story.cancel("o1", "c1").emitted == []
    assert story.cancel("o1", "c2").said() == [("OrderCancelRejected", "o1", "ORDER_DONE")]
    assert story.cancel("o1", "c2").emitted == []


def test_a_refused_cancel_is_answered_once() -> None:
    """Also when the order has come meanwhile: this `cancel_id` had its answer."""
    story = Story()
    story.tick(ask="100.00")
    assert story.cancel("o1", "c1").said() == [("OrderCancelRejected", "o1", "UNKNOWN_ORDER")]
    story.order("o1", quantity="1", limit_price="99.00")
    assert story.cancel("o1", "c1").emitted == []
    assert story.cancel("o1", "c2").said() == [("OrderCancelled", "o1", "CLIENT_REQUEST")]


def test_a_cancel_id_that_named_another_order_changes_nothing() -> None:
    story = Story()
    story.tick(ask="100.00")
    story.order("o1", quantity="1", limit_price="99.00")
    story.order("o2", quantity="1", limit_price="99.00")
    story.cancel("o1", "c1")
    assert [letter["reason"] for letter in story.cancel("o2", "c1").all("DeadLetter")] == [
        "CONFLICT"
    ]
    assert [e["client_order_id"] for e in story.tick(ask="99.00").all("OrderFilled")] == ["o2"]


# -- raw bytes, as a file has them ----------------------------------------------------------------


class _Letters:
    """A destination that keeps dead letters."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def event(self, topic: str, event: Any) -> None:  # noqa: ANN401 - any JSON
        assert topic == "dead-letters"
        self.events.append(orjson.loads(orjson.dumps(event)))

    def report(self, report: Report) -> WrittenFile:
        raise AssertionError(f"a file {report.key}")


def _letters(folder: Path, *files: bytes) -> list[Event]:
    paths = []
    for number, content in enumerate(files):
        path = folder / f"{number}.jsonl"
        path.write_bytes(content)
        paths.append(str(path))
    letters = _Letters()
    History(letters, MemoryRows()).run(read_inputs(paths))
    return letters.events


@pytest.mark.parametrize(
    ("line", "raw"),
    [
        pytest.param(b'{"topic":"orders","value":null}', b"null", id="null"),
        pytest.param(
            b'{ "topic" : "orders" , "value" :  {"a" :1 , "b":\t2 }  }',
            b'{"a" :1 , "b":\t2 }',
            id="blanks-as-they-are",
        ),
        pytest.param(b'{"value":"a\\u00e9}","topic":"orders"}', b'"a\\u00e9}"', id="escapes"),
        pytest.param('{"topic":"orders","value":"é☃"}'.encode(), '"é☃"'.encode(), id="utf-8"),
        pytest.param(b'{"topic":"orders","value":1.50}', b"1.50", id="a-number-as-written"),
        pytest.param(
            b'{"topic":"orders","value":{"value":{"topic":"}"}}}',
            b'{"value":{"topic":"}"}}',
            id="names-inside",
        ),
        pytest.param(b'{"x":{"value":1},"topic":"orders","value":[]}', b"[]", id="others-before"),
        pytest.param(b'{"topic":"orders","value":1,"value":2}', b"2", id="given-twice"),
    ],
)
def test_the_raw_bytes_are_those_of_the_input(tmp_path: Path, line: bytes, raw: bytes) -> None:
    (letter,) = _letters(tmp_path, line + b"\n")
    assert b64decode(letter["raw"]) == raw
    assert letter["raw_length"] == len(raw)
    assert letter["raw_sha256"] == sha256(raw).hexdigest()


@pytest.mark.parametrize(
    ("length", "kept"),
    [
        pytest.param(65_536, 65_536, id="64-KiB-whole"),
        pytest.param(65_537, 65_536, id="a-byte-more"),
        pytest.param(500_000, 65_536, id="long"),
    ],
)
def test_of_a_longer_value_the_first_64_kib(tmp_path: Path, length: int, kept: int) -> None:
    raw = b'"' + b"x" * (length - 2) + b'"'
    (letter,) = _letters(tmp_path, b'{"topic":"orders","value":' + raw + b"}\n")
    assert b64decode(letter["raw"]) == raw[:kept]
    assert letter["raw_length"] == length
    assert letter["raw_sha256"] == sha256(raw).hexdigest()


@pytest.mark.parametrize(
    ("depth", "reason"),
    [
        pytest.param(32, "MALFORMED", id="32-levels"),
        pytest.param(33, "TOO_LARGE", id="33-levels"),
        pytest.param(1_100, "TOO_LARGE", id="more-than-a-parser-reads"),
        pytest.param(32_768, "TOO_LARGE", id="nothing-but-levels"),
    ],
)
def test_a_deep_value_is_dead_lettered(tmp_path: Path, depth: int, reason: str) -> None:
    raw = b"[" * depth + b"]" * depth
    (letter,) = _letters(tmp_path, b'{"topic":"orders","value":' + raw + b"}\n")
    assert letter["reason"] == reason
    assert b64decode(letter["raw"]) == raw


def test_the_offset_is_the_line(tmp_path: Path) -> None:
    content = (
        b'{"topic":"orders","value":1}\n{"topic":"bbo","value":1}\n{"topic":"orders","value":2}\n'
    )
    letters = _letters(tmp_path, content)
    assert [(e["cause_id"], e["source_offset"]) for e in letters] == [
        ("orders-0-1", 1),
        ("orders-0-3", 3),
    ]


def test_two_files_with_a_bad_value_in_the_same_line(tmp_path: Path) -> None:
    """One cause, two letters: k goes on counting (readings.md)."""
    letters = _letters(
        tmp_path, b'{"topic":"orders","value":1}\n', b'{"topic":"orders","value":2}\n'
    )
    assert [letter["event_id"] for letter in letters] == [
        event_id("orders", "orders-0-1", "DeadLetter", "", k) for k in (1, 2)
    ]
