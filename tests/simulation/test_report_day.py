"""`settle report-day` over replayed days: what the page says is what the topics say.

Every figure is added up here from the topics anew, with Decimal, and looked for in the page's text.
The page itself is held to what a page must be: well-formed, nothing loaded from elsewhere, every
link there, readable contrast in light, dark and print.
"""

import dataclasses
import datetime as dt
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson
import pytest
from typer.testing import CliRunner, Result
from typing_extensions import override

from replay.day_page.best_quotes import Band, BestQuotes, Spot
from replay.day_page.cash_calls import CashCalls
from replay.day_page.day import Day, read_day
from replay.day_page.funds_flow import Party
from replay.day_page.period import Period
from replay.generate.day import write_generated_day
from replay.generate.options import DayOptions
from schemas.instant import MINUTE, micros
from schemas.money import usd
from scripts.day_page.page import render
from scripts.replay import run_replay
from scripts.report_day import write_report
from scripts.settle import app
from settlement.calendar import civil_date
from topics.catalogue import OUTPUT_TOPICS

GOLDEN = Path(__file__).parents[1] / "golden" / "expected"
STYLE = Path(__file__).parents[2] / "scripts" / "day_page" / "style.css"
VOID = {"meta", "br", "hr", "img", "link", "input", "rect", "path"}
PAGE_BYTES_MAX = 2_000_000
# The generated day goes on to the Aged TPJ files of its evening: 19:30 in Chicago.
UNTIL = micros("2026-03-04T01:30:00Z")

Event = dict[str, Any]


@pytest.fixture(scope="module", params=["golden", "generated"])
def directory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("day page")  # a space, as people have in their paths
    replayed = folder / "replay"
    if request.param == "golden":
        shutil.copytree(GOLDEN, replayed)
        return replayed
    day = folder / "day.jsonl"
    write_generated_day(DayOptions(seed=5, accounts=40, quote_interval_ms=60_000), day)
    run_replay([str(day)], replayed, UNTIL)
    return replayed


@pytest.fixture(scope="module")
def page(directory: Path) -> str:
    return write_report(directory).read_text("utf-8")


def events(directory: Path, topic: str) -> Iterator[Event]:
    with (directory / "topics" / f"{topic}.jsonl").open("rb") as lines:
        yield from map(orjson.loads, lines)


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed, in order; ids are unique."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.tags: Counter[str] = Counter()
        self.svgs: list[dict[str, str | None]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, attrs)
        found = dict(attrs)
        assert not [name for name in found if name in {"src", "srcset"} or name[:2] == "on"], found
        if "id" in found:
            self.ids.append(str(found["id"]))
        if "href" in found:
            self.links.append(str(found["href"]))
        if tag == "svg":
            self.svgs.append(found)
        if tag not in VOID:
            self.open.append(tag)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:  # <rect> with a title in it
            return
        assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def shown(amount: Decimal) -> str:
    return f"{amount:,.2f}".replace("-", "\N{MINUS SIGN}")


def test_the_page_is_well_formed_and_loads_nothing(directory: Path, page: str) -> None:
    read = Reader(page)
    assert len(read.ids) == len(set(read.ids))
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(read.tags)
    assert read.tags["h1"] == 1
    assert not re.search(r"url\(|@import|//", page.replace("<!DOCTYPE", ""))
    for link in read.links:
        if link.startswith("#"):
            assert link[1:] in read.ids
        else:
            assert (directory.parent / unquote(link)).is_file(), link
    files = sorted(path for path in (directory / "s3").rglob("*") if path.is_file())
    linked = [directory.parent / unquote(link) for link in read.links if not link.startswith("#")]
    assert sorted(linked) == files
    assert len(page.encode()) < PAGE_BYTES_MAX


def test_wide_tables_scroll_by_themselves_on_a_phone(page: str) -> None:
    for table in ('<table class="list">', '<table class="numbers">'):
        assert page.count(table) == page.count(f'<div class="scroll">{table}')


def test_every_drawing_says_in_words_what_it_shows(page: str) -> None:
    read = Reader(page)
    assert read.svgs
    for svg in read.svgs:
        assert svg["role"] == "img"
        assert svg["aria-label"]


