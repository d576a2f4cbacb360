"""The console script `settle`, before its commands are there.

Loading them takes a second, more on a busy machine, and people press Ctrl-C in it: that ends as it
does later, with one line. From then on `settle.py` answers for signals.
"""

import sys


def main() -> None:
    """Load the commands and run one: exit 0, or 1 with one clear line, or 2 for wrong usage."""
    try:
        from scripts.settle import main as run  # here: a Ctrl-C while it loads is ours

        run()
    except KeyboardInterrupt:
        sys.stderr.write("settle: interrupted by SIGINT; nothing half-written is left\n")
        sys.exit(1)
