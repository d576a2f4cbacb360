"""A generated day, read back line by line, and what became of it in a replay."""

from pathlib import Path
from typing import Any

import orjson

from replay.generate.day import GeneratedDay, write_generated_day
from replay.generate.dirty_inputs import DIRTY
from replay.generate.options import DayOptions
from scripts.replay import run_replay

Line = dict[str, Any]


def lines_of(options: DayOptions) -> list[Line]:
    return [orjson.loads(line) for line in GeneratedDay(options).lines()]


def is_dirty(line: Line) -> bool:
    value = line["value"]
    return not isinstance(value, dict) or value["event_id"].startswith(DIRTY)


def values(lines: list[Line], kind: str) -> list[dict[str, Any]]:
    return [line["value"] for line in lines if not is_dirty(line) and line["value"]["type"] == kind]


def replayed(options: DayOptions, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Replay a day; return what was emitted, by event type."""
    write_generated_day(options, folder / "day.jsonl")
    run_replay([str(folder / "day.jsonl")], folder / "out", None)
    emitted: dict[str, list[dict[str, Any]]] = {}
    for file in (folder / "out/topics").iterdir():
        for line in file.read_bytes().splitlines():
            event = orjson.loads(line)
            emitted.setdefault(event["type"], []).append(event)
    return emitted


def share_executed(emitted: dict[str, list[dict[str, Any]]], *, resting: bool = False) -> float:
    """Return the executed orders' share; with `resting`, of those that did not fill at once."""
    accepted = {
        (event["account_id"], event["client_order_id"]): event["event_time"]
        for event in emitted["OrderAccepted"]
    }
    filled: dict[tuple[str, str], str] = {}
    for event in emitted["Execution"]:
        filled.setdefault((event["account_id"], event["client_order_id"]), event["event_time"])
    if resting:
        filled = {order: at for order, at in filled.items() if at > accepted[order]}
    return len(filled) / (len(accepted) + len(emitted["OrderRejected"]))
