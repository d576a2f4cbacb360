"""A client's share of markup and commission, stated monthly."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.event import Emitted
from schemas.money import UsdText


class RevenueShareStatement(Emitted):
    """`payable` = max(0, share - write_offs - carried_in); the rest is carried (section 10)."""

    type: Literal["RevenueShareStatement"]
    client: str
    month: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}$")]
    share: UsdText
    write_offs: UsdText
    carried_in: UsdText
    payable: UsdText
    carried_out: UsdText
