"""What the generator knows of the pipeline: what it sent, and what the tasks emitted since."""

import random
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

from schemas.instant import time_text

Event = dict[str, Any]

CLIENTS = tuple(f"C{letter}{letter}X" for letter in "ABCDEFGHIJKL")
# No `ClientUpdated` is ever sent for this one.
UNKNOWN_CLIENT = "NONE"
# Reference data of these tests limits only, so that its extreme terms spoil no other order.
LIMIT_CLIENT = "LIMI"
MODELS = ("MARKETPLACE", "NET_SETTLEMENT", "APEX_CLEARING")
_ACCOUNTS = 240
# Modes and jurisdictions that a few accounts keep, so that each refusal occurs.
_RESTRICTED = (
    ("CLOSED", "OPEN"),
    ("LOCKED", "OPEN"),
    ("CLOSING_ONLY", "OPEN"),
    ("OPEN", "CLOSE"),
    ("OPEN", "PROHIBITED"),
)
# How many open things of a kind are remembered; the oldest are forgotten.
_REMEMBERED = 20_000


@dataclass(slots=True)
class Customer:
    """An account as it was sent last. `bought`: what was probably bought, by symbol."""

    account_id: str
    client: str
    model: str
    mode: str = "OPEN"
    jurisdiction: str = "OPEN"
    bought: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Market:
    """A symbol, its base and its probable price in cents."""

    symbol: str
    base: str
    cents: int
    stale_after_ms: int = 86_400_000
    # The latest tick of each provider.
    ticks: dict[str, Event] = field(default_factory=dict)


class Funding(NamedTuple):
    """The last step of a funding that may go on."""

    event: Event
    state: str


class Net(NamedTuple):
    """A net settlement that was emitted."""

    client: str
    window_to: str
    net_amount: str


class World:
    """Everything that events are drawn from. `at`: the present event time in microseconds."""

    def __init__(self, seed: int, at: int) -> None:
        """Make up the accounts and symbols."""
        self.rng = random.Random(f"fuzz {seed}")
        self.at = at
        self.ids = count(1)
        self.customers = [
            Customer(f"ACC{n:05d}", CLIENTS[n % len(CLIENTS)], MODELS[n // len(CLIENTS) % 3])
            for n in range(_ACCOUNTS)
        ]
        self.restricted = [
            Customer(f"RES{n:05d}", CLIENTS[n % len(CLIENTS)], MODELS[n % 3], *terms)
            for n, terms in enumerate(_RESTRICTED * 3)
        ]
        self.locked = next(
            one for one in self.restricted if (one.mode, one.model) == ("LOCKED", "MARKETPLACE")
        )
        self.orphans = [Customer(f"ORP{n:05d}", UNKNOWN_CLIENT, MODELS[n % 3]) for n in range(4)]
        self.markets = [
            Market(f"{base}USD", base, cents)
            for base, cents in (
                ("BTC", 6_500_000),
                ("ETH", 350_000),
                ("SOL", 15_000),
                ("AVAX", 3_500),
                ("LTC", 8_000),
                ("DOGE", 15),
                ("XRP", 60),
                ("LINK", 1_800),
            )
        ]
        # Its quotes go stale at once, so its orders find none.
        self.stale = Market("DRYUSD", "DRY", 1_000, stale_after_ms=1)
        self.crowded = Market("CROWDUSD", "CROWD", 1_000)
        self.started: deque[Funding] = deque(maxlen=_REMEMBERED)
        self.settled: deque[Funding] = deque(maxlen=_REMEMBERED)
        self.paid: deque[Funding] = deque(maxlen=_REMEMBERED)
        self.ended: deque[Event] = deque(maxlen=_REMEMBERED)
        self.requested: dict[tuple[str, str], Event] = {}
        self.orders: deque[Event] = deque(maxlen=2_000)
        self.cancels: deque[Event] = deque(maxlen=2_000)
        self.journals: deque[Event] = deque(maxlen=_REMEMBERED)
        self.answers: deque[Event] = deque(maxlen=_REMEMBERED)
        self.nets: list[Net] = []
        self.wires: deque[Event] = deque(maxlen=_REMEMBERED)

    def new(self, kind: str, **fields: Any) -> Event:  # noqa: ANN401 - any JSON
        """Return an event of the present with an ID of its own."""
        number = next(self.ids)
        return {
            "type": kind,
            "event_id": f"f{number}",
            # A few inputs arrive late, up to a minute.
            "event_time": time_text(
                self.at - (self.rng.randrange(60_000_000) if self.rng.random() < 0.1 else 0)
            ),
            **fields,
        }

    def id(self, prefix: str) -> str:
        """Return an ID that was not used before."""
        return f"{prefix}{next(self.ids)}"

    def customer(self) -> Customer:
        """Return any account that exists, rarely a restricted one."""
        return self.rng.choice(self.restricted if self.rng.random() < 0.06 else self.customers)

    def funded(self) -> Customer:
        """Return an account to be funded: rarely one whose client funds it."""
        customer = self.customer()
        while customer.model == "NET_SETTLEMENT" and self.rng.random() < 0.85:
            customer = self.customer()
        return customer

    def learn(self, event: Event) -> None:
        """Remember what the pipeline emitted, where an input can answer it."""
        match event["type"]:
            case "ApexJournalRequested":
                self.journals.append(event)
            case "NetSettlement":
                self.nets.append(Net(event["client"], event["window_to"], event["net_amount"]))
            case "WithdrawalAccepted":
                request = self.requested.pop((event["account_id"], event["funding_id"]), None)
                if request is not None:
                    self.started.append(Funding(request, "ACCEPTED"))
