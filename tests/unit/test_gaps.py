"""A step of more than 40 days between two inputs that move time (contract section 12)."""

import subprocess
import sys
from pathlib import Path

import pytest

from replay.read import InputFiles, UnreadableInputError, read_inputs
from replay.usual import USUAL

SETTLE = Path(sys.executable).with_name("settle")


def _line(topic: str, event: str) -> str:
    return f'{{"topic":"{topic}","value":{{{event}}}}}\n'


def client(at: str) -> str:
    rates = ("markup_bps", "markup_fixed", "commission_bps", "commission_fixed")
    names = (*rates, "commission_minimum", "revenue_share_bps")
    zeros = ",".join(f'"{name}":"0"' for name in names)
    return _line(
        "clients",
        f'"type":"ClientUpdated","event_id":"{at}","event_time":"{at}","client":"ACME",'
        f'"name":"Acme","commission_model":"MARKUP","trading":"OPEN",{zeros}',
    )


def tick(at: str) -> str:
    prices = '"bid_price":"1","bid_size":"1","ask_price":"2","ask_size":"1"'
    return _line(
        "price-ticks",
        f'"type":"PriceTick","event_id":"{at}","event_time":"{at}","provider":"alpha",'
        f'"symbol":"BTCUSD",{prices}',
    )


def clock(at: str) -> str:
    return _line(
        "clock",
        f'"type":"ClockTicked","event_id":"{at}","event_time":"{at}","at":"{at}"',
    )


BAD = _line("orders", '"type":"OrderSubmitted","event_time":"2026-02-01T00:00:00Z"')
START = "2026-01-01T00:00:00Z"
# 40 days later, and a microsecond more.
LAST = "2026-02-10T00:00:00Z"
LATER = "2026-02-10T00:00:00.000001Z"


@pytest.mark.parametrize(
    ("lines", "bad_line"),
    [
        pytest.param([tick(START), tick(LAST)], None, id="forty days"),
        pytest.param([tick(START), tick(LATER)], 2, id="a microsecond more"),
        pytest.param([tick(START), clock(LATER)], 2, id="to a tick of the clock"),
        pytest.param([clock(START), tick(LAST), tick("2026-03-22T00:00:00Z")], None, id="twice"),
        pytest.param([client("2020-01-01T00:00:00Z"), tick(START)], None, id="before time starts"),
        pytest.param([client("2020-01-01T00:00:00Z"), client(START)], None, id="no time at all"),
        pytest.param([tick(START), client(LATER)], 2, id="reference data once time has started"),
        pytest.param([tick(START), BAD, tick(LATER)], 3, id="a bad value moves no time"),
        pytest.param([BAD, client(START), tick(LATER)], None, id="a bad value starts no time"),
        pytest.param([tick(START), tick("2027-01-01T00:00:00Z")], 2, id="a year"),
    ],
)
def test_a_step_of_more_than_forty_days_is_refused_and_named(
    tmp_path: Path, lines: list[str], bad_line: int | None
) -> None:
    path = tmp_path / "day.jsonl"
    path.write_text("".join(lines))
    assert len(list(read_inputs([str(path)]))) == len(lines)
    for usual in (None, USUAL):
        read = InputFiles([str(path)], usual=usual, allow_gaps=False).lines()
        if bad_line is None:
            assert len(list(read)) == len(lines)
            continue
        with pytest.raises(UnreadableInputError) as refused:
            list(read)
        assert str(refused.value).startswith(f"{path}, line {bad_line}: event_time ")
        assert str(refused.value).endswith("--allow-gaps permits more than 40")


def test_another_file_may_fill_the_gap_and_the_right_file_is_named(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text(tick(START) + tick(LATER))
    two.write_text(tick("2026-01-20T00:00:00Z"))
    paths = [str(one), str(two)]
    assert len(list(InputFiles(paths, usual=USUAL, allow_gaps=False).lines())) == 3
    two.write_text(tick(START) + tick("2026-02-11T00:00:00Z") + tick("2026-06-01T00:00:00Z"))
    one.write_text(tick("2026-01-20T00:00:00Z"))
    with pytest.raises(UnreadableInputError, match=r"two, line 3: .* is 110 days after"):
        list(InputFiles(paths, usual=USUAL, allow_gaps=False).lines())


@pytest.mark.parametrize("processes", ["1", "3"])
def test_a_replay_ends_with_one_line_and_leaves_nothing(tmp_path: Path, processes: str) -> None:
    path = tmp_path / "day.jsonl"
    path.write_text(tick(START) + tick(LATER))
    command = [str(SETTLE), "replay", str(path), "--processes", processes]
    command += ["--out", str(tmp_path / "out")]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        f"settle: {path}, line 2: event_time 2026-02-10T00:00:00.000001Z"
    )
    assert len(refused.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
    done = subprocess.run([*command, "--allow-gaps"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "summary.json").is_file()
