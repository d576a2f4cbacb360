"""The reasons of dead letters that are refused for their form: these alone move no time."""

from typing import get_args

from schemas.dead_letter import DeadLetterReason

FORM_REASONS = frozenset(
    {"QUARANTINED", "TOO_LARGE", "MALFORMED", "UNKNOWN_TYPE", "INVALID", "WRONG_PARTITION"}
)
STATE_REASONS = frozenset(get_args(DeadLetterReason)) - FORM_REASONS
