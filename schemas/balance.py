"""What an account has, after each step that changed it."""

from typing import Literal

from schemas.event import AccountEmitted
from schemas.money import QuantityText, UsdText


class AccountBalance(AccountEmitted):
    """`owed` negative = the customer owes; `buying_power` null unless Marketplace (section 3)."""

    type: Literal["AccountBalance"]
    settled: UsdText
    unsettled: UsdText
    withdrawing: UsdText
    owed: UsdText
    buying_power: UsdText | None
    negative: bool
    positions: dict[str, QuantityText]
