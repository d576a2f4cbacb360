"""The whole page: facts in, HTML out. Nothing in it is loaded from elsewhere."""

from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from replay.day_page.cash_calls import CashCalls, OpenCall
from replay.day_page.client_files import ClientFile
from replay.day_page.day import Day
from replay.day_page.executions import Traded
from replay.day_page.orders import Orders
from replay.day_page.tally import Tally
from schemas.printable import printable
from scripts.day_page import words
from scripts.day_page.attention import attention
from scripts.day_page.cash_call_chart import cash_call_plots, cash_call_rows, is_quiet, step_text
from scripts.day_page.flow_picture import flow_pictures
from scripts.day_page.quote_chart import quote_plot, quote_rows
from scripts.day_page.time_axis import TimeAxis
from settlement.calendar import civil_date

# The page stays a page: what is left out is counted.
AGED_MAX = 20
NETS_MAX = 100
FILES_MAX = 2000
NEGATIVE_MAX = 20


class Part(NamedTuple):
    """One outcome of several: `css` gives it a colour and a pattern, `share` a width."""

    name: str
    css: str
    number: int
    amount: str
    share: str


class AgedRow(NamedTuple):
    """An aged call, what it was for, and for how many Chicago dates it has been open."""

    call: OpenCall
    traded: Traded | None
    age_days: int | None


def render(day: Day, folder: str) -> str:
    """Return the page; `folder`: the replay directory as a link from where the page will be."""
    axis = TimeAxis(day.period)
    quiet = is_quiet(day.cash_calls, day.period)
    aged = day.cash_calls.aged
    quotes = day.quotes
    return _template().render(
        style=Markup(_text("style.css")),  # noqa: S704 - our own file
        day=day,
        title=_title(day),
        attention=attention(day),
        orders=_order_parts(day.orders),
        calls=_call_parts(day.cash_calls),
        call_plots=[] if quiet else cash_call_plots(day.cash_calls, axis),
        call_rows=[] if quiet else cash_call_rows(day.cash_calls),
        step=step_text(day.cash_calls),
        pictures=flow_pictures(day.funds_flow),
        aged=_aged_rows(day, aged[:AGED_MAX]),
        aged_total=_total(aged),
        aged_more=_total(aged[AGED_MAX:]),
        aged_by=[
            ("reason", _groups(aged, "last_reason")),
            ("client", _groups(aged, "client")),
        ],
        nets=day.net_settlements.in_order()[-NETS_MAX:],
        nets_more=max(0, len(day.net_settlements.nets) - NETS_MAX),
        today=None if day.period.is_empty else civil_date(day.period.last),
        quote_plot=None if quotes is None else quote_plot(quotes, axis),
        quote_rows=[] if quotes is None else quote_rows(quotes),
        files=_linked(day.files.by_client, folder),
        files_more=max(0, day.files.count - FILES_MAX),
        negative=sorted(day.exceptions.negative.items(), key=lambda a: (a[1], a[0])),
        negative_max=NEGATIVE_MAX,
        words=words,
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    # Whatever comes out of a topic is escaped; what is undefined is a mistake of ours.
    environment = Environment(
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        dollars=words.dollars,
        counted=words.counted,
        time=words.time_tag,
        quoted=words.quoted,
        reason=words.reason,
        date=words.date_text,
    )
    return environment.from_string(_text("page.html.jinja"))


def _shown(value: object) -> object:
    """Escape control characters of a text; our own markup and style sheet have line ends."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _text(name: str) -> str:
    return files("scripts.day_page").joinpath(name).read_text("utf-8")


def _title(day: Day) -> str:
    return "no input moved time" if day.period.is_empty else words.dates_text(*day.period.dates())


def _order_parts(orders: Orders) -> list[Part]:
    counts = (
        ("executed", "good", orders.executed),
        ("cancelled unfilled", "plain", orders.cancelled.total()),
        ("expired unfilled", "faint", orders.expired.total()),
        ("still working", "wait", orders.working),
        ("rejected", "bad", orders.rejected.total()),
    )
    return [
        Part(name, css, count, "", _share(count, orders.received)) for name, css, count in counts
    ]


def _call_parts(calls: CashCalls) -> list[Part]:
    """Every call that was open at the beginning or requested since has one outcome."""
    tallies = (
        ("settled at once", "good", calls.settled_at_once),
        ("settled after a retry", "plain", calls.settled_after_retry),
        ("written off", "faint", calls.written_off),
        ("waiting for an answer", "wait", calls.waiting),
        ("aged: failed and open", "bad", _total(calls.aged)),
    )
    all_ = calls.opening.count + calls.requested.count
    return [
        Part(name, css, tally.count, words.dollars(tally.cents), _share(tally.count, all_))
        for name, css, tally in tallies
    ]


def _share(count: int, of: int) -> str:
    return f"{100 * count / of:.3f}" if of else "0"


def _total(calls: Iterable[OpenCall]) -> Tally:
    total = Tally()
    for call in calls:
        total.add(call.cents)
    return total


def _groups(calls: Iterable[OpenCall], field: str) -> list[tuple[str, Tally]]:
    groups: dict[str, Tally] = {}
    for call in calls:
        groups.setdefault(getattr(call, field), Tally()).add(call.cents)
    return sorted(groups.items(), key=lambda group: (-group[1].cents, group[0]))


def _aged_rows(day: Day, calls: Iterable[OpenCall]) -> list[AgedRow]:
    rows = []
    for call in calls:
        traded = day.executions.wanted.get(call.execution_id)
        age = None
        if traded is not None:
            age = max(0, (civil_date(day.period.last) - traded.trade_date).days)
        rows.append(AgedRow(call, traded, age))
    return rows


def _linked(
    by_client: dict[str, list[ClientFile]], folder: str
) -> list[tuple[str, list[tuple[ClientFile, str]]]]:
    """Return each client's files with their links, as many as a page takes."""
    left = FILES_MAX
    linked = []
    for client, delivered in by_client.items():
        shown = delivered[:left]
        left -= len(shown)
        linked.append((client, [(file, quote(f"{folder}/{file.path}")) for file in shown]))
    return linked
