"""An error that a person can act on."""


class Failure(Exception):
    """Ends a command with exit code 1 and this one line: what, where, what to do."""
