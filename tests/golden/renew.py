"""Write the golden days' outputs anew: make golden, or python -m tests.golden.renew.

Then read the diff: each changed line is a decision, and README.md says why the amounts are right.
"""

import sys
from pathlib import Path

from scripts.replay import run_replay

HERE = Path(__file__).parent
DAY = HERE / "day.jsonl"
# Each has a `day.jsonl` and its `expected`.
DAYS = (HERE, HERE / "net")


def renew(day: Path, out: Path) -> None:
    """Replay a golden day into `out`, which it replaces."""
    run_replay([str(day / "day.jsonl")], out, None)


if __name__ == "__main__":
    for each in DAYS:
        renew(each, each / "expected")
    sys.stdout.write("tests/golden is renewed; now read: git diff tests/golden\n")
