"""The mix: rounds of records in the order in which they must be sent, by a seed."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import orjson

from schemas.instant import DAY, MINUTE, SECOND, Micros, micros, time_text
from settlement.calendar import chicago, civil_date
from tests.fuzz import firm, fundings, hostile, limits, market, nets, reference, trading
from tests.fuzz.sent import ACT, ANSWER, Sent, Tag
from tests.fuzz.world import Event, Market, World
from topics.catalogue import CATALOGUE, CLOCK
from topics.partition import partition_of

PARTITIONS = 4
RECORDS_PER_ROUND = 500
SPAN_MAX = 10 * DAY - 60 * MINUTE
# In a short run time goes slower, so that answers still come before the next window.
_STEP_MAX = 40 * SECOND
_TOPIC_OF: dict[str, str] = {
    event.__name__: topic.name
    for topic in CATALOGUE.values()
    if topic.direction == "in"
    for event in topic.events
}
# In which order the topics of a round are sent: causes first.
STAGES: tuple[frozenset[str], ...] = (
    frozenset({"clients", "instruments", "accounts", "clock"}),
    frozenset({"price-ticks"}),
    frozenset({"orders", "fundings", "apex-journal-results", "net-wires"}),
)
_MANY_ASSETS = tuple(f"A{number:04d}" for number in range(1_250))
_STOP = {
    "order_type": "STOP_LIMIT",
    "time_in_force": "DAY",
    "notional": "10.00",
    "limit_price": "12.00",
    "stop_price": "11.00",
}
# The tasks are at most so many rounds behind the generator (live.py).
_ROUNDS_BEHIND = 8
_LATE_EACH = 5
_REUSED_IDS = 0.02


class Generator:
    """All records of a run. `records` are sent in all, with event times from `start` on."""

    def __init__(self, seed: int, records: int, start: Micros) -> None:
        """Begin before the first record."""
        self.world = World(seed, start)
        self._records = records
        self._span = span(records)
        self._start = start
        self._made = 0
        self._limit_turns: Counter[bool] = Counter()

    def rounds(self) -> Iterator[list[Sent]]:
        """Yield what is sent together, stage by stage; meanwhile `world` learns."""
        first = [*reference.opening(self.world)]
        first += [(event, Tag(event["type"])) for event in limits.opening(self.world)]
        yield [*(self._sent(event, tag) for event, tag in first), *self._many_instruments()]
        buys_of_many_assets = False
        rounds = 0
        while self._made < self._records:
            self.world.at = self._start + self._span * self._made // self._records
            made = [*self._clock(), *islice(self._some(), RECORDS_PER_ROUND)]
            rounds += 1
            if not buys_of_many_assets and rounds > _ROUNDS_BEHIND and self._is_morning():
                buys_of_many_assets = True
                made += self._buys_of_many_assets()
                made += self._ticks_of_many_providers()
            self._made += len(made)
            yield made
        self.world.at = self._start + self._span
        yield list(self._clock())
        # Whatever is in the far future means the present, so it comes last.
        late = [limit for limit in limits.LIMITS if limit.late]
        yield [self._at_limit(limit, beyond=False) for limit in late for _ in range(_LATE_EACH)]

    def _is_morning(self) -> bool:
        """Whether the maintenance, which ends working orders, is hours away."""
        day = civil_date(self.world.at)
        return chicago(day, 1, 0) < self.world.at < chicago(day, 14, 0)

    def _clock(self) -> Iterator[Sent]:
        at = time_text(self.world.at)
        for partition in range(PARTITIONS):
            event = self.world.new("ClockTicked", at=at) | {"event_time": at}
            tag = Tag("ClockTicked", ACT)
            yield Sent(CLOCK, partition, None, orjson.dumps(event), tag, self.world.at)

    def _some(self) -> Iterator[Sent]:
        rng = self.world.rng
        step = self._span // self._records
        while True:
            self.world.at += step
            roll = rng.random()
            if roll < 0.08:
                yield self._limit()
            elif roll < 0.12:
                yield self._record_limit()
            elif roll < 0.27:
                yield self._hostile()
            else:
                event, tag = self._draw()
                # Nothing keeps a producer from reusing an ID; opinions of nets go by it.
                if rng.random() < _REUSED_IDS and not tag.kind.startswith("NetSettlement"):
                    event = event | {"event_id": "reused"}
                yield self._sent(event, tag, dress=True)

    def _draw(self) -> tuple[Event, Tag]:
        world = self.world
        while True:
            roll = world.rng.random()
            if roll < 0.22:
                return market.draw(world)
            if roll < 0.46:
                return trading.draw(world)
            if roll < 0.76:
                return fundings.draw(world)
            if roll < 0.84:
                answer = firm.draw(world)
                if answer is not None:
                    return answer
            elif roll < 0.93:
                return nets.draw(world)
            else:
                return reference.draw(world)

    def _sent(
        self, event: Event, tag: Tag, *, dress: bool = False, value: bytes | None = None
    ) -> Sent:
        """Return the record of an event: in its partition, under its key."""
        rng = self.world.rng
        topic = _TOPIC_OF[event["type"]]
        key, partition = self._place(topic, event)
        if value is None:
            value = hostile.dressed(rng, event) if dress else orjson.dumps(event)
        if dress:
            key = hostile.key(rng, key)
        headers = hostile.headers(rng) if dress else ()
        return Sent(topic, partition, key, value, tag, _order_at(event), headers)

    def _place(self, topic: str, event: Event) -> tuple[bytes | None, int]:
        name = CATALOGUE[topic].key
        key = event.get(name) if name else None
        if not isinstance(key, str):
            return None, self.world.rng.randrange(PARTITIONS)
        return key.encode(), partition_of(key, PARTITIONS)

    def _hostile(self) -> Sent:
        rng = self.world.rng
        event, tag = self._draw()
        if rng.random() < 0.15 and _TOPIC_OF[event["type"]] != CLOCK:
            sent = self._sent(event, Tag(tag.kind, "WRONG_PARTITION"))
            return sent._replace(partition=(sent.partition + 1) % PARTITIONS)
        value, tag = hostile.hostile(rng, event)
        sent = self._sent(event, tag, value=value or b"")
        return sent._replace(value=value)

    def _limit(self) -> Sent:
        beyond = self.world.rng.random() < 0.5
        number = self._limit_turns[beyond]
        self._limit_turns[beyond] += 1
        limit = limits.LIMITS[number % len(limits.LIMITS)]
        # Before the end only what is beyond.
        return self._at_limit(limit, beyond=beyond or limit.late)

    def _at_limit(self, limit: limits.Limit, *, beyond: bool) -> Sent:
        expected = ACT
        if beyond:
            expected = ANSWER if limit.reason == "INVALID_ORDER" else limit.reason
        side = "beyond" if beyond else "at"
        event = limits.at(self.world, limit, beyond=beyond)
        sent = self._sent(event, Tag(event["type"], expected, f"{limit.name}|{side}"))
        if limit.late and not beyond:
            return sent._replace(order_at=None)
        return sent

    def _record_limit(self) -> Sent:
        rng = self.world.rng
        name = rng.choice(limits.RECORD_LIMITS)
        beyond = rng.random() < 0.5
        # Of 64 KiB some are enough.
        if name == limits.VALUE_BYTES and rng.random() < 0.9:
            name = limits.LEVELS
        event, tag = self._draw()
        sent = self._sent(event, tag)
        value, key = limits.record(name, event, sent.key, beyond=beyond)
        limit = f"{name}|{'beyond' if beyond else 'at'}"
        new = tag._replace(expected="TOO_LARGE" if beyond else ACT, limit=limit)
        return sent._replace(value=value, key=key, tag=new)

    def _many_instruments(self) -> Iterator[Sent]:
        for name in _MANY_ASSETS:
            event = reference.instrument_updated(self.world, Market(f"{name}USD", name, 1_000))
            yield self._sent(event, Tag("InstrumentUpdated", ACT))

    def _buys_of_many_assets(self) -> Iterator[Sent]:
        """Yield untriggered stop buys of one account for more assets than it may work for."""
        for name in _MANY_ASSETS:
            one = Market(f"{name}USD", name, 1_000)
            event = trading.order(self.world, self.world.customers[0], one, **_STOP)
            yield self._sent(event, Tag("OrderSubmitted", ACT, step="buys of 1,250 assets"))

    def _ticks_of_many_providers(self) -> Iterator[Sent]:
        for number in range(market.CROWD):
            event = market.tick(self.world, self.world.crowded, f"crowd-{number}")
            yield self._sent(event, Tag("PriceTick", step="crowded symbol"))


def span(records: int) -> Micros:
    """Return how long a run of so many records is, in event time."""
    return min(SPAN_MAX, records * _STEP_MAX)


def _order_at(event: Event) -> Micros | None:
    """Return where an event stands in a plain replay."""
    text = event.get("event_time")
    try:
        return micros(text) if isinstance(text, str) else None
    except ValueError:
        return None
