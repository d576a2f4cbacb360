"""docs/which-model.md says what the catalogue and the ledger say.

Each step of its diagrams names a topic, an event and the entry that is booked for it. The topic
and the event must be in the catalogue, and the entry, with numbers for its letters, must be that
which settlement/ledger.py, or trade_entries.py, makes of them.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from schemas.execution import Execution
from schemas.money import quantity, reread, usd
from settlement import ledger
from settlement.cause import Cause, Out, fields
from settlement.customer_account import CustomerAccount, Ledger
from settlement.fill import Fill
from settlement.ledger import CustomerNames, Postings
from settlement.trade_entries import book_call, book_trade
from topics.catalogue import CATALOGUE

DOCUMENT = Path(__file__).parents[2] / "docs" / "which-model.md"
TEXT = DOCUMENT.read_text("utf-8")
DIAGRAMS = re.findall(r"```mermaid\nsequenceDiagram\n(.*?)```", TEXT, re.DOTALL)

# What the letters stand for here: no sum of some of them is another one or a sum of others.
G, M, C, D, W, S, Q = 100_000, 1_300, 170, 50_011, 7_013, 4_019, 300_000_000
BUY, SELL = G + C, G - C
NAMES = CustomerNames("ACME0001")
SHORT = {
    "customer:ACME0001:": "",
    "client:ACME:": "client:",
    "revenue:markup:ACME": "revenue:markup",
    "revenue:commission:ACME": "revenue:commission",
    "revenue:share:ACME": "revenue:share",
    "writeoff:ACME": "writeoff",
}
NO_ENTRY = "no entry"


class Step(NamedTuple):
    """One arrow: `what` is all of its first line behind the topic."""

    diagram: int
    number: int
    line: str
    topic: str
    what: str
    entry: list[str]
    moves_money: bool


def steps() -> list[Step]:
    found = []
    for diagram, text in enumerate(DIAGRAMS):
        arrows = re.findall(r"^ +\w+(--?>>)\w+: (.*)$", text, re.MULTILINE)
        for number, (arrow, said) in enumerate(arrows, 1):
            head, *entry = said.split("<br/>")
            topic, _, what = head.partition(": ")
            found.append(Step(diagram, number, said, topic, what, entry, arrow == "->>"))
    return found


STEPS = steps()


def written(out: Out) -> Postings:
    """Return what an entry says that was written to the journal."""
    ((_, _, said),) = out
    return tuple(
        (p["account"], p["asset"], reread(p["amount"], 2 if p["asset"] == "USD" else 8))
        for p in fields(said)["postings"]
    )


def trade(*, buy: bool, net: bool) -> Callable[[], Postings]:
    def book() -> Postings:
        n = BUY if buy else SELL
        event: dict[str, Any] = {
            "execution_id": "ACME0001-order-1",
            "side": "BUY" if buy else "SELL",
            "base": "BTC",
            "quantity": quantity(Q),
            "markup": usd(M),
            "commission": usd(C),
            "net_money": usd(n),
            "funding_model": "NET_SETTLEMENT" if net else "MARKETPLACE",
        }
        out: Out = []
        fill = Fill(Q, G, M, C, n, 0)
        account = CustomerAccount("ACME0001", "ACME")
        book_trade(Ledger(), account, cast("Execution", event), fill, Cause("t", "c", 0), out)
        return written(out)

    return book


def call(n: int, *, withdrawal: bool) -> Postings:
    out: Out = []
    account, cause = CustomerAccount("ACME0001", "ACME"), Cause("t", "c", 0)
    book_call(Ledger(), account, n, usd(n), cause, out, withdrawal=withdrawal)
    return written(out)


# By what a step says behind its topic: (the ledger's entry, what N is in it).
ENTRIES: Mapping[str, tuple[Callable[[], Postings], int]] = {
    "DepositInitiated": (partial(ledger.deposit_initiated, NAMES, D), 0),
    "DepositSettled": (partial(ledger.deposit_settled, NAMES, D, initiated=True), 0),
    "DepositReturned": (partial(ledger.deposit_returned, NAMES, D), 0),
    "WithdrawalAccepted": (partial(ledger.withdrawal_accepted, NAMES, W), 0),
    "WithdrawalSettled": (partial(ledger.withdrawal_settled, NAMES, W), 0),
    "CashCallSettled, buy": (partial(call, BUY, withdrawal=True), BUY),
    "CashCallSettled, sell": (partial(call, SELL, withdrawal=False), SELL),
    "ApexJournalCompleted, buy": (
        partial(ledger.journal_completed, NAMES, BUY, withdrawal=True),
        BUY,
    ),
    "ApexJournalCompleted, sell": (
        partial(ledger.journal_completed, NAMES, SELL, withdrawal=False),
        SELL,
    ),
    "CashCallWrittenOff": (partial(ledger.written_off, NAMES, "ACME", BUY), BUY),
    "WriteOffRecovered": (partial(ledger.write_off_recovered, "ACME", BUY), BUY),
    "NetWireReceived": (partial(ledger.net_wire, "ACME", W), 0),
    "NetWireSent": (partial(ledger.net_wire, "ACME", -W), 0),
    "RevenueShareStatement, share": (partial(ledger.share_stated, "ACME", S), 0),
    "RevenueShareStatement, write-offs": (partial(ledger.write_offs_deducted, "ACME", D), 0),
    "RevenueSharePaid": (partial(ledger.share_paid, "ACME", W), 0),
}


def booked(postings: Postings) -> dict[tuple[str, str], int]:
    """Return a ledger entry in the document's short names."""
    entry = {}
    for name, asset, amount in postings:
        for full, short in SHORT.items():
            name = name.replace(full, short)  # noqa: PLW2901 - one abbreviation after the other
        entry[name, asset] = amount
    return entry


