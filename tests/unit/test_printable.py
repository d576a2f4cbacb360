"""Control characters of records, at every door that prints them: one function."""

import csv
import logging
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import faust
import orjson
import pytest
from markupsafe import Markup
from typer.testing import CliRunner

from agents.issued_reports import IssuedReport
from agents.pages import Pages
from pipeline.delivery import Parked
from replay.difference import DifferenceError
from schemas.printable import printable
from scripts import reports
from scripts.consume import _Shown
from scripts.day_page.page import _template
from scripts.errors import Failure
from scripts.process import run
from scripts.settle import app
from scripts.worker import PrintableFormatter

# What a terminal acts on: an escape sequence, C1 (one character is a whole "ESC ["), DEL, a line
# end, a backspace, an override of the writing direction, a line separator.
HOSTILE = "\x1b[2J\x9b31m\x7f\n\r\x08\u202e\u2028"
SHOWN = r"\u001b[2J\u009b31m\u007f\n\r\b\u202e\u2028"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain text, 10 €", "plain text, 10 €", id="nothing-to-do"),
        pytest.param("東京 Ünïcödé مرحبا 🙂", "東京 Ünïcödé مرحبا 🙂", id="letters-of-all-kinds"),
        pytest.param("a\\b", "a\\b", id="a-backslash-stays"),
        pytest.param("", "", id="nothing"),
        pytest.param("\x1f", r"\u001f", id="last-of-C0"),
        pytest.param(" ~", " ~", id="first-and-last-of-ASCII"),
        pytest.param("\x7f\x80\x9f", r"\u007f\u0080\u009f", id="DEL-and-C1"),
        pytest.param("\xa1", "\xa1", id="behind-C1"),
        pytest.param("\ttab", r"\ttab", id="tab"),
        pytest.param("\x1b]0;title\x07", r"\u001b]0;title\u0007", id="escape-sequence"),
        pytest.param("a\r\nb", r"a\r\nb", id="line-ends"),
        pytest.param("\u2028\u2029\x85", r"\u2028\u2029\u0085", id="line-ends-of-Unicode"),
        pytest.param("\u202a\u202e\u2066\u2069", r"\u202a\u202e\u2066\u2069", id="bidi"),
        pytest.param("\u200e\u200f\u061c", r"\u200e\u200f\u061c", id="bidi-marks"),
        pytest.param("a\u200bb\ufeff", r"a\u200bb\ufeff", id="invisible"),
        pytest.param("\ud800", r"\ud800", id="half-a-surrogate-pair"),
        pytest.param("\U000e0041", r"\udb40\udc41", id="tag"),
    ],
)
def test_what_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown
    assert shown.isprintable()


def test_inside_a_json_string_the_value_stays_the_same() -> None:
    text = orjson.dumps({"name": HOSTILE + "\U000e0041"}).decode()
    assert orjson.loads(printable(text)) == orjson.loads(text)


# -- the doors -------------------------------------------------------------------------------------


