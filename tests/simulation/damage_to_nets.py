"""Damage to net settlements, revenue shares, their entries and their files (quarter.py)."""

from collections.abc import Callable

from tests.simulation.damage import Damage, a_cent_more_than, posting_to
from tests.simulation.replay_copy import Event, ReplayCopy


def _dropped(topic: str, kind: str, number: int, **fields: object) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        event = copy.of_type(topic, kind, **fields)[number]
        copy.drop(topic, event)
        return str(event["event_id"])

    return damage


def _paid_too_early(copy: ReplayCopy) -> str:
    """While 4.00 are still due."""
    status = copy.of_type("net-settlements", "NetSettlementStatus", outstanding="4.00")[0]
    status["status"] = "PAID"
    return str(status["event_id"])


def _changed(topic: str, kind: str, number: int, **fields: str) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        event = copy.of_type(topic, kind)[number]
        assert any(event[name] != value for name, value in fields.items())
        event.update(fields)
        return str(event["event_id"])

    return damage


def _a_cent_more(topic: str, kind: str, number: int, *names: str) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        event = copy.of_type(topic, kind)[number]
        for name in names:
            event[name] = a_cent_more_than(event[name])
        return str(event["event_id"])

    return damage


def _net_a_cent_off_with_its_file(copy: ReplayCopy) -> str:
    net = copy.of_type("net-settlements", "NetSettlement", net_amount="404.00")[0]
    net["net_amount"] = "404.01"
    path = copy.root / "s3" / "ACME" / "eod_settlement" / "03_01_2026_NET_SETTLEMENT_ACME.csv"
    path.write_text(path.read_text().replace("Net Settlement,404.00", "Net Settlement,404.01"))
    for status in copy.of_type("net-settlements", "NetSettlementStatus")[:2]:
        status["outstanding"] = "404.01"
    return str(net["event_id"])


def _in_the_file(name: str, change: Callable[[str], str]) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        path = copy.root / "s3" / "ACME" / "eod_settlement" / name
        before = path.read_text()
        path.write_text(change(before))
        assert path.read_text() != before
        return name

    return damage


def _line_and_its_row_dropped(copy: ReplayCopy) -> str:
    """Also the entry's rest, the file's sums: all but the execution itself."""
    line = copy.of_type("net-settlements", "NetSettlementLine")[1]
    copy.drop("net-settlements", line)
    path = copy.root / "s3" / "ACME" / "eod_settlement" / "03_01_2026_NET_SETTLEMENT_ACME.csv"
    rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join(row for row in rows if line["execution_id"] not in row))
    return str(line["event_id"])


def _line_in_the_next_window(copy: ReplayCopy) -> str:
    line = copy.of_type("net-settlements", "NetSettlementLine")[4]
    assert line["event_time"].endswith("59.999999Z")
    line["window_to"] = "2026-01-07T15:00:00.000000Z"
    return str(line["event_id"])


def _zero_net_dropped(copy: ReplayCopy) -> str:
    """With all that belongs to it: that it had to be follows from the inputs alone."""
    net = copy.of_type("net-settlements", "NetSettlement", net_amount="0.00")[-1]
    copy.drop("net-settlements", net)
    at = net["window_to"]
    status = copy.of_type("net-settlements", "NetSettlementStatus", window_to=at)
    copy.drop("net-settlements", *status)
    deliveries = [
        event
        for event in copy.topic("report-deliveries")
        if event["cause_id"] == net["cause_id"] and "NET_SETTLEMENT" in event["report"]
    ]
    for delivery in deliveries:
        copy.file_of(delivery).unlink()
    copy.drop("report-deliveries", *deliveries)
    return str(net["event_id"])


def _is_wire(entry: Event) -> bool:
    accounts = {posting["account"] for posting in entry["postings"]}
    return entry["account_id"] is None and "client:ACME:net" in accounts


def _wire_dropped(copy: ReplayCopy) -> str:
    entry = copy.find("journal", _is_wire)
    copy.drop("journal", entry)
    return "client ACME"


def _wire_with_all_dropped(copy: ReplayCopy) -> str:
    """Entry and status of the second wire: 4.00 are still due then."""
    entry = [e for e in copy.topic("journal") if _is_wire(e)][1]
    copy.drop_caused_by(entry["cause_id"])
    return ""


def _wire_in_the_other_direction(copy: ReplayCopy) -> str:
    entry = copy.find("journal", _is_wire)
    for posting in entry["postings"]:
        text = posting["amount"]
        posting["amount"] = text.removeprefix("-") if text.startswith("-") else f"-{text}"
    return "ACME"


def _wire_a_cent_more(copy: ReplayCopy) -> str:
    entry = copy.find("journal", _is_wire)
    for posting in entry["postings"]:
        cents = -1 if posting["amount"].startswith("-") else 1
        posting["amount"] = a_cent_more_than(posting["amount"], cents)
    return "ACME"


