"""An input that is not acted on is never lost: its dead letter (contract section 1)."""

from base64 import b64encode
from hashlib import sha256

from schemas.dead_letter import RAW_BYTES_MAX, DeadLetter
from schemas.instant import Micros
from settlement.cause import Cause, Out
from settlement.remembered import RememberedIds, fingerprint
from topics.catalogue import DEAD_LETTERS
from topics.decode import Refused

_COUNT_BYTES = 2


def dead_letter(
    refused: Refused,
    cause: Cause,
    *,
    topic: str,
    partition: int,
    offset: int,
    key: str | None,
    raw: bytes,
    out: Out,
) -> None:
    """Emit the dead letter of one value; `cause` is `{topic}-{partition}-{offset}`, at time T."""
    letter: DeadLetter = {
        "type": "DeadLetter",
        "event_id": cause.event_id("DeadLetter", key or ""),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "source_topic": topic,
        "source_partition": partition,
        "source_offset": offset,
        "source_key": key,
        "raw": b64encode(raw[:RAW_BYTES_MAX]).decode(),
        "raw_length": len(raw),
        "raw_sha256": sha256(raw).hexdigest(),
        "reason": refused.reason,
        "detail": refused.detail,
    }
    out.append((DEAD_LETTERS, key or "", letter))


class RepeatedPlaces:
    """Two files of a replay may have a bad value of the same topic in the same line.

    The cause is the same then, and k goes on counting: so places are remembered, with how often
    they were named. In a topic a place is named once.
    """

    __slots__ = ("_places",)

    def __init__(self) -> None:
        """Start with none."""
        self._places = RememberedIds(_COUNT_BYTES)

    def cause(self, topic: str, partition: int, offset: int, key: str | None, at: Micros) -> Cause:
        """Return the cause of the next dead letter of a place; `at` is the time of its task."""
        cause = Cause(topic, f"{topic}-{partition}-{offset}", at)
        place = fingerprint(cause.id, key or "")
        named = int.from_bytes(self._places.get(place) or b"", "big")
        for _ in range(named):
            cause.event_id("DeadLetter", key or "")
        self._places.put(place, (named + 1).to_bytes(_COUNT_BYTES, "big"))
        return cause
