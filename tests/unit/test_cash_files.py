"""Cash balance and cash activity (domain.md section 9), byte by byte."""

import pytest

from audit.files import Activity, activity_file
from tests.report_files import CASH_ACTIVITY, CASH_BALANCE, customer, lines, rows
from tests.story import ACCOUNT, CLIENT, Story, event_id


def test_cash_balance_rows() -> None:
    """Unsettled is pending deposits; what is withdrawing is in neither; below zero has a sign."""
    story = customer(cash="60.00")
    story.account("ACME0000", at="00:30")
    story.funding("DepositInitiated", "D1", "7.00")
    story.funding("WithdrawalRequested", "W1", "12.50")
    story.funding(
        "CashAdjusted", "A1", "-1.05", account_id="ACME0000", adjustment_type="ACH_RETURN_FEE"
    )
    story.wait("16:40")
    assert lines(story, "ACME_CashBalanceReport_03-03-26.csv") == [
        CASH_BALANCE,
        "ACME0000,0.00,-1.05",
        f"{ACCOUNT},7.00,47.50",
    ]


@pytest.mark.parametrize(
    ("at", "settled"),
    [
        pytest.param("16:39:59.999999", "5.00", id="a-microsecond-before-the-cut"),
        pytest.param("16:40:00.000000", "0.00", id="at-the-cut-is-the-next-day"),
    ],
)
def test_the_cut_is_half_open(at: str, settled: str) -> None:
    """Also for the activity: a row is in exactly one file."""
    story = customer()
    story.funding("DepositSettled", "D1", "5.00", at=at, event_id="d1")
    story.wait("2026-03-04T22:40:00Z")
    assert rows(story, "ACME_CashBalanceReport_03-03-26.csv") == [[ACCOUNT, "0.00", settled]]
    assert rows(story, "ACME_CashBalanceReport_03-04-26.csv") == [[ACCOUNT, "0.00", "5.00"]]
    first = [row[1] for row in rows(story, "ACME_CashActivityReport_03-03-26.csv")]
    second = [row[1] for row in rows(story, "ACME_CashActivityReport_03-04-26.csv")]
    assert (first, second) == ((["d1"], []) if settled == "5.00" else ([], ["d1"]))


ACTIVITY = "ACME_CashActivityReport_03-03-26.csv"


def activity(story: Story) -> list[list[str]]:
    """Return the rows of the day but for the deposit that the story began with."""
    story.wait("16:40")
    return [row for row in rows(story, ACTIVITY) if row[1] != "cash"]


STEPS = [
    pytest.param(
        ["DepositInitiated"], [["s1", "ACH", "DEPOSIT", "25.00", "INITIATED"]], id="initiated"
    ),
    pytest.param(
        ["DepositSettled"], [["s1", "ACH", "DEPOSIT", "25.00", "SETTLED"]], id="settled-at-once"
    ),
    pytest.param(
        ["DepositInitiated", "DepositSettled", "DepositReturned"],
        [
            ["s1", "ACH", "DEPOSIT", "25.00", "INITIATED"],
            ["s2", "ACH", "DEPOSIT", "25.00", "SETTLED"],
            ["s3", "ACH", "DEPOSIT", "25.00", "RETURNED"],
        ],
        id="initiated-settled-returned",
    ),
    pytest.param(
        ["DepositInitiated", "DepositReturned"],
        [
            ["s1", "ACH", "DEPOSIT", "25.00", "INITIATED"],
            ["s2", "ACH", "DEPOSIT", "25.00", "RETURNED"],
        ],
        id="returned-before-settlement",
    ),
    pytest.param(
        ["DepositInitiated", "DepositCancelled"],
        [
            ["s1", "ACH", "DEPOSIT", "25.00", "INITIATED"],
            ["s2", "ACH", "DEPOSIT", "25.00", "CANCELLED"],
        ],
        id="cancelled",
    ),
    pytest.param(
        ["DepositInitiated", "DepositDeclined"],
        [
            ["s1", "ACH", "DEPOSIT", "25.00", "INITIATED"],
            ["s2", "ACH", "DEPOSIT", "25.00", "DECLINED"],
        ],
        id="declined",
    ),
    pytest.param(
        ["WithdrawalRequested"],
        [["accepted", "ACH", "WITHDRAWAL", "25.00", "ACCEPTED"]],
        id="withdrawal-accepted",
    ),
    pytest.param(
        ["WithdrawalRequested", "WithdrawalSettled"],
        [["accepted", "ACH", "WITHDRAWAL", "25.00", "ACCEPTED"]],
        id="withdrawal-settled-has-no-row-it-moves-no-cash",
    ),
    pytest.param(
        ["WithdrawalRequested", "WithdrawalRejected"],
        [
            ["accepted", "ACH", "WITHDRAWAL", "25.00", "ACCEPTED"],
            ["s2", "ACH", "WITHDRAWAL", "25.00", "REJECTED"],
        ],
        id="withdrawal-rejected",
    ),
    pytest.param(
        ["WithdrawalRequested", "WithdrawalSettled", "WithdrawalReturned"],
        [
            ["accepted", "ACH", "WITHDRAWAL", "25.00", "ACCEPTED"],
            ["s3", "ACH", "WITHDRAWAL", "25.00", "RETURNED"],
        ],
        id="withdrawal-returned",
    ),
]