def test_its_headlines_are_sums_of_the_topics(directory: Path, page: str) -> None:
    text = Reader(page).text
    executions = [e for e in events(directory, "executions") if e["type"] == "Execution"]
    gross = sum(Decimal(e["gross"]) for e in executions)
    assert f"Traded volume {shown(gross + Decimal(0))} USD" in text
    for fee in ("markup", "commission"):
        assert f"{fee} {shown(sum((Decimal(e[fee]) for e in executions), Decimal()))}" in text
    settled: dict[bool, list[Decimal]] = {True: [], False: []}
    open_: dict[str, Decimal] = {}
    for event in events(directory, "cash-calls"):
        if event["type"] == "CashCallRequested":
            open_[event["cash_call_id"]] = Decimal(event["amount"])
        elif event["type"] in {"CashCallSettled", "CashCallWrittenOff"}:
            amount = open_.pop(event["cash_call_id"])
            if event["type"] == "CashCallSettled":
                settled[event["attempt"] == 1].append(amount)
    for name, amounts in (
        ("settled at once", settled[True]),
        ("settled after a retry", settled[False]),
    ):
        assert f"{name} {len(amounts):,} {shown(sum(amounts, Decimal()))}" in text
    fbo = sum(
        (
            Decimal(posting["amount"])
            for entry in events(directory, "journal")
            for posting in entry["postings"]
            if posting["account"] == "bank:fbo"
        ),
        Decimal(),
    )
    assert f"Money in the FBO account {shown(fbo)} USD" in text
    summary = orjson.loads((directory / "summary.json").read_bytes())
    assert shown(Decimal(summary["fbo"])) in text
    assert f"executed {summary['orders']['executed']:,}" in text
    assert f"Files to clients {summary['files']:,}" in text


def test_the_dead_letters_that_wait_add_up_to_all(directory: Path, page: str) -> None:
    """Three kinds are named; how many there are beside these is said."""
    letters = list(events(directory, "dead-letters"))
    assert len(letters) > 3
    card = page[page.index(f"{len(letters)} dead letters") :]
    named = re.search(r"(\d+ \w+ on [\w-]+(?:, \d+ \w+ on [\w-]+)*) and (\d+) more", card)
    assert named
    counts = [int(kind.split()[0]) for kind in named[1].split(", ")]
    assert len(counts) == 3
    assert sum(counts) + int(named[2]) == len(letters)


def test_movements_add_up_to_what_each_bank_account_changed_by(directory: Path) -> None:
    day = read_day(directory)
    sums: Counter[str] = Counter()
    for entry in events(directory, "journal"):
        for posting in entry["postings"]:
            if posting["asset"] == "USD":
                name = posting["account"]
                kind = "revenue" if name.startswith(("revenue:m", "revenue:c")) else name
                sums[kind] += int(posting["amount"].replace(".", ""))
    moved: Counter[Party] = Counter()
    for movement, tally in day.funds_flow.movements.items():
        if movement.lane != "CLIENT_SHARES" or Party.BUSINESS in movement:
            moved[movement.payer] -= tally.cents
            moved[movement.payee] += tally.cents
    assert moved[Party.FBO] == sums["bank:fbo"]
    assert moved[Party.BUSINESS] == sums["bank:business"]
    assert moved[Party.BFS] == sums["bfs:usd"]
    assert moved[Party.REVENUE] == sums["revenue"]
    clients_wires = sum(
        tally.cents * (1 if movement.payee is Party.BUSINESS else -1)
        for movement, tally in day.funds_flow.movements.items()
        if Party.BUSINESS in movement and Party.FBO not in movement
    )
    assert moved[Party.OUTSIDE_BANKS] - clients_wires == sums["world:bank"]
    assert day.funds_flow.entries == sum(1 for _ in events(directory, "journal"))


def test_every_call_and_every_order_has_one_outcome(directory: Path) -> None:
    day = read_day(directory)
    _identities_hold(day)
    requested = [e for e in events(directory, "cash-calls") if e["type"] == "CashCallRequested"]
    assert day.cash_calls.requested.count == len(requested)
    updates = Counter(e["type"] for e in events(directory, "order-updates"))
    assert day.orders.received == updates["OrderAccepted"] + updates["OrderRejected"]


def _identities_hold(day: Day) -> None:
    calls = day.cash_calls
    ends = [calls.settled_at_once, calls.settled_after_retry, calls.written_off]
    ends += [calls.open_by_step.level()[-1]]
    for what in ("count", "cents"):
        begun = getattr(calls.opening, what) + getattr(calls.requested, what)
        assert begun == sum(getattr(end, what) for end in ends)
    assert calls.open_by_step.level()[-1].cents == sum(c.cents for c in calls.open.values())
    assert calls.aged_by_step.level()[-1].cents == sum(c.cents for c in calls.aged)
    orders = day.orders
    ends_of_orders = (orders.rejected.total(), orders.cancelled.total(), orders.expired.total())
    assert orders.received == sum(ends_of_orders) + orders.executed + orders.working


