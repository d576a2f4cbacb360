"""A client's files as a story made them: a customer in a lasting market, and what a file holds.

The market is 99.00 / 100.00 and nobody is charged if nothing else is said: buying 0.25 is a cash
call over 25.00. `START` is 16:40 of March 3, 2026 in UTC.
"""

import csv
import io

from tests.story import CLIENT, Story

START = "2026-03-03T22:40:00.000000Z"


AGED = (
    "account_id,tpj_id,execution_id,symbol,side,direction,notional,executed_at,first_failed_at,"
    "attempts,last_reason,age_days"
)


CONFIRM = (
    "account_id,direction,side,execution_id,client_order_id,symbol,quantity,price,commission,"
    "net_money,executed_at,tpj_id,tpj_status"
)


POSITIONS = "Timestamp,Account ID,Asset ID,Asset Type,Quantity"


CASH_BALANCE = "Partner Party Ref,Unsettled Amount,Settled Amount"


CASH_ACTIVITY = (
    "account_id,activity_id,instrument_type,direction,amount,status,occurred_at,reference"
)


def customer(cash: str | None = None, date: str = "2026-03-03", *, csv_safe: bool = False) -> Story:
    """Return a story with a market from midnight on that stays good, and perhaps cash."""
    story = Story(known=False, date=date, csv_safe=csv_safe)
    story.client(at="00:00")
    story.instrument(at="00:00", stale_after_ms=86_400_000)
    story.account(at="00:00")
    story.tick("99.00", "100.00", at="00:00")
    if cash is not None:
        story.funding("DepositSettled", "cash", cash, at="00:00", event_id="cash")
    return story


def lines(story: Story, name: str, client: str = CLIENT) -> list[str]:
    """Return the lines of a client's file: LF, the last line too."""
    text = story.files[f"{client}/{name}"]
    assert text.endswith("\n")
    assert "\r\n" not in text
    return text.removesuffix("\n").split("\n")


def rows(story: Story, name: str, client: str = CLIENT) -> list[list[str]]:
    """Return the rows below a header, read as CSV."""
    text = story.files[f"{client}/{name}"]
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]


def names(story: Story, client: str = CLIENT) -> set[str]:
    """Return the names of a client's files."""
    return {
        path.removeprefix(f"{client}/") for path in story.files if path.startswith(f"{client}/")
    }