def _payout_a_cent_more(copy: ReplayCopy) -> str:
    entry = copy.find(
        "journal",
        lambda e: (
            e["account_id"] is None
            and "bank:business" in str(e["postings"])
            and "share" in str(e["postings"])
        ),
    )
    for posting in entry["postings"]:
        cents = -1 if posting["amount"].startswith("-") else 1
        posting["amount"] = a_cent_more_than(posting["amount"], cents)
    return str(entry["event_id"])


def _deduction_dropped(copy: ReplayCopy) -> str:
    entry = copy.find(
        "journal", lambda e: e["account_id"] is None and "writeoff:BETA" in str(e["postings"])
    )
    copy.drop("journal", entry)
    return str(entry["event_id"])


def _share_of_another_client(copy: ReplayCopy) -> str:
    entry = copy.find("journal", lambda e: "revenue:share:BETA" in str(e["postings"]))
    posting_to(entry, "revenue:share")["account"] = "revenue:share:ACME"
    return str(entry["event_id"])


def _trade_owed_by_the_customer(copy: ReplayCopy) -> str:
    entry = copy.find("journal", lambda e: "client:ACME:net" in str(e["postings"]))
    posting_to(entry, "client:ACME:net")["account"] = f"customer:{entry['account_id']}:owed"
    return str(entry["event_id"])


def _opinion_with_all_dropped(copy: ReplayCopy) -> str:
    status = copy.of_type("net-settlements", "NetSettlementStatus", status="DISPUTED")[0]
    copy.drop("net-settlements", status)
    return str(status["event_id"])


DETAIL = "03_01_2026_NET_SETTLEMENT_ACME.csv"
SUMMARY = "03_01_2026_NET_SETTLEMENT_SUMMARY_ACME.csv"

NETS: dict[str, Damage] = {
    "a line dropped": _dropped("net-settlements", "NetSettlementLine", 2),
    "a line and its row dropped": _line_and_its_row_dropped,
    "a line a cent more": _a_cent_more("net-settlements", "NetSettlementLine", 2, "net_amount"),
    "a line in the next window": _line_in_the_next_window,
    "a line's price changed": _changed("net-settlements", "NetSettlementLine", 2, price="1.00"),
    "a net dropped": _dropped("net-settlements", "NetSettlement", 0),
    "a net a cent off, its file and status too": _net_a_cent_off_with_its_file,
    "a net due on the weekend": _changed(
        "net-settlements", "NetSettlement", 0, payment_due="2026-01-04"
    ),
    "a window an hour long": _changed(
        "net-settlements", "NetSettlement", 64, window_from="2026-03-07T14:00:00.000000Z"
    ),
    "a first status dropped": _dropped("net-settlements", "NetSettlementStatus", 0),
    "a paid status dropped": _dropped(
        "net-settlements",
        "NetSettlementStatus",
        0,
        status="PAID",
        window_to="2026-01-03T15:00:00.000000Z",
    ),
    "a status paid too early": _paid_too_early,
    "a cent less outstanding": _a_cent_more(
        "net-settlements", "NetSettlementStatus", 4, "outstanding"
    ),
    "a surplus not carried": _changed(
        "net-settlements", "NetSettlementStatus", -1, outstanding="7.77"
    ),
    "a wire dropped": _wire_dropped,
    "a wire in the other direction": _wire_in_the_other_direction,
    "a wire a cent more": _wire_a_cent_more,
    "a trade owed by the customer": _trade_owed_by_the_customer,
    "a statement dropped": _dropped("revenue-shares", "RevenueShareStatement", 3),
    "a statement's carry wrong": _a_cent_more(
        "revenue-shares", "RevenueShareStatement", 5, "carried_in"
    ),
    "a statement's carry and payable wrong": _changed(
        "revenue-shares",
        "RevenueShareStatement",
        5,
        carried_in="0.00",
        carried_out="0.00",
        payable="93.00",
    ),
    "a statement's write-offs wrong": _changed(
        "revenue-shares", "RevenueShareStatement", 3, write_offs="0.00"
    ),
    "a deduction dropped": _deduction_dropped,
    "a share of another client's": _share_of_another_client,
    "a row of the detail dropped": _in_the_file(
        DETAIL, lambda text: "".join(text.splitlines(keepends=True)[:-1])
    ),
    "the detail's head another": _in_the_file(
        DETAIL, lambda text: text.replace("From,2026-01-02T15", "From,2026-01-02T14")
    ),
    "the summary a cent off": _in_the_file(
        SUMMARY, lambda text: text.replace("404.00,0,", "404.01,0,")
    ),
    "a net of zero dropped with all that belongs to it": _zero_net_dropped,
    "a wire dropped with all that it made": _wire_with_all_dropped,
    "a payout a cent more": _payout_a_cent_more,
    "an opinion dropped": _opinion_with_all_dropped,
    "a share a cent more, consistently": _a_cent_more(
        "revenue-shares", "RevenueShareStatement", 0, "share", "payable"
    ),
}
