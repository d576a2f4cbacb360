"""Time (contract section 4): what starts it, what moves it, and what is due on the way."""

import datetime as dt
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from replay.engine import History
from replay.output import WrittenFile
from replay.read import read_inputs
from schemas.instant import micros
from settlement.reports.report import Report
from settlement.reports.rows import MemoryRows
from tests.story import ACCOUNT, CLIENT, SYMBOL, Happened, Story, ct, event_id

Tell = Callable[[Story], Happened]
DAYS = [
    pytest.param("2026-03-03", id="winter"),
    pytest.param("2026-07-15", id="summer"),
    pytest.param("2026-03-07", id="eve-of-spring-forward"),
    pytest.param("2026-10-31", id="eve-of-fall-back"),
    pytest.param("2024-02-28", id="eve-of-a-leap-day"),
    pytest.param("2026-12-31", id="year-end"),
]


def windows(happened: Happened) -> list[tuple[str, str]]:
    """Return name and time of the windows that opened."""
    return [(event["window"], event["scheduled_at"]) for event in happened.all("WindowOpened")]


def known(story: Story, at: str = "2026-02-20T12:00:00Z") -> Story:
    """Tell a story's reference data, long before anything else."""
    story.client(at=at)
    story.instrument(at=at, stale_after_ms=86_400_000)
    story.account(at=at)
    return story


def clock(story: Story, at: str) -> Happened:
    """Tell a `ClockTicked`."""
    return story.fact("clock", "ClockTicked", at, {"at": ct(at, story.date)})


# -- what starts time ------------------------------------------------------------------------------


STARTERS = [
    pytest.param(lambda s: s.tick("99.00", "100.00", at="12:00"), id="a-tick"),
    pytest.param(lambda s: s.funding("DepositSettled", "D1", "5.00", at="12:00"), id="a-funding"),
    pytest.param(lambda s: s.order("o1", notional="5.00", at="12:00"), id="a-rejected-order"),
    pytest.param(lambda s: s.cancel("o1", at="12:00"), id="a-cancel-of-nothing"),
    pytest.param(lambda s: clock(s, "12:00"), id="a-clock-tick"),
]


@pytest.mark.parametrize("tell", STARTERS)
def test_time_starts_with_the_first_input_that_is_not_reference_data(tell: Tell) -> None:
    """Reference data of eleven days before opened nothing; the first window is 16:30."""
    story = known(Story(known=False))
    happened = tell(story)
    assert windows(happened) == []
    assert windows(story.wait("16:30")) == [("MAINTENANCE_BEGIN", story.time("16:30"))]


@pytest.mark.parametrize(
    ("at", "first"),
    [
        pytest.param("09:00", ["NET_SETTLEMENT", "AGED_REPORT"], id="at-09:00-itself"),
        pytest.param("09:00:00.000001", ["AGED_REPORT"], id="a-microsecond-late"),
        pytest.param("08:59:59.999999", ["NET_SETTLEMENT", "AGED_REPORT"], id="just-before"),
        pytest.param("00:00", ["RETRY", "NET_SETTLEMENT", "AGED_REPORT"], id="at-midnight"),
        pytest.param("09:30", ["AGED_REPORT"], id="at-09:30"),
    ],
)
def test_the_first_window_is_the_first_at_or_after_that_input(at: str, first: list[str]) -> None:
    story = known(Story(known=False))
    clock(story, at)
    story.wait("09:30")
    assert [name for name, _ in windows(story.so_far())] == first


def test_a_window_at_the_first_input_s_time_opens_before_the_input() -> None:
    story = known(Story(known=False))
    happened = story.funding("DepositSettled", "D1", "5.00", at="09:00")
    kinds = [kind for kind in happened.types() if kind in {"WindowOpened", "JournalEntry"}]
    assert kinds == ["WindowOpened", "JournalEntry"]


def test_reference_data_alone_starts_no_time_however_late() -> None:
    story = known(Story(known=False))
    assert story.account("ACME0002", at="23:00").emitted == []
    assert story.client("BETA", at="2026-03-05T23:00:00Z").emitted == []
    assert story.history.now is None


