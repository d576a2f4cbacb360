"""The best bid and offer across providers (contract section 5), one row for each sentence.

In these stories BTCUSD's quotes are stale after 2,000 ms, the contract's default. A best quote is
written `bid x size [providers] / ask x size [providers]`, a side that is empty `-`.
"""

from collections.abc import Callable

import pytest

from schemas.instrument import InstrumentUpdated
from schemas.price_tick import PriceTick
from settlement.best_quote import Market
from settlement.cause import Out, fields
from tests.story import Event, Happened, Story, ct, only
from topics.decode import Refused

Lines = list[str]


def market(*, stale_after_ms: int = 2000) -> Story:
    story = Story()
    story.instrument(stale_after_ms=stale_after_ms, at="11:59")
    return story


def book(quote: Event) -> str:
    """Return a best quote in one line."""
    return f"{quote['status']} {_side(quote, 'bid')} / {_side(quote, 'ask')}"


def _side(quote: Event, side: str) -> str:
    price, size = quote[f"{side}_price"], quote[f"{side}_size"]
    providers = quote[f"{side}_providers"]
    if price is None:
        assert (size, providers, quote[f"{side}_valid_until"]) == (None, [], None)
        return "-"
    listed = " ".join(f"{shown['provider']}:{shown['size']}" for shown in providers)
    return f"{price} x {size} [{listed}]"


def books(happened: Happened) -> Lines:
    return [book(quote) for quote in happened.all("BestQuote")]


# -- the event ------------------------------------------------------------------------------------


def test_the_first_tick_of_a_symbol() -> None:
    """Every field: the quote expires 2 s after noon, 18:00:00 UTC."""
    happened = market().tick(
        bid="99.50",
        ask="100.25",
        bid_size="1.50",
        ask_size="0.25",
        at="12:00:00.000123",
        event_id="tick",
    )
    assert happened.emitted == [
        (
            "bbo",
            {
                "type": "BestQuote",
                "event_id": "BTCUSD-1",
                "event_time": "2026-03-03T18:00:00.000123Z",
                "cause_id": "tick",
                "symbol": "BTCUSD",
                "status": "LIVE",
                "bid_price": "99.50",
                "bid_size": "1.5",
                "bid_providers": [{"provider": "alpha", "size": "1.5"}],
                "bid_valid_until": "2026-03-03T18:00:02.000123Z",
                "ask_price": "100.25",
                "ask_size": "0.25",
                "ask_providers": [{"provider": "alpha", "size": "0.25"}],
                "ask_valid_until": "2026-03-03T18:00:02.000123Z",
                "sequence": 1,
            },
        )
    ]


def test_sequences_count_per_symbol() -> None:
    story = market()
    story.instrument("ETHUSD", at="11:59")
    quotes = [
        story.tick(ask="100.00").one("BestQuote"),
        story.tick(ask="10.00", symbol="ETHUSD").one("BestQuote"),
        story.tick(ask="101.00").one("BestQuote"),
        story.tick(ask="11.00", symbol="ETHUSD").one("BestQuote"),
    ]
    assert [(quote["event_id"], quote["sequence"]) for quote in quotes] == [
        ("BTCUSD-1", 1),
        ("ETHUSD-1", 1),
        ("BTCUSD-2", 2),
        ("ETHUSD-2", 2),
    ]


# -- which quotes count, and what the best is ------------------------------------------------------


def _status_live(story: Story) -> Happened:
    return story.tick(bid="99", ask="100")


def _status_one_side(story: Story) -> Happened:
    return story.tick(ask="100")


def _status_empty(story: Story) -> Happened:
    return story.tick()


def _status_locked_across_providers(story: Story) -> Happened:
    story.tick(bid="99", ask="100", at="12:00:00")
    return story.tick(bid="100", ask="101", provider="beta", at="12:00:00.5")


