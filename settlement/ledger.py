"""The double-entry ledger: which accounts an event moves (contract section 9).

Postings are signed: value moves from negative to positive, and every entry sums to zero per asset.
Each public function is one row of the contract's table and returns its postings. The two rows that
nearly every execution takes are in trade_entries.py.
"""

from schemas.funding import AdjustmentType
from schemas.journal import FBO, USD
from schemas.money import Cents

# account, asset, signed minor units (cents of USD, units of everything else)
Postings = tuple[tuple[str, str, int], ...]

CLIENT = "client:"
BUSINESS = "bank:business"
BFS_USD = "bfs:usd"
WORLD_CUSTOMERS = "world:customers"
WORLD_BANK = "world:bank"
WRITE_OFF_PLATFORM = "writeoff:platform"


def asset_of(name: str) -> str:
    """Return the asset that a ledger account of the platform holds."""
    return USD if name == BFS_USD or not name.startswith("bfs:") else name.removeprefix("bfs:")


class CustomerNames:
    """The ledger accounts of one customer, spelt once.

    `balance_of`: which balance of the customer a ledger account is: cash, owed ... or an asset.
    """

    __slots__ = ("_account_id", "_holdings", "balance_of", "cash", "owed", "pending", "withdrawing")

    def __init__(self, account_id: str) -> None:
        """Name them."""
        self._account_id = account_id
        self.cash = f"customer:{account_id}:cash"
        self.pending = f"customer:{account_id}:pending"
        self.withdrawing = f"customer:{account_id}:withdrawing"
        self.owed = f"customer:{account_id}:owed"
        self.balance_of = {
            self.cash: "cash",
            self.pending: "pending",
            self.withdrawing: "withdrawing",
            self.owed: "owed",
        }
        self._holdings: dict[str, str] = {}

    def holding(self, asset: str) -> str:
        """Name the account that holds an asset."""
        name = self._holdings.get(asset)
        if name is None:
            name = self._holdings[asset] = f"customer:{self._account_id}:{asset}"
            self.balance_of[name] = asset
        return name


def journal_completed(names: CustomerNames, amount: Cents, *, withdrawal: bool) -> Postings:
    """Settle an Apex call: the clearing firm paid, or was paid, for its customer."""
    paid = amount if withdrawal else -amount
    return (
        (names.owed, USD, paid),
        (WORLD_CUSTOMERS, USD, -paid),
        (BUSINESS, USD, paid),
        (WORLD_BANK, USD, -paid),
    )


def write_off_recovered(client: str, amount: Cents) -> Postings:
    """Take back a write-off: the clearing firm paid after all."""
    return (
        (f"writeoff:{client}", USD, amount),
        (WORLD_CUSTOMERS, USD, -amount),
        (BUSINESS, USD, amount),
        (WORLD_BANK, USD, -amount),
    )


def written_off(names: CustomerNames, client: str, amount: Cents) -> Postings:
    """Charge what a customer never paid to the client's write-offs."""
    return ((names.owed, USD, amount), (f"writeoff:{client}", USD, -amount))


def deposit_initiated(names: CustomerNames, amount: Cents) -> Postings:
    """Money on its way is pending."""
    return ((names.pending, USD, amount), (WORLD_CUSTOMERS, USD, -amount))


def deposit_ended(names: CustomerNames, amount: Cents) -> Postings:
    """Cancelled, declined, or returned before settlement: no longer pending."""
    return ((names.pending, USD, -amount), (WORLD_CUSTOMERS, USD, amount))


def deposit_settled(names: CustomerNames, amount: Cents, *, initiated: bool) -> Postings:
    """Money in the FBO is the customer's cash."""
    source = names.pending if initiated else WORLD_CUSTOMERS
    return (
        (source, USD, -amount),
        (names.cash, USD, amount),
        (FBO, USD, amount),
        (WORLD_BANK, USD, -amount),
    )


def deposit_returned(names: CustomerNames, amount: Cents) -> Postings:
    """Taken back after settlement: cash may go below zero."""
    return (
        (names.cash, USD, -amount),
        (WORLD_CUSTOMERS, USD, amount),
        (FBO, USD, -amount),
        (WORLD_BANK, USD, amount),
    )


def withdrawal_accepted(names: CustomerNames, amount: Cents) -> Postings:
    """Set aside."""
    return ((names.cash, USD, -amount), (names.withdrawing, USD, amount))


def withdrawal_settled(names: CustomerNames, amount: Cents) -> Postings:
    """Paid out."""
    return (
        (names.withdrawing, USD, -amount),
        (WORLD_CUSTOMERS, USD, amount),
        (FBO, USD, -amount),
        (WORLD_BANK, USD, amount),
    )


def withdrawal_rejected(names: CustomerNames, amount: Cents) -> Postings:
    """The accepted entry, reversed."""
    return ((names.withdrawing, USD, -amount), (names.cash, USD, amount))


def withdrawal_returned(names: CustomerNames, amount: Cents) -> Postings:
    """Both entries, reversed: what was withdrawing cancels out."""
    return (
        (names.cash, USD, amount),
        (WORLD_CUSTOMERS, USD, -amount),
        (FBO, USD, amount),
        (WORLD_BANK, USD, -amount),
    )


def cash_adjusted(
    names: CustomerNames, client: str, amount: Cents, adjustment: AdjustmentType
) -> Postings:
    """Correct a customer's cash by a signed amount, at the expense of whom it concerns."""
    if adjustment == "DECEASED_PARTY":
        return (
            (names.cash, USD, amount),
            (WORLD_CUSTOMERS, USD, -amount),
            (FBO, USD, amount),
            (WORLD_BANK, USD, -amount),
        )
    at_expense_of = {
        "ACH_RETURN_FEE": f"revenue:ach_fee:{client}",
        "PARTNER_WRITE_OFF": f"writeoff:{client}",
        "PLATFORM_WRITE_OFF": WRITE_OFF_PLATFORM,
        "OTHER_ADJUSTMENT": f"adjustment:{client}",
    }[adjustment]
    return (
        (names.cash, USD, amount),
        (at_expense_of, USD, -amount),
        (FBO, USD, amount),
        (BUSINESS, USD, -amount),
    )


def net_wire(client: str, amount: Cents) -> Postings:
    """Pay a client's nets: `amount` received, or, below zero, sent."""
    return (
        (f"client:{client}:net", USD, amount),
        (WORLD_CUSTOMERS, USD, -amount),
        (BUSINESS, USD, amount),
        (WORLD_BANK, USD, -amount),
    )


def share_stated(client: str, amount: Cents) -> Postings:
    """Owe a client its share of a month's revenue."""
    return ((f"revenue:share:{client}", USD, -amount), (f"client:{client}:share", USD, amount))


def write_offs_deducted(client: str, amount: Cents) -> Postings:
    """Charge a month's write-offs to the client's share."""
    return ((f"client:{client}:share", USD, -amount), (f"writeoff:{client}", USD, amount))


def share_paid(client: str, amount: Cents) -> Postings:
    """Pay a client its share."""
    return (
        (f"client:{client}:share", USD, -amount),
        (WORLD_CUSTOMERS, USD, amount),
        (BUSINESS, USD, -amount),
        (WORLD_BANK, USD, amount),
    )
