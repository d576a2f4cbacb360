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


class DeadLetters:
    """Writes dead letters.

    Two files of a replay may have a bad value of the same topic in the same line: the cause is the
    same, and k goes on counting. So places are remembered, with how often they were named.
    """

    __slots__ = ("_places",)

    def __init__(self) -> None:
        """Start with none."""
        self._places = RememberedIds(_COUNT_BYTES)

    def write(
        self,
        refused: Refused,
        *,
        topic: str,
        partition: int,
        offset: int,
        key: str | None,
        raw: bytes,
        at: Micros,
        out: Out,
    ) -> None:
        """Emit the dead letter of one value; `at` is the time of its task: it moves none."""
        cause_id = f"{topic}-{partition}-{offset}"
        cause = Cause(topic, cause_id, at)
        place = fingerprint(cause_id, key or "")
        named = int.from_bytes(self._places.get(place) or b"", "big")
        for _ in range(named):
            cause.event_id("DeadLetter", key or "")
        self._places.put(place, (named + 1).to_bytes(_COUNT_BYTES, "big"))
        letter: DeadLetter = {
            "type": "DeadLetter",
            "event_id": cause.event_id("DeadLetter", key or ""),
            "event_time": cause.at_text,
            "cause_id": cause_id,
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