@pytest.mark.parametrize(
    "tell",
    [
        pytest.param(lambda s: s.client("BETA", at="17:01"), id="a-client"),
        pytest.param(lambda s: s.instrument("ETHUSD", at="17:01"), id="an-instrument"),
        pytest.param(lambda s: s.account("ACME0002", at="17:01"), id="an-account"),
        pytest.param(lambda s: clock(s, "17:01"), id="a-clock-tick"),
        pytest.param(lambda s: s.tick("99.00", at="17:01"), id="a-tick"),
        pytest.param(lambda s: s.order("o1", notional="9.00", at="17:01"), id="a-rejected-order"),
        pytest.param(lambda s: s.cancel("o9", at="17:01"), id="a-cancel"),
        pytest.param(
            lambda s: s.funding("DepositInitiated", "D1", "9.00", at="17:01"), id="a-deposit"
        ),
        pytest.param(
            lambda s: s.funding("DepositInitiated", "D0", "1.00", at="17:01"), id="a-repeat"
        ),
    ],
)
def test_once_time_runs_every_input_moves_it(tell: Tell) -> None:
    story = known(Story(known=False))
    story.funding("DepositInitiated", "D0", "1.00", at="16:00")
    assert windows(tell(story)) == [
        ("MAINTENANCE_BEGIN", story.time("16:30")),
        ("START_OF_DAY", story.time("16:40")),
        ("RETRY", story.time("17:00")),
    ]


def test_an_older_tick_of_a_provider_is_ignored_and_still_moves_time() -> None:
    """Its stamp is at or before the provider's latest, so only an equal one can come in order."""
    story = known(Story(known=False))
    story.tick("99.00", "100.00", at="09:00")
    happened = story.tick("99.00", "100.00", at="09:00")
    assert happened.emitted == []
    assert story.history.now == micros(story.time("09:00"))


def test_a_clock_tick_has_no_effect_but_time() -> None:
    story = known(Story(known=False))
    assert clock(story, "12:00").emitted == []
    assert clock(story, "12:00").emitted == []  # a doubled clock changes nothing
    assert clock(story, "16:29:59.999999").emitted == []
    assert windows(clock(story, "16:30")) == [("MAINTENANCE_BEGIN", story.time("16:30"))]
    assert windows(clock(story, "16:30")) == []


# -- what is due on the way ------------------------------------------------------------------------


@pytest.mark.parametrize("date", DAYS)
def test_quiet_days_open_all_their_windows_in_order(date: str) -> None:
    """One input at 08:00 and nothing until three days later: 24 windows, at their own times."""
    story = known(Story(known=False, date=date), at="2024-01-01T12:00:00Z")
    clock(story, "08:00")
    first = dt.date.fromisoformat(date)
    days = [(first + dt.timedelta(days=later)).isoformat() for later in range(4)]
    story.date = days[3]
    happened = clock(story, "08:00")
    day = [
        ("06:00", "RETRY"),
        ("09:00", "NET_SETTLEMENT"),
        ("09:30", "AGED_REPORT"),
        ("16:30", "MAINTENANCE_BEGIN"),
        ("16:40", "START_OF_DAY"),
        ("17:00", "RETRY"),
        ("17:05", "MAINTENANCE_END"),
        ("19:30", "AGED_REPORT"),
    ]
    wanted = [(name, ct(at, date)) for date in days for at, name in day][1:-7]
    assert windows(happened) == wanted
    opened = happened.all("WindowOpened")
    assert [event["event_time"] for event in opened] == [at for _, at in wanted]


