"""Ledger accounts, assets and entries in the words of bookkeeping programs."""

import gzip
from pathlib import Path

import orjson
import pytest

from replay.bookkeeping.beancount import account_name
from replay.bookkeeping.beancount import commodity as beancount_commodity
from replay.bookkeeping.export import export_journal
from replay.bookkeeping.hledger import commodity as hledger_commodity
from replay.quotes import UnreadableFileError
from schemas.journal import JournalEntry

# A buy of 0.5 coin for 10.00, and a client's entry.
BOUGHT: JournalEntry = {
    "type": "JournalEntry",
    "event_id": "ab" * 16,
    "event_time": "2026-03-03T05:59:59.999999Z",  # still the 2nd in Chicago
    "cause_id": 'any "text"\n of a producer',
    "entry_id": "ab" * 16,
    "account_id": "ACME0001",
    "client": "ACME",
    "postings": [
        {"account": "customer:ACME0001:owed", "asset": "USD", "amount": "-10.00"},
        {"account": "bfs:usd", "asset": "USD", "amount": "10.00"},
        {"account": "bfs:1INCH", "asset": "1INCH", "amount": "-0.5"},
        {"account": "customer:ACME0001:1INCH", "asset": "1INCH", "amount": "0.5"},
    ],
}
PAID: JournalEntry = {
    **BOUGHT,
    "event_id": "cd" * 16,
    "entry_id": "cd" * 16,
    "account_id": None,
    "postings": [
        {"account": "client:ACME:net", "asset": "USD", "amount": "10.00"},
        {"account": "bfs:usd", "asset": "USD", "amount": "-10.00"},
    ],
}


@pytest.mark.parametrize(
    ("account", "name"),
    [
        pytest.param("customer:ACME0001:cash", "Assets:Customer:ACME0001:Cash", id="cash"),
        pytest.param("customer:ACME0001:CASH", "Assets:Customer:ACME0001:CASH", id="coin-CASH"),
        pytest.param("customer:1CME0001:BTC", "Assets:Customer:1CME0001:BTC", id="digit-first"),
        pytest.param("client:ACME:net", "Assets:Client:ACME:Net", id="client"),
        pytest.param("bfs:usd", "Assets:Bfs:Usd", id="bfs"),
        pytest.param("revenue:ach_fee:ACME", "Income:Revenue:Ach-fee:ACME", id="underscore"),
        pytest.param("writeoff:platform", "Expenses:Writeoff:Platform", id="write-off"),
        pytest.param("adjustment:ACME", "Expenses:Adjustment:ACME", id="adjustment"),
        pytest.param("bank:fbo", "Assets:Bank:Fbo", id="bank"),
        pytest.param("world:customers", "Equity:World:Customers", id="world"),
    ],
)
def test_account_names_in_beancount(account: str, name: str) -> None:
    assert account_name(account) == name


@pytest.mark.parametrize(
    ("asset", "beancount", "hledger"),
    [
        pytest.param("BTC", "BTC", "BTC", id="plain"),
        pytest.param("1INCH", "ASSET.1INCH", '"1INCH"', id="digit-first"),
        pytest.param("C98", "C98", '"C98"', id="digit-inside"),
        pytest.param("TRUE", "ASSET.TRUE", "TRUE", id="a-word-of-beancount"),
        pytest.param("0", "ASSET.0", '"0"', id="a-digit"),
    ],
)
def test_asset_names(asset: str, beancount: str, hledger: str) -> None:
    assert beancount_commodity(asset) == beancount
    assert hledger_commodity(asset) == hledger


def exported(folder: Path, kind: str, *lines: object) -> str:
    (folder / "topics").mkdir()
    (folder / "topics/journal.jsonl").write_bytes(b"".join(orjson.dumps(e) + b"\n" for e in lines))
    target = folder / "out"
    export_journal(folder, kind, target)
    return target.read_text()


