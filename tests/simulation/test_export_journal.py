"""`settle export-journal`: other people's programs find our balances, to the cent."""

import csv
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from beancount import loader
from beancount.core.data import Transaction
from typer.testing import CliRunner

from replay.bookkeeping.beancount import account_name, commodity
from replay.generate.day import write_generated_day
from replay.generate.options import DayOptions
from scripts.errors import Failure
from scripts.export_journal import export_journal
from scripts.replay import run_replay

app = typer.Typer()
app.command()(export_journal)

# ledger account, asset -> balance; those of zero left out
Balances = dict[tuple[str, str], Decimal]


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("books")
    options = DayOptions(seed=11, accounts=100, orders=600, quote_interval_ms=300_000)
    write_generated_day(options, root / "day.jsonl")
    run_replay([str(root / "day.jsonl")], root / "out", None)
    return root / "out"


def events(replayed: Path, topic: str) -> Iterator[dict[str, Any]]:
    with (replayed / f"topics/{topic}.jsonl").open("rb") as lines:
        yield from map(orjson.loads, lines)


@pytest.fixture(scope="module")
def ours(replayed: Path) -> Balances:
    """What the journal adds up to; customers' accounts are as `balances` last said."""
    totals: Balances = defaultdict(Decimal)
    for entry in events(replayed, "journal"):
        for posting in entry["postings"]:
            totals[posting["account"], posting["asset"]] += Decimal(posting["amount"])
    said: Balances = {}
    for balance in events(replayed, "balances"):
        own = f"customer:{balance['account_id']}:"
        for ledger, field in (
            ("cash", "settled"),
            ("pending", "unsettled"),
            ("withdrawing", "withdrawing"),
            ("owed", "owed"),
        ):
            said[own + ledger, "USD"] = Decimal(balance[field])
        for asset, units in balance["positions"].items():
            said[own + asset, asset] = Decimal(units)
    assert without_zeros(said) == {
        key: total for key, total in without_zeros(totals).items() if key[0].startswith("customer:")
    }
    assert len(said) > 300
    return without_zeros(totals)


def without_zeros(balances: Balances) -> Balances:
    return {key: amount for key, amount in balances.items() if amount}


def export(replayed: Path, form: str, out: Path) -> Path:
    done = CliRunner().invoke(app, [str(replayed), "--format", form, "--out", str(out)])
    assert done.exit_code == 0
    assert done.stdout.endswith(f"accounts, as {form}\n")
    return out


def test_beancount_finds_our_balances(replayed: Path, ours: Balances, tmp_path: Path) -> None:
    exported = export(replayed, "beancount", tmp_path / "journal.beancount")
    entries, errors, _ = loader.load_file(str(exported))
    assert errors == []
    totals: Balances = defaultdict(Decimal)
    count = 0
    for entry in entries:
        if isinstance(entry, Transaction):
            count += 1
            for posting in entry.postings:
                assert posting.units is not None
                assert posting.units.number is not None
                totals[posting.account, posting.units.currency] += posting.units.number
    assert count == sum(1 for _ in events(replayed, "journal"))
    assert without_zeros(totals) == {
        (account_name(account), commodity(asset)): amount
        for (account, asset), amount in ours.items()
    }


def test_beancount_notices_a_cent(replayed: Path, tmp_path: Path) -> None:
    """The comparison above is only worth something if beancount checks each entry itself."""
    exported = export(replayed, "beancount", tmp_path / "journal.beancount")
    text = exported.read_text()
    at = text.index(" USD\n")
    changed = Decimal(text[text.rindex(" ", 0, at) : at].strip()) + Decimal("0.01")
    exported.write_text(f"{text[: text.rindex(' ', 0, at)]} {changed}{text[at:]}")
    _, errors, _ = loader.load_file(str(exported))
    assert [type(error).__name__ for error in errors] == ["ValidationError"]


@pytest.mark.skipif(shutil.which("hledger") is None, reason="hledger is not installed here")
def test_hledger_finds_our_balances(replayed: Path, ours: Balances, tmp_path: Path) -> None:
    exported = export(replayed, "hledger", tmp_path / "books.journal")

    def hledger(*arguments: str) -> str:
        command = ["hledger", "-f", str(exported), *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    hledger("check", "-s")
    printed = hledger("bal", "--layout=bare", "-O", "csv", "--no-total")
    rows = csv.DictReader(printed.splitlines())
    assert {
        (row["account"], row["commodity"]): Decimal(row["balance"].replace(",", "")) for row in rows
    } == ours


def test_the_table_adds_up_to_our_balances(replayed: Path, ours: Balances, tmp_path: Path) -> None:
    exported = export(replayed, "csv", tmp_path / "journal.csv")
    totals: Balances = defaultdict(Decimal)
    with exported.open(newline="") as lines:
        for row in csv.DictReader(lines):
            totals[row["account"], row["asset"]] += Decimal(row["amount"])
    assert without_zeros(totals) == ours


def test_no_journal_is_one_clear_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [str(tmp_path / "none"), "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, Failure)
    assert str(done.exception) == (
        f"{tmp_path}/none/topics/journal.jsonl: No such file or directory; nothing was written"
        " (DIR is what settle replay wrote)"
    )
    assert list(tmp_path.iterdir()) == []


def test_another_format_is_wrong_usage(replayed: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, [str(replayed), "--format", "ledger", "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 2
    assert list(tmp_path.iterdir()) == []
