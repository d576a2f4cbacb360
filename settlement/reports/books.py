"""Stage reports: what a client's lines add up to, and the files that a window issues.

Lines come from settlement on `client-lines`; files go out when a window's last line is in.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from schemas.account import FundingModel
from schemas.aged_failure import AgedFailure
from schemas.cash_call import CashCallSettled
from schemas.execution import Execution
from schemas.money import CENTS_DECIMALS, Cents, reread
from settlement.aged_failure import AGED_WINDOWS
from settlement.calendar import ScheduledWindow, same_window_day_before
from settlement.reports import (
    aged_tpj,
    cash_activity,
    cash_balance,
    execution_confirm,
    net_settlement,
    positions,
)
from settlement.reports.cash_activity import CashActivityLine
from settlement.reports.execution_confirm import TpjStatus
from settlement.reports.report import Report
from settlement.reports.rows import Rows


class ClientAccount:
    """The latest of one account, in the texts that its `AccountBalance` carried."""

    __slots__ = ("funding_model", "positions", "settled", "unsettled")

    def __init__(self) -> None:
        self.funding_model: FundingModel = "MARKETPLACE"
        self.settled = "0.00"
        self.unsettled = "0.00"
        self.positions: Mapping[str, str] = {}

    def in_cash_balance(self) -> bool:
        """Marketplace accounts, and any with money left (domain.md section 9)."""
        return self.funding_model == "MARKETPLACE" or any(
            reread(text, CENTS_DECIMALS) for text in (self.settled, self.unsettled)
        )


class ClientBooks:
    """The stage's state: per client its accounts' latest, and rows that wait for their file."""

    __slots__ = ("_csv_safe", "_rows", "accounts", "clients")

    def __init__(self, rows: Rows, *, csv_safe: bool) -> None:
        """Start without a client; `rows` keeps what a file will consist of.

        `csv_safe`: free texts of files are safe to open in a spreadsheet (report.py).
        """
        self._rows = rows
        self._csv_safe = csv_safe
        self.clients: set[str] = set()
        self.accounts: dict[str, dict[str, ClientAccount]] = {}

    def client_updated(self, client: str) -> None:
        """Know a client: from now on it gets files."""
        self.clients.add(client)

    def balance(self, client: str, line: Mapping[str, Any]) -> None:
        """Take an `AccountBalance`."""
        accounts = self.accounts.get(client)
        book = accounts.get(line["account_id"]) if accounts is not None else None
        if book is None:
            book = self.account(client, line["account_id"])
        book.settled = line["settled"]
        book.unsettled = line["unsettled"]
        book.positions = line["positions"]

    def executed(self, client: str, line: Mapping[str, Any]) -> None:
        """Take an `Execution`."""
        execution: Execution = line  # type: ignore[assignment]  # of that type, as its caller saw
        self._rows.add(client, "execution", execution_confirm.row_of(execution))
        if execution["funding_model"] == "NET_SETTLEMENT":
            self._rows.add(client, "net", net_settlement.row_of(execution))

    def call_settled(self, client: str, line: Mapping[str, Any]) -> None:
        """Take a `CashCallSettled`; one of 0.00 moves nothing."""
        if line["amount"] != "0.00":
            call: CashCallSettled = line  # type: ignore[assignment]  # of that type, as its caller saw
            self._rows.add(client, "activity", cash_activity.row_of_call(call))

    def line(self, client: str, line: Mapping[str, Any]) -> None:
        """Take a line of another type."""
        match line["type"]:
            case "CashActivityLine":
                activity = cast("CashActivityLine", line)
                row = cash_activity.row_of(activity, csv_safe=self._csv_safe)
                self._rows.add(client, "activity", row)
            case "AgedFailure":
                self._rows.add(client, "aged", aged_tpj.row_of(cast("AgedFailure", line)))
            case "RequestedCallLine":
                self._rows.add(client, "requested", line["execution_id"])
            case "AccountLine":
                self.account(client, line["account_id"]).funding_model = line["funding_model"]
            case _:
                pass  # write-offs and recoveries: revenue_share

    def files(self, client: str, window: ScheduledWindow) -> Iterator[Report]:
        """Return the files that a client gets of an AGED_REPORT or START_OF_DAY."""
        if client in self.clients:
            yield aged_tpj.report(client, window, self._rows.read(client, "aged"))
        if window.window == "START_OF_DAY":
            yield from self._start_of_day(client, window)

    def net(self, client: str, window: ScheduledWindow, net_amount: Cents) -> Iterator[Report]:
        """Return the files of a client's net settlement."""
        yield net_settlement.report(client, window, net_amount, self._rows.read(client, "net"))
        yield net_settlement.summary(client, window, self._rows.read(client, "net"))

    def closed(self, window: ScheduledWindow) -> None:
        """Start anew: all files of a window are issued."""
        if window.window in AGED_WINDOWS:
            self._rows.clear("aged")
        if window.window == "NET_SETTLEMENT":
            self._rows.clear("net")
        if window.window == "START_OF_DAY":
            self._rows.clear("requested")
            self._rows.clear("execution")
            self._rows.clear("activity")

    def _start_of_day(self, client: str, window: ScheduledWindow) -> Iterator[Report]:
        accounts = sorted(self.accounts.get(client, {}).items())
        if client in self.clients:
            open_calls: dict[str, TpjStatus] = dict.fromkeys(
                self._rows.read(client, "requested"), "REQUESTED"
            )
            for row in self._rows.read(client, "aged"):
                open_calls[aged_tpj.execution_of(row)] = "NOT_SETTLED"
            since = same_window_day_before(window)
            executions = self._rows.read(client, "execution")
            yield execution_confirm.report(client, window, since, executions, open_calls)
            yield positions.report(
                client, window, ((account_id, book.positions) for account_id, book in accounts)
            )
        with_cash = [
            (account_id, book.unsettled, book.settled)
            for account_id, book in accounts
            if book.in_cash_balance()
        ]
        if with_cash:
            yield cash_balance.report(client, window, iter(with_cash))
        if (
            with_cash
            or any(book.funding_model == "APEX_CLEARING" for _, book in accounts)
            # Who has neither now, but had cash that moved in the day, is told of it.
            or next(self._rows.read(client, "activity"), None) is not None
        ):
            yield cash_activity.report(client, window, self._rows.read(client, "activity"))

    def account(self, client: str, account_id: str) -> ClientAccount:
        """Return the latest of an account."""
        accounts = self.accounts.get(client)
        if accounts is None:
            accounts = self.accounts[client] = {}
        book = accounts.get(account_id)
        if book is None:
            book = accounts[account_id] = ClientAccount()
        return book
