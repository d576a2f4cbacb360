"""Tell a history and read what came out.

    story = Story()                                # a client, an instrument, an account
    story.tick(bid="99.00", ask="100.00")          # each line returns what it caused
    happened = story.order("o1", side="BUY", quantity="0.5")
    assert happened.types("order-updates") == ["OrderAccepted", "OrderFilled"]
    assert only(happened.one("Execution"), {"gross": ...}) == {"gross": "50.00"}

A line is told as the JSON that it would be in a file; what comes out is read back from its JSON.
Every emitted event must fit its typed dict exactly, bear the id that contract section 1 gives it,
and every journal entry must balance: `Story` checks that by itself, in its own words; after each
line the books must satisfy the invariants (`settlement/invariants.py`).

Times: `at="16:30"` (also `16:30:00.000001`) is Chicago wall-clock time on the story's date,
`at="2026-03-03T22:30:00Z"` is taken as it is, and a line without `at` comes a second after the
one before it. The first such line stands at noon in Chicago.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from pydantic import ConfigDict, TypeAdapter

from replay.engine import History
from replay.output import WrittenFile
from replay.read import InputLine, event_of
from schemas.instant import micros
from settlement.invariants import books_difference
from settlement.reports.report import Report
from settlement.reports.rows import MemoryRows
from topics.catalogue import CATALOGUE, INPUT_ORDER
from topics.decode import Refused

Event = dict[str, Any]

ACCOUNT = "ACME0001"
CLIENT = "ACME"
SYMBOL = "BTCUSD"

_CHICAGO = ZoneInfo("America/Chicago")
_SECOND = dt.timedelta(seconds=1)
# By type: its reader, which takes no other and no missing field, and no int for a string.
_READERS: dict[str, TypeAdapter[list[Any]]] = {
    kind.__name__: TypeAdapter(list[kind], config=ConfigDict(extra="forbid", strict=True))  # type: ignore[valid-type]  # known when it runs
    for topic in CATALOGUE.values()
    if topic.direction == "out"
    for kind in topic.events
}


def ct(text: str, date: str = "2026-03-03") -> str:
    """Return a Chicago wall-clock time (or an RFC 3339 time) as RFC 3339 UTC with six decimals."""
    if "T" in text:
        at = dt.datetime.fromisoformat(text)
    else:
        at = dt.datetime.fromisoformat(f"{date}T{text}").replace(tzinfo=_CHICAGO)
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def event_id(topic: str, cause_id: str, kind: str, key: str, k: int = 1) -> str:
    """Return the id of an emitted event, as contract section 1 says it."""
    return sha256(f"{topic}|{cause_id}|{kind}|{key}|{k}".encode()).hexdigest()[:32]


def only(event: Mapping[str, Any], names: Mapping[str, Any]) -> Event:
    """Return the fields of `event` that `names` has: `only(event, wanted) == wanted`."""
    return {name: event[name] for name in names}


class Happened:
    """What came out, in order: `emitted` holds (topic, event)."""

    def __init__(self, emitted: list[tuple[str, Event]]) -> None:
        self.emitted = emitted

    def on(self, *topics: str) -> list[Event]:
        """Return the events of the given topics."""
        return [event for name, event in self.emitted if name in topics]

    def types(self, *topics: str) -> list[str]:
        """Return the types of all events, or of those on the given topics."""
        return [event["type"] for name, event in self.emitted if not topics or name in topics]

    def all(self, *kinds: str) -> list[Event]:
        """Return the events of the given types."""
        return [event for _, event in self.emitted if event["type"] in kinds]

    def one(self, kind: str) -> Event:
        """Return the only event of a type."""
        found = self.all(kind)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} {kind} among {self.types()}")
        return found[0]

    def said(self, *topics: str) -> list[tuple[str, ...]]:
        """Return (type, client_order_id, reason) of order updates: what became of which order.

        `reason` is left out where the event has none. Other topics can be asked for.
        """
        return [
            tuple(event[name] for name in ("type", "client_order_id", "reason") if event.get(name))
            for topic, event in self.emitted
            if topic in (topics or ("order-updates",))
        ]


class _Files:
    """The destination of a story: keeps what it is given."""

    def __init__(self, story: "Story") -> None:
        self._story = story

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        self._story.take(topic, orjson.loads(orjson.dumps(event)))

    def report(self, report: Report) -> WrittenFile:
        rows = list(report.rows)
        text = "".join(f"{line}\n" for line in (*report.header, *(row.text for row in rows)))
        path = f"{report.client}/{report.key}"
        if path in self._story.files:
            raise AssertionError(f"{path} is issued twice")
        self._story.files[path] = text
        control = sum(row.control for row in rows)
        return WrittenFile(path, len(rows), control, sha256(text.encode()).hexdigest())


class Story:
    """A history under way.

    `files`: text of each issued file by `client/key`. `ledger`: sum of all postings so far by
    (ledger account, asset). `date`: the Chicago date that short times belong to; may be set.
    """

    def __init__(
        self, *, known: bool = True, date: str = "2026-03-03", csv_safe: bool = False
    ) -> None:
        """Begin; `known`: with the client ACME (no charges), BTCUSD and the account ACME0001.

        BTCUSD: increments 0.01 and 0.00000001, minimum 1.00, quotes stale after an hour.
        `csv_safe`: the setting.
        """
        self.date = date
        self.emitted: list[tuple[str, Event]] = []
        self.files: dict[str, str] = {}
        self.ledger: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.history = History(_Files(self), MemoryRows(), csv_safe=csv_safe)
        self.number = 0  # of the last line
        self._last = dt.datetime.fromisoformat(ct("12:00", date)) - _SECOND
        self._causes: dict[str, set[str]] = defaultdict(set)  # topics by cause id
        self._counts: Counter[tuple[str, ...]] = Counter()
        if known:
            self.client(at="11:59")
            self.instrument(at="11:59")
            self.account(at="11:59")
            self._last = dt.datetime.fromisoformat(ct("12:00", date)) - _SECOND

    # -- lines -----------------------------------------------------------------------------------

    def tell(self, topic: str, value: object) -> Happened:
        """Tell any JSON value as it is, good or bad."""
        before = len(self.emitted)
        self.number += 1
        text = orjson.dumps({"topic": topic, "value": value})
        event = event_of(text)
        at = self._last
        if not isinstance(event, Refused):
            at = dt.datetime.fromisoformat(value["event_time"])  # type: ignore[index]  # not refused: an object
            self._causes[event.event_id].add(topic)
        line = (micros(ct(at.isoformat())), INPUT_ORDER.index(topic), 0, self.number, topic)
        self._counts.clear()
        self.history.apply(InputLine(*line, event, text))
        self._check_invariants()
        happened = Happened(self.emitted[before:])
        if not happened.all("DeadLetter"):
            self._last = max(self._last, at)
        return happened

    def wait(self, until: str) -> Happened:
        """Let time pass, as `--until` does."""
        before = len(self.emitted)
        at = ct(until, self.date)
        self._last = max(self._last, dt.datetime.fromisoformat(at))
        self._counts.clear()
        self.history.move_time(micros(at))
        self._check_invariants()
        return Happened(self.emitted[before:])

    def fact(self, topic: str, kind: str, at: str | None, fields: Mapping[str, Any]) -> Happened:
        """Tell an event of `kind` with an id of its own (or that in `fields`)."""
        time = ct(at, self.date) if at is not None else self.now_text(later=_SECOND)
        head = {"type": kind, "event_id": f"in-{self.number + 1}", "event_time": time}
        return self.tell(topic, head | dict(fields))

    def client(
        self,
        client: str = CLIENT,
        *,
        commission_model: str = "MARKUP",
        at: str | None = None,
        **fields: Any,  # noqa: ANN401 - any JSON
    ) -> Happened:
        """Tell a `ClientUpdated`."""
        fields = {"client": client, "name": client, "commission_model": commission_model} | fields
        return self.fact("clients", "ClientUpdated", at, fields)

    def instrument(
        self,
        symbol: str = SYMBOL,
        *,
        at: str | None = None,
        **fields: Any,  # noqa: ANN401 - any JSON
    ) -> Happened:
        """Tell an `InstrumentUpdated`."""
        usual = {
            "symbol": symbol,
            "base": symbol.removesuffix("USD"),
            "quote": "USD",
            "minimum_price_increment": "0.01",
            "minimum_quantity_increment": "0.00000001",
            "minimum_order_value": "1.00",
            "stale_after_ms": 3_600_000,
            "tradable": True,
        }
        return self.fact("instruments", "InstrumentUpdated", at, usual | fields)

    def account(
        self,
        account_id: str = ACCOUNT,
        *,
        client: str = CLIENT,
        at: str | None = None,
        **fields: Any,  # noqa: ANN401 - any JSON
    ) -> Happened:
        """Tell an `AccountUpdated`: open, Marketplace, if nothing else is said."""
        usual = {
            "account_id": account_id,
            "client": client,
            "funding_model": "MARKETPLACE",
            "mode": "OPEN",
            "jurisdiction": "OPEN",
        }
        return self.fact("accounts", "AccountUpdated", at, usual | fields)

    def tick(
        self,
        bid: str | None = None,
        ask: str | None = None,
        *,
        provider: str = "alpha",
        symbol: str = SYMBOL,
        at: str | None = None,
        **fields: Any,  # noqa: ANN401 - any JSON
    ) -> Happened:
        """Tell a `PriceTick`; a price that is not given is null. Sizes are 10 if not given."""
        usual = {
            "provider": provider,
            "symbol": symbol,
            "bid_price": bid,
            "bid_size": None if bid is None else "10",
            "ask_price": ask,
            "ask_size": None if ask is None else "10",
        }
        return self.fact("price-ticks", "PriceTick", at, usual | fields)

    def order(
        self,
        client_order_id: str,
        *,
        account_id: str = ACCOUNT,
        symbol: str = SYMBOL,
        side: str = "BUY",
        at: str | None = None,
        **fields: Any,  # noqa: ANN401 - any JSON
    ) -> Happened:
        """Tell an `OrderSubmitted`.

        Its type and time in force follow from its fields, if not given: STOP_LIMIT with a
        `stop_price`, LIMIT with a `limit_price`, else MARKET; GTD with an `expire_time`, IOC if
        MARKET, else GTC.
        """
        if fields.get("expire_time") is not None:
            fields["expire_time"] = ct(fields["expire_time"], self.date)
        kind = "LIMIT" if fields.get("limit_price") else "MARKET"
        kind = "STOP_LIMIT" if fields.get("stop_price") else kind
        force = "IOC" if kind == "MARKET" else "GTC"
        usual = {
            "account_id": account_id,
            "client_order_id": client_order_id,
            "symbol": symbol,
            "side": side,
            "order_type": kind,
            "time_in_force": "GTD" if fields.get("expire_time") else force,
        }
        return self.fact("orders", "OrderSubmitted", at, usual | fields)

    def cancel(
        self,
        client_order_id: str,
        cancel_id: str = "c1",
        *,
        account_id: str = ACCOUNT,
        at: str | None = None,
        **fields: Any,  # noqa: ANN401 - any JSON
    ) -> Happened:
        """Tell an `OrderCancelRequested`."""
        usual = {
            "account_id": account_id,
            "client_order_id": client_order_id,
            "cancel_id": cancel_id,
        }
        return self.fact("orders", "OrderCancelRequested", at, usual | fields)

    def funding(
        self,
        kind: str,
        funding_id: str,
        amount: str,
        *,
        account_id: str = ACCOUNT,
        at: str | None = None,
        **fields: Any,  # noqa: ANN401 - any JSON
    ) -> Happened:
        """Tell a step of a funding, by ACH if not said, or a `CashAdjusted`."""
        usual: Event = {"funding_id": funding_id, "account_id": account_id, "amount": amount}
        if kind != "CashAdjusted":
            usual["instrument_type"] = "ACH"
        return self.fact("fundings", kind, at, usual | fields)

    def completed(
        self,
        journal_id: str,
        amount: str,
        *,
        account_id: str = ACCOUNT,
        at: str | None = None,
        **fields: Any,  # noqa: ANN401 - any JSON
    ) -> Happened:
        """Tell that the clearing firm completed a journal."""
        usual: Event = {"account_id": account_id, "journal_id": journal_id, "amount": amount}
        return self.fact("apex-journal-results", "ApexJournalCompleted", at, usual | fields)

    def rejected(
        self,
        journal_id: str,
        reason: str,
        *,
        account_id: str = ACCOUNT,
        at: str | None = None,
        **fields: Any,  # noqa: ANN401 - any JSON
    ) -> Happened:
        """Tell that the clearing firm rejected a journal."""
        usual: Event = {"account_id": account_id, "journal_id": journal_id, "reason": reason}
        return self.fact("apex-journal-results", "ApexJournalRejected", at, usual | fields)

    def wire(
        self,
        kind: str,
        wire_id: str,
        amount: str,
        *,
        client: str = CLIENT,
        at: str | None = None,
        **fields: Any,  # noqa: ANN401 - any JSON
    ) -> Happened:
        """Tell a `NetWireReceived`, `NetWireSent` or `RevenueSharePaid`."""
        usual = {"wire_id": wire_id, "client": client, "amount": amount}
        return self.fact("net-wires", kind, at, usual | fields)

    def opinion(
        self, kind: str, window_to: str, *, client: str = CLIENT, at: str | None = None
    ) -> Happened:
        """Tell a `NetSettlementConfirmed` or `NetSettlementDisputed`."""
        usual = {"client": client, "window_to": ct(window_to, self.date)}
        return self.fact("net-wires", kind, at, usual)

    # -- reading ---------------------------------------------------------------------------------

    def so_far(self) -> Happened:
        """Return all that came out since the beginning."""
        return Happened(list(self.emitted))

    def time(self, text: str) -> str:
        """Return a short time of the story's date as events carry it."""
        return ct(text, self.date)

    def now_text(self, *, later: dt.timedelta = dt.timedelta()) -> str:
        """Return the time of the last line, or a time later than it, as events carry it."""
        return (self._last + later).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    # -- what every event must be ----------------------------------------------------------------

    def take(self, topic: str, event: Event) -> None:
        """Keep an emitted event that is as the contract wants it."""
        _READERS[event["type"]].validate_python([event])
        if event["type"] not in {kind.__name__ for kind in CATALOGUE[topic].events}:
            raise AssertionError(f"{event['type']} on {topic}")
        self._check_id(topic, event)
        self._causes[event["event_id"]].add(topic)
        if event["type"] == "JournalEntry":
            self._book(event)
        self.emitted.append((topic, event))

    def _check_id(self, topic: str, event: Event) -> None:
        """Section 1: the id is a function of the cause, the type and the key."""
        kind, cause_id = event["type"], event["cause_id"]
        if kind == "BestQuote":
            wanted = {f"{event['symbol']}-{event['sequence']}"}
        else:
            name = CATALOGUE[topic].key or "source_key"
            # What comes from a client's own cause is keyed by the client, its journal too.
            key = event.get(name) or event.get("client") or ""
            if kind == "WindowOpened":
                key = "0"
            topics = self._causes.get(cause_id, set())
            if kind == "DeadLetter":
                topics = {event["source_topic"]}
            elif not topics:  # not an input: a window
                topics = {"executions"}
            counted = (topic, cause_id, kind, key)
            self._counts[counted] += 1
            wanted = {event_id(name, cause_id, kind, key, self._counts[counted]) for name in topics}
        if event["event_id"] not in wanted:
            raise AssertionError(f"{kind} caused by {cause_id} has the id {event['event_id']}")

    def _check_invariants(self) -> None:
        """Section 9: between two inputs the books are whole."""
        difference = books_difference(self.history.books())
        if difference is not None:
            raise AssertionError(f"broken invariant: {difference}")

    def _book(self, entry: Event) -> None:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for posting in entry["postings"]:
            amount = Decimal(posting["amount"])
            sums[posting["asset"]] += amount
            self.ledger[posting["account"], posting["asset"]] += amount
        if any(sums.values()):
            raise AssertionError(f"{entry['postings']} do not sum to zero")
