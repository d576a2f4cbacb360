"""The clients' files, built again (domain.md section 9, contract 11)."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from audit.account import Account, OpenCall
from audit.numbers import cents
from audit.numbers import units as units_of
from schemas.instant import Micros, micros, milliseconds_text
from schemas.money import quantity, usd

AGED_HEADER = (
    "account_id,tpj_id,execution_id,symbol,side,direction,notional,executed_at,first_failed_at,"
    "attempts,last_reason,age_days"
)
CONFIRM_HEADER = (
    "account_id,direction,side,execution_id,client_order_id,symbol,quantity,price,commission,"
    "net_money,executed_at,tpj_id,tpj_status"
)
POSITIONS_HEADER = "Timestamp,Account ID,Asset ID,Asset Type,Quantity"
BALANCE_HEADER = "Partner Party Ref,Unsettled Amount,Settled Amount"
ACTIVITY_HEADER = (
    "account_id,activity_id,instrument_type,direction,amount,status,occurred_at,reference"
)
NET_HEADER = (
    "account_id,execution_id,client_order_id,symbol,side,quantity,price,gross,commission,"
    "net_amount,executed_at"
)
NET_SUMMARY_HEADER = "symbol,buy_quantity,buy_net_money,sell_quantity,sell_net_money,net_amount"
# instrument_type, direction, status
ActivityKind = tuple[str, str, str]


class FileText(NamedTuple):
    """One file: its header lines, its rows, and its control total as it is delivered."""

    header: list[str]
    rows: list[str]
    control_total: str

    def content(self) -> bytes:
        """Return the file's bytes."""
        return "".join(f"{line}\n" for line in (*self.header, *self.rows)).encode()


class Executed(NamedTuple):
    """One execution, in the order of rows of executions (section 11)."""

    at: Micros
    account_id: str
    fill: int
    client_order_id: str
    event: dict[str, Any]

    @property
    def net_amount(self) -> int:
        """Return what the client owes for it, in cents."""
        amount = cents(self.event["net_money"])
        return amount if self.event["side"] == "BUY" else -amount

    def cells(self, *names: str) -> list[str]:
        """Return fields of the event."""
        return [self.event[name] for name in names]


class Activity(NamedTuple):
    """One row of cash activity; `amount` in cents."""

    account_id: str
    activity_id: str
    amount: int
    occurred_at: str
    kind: ActivityKind
    reference: str

    def row(self, *, csv_safe: bool) -> str:
        """Return the row's text; `csv_safe`: as `cell_of_free_text`."""
        instrument_type, direction, status = self.kind
        return ",".join(
            (
                self.account_id,
                cell_of_free_text(self.activity_id, csv_safe=csv_safe),
                instrument_type,
                direction,
                usd(self.amount),
                status,
                self.occurred_at,
                cell_of_free_text(self.reference, csv_safe=csv_safe),
            )
        )


class DayRows:
    """The rows that wait for the next files, by client."""

    def __init__(self) -> None:
        """Start without a row."""
        # Since the last START_OF_DAY, and since the last NET_SETTLEMENT.
        self.confirms: dict[str, list[Executed]] = defaultdict(list)
        self.nets: dict[str, list[Executed]] = defaultdict(list)
        # The AgedFailures of the window that opened last.
        self.agings: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.activities: dict[str, list[Activity]] = defaultdict(list)

    def executed(self, event: dict[str, Any], at: Micros, fill: int) -> None:
        """Note an execution."""
        row = Executed(at, event["account_id"], fill, event["client_order_id"], event)
        self.confirms[event["client"]].append(row)
        if event["funding_model"] == "NET_SETTLEMENT":
            self.nets[event["client"]].append(row)

    def call_settled(
        self, account: Account, call: OpenCall, event_id: str, occurred_at: str
    ) -> None:
        """Note a settled cash call for the activity file."""
        self.activities[account.client].append(
            Activity(
                account.account_id,
                event_id,
                call.amount,
                occurred_at,
                ("TPJ", call.direction, "SETTLED"),
                call.execution_id + "-TPJ",
            )
        )

    def clear_day(self) -> None:
        """Forget the day: its files are checked."""
        self.confirms.clear()
        self.activities.clear()


def aged_file(rows: DayRows, client: str) -> FileText:
    """Build an Aged TPJ file."""
    ordered = sorted(
        rows.agings.get(client, []), key=lambda row: (row["account_id"], row["tpj_id"])
    )
    texts = [
        ",".join(
            (
                *(row[name] for name in ("account_id", "tpj_id", "execution_id", "symbol", "side")),
                row["direction"],
                row["notional"],
                milliseconds_text(micros(row["executed_at"])),
                milliseconds_text(micros(row["first_failed_at"])),
                str(row["attempts"]),
                row["last_reason"],
                str(row["age_days"]),
            )
        )
        for row in ordered
    ]
    return FileText([AGED_HEADER], texts, usd(sum(cents(row["notional"]) for row in ordered)))


