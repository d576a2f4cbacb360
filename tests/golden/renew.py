"""Write the golden day's outputs anew: make golden, or python -m tests.golden.renew.

Then read the diff: each changed line is a decision, and README.md says why the amounts are right.
"""

import sys
from pathlib import Path

from scripts.replay import run_replay

HERE = Path(__file__).parent
DAY = HERE / "day.jsonl"
EXPECTED = HERE / "expected"


def renew(out: Path = EXPECTED) -> None:
    """Replay the golden day into `out`, which it replaces."""
    run_replay([str(DAY)], out, None)


if __name__ == "__main__":
    renew()
    sys.stdout.write("tests/golden/expected is renewed; now read: git diff tests/golden\n")
