"""No record that a task emits or stores can become too large for its topic.

Every list in a record has a limit, and every text (contract section 1). The table names, for each
kind of record, its largest size in bytes when all limits are reached at once.
"""

import string
from itertools import islice, product
from typing import Any

import orjson
import pytest

from agents.buckets import BucketRefusedError
from agents.partition import INPUTS_PER_TRANSACTION
from pipeline.client_books import ClientBooksTask
from pipeline.client_lines import WindowCounts, WindowMarker, count_of, window_markers
from pipeline.client_nets import changed_nets, restore_net
from pipeline.delivery import Parked
from pipeline.market import MarketTask
from pipeline.report_parts import PART_BYTES, issue_parts
from pipeline.rows import CHUNK_BYTES, TaskRows
from pipeline.settlement import SettlementTask
from pipeline.task import Record
from pipeline.trading import TradingTask
from schemas.instant import Micros
from schemas.window import WindowOpened
from settlement.cause import Cause, Out, fields
from settlement.clients import Clients
from settlement.customer_account import CustomerAccount
from settlement.net_settlement import Net
from settlement.order import ASSETS_MAX
from settlement.reports.report import Report, Row
from settlement.reports.rows import MemoryRows
from settlement.working_orders import TradingAccount
from tests.pipeline_in_memory import PipelineInMemory
from tests.simulation.test_tasks import World
from topics.catalogue import (
    BATCH_BYTES_MAX,
    BBO,
    CLIENT_BOOKS_TASK,
    CLIENT_LINES,
    NET_SETTLEMENTS,
    REPORT_ISSUES,
)
from topics.decode import Refused
from topics.partition import partition_of

# A character that takes six bytes in JSON, the most of all; then four, the most of UTF-8.
WORST = ("\x01", "\U0001f4b8")
# A row of cash activity contains its ID twice (200 characters) and a reference (140).
ROW_CHARACTERS = 2 * 200 + 140 + 200
ROW_BYTES = 6 * ROW_CHARACTERS
AT: Micros = 1_772_550_000_000_000
OPENED: WindowOpened = {
    "type": "WindowOpened",
    "event_id": "0" * 32,
    "event_time": "2026-03-03T15:00:00.000000Z",
    "cause_id": "NET_SETTLEMENT@2026-03-03T15:00:00.000000Z",
    "window": "NET_SETTLEMENT",
    "scheduled_at": "2026-03-03T15:00:00.000000Z",
}
CLIENTS = ["".join(letters) for letters in product(string.ascii_uppercase, repeat=4)]
# Far above any sum of amounts below 10^12, and beyond 64 bits.
HUGE = 10**30


def assets() -> list[str]:
    return [f"{number:016}" for number in range(ASSETS_MAX)]


def market(out: Out) -> MarketTask:
    """100 providers quote the same prices, all texts and numbers as long as they can be."""
    task = MarketTask(0, 1)
    instrument = {
        "type": "InstrumentUpdated",
        "symbol": "A" * 17 + "USD",
        "base": "A" * 16,
        "quote": "USD",
        "minimum_price_increment": "0.000000000000000001",
        "minimum_quantity_increment": "0.00000001",
        "minimum_order_value": "1.00",
        "stale_after_ms": 86_400_000,
        "tradable": True,
    }
    tick = {
        "type": "PriceTick",
        "symbol": instrument["symbol"],
        "bid_price": "999999999999.123",
        "bid_size": "9999999.12345678",
        "ask_price": "999999999999.124",
        "ask_size": "9999999.12345678",
        "valid_until": "2026-03-03T15:00:59.123456Z",
    }
    head = {"event_id": WORST[0] * 200, "event_time": "2026-03-03T15:00:00.123456Z"}
    values = [("instruments", instrument)]
    values += [("price-ticks", tick | {"provider": f"{n:032}"}) for n in range(100)]
    for offset, (topic, value) in enumerate(values):
        record = Record(topic, 0, offset, 4 * 10**12, b"A", orjson.dumps(value | head))
        head_read = task.read(record)
        assert not isinstance(head_read.event, Refused)
        for _ in task.apply(head_read, out):
            pass
    return task


def symbol_state() -> bytes:
    (state,) = (value for key, value in market([]).changes() if key.startswith(b"symbol|"))
    return state or b""


def best_quote() -> bytes:
    out: Out = []
    market(out)
    return max((orjson.dumps(fields(event)) for topic, _, event in out if topic == BBO), key=len)


def task_log() -> bytes:
    spans = [[NET_SETTLEMENTS, 10**18 + n, 2000] for n in range(INPUTS_PER_TRANSACTION)]
    return orjson.dumps({"task": CLIENT_BOOKS_TASK, "partition": 9999, "spans": spans})