def confirm_file(
    rows: DayRows, client: str, accounts: dict[str, Account], since: Micros, until: Micros
) -> FileText:
    """Build the execution confirm of [since, until)."""
    period = f"From,{milliseconds_text(since)},To,{milliseconds_text(until)}"
    ordered = sorted(rows.confirms.get(client, []))
    texts = [
        ",".join(
            (
                row.account_id,
                "Withdrawal" if row.event["side"] == "BUY" else "Deposit",
                *row.cells("side", "execution_id", "client_order_id", "symbol", "quantity"),
                *row.cells("price", "commission", "net_money"),
                milliseconds_text(row.at),
                *_call_cells(row, accounts[row.account_id]),
            )
        )
        for row in ordered
    ]
    total = sum(cents(row.event["net_money"]) for row in ordered)
    return FileText([period, CONFIRM_HEADER], texts, usd(total))


def _call_cells(row: Executed, account: Account) -> tuple[str, str]:
    """Return the ID and status of an execution's cash call."""
    execution_id = row.event["execution_id"]
    if row.event["funding_model"] == "NET_SETTLEMENT":
        return ("", "")
    call = account.open_calls.get(execution_id)
    if call is None:
        # A call of the last day is far from being written off.
        return (f"{execution_id}-TPJ", "SETTLED")
    return (f"{execution_id}-TPJ", "NOT_SETTLED" if call.last_reason else "REQUESTED")


def net_file(rows: DayRows, client: str, since: Micros, until: Micros, net_amount: int) -> FileText:
    """Build the net settlement file of [since, until)."""
    ordered = sorted(rows.nets.get(client, []))
    texts = [
        ",".join(
            (
                *row.cells("account_id", "execution_id", "client_order_id", "symbol", "side"),
                *row.cells("quantity", "price", "gross", "commission"),
                usd(row.net_amount),
                milliseconds_text(row.at),
            )
        )
        for row in ordered
    ]
    header = [
        f"From,{milliseconds_text(since)}",
        f"To,{milliseconds_text(until)}",
        f"Net Settlement,{usd(net_amount)}",
        NET_HEADER,
    ]
    return FileText(header, texts, usd(sum(row.net_amount for row in ordered)))


def net_summary_file(rows: DayRows, client: str) -> FileText:
    """Build the sums by symbol of a net settlement."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in rows.nets.get(client, []):
        first = 0 if row.event["side"] == "BUY" else 2
        sums[row.event["symbol"]][first] += units_of(row.event["quantity"])
        sums[row.event["symbol"]][first + 1] += abs(row.net_amount)
    texts = [
        f"{symbol},{quantity(bought)},{usd(paid)},{quantity(sold)},{usd(got)},{usd(paid - got)}"
        for symbol, (bought, paid, sold, got) in sorted(sums.items())
    ]
    total = sum(paid - got for _, paid, _, got in sums.values())
    return FileText([NET_SUMMARY_HEADER], texts, usd(total))


def positions_file(accounts: Iterable[Account], at: Micros) -> FileText:
    """Build the positions file of a client's accounts, in account order."""
    as_of = milliseconds_text(at)
    texts: list[str] = []
    total = 0
    for account in accounts:
        for asset, units in sorted(account.positions.items()):
            texts.append(f"{as_of},{account.account_id},{asset},CURRENCY,{quantity(units)}")
            total += units
    return FileText([POSITIONS_HEADER], texts, quantity(total))


def balance_file(balances: Iterable[tuple[str, int, int]]) -> FileText:
    """Build the cash balance file of (account, pending, cash), in account order."""
    texts: list[str] = []
    total = 0
    for account_id, pending, cash in balances:
        texts.append(f"{account_id},{usd(pending)},{usd(cash)}")
        total += cash
    return FileText([BALANCE_HEADER], texts, usd(total))


def activity_file(activities: list[Activity], *, csv_safe: bool) -> FileText:
    """Build the cash activity file."""
    # Several rows are of one activity where a producer reused its ID.
    ordered = sorted(
        (
            row.account_id,
            row.activity_id.replace("\x1f", " "),
            usd(row.amount),
            row.row(csv_safe=csv_safe),
        )
        for row in activities
    )
    total = sum(row.amount for row in activities)
    return FileText([ACTIVITY_HEADER], [text for *_, text in ordered], usd(total))


def quoted(field: str) -> str:
    """Quote a CSV field where it has to be (RFC 4180)."""
    if any(mark in field for mark in '",\r\n'):
        return '"' + field.replace('"', '""') + '"'
    return field


def cell_of_free_text(text: str, *, csv_safe: bool) -> str:
    """Quote a text from outside; `csv_safe`: an apostrophe keeps a formula from being one."""
    is_formula = text[:1] in {"=", "+", "-", "@", "\t", "\r"}
    return quoted("'" + text if csv_safe and is_formula else text)
