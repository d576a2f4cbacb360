"""Damage around a call that is written off, and to quiet days."""

from tests.simulation.damage import Damage, posting_to
from tests.simulation.replay_copy import ReplayCopy


def _write_off_turned_failure(copy: ReplayCopy) -> str:
    written_off = copy.of_type("cash-calls", "CashCallWrittenOff")[0]
    copy.drop("journal", *[e for e in copy.topic("journal") if "writeoff" in str(e["postings"])])
    written_off.update(
        type="CashCallFailed",
        attempt=written_off["attempt"] + 1,
        next_retry_at="2026-03-05T23:00:00.000000Z",
    )
    return str(written_off["account_id"])


def _write_off_dropped(copy: ReplayCopy) -> str:
    written_off = copy.of_type("cash-calls", "CashCallWrittenOff")[0]
    copy.drop("cash-calls", written_off)
    return str(written_off["event_id"])


def _write_off_turned_settlement(copy: ReplayCopy) -> str:
    written_off = copy.of_type("cash-calls", "CashCallWrittenOff")[0]
    written_off["type"] = "CashCallSettled"
    del written_off["reason"]
    return str(written_off["account_id"])


def _write_off_of_another_client(copy: ReplayCopy) -> str:
    entry = copy.find("journal", lambda event: "writeoff" in str(event["postings"]))
    posting_to(entry, "writeoff")["account"] = "writeoff:platform"
    return str(entry["event_id"])


def _quiet_window_dropped(copy: ReplayCopy) -> str:
    window = copy.of_type("executions", "WindowOpened", window="NET_SETTLEMENT")[12]
    copy.drop("executions", window)
    return str(window["event_id"])


def _window_an_hour_late(copy: ReplayCopy) -> str:
    """As if daylight saving had been overlooked."""
    window = copy.of_type("executions", "WindowOpened", window="MAINTENANCE_END")[12]
    window["scheduled_at"] = window["scheduled_at"].replace("T23:05", "T22:05")
    return str(window["event_id"])


MONTH: dict[str, Damage] = {
    "a write-off turned into a failure": _write_off_turned_failure,
    "a write-off dropped": _write_off_dropped,
    "a write-off turned into a settlement": _write_off_turned_settlement,
    "a write-off at the platform's expense": _write_off_of_another_client,
    "a quiet window dropped": _quiet_window_dropped,
    "a window an hour off": _window_an_hour_late,
}
