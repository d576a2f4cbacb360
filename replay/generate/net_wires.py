"""What clients and the platform pay each other: net settlements, and shares of the revenue.

Nobody here knows the exact net: a client wires about what its customers' orders come to, so nets
are paid short, over, late, and at last; some wires are repeated. Wires move on bank days only.
"""

from typing import Literal, NamedTuple

from replay.generate.agenda import HOUR, Agenda, Story
from replay.generate.cast import Cast, Client, Customer
from replay.generate.chance import Draw, between
from schemas.instant import MINUTE, Micros, time_text
from schemas.money import Cents, usd
from settlement.calendar import (
    bank_days_after,
    chicago,
    civil_date,
    first_window,
    is_bank_day,
    window_after,
)
from topics.catalogue import NET_WIRES


class Opinion(NamedTuple):
    """What a client says of a net, so many minutes after it closed."""

    after_minutes: int
    event: Literal["NetSettlementConfirmed", "NetSettlementDisputed"]
    reason: str | None = None


class Wire(NamedTuple):
    """A wire, so many minutes after the close, in percent of the net as it is guessed.

    Below 0 the money goes back. `again`: sent twice, which has no effect.
    """

    after_minutes: int
    percent: int
    again: bool = False


class NetDay(NamedTuple):
    """How a client takes one day's net."""

    name: str
    opinions: tuple[Opinion, ...]
    wires: tuple[Wire, ...]


_CONFIRMED = Opinion(25, "NetSettlementConfirmed")
# By turns, each client beginning with another one.
NET_DAYS = (
    NetDay("paid over, a part sent back", (_CONFIRMED,), (Wire(90, 140), Wire(330, -25))),
    NetDay(
        "disputed, then confirmed and paid",
        (
            Opinion(15, "NetSettlementDisputed", "a fill is missing on our side"),
            Opinion(200, "NetSettlementConfirmed", "found"),
        ),
        (Wire(300, 100),),
    ),
    NetDay("paid short, the rest later", (_CONFIRMED,), (Wire(100, 60), Wire(420, 40))),
    NetDay("paid, the wire repeated", (_CONFIRMED,), (Wire(120, 100, again=True),)),
    NetDay("paid a day late", (), (Wire(25 * 60, 100),)),
    NetDay("disputed and not paid", (Opinion(40, "NetSettlementDisputed", "looked into"),), ()),
    NetDay("paid with what was left", (_CONFIRMED,), (Wire(110, 110),)),
)
# It has instant payments, on Sundays too.
_PAYS_ANY_DAY = frozenset({"FOXT"})
# A share of the month before this history, paid on its first bank day at 14:00 in Chicago.
_FIRST_SHARE: tuple[Cents, Cents] = (1_000, 50_000)
# Later ones on the fifth of the month or the bank day behind it, in percent of what is guessed.
_SHARE_DAY, _SHARE_HOUR = 5, 14
_SHARE_PERCENT = (60, 150)


class NetWires:
    """What each client owes the platform and earns with it, as it is guessed, and who pays it."""

    def __init__(self, agenda: Agenda, cast: Cast, draw: Draw) -> None:
        self._agenda = agenda
        self._cast = cast
        self._draw = draw
        self._net: dict[str, Cents] = {}
        # Ten-thousandths of a cent.
        self._revenue: dict[str, int] = {}

    def traded(self, customer: Customer, value: Cents, *, buy: bool) -> None:
        """Take an order that is expected to fill at once."""
        client = customer.client
        rate = client.commission_bps + client.markup_bps
        self._revenue[client.code] = self._revenue.get(client.code, 0) + value * rate
        if customer.model == "NET_SETTLEMENT":
            signed = value if buy else -value
            self._net[client.code] = self._net.get(client.code, 0) + signed

    def settlements(self) -> Story:
        """Settle every client's nets, day by day."""
        clients = [one for one in self._cast.clients if "NET_SETTLEMENT" in one.models]
        turn = 0
        window = first_window(self._agenda.start)
        while window.scheduled_at < self._agenda.end:
            if window.window == "NET_SETTLEMENT":
                yield window.scheduled_at, NET_WIRES
                for number, client in enumerate(clients):
                    day = NET_DAYS[(turn + number) % len(NET_DAYS)]
                    due = self._net.pop(client.code, 0)
                    for opinion in day.opinions:
                        self._agenda.tell(self._opinion(client, window.scheduled_at, opinion))
                    for wire in day.wires if due else ():
                        self._agenda.tell(self._wire(client, window.scheduled_at, due, wire))
                turn += 1
            window = window_after(window)

    def shares(self) -> Story:
        """Pay the clients' shares of the revenue, month by month."""
        date = civil_date(self._agenda.start)
        at = self._on_a_bank_day(chicago(date, _SHARE_HOUR, 0))
        while True:
            yield max(at, self._agenda.now), NET_WIRES
            for client in self._cast.clients:
                if not client.revenue_share_bps:
                    continue
                earned = self._revenue.pop(client.code, 0) * client.revenue_share_bps // 10_000
                amount = between(self._draw, _FIRST_SHARE)
                if date.day == _SHARE_DAY:
                    amount = earned // 10_000 * between(self._draw, _SHARE_PERCENT) // 100
                if amount:
                    self._say_wire("RevenueSharePaid", client, amount)
            date = date.replace(day=_SHARE_DAY)
            if chicago(date, _SHARE_HOUR, 0) <= at:
                month = date.month % 12 + 1
                date = date.replace(year=date.year + (month == 1), month=month)
            at = self._on_a_bank_day(chicago(date, _SHARE_HOUR, 0))

    def _opinion(self, client: Client, window_to: Micros, opinion: Opinion) -> Story:
        yield window_to + opinion.after_minutes * MINUTE, NET_WIRES
        fields = {"client": client.code, "window_to": time_text(window_to)}
        if opinion.reason is not None:
            fields["reason"] = opinion.reason
        self._agenda.say(NET_WIRES, opinion.event, fields)

    def _wire(self, client: Client, window_to: Micros, due: Cents, wire: Wire) -> Story:
        at = window_to + wire.after_minutes * MINUTE
        yield at if client.code in _PAYS_ANY_DAY else self._on_a_bank_day(at), NET_WIRES
        amount = due * wire.percent // 100
        if not amount:
            return
        kind = "NetWireReceived" if amount > 0 else "NetWireSent"
        fields = self._say_wire(kind, client, abs(amount))
        if wire.again:
            yield self._agenda.now + 5 * MINUTE, NET_WIRES
            self._agenda.say(NET_WIRES, kind, fields)

    def _say_wire(self, kind: str, client: Client, amount: Cents) -> dict[str, str]:
        fields = {
            "wire_id": f"wire-{self._agenda.number('wire_id')}",
            "client": client.code,
            "amount": usd(amount),
        }
        self._agenda.say(NET_WIRES, kind, fields)
        return fields

    def _on_a_bank_day(self, at: Micros) -> Micros:
        """Return the same time of day on the next bank day, or the time itself on one."""
        date = civil_date(at)
        if is_bank_day(date):
            return at
        days = (bank_days_after(date, 1) - date).days
        return at + days * 24 * HOUR
