"""Dead letters: each is computed from the bytes of its input (contract section 1)."""

from base64 import b64encode
from collections import Counter
from hashlib import sha256

from audit.cause import emitted, event_id
from audit.topic_file import TopicFile
from replay.read import InputLine, line_key, raw_value
from schemas.dead_letter import DETAIL_LENGTH_MAX, RAW_BYTES_MAX, RAW_KEY_BYTES_MAX
from schemas.instant import Micros, time_text
from topics.decode import Refused

_PARTITION = 0  # a plain replay runs one


class DeadLetters:
    """Reads `dead-letters`; k counts on when two files of a replay name the same topic and line."""

    def __init__(self, topic: TopicFile) -> None:
        """Start before the first."""
        self.topic = topic
        self.reasons: Counter[str] = Counter()
        self._made: Counter[tuple[str, str]] = Counter()

    def expect(self, line: InputLine, reason: str, at: Micros) -> None:
        """Take the dead letter of an input; `detail` is compared only where the form decides it.

        Raises:
            DifferenceError: the next dead letter is another.
        """
        raw = raw_value(line.text)
        raw_key = line_key(line.topic, raw)
        key = None if raw_key is None or len(raw_key) > RAW_KEY_BYTES_MAX else raw_key.decode()
        source = f"{line.topic}-{_PARTITION}-{line.number}"
        self._made[source, key or ""] += 1
        made = self._made[source, key or ""]
        expected = emitted(
            "DeadLetter",
            event_id(line.topic, source, "DeadLetter", key or "", made),
            time_text(at),
            source,
        )
        expected.update(
            source_topic=line.topic,
            source_partition=_PARTITION,
            source_offset=line.number,
            source_key=key,
            source_key_raw=None
            if raw_key is None
            else b64encode(raw_key[:RAW_KEY_BYTES_MAX]).decode(),
            source_key_length=len(raw_key or b""),
            raw=b64encode(raw[:RAW_BYTES_MAX]).decode(),
            raw_length=len(raw),
            raw_sha256=sha256(raw).hexdigest(),
            reason=reason,
        )
        if isinstance(line.event, Refused):
            expected["detail"] = line.event.detail[:DETAIL_LENGTH_MAX]
        self.topic.expect(expected)
        self.reasons[reason] += 1
