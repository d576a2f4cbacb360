"""The clients' files on disk, held against the files built again, and their deliveries."""

from hashlib import sha256
from pathlib import Path

from audit.account import Account
from audit.cause import Cause
from audit.files import (
    DayRows,
    FileText,
    activity_file,
    aged_file,
    balance_file,
    confirm_file,
    net_file,
    net_summary_file,
    positions_file,
)
from audit.ledger import Ledger
from audit.topic_file import TopicFile, Written
from replay.difference import DifferenceError, different_line
from replay.surplus_files import no_surplus_files
from settlement.calendar import civil_time_text, first_window, same_window_day_before
from topics.catalogue import EXECUTIONS


class Bucket:
    """All clients' files; each is expected once, and nothing else is."""

    def __init__(
        self,
        directory: Path,
        deliveries: TopicFile,
        ledger: Ledger,
        rows: DayRows,
        *,
        csv_safe: bool,
    ) -> None:
        """Start before the first file; `csv_safe`: the setting of the replay."""
        self.root = directory / "s3"
        self.deliveries = deliveries
        self.ledger = ledger
        self.rows = rows
        self.csv_safe = csv_safe
        self.digests: dict[str, str] = {}
        self.row_count = 0
        # Known by `ClientUpdated`.
        self.clients: set[str] = set()

    def net_window(self, window: Written, nets: dict[str, int]) -> None:
        """Check the files of a NET_SETTLEMENT; `nets`: of the clients that get them.

        Raises:
            DifferenceError: a file or its delivery is missing, surplus or different.
        """
        cause = Cause(EXECUTIONS, window.event["cause_id"], window.at)
        cut = first_window(window.at)
        for client, net_amount in sorted(nets.items()):
            name = f"eod_settlement/{cut.date:%d_%m_%Y}_NET_SETTLEMENT"
            since = same_window_day_before(cut)
            detail = net_file(self.rows, client, since, window.at, net_amount)
            for report, key, text in (
                ("NET_SETTLEMENT", f"{name}_{client}.csv", detail),
                (
                    "NET_SETTLEMENT_SUMMARY",
                    f"{name}_SUMMARY_{client}.csv",
                    net_summary_file(self.rows, client),
                ),
            ):
                self._check(client, report, key, text, cause)
        self.rows.nets.clear()

    def window(self, window: Written) -> None:
        """Check the files of an AGED_REPORT or START_OF_DAY, in the order of delivery.

        Raises:
            DifferenceError: a file or its delivery is missing, surplus or different.
        """
        cause = Cause(EXECUTIONS, window.event["cause_id"], window.at)
        accounts: dict[str, list[Account]] = {}
        for account_id in sorted(self.ledger.accounts):
            account = self.ledger.accounts[account_id]
            accounts.setdefault(account.client, []).append(account)
        for client in sorted(self.clients | accounts.keys()):
            for report, key, text in self._files(client, accounts.get(client, []), window):
                self._check(client, report, key, text, cause)
        self.rows.agings.clear()
        if window.event["window"] == "START_OF_DAY":
            self.rows.clear_day()

    def nothing_else(self) -> None:
        """Demand that no other file is in the bucket.

        Raises:
            DifferenceError: there is one.
        """
        self.deliveries.nothing_more("no window issued it")
        no_surplus_files(self.root.parent, "s3", self.digests)

    def _files(
        self, client: str, accounts: list[Account], window: Written
    ) -> list[tuple[str, str, FileText]]:
        """Return report, key and content of a client's files of one window."""
        cut = first_window(window.at)
        date = cut.date.isoformat()
        known = client in self.clients
        aged = aged_file(self.rows, client)
        if window.event["window"] == "AGED_REPORT":
            key = f"tpj_aging/{date}_{civil_time_text(window.at)}_aged_tpj.csv"
            return [("AGED_TPJ", key, aged)] if known else []
        files: list[tuple[str, str, FileText]] = []
        if known:
            since = same_window_day_before(cut)
            confirms = confirm_file(self.rows, client, self.ledger.accounts, since, window.at)
            files += [
                ("SOD_AGED_TPJ", f"sod_tpj_aging/{date}_sod_aged_tpj.csv", aged),
                (
                    "EXECUTION_CONFIRM",
                    f"execution_confirm/{date}_execution_and_tpj_confirms.csv",
                    confirms,
                ),
                (
                    "POSITIONS",
                    f"{client}_{date}_asset_positions.csv",
                    positions_file(accounts, window.at),
                ),
            ]
        us_date = f"{cut.date:%m-%d-%y}"
        key = f"{client}_CashBalanceReport_{us_date}.csv"
        balances = _balances(accounts)
        if balances:
            files.append(("CASH_BALANCE", key, balance_file(balances)))
        activities = self.rows.activities.get(client, [])
        has_apex = any(account.model == "APEX_CLEARING" for account in accounts)
        if balances or activities or has_apex:
            key = f"{client}_CashActivityReport_{us_date}.csv"
            text = activity_file(activities, csv_safe=self.csv_safe)
            files.append(("CASH_ACTIVITY", key, text))
        return files

    def _check(self, client: str, report: str, key: str, text: FileText, cause: Cause) -> None:
        name = f"{client}/{key}"
        content = text.content()
        self.digests[name] = sha256(content).hexdigest()
        self.row_count += len(text.rows)
        path = self.root / name
        if not path.is_file():
            raise DifferenceError(
                f"s3/{name}", "the file", expected=f"{len(text.rows)} rows", found="no file"
            )
        found = path.read_bytes()
        if found != content:
            raise different_line(f"s3/{name}", content, found)
        self.deliveries.expect(
            cause.head(
                "ReportDelivered",
                client,
                client=client,
                report=report,
                uri=f"s3://{name}",
                rows=len(text.rows),
                sha256=self.digests[name],
                control_total=text.control_total,
            )
        )


def _balances(accounts: list[Account]) -> list[tuple[str, int, int]]:
    """Return account, pending and cash of each row of the cash balance file.

    `accounts`: of the client, in order. Marketplace accounts have a row, and those with money left.
    """
    return [
        (account.account_id, account.pending, account.cash)
        for account in accounts
        if account.marketplace or account.money_left
    ]