def parked_client() -> bytes:
    refused = BucketRefusedError("UNAVAILABLE", WORST[0] * 100_000)
    parked = Parked("k" * 100, refused.reason, refused.detail, 10**15)
    return orjson.dumps(parked._asdict())


def trading_account() -> bytes:
    task = TradingTask(0, 1)
    account = task.trading.accounts["ACME0001"] = TradingAccount("ACME0001", "ACME")
    account.positions = dict.fromkeys(assets(), HUGE + 1)
    task._touched_accounts.add("ACME0001")  # noqa: SLF001 - what an execution does
    return dict(task.changes())[b"account|ACME0001"] or b""


def customer() -> CustomerAccount:
    account = CustomerAccount("ACME0001", "ACME")
    account.cash = account.owed = account.pending = account.withdrawing = -HUGE
    for asset in assets():
        account.move_position(asset, HUGE + 1)
    return account


def settlement_account() -> bytes:
    task = SettlementTask(0, 1)
    task.settlement.accounts["ACME0001"] = customer()
    task._touched_accounts.add("ACME0001")  # noqa: SLF001 - what an execution does
    return dict(task.changes())[b"account|ACME0001"] or b""


def balance() -> bytes:
    return orjson.dumps(customer().balance(Cause("executions", "\x01" * 200, AT)))


def markers(clients: list[str], partitions: int = 1) -> list[WindowCounts | WindowMarker]:
    sent = {client: [2**63 - 1, -HUGE] for client in clients}
    return list(window_markers(OPENED, Cause("executions", "W", AT), sent, 0, partitions))


def largest_marker() -> bytes:
    return max(map(orjson.dumps, markers(CLIENTS)), key=len)


def largest_chunk() -> bytes:
    rows = TaskRows()
    for _ in range(2000):
        rows.add("ACME", "activity", WORST[0] * ROW_CHARACTERS)
    return max((value for _, value in rows.changes() if value is not None), key=len)


def largest_part() -> bytes:
    row = Row(WORST[0] * ROW_CHARACTERS, 0)
    report = Report("ACME", "CASH_ACTIVITY", "key", ("header",), iter([row] * 2000))
    out: Any = []
    issue_parts(report, Cause("executions", "W", AT), out)
    return max((orjson.dumps(event) for _, _, event in out), key=len)


@pytest.mark.parametrize(
    ("largest", "bytes_max"),
    [
        # 100 quotes x (32 of provider + 6 x 200 of ID + 128), and twice 100 x (32 + 24) shown.
        pytest.param(symbol_state, 136_000 + 12_000, id="state-of-symbol"),
        # Twice 100 x (27 + 32 + 16), and a cause of 6 x 200.
        pytest.param(best_quote, 15_000 + 2_200, id="BestQuote"),
        # 2,000 inputs, each from another topic than the one before it.
        pytest.param(task_log, 2_000 * 45 + 100, id="task-log"),
        # 512 characters of what the bucket answered.
        pytest.param(parked_client, 6 * 512 + 300, id="state-of-parked-client"),
        # 1,000 assets x (16 characters of name + 32 of quantity + 6) and the rest of the account.
        pytest.param(trading_account, 54_000 + 1_000, id="state-of-trading-account"),
        pytest.param(settlement_account, 54_000 + 1_000, id="state-of-settlement-account"),
        # The same and a cause of 200 characters.
        pytest.param(balance, 54_000 + 3_000, id="AccountBalance"),
        # 1,000 clients x (7 + 20 + 33 + 4), all counts of the 456,976 possible clients together.
        pytest.param(largest_marker, 64_000 + 1_000, id="WindowMarker-and-WindowCounts"),
        pytest.param(largest_chunk, CHUNK_BYTES, id="state-of-rows"),
        pytest.param(largest_part, PART_BYTES + ROW_BYTES + 1_000, id="ReportIssued"),
    ],
)
def test_the_largest_record_of_its_kind(largest: Any, bytes_max: int) -> None:  # noqa: ANN401 - a function
    """All limits reached, it fits, many times over; the bound is not a guess far above it."""
    size = len(largest())
    assert 0.9 * bytes_max < size <= bytes_max
    assert bytes_max < BATCH_BYTES_MAX // 4


# -- rows in chunks --------------------------------------------------------------------------------


@pytest.mark.parametrize("character", WORST)
def test_rows_of_one_commit_are_split_by_bytes_and_restored_in_their_order(character: str) -> None:
    rows, texts = TaskRows(), [f"{number}{character * 700}" for number in range(2000)]
    for text in texts:
        rows.add("ACME", "activity", text)
    chunks = list(rows.changes())
    assert sum(len(value or b"") for _, value in chunks) > BATCH_BYTES_MAX
    again = TaskRows()
    again.restore(
        [
            (int(key.rpartition(b"|")[2]), key, "ACME", "activity", orjson.loads(value or b""))
            for key, value in reversed(chunks)
        ]
    )
    assert list(again.read("ACME", "activity")) == texts
    # All chunks go with the file, and the next one has a number of its own.
    again.clear("activity")
    again.add("ACME", "activity", "new")
    *gone, (key, value) = again.changes()
    assert gone == [
        (key, None) for key, _ in sorted(chunks, key=lambda c: int(c[0].split(b"|")[3]))
    ]
    assert (key, value) == (b"rows|ACME|activity|%d" % (len(chunks) + 1), b'["new"]')


