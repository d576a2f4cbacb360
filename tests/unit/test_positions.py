"""The positions file (domain.md section 9), byte by byte."""

from tests.report_files import POSITIONS, customer, lines, rows
from tests.story import ACCOUNT


def test_positions_are_every_pair_ever_held_zero_rows_too() -> None:
    story = customer(cash="500.00")
    story.instrument("ETHUSD", at="00:30", stale_after_ms=86_400_000)
    story.tick("9.00", "10.00", symbol="ETHUSD", at="00:30")
    story.account("ACME0000", at="00:30")
    story.account("ACME0009", at="00:30")  # never held anything
    story.order("o1", symbol="ETHUSD", quantity="0.50")
    story.order("o2", quantity="0.25")
    story.order("o3", side="SELL", quantity="0.25")
    story.order("o1", account_id="ACME0000", quantity="2")
    story.wait("16:40")
    at = "2026-03-03T22:40:00.000Z"
    assert lines(story, "ACME_2026-03-03_asset_positions.csv") == [
        POSITIONS,
        f"{at},ACME0000,BTC,CURRENCY,2",
        f"{at},{ACCOUNT},BTC,CURRENCY,0",
        f"{at},{ACCOUNT},ETH,CURRENCY,0.5",
    ]


def test_a_position_stays_listed_on_later_days() -> None:
    story = customer(cash="100.00")
    story.order("o1", quantity="1")
    story.order("o2", side="SELL", quantity="1")
    story.wait("2026-03-06T22:40:00Z")
    assert lines(story, "ACME_2026-03-06_asset_positions.csv") == [
        POSITIONS,
        f"2026-03-06T22:40:00.000Z,{ACCOUNT},BTC,CURRENCY,0",
    ]


def test_positions_are_those_of_the_cut() -> None:
    story = customer(cash="100.00")
    story.order("o1", quantity="0.25", at="16:29:59.999999")
    story.order("o2", quantity="0.25", at="17:05")
    story.wait("20:00")
    quantities = [row[4] for row in rows(story, "ACME_2026-03-03_asset_positions.csv")]
    assert quantities == ["0.25"]
