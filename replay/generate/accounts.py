"""The accounts: told of at the start, funded one after the other, changed in mid-day."""

from typing import NamedTuple

from replay.generate.agenda import Agenda, Story
from replay.generate.cast import (
    APEX_CLOSES,
    APEX_LOCKED,
    CLOSES,
    FROM_APEX,
    FROM_NET,
    LOCKED_FOR_HOURS,
    MOVES,
    NET_CLOSES,
    NET_LOCKED,
    OPENS_LATE,
    ROUND_TRIPS,
    TO_APEX,
    TO_NET,
    WINDS_DOWN,
    Cast,
    Customer,
    Habit,
)
from replay.generate.chance import Draw
from replay.generate.fundings import Fundings
from replay.generate.order_kinds import market
from replay.generate.orders import Orders
from schemas.account import FundingModel, Jurisdiction, Mode
from schemas.instant import MINUTE, SECOND, Micros
from schemas.money import WHOLE, Units, quantity
from settlement.calendar import in_maintenance
from topics.catalogue import ACCOUNTS, FUNDINGS, ORDERS


class AccountChange(NamedTuple):
    """An AccountUpdated in mid-day; times in thousandths of the day.

    `model`: the new one, None: as before. `called`: it comes a second after a buy, so an Apex
    account's journal is not answered yet.
    """

    habit: Habit
    at: int
    mode: Mode
    jurisdiction: Jurisdiction
    back_at: int | None = None
    model: FundingModel | None = None
    called: bool = False


ACCOUNT_CHANGES = (
    AccountChange(LOCKED_FOR_HOURS, 150, "LOCKED", "OPEN", back_at=600),
    AccountChange(WINDS_DOWN, 350, "CLOSING_ONLY", "OPEN"),
    AccountChange(MOVES, 450, "OPEN", "CLOSE", back_at=800),
    AccountChange(CLOSES, 550, "CLOSED", "OPEN"),
    AccountChange(TO_NET, 250, "OPEN", "OPEN", model="NET_SETTLEMENT"),
    AccountChange(TO_APEX, 220, "OPEN", "OPEN", back_at=780, model="APEX_CLEARING"),
    AccountChange(FROM_NET, 320, "OPEN", "OPEN", model="MARKETPLACE"),
    AccountChange(FROM_APEX, 420, "OPEN", "OPEN", model="MARKETPLACE", called=True),
    AccountChange(APEX_LOCKED, 180, "LOCKED", "OPEN", back_at=620, called=True),
    AccountChange(APEX_CLOSES, 520, "CLOSED", "OPEN", called=True),
    AccountChange(NET_LOCKED, 280, "LOCKED", "OPEN", back_at=640),
    AccountChange(NET_CLOSES, 580, "CLOSED", "OPEN"),
)
_CHANGE_BY_HABIT = {change.habit.name: change for change in ACCOUNT_CHANGES}


class Accounts:
    """What accounts go through. `opening` is how long their first deposits take in all."""

    def __init__(
        self, agenda: Agenda, cast: Cast, fundings: Fundings, orders: Orders, draw: Draw
    ) -> None:
        self.opening: Micros = min(10 * MINUTE, (agenda.end - agenda.start) // 24)
        self._agenda = agenda
        self._customers = cast.customers
        self._fundings = fundings
        self._orders = orders
        self._draw = draw

    def told_of(self) -> Story:
        """Say all accounts at the start, but those that open late."""
        for customer in self._customers:
            if customer.habit is OPENS_LATE:
                self._agenda.tell(self._opens_late(customer))
                continue
            yield self._agenda.start, ACCOUNTS
            self._say(customer, customer.habit.mode, customer.habit.jurisdiction)

    def openings(self) -> Story:
        """Open the accounts' books, one after the other, and begin their stories."""
        first = self._agenda.start + SECOND
        for number, customer in enumerate(self._customers):
            habit = customer.habit
            if habit is OPENS_LATE:
                continue
            yield first + self.opening * number // len(self._customers), FUNDINGS
            self._fundings.opening_deposit(customer)
            if habit is ROUND_TRIPS:
                self._agenda.tell(self._round_trips(customer))
            if habit.name in _CHANGE_BY_HABIT:
                self._agenda.tell(self._changes(customer, _CHANGE_BY_HABIT[habit.name]))
            if customer.pays_in:
                for story in self._fundings.stories(customer):
                    self._agenda.tell(story)

    def _say(self, customer: Customer, mode: Mode, jurisdiction: Jurisdiction) -> None:
        self._agenda.say(
            ACCOUNTS,
            "AccountUpdated",
            {
                "account_id": customer.account_id,
                "client": customer.client.code,
                "funding_model": customer.model,
                "mode": mode,
                "jurisdiction": jurisdiction,
            },
        )

    def _opens_late(self, customer: Customer) -> Story:
        agenda = self._agenda
        yield agenda.part(500), ACCOUNTS
        self._say(customer, "OPEN", "OPEN")
        yield agenda.now + MINUTE, FUNDINGS
        self._fundings.opening_deposit(customer)
        yield agenda.now + MINUTE, ORDERS
        self._orders.buy(customer, 5_000)

    def _changes(self, customer: Customer, change: AccountChange) -> Story:
        """Buy, leave an order working, be changed, sell some, buy more; perhaps change back."""
        agenda, orders = self._agenda, self._orders
        yield agenda.part(change.at), ORDERS
        symbol = orders.buy(customer, 5_000)
        yield agenda.now + MINUTE, ORDERS
        orders.rest_far_away(customer)
        if change.called:
            yield agenda.now + MINUTE, ORDERS
            orders.buy(customer, 5_000)
        yield agenda.now + (SECOND if change.called else MINUTE), ACCOUNTS
        before = customer.model
        customer.model = change.model or before
        self._say(customer, change.mode, change.jurisdiction)
        yield agenda.now + MINUTE, ORDERS
        if symbol is not None:
            half = quantity(customer.held[symbol] // 2)
            orders.submit(customer, symbol, market("SELL", quantity=half))
        yield agenda.now + MINUTE, ORDERS
        orders.buy(customer, 5_000)
        if change.back_at is not None:
            yield max(agenda.now, agenda.part(change.back_at)), ACCOUNTS
            customer.model = before
            self._say(customer, "OPEN", "OPEN")
            yield agenda.now + MINUTE, ORDERS
            orders.buy(customer, 5_000)

    def _round_trips(self, customer: Customer) -> Story:
        """Buy a few dollars' worth, sell most of it, then all the rest, below the minimum order."""
        agenda = self._agenda
        for part in (100, 400, 800):
            yield agenda.part(part + self._draw(50)), ORDERS
            while (found := self._market_for_a_few_dollars()) is None:
                yield agenda.now + MINUTE, ORDERS
            symbol, units = found
            rest = units // 8
            for side, piece in (("BUY", units), ("SELL", units - rest), ("SELL", rest)):
                self._orders.submit(customer, symbol, market(side, quantity=quantity(piece)))
                yield agenda.now + MINUTE, ORDERS

    def _market_for_a_few_dollars(self) -> tuple[str, Units] | None:
        """Return a symbol and how much of it four dollars buy, if both best sizes show twice that.

        Only what the best price shows is sure to be traded in one piece.
        """
        best = self._orders.some_market()
        if best is None or in_maintenance(self._agenda.now):
            return None
        units = 400 * WHOLE // best.ask
        return (best.symbol, units) if min(best.ask_size, best.bid_size) >= 2 * units else None
