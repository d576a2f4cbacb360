"""An order in a market that lasts, and why it is rejected."""

from typing import Any

from tests.story import Story

Fields = dict[str, Any]


def traded(**instrument: Any) -> Story:  # noqa: ANN401 - any JSON
    """A market of 100.00 / 101.00, x 10 on both sides, and an account that has 1 BTC."""
    story = Story()
    if instrument:
        story.instrument(at="11:59", **instrument)
    story.tick(bid="100.00", ask="101.00", at="12:00:00")
    story.order("seed", quantity="1", at="12:00:00")
    return story


def reason(story: Story, **fields: Any) -> str | None:  # noqa: ANN401 - any JSON
    """Tell the order `o1` and return why it is rejected, None if it is accepted."""
    happened = story.order("o1", **fields)
    rejected = happened.all("OrderRejected")
    if not rejected:
        assert happened.types("order-updates")[0] == "OrderAccepted"
        return None
    assert happened.types("order-updates") == ["OrderRejected"]  # and nothing else comes of it
    assert happened.all("Execution") == []
    return str(rejected[0]["reason"])