def _best_of_several(story: Story) -> Happened:
    """The highest bid is beta's, the lowest ask gamma's."""
    story.tick(bid="98", ask="104", at="12:00:00")
    story.tick(bid="99", ask="103", provider="beta", at="12:00:00.1")
    return story.tick(bid="97", ask="102", provider="gamma", at="12:00:00.2")


def _latest_of_a_provider(story: Story) -> Happened:
    """Alpha's second quote replaces its first, though that was better."""
    story.tick(bid="99", ask="100", at="12:00:00")
    return story.tick(bid="95", ask="105", at="12:00:01")


def _sizes_add_up(story: Story) -> Happened:
    story.tick(bid="99", bid_size="0.1", at="12:00:00")
    return story.tick(bid="99.00", bid_size="0.2", provider="beta", at="12:00:00.5")


def _larger_first(story: Story) -> Happened:
    story.tick(ask="100", ask_size="1", provider="alpha", at="12:00:00")
    story.tick(ask="100", ask_size="3", provider="gamma", at="12:00:00.1")
    return story.tick(ask="100", ask_size="2", provider="beta", at="12:00:00.2")


def _then_earlier_first(story: Story) -> Happened:
    story.tick(ask="100", ask_size="2", provider="zeta", at="12:00:00")
    return story.tick(ask="100", ask_size="2", provider="alpha", at="12:00:00.1")


def _then_by_name(story: Story) -> Happened:
    story.tick(ask="100", ask_size="2", provider="zeta", at="12:00:00")
    return story.tick(ask="100", ask_size="2", provider="Zeta", at="12:00:00")


def _size_before_time(story: Story) -> Happened:
    story.tick(ask="100", ask_size="2", provider="alpha", at="12:00:00")
    return story.tick(ask="100", ask_size="2.00000001", provider="beta", at="12:00:01")


def _stale(story: Story) -> Happened:
    """Alpha's quote of 12:00:00 counts while now < 12:00:02: no longer at 12:00:02."""
    story.tick(bid="99", ask="100", at="12:00:00")
    return story.tick(bid="90", ask="110", provider="beta", at="12:00:02")


def _not_yet_stale(story: Story) -> Happened:
    story.tick(bid="99", ask="100", at="12:00:00")
    return story.tick(bid="99", ask="110", provider="beta", at="12:00:01.999999")


def _no_longer_valid(story: Story) -> Happened:
    """`valid_until` comes before the two seconds are over."""
    story.tick(bid="99", ask="100", at="12:00:00", valid_until=ct("12:00:01"))
    return story.tick(bid="90", ask="110", provider="beta", at="12:00:01")


def _still_valid(story: Story) -> Happened:
    story.tick(bid="99", ask="100", at="12:00:00", valid_until=ct("12:00:01"))
    return story.tick(bid="99", ask="110", provider="beta", at="12:00:00.999999")


def _never_valid(story: Story) -> Happened:
    """A quote that is over when it comes still replaces its provider's earlier one."""
    story.tick(bid="99", ask="100", at="12:00:00")
    return story.tick(bid="98", ask="101", at="12:00:01", valid_until=ct("12:00:01"))


def _withdrawn(story: Story) -> Happened:
    story.tick(bid="99", ask="100", at="12:00:00")
    story.tick(bid="98", ask="101", provider="beta", at="12:00:00.1")
    return story.tick(at="12:00:00.2")


def _all_withdrawn(story: Story) -> Happened:
    story.tick(bid="99", ask="100", at="12:00:00")
    return story.tick(at="12:00:00.2")


def _one_side_withdrawn(story: Story) -> Happened:
    story.tick(bid="99", ask="100", at="12:00:00")
    return story.tick(bid="99", at="12:00:00.2")


def _finer_than_the_increment(story: Story) -> Happened:
    """Fine, and printed in full."""
    return story.tick(bid="99.004999", ask="99.005")


