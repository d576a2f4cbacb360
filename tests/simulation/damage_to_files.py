"""Damage to the clients' files and their deliveries."""

from tests.simulation.damage import Damage, dropped, swapped_with_the_next
from tests.simulation.replay_copy import ReplayCopy


def _row_dropped(report: str, rows_min: int = 2) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        path = copy.file_of(copy.delivery(report, rows_min))
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:-1]))
        return path.name

    return damage


def _row_changed(report: str, old: str, new: str) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        for event in copy.topic("report-deliveries"):
            path = copy.file_of(event)
            text = path.read_text()
            if event["report"] == report and old in text:
                path.write_text(text.replace(old, new, 1))
                return path.name
        raise AssertionError(old)

    return damage


def _aged_failure_with_its_row(copy: ReplayCopy) -> str:
    aged = copy.of_type("aged-failures", "AgedFailure", report="AGED")[0]
    copy.drop("aged-failures", aged)
    delivery = copy.find(
        "report-deliveries",
        lambda e: e["cause_id"] == aged["cause_id"] and e["client"] == aged["client"],
    )
    path = copy.file_of(delivery)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if aged["tpj_id"] not in line))
    return str(aged["event_id"])


def _file_dropped(copy: ReplayCopy) -> str:
    path = copy.file_of(copy.delivery("POSITIONS"))
    path.unlink()
    return path.name


def _file_with_its_delivery_dropped(copy: ReplayCopy) -> str:
    delivery = copy.delivery("POSITIONS")
    copy.file_of(delivery).unlink()
    copy.drop("report-deliveries", delivery)
    return str(delivery["client"])


def _file_too_many(copy: ReplayCopy) -> str:
    path = copy.file_of(copy.delivery("POSITIONS"))
    path.with_name("again.csv").write_bytes(path.read_bytes())
    return "again.csv"


def _cut_moved(copy: ReplayCopy) -> str:
    delivery = copy.delivery("AGED_TPJ", 0)
    path = copy.file_of(delivery)
    later = path.with_name(path.name.replace("1930", "1931"))
    path.rename(later)
    delivery["uri"] = delivery["uri"].replace("1930", "1931")
    return path.name


def _balance_row_dropped(copy: ReplayCopy) -> str:
    """The row of an account that has something, in the file of its client."""
    balance = copy.of_type("balances", "AccountBalance")[0]
    path = copy.file_of(copy.delivery("CASH_BALANCE", client=balance["client"]))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if balance["account_id"] not in line))
    return str(balance["account_id"])


FILES: dict[str, Damage] = {
    "a delivery dropped": dropped("report-deliveries", "ReportDelivered"),
    "a delivery and the next swapped": swapped_with_the_next(
        "report-deliveries", "ReportDelivered"
    ),
    "an aged failure dropped with its row": _aged_failure_with_its_row,
    "a row missing from an aged file": _row_dropped("AGED_TPJ"),
    "a row missing from the confirm": _row_dropped("EXECUTION_CONFIRM"),
    "a row missing from positions": _row_dropped("POSITIONS"),
    "a row missing from the cash balance": _balance_row_dropped,
    "a row missing from cash activity": _row_dropped("CASH_ACTIVITY"),
    "a status in the confirm": _row_changed("EXECUTION_CONFIRM", "NOT_SETTLED", "SETTLED"),
    "the confirm's header": _row_changed("EXECUTION_CONFIRM", "From,", "from,"),
    "an instrument type in cash activity": _row_changed("CASH_ACTIVITY", ",TPJ,", ",ACH,"),
    "a status in cash activity": _row_changed("CASH_ACTIVITY", ",INITIATED,", ",ACCEPTED,"),
    "a file missing": _file_dropped,
    "a file missing with its delivery": _file_with_its_delivery_dropped,
    "a file too many": _file_too_many,
    "a report's cut moved": _cut_moved,
}
