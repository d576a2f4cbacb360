"""Net settlement (contract sections 3, 7, 9, 10; domain.md sections 3 and 9).

The market is 99.00 / 100.00 and nobody is charged if nothing else is said: buying 0.25 is a line of
25.00 that the client owes, selling 0.25 one of -24.75. The story's day is Tuesday, March 3, 2026.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from tests.story import CLIENT, Event, Happened, Story, ct, event_id, only

NET = "NET00001"
HEADER = (
    "account_id,execution_id,client_order_id,symbol,side,quantity,price,gross,commission,"
    "net_amount,executed_at"
)
SUMMARY_HEADER = "symbol,buy_quantity,buy_net_money,sell_quantity,sell_net_money,net_amount"
# 09:00 in Chicago of the story's day and the day after, in UTC.
TODAY = "2026-03-03T15:00:00.000000Z"
TOMORROW = "2026-03-04T15:00:00.000000Z"


def market(date: str = "2026-03-03", **terms: str) -> Story:
    """Return a story from midnight on: a client with a Net Settlement account, a lasting market."""
    story = Story(known=False, date=date)
    story.client(at="00:00", **terms)
    story.instrument(at="00:00", stale_after_ms=86_400_000)
    story.account(NET, at="00:00", funding_model="NET_SETTLEMENT")
    story.tick("99.00", "100.00", at="00:00")
    return story


def traded(*amounts: str, at: str = "08:00", date: str = "2026-03-03") -> Story:
    """Return a market in which NET bought (or, with a minus, sold) quantities."""
    story = market(date)
    for number, amount in enumerate(amounts):
        trade(story, f"o{number}", amount, at=at)
    return story


def trade(story: Story, order_id: str, quantity: str, **fields: str) -> Happened:
    """Tell a market order of NET; below zero it sells."""
    side = "SELL" if quantity.startswith("-") else "BUY"
    amount = quantity.lstrip("-")
    return story.order(order_id, **{"account_id": NET, "side": side, "quantity": amount} | fields)


def statuses(happened: Happened) -> list[tuple[str, str, str]]:
    """Return (CT date of window_to, status, outstanding)."""
    return [
        (event["window_to"][5:10], event["status"], event["outstanding"])
        for event in happened.all("NetSettlementStatus")
    ]


def lines(story: Story, name: str, client: str = CLIENT) -> list[str]:
    """Return the lines of a client's file."""
    return story.files[f"{client}/eod_settlement/{name}"].removesuffix("\n").split("\n")


# -- lines -----------------------------------------------------------------------------------------


def test_an_execution_is_a_line_with_all_its_fields() -> None:
    story = market(markup_bps="100")
    happened = trade(story, "o1", "0.25", at="08:00")
    execution, line = happened.one("Execution"), happened.one("NetSettlementLine")
    own = {"type", "event_id", "event_time", "cause_id"}
    shared = execution.keys() - own
    assert only(line, dict.fromkeys(shared)) == only(execution, dict.fromkeys(shared))
    wanted = {
        "net_amount": "25.25",
        "window_to": TODAY,
        "executed_at": execution["event_time"],
        "event_time": execution["event_time"],
        "cause_id": execution["event_id"],
        "event_id": event_id("executions", execution["event_id"], "NetSettlementLine", CLIENT),
    }
    assert only(line, wanted) == wanted
    assert happened.types("cash-calls") == []


def test_a_sell_is_what_the_platform_owes() -> None:
    story = traded("1")
    assert trade(story, "o2", "-0.25").one("NetSettlementLine")["net_amount"] == "-24.75"


