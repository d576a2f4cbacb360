"""Which quotes are kept, and which ticks are refused (contract section 5), at the stage itself.

So ticks may come late, as they do live. Times are seconds after noon; quotes of BTCUSD are stale
after 2,000 ms. A best quote is written `bid / ask`, an empty side and no event `-`.
"""

import orjson
import pytest

from pipeline.market import MarketTask
from pipeline.task import Record
from schemas.instant import micros
from schemas.instrument import InstrumentUpdated
from schemas.price_tick import PriceTick
from settlement.best_quote import Market
from settlement.cause import Out, fields
from tests.story import Event, ct
from topics.decode import Refused

NO_EVENT = "-"


def instrument(stale_after_ms: int = 2000, **changed: object) -> Event:
    return {
        "type": "InstrumentUpdated",
        "event_id": "i",
        "event_time": ct("11:59"),
        "symbol": "BTCUSD",
        "base": "BTC",
        "minimum_price_increment": "0.01",
        "minimum_quantity_increment": "0.01",
        "stale_after_ms": stale_after_ms,
    } | changed


def price_tick(
    provider: str,
    second: str,
    bid: str | None = None,
    ask: str | None = None,
    valid_until: str | None = None,
    size: str = "1",
) -> Event:
    return {
        "type": "PriceTick",
        "event_id": f"{provider}-{second}",
        "event_time": at(second),
        "provider": provider,
        "symbol": "BTCUSD",
        "bid_price": bid,
        "bid_size": None if bid is None else size,
        "ask_price": ask,
        "ask_size": None if ask is None else size,
        "valid_until": None if valid_until is None else at(valid_until),
    }


def at(second: str) -> str:
    whole, _, fraction = second.partition(".")
    return ct(f"12:{int(whole) // 60:02}:{int(whole) % 60:02}.{fraction.ljust(6, '0')}")


class Stage:
    """The stage of one symbol."""

    def __init__(self, stale_after_ms: int = 2000) -> None:
        self.market = Market()
        self.terms(stale_after_ms)

    def terms(self, stale_after_ms: int, **changed: object) -> None:
        event = instrument(stale_after_ms, **changed)
        self.market.instrument_updated(InstrumentUpdated.model_validate(event))

    def tick(
        self,
        provider: str,
        second: str,
        bid: str | None = None,
        ask: str | None = None,
        **more: str,
    ) -> str:
        """Return the best quote, no event, or the reason of the dead letter."""
        tick = PriceTick.model_validate(price_tick(provider, second, bid, ask, **more))
        quote = self.market.check(tick, tick.own_time)
        if isinstance(quote, Refused):
            return quote.reason
        out: Out = []
        self.market.apply(quote, out)
        if not out:
            return NO_EVENT
        event = fields(out[0][2])
        return f"{event['bid_price'] or '-'} / {event['ask_price'] or '-'}"

    def now(self) -> int:
        return self.market.symbols["BTCUSD"].now

    def kept(self) -> list[str]:
        return sorted(self.market.symbols["BTCUSD"].quotes)


# -- ticks of one instant -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sides", "more", "wanted"),
    [
        pytest.param(("98.99", "100"), {}, "98.99 / 100.00", id="a-lower-bid"),
        pytest.param(("99", "100.01"), {}, "99.00 / 100.01", id="a-higher-ask"),
        pytest.param(("99", "100"), {"size": "2"}, "99.00 / 100.00", id="sizes-alone"),
        pytest.param(("99",), {}, "99.00 / -", id="one-side-withdrawn"),
        pytest.param((), {}, "- / -", id="both-sides-withdrawn"),
        # It expires at 1 s instead of 2 s: validity moves earlier.
        pytest.param(("99", "100"), {"valid_until": "1"}, "99.00 / 100.00", id="valid-shorter"),
        # 2 s is when it expires anyway: nothing that is emitted changes.
        pytest.param(("99", "100"), {"valid_until": "2"}, NO_EVENT, id="valid-as-long"),
        pytest.param(("99", "100"), {"valid_until": "0"}, "- / -", id="not-valid-any-more"),
        pytest.param(("99", "100"), {}, NO_EVENT, id="the-same"),
        pytest.param(("99.00", "100.000"), {"size": "1.0"}, NO_EVENT, id="the-same-number"),
        pytest.param(("101", "100"), {}, "CROSSED_TICK", id="crossed"),
        pytest.param((None, "0"), {}, "NOT_POSITIVE", id="a-price-of-0"),
    ],
)
def test_a_tick_of_the_same_instant(
    sides: tuple[str | None, ...], more: dict[str, str], wanted: str
) -> None:
    """It replaces the provider's quote, unless its content is the same or it is dead-lettered."""
    stage = Stage()
    assert stage.tick("alpha", "0", "99", "100") == "99.00 / 100.00"
    assert stage.tick("alpha", "0", *sides, **more) == wanted


