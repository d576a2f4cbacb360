"""An error that a person can act on."""

# Set, a defect of ours ends with its traceback instead of one line.
TRACEBACK = "SETTLE_TRACEBACK"


class Failure(Exception):  # noqa: N818 - what a command ends with, not an error of ours
    """Ends a command with exit code 1 and this one line: what, where, what to do."""