@pytest.mark.parametrize(
    ("at", "window_to"),
    [
        pytest.param("08:59:59.999999", TODAY, id="a-microsecond-before"),
        pytest.param("09:00", TOMORROW, id="at-nine-is-the-new-window"),
        pytest.param("09:00:00.000001", TOMORROW, id="a-microsecond-after"),
        pytest.param("23:59:59", TOMORROW, id="midnight-is-no-border"),
    ],
)
def test_the_window_of_a_line_is_half_open(at: str, window_to: str) -> None:
    story = market()
    happened = trade(story, "o1", "0.25", at=at)
    assert happened.one("NetSettlementLine")["window_to"] == window_to
    closed = story.wait("2026-03-04T15:00:00Z").all("NetSettlement")
    assert {e["window_to"]: e["net_amount"] for e in story.so_far().all("NetSettlement")} == {
        TODAY: "25.00" if window_to == TODAY else "0.00",
        TOMORROW: "25.00" if window_to == TOMORROW else "0.00",
    }
    assert len(closed) in {1, 2}


def test_the_ledger_owes_it_in_the_client_s_name() -> None:
    story = traded("1", "-0.25")
    assert story.ledger[f"client:{CLIENT}:net", "USD"] == Decimal("-75.25")
    assert story.ledger[f"customer:{NET}:owed", "USD"] == 0
    assert story.ledger[f"customer:{NET}:BTC", "BTC"] == Decimal("0.75")


# -- the close -------------------------------------------------------------------------------------


def test_at_nine_the_lines_become_one_net() -> None:
    story = traded("1", "0.5", "-0.25")
    happened = story.wait("09:00")
    cause = f"NET_SETTLEMENT@{TODAY}"
    assert happened.one("NetSettlement") == {
        "type": "NetSettlement",
        "event_id": event_id("executions", cause, "NetSettlement", CLIENT),
        "event_time": TODAY,
        "cause_id": cause,
        "client": CLIENT,
        "window_from": "2026-03-02T15:00:00.000000Z",
        "window_to": TODAY,
        "net_amount": "125.25",
        "executions": 3,
        "payment_due": "2026-03-04",
    }
    assert statuses(happened) == [("03-03", "PENDING", "125.25")]


@pytest.mark.parametrize(
    ("date", "window_from", "window_to", "hours"),
    [
        pytest.param("2026-03-03", "2026-03-02T15:00", "2026-03-03T15:00", 24, id="24-hours"),
        pytest.param(
            "2026-03-08", "2026-03-07T15:00", "2026-03-08T14:00", 23, id="spring-23-hours"
        ),
        pytest.param(
            "2026-11-01", "2026-10-31T14:00", "2026-11-01T15:00", 25, id="autumn-25-hours"
        ),
    ],
)
def test_a_window_is_from_nine_to_nine(
    date: str, window_from: str, window_to: str, hours: int
) -> None:
    story = market(date)
    net = story.wait("09:00").one("NetSettlement")
    assert (net["window_from"][:16], net["window_to"][:16]) == (window_from, window_to)
    before, after = (dt.datetime.fromisoformat(text) for text in (window_from, window_to))
    assert after - before == dt.timedelta(hours=hours)
    name = "{2}_{1}_{0}".format(*date.split("-"))
    assert lines(story, f"{name}_NET_SETTLEMENT_ACME.csv")[:3] == [
        f"From,{window_from}:00.000Z",
        f"To,{window_to}:00.000Z",
        "Net Settlement,0.00",
    ]


@pytest.mark.parametrize(
    ("date", "due"),
    [
        pytest.param("2026-03-03", "2026-03-04", id="tuesday"),
        pytest.param("2026-03-06", "2026-03-09", id="friday"),
        pytest.param("2026-03-07", "2026-03-09", id="saturday"),
        pytest.param("2026-03-08", "2026-03-09", id="sunday"),
        pytest.param("2026-07-02", "2026-07-03", id="independence-day-on-a-saturday-is-not-kept"),
        pytest.param("2026-07-03", "2026-07-06", id="then-the-weekend"),
        pytest.param("2027-07-03", "2027-07-06", id="on-a-sunday-it-moves-to-monday"),
        pytest.param("2026-12-24", "2026-12-28", id="christmas"),
        pytest.param("2026-12-31", "2027-01-04", id="new-year"),
        pytest.param("2026-01-16", "2026-01-20", id="martin-luther-king-day"),
    ],
)
def test_payment_is_due_on_the_next_bank_day(date: str, due: str) -> None:
    assert market(date).wait("09:00").one("NetSettlement")["payment_due"] == due