def test_the_last_of_many_ticks_of_one_instant_counts() -> None:
    """Also the content of an earlier one: the first was superseded, so its repeat replaces."""
    stage = Stage()
    stage.tick("beta", "0", "90", "110")
    asks = ["100", "101", "102", "101", "100"]
    found = [stage.tick("alpha", "0", "99", ask) for ask in asks]
    assert found == [f"99.00 / {ask}.00" for ask in asks]
    assert stage.tick("alpha", "0", "99", "100") == NO_EVENT


def test_an_older_tick_is_ignored_though_its_content_differs() -> None:
    stage = Stage()
    stage.tick("alpha", "1", "99", "100")
    assert stage.tick("alpha", "0.999999", "98", "101") == NO_EVENT
    # At 1 s it replaces, at 0.999999 s it does not.
    assert stage.tick("alpha", "1", "98", "101") == "98.00 / 101.00"


@pytest.mark.parametrize(
    ("sides", "reason"),
    [
        pytest.param(("101", "100"), "CROSSED_TICK", id="crossed"),
        pytest.param(("-1", None), "NOT_POSITIVE", id="a-negative-price"),
    ],
)
def test_an_older_tick_is_dead_lettered_all_the_same(
    sides: tuple[str | None, ...], reason: str
) -> None:
    stage = Stage()
    stage.tick("alpha", "1", "99", "100")
    assert stage.tick("alpha", "0", *sides) == reason


def test_a_replaced_quote_of_one_instant_changes_the_dropping_order_of_nobody() -> None:
    """Crossed: bid 101 of beta over ask 100 of alpha, both of 0 s: beta sorts last, so it goes."""
    stage = Stage()
    stage.tick("alpha", "0", "99", "105")
    stage.tick("beta", "0", "101", "106")
    assert stage.tick("alpha", "0", "99", "100") == "99.00 / 100.00"


# -- quotes that are discarded --------------------------------------------------------------------


def test_a_dead_lettered_tick_moves_nothing() -> None:
    """Now stays 0 s, so alpha's quote still counts for beta's tick at 1.999999 s."""
    stage = Stage()
    stage.tick("alpha", "0", "99", "100")
    before = stage.now()
    assert stage.tick("beta", "10", "2", "1") == "CROSSED_TICK"
    assert stage.tick("beta", "10", "2", "-1") == "CROSSED_TICK"
    assert stage.tick("beta", "10", "-2") == "NOT_POSITIVE"
    assert (stage.now(), stage.kept()) == (before, ["alpha"])
    assert stage.tick("beta", "1.999999", "98") == NO_EVENT
    assert stage.kept() == ["alpha", "beta"]


@pytest.mark.parametrize(
    ("second", "kept", "wanted"),
    [
        pytest.param("1.999999", ["alpha", "beta"], NO_EVENT, id="a-microsecond-before"),
        pytest.param("2", ["beta"], "98.00 / -", id="at-the-instant"),
    ],
)
def test_a_quote_is_discarded_when_it_is_stale(second: str, kept: list[str], wanted: str) -> None:
    """0 s + 2,000 ms = 2 s."""
    stage = Stage()
    stage.tick("alpha", "0", "99", "100")
    assert stage.tick("beta", second, "98") == wanted
    assert stage.kept() == kept


