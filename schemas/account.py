"""A customer's account."""

from typing import Literal

from schemas.event import AccountId, ClientCode, Input

FundingModel = Literal["MARKETPLACE", "NET_SETTLEMENT", "APEX_CLEARING"]
Mode = Literal["OPEN", "CLOSED", "LOCKED", "CLOSING_ONLY"]
Jurisdiction = Literal["OPEN", "CLOSE", "PROHIBITED"]


class AccountUpdated(Input):
    """The account as it is from now on. Its `client` never changes."""

    type: Literal["AccountUpdated"]
    account_id: AccountId
    client: ClientCode
    funding_model: FundingModel = "MARKETPLACE"
    mode: Mode = "OPEN"
    jurisdiction: Jurisdiction = "OPEN"