def amount(text: str, n: int) -> int:
    """Return `+(G-M)` or `-N` as a number."""
    assert re.fullmatch(r"[+-](\w|\(\w[+-]\w\))", text), text
    letters = {"N": n, "G": G, "M": M, "C": C, "D": D, "W": W, "S": S, "q": Q}
    sign = -1 if text[0] == "-" else 1
    inner = text[1:].strip("()")
    total = letters[inner[0]]
    if len(inner) > 1:
        total += letters[inner[2]] * (-1 if inner[1] == "-" else 1)
    return sign * total


def asset_of(name: str) -> str:
    return name.rpartition(":")[2] if name in {"bfs:BTC", "BTC"} else "USD"


def told(step: Step, n: int) -> dict[tuple[str, str], int]:
    """Return the entry that a step tells; each of its lines sums to zero per asset."""
    entry: dict[tuple[str, str], int] = {}
    for line in step.entry:
        sums: dict[str, int] = {}
        for posting in line.split(", "):
            name, text = posting.split(" ")
            cents = amount(text, n)
            asset = asset_of(name)
            sums[asset] = sums.get(asset, 0) + cents
            entry[name, asset] = cents
        assert set(sums.values()) == {0}, line
    return entry


def test_there_is_a_diagram_for_each_model_and_one_for_the_share() -> None:
    assert len(DIAGRAMS) == 4
    assert [sum(s.diagram == n for s in STEPS) for n in range(4)] == [11, 8, 7, 3]
    # Every arrow was understood: nothing of a diagram is outside the tests below.
    assert sum(text.count(">>") for text in DIAGRAMS) == len(STEPS)


@pytest.mark.parametrize("text", DIAGRAMS)
def test_a_diagram_is_one_that_mermaid_draws(text: str) -> None:
    """All of them were drawn by mermaid-cli 11; this holds what is changed to the same words."""
    actors = re.findall(r"^    participant (\w+) as \w[\w ]*$", text, re.MULTILINE)
    arrows = re.findall(r"^    (\w+)--?>>(\w+): \S.*$", text, re.MULTILINE)
    assert {actor for arrow in arrows for actor in arrow} == set(actors)
    assert len(actors) == len(set(actors))
    # Nothing but these, and nothing in them that Mermaid would take for the end of a line.
    assert len(text.splitlines()) == 1 + len(actors) + len(arrows)
    assert text.startswith("    autonumber\n")
    assert not set(text) & set(";#%")


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.diagram}-{step.number}")
def test_each_step_names_an_event_of_its_topic(step: Step) -> None:
    events = {event.__name__ for event in CATALOGUE[step.topic].events}
    assert step.what.partition(",")[0] in events


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.diagram}-{step.number}")
def test_each_step_tells_the_entry_that_the_ledger_books(step: Step) -> None:
    if step.entry[0].startswith(NO_ENTRY):
        assert len(step.entry) == 1
        assert not step.moves_money
        assert step.what not in ENTRIES
        return
    if step.what.startswith("Execution, "):
        buy = step.what.endswith("buy")
        net = "client:net" in step.line
        assert net == (step.diagram == 2)
        book, n = trade(buy=buy, net=net), BUY if buy else SELL
    else:
        book, n = ENTRIES[step.what]
    assert told(step, n) == booked(book())


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.diagram}-{step.number}")
def test_an_arrow_is_solid_where_a_bank_account_changes(step: Step) -> None:
    assert step.moves_money == ("bank:fbo" in step.line or "bank:business" in step.line)


def test_every_topic_and_event_in_backticks_is_one() -> None:
    """What stands in backticks and looks like a topic or an event must be one."""
    words = set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)))
    events = {event.__name__ for topic in CATALOGUE.values() for event in topic.events}
    camel = {word for word in words if re.fullmatch(r"([A-Z][a-z]+){2,}", word)}
    assert camel <= events
    topics = {word for word in words if re.fullmatch(r"[a-z]+(-[a-z]+)+", word)}
    assert topics <= set(CATALOGUE)
    for name in ("orders", "fundings", "executions", "balances", "journal"):
        assert name in words
        assert name in CATALOGUE
