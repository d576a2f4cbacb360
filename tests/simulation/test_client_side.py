"""The client's side: buying power and reconciliation, from the files alone."""

import csv
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner, Result

from replay.generate.day import write_generated_day
from replay.generate.options import DayOptions
from schemas.instant import micros
from scripts.buying_power import buying_power_command
from scripts.errors import Failure
from scripts.reconcile import reconcile
from scripts.replay import run_replay

app = typer.Typer()
app.command("buying-power")(buying_power_command)
app.command("reconcile")(reconcile)

Event = dict[str, Any]
Row = dict[str, str]

# 40 hours from midnight in Chicago: an official cut at 16:40 of the first day and trading after it.
HOURS = 40
DATE = "2026-03-02"
CUT = "2026-03-02T22:40:00.000000Z"
NEXT_CUT = "2026-03-03T22:40:00.000000Z"


@pytest.fixture(scope="module", params=[21, 22])
def replayed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("client")
    options = DayOptions(
        request.param, accounts=100, hours=HOURS, orders=1500, quote_interval_ms=300_000
    )
    write_generated_day(options, root / "day.jsonl")
    run_replay([str(root / "day.jsonl")], root / "out", None)
    return root / "out"


def events(replayed: Path, topic: str) -> Iterator[Event]:
    with (replayed / f"topics/{topic}.jsonl").open("rb") as lines:
        yield from map(orjson.loads, lines)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def failure(result: Result) -> str:
    assert isinstance(result.exception, Failure), result
    return str(result.exception)


def clients(replayed: Path) -> list[str]:
    return sorted(path.name for path in (replayed / "s3").iterdir())


def buying_power_of_all(replayed: Path, *arguments: object) -> dict[str, Decimal]:
    powers = {}
    for client in clients(replayed):
        printed = run("buying-power", "--from", replayed, "--client", client, *arguments)
        if printed.exit_code:
            # A client that was never announced gets no aged files, one without Marketplace no cash.
            missing = "official aged" if client == "NONE" else "cash balance"
            assert f"there is no {missing} file" in failure(printed)
            continue
        for row in csv.DictReader(printed.stdout.splitlines()):
            powers[row["account_id"]] = Decimal(row["buying_power"])
    return powers


def published(replayed: Path, before: str) -> dict[str, Decimal]:
    """What `balances` said last of each account before a time, where it says a buying power."""
    last = {
        balance["account_id"]: balance["buying_power"]
        for balance in events(replayed, "balances")
        if balance["event_time"] < before
    }
    return {account: Decimal(amount) for account, amount in last.items() if amount is not None}


# --- buying power ---------------------------------------------------------------------------


def test_right_after_the_cut_it_is_what_balances_says(replayed: Path) -> None:
    """Every account that has a published buying power, to the cent.

    Beside them the file has Marketplace accounts to which nothing has happened, and accounts of
    other models with money left.
    """
    from_files = buying_power_of_all(replayed, "--date", DATE)
    said = published(replayed, CUT)
    assert len(said) > 40
    assert min(said.values()) < 0  # somebody owes
    assert {account: from_files[account] for account in said} == said
    with_balance = {e["account_id"] for e in events(replayed, "balances") if e["event_time"] < CUT}
    idle = from_files.keys() - with_balance
    assert {from_files[account] for account in idle} <= {Decimal(0)}
    left = {
        balance["account_id"]: Decimal(balance["settled"])
        for balance in events(replayed, "balances")
        if balance["event_time"] < CUT and balance["account_id"] not in said
    }
    others = from_files.keys() - said.keys() - idle
    assert others
    assert min(left[account] for account in others) > 0


def own_executions(replayed: Path, target: Path, **renamed: str) -> Path:
    fields = ["execution_id", "account_id", "side", "net_money", "executed_at"]
    with target.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow([renamed.get(field, field) for field in fields])
        for event in events(replayed, "executions"):
            if event["type"] == "Execution":
                rows.writerow([{**event, "executed_at": event["event_time"]}[f] for f in fields])
    return target