def test_the_dates_of_a_replay_add_up_to_it(directory: Path) -> None:
    whole = read_day(directory)
    first, last = whole.period.dates()
    dates = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    days = [read_day(directory, date) for date in dates]
    assert len(days) > 1
    for day in days:
        _identities_hold(day)
    assert sum(day.executions.gross.cents for day in days) == whole.executions.gross.cents
    assert sum(day.cash_calls.requested.cents for day in days) == whole.cash_calls.requested.cents
    assert sum(day.funds_flow.entries for day in days) == whole.funds_flow.entries
    assert sum(day.files.count for day in days) == whole.files.count
    letters = [sum(day.exceptions.dead_letters.values()) for day in (*days, whole)]
    assert sum(letters[:-1]) == letters[-1]
    for before, after in pairwise(days):
        assert after.funds_flow.fbo_before == before.funds_flow.fbo_after
        assert after.cash_calls.opening == before.cash_calls.open_by_step.level()[-1]
    assert days[-1].funds_flow.fbo_after == whole.funds_flow.fbo_after


def test_the_aged_list_is_that_of_an_aged_file_of_the_same_instant(directory: Path) -> None:
    """The aged events are written by another stage: two ways to the same calls."""
    whole = read_day(directory).period
    compared = 0
    for as_of in sorted({e["as_of"] for e in events(directory, "aged-failures")}):
        calls = CashCalls(Period(whole.start, micros(as_of) + 1))
        calls.read(events(directory, "cash-calls"))
        for report in ("AGED", "SOD"):
            rows = {
                (e["tpj_id"], e["notional"], e["attempts"], e["last_reason"])
                for e in events(directory, "aged-failures")
                if e["as_of"] == as_of and e["report"] == report
            }
            aged = calls.aged
            if rows:
                compared += 1
                found = {(c.cash_call_id, usd(c.cents), c.failed, c.last_reason) for c in aged}
                assert found == rows
    assert compared


def test_what_an_aged_call_was_for_is_told(directory: Path) -> None:
    day = read_day(directory)
    sides = {"WITHDRAWAL": "BUY", "DEPOSIT": "SELL"}
    for call in day.cash_calls.aged:
        traded = day.executions.wanted[call.execution_id]
        assert traded.side == sides[call.direction]


def test_the_same_directory_gives_the_same_bytes(directory: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(directory, copy / "replay")
    one = write_report(directory, directory.parent / "one.html").read_bytes()
    other = write_report(copy / "replay", copy / "other.html").read_bytes()
    assert one == other


def test_a_page_that_is_full_is_still_small() -> None:
    """Every spot of the market chart taken, every step another price: as much as there can be."""
    day = read_day(GOLDEN)
    quotes = BestQuotes("BTCUSD", Period(day.period.start, day.period.start + 25 * 60 * MINUTE))
    whole = 10**18
    quotes.low, quotes.high = 60_000 * whole, 69_000 * whole
    for step in range(quotes.steps.count):
        bid = 60_000 * whole + step * 12 * whole + step * 10**16
        quotes.bands[step] = Band(bid, bid + whole, bid + 2 * whole, bid + 3 * whole)
    for column in range(quotes.columns.count):
        for row in range(90):
            for side in ("BUY", "SELL"):
                quotes.spots[Spot(column, (60_000 + 100 * row) * whole + 7, side)] += 1
    page = render(dataclasses.replace(day, quotes=quotes), "day")
    assert len(quotes.spots) > 45_000
    assert len(page.encode()) < PAGE_BYTES_MAX


# -- what a person runs ------------------------------------------------------------------------


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["report-day", *arguments])


def refusal(*arguments: str) -> str:
    """Return what a refused command says, through the same door as the console script."""
    found = run(*arguments)
    assert found.exception is not None
    return str(found.exception)


def an_empty_replay(folder: Path, *lines: object) -> Path:
    told = folder / "in.jsonl"
    told.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    run_replay([str(told)], folder / "replay", None)
    return folder / "replay"


def test_an_empty_day_has_a_page_too(tmp_path: Path) -> None:
    page = write_report(an_empty_replay(tmp_path))
    text = Reader(page.read_text("utf-8")).text
    assert page == tmp_path / "replay.html"
    for said in (
        "no input moved time",
        "Nothing.",
        "No cash call was open or requested.",
        "No entry in the journal.",
        "No best quote with both sides.",
        "No file was due.",
    ):
        assert said in text