def _printed_with_the_increments_zeros(story: Story) -> Happened:
    return story.tick(bid="99.5", ask="100")


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        pytest.param(
            _status_live, "LIVE 99.00 x 10 [alpha:10] / 100.00 x 10 [alpha:10]", id="live"
        ),
        pytest.param(_status_one_side, "LIVE - / 100.00 x 10 [alpha:10]", id="one-side-is-live"),
        pytest.param(_status_empty, "EMPTY - / -", id="neither-side-is-empty"),
        pytest.param(
            _status_locked_across_providers,
            "LOCKED 100.00 x 10 [beta:10] / 100.00 x 10 [alpha:10]",
            id="equal-is-locked",
        ),
        pytest.param(
            _best_of_several,
            "LIVE 99.00 x 10 [beta:10] / 102.00 x 10 [gamma:10]",
            id="highest-bid-and-lowest-ask",
        ),
        pytest.param(
            _latest_of_a_provider,
            "LIVE 95.00 x 10 [alpha:10] / 105.00 x 10 [alpha:10]",
            id="a-providers-latest",
        ),
        pytest.param(_sizes_add_up, "LIVE 99.00 x 0.3 [beta:0.2 alpha:0.1] / -", id="sizes-add-up"),
        pytest.param(
            _larger_first,
            "LIVE - / 100.00 x 6 [gamma:3 beta:2 alpha:1]",
            id="providers-by-size",
        ),
        pytest.param(
            _then_earlier_first, "LIVE - / 100.00 x 4 [zeta:2 alpha:2]", id="then-by-earlier-time"
        ),
        pytest.param(_then_by_name, "LIVE - / 100.00 x 4 [Zeta:2 zeta:2]", id="then-by-name"),
        pytest.param(
            _size_before_time,
            "LIVE - / 100.00 x 4.00000001 [beta:2.00000001 alpha:2]",
            id="size-comes-before-time",
        ),
        pytest.param(
            _stale, "LIVE 90.00 x 10 [beta:10] / 110.00 x 10 [beta:10]", id="stale-at-the-instant"
        ),
        pytest.param(
            _not_yet_stale,
            "LIVE 99.00 x 20 [alpha:10 beta:10] / 100.00 x 10 [alpha:10]",
            id="counts-a-microsecond-before",
        ),
        pytest.param(
            _no_longer_valid,
            "LIVE 90.00 x 10 [beta:10] / 110.00 x 10 [beta:10]",
            id="over-at-valid-until",
        ),
        pytest.param(
            _still_valid,
            "LIVE 99.00 x 20 [alpha:10 beta:10] / 100.00 x 10 [alpha:10]",
            id="valid-a-microsecond-before",
        ),
        pytest.param(_never_valid, "EMPTY - / -", id="over-when-it-comes"),
        pytest.param(
            _withdrawn, "LIVE 98.00 x 10 [beta:10] / 101.00 x 10 [beta:10]", id="withdrawn"
        ),
        pytest.param(_all_withdrawn, "EMPTY - / -", id="all-withdrawn"),
        pytest.param(
            _one_side_withdrawn, "LIVE 99.00 x 10 [alpha:10] / -", id="one-side-withdrawn"
        ),
        pytest.param(
            _finer_than_the_increment,
            "LIVE 99.004999 x 10 [alpha:10] / 99.005 x 10 [alpha:10]",
            id="finer-than-the-increment-in-full",
        ),
        pytest.param(
            _printed_with_the_increments_zeros,
            "LIVE 99.50 x 10 [alpha:10] / 100.00 x 10 [alpha:10]",
            id="at-the-scale-of-the-increment",
        ),
    ],
)
def test_the_best(told: Callable[[Story], Happened], wanted: str) -> None:
    assert books(told(market())) == [wanted]


# -- crossed across providers ---------------------------------------------------------------------


def _older_bid_is_dropped(story: Story) -> Happened:
    """Alpha's bid 101 crosses beta's newer ask 100; alpha's whole quote goes, its ask too."""
    story.tick(bid="101", ask="102", at="12:00:00")
    return story.tick(bid="99", ask="100", provider="beta", at="12:00:00.1")


