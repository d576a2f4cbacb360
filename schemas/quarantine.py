"""A record that a person takes out of a task's way (contract section 12, `settle quarantine`)."""

from typing import Literal

from typing_extensions import TypedDict

# Code points, as of every free text that a person writes (contract section 1).
WHY_LENGTH_MAX = 140


class RecordQuarantined(TypedDict):
    """Internal: the record at `offset` of a topic partition is not to be acted on.

    `event_id` is `{topic}-{partition}-{offset}`. It has no time of its own: nothing is decided by
    it but that the record is skipped.
    """

    type: Literal["RecordQuarantined"]
    event_id: str
    topic: str
    partition: int
    offset: int
    why: str
