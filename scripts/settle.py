"""The console script `settle`: all commands, and how errors reach a person."""

import os
import signal
import sys
from types import FrameType

import typer

from scripts.apex_simulator import apex_simulator
from scripts.buying_power import buying_power_command
from scripts.consume import consume
from scripts.dump import dump
from scripts.errors import TRACEBACK, Failure
from scripts.export_journal import export_journal
from scripts.generate import generate
from scripts.import_quotes import import_quotes
from scripts.kafka import kafka
from scripts.produce import produce
from scripts.quarantine import quarantine
from scripts.reconcile import reconcile
from scripts.replay import replay
from scripts.report_day import report_day
from scripts.reports import reports
from scripts.settings import config
from scripts.topics import topics
from scripts.verify import verify
from scripts.worker import worker

app = typer.Typer(
    name="settle",
    help="Event-driven settlement for a digital-asset brokerage.\n\n"
    "Example: settle generate --out day.jsonl\n\n"
    "Example: settle replay day.jsonl --out day\n\n"
    "Example: settle verify day",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",  # else a paragraph is broken where its source is
    pretty_exceptions_enable=False,
)
app.command("replay")(replay)
app.command("generate")(generate)
app.command("import-quotes")(import_quotes)
app.command("verify")(verify)
app.command("export-journal")(export_journal)
app.command("report-day")(report_day)
app.command("buying-power")(buying_power_command)
app.command("reconcile")(reconcile)
app.command("config")(config)
app.command("worker")(worker)
app.command("produce")(produce)
app.command("consume")(consume)
app.command("dump")(dump)
app.command("quarantine")(quarantine)
app.command("apex-simulator")(apex_simulator)
app.add_typer(kafka, name="kafka")
app.add_typer(topics, name="topics")
app.add_typer(reports, name="reports")


def main() -> None:
    """Run a command: exit 0, or 1 with one clear line, or 2 for wrong usage."""
    # Raised where the command works, so that it takes away what is half-written.
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except Failure as failure:
        _end(str(failure))
    except BrokenPipeError:
        # The reader of our output has gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        # Files that are read or written answer for themselves; this is what we print.
        _end(f"standard output: {error.strerror or error}; what was made is there")
    except Exception as error:  # a defect of ours, not the user's: still one line
        if os.environ.get(TRACEBACK):
            raise
        _end(
            f"a defect of settle: {type(error).__name__}: {error} (set {TRACEBACK}=1 to see where)"
        )


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signal wants it
    # People press Ctrl-C twice: what tidies up is not interrupted again.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Failure(f"interrupted by {signal.Signals(number).name}; nothing half-written is left")


def _end(message: str) -> None:
    sys.stderr.write(f"settle: {message}\n")
    sys.exit(1)