def test_a_client_without_a_trade_nets_zero_which_is_paid() -> None:
    happened = market().wait("09:00")
    net = happened.one("NetSettlement")
    assert (net["net_amount"], net["executions"]) == ("0.00", 0)
    assert statuses(happened) == [("03-03", "PAID", "0.00")]


def test_who_gets_one() -> None:
    """Clients with a Net Settlement account or a line of the window; nobody else."""
    story = market()
    for client, model in (("MARK", "MARKETPLACE"), ("APEX", "APEX_CLEARING")):
        story.client(client, at="01:00")
        story.account(f"{client}0001", client=client, at="01:00", funding_model=model)
    story.client("IDLE", at="01:00")
    # Its only account leaves the model, behind a trade: it has a line, and nothing from then on.
    story.client("GONE", at="01:00")
    story.account("GONE0001", client="GONE", at="01:00", funding_model="NET_SETTLEMENT")
    trade(story, "o1", "0.25", account_id="GONE0001", at="02:00")
    story.account("GONE0001", client="GONE", at="03:00")
    # No ClientUpdated names it.
    story.account("LOST0001", client="LOST", at="01:00", funding_model="NET_SETTLEMENT")

    assert [e["client"] for e in story.wait("09:00").all("NetSettlement")] == [
        "ACME",
        "GONE",
        "LOST",
    ]
    clients = {path[:4] for path in story.files if "NET_SETTLEMENT" in path}
    assert clients == {"ACME", "GONE", "LOST"}
    story.wait("2026-03-04T15:00:00Z")
    later = [e["client"] for e in story.so_far().all("NetSettlement")[3:]]
    assert later == ["ACME", "LOST"]


def test_the_model_at_the_execution_counts_for_life() -> None:
    """An account that becomes Net Settlement has calls from before, and lines from then on."""
    story = market()
    story.account("ACME0009", at="01:00")
    called = trade(story, "o1", "0.25", account_id="ACME0009", at="02:00")
    assert "CashCallRequested" in called.types("cash-calls")
    story.account("ACME0009", at="03:00", funding_model="NET_SETTLEMENT")
    netted = trade(story, "o2", "0.5", account_id="ACME0009", at="04:00")
    assert netted.types("cash-calls") == []
    assert story.wait("09:00").one("NetSettlement")["net_amount"] == "50.00"


# -- files -----------------------------------------------------------------------------------------


def test_the_detail_file() -> None:
    story = market(commission_model="TRADE_FEE", commission_fixed="1.00")
    trade(story, "z", "0.25", at="08:00")
    trade(story, "a", "0.5", at="08:00", event_id="later-line-same-instant")
    trade(story, "c", "-0.125", at="08:00:01.123999")
    happened = story.wait("09:00")
    assert lines(story, "03_03_2026_NET_SETTLEMENT_ACME.csv") == [
        "From,2026-03-02T15:00:00.000Z",
        "To,2026-03-03T15:00:00.000Z",
        "Net Settlement,65.62",
        HEADER,
        "NET00001,NET00001-a-1,a,BTCUSD,BUY,0.5,100.00,50.00,1.00,51.00,2026-03-03T14:00:00.000Z",
        "NET00001,NET00001-z-1,z,BTCUSD,BUY,0.25,100.00,25.00,1.00,26.00,2026-03-03T14:00:00.000Z",
        "NET00001,NET00001-c-1,c,BTCUSD,SELL,0.125,99.00,12.38,1.00,-11.38,2026-03-03T14:00:01.123Z",
    ]
    assert lines(story, "03_03_2026_NET_SETTLEMENT_SUMMARY_ACME.csv") == [
        SUMMARY_HEADER,
        "BTCUSD,0.75,77.00,0.125,11.38,65.62",
    ]
    delivered = happened.all("ReportDelivered")
    assert [(e["report"], e["rows"], e["control_total"]) for e in delivered] == [
        ("NET_SETTLEMENT", 3, "65.62"),
        ("NET_SETTLEMENT_SUMMARY", 1, "65.62"),
    ]


