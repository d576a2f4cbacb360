"""Customer funding: deposits, withdrawals, adjustments, and our answers."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.event import AccountEmitted, AccountId, FreeId, FreeText, Input
from schemas.money import PositiveUsdIn, SignedUsdIn, UsdText

InstrumentType = Literal["ACH", "WIRE", "DEBIT"]
AdjustmentType = Literal[
    "ACH_RETURN_FEE",
    "PARTNER_WRITE_OFF",
    "PLATFORM_WRITE_OFF",
    "DECEASED_PARTY",
    "OTHER_ADJUSTMENT",
]

ReturnCode = Annotated[str, Field(max_length=8)]


class FundingStep(Input):
    """One step of a deposit or a withdrawal; `amount` in cents, the same in every step."""

    funding_id: FreeId
    account_id: AccountId
    instrument_type: InstrumentType = "ACH"
    amount: PositiveUsdIn
    reference: FreeText | None = None
    return_code: ReturnCode | None = None


class DepositInitiated(FundingStep):
    """Money is on its way: unsettled."""

    type: Literal["DepositInitiated"]


class DepositSettled(FundingStep):
    """The money is in the FBO."""

    type: Literal["DepositSettled"]


class DepositReturned(FundingStep):
    """The bank took it back, before or after settlement; `return_code` e.g. `R01`."""

    type: Literal["DepositReturned"]


class DepositCancelled(FundingStep):
    """The customer took it back before it settled."""

    type: Literal["DepositCancelled"]


class DepositDeclined(FundingStep):
    """The bank refused it before it settled."""

    type: Literal["DepositDeclined"]


class WithdrawalRequested(FundingStep):
    """The customer wants money out; answered `WithdrawalAccepted` or `WithdrawalRefused`."""

    type: Literal["WithdrawalRequested"]


class WithdrawalSettled(FundingStep):
    """The money has left the FBO."""

    type: Literal["WithdrawalSettled"]


class WithdrawalRejected(FundingStep):
    """The bank did not take it."""

    type: Literal["WithdrawalRejected"]


class WithdrawalReturned(FundingStep):
    """The bank sent it back after settlement."""

    type: Literal["WithdrawalReturned"]


class CashAdjusted(Input):
    """The platform corrects a customer's cash; `amount` is signed; a `funding_id` is used once."""

    type: Literal["CashAdjusted"]
    funding_id: FreeId
    account_id: AccountId
    adjustment_type: AdjustmentType
    amount: SignedUsdIn
    reference: FreeText | None = None


Funding = (
    DepositInitiated
    | DepositSettled
    | DepositReturned
    | DepositCancelled
    | DepositDeclined
    | WithdrawalRequested
    | WithdrawalSettled
    | WithdrawalRejected
    | WithdrawalReturned
    | CashAdjusted
)

WithdrawalRefusal = Literal["ACCOUNT_RESTRICTED", "BELOW_MINIMUM", "INSUFFICIENT_FUNDS"]
FundingFlag = Literal["LATE_RETURN", "UNKNOWN_RETURN_CODE", "NEGATIVE_BALANCE"]


class FundingEmitted(AccountEmitted):
    """An answer to a funding."""

    funding_id: str
    amount: UsdText


class WithdrawalAccepted(FundingEmitted):
    """The amount is set aside."""

    type: Literal["WithdrawalAccepted"]
    reason: None


class WithdrawalRefused(FundingEmitted):
    """Nothing moved."""

    type: Literal["WithdrawalRefused"]
    reason: WithdrawalRefusal


class FundingFlagged(FundingEmitted):
    """It was posted; a person should look."""

    type: Literal["FundingFlagged"]
    reason: FundingFlag