def _older_ask_is_dropped(story: Story) -> Happened:
    """Alpha's ask 100 is older than beta's bid 101; what is left is beta alone."""
    story.tick(bid="99", ask="100", at="12:00:00")
    return story.tick(bid="101", ask="102", provider="beta", at="12:00:00.1")


def _tie_drops_the_name_that_sorts_last(story: Story) -> Happened:
    story.tick(bid="101", ask="103", provider="alpha", at="12:00:00")
    return story.tick(bid="99", ask="100", provider="beta", at="12:00:00")


def _tie_drops_the_name_that_sorts_last_other_way(story: Story) -> Happened:
    story.tick(bid="101", ask="103", provider="zeta", at="12:00:00")
    return story.tick(bid="99", ask="100", provider="beta", at="12:00:00")


def _goes_on_while_crossed(story: Story) -> Happened:
    """Bids 103 and 102 both cross gamma's ask 101: alpha (oldest at the best) goes, then beta."""
    story.tick(bid="103", ask="105", provider="alpha", at="12:00:00")
    story.tick(bid="102", ask="104", provider="beta", at="12:00:00.1")
    return story.tick(bid="100", ask="101", provider="gamma", at="12:00:00.2")


def _only_those_at_the_best(story: Story) -> Happened:
    """Old is the oldest of all, but at neither best price: beta, at the best bid, goes."""
    story.tick(bid="90", ask="110", provider="old", at="12:00:00")
    story.tick(bid="101", ask="111", provider="beta", at="12:00:00.1")
    return story.tick(bid="89", ask="100", provider="gamma", at="12:00:00.2")


def _one_at_a_time(story: Story) -> Happened:
    """Two bids at 101. Alpha goes first, beta's 101 still crosses and goes too."""
    story.tick(bid="101", ask="110", provider="alpha", at="12:00:00")
    story.tick(bid="101", ask="111", provider="beta", at="12:00:00.1")
    return story.tick(bid="98", ask="100", provider="gamma", at="12:00:00.2")


def _oldest_of_two_at_the_same_side(story: Story) -> Happened:
    """The newest of all is not dropped while an older one is at a best price, on either side.

    Asks 100 of alpha (12:00:00) and beta (12:00:00.2), bid 101 of gamma (12:00:00.1): alpha goes,
    still crossed; gamma is older than beta and goes; beta stays.
    """
    story.tick(ask="100", provider="alpha", at="12:00:00")
    story.tick(bid="101", provider="gamma", at="12:00:00.1")
    return story.tick(ask="100", bid="97", provider="beta", at="12:00:00.2")


def _stale_ones_cross_nothing(story: Story) -> Happened:
    story.tick(bid="120", ask="121", provider="alpha", at="12:00:00")
    return story.tick(bid="99", ask="100", provider="beta", at="12:00:02")


def _dropped_is_not_forgotten(story: Story) -> Happened:
    """Alpha's 101 is dropped while beta asks 100, and is back when beta asks 102."""
    story.tick(bid="101", ask="103", provider="alpha", at="12:00:00")
    story.tick(bid="99", ask="100", provider="beta", at="12:00:00.1")
    return story.tick(bid="99", ask="102", provider="beta", at="12:00:00.2")


