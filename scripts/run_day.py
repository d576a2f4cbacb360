"""`make run`: a real market day settles, from five venues' quotes to the clients' files."""

import sys
import time
from importlib.resources import as_file, files
from pathlib import Path

from replay.generate.day import write_generated_day
from replay.generate.options import DayOptions
from replay.quotes import import_quotes
from schemas.instant import micros
from scripts.process import run
from scripts.replay import run_replay, show
from scripts.report_day import write_report
from scripts.settings import read_settings

OUT = Path("out")
QUOTES = "five_venue_quotes_2020-03-29.csv.gz"
SYMBOLS = {"BTCUSDT": "BTCUSD", "ETHUSDT": "ETHUSD"}
ACCOUNTS = 400
SEED = 1
# 19:30 in Chicago: the day's last window, and with it the last Aged TPJ file.
UNTIL = micros("2020-03-30T00:30:00Z")


def main() -> None:
    """Import the quotes, generate customers around them, replay the day, show what happened.

    The page lies beside the replay directory, which holds what a replay writes and nothing else.
    """
    market, day, replayed = OUT / "market.jsonl", OUT / "day.jsonl", OUT / "replay"
    csv_safe = read_settings().csv_safe
    OUT.mkdir(exist_ok=True)
    _say(f"1. real quotes of five venues, {QUOTES} -> {market}")
    with as_file(files("replay").joinpath("data", QUOTES)) as source:
        imported = import_quotes(source, market, SYMBOLS)
    _say(f"   {imported.ticks:,} quotes")
    _say(f"2. {ACCOUNTS} customers and their orders around them -> {day}")
    made = write_generated_day(DayOptions(SEED, ACCOUNTS, market=market), day)
    _say(f"   {made.lines:,} lines")
    _say(f"3. the day, settled -> {replayed}\n")
    started = time.perf_counter()
    summary = run_replay([str(day)], replayed, UNTIL, csv_safe=csv_safe)
    show(summary, replayed, time.perf_counter() - started)
    page = write_report(replayed, OUT / "day.html")
    aged = max(replayed.glob("s3/*/tpj_aging/*.csv"), key=lambda path: path.stat().st_size)
    _say(f"""
Look at
  {page}                    (the day as a page: open it in a browser)
  {aged}   (an Aged TPJ file: calls that failed and are still open)
  {replayed}/s3                   (every client's files)
  {replayed}/topics/journal.jsonl (the double-entry ledger)
and check it all:  .venv/bin/settle verify {replayed}""")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run(main)
