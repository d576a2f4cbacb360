"""How much moved where: read off the postings of the journal (contract section 9).

Two kinds of movement. A trade moves claims at once: between who trades (customers; for Net
Settlement their client), BFS and the platform's revenue. Money moves later, between bank accounts:
the FBO, the Business account, the clearing firm's and the banks outside. Who and why is told by
the ledger accounts that an entry touches; which model a trade belongs to, by its execution.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from replay.day_page.period import Period
from replay.day_page.tally import Tally
from replay.day_page.topic_events import Event, UnreadableDayError
from schemas.instant import micros
from schemas.journal import FBO, USD
from schemas.money import CENTS_DECIMALS, Cents, reread
from settlement.ledger import BFS_USD, BUSINESS, WORLD_BANK


class Party(StrEnum):
    """Whose money or claim it is."""

    CUSTOMERS = "customers"
    CLIENTS = "clients"
    BFS = "BFS"
    REVENUE = "platform revenue"
    FBO = "FBO account"
    BUSINESS = "Business account"
    CLEARING_FIRM = "clearing firm"
    OUTSIDE_BANKS = "outside banks"


class Lane(StrEnum):
    """Which picture a movement belongs to: a funding model, or what clients and platform share."""

    MARKETPLACE = "MARKETPLACE"
    APEX_CLEARING = "APEX_CLEARING"
    NET_SETTLEMENT = "NET_SETTLEMENT"
    CLIENT_SHARES = "CLIENT_SHARES"


class Movement(NamedTuple):
    """One kind of movement: `why` is a word of the ledger's table."""

    lane: Lane
    why: str
    payer: Party
    payee: Party


class FundsFlow:
    """Movements of a period, each with its entries and cents; the FBO before and after."""

    def __init__(self) -> None:
        """Start with none."""
        self.movements: dict[Movement, Tally] = {}
        self.entries = 0
        self.fbo_before: Cents = 0
        self.fbo_after: Cents = 0
        self.business_before: Cents = 0
        self.business_after: Cents = 0

    def read(self, topic: Iterator[Event], executions: Iterator[Event], period: Period) -> None:
        """Fold the journal up to the period's end.

        `executions` go along: each partition books its executions in their order, so the next entry
        of a trade is that of the next execution.

        Raises:
            UnreadableDayError: an entry of a trade is not that of the next execution.
        """
        trades = (event for event in executions if event["type"] == "Execution")
        for entry in topic:
            moved = _usd_by_account(entry)
            coin = next((p for p in entry["postings"] if _is_coin(p)), None)
            model = None if coin is None else _model_of(entry, trades)
            at = micros(entry["event_time"])
            if at >= period.end:
                continue
            fbo, business = moved.get(FBO, 0), moved.get(BUSINESS, 0)
            self.fbo_after += fbo
            self.business_after += business
            if at < period.start:
                self.fbo_before += fbo
                self.business_before += business
                continue
            self.entries += 1
            if model is not None and coin is not None:
                self._trade(Lane(model), moved, bought=coin["amount"].startswith("-"))
            else:
                self._add(_money(moved) or _claim(moved))

    def total(self, *, lane: Lane | None = None, why: str | None = None) -> Tally:
        """Return the sum of the movements of a lane, for a reason, or both."""
        total = Tally()
        for movement, tally in self.movements.items():
            if lane in (None, movement.lane) and why in (None, movement.why):
                total.count += tally.count
                total.cents += tally.cents
        return total

    def _add(self, moved: tuple[Movement, Cents] | None) -> None:
        if moved is not None:
            self.movements.setdefault(moved[0], Tally()).add(moved[1])

    def _trade(self, lane: Lane, moved: Mapping[str, Cents], *, bought: bool) -> None:
        """Add a trade, which has one payer: who buys, or BFS when it buys back."""
        trader = Party.CLIENTS if lane is Lane.NET_SETTLEMENT else Party.CUSTOMERS
        payer, why = (trader, "buys") if bought else (Party.BFS, "sells")
        for name, cents in moved.items():
            if name.startswith("revenue:markup:"):
                self._add((Movement(lane, "markup", payer, Party.REVENUE), cents))
            elif name.startswith("revenue:commission:"):
                self._add((Movement(lane, "commission", payer, Party.REVENUE), cents))
            elif bought and name == BFS_USD:
                self._add((Movement(lane, why, payer, Party.BFS), cents))
            elif not bought and name != BFS_USD:
                self._add((Movement(lane, why, payer, trader), cents))