def test_beancount_opens_an_account_before_its_first_posting(tmp_path: Path) -> None:
    assert (
        exported(tmp_path, "beancount", BOUGHT, PAID)
        == f"""\
option "title" "settle"
option "operating_currency" "USD"

1970-01-01 open Assets:Customer:ACME0001:Owed

1970-01-01 open Assets:Bfs:Usd

1970-01-01 open Assets:Bfs:1INCH

1970-01-01 open Assets:Customer:ACME0001:1INCH

2026-03-02 * "ACME" "ACME0001"
  entry: "{"ab" * 16}"
  time: "2026-03-03T05:59:59.999999Z"
  Assets:Customer:ACME0001:Owed  -10.00 USD
  Assets:Bfs:Usd  10.00 USD
  Assets:Bfs:1INCH  -0.5 ASSET.1INCH
  Assets:Customer:ACME0001:1INCH  0.5 ASSET.1INCH

1970-01-01 open Assets:Client:ACME:Net

2026-03-02 * "ACME" ""
  entry: "{"cd" * 16}"
  time: "2026-03-03T05:59:59.999999Z"
  Assets:Client:ACME:Net  10.00 USD
  Assets:Bfs:Usd  -10.00 USD
"""
    )


def test_hledger_declares_what_it_uses(tmp_path: Path) -> None:
    assert (
        exported(tmp_path, "hledger", BOUGHT, PAID)
        == f"""\
; settle
decimal-mark .

account customer:ACME0001:owed

commodity 0.00 USD

account bfs:usd

account bfs:1INCH

commodity 0.00000000 "1INCH"

account customer:ACME0001:1INCH

2026-03-02 * ({"ab" * 16}) ACME ACME0001
    ; time: 2026-03-03T05:59:59.999999Z
    customer:ACME0001:owed  -10.00 USD
    bfs:usd  10.00 USD
    bfs:1INCH  -0.5 "1INCH"
    customer:ACME0001:1INCH  0.5 "1INCH"

account client:ACME:net

2026-03-02 * ({"cd" * 16}) ACME
    ; time: 2026-03-03T05:59:59.999999Z
    client:ACME:net  10.00 USD
    bfs:usd  -10.00 USD
"""
    )


def test_csv_is_a_row_a_posting(tmp_path: Path) -> None:
    assert exported(tmp_path, "csv", PAID) == (
        "entry_id,event_time,client,account_id,account,asset,amount\n"
        f"{'cd' * 16},2026-03-03T05:59:59.999999Z,ACME,,client:ACME:net,USD,10.00\n"
        f"{'cd' * 16},2026-03-03T05:59:59.999999Z,ACME,,bfs:usd,USD,-10.00\n"
    )


def test_gzip_by_its_name(tmp_path: Path) -> None:
    plain = exported(tmp_path, "csv", BOUGHT)
    export_journal(tmp_path, "csv", tmp_path / "out.gz")
    assert gzip.decompress((tmp_path / "out.gz").read_bytes()).decode() == plain


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"{", id="cut-off"),
        pytest.param(b"[]", id="no-object"),
        pytest.param(b'{"postings":[{}]}', id="no-posting"),
        pytest.param(
            orjson.dumps({**PAID, "postings": [{**PAID["postings"][0], "account": "till:1"}]}),
            id="no-account-of-ours",
        ),
        pytest.param(orjson.dumps({**PAID, "event_time": "yesterday"}), id="no-time"),
    ],
)
def test_a_damaged_journal_is_one_clear_error_and_nothing_is_written(
    line: bytes, tmp_path: Path
) -> None:
    (tmp_path / "topics").mkdir()
    (tmp_path / "topics/journal.jsonl").write_bytes(orjson.dumps(PAID) + b"\n" + line)
    with pytest.raises(UnreadableFileError, match=r"journal\.jsonl, line 2: no entry of a journal"):
        export_journal(tmp_path, "beancount", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["topics"]
