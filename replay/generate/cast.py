"""Who takes part: clients, and customers with their habits."""

from dataclasses import dataclass
from typing import NamedTuple

from schemas.account import FundingModel, Jurisdiction, Mode
from schemas.client import CommissionModel
from schemas.money import Cents, Units


class Client(NamedTuple):
    """A client and its rates."""

    code: str
    name: str
    commission_model: CommissionModel
    markup_bps: int = 0
    markup_fixed: Cents = 0
    commission_bps: int = 0
    commission_fixed: Cents = 0
    commission_minimum: Cents = 0
    revenue_share_bps: int = 0


CLIENT_TABLE = (
    Client("ALFA", "Alfa Brokerage", "TRADE_FEE", commission_bps=50, revenue_share_bps=3000),
    Client("BRVO", "Bravo Invest", "MARKUP", markup_bps=100, revenue_share_bps=5000),
    Client(
        "CHAR",
        "Charlie Securities",
        "TRADE_FEE",
        commission_bps=25,
        commission_fixed=10,
        commission_minimum=50,
        revenue_share_bps=2500,
    ),
    Client("DELT", "Delta Wallet", "MARKUP", markup_bps=30, markup_fixed=5),
    Client("ECHO", "Echo Free Trading", "TRADE_FEE", revenue_share_bps=1000),
)
# An account may name a client that nobody has announced: its orders are refused UNKNOWN_CLIENT.
_NO_CLIENT = Client("NONE", "", "TRADE_FEE")
# At mid-day its commission falls; orders accepted before keep theirs.
CHEAPER_AT_MID_DAY = CLIENT_TABLE[2]._replace(commission_bps=20)


class Funding(NamedTuple):
    """A funding model in the mix: `customer_funding` is false where the client funds itself."""

    model: FundingModel
    customer_funding: bool


# Accounts take these in turn. Net Settlement and Apex accounts come in by a row each.
FUNDING_MODELS = (Funding("MARKETPLACE", customer_funding=True),)


@dataclass(frozen=True, slots=True)
class Habit:
    """How a customer behaves. `opening` is the first deposit, in dollars from and to."""

    name: str
    opening: tuple[int, int] = (2_000, 20_000)
    # Whether the flow of orders is theirs too; the others appear in stories and odd orders only.
    trades: bool = False
    tops_up: bool = False
    mode: Mode = "OPEN"
    jurisdiction: Jurisdiction = "OPEN"


FUNDED = Habit("funded", trades=True, tops_up=True)
ACH_CLEARS_LATER = Habit("ACH clears later", opening=(100, 300), trades=True)
LATE_MONEY = Habit("money comes late", opening=(10, 40), trades=True)
PENNILESS = Habit("no money comes", opening=(10, 40), trades=True)
RETURNED = Habit("deposit returned after it was spent", opening=(0, 0), trades=True)
ROUND_TRIPS = Habit("buys and sells all")
LOCKED = Habit("locked", mode="LOCKED")
CLOSED = Habit("closed", mode="CLOSED", opening=(0, 0))
CLOSING_ONLY = Habit("closing only", mode="CLOSING_ONLY")
SELL_ONLY = Habit("jurisdiction closes", jurisdiction="CLOSE")
PROHIBITED = Habit("jurisdiction prohibits", jurisdiction="PROHIBITED", opening=(0, 0))
ORPHAN = Habit("client unknown", opening=(0, 0))
LOCKED_FOR_HOURS = Habit("locked for hours, owing", opening=(10, 20))
WINDS_DOWN = Habit("becomes closing only")
MOVES = Habit("moves to where only selling is allowed")
CLOSES = Habit("closes the account")
OPENS_LATE = Habit("opens at mid-day")

# Account i has the habit of its place among 500, else of its place among 100, else is funded.
_ONE_IN_500 = {
    7: WINDS_DOWN,
    12: LOCKED,
    17: CLOSED,
    22: CLOSING_ONLY,
    27: SELL_ONLY,
    32: PROHIBITED,
    37: ORPHAN,
    42: LOCKED_FOR_HOURS,
    47: MOVES,
    52: CLOSES,
    57: OPENS_LATE,
}
_ONE_IN_100 = {
    4: ACH_CLEARS_LATER,
    9: LATE_MONEY,
    14: ROUND_TRIPS,
    19: RETURNED,
    34: PENNILESS,
    44: ACH_CLEARS_LATER,
    59: LATE_MONEY,
    74: ROUND_TRIPS,
    84: ACH_CLEARS_LATER,
}


class Customer:
    """A customer as the generator guesses him: cash in cents, holdings in units by symbol."""

    __slots__ = ("account_id", "cash", "client", "funding", "habit", "held", "orders")

    def __init__(self, account_id: str, client: Client, habit: Habit, funding: Funding) -> None:
        self.account_id = account_id
        self.client = client
        self.habit = habit
        self.funding = funding
        self.cash: Cents = 0
        self.held: dict[str, Units] = {}
        self.orders = 0


class Cast:
    """All customers; those who place the flow's orders; those of each habit, by its name."""

    __slots__ = ("by_habit", "customers", "traders")

    def __init__(self, accounts: int) -> None:
        self.customers = [_customer(number) for number in range(accounts)]
        self.traders = [one for one in self.customers if one.habit.trades]
        self.by_habit: dict[str, list[Customer]] = {}
        for customer in self.customers:
            self.by_habit.setdefault(customer.habit.name, []).append(customer)


def _customer(number: int) -> Customer:
    habit = _ONE_IN_500.get(number % 500) or _ONE_IN_100.get(number % 100) or FUNDED
    # The quotient moves each habit through the clients.
    client = CLIENT_TABLE[(number + number // 5) % len(CLIENT_TABLE)]
    if habit is ORPHAN:
        client = _NO_CLIENT
    funding = FUNDING_MODELS[number % len(FUNDING_MODELS)]
    return Customer(f"{client.code[:3]}{number:05d}", client, habit, funding)