def test_what_comes_from_outside_is_text_and_nothing_else(tmp_path: Path) -> None:
    evil = "<script>alert('&')</script>"
    value = {"type": evil, "event_id": "1", "event_time": "2026-03-03T18:00:00Z"}
    replayed = an_empty_replay(tmp_path, {"topic": "orders", "value": value})
    page = write_report(replayed).read_text("utf-8")
    assert evil not in page
    assert "script" not in Reader(page).tags
    assert evil in Reader(page).text


MISSING = [*(f"topics/{topic}.jsonl" for topic in OUTPUT_TOPICS), "summary.json"]
# What no figure of the page comes from.
UNUSED = {"topics/aged-failures.jsonl", "topics/apex-journals.jsonl"}


@pytest.mark.parametrize("name", [name for name in MISSING if name not in UNUSED])
def test_a_missing_file_is_one_clear_line(name: str, tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "day")
    (tmp_path / "day" / name).unlink()
    said = refusal(str(tmp_path / "day"))
    assert said == (
        f"{tmp_path / 'day'}: no {name} in it, so it is no replay directory;"
        " settle replay makes one with --out"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day"]


DAMAGE: dict[str, tuple[str, bytes, str]] = {
    "no JSON": ("cash-calls", b"{", "topics/cash-calls.jsonl line 1: no JSON object"),
    "no object": ("journal", b"[]", "topics/journal.jsonl line 1: no JSON object"),
    "no field": (
        "executions",
        b'{"type":"Execution"}',
        "topics/executions.jsonl line 1: not what a replay writes (KeyError: 'execution_id');",
    ),
    "no time": (
        "order-updates",
        b'{"type":"OrderAccepted","event_time":"noon"}',
        "topics/order-updates.jsonl line 1: not what a replay writes (ValueError: 'noon' is no",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_line_is_named(case: str, tmp_path: Path) -> None:
    topic, line, said = DAMAGE[case]
    shutil.copytree(GOLDEN, tmp_path / "day")
    (tmp_path / "day" / "topics" / f"{topic}.jsonl").write_bytes(line + b"\n")
    assert refusal(str(tmp_path / "day")).startswith(f"{tmp_path / 'day'}: {said}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day"]


def test_what_can_not_be_shown_is_said(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "day")
    day = str(tmp_path / "day")
    assert refusal(str(tmp_path / "no")).startswith(f"{tmp_path / 'no'}: no such directory")
    assert "lies inside the replay directory" in refusal(day, "--out", f"{day}/page.html")
    assert "is a directory; name a file" in refusal(day, "--out", str(tmp_path))
    assert "no best quote of DOGEUSD in it" in refusal(day, "--symbol", "DOGEUSD")
    assert "nothing of 1999-01-01 in it: it covers" in refusal(day, "--date", "1999-01-01")
    assert run(day, "--date", "yesterday").exit_code == 2


def test_the_command_says_where_the_page_is(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "day")
    out = tmp_path / "new" / "page.html"
    symbol = next(events(GOLDEN, "bbo"))["symbol"]
    found = run(str(tmp_path / "day"), "--out", str(out), "--symbol", symbol)
    assert found.exit_code == 0
    assert found.stdout == f"{out}: open it in a browser\n"
    assert 'href="../day/s3/' in out.read_text("utf-8")


def test_a_page_of_one_date_says_so(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "day")
    whole = read_day(tmp_path / "day")
    date = civil_date(whole.period.last)
    page = write_report(tmp_path / "day", date=date).read_text("utf-8")
    assert f"<h1>{date:%A}, {date.day} {date:%B %Y}</h1>" in page


def test_a_delivered_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "day")
    gone = min((tmp_path / "day" / "s3").rglob("*.csv"))
    gone.unlink()
    text = Reader(write_report(tmp_path / "day").read_text("utf-8")).text
    assert "1 delivered file not there" in text
    assert str(gone.relative_to(tmp_path / "day")) in text


# -- contrast ----------------------------------------------------------------------------------


def _luminance(colour: str) -> float:
    wide = colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])
    channels = [int(wide[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_text_and_shapes_stand_out_from_what_they_lie_on(theme: int) -> None:
    """WCAG 2.2 AA: 4.5 to 1 for text, 3 to 1 for shapes that carry meaning."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 3
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", blocks[theme]))
    for text in ("ink", "soft", "link", "bad", "wait", "good"):
        for ground in ("card", "paper"):
            assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for text in ("ink", "soft"):
        assert _contrast(colours[text], colours["shade"]) >= 4.5, (text, "shade")
    lanes = ("marketplace", "apex-clearing", "net-settlement", "client-shares")
    for shape in ("plain", "faint", "good", "bad", "wait", *lanes):
        assert _contrast(colours[shape], colours["card"]) >= 3, shape
