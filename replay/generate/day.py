"""A trading day made from a seed, as input lines in time order (contract section 12, `generate`).

market (synthetic, or a file of import-quotes)  --+
stories: reference data, customer funding,        +--> one stream of lines, by time and topic
         orders, account changes, dirty inputs  --+
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from replay.generate.accounts import Accounts
from replay.generate.agenda import RANK, Agenda
from replay.generate.cast import Cast
from replay.generate.chance import chance
from replay.generate.dirty_inputs import dirty_inputs
from replay.generate.file_market import file_market
from replay.generate.fundings import Fundings
from replay.generate.net_wires import NetWires
from replay.generate.odd_orders import OddOrders
from replay.generate.options import DayOptions
from replay.generate.order_flow import maintenance_orders, order_flow
from replay.generate.orders import Orders
from replay.generate.quote import SeenQuotes
from replay.generate.reference_data import cheaper_client, reference_data
from replay.generate.synthetic_market import synthetic_market
from replay.quotes import replaced_when_complete
from schemas.instant import SECOND, Micros

# So seldom that a terminal's bar costs nothing.
_LINES_PER_REPORT = 8192


@dataclass(frozen=True, slots=True)
class DaySummary:
    """What was written: `[first, last]` event times, lines by event type, orders left out.

    An order is left out where no fresh quote with both sides was there to place it around.
    """

    first: Micros
    last: Micros
    lines_by_type: Mapping[str, int]
    orders_left_out: int

    @property
    def lines(self) -> int:
        """How many lines were written."""
        return sum(self.lines_by_type.values())


def write_generated_day(
    options: DayOptions, target: Path, progress: Callable[[Micros, Micros], object] | None = None
) -> DaySummary:
    """Write a day's lines; `progress` is told the time done and the time in all, in microseconds.

    Raises:
        UnreadableFileError: the market file is missing, damaged or no output of import-quotes.
        OSError: `target` cannot be written.
    """
    day = GeneratedDay(options)
    with replaced_when_complete(target) as out:
        for number, line in enumerate(day.lines()):
            out.write(line)
            if progress is not None and not number % _LINES_PER_REPORT:
                progress(day.agenda.now - day.agenda.start, day.agenda.end - day.agenda.start)
    return day.summary()


class GeneratedDay:
    """One day. `lines` makes it, once; `summary` is complete when it is through."""

    def __init__(self, options: DayOptions) -> None:
        self.options = options
        self._market = (
            synthetic_market(options) if options.market is None else file_market(options.market)
        )
        # Begins anew with the market's first line.
        self.agenda = Agenda(0, 0)
        self._cast = Cast(options.accounts, options.models)
        self._seen = SeenQuotes()
        self._orders: Orders | None = None

    def lines(self) -> Iterator[bytes]:
        """Make the day's lines, in order of (event_time, topic).

        Raises:
            UnreadableFileError: the market file is missing, damaged or no output of import-quotes.
        """
        agenda = self.agenda
        for at, topic, quote, line in self._market:
            if not agenda.end:
                agenda = self.agenda = self._begin(at)
            if at >= agenda.end:
                break
            yield from agenda.until(at, RANK[topic])
            agenda.now = at
            agenda.lines_by_type["InstrumentUpdated" if quote is None else "PriceTick"] += 1
            yield line
            if quote is not None:
                self._seen.see(quote)
        yield from agenda.until(agenda.end, 0)

    def summary(self) -> DaySummary:
        """Return what has been made so far."""
        return DaySummary(
            self.agenda.start,
            self.agenda.now,
            dict(sorted(self.agenda.lines_by_type.items())),
            0 if self._orders is None else self._orders.left_out,
        )

    def _begin(self, at: Micros) -> Agenda:
        options, cast, seen = self.options, self._cast, self._seen
        agenda = Agenda(at, options.hours)
        draw = chance(options.seed, "orders")
        fundings = Fundings(agenda, chance(options.seed, "fundings"))
        wires = NetWires(agenda, cast, chance(options.seed, "wires"))
        orders = self._orders = Orders(agenda, cast, seen, fundings, wires, draw)
        accounts = Accounts(agenda, cast, fundings, orders, draw)
        odd = OddOrders(agenda, cast, orders, draw)
        first_order = at + accounts.opening + SECOND
        stories = [
            reference_data(agenda, cast),
            accounts.told_of(),
            accounts.openings(),
            order_flow(agenda, orders, odd, draw, options.orders_wanted, first_order),
            maintenance_orders(agenda, cast, seen, orders),
            cheaper_client(agenda, cast),
            dirty_inputs(agenda, cast, seen),
        ]
        if set(options.models) != {"MARKETPLACE"}:
            stories += [wires.settlements(), wires.shares()]
        for story in stories:
            agenda.tell(story)
        return agenda