def test_the_summary_is_by_symbol_and_negative_when_the_platform_owes() -> None:
    story = traded("1", at="2026-03-02T15:00:00Z")
    story.wait("09:00")
    story.instrument("ETHUSD", stale_after_ms=86_400_000)
    story.tick("10.00", "10.00", symbol="ETHUSD")
    trade(story, "e1", "2", symbol="ETHUSD", at="10:00")
    trade(story, "b1", "-1", at="10:00")
    story.wait("2026-03-04T15:00:00Z")
    assert lines(story, "04_03_2026_NET_SETTLEMENT_SUMMARY_ACME.csv") == [
        SUMMARY_HEADER,
        "BTCUSD,0,0.00,1,99.00,-99.00",
        "ETHUSD,2,20.00,0,0.00,20.00",
    ]
    assert lines(story, "04_03_2026_NET_SETTLEMENT_ACME.csv")[2] == "Net Settlement,-79.00"


def test_files_without_a_line_have_their_headers() -> None:
    story = market()
    story.wait("09:00")
    assert lines(story, "03_03_2026_NET_SETTLEMENT_ACME.csv")[3:] == [HEADER]
    assert lines(story, "03_03_2026_NET_SETTLEMENT_SUMMARY_ACME.csv") == [SUMMARY_HEADER]


def test_the_execution_confirm_names_no_call() -> None:
    story = traded("0.25")
    story.wait("16:40")
    path = f"{CLIENT}/execution_confirm/2026-03-03_execution_and_tpj_confirms.csv"
    row = story.files[path].splitlines()[2].split(",")
    assert (row[0], row[1], row[-2:]) == (NET, "Withdrawal", ["", ""])


# -- wires, confirmations, disputes ----------------------------------------------------------------

Step = tuple[str, str, str]  # kind, amount or window_to, at
MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (f"2026-03-{day:02}T15:00:00Z" for day in (2, 3, 4, 5))


def told(story: Story, steps: Sequence[Step]) -> None:
    """Tell wires and opinions, closes (`at` only) and trades in turn."""
    for number, (kind, what, at) in enumerate(steps):
        match kind:
            case "wait":
                story.wait(at)
            case "trade":
                trade(story, f"t{number}", what, at=at)
            case "NetSettlementConfirmed" | "NetSettlementDisputed":
                story.opinion(kind, what, at=at)
            case _:
                story.wire(kind, f"w{number}", what, at=at)


BUY_AT_7 = ("trade", "1", "07:00")
SELL_AT_10 = ("trade", "-0.5", "10:00")
BUY_AT_10 = ("trade", "0.5", "10:00")
NEXT_NINE = ("wait", "", WEDNESDAY)


def received(amount: str, at: str = "11:00") -> Step:
    return ("NetWireReceived", amount, at)


def sent(amount: str, at: str = "11:00") -> Step:
    return ("NetWireSent", amount, at)


