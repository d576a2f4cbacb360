"""A cash call that failed at least once and is still open."""

from typing import Literal

from schemas.cash_call import Direction, FailureReason
from schemas.event import AccountEmitted
from schemas.instant import TimeText
from schemas.money import UsdText
from schemas.order import Side

AgedReport = Literal["AGED", "SOD"]


class AgedFailure(AccountEmitted):
    """One row of the Aged TPJ file (domain.md section 9); `attempts` counts the failed ones."""

    type: Literal["AgedFailure"]
    report: AgedReport
    as_of: TimeText
    tpj_id: str
    execution_id: str
    symbol: str
    side: Side
    direction: Direction
    notional: UsdText
    executed_at: TimeText
    first_failed_at: TimeText
    attempts: int
    last_reason: FailureReason
    age_days: int
