"""`settle generate`, the command: what it takes, says and refuses (contract section 12)."""

from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import CliRunner

from scripts.errors import Failure
from scripts.generate import generate
from tests.generated_day import values

app = typer.Typer()
app.command()(generate)


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    target = tmp_path / "day.jsonl"
    done = CliRunner().invoke(
        app, ["--seed", "3", "--accounts", "12", "--hours", "2", "--out", str(target)]
    )
    assert done.exit_code == 0
    lines = target.read_bytes().splitlines()
    assert f"lines {len(lines):,}" in " ".join(done.stdout.split())
    assert "AccountUpdated" in done.stdout


def test_the_command_takes_models(tmp_path: Path) -> None:
    target = tmp_path / "day.jsonl"
    done = CliRunner().invoke(
        app, ["--hours", "1", "--model", "APEX_CLEARING", "--out", str(target)]
    )
    assert done.exit_code == 0
    lines = [orjson.loads(line) for line in target.read_bytes().splitlines()]
    assert {account["funding_model"] for account in values(lines, "AccountUpdated")} == {
        "APEX_CLEARING"
    }


def test_the_command_takes_a_date_and_how_often_is_quoted(tmp_path: Path) -> None:
    """From midnight in Chicago, which is 05:00 UTC on a day on which the clocks went forward."""
    target = tmp_path / "day.jsonl"
    options = ["--hours", "24", "--date", "2026-03-09", "--quote-interval-ms", "3600000"]
    done = CliRunner().invoke(app, [*options, "--accounts", "5", "--out", str(target)])
    assert done.exit_code == 0
    lines = [orjson.loads(line) for line in target.read_bytes().splitlines()]
    assert lines[0]["value"]["event_time"] == "2026-03-09T05:00:00.000000Z"
    # Two symbols, three providers, hourly, on average.
    assert 120 < len(values(lines, "PriceTick")) < 170


def test_a_missing_market_is_a_failure(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["--market", str(tmp_path / "none"), "--out", str(tmp_path / "day.jsonl")]
    )
    assert isinstance(done.exception, Failure)
    assert str(done.exception) == (
        f"{tmp_path / 'none'}: No such file or directory; nothing was written"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(["--accounts", "0"], id="no-accounts"),
        pytest.param(["--hours", "0"], id="no-hours"),
        pytest.param(["--orders", "-1"], id="negative-orders"),
        pytest.param(["--seed", "x"], id="seed-is-no-number"),
        pytest.param(["--model", "BARTER"], id="unknown-model"),
        pytest.param(["--date", "2026-02-30"], id="no-such-date"),
        pytest.param(["--date", "1969-12-31"], id="before-all-times"),
        pytest.param(["--quote-interval-ms", "0"], id="no-interval"),
        pytest.param(["--market", "m", "--date", "2026-03-02"], id="a-market-has-its-own-date"),
        pytest.param(["--market", "m", "--quote-interval-ms", "1"], id="and-its-own-quotes"),
    ],
)
def test_wrong_usage_exits_2(wrong: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [*wrong, "--out", str(tmp_path / "day.jsonl")])
    assert done.exit_code == 2
    assert list(tmp_path.iterdir()) == []
