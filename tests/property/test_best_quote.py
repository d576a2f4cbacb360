"""The stage best_quote against a naive reading of contract section 5, on random ticks.

The reading computes everything from the kept ticks each time, in `Decimal`s. Ticks may be late,
repeated, of one instant, crossed, dirty, expired when they arrive, or of one provider too many;
`stale_after_ms` changes, and the live task is restored from its state records at any point.
"""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from hypothesis import given
from hypothesis import strategies as st

from pipeline.market import MarketTask
from pipeline.task import Record
from schemas.instrument import InstrumentUpdated
from schemas.price_tick import PriceTick
from settlement.best_quote import Market
from settlement.cause import Out, fields
from topics.decode import Refused

Event = dict[str, Any]

NOON = dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)
MS = dt.timedelta(milliseconds=1)
STALE_AFTER_MS = 2000


class Side(NamedTuple):
    price: Decimal
    size: Decimal


class Tick(NamedTuple):
    number: int
    provider: str
    at: int  # milliseconds after noon, as all times here
    bid: Side | None
    ask: Side | None
    valid_until: int | None

    def content(self) -> tuple[object, ...]:
        return (self.bid, self.ask, self.valid_until)

    def expires(self, stale_after: int) -> int:
        stale = self.at + stale_after
        return stale if self.valid_until is None else min(stale, self.valid_until)


class Terms(NamedTuple):
    """An `InstrumentUpdated` with this `stale_after_ms`."""

    stale_after: int


class Restart(NamedTuple):
    """The live task is restored from its state records."""


Happening = Tick | Terms | Restart


def text(at: int) -> str:
    return (NOON + at * MS).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# -- the naive reading ----------------------------------------------------------------------------


def refusal(tick: Tick, kept: dict[str, Tick], now: int, stale_after: int) -> str | None:
    if tick.bid and tick.ask and tick.bid.price > tick.ask.price:
        return "CROSSED_TICK"
    if any(number <= 0 for side in (tick.bid, tick.ask) if side for number in side):
        return "NOT_POSITIVE"
    others = [q for q in kept.values() if q.provider != tick.provider]
    if sum(max(now, tick.at) < q.at + stale_after for q in others) >= 100:
        return "TOO_MANY_PROVIDERS"
    return None


def uncrossed(quotes: list[Tick]) -> list[Tick]:
    """While best bid > best ask, drop the oldest whole quote at either; tie: the last name."""
    bids = [q.bid.price for q in quotes if q.bid]
    asks = [q.ask.price for q in quotes if q.ask]
    if not bids or not asks or max(bids) <= min(asks):
        return quotes
    at_best = [
        q
        for q in quotes
        if (q.bid and q.bid.price == max(bids)) or (q.ask and q.ask.price == min(asks))
    ]
    oldest = [q for q in at_best if q.at == min(other.at for other in at_best)]
    dropped = max(oldest, key=lambda q: q.provider)
    return uncrossed([q for q in quotes if q.provider != dropped.provider])


def side_fields(
    name: str, shown: list[tuple[Tick, Side]], price: Decimal | None, stale_after: int
) -> Event:
    at_best = [(q, side) for q, side in shown if side.price == price]
    at_best.sort(key=lambda pair: pair[0].provider)
    at_best.sort(key=lambda pair: pair[0].at)
    at_best.sort(key=lambda pair: pair[1].size, reverse=True)
    if not at_best or price is None:
        return {f"{name}_price": None, f"{name}_size": None, f"{name}_providers": []} | {
            f"{name}_valid_until": None
        }
    places = max(2, -int(price.normalize().as_tuple().exponent))
    return {
        f"{name}_price": f"{price:.{places}f}",
        f"{name}_size": plain(sum((side.size for _, side in at_best), Decimal())),
        f"{name}_providers": [
            {"provider": q.provider, "size": plain(side.size)} for q, side in at_best
        ],
        f"{name}_valid_until": min(q.expires(stale_after) for q, _ in at_best),
    }


def plain(size: Decimal) -> str:
    return f"{size:.8f}".rstrip("0").rstrip(".")


def moved(old: int | None, new: int | None, stale_after: int) -> bool:
    if old is None or new is None:
        return False
    return new < old or new - old >= stale_after / 2


