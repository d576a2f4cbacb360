"""CloudEvents headers, binary mode, of a record that other programs read (contract section 1)."""

from collections.abc import Mapping
from typing import Any


def headers(event: Mapping[str, Any], source: str) -> list[tuple[str, bytes]]:
    """Return the headers of an event that `source` sends; `source` is a path, "/settle/clock"."""
    return [
        ("ce_id", event["event_id"].encode()),
        ("ce_type", event["type"].encode()),
        ("ce_source", source.encode()),
        ("ce_time", event["event_time"].encode()),
        ("ce_specversion", b"1.0"),
    ]
