"""The topic `bbo`: each quote by itself, after the one before it, and which one a trade saw."""

from collections.abc import Callable
from typing import Any, NamedTuple

from audit import numbers
from audit.topic_file import TopicFile, Written
from schemas.instant import Micros, micros

_FIELDS = {
    side: tuple(f"{side}_{field}" for field in ("price", "size", "providers", "valid_until"))
    for side in ("bid", "ask")
}


class Side(NamedTuple):
    """One side of a best quote: price (10^-18 USD), units by provider as listed, its validity."""

    price: int
    size: int
    providers: list[tuple[str, int]]
    valid_until: Micros

    def open_at(self, at: Micros) -> bool:
        """Whether an order decided at `at` may take it (section 5)."""
        return at < self.valid_until


class Quote(NamedTuple):
    """One best quote; a side that nobody quotes is None."""

    symbol: str
    sequence: int
    at: Micros
    bid: Side | None
    ask: Side | None
    status: str

    @property
    def event_id(self) -> str:
        """`{symbol}-{sequence}` (section 3)."""
        return f"{self.symbol}-{self.sequence}"


class Quotes:
    """Reads `bbo` as far as the trades have come, and keeps the latest quote of each symbol."""

    def __init__(self, topic: TopicFile) -> None:
        """Start before the first quote."""
        self.topic = topic
        self.latest: dict[str, Quote] = {}
        self.on_quote: Callable[[Quote], None] = lambda _: None
        # The latest quote of any symbol.
        self.last: Quote | None = None
        self._events: dict[str, dict[str, Any]] = {}

    def read_to(self, at: Micros) -> None:
        """Read all quotes up to and including this instant."""
        while self.topic.head is not None and self.topic.head.at <= at:
            self._read()

    def read_to_quote(self, event_id: str, at: Micros) -> None:
        """Read up to this quote, if it is one of this instant."""
        while (
            (self.last is None or self.last.event_id != event_id)
            and self.topic.head is not None
            and self.topic.head.at <= at
        ):
            self._read()

    def read_all(self) -> None:
        """Read the rest."""
        while self.topic.head is not None:
            self._read()

    def _read(self) -> None:
        line = self.topic.take()
        event = line.event
        symbol = event["symbol"]
        before = self.latest.get(symbol)
        self._same(line, "sequence", before.sequence + 1 if before else 1, event["sequence"])
        self._same(line, "event_id", f"{symbol}-{event['sequence']}", event["event_id"])
        bid = self._side(line, "bid", before and before.bid)
        ask = self._side(line, "ask", before and before.ask)
        self._events[symbol] = event
        if bid is None and ask is None:
            status = "EMPTY"
        else:
            status = "LOCKED" if bid and ask and bid.price == ask.price else "LIVE"
        self._same(line, "status", status, event["status"])
        if bid and ask and bid.price > ask.price:
            raise self.topic.differs(
                line, "bid_price", expected="at most the ask", found=event["bid_price"]
            )
        if before is not None and (before.bid, before.ask) == (bid, ask):
            raise self.topic.surplus_at(line, "nothing changed since the quote before")
        quote = Quote(symbol, event["sequence"], line.at, bid, ask, status)
        # Told before it counts: what the quote before it had to do must be done by now.
        self.on_quote(quote)
        self.last = self.latest[symbol] = quote

    def _side(self, line: Written, name: str, before: Side | None) -> Side | None:
        """Check and return one side; `before`: that of the symbol's quote before."""
        event = line.event
        if before is not None and line.at < before.valid_until:
            # Mostly one side moves and the other stays.
            same = self._events[event["symbol"]]
            if all(same[field] == event[field] for field in _FIELDS[name]):
                return before
        listed: list[dict[str, str]] = event[f"{name}_providers"]
        price = event[f"{name}_price"]
        if price is None:
            for field, empty in (("size", None), ("valid_until", None), ("providers", [])):
                self._same(line, f"{name}_{field}", empty, event[f"{name}_{field}"])
            return None
        size, until = event[f"{name}_size"], event[f"{name}_valid_until"]
        if size is None or until is None or not listed:
            raise self.topic.differs(
                line, f"{name} side", expected="size, providers and validity", found=event
            )
        number = self.topic.number
        providers = [
            (shown["provider"], number(line, "size", shown["size"], numbers.units))
            for shown in listed
        ]
        sizes = [shown for _, shown in providers]
        side = Side(
            number(line, f"{name}_price", price),
            number(line, f"{name}_size", size, numbers.units),
            providers,
            number(line, f"{name}_valid_until", until, micros),
        )
        self._same(line, f"{name}_size, the sum of its providers", sum(sizes), side.size)
        self._same(line, f"{name}_providers by size", sorted(sizes, reverse=True), sizes)
        self._same(line, f"{name}_providers, each once", len({p for p, _ in providers}), len(sizes))
        if side.price <= 0 or sizes[-1] <= 0:
            raise self.topic.differs(line, f"{name} side", expected="above 0", found=event)
        if side.valid_until <= line.at:
            raise self.topic.differs(
                line, f"{name}_valid_until", expected="after its event_time", found=until
            )
        return side

    def _same(self, line: Written, what: str, expected: Any, found: Any) -> None:  # noqa: ANN401 - a field's value
        if expected != found:
            raise self.topic.differs(line, what, expected=expected, found=found)