@pytest.mark.parametrize(("steps", "wanted"), STEPS)
def test_a_row_for_each_step_that_changed_cash_or_pending(
    steps: list[str], wanted: list[list[str]]
) -> None:
    story = customer(cash="100.00")
    for number, step in enumerate(steps, 1):
        story.funding(step, "F1", "25.00", event_id=f"s{number}")
    accepted = event_id("fundings", "s1", "WithdrawalAccepted", ACCOUNT)
    seen = [row[1:6] for row in activity(story)]
    assert sorted(seen) == sorted(
        [[accepted if cell == "accepted" else cell for cell in row] for row in wanted]
    )


@pytest.mark.parametrize(
    "kind",
    [
        "ACH_RETURN_FEE",
        "PARTNER_WRITE_OFF",
        "PLATFORM_WRITE_OFF",
        "DECEASED_PARTY",
        "OTHER_ADJUSTMENT",
    ],
)
def test_an_adjustment_s_row_has_its_type_and_its_sign_as_direction(kind: str) -> None:
    story = customer()
    story.funding("CashAdjusted", "A1", "1.25", adjustment_type=kind, event_id="a1", reference="up")
    story.funding("CashAdjusted", "A2", "-3.50", adjustment_type=kind, event_id="a2")
    assert [row[:6] + row[7:] for row in activity(story)] == [
        [ACCOUNT, "a1", kind, "DEPOSIT", "1.25", "SETTLED", "up"],
        [ACCOUNT, "a2", kind, "WITHDRAWAL", "3.50", "SETTLED", ""],
    ]


def test_a_settled_cash_call_s_row() -> None:
    """`activity_id` is the `CashCallSettled`'s id; the instrument type is TPJ."""
    story = customer(cash="50.00")
    happened = story.order("o1", quantity="0.25", at="10:00:00.555555")
    settled = happened.one("CashCallSettled")
    assert activity(story) == [
        [
            ACCOUNT,
            settled["event_id"],
            "TPJ",
            "WITHDRAWAL",
            "25.00",
            "SETTLED",
            "2026-03-03T16:00:00.555Z",
            f"{ACCOUNT}-o1-1-TPJ",
        ]
    ]


def test_a_sell_s_call_is_a_deposit_row() -> None:
    story = customer(cash="50.00")
    story.order("o1", quantity="0.25")
    story.order("o2", side="SELL", quantity="0.25")
    seen = sorted(row[2:6] for row in activity(story))
    assert seen == [
        ["TPJ", "DEPOSIT", "24.75", "SETTLED"],
        ["TPJ", "WITHDRAWAL", "25.00", "SETTLED"],
    ]