def _locked_is_not_crossed(story: Story) -> Happened:
    story.tick(bid="100", ask="103", provider="alpha", at="12:00:00")
    return story.tick(bid="99", ask="100", provider="beta", at="12:00:00.1")


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        pytest.param(
            _older_bid_is_dropped,
            "LIVE 99.00 x 10 [beta:10] / 100.00 x 10 [beta:10]",
            id="the-oldest-whole-quote-a-bid",
        ),
        pytest.param(
            _older_ask_is_dropped,
            "LIVE 101.00 x 10 [beta:10] / 102.00 x 10 [beta:10]",
            id="the-oldest-whole-quote-an-ask",
        ),
        pytest.param(
            _tie_drops_the_name_that_sorts_last,
            "LIVE 101.00 x 10 [alpha:10] / 103.00 x 10 [alpha:10]",
            id="tie-the-last-name-with-the-ask",
        ),
        pytest.param(
            _tie_drops_the_name_that_sorts_last_other_way,
            "LIVE 99.00 x 10 [beta:10] / 100.00 x 10 [beta:10]",
            id="tie-the-last-name-with-the-bid",
        ),
        pytest.param(
            _goes_on_while_crossed,
            "LIVE 100.00 x 10 [gamma:10] / 101.00 x 10 [gamma:10]",
            id="while-crossed",
        ),
        pytest.param(
            _only_those_at_the_best,
            "LIVE 90.00 x 10 [old:10] / 100.00 x 10 [gamma:10]",
            id="only-those-at-the-best-prices",
        ),
        pytest.param(
            _one_at_a_time,
            "LIVE 98.00 x 10 [gamma:10] / 100.00 x 10 [gamma:10]",
            id="one-at-a-time",
        ),
        pytest.param(
            _oldest_of_two_at_the_same_side,
            "LIVE 97.00 x 10 [beta:10] / 100.00 x 10 [beta:10]",
            id="oldest-on-either-side",
        ),
        pytest.param(
            _stale_ones_cross_nothing,
            "LIVE 99.00 x 10 [beta:10] / 100.00 x 10 [beta:10]",
            id="only-counting-quotes-cross",
        ),
        pytest.param(
            _dropped_is_not_forgotten,
            "LIVE 101.00 x 10 [alpha:10] / 102.00 x 10 [beta:10]",
            id="a-dropped-quote-comes-back",
        ),
        pytest.param(
            _locked_is_not_crossed,
            "LOCKED 100.00 x 10 [alpha:10] / 100.00 x 10 [beta:10]",
            id="locked-is-not-crossed",
        ),
    ],
)
def test_crossed(told: Callable[[Story], Happened], wanted: str) -> None:
    story = market()
    told(story)
    assert books(story.so_far())[-1] == wanted


# -- validity -------------------------------------------------------------------------------------


def _earliest_of_the_listed(story: Story) -> Happened:
    """Both at 100: alpha's until 12:00:02, beta's until 12:00:02.5; the bid is beta's alone."""
    story.tick(bid="98", ask="100", at="12:00:00")
    return story.tick(bid="99", ask="100", provider="beta", at="12:00:00.5")


def _not_of_those_behind(story: Story) -> Happened:
    """Alpha is not listed: its expiry says nothing."""
    story.tick(bid="98", ask="101", at="12:00:00")
    return story.tick(bid="99", ask="100", provider="beta", at="12:00:00.5")


def _valid_until_comes_first(story: Story) -> Happened:
    return story.tick(bid="99", ask="100", at="12:00:00", valid_until=ct("12:00:01"))


def _stale_after_comes_first(story: Story) -> Happened:
    return story.tick(bid="99", ask="100", at="12:00:00", valid_until=ct("13:00"))


@pytest.mark.parametrize(
    ("told", "bid", "ask"),
    [
        pytest.param(_earliest_of_the_listed, "12:00:02.5", "12:00:02", id="earliest-of-listed"),
        pytest.param(_not_of_those_behind, "12:00:02.5", "12:00:02.5", id="not-of-those-behind"),
        pytest.param(_valid_until_comes_first, "12:00:01", "12:00:01", id="valid-until-first"),
        pytest.param(_stale_after_comes_first, "12:00:02", "12:00:02", id="stale-after-first"),
    ],
)
def test_a_sides_validity(told: Callable[[Story], Happened], bid: str, ask: str) -> None:
    wanted = {"bid_valid_until": ct(bid), "ask_valid_until": ct(ask)}
    assert only(told(market()).one("BestQuote"), wanted) == wanted


# -- when it is emitted ---------------------------------------------------------------------------
# A first quote of alpha at 12:00:00 (99 x 10 / 100 x 10, valid until 12:00:02), then one tick more.


def _nothing_new(story: Story) -> Happened:
    """Validity moves on by 0.999999 s, less than half of 2 s."""
    return story.tick(bid="99", ask="100", at="12:00:00.999999")