def test_later_it_differs_by_what_the_files_cannot_know(replayed: Path, tmp_path: Path) -> None:
    """How it goes on with the client's own executions since the cut.

    What was published is that
    + deposits, withdrawals and adjustments since the cut
    + credits that failed before the cut and came since, - credits since the cut that failed
    + calls written off since the cut.
    """
    own = own_executions(replayed, tmp_path / "own.csv")
    from_files = buying_power_of_all(replayed, "--date", DATE, "--executions", own)
    said = published(replayed, "9999")
    unseen: dict[str, Decimal] = defaultdict(Decimal)
    for entry in events(replayed, "journal"):
        ledgers = {posting["account"] for posting in entry["postings"]}
        if entry["event_time"] >= CUT and f"customer:{entry['account_id']}:owed" not in ledgers:
            for posting in entry["postings"]:
                if posting["account"] == f"customer:{entry['account_id']}:cash":
                    unseen[entry["account_id"]] += Decimal(posting["amount"])
    executed = {
        event["execution_id"]: event
        for event in events(replayed, "executions")
        if event["type"] == "Execution"
    }
    credited = set()
    for call in events(replayed, "cash-calls"):
        before = executed[call["execution_id"]]["event_time"] < CUT
        if call["type"] == "CashCallSettled" and call["direction"] == "DEPOSIT":
            credited.add(call["execution_id"])
            if before and call["event_time"] >= CUT:
                unseen[call["account_id"]] += Decimal(call["amount"])
        if call["type"] == "CashCallWrittenOff" and call["event_time"] >= CUT:
            unseen[call["account_id"]] += Decimal(call["amount"])
    active = set()
    for execution_id, event in executed.items():
        if event["event_time"] >= CUT:
            active.add(event["account_id"])
            if event["side"] == "SELL" and execution_id not in credited:
                unseen[event["account_id"]] -= Decimal(event["net_money"])
    compared = from_files.keys() & said.keys()
    assert {account: from_files[account] + unseen[account] for account in compared} == {
        account: said[account] for account in compared
    }
    # Where nothing of that kind happened, the two are equal, also after trading on.
    assert len([account for account in compared & active if not unseen[account]]) > 20


def test_executions_of_a_later_confirm_count_by_themselves(replayed: Path, tmp_path: Path) -> None:
    """A bucket that has the next day's confirm already, and not yet its balances."""
    bucket = tmp_path / "bucket"
    shutil.copytree(replayed / "s3", bucket / "s3")
    own = own_executions(replayed, tmp_path / "own.csv")
    expected = buying_power_of_all(replayed, "--date", DATE, "--executions", own)
    run_replay([str(replayed.parent / "day.jsonl")], tmp_path / "longer", micros(NEXT_CUT))
    for confirm in (tmp_path / "longer/s3").glob("*/execution_confirm/2026-03-03*"):
        shutil.copy(confirm, bucket / confirm.relative_to(tmp_path / "longer"))
    assert buying_power_of_all(bucket) == expected
    # The client's own record of the same executions adds nothing.
    assert buying_power_of_all(bucket, "--executions", own) == expected


def test_columns_of_other_names(replayed: Path, tmp_path: Path) -> None:
    plain = own_executions(replayed, tmp_path / "plain.csv")
    other = own_executions(replayed, tmp_path / "other.csv", net_money="cash", execution_id="ref")
    maps = ("--map", "net_money=cash", "--map", "execution_id=ref")
    assert buying_power_of_all(replayed, "--executions", other, *maps) == buying_power_of_all(
        replayed, "--executions", plain
    )


def test_the_clients_own_folder_is_as_good_as_all(replayed: Path) -> None:
    printed = [
        run("buying-power", "--from", source, "--client", "ALFA")
        for source in (replayed, replayed / "s3", replayed / "s3/ALFA", f"file:{replayed}/s3")
    ]
    assert {done.exit_code for done in printed} == {0}
    assert len({done.stdout for done in printed}) == 1
    assert printed[0].stderr.startswith("ALFA: ")
    assert f"as of {CUT[:-4]}Z (16:40 in Chicago) and 0 executions since" in printed[0].stderr


# --- reconciliation -------------------------------------------------------------------------

OWN_FIELDS = (
    "execution_id",
    "account_id",
    "client_order_id",
    "symbol",
    "side",
    "quantity",
    "price",
    "commission",
    "net_money",
    "executed_at",
)


def own_record(replayed: Path, client: str, until: str = CUT) -> list[Row]:
    """What a client that listens to `executions` has, up to a time."""
    return [
        {field: {**e, "executed_at": e["event_time"]}[field] for field in OWN_FIELDS}
        for e in events(replayed, "executions")
        if e["type"] == "Execution" and e["client"] == client and e["event_time"] < until
    ]


