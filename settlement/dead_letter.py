"""An input that is not acted on is never lost: its dead letter (contract section 1)."""

from base64 import b64encode
from hashlib import sha256

from schemas.dead_letter import DETAIL_LENGTH_MAX, RAW_BYTES_MAX, RAW_KEY_BYTES_MAX, DeadLetter
from schemas.instant import Micros
from settlement.cause import Cause, Out
from settlement.remembered import RememberedIds, fingerprint
from topics.catalogue import DEAD_LETTERS
from topics.decode import Refused
from topics.partition import key_text

_COUNT_BYTES = 2


def dead_letter(
    refused: Refused,
    cause: Cause,
    *,
    topic: str,
    partition: int,
    offset: int,
    key: bytes | None,
    raw: bytes | None,
    out: Out,
) -> None:
    """Emit the dead letter of one record; `cause` is `{topic}-{partition}-{offset}`, at time T.

    `key` and `raw` are the record's key and value. Copies of them are bounded (contract section 1).
    """
    value = raw or b""
    key_start = None if key is None else key[:RAW_KEY_BYTES_MAX]
    shown_key = source_key(key)
    letter: DeadLetter = {
        "type": "DeadLetter",
        "event_id": cause.event_id("DeadLetter", shown_key or ""),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "source_topic": topic,
        "source_partition": partition,
        "source_offset": offset,
        "source_key": shown_key,
        "source_key_raw": None if key_start is None else b64encode(key_start).decode(),
        "source_key_length": len(key or b""),
        "raw": None if raw is None else b64encode(raw[:RAW_BYTES_MAX]).decode(),
        "raw_length": len(value),
        "raw_sha256": sha256(value).hexdigest(),
        "reason": refused.reason,
        "detail": refused.detail[:DETAIL_LENGTH_MAX],
    }
    out.append((DEAD_LETTERS, "" if key_start is None else key_text(key_start), letter))


def source_key(key: bytes | None) -> str | None:
    """Return a record's key as text, None without one, or if it is too long or not UTF-8."""
    if key is None or len(key) > RAW_KEY_BYTES_MAX:
        return None
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None


class RepeatedPlaces:
    """Two files of a replay may have a bad value of the same topic in the same line.

    The cause is the same then, and k goes on counting: so places are remembered, with how often
    they were named. In a topic a place is named once.
    """

    __slots__ = ("_places",)

    def __init__(self) -> None:
        """Start with none."""
        self._places = RememberedIds(_COUNT_BYTES)

    def cause(
        self, topic: str, partition: int, offset: int, key: bytes | None, at: Micros
    ) -> Cause:
        """Return the cause of the next dead letter of a place; `at` is the time of its task."""
        cause = Cause(topic, f"{topic}-{partition}-{offset}", at)
        shown_key = source_key(key) or ""
        place = fingerprint(cause.id, shown_key)
        named = int.from_bytes(self._places.get(place) or b"", "big")
        for _ in range(named):
            cause.event_id("DeadLetter", shown_key)
        self._places.put(place, (named + 1).to_bytes(_COUNT_BYTES, "big"))
        return cause
