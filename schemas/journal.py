"""The double-entry journal."""

from typing import Literal

from typing_extensions import TypedDict

from schemas.event import Emitted

# The dollar among assets, and the pooled account that holds customers' cash (contract section 9).
USD = "USD"
FBO = "bank:fbo"


class Posting(TypedDict):
    """Signed: value moves from negative to positive (contract section 9)."""

    account: str
    asset: str
    amount: str


class JournalEntry(Emitted):
    """Per asset the postings sum to zero. `account_id` is null in a client's entry."""

    type: Literal["JournalEntry"]
    entry_id: str
    account_id: str | None
    client: str
    postings: list[Posting]