def test_a_call_that_settles_at_a_retry_stands_in_the_day_of_the_retry() -> None:
    story = customer()
    story.order("o1", quantity="0.25")
    story.funding("DepositSettled", "D1", "25.00", event_id="cash")
    assert activity(story) == []
    settled = story.wait("2026-03-04T22:40:00Z").one("CashCallSettled")
    (row,) = rows(story, "ACME_CashActivityReport_03-04-26.csv")
    assert row[1] == settled["event_id"]
    assert row[6] == "2026-03-03T23:00:00.000Z"


def test_what_changes_no_cash_has_no_row() -> None:
    """A failed call, a refused withdrawal, a repeat, a dead letter, a call of 0.00."""
    story = customer(cash="100.00")
    story.order("o1", quantity="1")
    before = len(story.so_far().emitted)
    story.order("o2", quantity="0.5")
    story.funding("WithdrawalRequested", "W1", "10.00")
    story.funding("DepositSettled", "cash", "100.00")
    story.funding("DepositReturned", "D9", "1.00")
    happened = story.order("o3", side="SELL", quantity="0.02", commission_fixed="5.00")
    assert happened.one("CashCallSettled")["amount"] == "0.00"
    assert len(story.so_far().emitted) > before
    assert [row[7] for row in activity(story)] == [f"{ACCOUNT}-o1-1-TPJ"]


def test_a_write_off_has_no_row() -> None:
    story = customer()
    story.order("o1", quantity="0.25", at="10:00")
    story.wait("2026-04-02T21:40:00Z")
    assert rows(story, "ACME_CashActivityReport_04-02-26.csv") == []


@pytest.mark.parametrize("instrument_type", ["ACH", "WIRE", "DEBIT"])
def test_the_instrument_type_is_the_funding_s(instrument_type: str) -> None:
    story = customer()
    story.funding("DepositSettled", "D1", "5.00", instrument_type=instrument_type)
    assert [row[2] for row in activity(story)] == [instrument_type]


def test_activity_is_sorted_by_account_then_id() -> None:
    story = customer()
    story.account("ACME0000", at="00:30")
    for event, account in (("b", ACCOUNT), ("c", "ACME0000"), ("B", ACCOUNT), ("a", ACCOUNT)):
        story.funding("DepositInitiated", event, "1.00", account_id=account, event_id=event)
    assert [row[:2] for row in activity(story)] == [
        ["ACME0000", "c"],
        [ACCOUNT, "B"],
        [ACCOUNT, "a"],
        [ACCOUNT, "b"],
    ]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        pytest.param("plain text", "plain text", id="plain-is-not-quoted"),
        pytest.param("a,b", '"a,b"', id="comma"),
        pytest.param('say "hi"', '"say ""hi"""', id="quotes-are-doubled"),
        pytest.param("two\nlines", '"two\nlines"', id="line-feed"),
        pytest.param("two\rlines", '"two\rlines"', id="carriage-return"),
        pytest.param(" spaces ", " spaces ", id="spaces-are-kept-and-not-quoted"),
        pytest.param("é€😀", "é€😀", id="beyond-ascii"),
        pytest.param("\x1f", "\x1f", id="a-control-character"),
        pytest.param("\u2028", "\u2028", id="a-line-separator-is-no-line-end"),
        pytest.param("'single'", "'single'", id="single-quotes"),
        pytest.param("", "", id="nothing"),
    ],
)
@pytest.mark.parametrize("place", ["reference", "event_id"])
def test_quoting_is_rfc_4180_and_minimal(place: str, text: str, cell: str) -> None:
    """In a reference and in a producer's event id, which may hold anything."""
    if place == "event_id" and not text:
        text = cell = "x"
    told = {"event_id": "e1", "reference": "r"} | {place: text}
    story = customer()
    story.funding("DepositInitiated", "D1", "1.00", at="10:00", **told)
    story.wait("16:40")
    shown = {"event_id": "e1", "reference": "r"} | {place: cell}
    assert story.files[f"{CLIENT}/{ACTIVITY}"] == (
        f"{CASH_ACTIVITY}\n{ACCOUNT},{shown['event_id']},ACH,DEPOSIT,1.00,INITIATED,"
        f"2026-03-03T16:00:00.000Z,{shown['reference']}\n"
    )
    assert rows(story, ACTIVITY)[0][1::6] == [told["event_id"], told["reference"]]


