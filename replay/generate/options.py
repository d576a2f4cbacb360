"""What day to make."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from schemas.account import FundingModel
from schemas.instant import Micros, micros

ORDERS_PER_ACCOUNT_DAY = 10
QUOTE_INTERVAL_MS = 10_000
# An account id is its client's first three letters and five digits.
ACCOUNTS_MAX = 100_000
# Midnight in Chicago: 24 hours from here cross every window of the daily clock.
SYNTHETIC_START: Micros = micros("2026-03-02T06:00:00Z")
ALL_MODELS: tuple[FundingModel, ...] = get_args(FundingModel)


@dataclass(frozen=True, slots=True)
class DayOptions:
    """What day to make. Same options, same bytes, on every Python.

    `orders` is the number of orders that customers place over the day, None: ten per account and
    day; the scripted stories of single accounts add a few. `market` is an output of import-quotes,
    plain or gzipped: the day then starts with it. `start`, and `quote_interval_ms`, which is how
    often, on average, a provider quotes a symbol, are those of the synthetic market. `models`: only
    clients and accounts of these take part; with Marketplace alone there are no wires between
    clients and the platform either, so that the speed of such a day can be compared with that of
    earlier versions.

    Raises:
        ValueError: a number that makes no day, or no model.
    """

    seed: int
    accounts: int = 100
    hours: int = 24
    orders: int | None = None
    market: Path | None = None
    quote_interval_ms: int = QUOTE_INTERVAL_MS
    models: tuple[FundingModel, ...] = ALL_MODELS
    start: Micros = SYNTHETIC_START

    def __post_init__(self) -> None:
        if not 1 <= self.accounts <= ACCOUNTS_MAX:
            raise ValueError(f"accounts must be 1 to {ACCOUNTS_MAX}")
        if self.hours < 1:
            raise ValueError("hours must be at least 1")
        if self.orders is not None and self.orders < 0:
            raise ValueError("orders must not be negative")
        if self.quote_interval_ms < 1:
            raise ValueError("quote_interval_ms must be at least 1")
        if not self.models or not set(self.models) <= set(ALL_MODELS):
            raise ValueError(f"models must be some of {', '.join(ALL_MODELS)}")

    @property
    def orders_wanted(self) -> int:
        """How many orders customers place."""
        if self.orders is not None:
            return self.orders
        return -(-self.accounts * ORDERS_PER_ACCOUNT_DAY * self.hours // 24)