@pytest.mark.parametrize("date", DAYS)
def test_quiet_days_issue_their_files(date: str) -> None:
    """Two quiet days: the next 16:40 and 19:30, and so on, each with its files."""
    story = known(Story(known=False, date=date), at="2024-01-01T12:00:00Z")
    clock(story, "20:00")
    first = dt.date.fromisoformat(date)
    days = [first + dt.timedelta(days=later) for later in (1, 2)]
    story.date = days[1].isoformat()
    clock(story, "20:00")
    assert sorted(story.files) == sorted(
        f"{CLIENT}/{name}"
        for day in days
        for name in (
            f"tpj_aging/{day}_0930_aged_tpj.csv",
            f"tpj_aging/{day}_1930_aged_tpj.csv",
            f"sod_tpj_aging/{day}_sod_aged_tpj.csv",
            f"execution_confirm/{day}_execution_and_tpj_confirms.csv",
            f"{CLIENT}_{day}_asset_positions.csv",
            f"{CLIENT}_CashBalanceReport_{day:%m-%d-%y}.csv",
            f"{CLIENT}_CashActivityReport_{day:%m-%d-%y}.csv",
        )
    )


def test_many_small_steps_and_one_large_step_open_the_same_windows() -> None:
    small, large = known(Story(known=False)), known(Story(known=False))
    for story in (small, large):
        clock(story, "08:00")
    for minute in range(8 * 60, 20 * 60, 7):
        clock(small, f"{minute // 60:02d}:{minute % 60:02d}")
    for story in (small, large):
        clock(story, "20:00")
    assert small.so_far().on("executions") == large.so_far().on("executions")
    assert len(windows(small.so_far())) == 7
    assert small.files == large.files


def test_an_input_at_a_window_s_very_time_comes_after_it() -> None:
    """A deposit at 17:00:00.000000 is too late for the 17:00 retry, one before it is not."""
    outcomes = {}
    for at in ("16:59:59.999999", "17:00"):
        story = Story()
        story.tick("99.00", "100.00")
        story.order("o1", quantity="1")
        story.funding("DepositSettled", "D1", "100.00", at=at)
        story.wait("17:00")
        outcomes[at] = [
            event["type"]
            for event in story.so_far().on("cash-calls")
            if event["event_time"] == story.time("17:00")
        ]
    assert outcomes == {"16:59:59.999999": ["CashCallSettled"], "17:00": ["CashCallFailed"]}


def test_everything_a_decision_causes_carries_its_time() -> None:
    story = Story()
    story.tick("99.00", "100.00")
    happened = story.order("o1", quantity="0.5", at="12:34:56.789012")
    assert sorted(happened.types()) == [
        "AccountBalance",
        "CashCallFailed",
        "CashCallRequested",
        "Execution",
        "JournalEntry",
        "OrderAccepted",
        "OrderFilled",
    ]
    assert {event["event_time"] for _, event in happened.emitted} == {"2026-03-03T18:34:56.789012Z"}


# -- expiries --------------------------------------------------------------------------------------


def resting(story: Story, order_id: str, expire_time: str, at: str | None = None) -> None:
    """Tell a buy that the market does not reach, good until a time."""
    story.order(order_id, quantity="1", limit_price="95.00", expire_time=expire_time, at=at)


def due(happened: Happened) -> list[str]:
    """Return what was due, in order: windows by name, ended orders by id and reason."""
    said = []
    for event in happened.all("WindowOpened", "OrderExpired", "OrderCancelled"):
        if event["type"] == "WindowOpened":
            said.append(event["window"])
        else:
            said.append(f"{event['client_order_id']} {event['reason']}")
    return said


@pytest.mark.parametrize(
    ("expire_time", "wanted"),
    [
        pytest.param(
            "16:30:00",
            ["o1 EXPIRE_TIME", "MAINTENANCE_BEGIN"],
            id="at-the-instant-of-a-window-the-expiry-comes-first",
        ),
        pytest.param(
            "16:29:59.999999", ["o1 EXPIRE_TIME", "MAINTENANCE_BEGIN"], id="a-microsecond-before"
        ),
        pytest.param(
            "16:30:00.000001",
            ["o1 MAINTENANCE", "MAINTENANCE_BEGIN"],
            id="a-microsecond-after-maintenance-has-ended-it",
        ),
    ],
)
def test_expiries_and_windows_happen_in_time_order(expire_time: str, wanted: list[str]) -> None:
    story = Story()
    story.tick("99.00", "100.00")
    resting(story, "o1", expire_time)
    assert due(story.wait("16:35")) == wanted


