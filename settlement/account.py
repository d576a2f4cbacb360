"""Whether an account may be as an `AccountUpdated` says (contract sections 1 and 3).

Two tasks read `accounts`, and both must take the same ones; only trading dead-letters.
"""

from schemas.account import AccountUpdated
from topics.decode import Refused


def account_refusal(event: AccountUpdated, client: str | None) -> Refused | None:
    """Say why an account is not taken; `client` is the one it is known to belong to."""
    if client is not None and client != event.client:
        return Refused("CLIENT_CHANGED", f"the account belongs to {client}")
    return None
