"""What must always hold in the books (contract section 9), written once.

The live state, the end of a replay and the audit's refold all show themselves as `Books`; none of
them is copied for it. What can only be seen while an entry is booked is in `entry_difference`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from schemas.journal import FBO, USD
from schemas.money import Cents, Units, quantity, usd

_FBO_USD = (FBO, USD)


class Difference(NamedTuple):
    """The first thing that does not hold: in which ledger account or customer account."""

    what: str
    account: str | None
    expected: str
    found: str


class AccountBook(NamedTuple):
    """One customer account. Money in cents, `positions` in units by asset.

    `open_withdrawals`, `open_deposits`: the sums of its open cash calls by direction. The counts
    are over the account's whole life.
    """

    account_id: str
    cash: Cents
    pending: Cents
    withdrawing: Cents
    owed: Cents
    positions: Mapping[str, Units]
    open_withdrawals: Cents
    open_deposits: Cents
    executions: int
    calls_open: int
    calls_settled: int
    calls_written_off: int
    net_lines: int = 0


class ClosedNet(NamedTuple):
    """A net settlement beside the sum of the lines that name its window, in cents."""

    window_to: str
    net_amount: Cents
    lines: Cents


class ClientBook(NamedTuple):
    """One client's net settlement and share, in cents; positive amounts are owed by the client.

    `outstanding`: of all its nets. `lines`: how many there are, of open and of closed windows.
    `net`, `share`: its ledger accounts; `share_booked`: stated, less deducted, less paid.
    """

    client: str
    net: Cents
    unclosed_lines: Cents
    closed: Iterable[ClosedNet]
    wires_in: Cents
    wires_out: Cents
    outstanding: Cents
    lines: int
    share: Cents = 0
    share_booked: Cents = 0


@dataclass(frozen=True, slots=True)
class Books:
    """Everything booked so far.

    `totals`: per (ledger account, asset) the sum of all postings, in cents or units, of every
    ledger account but `customer:...` (in `accounts`) and, if `clients` are shown, `client:...`.
    """

    totals: Mapping[tuple[str, str], int]
    accounts: Iterable[AccountBook]
    clients: Iterable[ClientBook] | None = None


def entry_difference(
    account: str, postings: Iterable[tuple[str, str, int]], cash_after_call: Cents | None = None
) -> Difference | None:
    """Check one journal entry: (ledger account, asset, amount) sum to zero per asset.

    `cash_after_call`: the account's cash after the entry, if it settles a WITHDRAWAL cash call
    of more than 0.00.
    """
    sums: dict[str, int] = defaultdict(int)
    for _, asset, amount in postings:
        sums[asset] += amount
    for asset, total in sums.items():
        if total:
            what = f"the sum of the entry's {asset} postings"
            return Difference(what, account, "0", amount_text(asset, total))
    if cash_after_call is not None and cash_after_call < 0:
        return Difference("cash after a cash call", account, "0.00 or more", usd(cash_after_call))
    return None


def books_difference(books: Books) -> Difference | None:
    """Return the first thing that does not hold between two inputs, None if all does."""
    sums: dict[str, int] = defaultdict(int)
    in_the_fbo: Cents = 0
    net_lines = 0
    for account in books.accounts:
        wrong = _account_difference(account)
        if wrong is not None:
            return wrong
        in_the_fbo += account.cash + account.withdrawing
        net_lines += account.net_lines
        sums[USD] += account.cash + account.pending + account.withdrawing + account.owed
        for asset, units in account.positions.items():
            sums[asset] += units
    if books.clients is not None:
        lines = 0
        for client in books.clients:
            wrong = _client_difference(client)
            if wrong is not None:
                return wrong
            sums[USD] += client.net + client.share
            lines += client.lines
        if lines != net_lines:
            what = "each line in exactly one net settlement or open window"
            return Difference(what, None, str(net_lines), str(lines))

    fbo = books.totals.get(_FBO_USD, 0)
    if fbo != in_the_fbo:
        return Difference(f"{FBO} = all cash and withdrawing", FBO, usd(in_the_fbo), usd(fbo))
    for (_, asset), total in books.totals.items():
        sums[asset] += total
    for asset, total in sums.items():
        if total:
            return Difference(f"all {asset} of the ledger", None, "0", amount_text(asset, total))
    return None


def amount_text(asset: str, amount: int) -> str:
    """Print a ledger amount: dollars, or a quantity of an asset."""
    return usd(amount) if asset == USD else quantity(amount)


def _account_difference(account: AccountBook) -> Difference | None:
    owed = account.open_deposits - account.open_withdrawals
    if account.owed != owed:
        return Difference(
            "owed = open DEPOSIT calls - open WITHDRAWAL calls",
            account.account_id,
            usd(owed),
            usd(account.owed),
        )
    calls = account.calls_open + account.calls_settled + account.calls_written_off
    if calls + account.net_lines != account.executions:
        return Difference(
            "one cash call, open, settled or written off, or one net-settlement line per execution",
            account.account_id,
            str(account.executions),
            f"{calls} calls and {account.net_lines} lines",
        )
    for asset, units in account.positions.items():
        if units < 0:
            return Difference(
                f"the {asset} position", account.account_id, "0 or more", quantity(units)
            )
    return None


def _client_difference(client: ClientBook) -> Difference | None:
    closed_nets: Cents = 0
    for net in client.closed:
        closed_nets += net.net_amount
        if net.net_amount != net.lines:
            return Difference(
                f"net_amount of the net settlement to {net.window_to} = its lines",
                client.client,
                usd(net.lines),
                usd(net.net_amount),
            )
    owed = client.unclosed_lines + closed_nets - client.wires_in + client.wires_out
    if -client.net != owed:
        return Difference(
            "-client:net = unclosed lines + closed nets - wires in + wires out",
            f"client:{client.client}:net",
            usd(owed),
            usd(-client.net),
        )
    if client.outstanding != owed - client.unclosed_lines:
        return Difference(
            "outstanding of all net settlements = closed nets - wires in + wires out",
            client.client,
            usd(owed - client.unclosed_lines),
            usd(client.outstanding),
        )
    if client.share != client.share_booked:
        return Difference(
            "client:share = stated - deducted - paid",
            f"client:{client.client}:share",
            usd(client.share_booked),
            usd(client.share),
        )
    return None