def read(happenings: list[Happening]) -> Iterator[Event | str | None]:
    """Yield for each tick its best quote, None if there is no news, or why it is refused."""
    kept: dict[str, Tick] = {}
    stale_after = STALE_AFTER_MS
    now = -1
    emitted: Event | None = None
    sequence = 0
    for tick in happenings:
        if isinstance(tick, Terms):
            stale_after = tick.stale_after
        if not isinstance(tick, Tick):
            continue
        why = refusal(tick, kept, now, stale_after)
        if why is not None:
            yield why
            continue
        latest = kept.get(tick.provider)
        if latest is not None and (
            tick.at < latest.at or (tick.at == latest.at and tick.content() == latest.content())
        ):
            yield None
            continue
        now = max(now, tick.at)
        kept[tick.provider] = tick
        kept = {name: q for name, q in kept.items() if now < q.at + stale_after}
        counting = uncrossed([q for q in kept.values() if now < q.expires(stale_after)])
        bids = [(q, q.bid) for q in counting if q.bid]
        asks = [(q, q.ask) for q in counting if q.ask]
        best_bid = max((side.price for _, side in bids), default=None)
        best_ask = min((side.price for _, side in asks), default=None)
        status = "LOCKED" if best_bid == best_ask else "LIVE"
        found: Event = {"status": "EMPTY" if best_bid is None and best_ask is None else status}
        found |= side_fields("bid", bids, best_bid, stale_after)
        found |= side_fields("ask", asks, best_ask, stale_after)
        times = ("bid_valid_until", "ask_valid_until")
        if (
            emitted is not None
            and all(found[name] == emitted[name] for name in found if name not in times)
            and not any(moved(emitted[name], found[name], stale_after) for name in times)
        ):
            yield None
            continue
        emitted = found
        sequence += 1
        yield {
            "type": "BestQuote",
            "event_id": f"BTCUSD-{sequence}",
            "event_time": text(now),
            "cause_id": f"t{tick.number}",
            "symbol": "BTCUSD",
            "sequence": sequence,
        } | {
            name: text(value) if name in times and value is not None else value
            for name, value in found.items()
        }


# -- the stage ------------------------------------------------------------------------------------


def instrument(terms: Terms) -> Event:
    return {
        "type": "InstrumentUpdated",
        "event_id": "i",
        "event_time": text(-1),
        "symbol": "BTCUSD",
        "base": "BTC",
        "minimum_price_increment": "0.01",
        "minimum_quantity_increment": "0.01",
        "stale_after_ms": terms.stale_after,
    }


def price_tick(tick: Tick) -> Event:
    value: Event = {
        "type": "PriceTick",
        "event_id": f"t{tick.number}",
        "event_time": text(tick.at),
        "provider": tick.provider,
        "symbol": "BTCUSD",
    }
    for name, side in (("bid", tick.bid), ("ask", tick.ask)):
        if side is not None:
            value |= {f"{name}_price": f"{side.price:f}", f"{name}_size": f"{side.size:f}"}
    if tick.valid_until is not None:
        value["valid_until"] = text(tick.valid_until)
    return value


def decided(happenings: list[Happening]) -> Iterator[Event | str | None]:
    stage = Market()
    stage.instrument_updated(InstrumentUpdated.model_validate(instrument(Terms(STALE_AFTER_MS))))
    for happening in happenings:
        if isinstance(happening, Terms):
            stage.instrument_updated(InstrumentUpdated.model_validate(instrument(happening)))
        if not isinstance(happening, Tick):
            continue
        tick = PriceTick.model_validate(price_tick(happening))
        quote = stage.check(tick, tick.own_time)
        if isinstance(quote, Refused):
            yield quote.reason
            continue
        out: Out = []
        stage.apply(quote, out)
        assert len(out) <= 1
        assert all((topic, key) == ("bbo", "BTCUSD") for topic, key, _ in out)
        for _, _, said in out:
            # The text is what an engine would make of the event: it is sent as it is.
            assert isinstance(said, str)
            assert said.encode() == orjson.dumps(fields(said))
        yield dict(fields(out[0][2])) if out else None