def _is_coin(posting: Event) -> bool:
    """Whether a posting hands over what was traded, which BFS does in every trade."""
    name: str = posting["account"]
    return name.startswith("bfs:") and name != BFS_USD


def _model_of(entry: Event, trades: Iterator[Event]) -> str:
    execution = next(trades, None)
    if execution is None or execution["event_id"] != entry["cause_id"]:
        raise UnreadableDayError(
            f"topics/journal.jsonl: entry {entry['entry_id']} is not that of the next execution;"
            " settle verify names the first difference"
        )
    model: str = execution["funding_model"]
    return model


def _usd_by_account(entry: Event) -> dict[str, Cents]:
    """Return the dollars of an entry by ledger account, in cents."""
    moved: dict[str, Cents] = {}
    for posting in entry["postings"]:
        if posting["asset"] == USD:
            name = posting["account"]
            moved[name] = moved.get(name, 0) + reread(posting["amount"], CENTS_DECIMALS)
    return moved


def _directed(
    lane: Lane, why: tuple[str, str], parties: tuple[Party, Party], cents: Cents
) -> tuple[Movement, Cents]:
    """Return a movement of a positive sum: below zero it is the other way round."""
    if cents < 0:
        return Movement(lane, why[1], parties[1], parties[0]), -cents
    return Movement(lane, why[0], *parties), cents


def _money(moved: Mapping[str, Cents]) -> tuple[Movement, Cents] | None:
    """Return which bank account paid which, if one did."""
    fbo, business = moved.get(FBO, 0), moved.get(BUSINESS, 0)
    names = [name.rpartition(":")[2] for name in moved if name.startswith("customer:")]
    if fbo and business:
        adjusted = "owed" not in names
        return _directed(
            Lane.MARKETPLACE,
            ("adjustments down", "adjustments up")
            if adjusted
            else ("cash calls of buys", "cash calls of sells"),
            (Party.FBO, Party.BUSINESS),
            business,
        )
    if fbo:
        paid_out = "withdrawals" if "withdrawing" in names else "deposits returned"
        return _directed(
            Lane.MARKETPLACE,
            ("deposits", paid_out),
            (Party.OUTSIDE_BANKS, Party.FBO),
            fbo,
        )
    if not business or WORLD_BANK not in moved:
        return None
    kinds = {name.split(":")[0] + ":" + name.rpartition(":")[2] for name in moved}
    if "client:net" in kinds:
        return _directed(
            Lane.NET_SETTLEMENT,
            ("net wires received", "net wires sent"),
            (Party.CLIENTS, Party.BUSINESS),
            business,
        )
    if "client:share" in kinds:
        return _directed(
            Lane.CLIENT_SHARES,
            ("revenue share taken back", "revenue share paid"),
            (Party.CLIENTS, Party.BUSINESS),
            business,
        )
    why = (
        ("cash calls of buys", "cash calls of sells")
        if "owed" in names
        else ("write-offs recovered", "write-offs undone")
    )
    return _directed(Lane.APEX_CLEARING, why, (Party.CLEARING_FIRM, Party.BUSINESS), business)


def _claim(moved: Mapping[str, Cents]) -> tuple[Movement, Cents] | None:
    """Return whose claim passed to whom, of the entries that concern clients' shares."""
    for name, cents in moved.items():
        if name.startswith("writeoff:") and len(moved) > 1:
            if any(other.startswith("client:") for other in moved):
                return (
                    Movement(
                        Lane.CLIENT_SHARES, "write-offs deducted", Party.CLIENTS, Party.REVENUE
                    ),
                    abs(cents),
                )
            return (
                Movement(Lane.CLIENT_SHARES, "written off", Party.CLIENTS, Party.CUSTOMERS),
                abs(cents),
            )
        if name.startswith("revenue:share:"):
            return (
                Movement(Lane.CLIENT_SHARES, "revenue share stated", Party.REVENUE, Party.CLIENTS),
                abs(cents),
            )
    return None