def written(path: Path, rows: list[Row]) -> Path:
    with path.open("w", newline="") as out:
        table = csv.DictWriter(out, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def test_a_record_that_is_right_has_no_difference(replayed: Path, tmp_path: Path) -> None:
    for client in ("ALFA", "BRVO", "CHAR"):
        rows = own_record(replayed, client)
        assert len(rows) > 50
        own = written(tmp_path / f"{client}.csv", rows)
        done = run("reconcile", own, "--from", replayed, "--client", client)
        assert done.exit_code == 0, done.stdout
        assert done.stdout == (
            f"{client}: no difference; {len(rows):,} executions in {own}, {len(rows):,} in 1 files;"
            " compared: account_id, client_order_id, symbol, side, quantity, price, commission,"
            " net_money, executed_at\n"
        )


def net_record(replayed: Path, client: str) -> list[Row]:
    """What a net client has: gross, and what it is to pay, signed."""
    signs = {"BUY": "", "SELL": "-"}
    return [
        {
            "execution_id": e["execution_id"],
            "gross": e["gross"],
            "net_amount": signs[e["side"]] + e["net_money"],
            "executed_at": e["event_time"],
        }
        for e in events(replayed, "executions")
        if e["type"] == "Execution" and e["client"] == client and e["event_time"] < CUT
    ]


@pytest.mark.parametrize("client", ["FOXT", "GOLF", "JULI"])
def test_net_settlements_are_compared_too(client: str, replayed: Path, tmp_path: Path) -> None:
    rows = net_record(replayed, client)
    own = written(tmp_path / "own.csv", rows)
    done = run("reconcile", own, "--from", replayed, "--client", client, "--until", DATE)
    assert done.exit_code == 0, done.stdout
    # The window of 09:00 has closed, the confirm is of 16:40: net rows of both are compared.
    (key,) = (replayed / "s3" / client / "eod_settlement").glob("02_*_NET_SETTLEMENT_????.csv")
    settled = {line.split(",")[1] for line in key.read_text().splitlines()[4:]}
    assert settled
    (first, *_) = [number for number, row in enumerate(rows) if row["execution_id"] in settled]
    sign = "" if rows[first]["net_amount"].startswith("-") else "-"
    rows[first]["net_amount"] = sign + rows[first]["net_amount"].removeprefix("-")
    rows[first]["gross"] = "0.01"
    done = run(
        "reconcile", written(own, rows), "--from", replayed, "--client", client, "--until", DATE
    )
    named = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["difference"] for row in named] == ["GROSS", "NET_AMOUNT"]
    assert {row["file"] for row in named} == {f"eod_settlement/{key.name}"}
    # Taken out of the net settlement file: missing here, though the confirm has it.
    bucket = tmp_path / client
    shutil.copytree(replayed / "s3" / client, bucket)
    lost = bucket / "eod_settlement" / key.name
    kept = lost.read_text().splitlines(keepends=True)
    lost.write_text("".join(line for line in kept if rows[first]["execution_id"] not in line))
    own = written(own, net_record(replayed, client))
    done = run("reconcile", own, "--from", bucket, "--client", client, "--until", DATE)
    (row,) = csv.DictReader(done.stdout.splitlines())
    assert (row["difference"], row["file"]) == ("MISSING_HERE", "net settlement")
    assert row["execution_id"] == rows[first]["execution_id"]


def test_executions_since_the_last_file_are_left_alone(replayed: Path, tmp_path: Path) -> None:
    rows = own_record(replayed, "ALFA", until="9999")
    inside = sum(row["executed_at"] < CUT for row in rows)
    assert inside < len(rows)
    own = written(tmp_path / "own.csv", rows)
    done = run("reconcile", own, "--from", replayed, "--client", "ALFA")
    assert done.exit_code == 0
    assert f"{len(rows) - inside} of {own} outside the files' period" in done.stdout


def _changed(**fields: str) -> Callable[[list[Row]], object]:
    return lambda rows: rows[3].update(fields)


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        pytest.param(lambda rows: rows.pop(3), "MISSING_THERE", id="not-in-the-record"),
        pytest.param(_changed(execution_id="o-1"), "MISSING_HERE", id="not-in-our-files"),
        pytest.param(lambda rows: rows.append(rows[3]), "TWICE_THERE", id="booked-twice"),
        pytest.param(_changed(quantity="12.5"), "QUANTITY", id="quantity"),
        pytest.param(_changed(price="1.00"), "PRICE", id="price"),
        pytest.param(_changed(commission="99.99"), "COMMISSION", id="commission"),
        pytest.param(_changed(net_money="0.01"), "NET_MONEY", id="net-money"),
        pytest.param(_changed(symbol="DOGEUSD"), "SYMBOL", id="symbol"),
        pytest.param(
            lambda rows: rows[3].update(side="SELL" if rows[3]["side"] == "BUY" else "BUY"),
            "SIDE",
            id="side",
        ),
    ],
)
def test_each_difference_is_named_and_the_last_line_counts_them(
    damage: Callable[[list[Row]], object], what: str, replayed: Path, tmp_path: Path
) -> None:
    rows = own_record(replayed, "ALFA")
    execution_id = rows[3]["execution_id"]
    damage(rows)
    own = written(tmp_path / "own.csv", rows)
    done = run("reconcile", own, "--from", replayed, "--client", "ALFA")
    named = list(csv.DictReader(done.stdout.splitlines()))
    by_kind = {row["difference"]: row for row in named}
    assert by_kind[what]["execution_id"] in {execution_id, "o-1"}
    if what != "MISSING_THERE":
        line = "line 5" if what != "TWICE_THERE" else f"line {len(rows) + 1}"
        assert by_kind[what]["own_line"] == line
    # An id that nobody knows is missing on both sides.
    assert len(named) == (2 if what == "MISSING_HERE" else 1)
    counts = ", ".join(f"1 {kind}" for kind in sorted(by_kind))
    assert failure(done).startswith(f"ALFA: {len(named)} differences: {counts}; ")