def record(value: bytes, key: bytes = HOSTILE.encode()) -> SimpleNamespace:
    return SimpleNamespace(value=value, key=key, timestamp=0, partition=0, offset=0)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(orjson.dumps({"type": "X", "name": HOSTILE}), id="value"),
        pytest.param(orjson.dumps({"type": "X", HOSTILE: "1"}), id="name-of-a-field"),
        pytest.param(orjson.dumps({"type": HOSTILE}), id="type"),
        pytest.param(orjson.dumps({"type": "X", "list": [HOSTILE]}), id="nested"),
        pytest.param(HOSTILE.encode(), id="no-JSON"),
        pytest.param(b'{\r\n\t"type": "X"\n}', id="JSON-of-several-lines"),
        pytest.param(b"\xff\x9b\x1b", id="no-UTF-8"),
    ],
)
@pytest.mark.parametrize("as_json", [True, False])
def test_consume(value: bytes, *, as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    _Shown(as_json=as_json).show(record(value))
    printed = capsys.readouterr().out
    assert printed.endswith("\n")
    assert printed[:-1].isprintable(), printed
    if as_json and value.startswith(b"{"):
        assert orjson.loads(printed) == orjson.loads(value)


@pytest.fixture
def handlers() -> Iterator[None]:
    """A command takes the signals of its process, which is ours here."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_an_error_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise Failure(f"bad: {HOSTILE}")

    with pytest.raises(SystemExit, match="1"):
        run(fails)
    assert capsys.readouterr().err == f"settle: bad: {SHOWN}\n"


@pytest.mark.usefixtures("handlers")
def test_a_defect(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SETTLE_TRACEBACK", raising=False)

    def fails() -> None:
        raise RuntimeError(HOSTILE)

    with pytest.raises(SystemExit, match="1"):
        run(fails)
    assert SHOWN in capsys.readouterr().err


def test_a_difference_of_the_audit() -> None:
    error = DifferenceError("journal line 1", "x", expected=HOSTILE, found="é\n")
    assert str(error) == rf"journal line 1: x: expected {SHOWN}, found é\n"


def test_a_log(caplog: pytest.LogCaptureFixture) -> None:
    formatter = PrintableFormatter("%(levelname)s %(message)s")
    logging.getLogger("settle").error("bad %s", HOSTILE, exc_info=RuntimeError(HOSTILE))
    (logged,) = caplog.records
    logged.exc_text = None  # pytest's own handler has formatted the error already
    first, *lines = formatter.format(logged).split("\n")
    assert first == f"ERROR bad {SHOWN}"
    # An error's own line ends are not told from those of the traceback.
    assert r"\n".join(lines) == rf"RuntimeError: {SHOWN}"


def issued() -> IssuedReport:
    return IssuedReport(
        client="ACME",
        key=f"a/{HOSTILE}.csv",
        report="AGED_TPJ",
        at=0,
        rows=1,
        control_total="1.00",
        sha256="0" * 64,
        parked=Parked(key="k", reason="UNAVAILABLE", detail=HOSTILE, since_ms=0),
    )


def test_the_list_of_reports(capsys: pytest.CaptureFixture[str]) -> None:
    reports._show_lines([issued()])  # noqa: SLF001 - the rest of the command needs a broker
    lines = capsys.readouterr().out.split("\n")
    assert any(SHOWN in line for line in lines)
    assert all(line.isprintable() for line in lines)


def test_the_content_of_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    reports._show_content(f"a,b\n{HOSTILE[:5]},é\n".encode() + b"\xff\n")  # noqa: SLF001 - as above
    assert capsys.readouterr().out == "a,b\n\\u001b[2J\\u009b,é\n\N{REPLACEMENT CHARACTER}\n"


def test_the_page_of_a_day() -> None:
    environment = _template().environment
    page = environment.from_string("{{ name }}{{ markup }}{{ 1 }}")
    shown = page.render(name=f"<b>{HOSTILE}", markup=Markup("<p>\n"))
    assert shown == f"&lt;b&gt;{SHOWN}<p>\n1"


def test_the_pages_of_a_worker() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        page = Pages(faust.App("x", store="memory://"), listening).json({"alerts": [HOSTILE]})
    assert page.text.isprintable()
    assert orjson.loads(page.text) == {"alerts": [HOSTILE]}
    assert page.content_type == "application/json"


def test_reconcile(tmp_path: Path) -> None:
    folder = tmp_path / "execution_confirm"
    folder.mkdir()
    (folder / "2026-03-02_execution_and_tpj_confirms.csv").write_text(
        "From,2026-03-01T22:40:00.000Z,To,2026-03-02T22:40:00.000Z\n"
        "account_id,direction,side,execution_id,client_order_id,symbol,quantity,price,commission,"
        "net_money,executed_at,tpj_id,tpj_status\n"
    )
    own = tmp_path / "own.csv"
    with own.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["execution_id"], [f"E1{HOSTILE}E2"]])
    result = CliRunner().invoke(
        app, ["reconcile", str(own), "--from", str(tmp_path), "--client", "ACME"]
    )
    assert f"E1{SHOWN}E2,MISSING_HERE" in result.stdout
    assert all(line.isprintable() for line in result.stdout.split("\n"))