class Live:
    """The live task on one partition, and its state topic."""

    def __init__(self) -> None:
        self.task = MarketTask(0, 1)
        self.state: dict[bytes, bytes] = {}

    def happens(self, happening: Happening) -> Out:
        """Apply one input, and store what changed."""
        out: Out = []
        if isinstance(happening, Restart):
            self.task = MarketTask(0, 1)
            for key, stored in self.state.items():
                self.task.restore(key, stored)
            return out
        tick = isinstance(happening, Tick)
        value = price_tick(happening) if isinstance(happening, Tick) else instrument(happening)
        topic, appended_ms = ("price-ticks", 1 << 42) if tick else ("instruments", 0)
        record = Record(topic, 0, 0, appended_ms, b"BTCUSD", orjson.dumps(value))
        for _ in self.task.apply(self.task.read(record), out):
            pass
        for key, changed in self.task.changes():
            assert changed is not None
            self.state[key] = changed
        return out


def decided_live(happenings: list[Happening]) -> Iterator[Event | str | None]:
    live = Live()
    live.happens(Terms(STALE_AFTER_MS))
    for happening in happenings:
        out = [dict(fields(said)) for topic, _, said in live.happens(happening) if topic != "bbo"]
        if isinstance(happening, Tick):
            yield (out[0].get("reason") or out[0]) if out else None


# Few prices, sizes and times, so that they meet.
PRICES = st.sampled_from([Decimal(p) for p in ("99", "99.5", "100", "100.005", "100.5", "101")])
DIRTY = st.sampled_from([Decimal(p) for p in ("0", "-1", "100.000")])
SIZES = st.sampled_from([Decimal(s) for s in ("1", "1.0", "2.5", "0.00000001")])
SIDES = st.one_of(st.none(), st.builds(Side, PRICES, SIZES), st.builds(Side, PRICES, SIZES))


def right_way_round(bid: Side | None, ask: Side | None) -> tuple[Side | None, Side | None]:
    return (ask, bid) if bid and ask and bid.price > ask.price else (bid, ask)


@st.composite
def bids_and_asks(draw: st.DrawFn) -> tuple[Side | None, Side | None]:
    """Mostly good ones."""
    kind = draw(st.integers(0, 11))
    if kind == 7:
        return draw(SIDES), draw(st.builds(Side, PRICES, DIRTY))
    if kind == 8:
        return draw(st.builds(Side, DIRTY, SIZES)), draw(SIDES)
    bid, ask = draw(SIDES), draw(SIDES)
    return (bid, ask) if kind == 9 else right_way_round(bid, ask)


@st.composite
def histories(draw: st.DrawFn) -> list[Happening]:
    """Ticks of four providers, mostly in time order, a few hundred milliseconds apart.

    Others that quote no side may come first: enough of them leave no room for all four.
    """
    others = range(draw(st.sampled_from([0, 0, 0, 97, 98, 99, 100])))
    happenings: list[Happening] = [Tick(2000 + n, f"p{n}", n % 3, None, None, None) for n in others]
    at = 0
    for number in range(draw(st.integers(1, 30))):
        at = max(0, at + draw(st.sampled_from([0, 0, 1, 250, 500, 999, 1000, 1999, 2000, -600])))
        bid, ask = draw(bids_and_asks())
        until = draw(st.sampled_from([None, None, None, -100, 0, 1, 700, 1000, 5000]))
        provider = draw(st.sampled_from(["alpha", "beta", "Beta", "gamma"]))
        valid_until = None if until is None else at + until
        tick = Tick(number, provider, at, bid, ask, valid_until)
        happenings.append(tick)
        kind = draw(st.integers(0, 19))
        if kind < 2:
            happenings.append(tick._replace(number=1000 + number))
        elif kind < 4:
            happenings.append(Terms(draw(st.sampled_from([1, 500, 2000, 3000]))))
        elif kind < 6:
            happenings.append(Restart())
    return happenings


@given(histories())
def test_each_best_quote_is_that_of_a_naive_reading(happenings: list[Happening]) -> None:
    assert list(decided(happenings)) == list(read(happenings))


@given(histories())
def test_a_restored_task_goes_on_as_the_naive_reading_does(happenings: list[Happening]) -> None:
    assert list(decided_live(happenings)) == list(read(happenings))