def _validity_by_half(story: Story) -> Happened:
    return story.tick(bid="99", ask="100", at="12:00:01")


def _validity_by_half_in_two_steps(story: Story) -> Happened:
    """Since the last one emitted: 0.6 s and 0.4 s."""
    assert story.tick(bid="99", ask="100", at="12:00:00.6").emitted == []
    return story.tick(bid="99", ask="100", at="12:00:01")


def _validity_back(story: Story) -> Happened:
    """From 12:00:02 to a microsecond before."""
    return story.tick(bid="99", ask="100", at="12:00:00.1", valid_until=ct("12:00:01.999999"))


def _validity_not_moved(story: Story) -> Happened:
    return story.tick(bid="99", ask="100", at="12:00:00.1", valid_until=ct("12:00:02"))


def _price(story: Story) -> Happened:
    return story.tick(bid="99", ask="100.01", at="12:00:00.1")


def _price_finer_than_the_increment(story: Story) -> Happened:
    return story.tick(bid="99.0000000001", ask="100", at="12:00:00.1")


def _size(story: Story) -> Happened:
    return story.tick(bid="99", ask="100", ask_size="9.99999999", at="12:00:00.1")


def _behind_the_best(story: Story) -> Happened:
    return story.tick(bid="98", ask="101", provider="beta", at="12:00:00.1")


def _another_provider_alike(story: Story) -> Happened:
    return story.tick(bid="99", provider="beta", at="12:00:00.1")


def _a_provider_for_another(story: Story) -> Happened:
    """Same prices, same sizes: alpha's 10 become beta's 10."""
    story.tick(bid="99", ask="100", provider="beta", at="12:00:00.1")
    return story.tick(at="12:00:00.2")


def _sizes_change_hands(story: Story) -> Happened:
    """The sum stays 20; 10 and 10 become 11 and 9."""
    story.tick(bid="99", provider="beta", at="12:00:00.1")
    story.tick(bid="99", bid_size="11", provider="beta", at="12:00:00.2")
    return story.tick(bid="99", ask="100", bid_size="9", at="12:00:00.3")


def _status_changes(story: Story) -> Happened:
    return story.tick(at="12:00:00.1")


def _still_empty(story: Story) -> Happened:
    story.tick(at="12:00:00.1")
    return story.tick(provider="beta", at="12:00:00.2")


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        pytest.param(_nothing_new, [], id="nothing-new"),
        pytest.param(
            _validity_by_half,
            ["LIVE 99.00 x 10 [alpha:10] / 100.00 x 10 [alpha:10]"],
            id="validity-moved-on-by-half",
        ),
        pytest.param(
            _validity_by_half_in_two_steps,
            ["LIVE 99.00 x 10 [alpha:10] / 100.00 x 10 [alpha:10]"],
            id="by-half-since-the-last-emitted",
        ),
        pytest.param(
            _validity_back,
            ["LIVE 99.00 x 10 [alpha:10] / 100.00 x 10 [alpha:10]"],
            id="validity-back-at-all",
        ),
        pytest.param(_validity_not_moved, [], id="validity-where-it-was"),
        pytest.param(_price, ["LIVE 99.00 x 10 [alpha:10] / 100.01 x 10 [alpha:10]"], id="a-price"),
        pytest.param(
            _price_finer_than_the_increment,
            ["LIVE 99.0000000001 x 10 [alpha:10] / 100.00 x 10 [alpha:10]"],
            id="a-fine-price",
        ),
        pytest.param(
            _size,
            ["LIVE 99.00 x 10 [alpha:10] / 100.00 x 9.99999999 [alpha:9.99999999]"],
            id="a-size",
        ),
        pytest.param(_behind_the_best, [], id="behind-the-best"),
        pytest.param(
            _another_provider_alike,
            ["LIVE 99.00 x 20 [alpha:10 beta:10] / 100.00 x 10 [alpha:10]"],
            id="a-provider-more",
        ),
        pytest.param(
            _a_provider_for_another,
            ["LIVE 99.00 x 10 [beta:10] / 100.00 x 10 [beta:10]"],
            id="a-provider-less",
        ),
        pytest.param(
            _sizes_change_hands,
            ["LIVE 99.00 x 20 [beta:11 alpha:9] / 100.00 x 10 [alpha:10]"],
            id="the-list-alone",
        ),
        pytest.param(_status_changes, ["EMPTY - / -"], id="the-status"),
        pytest.param(_still_empty, [], id="still-empty"),
    ],
)
def test_emitted_only_with_news(told: Callable[[Story], Happened], wanted: Lines) -> None:
    story = market()
    story.tick(bid="99", ask="100", at="12:00:00")
    assert books(told(story)) == wanted


