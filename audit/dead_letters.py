"""Dead letters by themselves: their ids, and that each holds what it says of its raw bytes."""

from base64 import b64decode
from binascii import Error
from collections import Counter
from hashlib import sha256

from audit.cause import event_id
from audit.topic_file import TopicFile, Written
from schemas.dead_letter import RAW_BYTES_MAX, RAW_KEY_BYTES_MAX
from topics.catalogue import CATALOGUE


class DeadLetters:
    """Reads `dead-letters`; k counts on when two files of a replay name the same topic and line."""

    def __init__(self, topic: TopicFile) -> None:
        """Start before the first."""
        self.topic = topic
        self.reasons: Counter[str] = Counter()
        self._made: Counter[tuple[str, str]] = Counter()

    def take(self) -> Written:
        """Check the next dead letter and return it.

        Raises:
            DifferenceError: it contradicts itself.
        """
        line = self.topic.take()
        event = line.event
        source, key = event["source_topic"], event["source_key"] or ""
        cause_id = f"{source}-{event['source_partition']}-{event['source_offset']}"
        self._made[cause_id, key] += 1
        raw = self._bytes(line, "raw")
        raw_key = self._bytes(line, "source_key_raw")
        whole = event["raw_length"] <= RAW_BYTES_MAX
        whole_key = event["source_key_length"] <= RAW_KEY_BYTES_MAX
        has_key = event["source_key_raw"] is not None
        source_topic = CATALOGUE.get(source)
        for field, expected in (
            ("source_topic", source if source_topic and source_topic.direction == "in" else "ours"),
            ("source_partition", 0),
            ("cause_id", cause_id),
            ("event_id", event_id(source, cause_id, "DeadLetter", key, self._made[cause_id, key])),
            ("source_key", _text(raw_key) if has_key and whole_key else None),
            ("source_key_length", len(raw_key) if whole_key else event["source_key_length"]),
            ("raw_length", len(raw) if whole or len(raw) < RAW_BYTES_MAX else event["raw_length"]),
            ("raw_sha256", sha256(raw).hexdigest() if whole else event["raw_sha256"]),
        ):
            if event[field] != expected:
                raise self.topic.differs(line, field, expected=expected, found=event[field])
        self.reasons[event["reason"]] += 1
        return line

    def _bytes(self, line: Written, field: str) -> bytes:
        """Return what a field holds in base64; null holds nothing."""
        text = line.event[field]
        try:
            return b64decode(text or "", validate=True)
        except Error:
            raise self.topic.differs(line, field, expected="base64", found=text) from None


def _text(key: bytes) -> str | None:
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None
