"""`settle buying-power`: what each customer may spend, worked out as a client does."""

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from schemas.instant import Micros, micros, milliseconds_text
from schemas.money import CENTS_DECIMALS, reread, usd
from schemas.printable import printable
from scripts.client_files import ClientFiles
from scripts.client_options import Client, Maps, Source
from scripts.errors import Failure
from scripts.own_record import OwnRecord, columns_named
from scripts.progress import byte_progress
from settlement.buying_power import AgedCall, SettledCash, Trade, buying_power
from settlement.calendar import chicago
from settlement.reports import aged_tpj, cash_balance, execution_confirm

HEADER = "account_id,settled,unpaid_calls,bought,sold,buying_power"
# The START_OF_DAY of domain.md section 3.
_CUT = (16, 40)


def buying_power_command(
    source: Source,
    client: Client,
    date: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="YYYY-MM-DD",
            help="As of 16:40 in Chicago on this date. (default: the newest date of which both"
            " the cash balance and the official aged file are there)",
        ),
    ] = None,
    executions: Annotated[
        Path | None,
        typer.Option(
            metavar="OWN.csv",
            help="Your own executions; those since the cut count. Columns: execution_id,"
            " account_id, side, net_money, executed_at.",
        ),
    ] = None,
    maps: Maps = None,
) -> None:
    """Work out each customer's buying power from the client's files alone.

    Settled cash at the last 16:40, less what was called and not paid by then,
    less buys and plus sells executed since. Sells that failed to be credited
    are not counted on. Marketplace accounts only: those of the cash balance
    file. Executions since the cut are those of later execution confirms (there
    are none until the next 16:40) and those of --executions.

    Prints a CSV of account_id,settled,unpaid_calls,bought,sold,buying_power.

    Example: settle buying-power --from out/replay --client ALFA
    """
    named = columns_named(maps or [])
    files = ClientFiles(source, client)
    day, aged_key, cash_key = _cut(files, date and date.date())
    cut = chicago(day, *_CUT)
    confirms = [key for confirmed, key in files.confirms() if date is None and confirmed > day]
    own = None
    if executions is not None:
        own = OwnRecord(executions, named, ("account_id", "side", "net_money", "executed_at"))
    elif maps:
        raise typer.BadParameter("goes with --executions only", param_hint="--map")
    with ExitStack() as stack:
        keys = [aged_key, cash_key, *confirms]
        files.tell = stack.enter_context(byte_progress("reading", sum(map(files.size, keys))))
        trades = _Trades(files, confirms, own, cut)
        powers, unknown = buying_power(
            _cash(files, cash_key), _aged(files, aged_key), trades.since_the_cut()
        )
    sys.stdout.write(f"{HEADER}\n")
    for power in powers:
        sys.stdout.write(
            f"{printable(power.account_id)},{usd(power.settled)},{usd(power.unpaid)},{usd(power.bought)},"
            f"{usd(power.sold)},{usd(power.amount)}\n"
        )
    sys.stdout.flush()
    total = usd(sum(power.amount for power in powers))
    sys.stderr.write(
        f"{client}: {len(powers):,} accounts as of {milliseconds_text(cut)} (16:40 in Chicago) and"
        f" {trades.count:,} executions since: {total} USD\n"
    )
    if unknown:
        sys.stderr.write(
            f"left out: {len(unknown):,} accounts that are not in the cash balance file (no"
            f" Marketplace accounts, or opened since), e.g. {printable(min(unknown))}\n"
        )


class _Trades:
    """Executions since the cut, each once: those of our files first, they know more."""

    def __init__(
        self, files: ClientFiles, confirms: list[str], own: OwnRecord | None, cut: Micros
    ) -> None:
        self.count = 0
        self._files = files
        self._confirms = confirms
        self._own = own
        self._cut = cut

    def since_the_cut(self) -> Iterator[Trade]:
        seen = set()
        for key in self._confirms:
            for line, row in self._files.rows(key, execution_confirm.HEADER, header_lines=1):
                net_money = self._files.cents(key, line, "net_money", row["net_money"])
                seen.add(row["execution_id"])
                self.count += 1
                yield Trade(
                    row["account_id"],
                    row["side"] == "BUY",
                    net_money,
                    credited=row["tpj_status"] == "SETTLED",
                )
        if self._own is None:
            return
        for record in self._own.records():
            facts = record.facts
            if record.execution_id in seen or micros(facts["executed_at"]) < self._cut:
                continue
            seen.add(record.execution_id)
            self.count += 1
            net_money = reread(facts["net_money"], CENTS_DECIMALS)
            yield Trade(facts["account_id"], facts["side"] == "BUY", net_money)


def _cut(files: ClientFiles, date: dt.date | None) -> tuple[dt.date, str, str]:
    """Return the date of the cut, and the keys of its aged and cash balance files."""
    dated = [(day, key) for day, key in files.sod_aged() if date in {None, day}]
    for day, key in reversed(dated):
        cash_key = files.cash_balance(day)
        if cash_key is not None:
            return day, key, cash_key
    missing = "cash balance" if dated else "official aged"
    when = "" if date is None else f" of {date}"
    why = " (only clients with Marketplace accounts get one)" if dated else ""
    raise Failure(f"{files.at('')}: there is no {missing} file{when} of {files.client}{why}")


def _cash(files: ClientFiles, key: str) -> Iterator[SettledCash]:
    for line, row in files.rows(key, cash_balance.HEADER):
        settled = files.cents(key, line, "Settled Amount", row["Settled Amount"])
        yield SettledCash(row["Partner Party Ref"], settled)


def _aged(files: ClientFiles, key: str) -> Iterator[AgedCall]:
    for line, row in files.rows(key, aged_tpj.HEADER):
        direction = row["direction"]
        if direction not in {"WITHDRAWAL", "DEPOSIT"}:
            raise files.no_such(key, line, f"direction {direction!r}")
        notional = files.cents(key, line, "notional", row["notional"])
        yield AgedCall(
            row["account_id"], "DEPOSIT" if direction == "DEPOSIT" else "WITHDRAWAL", notional
        )