# Each begins with a buy of 100.00 before nine.
STATUSES: list[object] = [
    pytest.param([received("100.00")], [("03-03", "PAID", "0.00")], id="paid-in-full"),
    pytest.param(
        [received("40.00"), received("60.00", "12:00")],
        [("03-03", "PENDING", "60.00"), ("03-03", "PAID", "0.00")],
        id="short-and-the-rest",
    ),
    pytest.param(
        [("NetSettlementConfirmed", TUESDAY, "10:00"), received("99.99")],
        [("03-03", "CONFIRMED", "100.00"), ("03-03", "CONFIRMED", "0.01")],
        id="confirmed-stays-while-a-cent-is-missing",
    ),
    pytest.param(
        [
            ("NetSettlementDisputed", TUESDAY, "10:00"),
            ("NetSettlementConfirmed", TUESDAY, "10:30"),
            received("100.00"),
        ],
        [
            ("03-03", "DISPUTED", "100.00"),
            ("03-03", "CONFIRMED", "100.00"),
            ("03-03", "PAID", "0.00"),
        ],
        id="disputed-confirmed-paid",
    ),
    pytest.param(
        [("NetSettlementDisputed", TUESDAY, "10:00"), received("100.00")],
        [("03-03", "DISPUTED", "100.00"), ("03-03", "PAID", "0.00")],
        id="a-disputed-one-that-is-paid-is-paid",
    ),
    pytest.param(
        [("NetSettlementDisputed", TUESDAY, "10:00"), received("40.00")],
        [("03-03", "DISPUTED", "100.00"), ("03-03", "DISPUTED", "60.00")],
        id="a-disputed-one-that-is-paid-in-part-stays-disputed",
    ),
    pytest.param(
        [
            received("100.00"),
            ("NetSettlementConfirmed", TUESDAY, "12:00"),
            ("NetSettlementDisputed", TUESDAY, "13:00"),
            ("NetSettlementConfirmed", TUESDAY, "14:00"),
        ],
        [
            ("03-03", "PAID", "0.00"),
            ("03-03", "DISPUTED", "0.00"),
            ("03-03", "PAID", "0.00"),
        ],
        id="a-paid-one-can-be-disputed",
    ),
    pytest.param(
        [
            ("NetSettlementConfirmed", TUESDAY, "10:00"),
            ("NetSettlementConfirmed", TUESDAY, "10:01"),
        ],
        [("03-03", "CONFIRMED", "100.00")],
        id="said-twice-is-said-once",
    ),
    pytest.param(
        [received("120.00"), ("trade", "0.5", "12:00"), NEXT_NINE],
        [
            ("03-03", "OVERPAID", "-20.00"),
            ("03-03", "PAID", "0.00"),
            ("03-04", "PENDING", "30.00"),
        ],
        id="over-is-carried-to-the-next",
    ),
    pytest.param(
        [received("150.00"), ("trade", "0.5", "12:00"), NEXT_NINE],
        [("03-03", "OVERPAID", "-50.00"), ("03-03", "PAID", "0.00"), ("03-04", "PAID", "0.00")],
        id="what-is-carried-pays-the-next-to-the-cent",
    ),
    pytest.param(
        [received("180.00"), ("trade", "0.5", "12:00"), NEXT_NINE],
        [
            ("03-03", "OVERPAID", "-80.00"),
            ("03-03", "PAID", "0.00"),
            ("03-04", "OVERPAID", "-30.00"),
        ],
        id="more-than-the-next-is-over-again",
    ),
    pytest.param(
        [received("130.00"), NEXT_NINE, ("wait", "", THURSDAY)],
        [
            ("03-03", "OVERPAID", "-30.00"),
            ("03-03", "PAID", "0.00"),
            ("03-04", "OVERPAID", "-30.00"),
            ("03-04", "PAID", "0.00"),
            ("03-05", "OVERPAID", "-30.00"),
        ],
        id="a-surplus-goes-through-nets-of-zero",
    ),
    pytest.param(
        [received("130.00"), sent("30.00", "12:00")],
        [("03-03", "OVERPAID", "-30.00"), ("03-03", "PAID", "0.00")],
        id="a-surplus-is-wired-back",
    ),
    pytest.param(
        [SELL_AT_10, NEXT_NINE, sent("49.50", WEDNESDAY.replace("15", "16"))],
        [("03-04", "PENDING", "-49.50"), ("03-04", "PAID", "0.00")],
        id="a-wire-sent-pays-a-negative-net-and-leaves-the-positive",
    ),
    pytest.param(
        [SELL_AT_10, NEXT_NINE, received("100.00", WEDNESDAY.replace("15", "16"))],
        [("03-04", "PENDING", "-49.50"), ("03-03", "PAID", "0.00")],
        id="a-wire-received-pays-the-positive-and-leaves-the-negative",
    ),
    pytest.param(
        [SELL_AT_10, NEXT_NINE, sent("60.00", WEDNESDAY.replace("15", "16"))],
        [("03-04", "PENDING", "-49.50"), ("03-04", "OVERPAID", "10.50")],
        id="a-wire-sent-can-be-too-much",
    ),
    pytest.param(
        [BUY_AT_10, NEXT_NINE, received("120.00", WEDNESDAY.replace("15", "16"))],
        [
            ("03-04", "PENDING", "50.00"),
            ("03-03", "PAID", "0.00"),
            ("03-04", "PENDING", "30.00"),
        ],
        id="oldest-first",
    ),
    pytest.param(
        [BUY_AT_10, NEXT_NINE, received("160.00", WEDNESDAY.replace("15", "16"))],
        [
            ("03-04", "PENDING", "50.00"),
            ("03-03", "PAID", "0.00"),
            ("03-04", "OVERPAID", "-10.00"),
        ],
        id="over-both-makes-the-newest-overpaid",
    ),
    pytest.param(
        [
            BUY_AT_10,
            NEXT_NINE,
            ("NetSettlementConfirmed", WEDNESDAY, WEDNESDAY.replace("15", "16")),
            received("100.00", WEDNESDAY.replace("15", "17")),
        ],
        [
            ("03-04", "PENDING", "50.00"),
            ("03-04", "CONFIRMED", "50.00"),
            ("03-03", "PAID", "0.00"),
        ],
        id="a-late-wire-pays-the-older-one",
    ),
    pytest.param(
        [sent("5.00")],
        [("03-03", "OVERPAID", "105.00")],
        id="a-wire-sent-where-nothing-was-owed-is-to-come-back",
    ),
]