@pytest.mark.parametrize(
    ("sizes", "chunks"),
    [
        # Of a chunk two bytes are brackets; a row has two quotes, and a comma before the next one.
        pytest.param([CHUNK_BYTES - 4], 1, id="as-large-as-a-chunk"),
        pytest.param([CHUNK_BYTES - 3], 1, id="a-row-is-never-split"),
        pytest.param([1, CHUNK_BYTES - 4], 2, id="the-second-does-not-fit"),
        pytest.param([1, CHUNK_BYTES - 8], 1, id="two-fill-a-chunk"),
        pytest.param([1, CHUNK_BYTES - 7], 2, id="a-byte-too-much"),
        pytest.param([0], 1, id="an-empty-row"),
    ],
)
def test_where_a_chunk_ends(sizes: list[int], chunks: int) -> None:
    rows = TaskRows()
    for size in sizes:
        rows.add("ACME", "aged", "x" * size)
    values = [value for _, value in rows.changes()]
    assert orjson.loads(values[0] or b"")[0] == "x" * sizes[0]
    assert len(values) == chunks


def test_a_file_in_parts_is_the_same_file() -> None:
    texts = [f"{number}{WORST[1] * 700}" for number in range(1000)]
    report = Report("ACME", "CASH_ACTIVITY", "k", ("header",), (Row(text, 0) for text in texts))
    out: Any = []
    issue_parts(report, Cause("executions", "W", AT), out)
    assert {topic for topic, _, _ in out} == {REPORT_ISSUES}
    assert len(out) == 6  # 1,000 x 2,805 bytes in parts of 524,288 and a row
    assert "".join(event["text"] for _, _, event in out) == "\n".join(["header", *texts, ""])
    assert [event["part"] for _, _, event in out] == [1, 2, 3, 4, 5, 6]
    assert [event["rows"] for _, _, event in out] == [None] * 5 + [1000]


# -- markers of many clients -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clients", "records"),
    [(0, [0]), (1, [1]), (1000, [1000]), (1001, [1000, 1]), (2000, [1000] * 2)],
)
def test_counts_of_many_clients_are_split(clients: int, records: list[int]) -> None:
    made = markers(CLIENTS[:clients])
    assert [len(event["clients"]) for event in made] == records
    assert [event["type"] for event in made] == ["WindowCounts"] * (len(made) - 1) + [
        "WindowMarker"
    ]
    assert len({event["event_id"] for event in made}) == len(made)


def test_every_client_is_counted_once_in_its_own_partition() -> None:
    counted = [
        (client, event["to_partition"])
        for event in markers(CLIENTS, 4)
        for client in event["clients"]
    ]
    assert sorted(counted) == [(client, partition_of(client, 4)) for client in CLIENTS]


# -- client-books with many clients ----------------------------------------------------------------


def lines(clients: int) -> list[Record]:
    """One line of each client, then what ends the window; before them, the start of time."""
    started = {
        "type": "TimeStarted",
        "partition": 0,
        "partitions": 1,
        "first_window": OPENED["scheduled_at"],
    }
    events: list[tuple[str, Any]] = [("", started)]
    sent = {}
    for client in islice(CLIENTS, clients):
        line = {"type": "WriteOffRecovered", "amount": "1.00", "account_id": f"{client}0001"}
        events.append((client, line | {"event_time": "2026-03-03T14:00:00.000000Z"}))
        sent[client] = [1, 100]
    made = window_markers(OPENED, Cause("executions", OPENED["cause_id"], AT), sent, 0, 1)
    events += [("", marker) for marker in made]
    return [
        Record(CLIENT_LINES, 0, offset, 0, client.encode() or None, orjson.dumps(event))
        for offset, (client, event) in enumerate(events)
    ]


def restored(stored: dict[bytes, bytes]) -> ClientBooksTask:
    task = ClientBooksTask(0, 1)
    for key, value in stored.items():
        task.restore(key, value)
    task.restored()
    return task


def commit(task: ClientBooksTask, stored: dict[bytes, bytes]) -> None:
    for key, value in task.changes():
        if value is None:
            del stored[key]
        else:
            stored[key] = value


def apply(task: ClientBooksTask, record: Record) -> None:
    for _ in task.apply(task.read(record), []):
        pass