def test_a_discarded_quote_does_not_come_back_under_longer_terms() -> None:
    """Alpha's 99 of 0 s went at 2 s; 10,000 ms from 2.5 s on would last until 10 s."""
    stage = Stage()
    stage.tick("alpha", "0", "99", "100")
    assert stage.tick("beta", "2", "90") == "90.00 / -"
    stage.terms(10_000)
    assert stage.tick("beta", "2.5", "91") == "91.00 / -"


def test_a_quote_that_is_stale_under_shorter_terms_is_back_if_no_tick_came_between() -> None:
    """500 ms, then 2,000 ms again, and no kept tick in between: nothing was discarded."""
    stage = Stage()
    stage.tick("alpha", "0", "99", "100")
    stage.tick("beta", "1", "98", "101")
    stage.terms(500)
    stage.terms(2000)
    # Beta's bid is withdrawn: alpha's 99 still counts at 1.5 s.
    assert stage.tick("beta", "1.5", None, "101") == NO_EVENT
    assert stage.kept() == ["alpha", "beta"]


def test_a_quote_that_is_stale_under_shorter_terms_is_discarded_at_the_next_kept_tick() -> None:
    """500 ms: at 1 s alpha's quote of 0 s is stale. An ignored or refused tick discards nothing."""
    stage = Stage()
    stage.tick("alpha", "0", "99", "100")
    stage.tick("beta", "1", "98", "101")
    stage.terms(500)
    assert stage.tick("beta", "0.5", "97", "102") == NO_EVENT
    assert stage.tick("beta", "1", "98", "101") == NO_EVENT
    assert stage.tick("beta", "1.1", "2", "1") == "CROSSED_TICK"
    assert stage.kept() == ["alpha", "beta"]
    assert stage.tick("beta", "1", "98", "102") == "98.00 / 102.00"
    assert stage.kept() == ["beta"]
    stage.terms(5000)
    assert stage.tick("beta", "1.2", "97", "102") == "97.00 / 102.00"


def test_an_expired_quote_is_kept_until_it_is_stale() -> None:
    """Not valid from 1 s on, kept until 2 s: an older tick of alpha is ignored until then."""
    stage = Stage()
    stage.tick("alpha", "0.5", "99", "100", valid_until="1")
    assert stage.tick("beta", "1", "90", "110") == "90.00 / 110.00"
    assert stage.tick("alpha", "0.4", "98", "101") == NO_EVENT
    assert stage.kept() == ["alpha", "beta"]
    assert stage.tick("beta", "2.5", "91", "110") == "91.00 / 110.00"
    assert stage.kept() == ["beta"]
    # It is gone for good: under longer terms an older tick of alpha is its only quote.
    stage.terms(10_000)
    assert stage.tick("alpha", "0.4", "98", "101") == "98.00 / 101.00"


def test_a_withdrawn_quote_is_kept_without_sides_until_it_is_stale() -> None:
    """Older ticks are ignored until 3 s, when the withdrawal of 1 s is discarded."""
    stage = Stage()
    stage.tick("alpha", "0", "99", "100")
    assert stage.tick("alpha", "1") == "- / -"
    assert stage.tick("alpha", "0.5", "98", "101") == NO_EVENT
    stage.tick("beta", "2.9", "90")
    assert stage.kept() == ["alpha", "beta"]
    stage.tick("beta", "3", "91")
    assert stage.kept() == ["beta"]


def test_a_tick_that_is_stale_when_it_comes_is_not_kept_for_long() -> None:
    stage = Stage()
    stage.tick("alpha", "2", "99", "100")
    assert stage.tick("beta", "0", "98", "101") == NO_EVENT
    assert stage.kept() == ["alpha"]


# -- a hundred providers --------------------------------------------------------------------------


def filled(count: int, second: str = "0") -> Stage:
    """Return a stage where `count` providers quote, each a higher bid: 101, 102, ..."""
    stage = Stage()
    for number in range(count):
        found = stage.tick(f"p{number}", second, str(101 + number))
        assert found not in {"TOO_MANY_PROVIDERS", NO_EVENT}
    return stage