def test_an_expiry_s_event_time_is_the_expiry_and_its_id_the_order_s() -> None:
    story = Story()
    story.tick("99.00", "100.00")
    story.order(
        "o1",
        quantity="1",
        limit_price="95.00",
        expire_time="13:00:00.000007",
        event_id="the order",
    )
    expired = story.wait("14:00").one("OrderExpired")
    assert expired["event_time"] == story.time("13:00:00.000007")
    assert expired["cause_id"] == "the order"
    wanted = sha256(f"orders|the order|OrderExpired|{ACCOUNT}|1".encode()).hexdigest()[:32]
    assert expired["event_id"] == wanted


def test_several_expiries_between_windows_come_in_time_order() -> None:
    """Told in another order; at the same instant by acceptance."""
    story = known(Story(known=False))
    story.tick("99.00", "100.00", at="09:10")
    resting(story, "o5", "16:00:00", at="09:11")
    resting(story, "o1", "09:30:00", at="09:12")
    resting(story, "o2", "09:30:00.000001", at="09:13")
    resting(story, "o4", "15:00:00", at="09:14")
    resting(story, "o3", "15:00:00", at="09:15")
    assert due(story.wait("16:30")) == [
        "o1 EXPIRE_TIME",
        "AGED_REPORT",
        "o2 EXPIRE_TIME",
        "o4 EXPIRE_TIME",
        "o3 EXPIRE_TIME",
        "o5 EXPIRE_TIME",
        "MAINTENANCE_BEGIN",
    ]


def test_an_order_that_expires_at_an_input_s_very_time_is_gone_before_it() -> None:
    """At 13:00:00 the market falls to the limit: too late. A microsecond before it fills."""
    for at, kind in (("13:00:00", "OrderExpired"), ("12:59:59.999999", "OrderFilled")):
        story = Story()
        story.tick("99.00", "100.00")
        resting(story, "o1", "13:00:00")
        assert story.tick("94.00", "95.00", at=at).types("order-updates") == [kind]


def test_a_cancelled_order_does_not_expire_later() -> None:
    story = Story()
    story.tick("99.00", "100.00")
    resting(story, "o1", "13:00:00")
    story.cancel("o1")
    assert story.wait("14:00").emitted == []


# -- trade dates -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "at", "trade_date"),
    [
        pytest.param("2026-03-03", "16:29:59.999999", "2026-03-03", id="before-maintenance"),
        pytest.param("2026-03-03", "17:05:00", "2026-03-04", id="from-17:05-the-next-date"),
        pytest.param("2026-03-03", "23:59:59.999999", "2026-03-04", id="before-midnight"),
        pytest.param("2026-03-03", "00:00:00", "2026-03-03", id="after-midnight-no-change"),
        pytest.param("2026-03-07", "17:05:00", "2026-03-08", id="into-spring-forward-day"),
        pytest.param("2026-11-01", "17:04:59", None, id="fall-back-day-in-maintenance"),
        pytest.param("2026-11-01", "17:05:00", "2026-11-02", id="fall-back-day"),
        pytest.param("2024-02-28", "17:05:00", "2024-02-29", id="into-a-leap-day"),
        pytest.param("2024-02-29", "17:05:00", "2024-03-01", id="out-of-a-leap-day"),
        pytest.param("2026-12-31", "18:30:00", "2027-01-01", id="into-the-new-year"),
    ],
)
def test_an_execution_s_trade_date(date: str, at: str, trade_date: str | None) -> None:
    story = known(Story(known=False, date=date), at=f"{date[:4]}-01-01T00:00:00Z")
    story.tick("99.00", "100.00", at="00:00:00")
    happened = story.order("o1", quantity="1", at=at)
    dates = [event["trade_date"] for event in happened.all("Execution")]
    assert dates == ([] if trade_date is None else [trade_date])


# -- ids -------------------------------------------------------------------------------------------


