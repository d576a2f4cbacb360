"""Amounts, counts and times as a person reads them."""

import datetime as dt

from markupsafe import Markup

from replay.day_page.funds_flow import Lane
from schemas.instant import Micros, time_text
from schemas.money import PRICE_ONE, Cents, Price, price, usd
from settlement.calendar import CHICAGO

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MINUS = "\N{MINUS SIGN}"

LANE_NAMES = {
    Lane.MARKETPLACE: "Marketplace",
    Lane.APEX_CLEARING: "Apex Clearing",
    Lane.NET_SETTLEMENT: "Net Settlement",
    Lane.CLIENT_SHARES: "Write-offs and revenue share",
}
REPORT_NAMES = {
    "AGED_TPJ": "Aged TPJ",
    "SOD_AGED_TPJ": "SOD aged TPJ",
    "EXECUTION_CONFIRM": "Execution confirm",
    "POSITIONS": "Positions",
    "CASH_BALANCE": "Cash balance",
    "CASH_ACTIVITY": "Cash activity",
    "NET_SETTLEMENT": "Net settlement",
    "NET_SETTLEMENT_SUMMARY": "Net settlement summary",
}


def dollars(cents: Cents) -> str:
    """Write cents with thousands separated: -123456 is a minus and `1,234.56`."""
    whole, _, fraction = usd(abs(cents)).partition(".")
    return f"{MINUS if cents < 0 else ''}{int(whole):,}.{fraction}"


def whole_dollars(cents: Cents) -> str:
    """Write cents without the fraction, where an axis has no room for it; cut, not rounded."""
    return dollars(cents)[:-3]


def counted(number: int, one: str = "", many: str = "") -> str:
    """Write a count, with its noun if one is given."""
    noun = one if number == 1 else many or f"{one}s"
    return f"{number:,} {noun}" if one else f"{number:,}"


def quoted(value: Price) -> str:
    """Write a price with thousands separated and all its decimals, at least two."""
    whole, _, fraction = price(value, 2).partition(".")
    return f"{int(whole):,}.{fraction}"


def rough_price(value: Price, spacing: Price) -> str:
    """Write a price on an axis whose marks are `spacing` apart: as many decimals as tell them."""
    if spacing % PRICE_ONE == 0:
        return f"{value // PRICE_ONE:,}"
    return quoted(value)


def reason(code: str) -> str:
    """Write a code of the contract as words: `INSUFFICIENT_FUNDS`, insufficient funds."""
    return code.replace("_", " ").lower()


def local(at: Micros) -> dt.datetime:
    """Return an instant as Chicago's wall clock shows it."""
    return (_EPOCH + dt.timedelta(microseconds=at)).astimezone(CHICAGO)


def clock_text(at: Micros) -> str:
    """Write an instant as Chicago's wall clock shows it, with the date."""
    there = local(at)
    return f"{there.day} {there:%b %H:%M}"


def utc_text(at: Micros) -> str:
    """Write an instant in UTC, to the second, as a tooltip shows it."""
    return f"{time_text(at)[:19].replace('T', ' ')} UTC"


def time_tag(at: Micros) -> Markup:
    """Return an instant as Chicago's wall clock shows it, with UTC for who points at it."""
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        f"{time_text(at)[:19]}Z", utc_text(at), clock_text(at)
    )


def date_text(date: dt.date) -> str:
    """Write a date: `29 March 2020`."""
    return f"{date.day} {date:%B %Y}"


def dates_text(first: dt.date, last: dt.date) -> str:
    """Write one date with its weekday, or two."""
    if first == last:
        return f"{first:%A}, {date_text(first)}"
    start = f"{first.day} {first:%B %Y}" if first.year != last.year else f"{first.day} {first:%B}"
    if (first.year, first.month) == (last.year, last.month):
        start = str(first.day)
    return f"{start} to {date_text(last)}"
