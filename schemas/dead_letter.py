"""An input that was not acted on, and is not lost."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.event import Emitted

DeadLetterReason = Literal[
    "MALFORMED",
    "UNKNOWN_TYPE",
    "INVALID",
    "WRONG_PARTITION",
    "UNKNOWN_SYMBOL",
    "CONFLICT",
    "CROSSED_TICK",
    "NOT_POSITIVE",
    "UNKNOWN_ACCOUNT",
    "CLIENT_CHANGED",
    "BAD_TRANSITION",
    "AMOUNT_MISMATCH",
    "FUNDING_NOT_OURS",
    "UNKNOWN_JOURNAL",
    "UNKNOWN_REASON",
    "CONTRADICTION",
    "TOO_MANY_PROVIDERS",
]
RAW_BYTES_MAX = 64 * 1024


class DeadLetter(Emitted):
    """`raw`: base64 of the value, of a longer one its first 64 KiB.

    `raw_length` and `raw_sha256` are those of the whole value.
    """

    type: Literal["DeadLetter"]
    source_topic: str
    source_partition: int
    source_offset: int
    source_key: str | None
    raw: str
    raw_length: int
    raw_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    reason: DeadLetterReason
    detail: str