def test_the_hundredth_provider_has_room_the_next_has_not() -> None:
    stage = filled(99)
    assert stage.tick("the-100th", "0", "500") == "500.00 / -"
    assert stage.tick("the-101st", "0", "501") == "TOO_MANY_PROVIDERS"
    # Each of the hundred goes on, also in the same instant.
    assert stage.tick("p0", "0", "502") == "502.00 / -"
    assert stage.tick("the-100th", "1", "503") == "503.00 / -"
    assert len(stage.kept()) == 100


@pytest.mark.parametrize(
    ("second", "wanted"),
    [
        pytest.param("1.999999", "TOO_MANY_PROVIDERS", id="a-microsecond-before"),
        pytest.param("2", "500.00 / -", id="at-the-instant"),
    ],
)
def test_the_new_tick_s_own_time_makes_room(second: str, wanted: str) -> None:
    """A hundred quotes of 0 s are discarded at 2 s, by the very tick that wants the room."""
    stage = filled(100)
    assert stage.tick("new", second, "500") == wanted
    assert len(stage.kept()) == (100 if wanted == "TOO_MANY_PROVIDERS" else 1)


def test_a_late_tick_is_looked_at_as_of_now() -> None:
    """Now is 2 s by p0's tick, so the 99 others of 0 s are gone: a tick of 0 s has room."""
    stage = filled(100)
    stage.tick("p0", "2", "300")
    assert stage.tick("late", "0", "500") == NO_EVENT
    assert stage.kept() == ["p0"]


def test_a_withdrawn_quote_takes_room() -> None:
    stage = filled(99)
    stage.tick("p0", "0.5")
    assert stage.tick("the-100th", "0.5") == NO_EVENT
    assert stage.tick("the-101st", "0.5", "500") == "TOO_MANY_PROVIDERS"


def test_a_quote_that_is_not_valid_any_more_takes_room() -> None:
    stage = filled(99)
    assert stage.tick("short", "0", "500", valid_until="1") == "500.00 / -"
    assert stage.tick("new", "1.5", "501") == "TOO_MANY_PROVIDERS"


def test_room_is_made_by_shorter_terms_with_the_tick_that_needs_it() -> None:
    """1,000 ms: the hundred of 0 s are stale for a tick of 1 s, not for one of 0.999999 s."""
    stage = filled(100)
    stage.terms(1000)
    assert stage.tick("new", "0.999999", "500") == "TOO_MANY_PROVIDERS"
    assert stage.tick("new", "1", "500") == "500.00 / -"


@pytest.mark.parametrize(
    ("sides", "reason"),
    [
        pytest.param(("101", "100"), "CROSSED_TICK", id="crossed-comes-first"),
        pytest.param(("-1", None), "NOT_POSITIVE", id="not-positive-comes-first"),
        pytest.param(("99", "100"), "TOO_MANY_PROVIDERS", id="then-too-many"),
    ],
)
def test_the_order_of_the_checks(sides: tuple[str | None, ...], reason: str) -> None:
    assert filled(100).tick("new", "1", *sides) == reason


# -- the live task --------------------------------------------------------------------------------


def test_the_state_record_of_a_symbol_is_bounded() -> None:
    """5,200 providers with names and ids of full length leave the quotes of a hundred.

    The longest id: 200 characters that JSON writes as six bytes each.
    """
    task, out, state = MarketTask(0, 1), Out(), dict[bytes, bytes | None]()
    values = [instrument()]
    for number in range(5200):
        tick = price_tick(f"{number:032}", "0", "1", "2")
        values.append(tick | {"event_id": "\x01" * 195 + f"{number:05}"})
    for offset, value in enumerate(values):
        topic = "price-ticks" if offset else "instruments"
        appended_ms = micros(ct("12:01")) // 1000
        record = Record(topic, 0, offset, appended_ms, b"BTCUSD", orjson.dumps(value))
        for _ in task.apply(task.read(record), out):
            pass
    state.update(task.changes())
    reasons = [fields(said).get("reason") for topic, _, said in out if topic == "dead-letters"]
    assert reasons == ["TOO_MANY_PROVIDERS"] * 5100
    stored = state[b"symbol|BTCUSD"] or b""
    assert len(orjson.loads(stored)["quotes"]) == 100
    assert len(stored) < 160_000