@pytest.mark.parametrize(
    ("text", "cell", "safe"),
    [
        pytest.param("=1+1", "=1+1", "'=1+1", id="equals"),
        pytest.param("+1", "+1", "'+1", id="plus"),
        pytest.param("-1", "-1", "'-1", id="minus"),
        pytest.param("@SUM(A1)", "@SUM(A1)", "'@SUM(A1)", id="at"),
        pytest.param("\t=1", "\t=1", "'\t=1", id="tab"),
        pytest.param("\r=1", '"\r=1"', '"\'\r=1"', id="carriage-return"),
        pytest.param("=", "=", "'=", id="nothing-behind-it"),
        pytest.param("=A1,B1", '"=A1,B1"', '"\'=A1,B1"', id="a-comma"),
        pytest.param('="x"', '"=""x"""', '"\'=""x"""', id="quotes"),
        pytest.param("'=1", "'=1", "'=1", id="an-apostrophe-itself"),
        pytest.param("rent", "rent", "rent", id="harmless"),
        pytest.param("a=1+1-1@1", "a=1+1-1@1", "a=1+1-1@1", id="behind-the-first-character"),
        pytest.param(" =1", " =1", " =1", id="behind-a-space"),
        pytest.param("\n=1", '"\n=1"', '"\n=1"', id="behind-a-line-feed"),
        pytest.param("＝1", "＝1", "＝1", id="a-full-width-equals"),  # noqa: RUF001 - that is the case
        pytest.param("", "", "", id="nothing"),
    ],
)
@pytest.mark.parametrize("csv_safe", [False, True], ids=["as-it-came", "csv-safe"])
@pytest.mark.parametrize("place", ["reference", "event_id"])
def test_a_formula_gets_an_apostrophe_where_that_is_set(
    place: str, csv_safe: bool, text: str, cell: str, safe: str
) -> None:
    """SETTLE_CSV_SAFE: both free texts of the file, and nothing else of the row."""
    if place == "event_id" and not text:
        text = cell = safe = "x"
    told = {"event_id": "e1", "reference": "r"} | {place: text}
    story = customer(csv_safe=csv_safe)
    story.funding("DepositInitiated", "D1", "1.00", at="10:00", **told)
    story.wait("16:40")
    shown = {"event_id": "e1", "reference": "r"} | {place: safe if csv_safe else cell}
    row = (
        f"{ACCOUNT},{shown['event_id']},ACH,DEPOSIT,1.00,INITIATED,"
        f"2026-03-03T16:00:00.000Z,{shown['reference']}\n"
    )
    assert story.files[f"{CLIENT}/{ACTIVITY}"] == f"{CASH_ACTIVITY}\n{row}"
    activity = Activity(
        ACCOUNT,
        told["event_id"],
        100,
        "2026-03-03T16:00:00.000Z",
        ("ACH", "DEPOSIT", "INITIATED"),
        told["reference"],
    )
    audited = activity_file([activity], csv_safe=csv_safe)
    assert audited.content().decode() == story.files[f"{CLIENT}/{ACTIVITY}"]


@pytest.mark.parametrize("csv_safe", [False, True], ids=["as-it-came", "csv-safe"])
def test_rows_are_sorted_by_the_id_without_the_apostrophe(csv_safe: bool) -> None:
    """An apostrophe comes before `+`, `,` and `=`: with it, `=b` would come before `,c`."""
    story = customer(csv_safe=csv_safe)
    for event in ("=b", "+a", ",c"):
        story.funding("DepositInitiated", event, "1.00", event_id=event)
    mark = "'" if csv_safe else ""
    assert [row[1] for row in activity(story)] == [f"{mark}+a", ",c", f"{mark}=b"]


def test_numbers_keep_their_minus() -> None:
    """A balance below zero is a number: only free texts get an apostrophe."""
    story = customer(csv_safe=True)
    story.funding("CashAdjusted", "A1", "-1.05", adjustment_type="ACH_RETURN_FEE")
    story.wait("16:40")
    assert rows(story, "ACME_CashBalanceReport_03-03-26.csv") == [[ACCOUNT, "0.00", "-1.05"]]
