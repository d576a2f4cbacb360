"""How far a task partition has applied its inputs, as records of its state topic.

The key is `@` and the input topic's name, the value the next offset in decimal digits.
"""

_MARK = b"@"


def position_key(topic: str) -> bytes:
    """Return the state key of the position in an input topic."""
    return _MARK + topic.encode()


def topic_of_position(key: bytes) -> str | None:
    """Return the input topic that a state key is the position of, None if it is another's key."""
    return key.removeprefix(_MARK).decode() if key.startswith(_MARK) else None