def test_validity_of_one_side_alone_is_news() -> None:
    """Asks of alpha and beta at 100, bid of alpha; only the ask's validity moves, by a second."""
    story = market()
    story.tick(bid="99", ask="101", at="12:00:00")
    story.tick(ask="100", provider="beta", at="12:00:00")
    quote = story.tick(ask="100", provider="beta", at="12:00:01").one("BestQuote")
    wanted = {"bid_valid_until": ct("12:00:02"), "ask_valid_until": ct("12:00:03"), "sequence": 3}
    assert only(quote, wanted) == wanted


def test_a_quote_that_expires_says_nothing_by_itself() -> None:
    """Only a tick makes a best quote: alpha's end shows with beta's next tick."""
    story = market()
    story.tick(bid="99", ask="100", at="12:00:00")
    story.tick(bid="98", ask="101", provider="beta", at="12:00:01")
    assert story.wait("12:00:02.5").emitted == []
    happened = story.tick(bid="98", ask="101", provider="beta", at="12:00:02.5")
    assert books(happened) == ["LIVE 98.00 x 10 [beta:10] / 101.00 x 10 [beta:10]"]


def test_a_refused_tick_moves_nothing() -> None:
    """A crossed tick a minute later does not make alpha's quote stale."""
    story = market()
    story.tick(bid="99", ask="100", at="12:00:00")
    assert story.tick(bid="2", ask="1", provider="beta", at="12:01:00").types() == ["DeadLetter"]
    happened = story.tick(bid="99", provider="gamma", at="12:00:01")
    assert books(happened) == ["LIVE 99.00 x 20 [alpha:10 gamma:10] / 100.00 x 10 [alpha:10]"]


def test_the_first_tick_emits_though_a_refused_one_came_before() -> None:
    story = market()
    assert story.tick(bid="2", ask="1").types() == ["DeadLetter"]
    assert story.tick().one("BestQuote")["sequence"] == 1


def test_a_changed_stale_after_holds_from_the_next_tick_on() -> None:
    """Reading: for quotes that are there, too. 2,000 ms become 500 ms: alpha is stale at once."""
    story = market()
    story.tick(bid="99", ask="100", at="12:00:00")
    assert story.instrument(stale_after_ms=500, at="12:00:00.7").emitted == []
    happened = story.tick(bid="90", provider="beta", at="12:00:00.8")
    assert books(happened) == ["LIVE 90.00 x 10 [beta:10] / -"]
    assert happened.one("BestQuote")["bid_valid_until"] == ct("12:00:01.3")


def test_sizes_add_up_beyond_fifteen_digits() -> None:
    """9,999,999.99999999 twice: each has 15 digits, the sum has 16, and orders still trade."""
    story = market()
    story.tick(ask="100", ask_size="9999999.99999999", at="12:00:00")
    quote = story.tick(ask="100", ask_size="9999999.99999999", provider="beta", at="12:00:00")
    assert quote.one("BestQuote")["ask_size"] == "19999999.99999998"
    execution = story.order("o1", quantity="1", at="12:00:01").one("Execution")
    assert execution["price"] == "100.00"


# -- ticks that come late: live they may, in a replay they cannot ---------------------------------


