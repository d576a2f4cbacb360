"""Who takes part: clients, and customers with their habits."""

from dataclasses import dataclass
from typing import NamedTuple

from schemas.account import FundingModel, Jurisdiction, Mode
from schemas.client import CommissionModel
from schemas.money import Cents, Units


class Client(NamedTuple):
    """A client and its rates; its accounts take `models` in turn."""

    code: str
    name: str
    commission_model: CommissionModel
    markup_bps: int = 0
    markup_fixed: Cents = 0
    commission_bps: int = 0
    commission_fixed: Cents = 0
    commission_minimum: Cents = 0
    revenue_share_bps: int = 0
    models: tuple[FundingModel, ...] = ("MARKETPLACE",)


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
    Client(
        "FOXT",
        "Foxtrot Markets",
        "MARKUP",
        markup_bps=40,
        revenue_share_bps=4000,
        models=("NET_SETTLEMENT",),
    ),
    Client(
        "HOTL",
        "Hotel Brokers",
        "TRADE_FEE",
        commission_bps=40,
        commission_fixed=5,
        revenue_share_bps=3500,
        models=("APEX_CLEARING",),
    ),
    Client(
        "GOLF",
        "Golf Prime",
        "TRADE_FEE",
        commission_bps=30,
        commission_minimum=25,
        revenue_share_bps=2000,
        models=("NET_SETTLEMENT",),
    ),
    Client(
        "INDI",
        "Indigo Wealth",
        "MARKUP",
        markup_bps=80,
        revenue_share_bps=4500,
        models=("APEX_CLEARING",),
    ),
    Client(
        "JULI",
        "Juliett One",
        "TRADE_FEE",
        commission_bps=45,
        revenue_share_bps=2500,
        models=("MARKETPLACE", "NET_SETTLEMENT", "APEX_CLEARING"),
    ),
)
# An account may name a client that nobody has announced: its orders are refused UNKNOWN_CLIENT.
_NO_CLIENT = Client("NONE", "", "TRADE_FEE")
# At mid-day its commission falls; orders accepted before keep theirs.
CHEAPER_AT_MID_DAY = CLIENT_TABLE[2]._replace(commission_bps=20)


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
    # Of which model the account is at first, and which one it moves to; None: any, none.
    model: FundingModel | None = None
    moves_to: FundingModel | None = None


FUNDED = Habit("funded", trades=True, tops_up=True)
ACH_CLEARS_LATER = Habit("ACH clears later", opening=(100, 300), trades=True, model="MARKETPLACE")
LATE_MONEY = Habit("money comes late", opening=(10, 40), trades=True, model="MARKETPLACE")
PENNILESS = Habit("no money comes", opening=(10, 40), trades=True, model="MARKETPLACE")
RETURNED = Habit(
    "deposit returned after it was spent", opening=(0, 0), trades=True, model="MARKETPLACE"
)
ROUND_TRIPS = Habit("buys and sells all")
LOCKED = Habit("locked", mode="LOCKED", model="MARKETPLACE")
CLOSED = Habit("closed", mode="CLOSED", opening=(0, 0))
CLOSING_ONLY = Habit("closing only", mode="CLOSING_ONLY")
SELL_ONLY = Habit("jurisdiction closes", jurisdiction="CLOSE")
PROHIBITED = Habit("jurisdiction prohibits", jurisdiction="PROHIBITED", opening=(0, 0))
ORPHAN = Habit("client unknown", opening=(0, 0))
LOCKED_FOR_HOURS = Habit("locked for hours, owing", opening=(10, 20), model="MARKETPLACE")
WINDS_DOWN = Habit("becomes closing only")
MOVES = Habit("moves to where only selling is allowed")
CLOSES = Habit("closes the account")
OPENS_LATE = Habit("opens at mid-day")
TO_NET = Habit(
    "moves to net settlement, owing",
    opening=(10, 20),
    model="MARKETPLACE",
    moves_to="NET_SETTLEMENT",
)
TO_APEX = Habit(
    "moves to Apex and back, owing", opening=(10, 20), model="MARKETPLACE", moves_to="APEX_CLEARING"
)
FROM_NET = Habit(
    "moves from net settlement to the platform", model="NET_SETTLEMENT", moves_to="MARKETPLACE"
)
FROM_APEX = Habit(
    "moves from Apex to the platform, called", model="APEX_CLEARING", moves_to="MARKETPLACE"
)
APEX_LOCKED = Habit("Apex, locked while called", model="APEX_CLEARING")
APEX_CLOSES = Habit("Apex, closed while called", model="APEX_CLEARING")
NET_LOCKED = Habit("net settlement, locked", model="NET_SETTLEMENT")
NET_CLOSES = Habit("net settlement, closed", model="NET_SETTLEMENT")

# Account i has the habit of its place among 500, else of its place among 100, else is funded; also
# where the day lacks a model that the habit needs.
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
    62: TO_NET,
    67: TO_APEX,
    72: FROM_NET,
    77: FROM_APEX,
    82: APEX_LOCKED,
    87: APEX_CLOSES,
    92: NET_LOCKED,
    97: NET_CLOSES,
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

    __slots__ = ("account_id", "cash", "client", "habit", "held", "model", "orders")

    def __init__(self, account_id: str, client: Client, habit: Habit, model: FundingModel) -> None:
        self.account_id = account_id
        self.client = client
        self.habit = habit
        self.model = model
        self.cash: Cents = 0
        self.held: dict[str, Units] = {}
        self.orders = 0

    @property
    def pays_in(self) -> bool:
        """Whether his fundings are told of: a Net Settlement client runs its own."""
        return self.model != "NET_SETTLEMENT"


class Cast:
    """Clients, customers, those of them who place the flow's orders, those of each habit."""

    __slots__ = ("_models", "by_habit", "clients", "customers", "traders")

    def __init__(self, accounts: int, models: tuple[FundingModel, ...]) -> None:
        self._models = frozenset(models)
        # A client whose accounts are mixed takes part where they are.
        self.clients = [
            client._replace(models=tuple(one for one in client.models if one in self._models))
            for client in CLIENT_TABLE
            if len(self._models.intersection(client.models)) >= min(2, len(client.models))
        ]
        self.customers = [self._customer(number) for number in range(accounts)]
        self.traders = [one for one in self.customers if one.habit.trades]
        self.by_habit: dict[str, list[Customer]] = {}
        for customer in self.customers:
            self.by_habit.setdefault(customer.habit.name, []).append(customer)

    def _customer(self, number: int) -> Customer:
        habit = self._habit(number)
        clients = self.clients
        if habit.model is not None:
            clients = [client for client in clients if client.models == (habit.model,)]
        # The quotient moves each habit through the clients.
        client = clients[(number + number // len(clients)) % len(clients)]
        model = client.models[number // len(clients) % len(client.models)]
        if habit is ORPHAN:
            client = _NO_CLIENT
        return Customer(f"{client.code[:3]}{number:05d}", client, habit, model)

    def _habit(self, number: int) -> Habit:
        habit = _ONE_IN_500.get(number % 500) or _ONE_IN_100.get(number % 100) or FUNDED
        needed = {habit.model, habit.moves_to} - {None}
        return habit if needed <= self._models else FUNDED