@pytest.mark.parametrize(("steps", "wanted"), STATUSES)
def test_statuses(steps: Sequence[Step], wanted: list[tuple[str, str, str]]) -> None:
    story = traded("1")
    assert statuses(story.wait("09:00")) == [("03-03", "PENDING", "100.00")]
    before = len(story.emitted)
    told(story, steps)
    assert statuses(Happened(story.emitted[before:])) == wanted


def test_what_was_paid_before_the_first_net_is_carried_to_it() -> None:
    story = market()
    assert story.wire("NetWireReceived", "w1", "70.00", at="01:00").types() == ["JournalEntry"]
    trade(story, "o1", "1", at="02:00")
    assert statuses(story.wait("09:00")) == [("03-03", "PENDING", "30.00")]


@pytest.mark.parametrize(
    ("kind", "sign"),
    [pytest.param("NetWireReceived", "", id="in"), pytest.param("NetWireSent", "-", id="out")],
)
def test_a_wire_is_an_entry_of_the_client(kind: str, sign: str) -> None:
    story = traded("1")
    happened = story.wire(kind, "w1", "40.00", at="10:00", event_id="wire-1")
    other = "" if sign else "-"
    assert happened.one("JournalEntry") == {
        "type": "JournalEntry",
        "event_id": event_id("net-wires", "wire-1", "JournalEntry", CLIENT),
        "entry_id": event_id("net-wires", "wire-1", "JournalEntry", CLIENT),
        "event_time": ct("10:00"),
        "cause_id": "wire-1",
        "account_id": None,
        "client": CLIENT,
        "postings": [
            {"account": "client:ACME:net", "asset": "USD", "amount": f"{sign}40.00"},
            {"account": "world:customers", "asset": "USD", "amount": f"{other}40.00"},
            {"account": "bank:business", "asset": "USD", "amount": f"{sign}40.00"},
            {"account": "world:bank", "asset": "USD", "amount": f"{other}40.00"},
        ],
    }