def test_a_worker_that_restarts_between_counts_and_marker_closes_the_window() -> None:
    """1,500 clients: each count has a state record of its own, and none is left in the end."""
    stored: dict[bytes, bytes] = {}
    task = restored(stored)
    for number, record in enumerate(lines(1500)):
        apply(task, record)
        if number in {700, 1499, 1500, 1501}:
            commit(task, stored)
            assert max(map(len, stored.values())) < 100_000
            task = restored(stored)
    assert task.status()["next_window"] != OPENED["scheduled_at"]
    commit(task, stored)
    assert not [key for key in stored if key.startswith((b"came|", b"ahead|"))]


def test_counts_as_an_earlier_version_stored_them_are_restored() -> None:
    """It had all counts of a source in one record; the first commit writes them one by one."""
    *before, last = lines(3)
    task = restored({})
    for record in before:
        apply(task, record)
    stored: dict[bytes, bytes] = {}
    commit(task, stored)
    counts = {name: stored.pop(name) for name in sorted(stored) if name.startswith(b"came|")}
    assert [name.split(b"|")[2] for name in counts] == [b"AAAA", b"AAAB", b"AAAC"]
    source = orjson.loads(stored[b"source|0"])
    stored[b"source|0"] = orjson.dumps([*source, {n: [1, 100] for n in ("AAAA", "AAAB", "AAAC")}])
    task = restored(stored)
    commit(task, stored)
    assert {name: stored[name] for name in counts} == counts
    assert orjson.loads(stored[b"source|0"]) == source
    apply(restored(stored), last)


@pytest.mark.parametrize("client", [0, 1200])
def test_a_count_that_differs_names_the_client(client: int) -> None:
    task = restored({})
    *records, last = lines(1500)
    del records[client + 1]
    for record in records:
        apply(task, record)
    with pytest.raises(AssertionError, match=rf"{CLIENTS[client]}: sent \[1, 100\], came None"):
        apply(task, last)


# -- sums beyond 64 bits ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "written"),
    [
        (2**63 - 1, 2**63 - 1),
        (2**63, "9223372036854775808"),
        (-(2**63), -(2**63)),
        (-(2**63) - 1, "-9223372036854775809"),
    ],
)
def test_a_total_beyond_64_bits_is_text(total: int, written: int | str) -> None:
    made = window_markers(OPENED, Cause("executions", "W", AT), {"ACME": [1, total]}, 0, 1)
    (marker,) = (orjson.loads(orjson.dumps(event)) for event in made)
    assert marker["clients"] == {"ACME": [1, written]}
    assert count_of(marker["clients"]["ACME"]) == [1, total]


@pytest.mark.parametrize("amount", [10**14, 2**63, -(2**80)])
def test_nets_and_shares_of_any_sum_are_restored(amount: int) -> None:
    clients = Clients(MemoryRows())
    net, share = clients.nets.of("ACME"), clients.shares.of("ACME")
    net.lines = {AT: (amount, 3)}
    net.advance, net.wires_in, net.wires_out = amount, amount + 1, amount + 2
    net.closed = {AT: Net(amount, 4, amount - 1)}
    share.months = {"2026-02": (amount, -amount)}
    share.carried, share.stated, share.deducted, share.paid = range(amount, amount + 4)
    clients.touched.add("ACME")
    clients.nets.touched.add(("ACME", AT))
    stored = dict(changed_nets(clients))
    again = Clients(MemoryRows())
    for key, value in stored.items():
        assert restore_net(again, key, value or b"")
    again.touched.add("ACME")
    again.nets.touched.add(("ACME", AT))
    assert dict(changed_nets(again)) == stored
    assert again.nets.of("ACME").lines == net.lines
    assert again.nets.of("ACME").closed[AT].outstanding == amount - 1
    assert again.shares.of("ACME").months == share.months


def test_five_hundred_of_the_largest_deposits_stop_no_worker() -> None:
    """After n of them the account has n x 10^14 cents; the total of its balances grows by n^2 / 2.

    500 x 501 / 2 x 10^14 = 1.25 x 10^19 is beyond 2^63 = 9.2 x 10^18.
    """
    pipeline = PipelineInMemory(1, commits=lambda: False)
    world = World(["ACME0001"])
    world.told_to(pipeline)
    pipeline.tick_clock("2026-03-03T12:00:00Z")
    for number in range(500):
        world.deposit("ACME0001", f"f{number}", "14:00:00", "999999999999.99")
    for topic, value, _ in world.lines:
        pipeline.send(topic, value)
    pipeline.tick_clock("2026-03-03T22:45:00Z")
    (cash,) = (text for name, text in pipeline.files.items() if "CashBalance" in name)
    # 500 x 999,999,999,999.99
    assert b"499999999999995.00" in cash
