"""The table of contract section 9: which ledger accounts each event moves, and by how much.

Amounts are signed minor units. One line here is one line of that table.
"""

from enum import Enum

from schemas.funding import AdjustmentType
from schemas.journal import FBO, USD
from settlement.invariants import amount_text

# ledger account, asset, signed minor units
Posting = tuple[str, str, int]
Entry = list[Posting]

BUSINESS = "bank:business"
CUSTOMERS = "world:customers"
BANK = "world:bank"


class Movement(Enum):
    """What a funding step does to a customer's money."""

    INITIATED = "a deposit on its way"
    RELEASED = "a deposit that ended before it settled"
    ARRIVED = "an initiated deposit that settled"
    CREDITED = "money from outside into cash"
    DEBITED = "money out of cash to the outside"
    SET_ASIDE = "an accepted withdrawal"
    PAID_OUT = "a settled withdrawal"
    GIVEN_BACK = "a rejected withdrawal"
    ADJUSTED = "an adjustment at somebody's expense"


def trade(
    account_id: str,
    client: str,
    asset: str,
    money: tuple[int, int, int],
    units: int,
    *,
    buy: bool,
    net: bool,
) -> Entry:
    """Return a trade's entry; `money`: gross, markup and commission in cents.

    `net`: the client owes it, not the customer.
    """
    gross, markup, commission = money
    sign = 1 if buy else -1
    return [
        (
            f"client:{client}:net" if net else f"customer:{account_id}:owed",
            USD,
            -sign * gross - commission,
        ),
        ("bfs:usd", USD, sign * gross - markup),
        (f"revenue:markup:{client}", USD, markup),
        (f"revenue:commission:{client}", USD, commission),
        (f"bfs:{asset}", asset, -sign * units),
        (f"customer:{account_id}:{asset}", asset, sign * units),
    ]


def call_settled(account_id: str, amount: int, *, buy: bool) -> Entry:
    """Return the entry of a settled Marketplace cash call."""
    paid = amount if buy else -amount
    return [
        (f"customer:{account_id}:cash", USD, -paid),
        (f"customer:{account_id}:owed", USD, paid),
        (FBO, USD, -paid),
        (BUSINESS, USD, paid),
    ]


def journal_completed(account_id: str, amount: int, *, buy: bool) -> Entry:
    """Return the entry of a settled Apex cash call."""
    paid = amount if buy else -amount
    return [(f"customer:{account_id}:owed", USD, paid), *_from_outside(paid)]


def recovered(client: str, amount: int) -> Entry:
    """Return the entry of a written-off call that the clearing firm paid after all."""
    return [(f"writeoff:{client}", USD, amount), *_from_outside(amount)]


def _from_outside(amount: int) -> Entry:
    return [(CUSTOMERS, USD, -amount), (BUSINESS, USD, amount), (BANK, USD, -amount)]


def written_off(account_id: str, client: str, amount: int) -> Entry:
    """Return the entry of a WITHDRAWAL call that is given up."""
    return [(f"customer:{account_id}:owed", USD, amount), (f"writeoff:{client}", USD, -amount)]


def net_wire(client: str, amount: int) -> Entry:
    """Return the entry of a wire that pays nets; `amount`: received, or, below zero, sent."""
    return [(f"client:{client}:net", USD, amount), *_from_outside(amount)]


def share_stated(client: str, amount: int) -> Entry:
    """Return the entry of a month's revenue share."""
    return [(f"revenue:share:{client}", USD, -amount), (f"client:{client}:share", USD, amount)]


def deducted(client: str, amount: int) -> Entry:
    """Return the entry of a month's write-offs, which the share bears."""
    return [(f"client:{client}:share", USD, -amount), (f"writeoff:{client}", USD, amount)]


def share_paid(client: str, amount: int) -> Entry:
    """Return the entry of a payout."""
    return [(f"client:{client}:share", USD, -amount), *_from_outside(-amount)]


def funding(movement: Movement, account_id: str, amount: int, at_expense_of: str = "") -> Entry:
    """Return a funding step's entry; `at_expense_of`: the X of a `CashAdjusted`."""
    cash, pending, withdrawing = (
        f"customer:{account_id}:{name}" for name in ("cash", "pending", "withdrawing")
    )
    into_fbo = [(FBO, USD, amount), (BANK, USD, -amount)]
    out_of_fbo = [(FBO, USD, -amount), (BANK, USD, amount)]
    match movement:
        case Movement.INITIATED:
            return [(pending, USD, amount), (CUSTOMERS, USD, -amount)]
        case Movement.RELEASED:
            return [(pending, USD, -amount), (CUSTOMERS, USD, amount)]
        case Movement.ARRIVED:
            return [(pending, USD, -amount), (cash, USD, amount), *into_fbo]
        case Movement.CREDITED:
            return [(cash, USD, amount), (CUSTOMERS, USD, -amount), *into_fbo]
        case Movement.DEBITED:
            return [(cash, USD, -amount), (CUSTOMERS, USD, amount), *out_of_fbo]
        case Movement.SET_ASIDE:
            return [(cash, USD, -amount), (withdrawing, USD, amount)]
        case Movement.PAID_OUT:
            return [(withdrawing, USD, -amount), (CUSTOMERS, USD, amount), *out_of_fbo]
        case Movement.GIVEN_BACK:
            return [(cash, USD, amount), (withdrawing, USD, -amount)]
        case Movement.ADJUSTED:
            return [
                (cash, USD, amount),
                (at_expense_of, USD, -amount),
                (FBO, USD, amount),
                (BUSINESS, USD, -amount),
            ]


def expense_accounts(client: str) -> dict[str, AdjustmentType]:
    """Return at whose expense each type of adjustment is; DECEASED_PARTY is none of them."""
    return {
        f"revenue:ach_fee:{client}": "ACH_RETURN_FEE",
        f"writeoff:{client}": "PARTNER_WRITE_OFF",
        "writeoff:platform": "PLATFORM_WRITE_OFF",
        f"adjustment:{client}": "OTHER_ADJUSTMENT",
    }


def written(entry: Entry) -> list[dict[str, str]]:
    """Return an entry as it is written: zero postings are left out."""
    return [
        {"account": account, "asset": asset, "amount": amount_text(asset, amount)}
        for account, asset, amount in entry
        if amount
    ]
