"""What was traded."""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from replay.day_page.period import Period
from replay.day_page.tally import Tally
from replay.day_page.topic_events import Event
from schemas.instant import Micros, micros
from schemas.money import CENTS_DECIMALS, reread


@dataclass(frozen=True, slots=True)
class Traded:
    """What an execution was about."""

    symbol: str
    side: str
    executed_at: Micros
    trade_date: dt.date


class Executions:
    """Executions of a period: gross by symbol, by funding model and side."""

    def __init__(self) -> None:
        """Start with none."""
        self.gross = Tally()
        self.markup = Tally()
        self.commission = Tally()
        self.by_symbol: dict[str, Tally] = {}
        self.by_model: dict[str, Tally] = {}
        # Of the executions that were asked for, whenever they happened.
        self.wanted: dict[str, Traded] = {}

    def read(self, events: Iterable[Event], period: Period, wanted: Collection[str]) -> None:
        """Add up the executions of a period, and keep what the `wanted` ones were about."""
        for event in events:
            if event["type"] != "Execution":
                continue
            if event["execution_id"] in wanted:
                self.wanted[event["execution_id"]] = Traded(
                    event["symbol"],
                    event["side"],
                    micros(event["event_time"]),
                    dt.date.fromisoformat(event["trade_date"]),
                )
            if micros(event["event_time"]) not in period:
                continue
            gross = reread(event["gross"], CENTS_DECIMALS)
            self.gross.add(gross)
            self.markup.add(reread(event["markup"], CENTS_DECIMALS))
            self.commission.add(reread(event["commission"], CENTS_DECIMALS))
            self.by_symbol.setdefault(event["symbol"], Tally()).add(gross)
            self.by_model.setdefault(event["funding_model"], Tally()).add(gross)

    def most_traded(self) -> str | None:
        """Return the symbol with the greatest gross; at equal gross the first by name."""
        if not self.by_symbol:
            return None
        return min(self.by_symbol, key=lambda symbol: (-self.by_symbol[symbol].cents, symbol))
