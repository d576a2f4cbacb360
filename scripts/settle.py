"""The console script `settle`: all commands."""

import typer

from scripts.apex_simulator import apex_simulator
from scripts.buying_power import buying_power_command
from scripts.consume import consume
from scripts.dump import dump
from scripts.export_journal import export_journal
from scripts.generate import generate
from scripts.import_quotes import import_quotes
from scripts.kafka import kafka
from scripts.process import run
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
    run(app)
