"""`settle reconcile`: a client's own record of executions against the files that we issued."""

import csv
import datetime as dt
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from schemas.instant import Micros, micros
from schemas.printable import printable
from scripts.client_files import ClientFiles, Row
from scripts.client_options import Client, Maps, Source
from scripts.errors import Failure
from scripts.own_record import OwnRecord, columns_named
from scripts.progress import byte_progress
from settlement.reconciliation import (
    MISSING_HERE,
    Difference,
    Reconciliation,
    Record,
)
from settlement.reports import execution_confirm

HEADER = ("execution_id", "difference", "here", "there", "file", "own_line")
NET_SETTLEMENT_HEADER = (
    "account_id,execution_id,client_order_id,symbol,side,quantity,price,gross,commission,"
    "net_amount,executed_at"
)
# Lines above the columns of each kind of file.
_CONFIRM, _NET = "execution confirm", "net settlement"
_HEADER_LINES = {_CONFIRM: 1, _NET: 3}


def reconcile(
    own: Annotated[
        Path, typer.Argument(metavar="OWN.csv", help="Your executions; plain or gzip, any order.")
    ],
    source: Source,
    client: Client,
    maps: Maps = None,
    since: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Files of this date and later only."
        ),
    ] = None,
    until: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Files of this date and earlier only."
        ),
    ] = None,
) -> None:
    """Compare your own record of executions with our files; name each difference.

    OWN.csv has a header line and an execution a row. The column execution_id
    must be there; these are compared if they are there: account_id,
    client_order_id, symbol, side (BUY or SELL), quantity, price, gross,
    commission, net_money (without sign), net_amount (with: what a client
    owes), executed_at (UTC, such as 2026-03-02T15:00:00.123Z; then an
    execution outside the files' period is left alone). Other names:
    --map quantity=qty. An empty field is not compared.

    Our files are the execution confirms and the net settlements. Prints a CSV
    of execution_id,difference,here,there,file,own_line. A difference is
    MISSING_HERE (not in our files), MISSING_THERE (not in OWN.csv),
    TWICE_THERE, or the name of a column. Exits 1 if there is one.

    Example: settle reconcile own.csv --from out/replay --client ALFA --map price=px
    """
    record = OwnRecord(own, columns_named(maps or []))
    files = ClientFiles(source, client)
    keys = [
        (kind, key)
        for kind, dated in ((_CONFIRM, files.confirms()), (_NET, files.net_settlements()))
        for date, key in dated
        if (since is None or since.date() <= date) and (until is None or date <= until.date())
    ]
    if not keys:
        raise Failure(
            f"{files.at('')}: no execution confirm of {client} is there; see --since and --until"
        )
    with byte_progress("reconciling", sum(files.size(key) for _, key in keys)) as tell:
        files.tell = tell
        comparison = _Comparison(files, record)
        out = csv.writer(sys.stdout, lineterminator="\n")
        kinds: Counter[str] = Counter()
        for difference in comparison.differences(keys):
            if not kinds:
                out.writerow(HEADER)
            kinds[difference.what] += 1
            out.writerow(map(printable, difference))
    sys.stdout.flush()
    compared = f"{comparison.own:,} executions in {own}, {comparison.ours:,} in {len(keys)} files"
    if comparison.outside:
        compared += f", {comparison.outside:,} of {own} outside the files' period"
    if kinds:
        named = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
        raise Failure(f"{client}: {kinds.total():,} differences: {named}; {compared}")
    columns = ", ".join(record.columns) or "nothing but execution_id"
    sys.stdout.write(f"{client}: no difference; {compared}; compared: {columns}\n")


class _Comparison:
    """Reads both sides; counts what it reads."""

    def __init__(self, files: ClientFiles, record: OwnRecord) -> None:
        self.own = 0
        self.ours = 0
        self.outside = 0
        self._files = files
        self._record = record

    def differences(self, keys: list[tuple[str, str]]) -> Iterator[Difference]:
        reconciliation = Reconciliation()
        for record in self._record.records():
            self.own += 1
            twice = reconciliation.take(record)
            if twice is not None:
                yield twice
        settled_net = set()
        for kind, key in keys:
            for record, is_net in self._ours(kind, key):
                self.ours += kind == _CONFIRM
                if is_net:
                    settled_net.add(record.execution_id)
                yield from reconciliation.compare(kind, record)
        yield from self._missing(reconciliation, _CONFIRM, keys, None)
        if any(kind == _NET for kind, _ in keys):
            yield from self._missing(reconciliation, _NET, keys, settled_net)

    def _ours(self, kind: str, key: str) -> Iterator[tuple[Record, bool]]:
        """Give a file's rows, and whether they are net-settled."""
        columns = execution_confirm.HEADER if kind == _CONFIRM else NET_SETTLEMENT_HEADER
        for line, row in self._files.rows(key, columns, _HEADER_LINES[kind]):
            facts = {**row}
            if kind == _NET:
                facts["net_money"] = row["net_amount"].removeprefix("-")
            self._check(key, line, row)
            yield Record(row["execution_id"], facts, key), kind == _CONFIRM and not row["tpj_id"]

    def _check(self, key: str, line: int, row: Row) -> None:
        for column in ("commission", "net_money", "net_amount", "gross"):
            if column in row:
                self._files.cents(key, line, column, row[column])

    def _missing(
        self,
        reconciliation: Reconciliation,
        kind: str,
        keys: list[tuple[str, str]],
        only: set[str] | None,
    ) -> Iterator[Difference]:
        periods = [self._files.period(key) for of_kind, key in keys if of_kind == kind]
        for record in reconciliation.missing(kind):
            if only is not None and record.execution_id not in only:
                continue
            at = record.facts.get("executed_at")
            if at is not None and not _inside(micros(at), periods):
                self.outside += kind == _CONFIRM
                continue
            yield Difference(record.execution_id, MISSING_HERE, "", "", kind, record.place)


def _inside(at: Micros, periods: list[tuple[Micros, Micros]]) -> bool:
    return any(since <= at < until for since, until in periods)
