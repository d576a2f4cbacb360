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
    "BASE_CHANGED",
    "TOO_LARGE",
    "QUARANTINED",
    "TOO_MANY_PROVIDERS",
]
# Of a value and a key, so many bytes; of what is wrong, so many code points.
RAW_BYTES_MAX = 64 * 1024
RAW_KEY_BYTES_MAX = 256
DETAIL_LENGTH_MAX = 512


class DeadLetter(Emitted):
    """The input's value and key, as far as they are no longer than 64 KiB and 256 bytes.

    `raw`: base64 of the value, of a longer one its first 64 KiB; null of a record without a value.
    `raw_length` (0 without a value) and `raw_sha256` are those of the whole value. `source_key`:
    the key's text, null if it is not UTF-8 or longer than 256 bytes. `source_key_raw`: base64 of
    the key, of a longer one its first 256 bytes; both null of a record without a key.
    `source_key_length`: bytes of the whole key, 0 without one. Its own key is the first 256 bytes
    of the input's (contract section 1).
    """

    type: Literal["DeadLetter"]
    source_topic: str
    source_partition: int
    source_offset: int
    source_key: str | None
    source_key_raw: str | None
    source_key_length: int
    raw: str | None
    raw_length: int
    raw_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    reason: DeadLetterReason
    detail: Annotated[str, Field(max_length=DETAIL_LENGTH_MAX)]