def test_other_names_of_columns_and_dates(replayed: Path, tmp_path: Path) -> None:
    rows = [{"ref": r["execution_id"], "px": r["price"]} for r in own_record(replayed, "ALFA")]
    own = written(tmp_path / "own.csv", rows)
    maps = ("--map", "execution_id=ref", "--map", "price=px")
    done = run("reconcile", own, "--from", replayed, "--client", "ALFA", *maps)
    assert done.exit_code == 0
    assert done.stdout.endswith("compared: price\n")
    done = run("reconcile", own, "--from", replayed, "--client", "ALFA", *maps, "--since", DATE)
    assert done.exit_code == 0
    done = run(
        "reconcile", own, "--from", replayed, "--client", "ALFA", *maps, "--until", "2026-03-01"
    )
    assert "no execution confirm of ALFA is there" in failure(done)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "line 1: the column execution_id is missing", id="empty"),
        pytest.param(b"id,price\n", "line 1: the column execution_id is missing", id="no-id"),
        pytest.param(
            b"execution_id,price\na,1.00,x\n", "line 2: 3 fields where 2 are named", id="fields"
        ),
        pytest.param(
            b"execution_id,price\na,1.00\nb,1e5\n", "line 3: price '1e5' is no plain", id="number"
        ),
        pytest.param(b"execution_id,side\na,HOLD\n", "line 2: side 'HOLD' is neither", id="side"),
        pytest.param(
            b"execution_id,net_money\na,1.005\n", "line 2: net_money: 1.005 has", id="cents"
        ),
        pytest.param(
            b"execution_id,executed_at\na,yesterday\n", "line 2: executed_at 'yest", id="time"
        ),
        pytest.param(b"execution_id,price\na,\xff\n", "line 2: not UTF-8", id="not-text"),
        pytest.param(b'execution_id,price\na,"1.00\n', "line 2: unexpected end", id="quote"),
        pytest.param(b"execution_id,price\n,1.00\n", "line 2: no execution_id", id="no-value"),
    ],
)
def test_a_bad_record_is_one_clear_line(
    content: bytes, says: str, replayed: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.csv"
    own.write_bytes(content)
    message = failure(run("reconcile", own, "--from", replayed, "--client", "ALFA"))
    assert message.startswith(f"{own}, {says}")
    assert "\n" not in message


# --- both -----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["buying-power", "reconcile"])
def test_what_is_not_there_is_one_clear_line(command: str, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("execution_id\n")
    arguments = [own] if command == "reconcile" else []
    nowhere = tmp_path / "nowhere"
    done = run(command, *arguments, "--from", nowhere, "--client", "ALFA")
    assert failure(done) == f"{nowhere}: no such folder"
    assert "there" in failure(run(command, *arguments, "--from", tmp_path, "--client", "ALFA"))
    assert run(command, *arguments, "--from", tmp_path, "--client", "alfa").exit_code == 2
    done = run(command, *arguments, "--from", "s3://", "--client", "ALFA")
    assert failure(done).startswith("--from: neither")


def test_a_file_that_is_not_ours_is_named_with_its_line(replayed: Path, tmp_path: Path) -> None:
    bucket = tmp_path / "ALFA"
    shutil.copytree(replayed / "s3/ALFA", bucket)
    aged = bucket / f"sod_tpj_aging/{DATE}_sod_aged_tpj.csv"
    aged.write_text(aged.read_text() + "ALF00001,x,y\n")
    lines = len(aged.read_text().splitlines())
    done = run("buying-power", "--from", bucket, "--client", "ALFA")
    assert failure(done) == (
        f"{aged}, line {lines}: 3 fields where 12 are named; is this a file that settle issued?"
    )
