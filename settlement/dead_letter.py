"""An input that is not acted on is never lost: its dead letter (contract section 1)."""

from base64 import b64encode
from hashlib import sha256

from schemas.dead_letter import RAW_BYTES_MAX, DeadLetter
from schemas.instant import Micros
from settlement.cause import Cause, Out
from topics.catalogue import DEAD_LETTERS
from topics.decode import Refused


class DeadLetters:
    """Writes dead letters. Two files of a replay may name the same line of the same topic.

    `seen` counts, per cause and key, those written before: their ids go on counting.
    """

    __slots__ = ("_causes",)

    def __init__(self) -> None:
        """Start with none."""
        self._causes: dict[str, Cause] = {}

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
        cause = self._causes.setdefault(cause_id, Cause(topic, cause_id, at))
        letter: DeadLetter = {
            "type": "DeadLetter",
            "event_id": cause.event_id("DeadLetter", key or ""),
            "event_time": Cause(topic, cause_id, at).at_text,
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