def test_a_repeated_wire_has_no_effect() -> None:
    story = traded("1")
    story.wait("09:00")
    story.wire("NetWireReceived", "w1", "40.00")
    assert story.wire("NetWireReceived", "w1", "40.00").types() == []
    assert statuses(story.so_far())[-1] == ("03-03", "PENDING", "60.00")
    # Another client's wires have ids of their own.
    story.client("BETA")
    assert story.wire("NetWireReceived", "w1", "40.00", client="BETA").types() == ["JournalEntry"]


Tell = Callable[[Story], Happened]
REFUSED: list[object] = [
    pytest.param(lambda s: s.wire("NetWireReceived", "w1", "40.01"), "CONFLICT", id="other-amount"),
    pytest.param(lambda s: s.wire("NetWireSent", "w1", "40.00"), "CONFLICT", id="other-direction"),
    pytest.param(
        lambda s: s.wire("RevenueSharePaid", "w1", "40.00"), "CONFLICT", id="a-payout-s-id-too"
    ),
    pytest.param(
        lambda s: s.wire("NetWireReceived", "w2", "40.00", client="NONE"),
        "UNKNOWN_ACCOUNT",
        id="unknown-client",
    ),
    pytest.param(
        lambda s: s.opinion("NetSettlementConfirmed", TUESDAY, client="NONE"),
        "UNKNOWN_ACCOUNT",
        id="unknown-client-s-opinion",
    ),
    pytest.param(
        lambda s: s.opinion("NetSettlementConfirmed", WEDNESDAY),
        "BAD_TRANSITION",
        id="not-closed-yet",
    ),
    pytest.param(
        lambda s: s.opinion("NetSettlementDisputed", MONDAY), "BAD_TRANSITION", id="before-time"
    ),
    pytest.param(
        lambda s: s.opinion("NetSettlementDisputed", "2026-03-03T15:00:00.000001Z"),
        "BAD_TRANSITION",
        id="no-window-s-end",
    ),
    pytest.param(lambda s: s.wire("NetWireReceived", "w2", "0.00"), "INVALID", id="nothing-wired"),
    pytest.param(
        lambda s: s.wire("NetWireReceived", "w2", "-1.00"), "INVALID", id="less-than-nothing"
    ),
    pytest.param(
        lambda s: s.wire("NetWireReceived", "w2", "1.001"), "INVALID", id="part-of-a-cent"
    ),
]


@pytest.mark.parametrize(("tell", "reason"), REFUSED)
def test_refused(tell: Tell, reason: str) -> None:
    story = traded("1")
    story.wait("09:00")
    story.wire("NetWireReceived", "w1", "40.00")
    before: list[Event] = story.so_far().all("NetSettlementStatus", "JournalEntry")
    assert tell(story).one("DeadLetter")["reason"] == reason
    assert story.so_far().all("NetSettlementStatus", "JournalEntry") == before


def test_a_refused_wire_has_not_used_its_id() -> None:
    story = traded("1")
    story.wire("NetWireReceived", "w1", "40.00", client="BETA")
    story.client("BETA")
    assert story.wire("NetWireReceived", "w1", "41.00", client="BETA").types() == ["JournalEntry"]


def test_what_is_said_at_nine_finds_the_window_closed() -> None:
    """The first input at or past nine opens the window, and may already be about it."""
    story = traded("1")
    happened = story.opinion("NetSettlementConfirmed", TUESDAY, at="09:00")
    assert statuses(happened) == [("03-03", "PENDING", "100.00"), ("03-03", "CONFIRMED", "100.00")]


def test_what_is_refused_at_nine_comes_behind_the_close() -> None:
    story = traded("1")
    happened = story.opinion("NetSettlementConfirmed", WEDNESDAY, at="09:00")
    assert statuses(happened) == [("03-03", "PENDING", "100.00")]
    assert happened.one("DeadLetter")["event_time"] == story.time("09:00")


def test_a_wire_at_nine_comes_behind_the_close() -> None:
    story = traded("1")
    happened = story.wire("NetWireReceived", "w1", "100.00", at="09:00")
    assert statuses(happened) == [("03-03", "PENDING", "100.00"), ("03-03", "PAID", "0.00")]
