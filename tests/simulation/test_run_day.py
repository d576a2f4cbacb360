"""`make run`, with which the README begins, and the audit of its day that both tell people to type.

The day has real quotes and all funding models: more meets in it than in a history told by a test.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.instant import time_text
from scripts.run_day import UNTIL
from tests.simulation.test_replay_command import (
    SECONDS_MAX,
    environment,
    settle,
    succeeded,
    tree,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which it ran; what it said is in the file `said`."""
    place = tmp_path_factory.mktemp("run")
    ran = subprocess.run(
        [sys.executable, "-m", "scripts.run_day"],
        cwd=place,
        capture_output=True,
        timeout=SECONDS_MAX,
        check=False,
        env=environment() | {"PYTHONPATH": str(ROOT)},
    )
    succeeded(ran)
    (place / "said").write_bytes(ran.stdout)
    return place


def money_in_the_fbo(said: bytes) -> str:
    """Return the line in which a command shows it, blanks apart."""
    lines = [" ".join(line.split()) for line in said.decode().splitlines()]
    (line,) = [line for line in lines if line.startswith("money in the FBO")]
    assert re.fullmatch(r"money in the FBO (\d{1,3},)+\d{3}\.\d\d USD", line)
    return line


def test_the_audit_that_it_tells_to_type_finds_no_difference(folder: Path) -> None:
    typed = (folder / "said").read_text().splitlines()[-1].removeprefix("and check it all:").strip()
    assert f"`{typed}`" in (ROOT / "README.md").read_text()
    command, *arguments = typed.split()
    assert command == ".venv/bin/settle"
    audited = settle(folder, *arguments)
    succeeded(audited)
    assert audited.stdout.startswith(b"out/replay: no difference\n")
    # A person holds one against the other.
    assert money_in_the_fbo(audited.stdout) == money_in_the_fbo((folder / "said").read_bytes())


@pytest.mark.parametrize("processes", ["1", "3"])
def test_the_day_is_the_same_in_one_process_and_in_three(folder: Path, processes: str) -> None:
    """So what was audited is the day of either, whichever of them `make run` takes here."""
    out = f"out/{processes}"
    options = ["--until", time_text(UNTIL), "--processes", processes]
    succeeded(settle(folder, "replay", "out/day.jsonl", "--out", out, *options))
    assert tree(folder / out) == tree(folder / "out/replay")