def _late(*ticks: tuple[str, str, str]) -> list[Event]:
    """Tell (provider, ask, time) to the stage itself and return what it emits."""
    stage = Market()
    instrument = {"type": "InstrumentUpdated", "event_id": "i", "event_time": ct("11:59")}
    instrument |= {"symbol": "BTCUSD", "base": "BTC", "minimum_price_increment": "0.01"}
    stage.instrument_updated(
        InstrumentUpdated.model_validate(instrument | {"minimum_quantity_increment": "0.01"})
    )
    out: Out = []
    for number, (provider, ask, at) in enumerate(ticks):
        tick = {"type": "PriceTick", "event_id": f"t{number}", "event_time": ct(at)}
        tick |= {"provider": provider, "symbol": "BTCUSD", "ask_price": ask, "ask_size": "1"}
        read = PriceTick.model_validate(tick)
        quote = stage.check(read, read.own_time)
        assert not isinstance(quote, Refused)
        stage.apply(quote, out)
    return [dict(fields(event)) for _, _, event in out]


def test_an_older_tick_of_the_provider_is_ignored() -> None:
    quotes = _late(("alpha", "100", "12:00:01"), ("alpha", "90", "12:00:00.999999"))
    assert [book(quote) for quote in quotes] == ["LIVE - / 100.00 x 1 [alpha:1]"]


def test_now_is_the_greatest_time_seen() -> None:
    """Beta's tick is a second late: it counts, from its own time, and now stays 12:00:01."""
    quotes = _late(("alpha", "100", "12:00:01"), ("beta", "90", "12:00:00"))
    assert book(quotes[1]) == "LIVE - / 90.00 x 1 [beta:1]"
    wanted = {"event_time": ct("12:00:01"), "ask_valid_until": ct("12:00:02"), "sequence": 2}
    assert only(quotes[1], wanted) == wanted


def test_a_tick_that_is_stale_when_it_comes_does_not_count() -> None:
    """Now is 12:00:02; beta's quote of 12:00:00 counted while now < 12:00:02."""
    quotes = _late(("alpha", "100", "12:00:02"), ("beta", "90", "12:00:00"))
    assert [book(quote) for quote in quotes] == ["LIVE - / 100.00 x 1 [alpha:1]"]


# -- what an order sees ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        pytest.param("12:00:01.999999", ("OrderFilled", "o1"), id="a-microsecond-before"),
        pytest.param("12:00:02", ("OrderRejected", "o1", "EMPTY_QUOTES"), id="at-valid-until"),
        pytest.param("12:00:30", ("OrderRejected", "o1", "EMPTY_QUOTES"), id="after"),
    ],
)
def test_an_order_takes_a_side_as_empty_from_its_valid_until_on(
    at: str, wanted: tuple[str, ...]
) -> None:
    story = market()
    story.tick(bid="99", ask="100", at="12:00:00")
    assert story.order("o1", quantity="1", at=at).said()[-1] == wanted


def test_an_order_looks_at_its_own_sides_validity() -> None:
    """The bid is over at 12:00:01, the ask at 12:00:02."""
    story = market()
    story.tick(ask="100", at="12:00:00")
    story.tick(bid="99", provider="beta", at="12:00:00", valid_until=ct("12:00:01"))
    assert story.order("o1", quantity="1", at="12:00:01").types("executions") == ["Execution"]
    sell = story.order("o2", side="SELL", quantity="1", at="12:00:01.5")
    assert sell.said() == [("OrderRejected", "o2", "EMPTY_QUOTES")]


def test_an_order_sees_the_latest_quote_that_was_emitted() -> None:
    """Alpha's repeat at 12:00:00.9 is not emitted, so for orders the ask still ends at 12:00:02."""
    story = market()
    story.tick(ask="100", at="12:00:00")
    assert story.tick(ask="100", at="12:00:00.9").emitted == []
    late = story.order("o1", quantity="1", at="12:00:02")
    assert late.said() == [("OrderRejected", "o1", "EMPTY_QUOTES")]