def test_the_id_of_a_window_and_of_what_it_causes() -> None:
    """Cause `{window}@{scheduled_at}`, topic `executions`; a window's own key is its partition."""
    story = Story()
    story.tick("99.00", "100.00")
    story.order("o1", quantity="1")
    story.order("o2", quantity="2")
    story.order("o3", quantity="3", limit_price="95.00")
    story.funding("DepositSettled", "D1", "100.00")
    happened = story.wait("17:00")

    def wanted(window: str, at: str, kind: str, key: str, k: int) -> str:
        cause = f"{window}@2026-03-03T{at}:00.000000Z"
        return sha256(f"executions|{cause}|{kind}|{key}|{k}".encode()).hexdigest()[:32]

    begin, start, retry = happened.all("WindowOpened")
    assert begin["cause_id"] == "MAINTENANCE_BEGIN@2026-03-03T22:30:00.000000Z"
    assert begin["event_id"] == wanted("MAINTENANCE_BEGIN", "22:30", "WindowOpened", "0", 1)
    assert start["event_id"] == wanted("START_OF_DAY", "22:40", "WindowOpened", "0", 1)
    assert retry["event_id"] == wanted("RETRY", "23:00", "WindowOpened", "0", 1)

    cancelled = happened.one("OrderCancelled")
    assert cancelled["event_id"] == wanted(
        "MAINTENANCE_BEGIN", "22:30", "OrderCancelled", ACCOUNT, 1
    )
    aged = happened.all("AgedFailure")
    assert [event["event_id"] for event in aged] == [
        wanted("START_OF_DAY", "22:40", "AgedFailure", ACCOUNT, 1),
        wanted("START_OF_DAY", "22:40", "AgedFailure", ACCOUNT, 2),
    ]
    delivered = happened.all("ReportDelivered")
    assert [event["event_id"] for event in delivered] == [
        wanted("START_OF_DAY", "22:40", "ReportDelivered", CLIENT, k) for k in range(1, 6)
    ]
    settled, failed = happened.on("cash-calls")
    assert settled["event_id"] == wanted("RETRY", "23:00", "CashCallSettled", ACCOUNT, 1)
    assert failed["event_id"] == wanted("RETRY", "23:00", "CashCallFailed", ACCOUNT, 1)
    balance = happened.one("AccountBalance")
    assert balance["event_id"] == wanted("RETRY", "23:00", "AccountBalance", ACCOUNT, 1)
    entry = happened.one("JournalEntry")
    assert entry["event_id"] == wanted("RETRY", "23:00", "JournalEntry", ACCOUNT, 1)
    assert entry["entry_id"] == entry["event_id"]


def test_k_counts_on_over_the_accounts_of_a_sweep_by_key() -> None:
    """Two accounts, two open calls each: k is 1, 2 for each of them."""
    story = Story()
    story.account("ACME0002")
    story.tick("99.00", "100.00")
    for account in (ACCOUNT, "ACME0002"):
        for order in ("o1", "o2"):
            story.order(order, account_id=account, quantity="1")
    failed = story.wait("17:00").all("CashCallFailed")
    cause = "RETRY@2026-03-03T23:00:00.000000Z"
    assert {(event["account_id"], event["event_id"]) for event in failed} == {
        (account, event_id("executions", cause, "CashCallFailed", account, k))
        for account in (ACCOUNT, "ACME0002")
        for k in (1, 2)
    }


def test_what_a_quote_triggers_is_caused_by_the_quote_on_bbo() -> None:
    story = Story()
    story.tick("99.00", "100.00")
    story.order("o1", quantity="1", limit_price="95.00")
    execution = story.tick("94.00", "95.00").one("Execution")
    assert execution["cause_id"] == f"{SYMBOL}-2"
    wanted = sha256(f"bbo|{SYMBOL}-2|Execution|{ACCOUNT}|1".encode()).hexdigest()[:32]
    assert execution["event_id"] == wanted


def test_what_an_execution_causes_names_it_on_executions() -> None:
    story = Story()
    story.tick("99.00", "100.00")
    happened = story.order("o1", quantity="1", event_id="order-1")
    execution = happened.one("Execution")
    assert execution["event_id"] == event_id("orders", "order-1", "Execution", ACCOUNT)
    for kind in ("JournalEntry", "CashCallRequested", "CashCallFailed", "AccountBalance"):
        event = happened.one(kind)
        assert event["cause_id"] == execution["event_id"]
        assert event["event_id"] == event_id("executions", execution["event_id"], kind, ACCOUNT)


# -- the same again, and --until -------------------------------------------------------------------


def _a_day(story: Story) -> None:
    story.tick("99.00", "100.00")
    story.funding("DepositSettled", "D1", "50.00")
    story.order("o1", quantity="0.25")
    story.order("o2", quantity="1")
    resting(story, "o3", "13:00:00")
    story.tick("94.00", "95.00")
    story.tell("orders", None)
    story.wait("2026-03-06T12:00:00Z")


def test_the_same_inputs_in_the_same_order_give_the_same_events_and_files() -> None:
    one, other = Story(), Story()
    for story in (one, other):
        _a_day(story)
    assert one.emitted == other.emitted
    assert one.files == other.files
    assert len(one.emitted) > 50
    assert len(one.files) > 10


class _Kept:
    """A destination that keeps events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        self.events.append((topic, dict(event)))

    def report(self, report: Report) -> WrittenFile:
        rows = list(report.rows)
        return WrittenFile(f"{report.client}/{report.key}", len(rows), 0, "0" * 64)

    def windows(self) -> list[str]:
        return [event["scheduled_at"] for _, event in self.events if "window" in event]

    def deposits(self) -> list[str]:
        return [event["event_time"] for topic, event in self.events if topic == "journal"]


@pytest.mark.parametrize(
    ("until", "windows_wanted", "deposits_wanted"),
    [
        pytest.param(None, ["22:30", "22:40"], ["18:00", "22:45"], id="default-the-last-event"),
        pytest.param("22:45:00", ["22:30", "22:40"], ["18:00", "22:45"], id="the-last-event"),
        pytest.param(
            "23:05:00",
            ["22:30", "22:40", "23:00", "23:05"],
            ["18:00", "22:45"],
            id="time-moves-on-to-it-and-opens-the-window-at-it",
        ),
        pytest.param(
            "23:04:59.999999",
            ["22:30", "22:40", "23:00"],
            ["18:00", "22:45"],
            id="a-microsecond-before-a-window",
        ),
        pytest.param(
            "22:44:59.999999", ["22:30", "22:40"], ["18:00"], id="what-is-later-is-left-out"
        ),
        pytest.param("18:00:00", [], ["18:00"], id="an-input-at-that-time-is-in"),
        pytest.param("17:59:59", [], [], id="nothing-has-moved-time-yet"),
    ],
)
def test_until(
    tmp_path: Path,
    until: str | None,
    windows_wanted: list[str],
    deposits_wanted: list[str],
) -> None:
    """Deposits at 18:00 and 22:45 UTC (12:00 and 16:45 in Chicago)."""
    account = {"account_id": ACCOUNT, "client": CLIENT}
    deposit = {"account_id": ACCOUNT, "amount": "5.00", "instrument_type": "ACH"}
    lines = [
        ("accounts", "AccountUpdated", "12:00", account),
        ("fundings", "DepositSettled", "18:00", {**deposit, "funding_id": "D1"}),
        ("fundings", "DepositSettled", "22:45", {**deposit, "funding_id": "D2"}),
    ]
    path = tmp_path / "day.jsonl"
    with path.open("wb") as file:
        for topic, kind, at, fields in lines:
            head = {"type": kind, "event_id": at, "event_time": f"2026-03-03T{at}:00Z"}
            file.write(orjson.dumps({"topic": topic, "value": head | fields}) + b"\n")
    kept = _Kept()
    until_at = None if until is None else micros(f"2026-03-03T{until}Z")
    History(kept, MemoryRows()).run(read_inputs([str(path)]), until_at)

    def full(times: list[str]) -> list[str]:
        return [f"2026-03-03T{time}:00.000000Z" for time in times]

    assert kept.windows() == full(windows_wanted)
    assert kept.deposits() == full(deposits_wanted)
