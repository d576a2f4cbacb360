"""Clients' files: each that was issued is said to be delivered once, and lies where it should."""

import re
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.chaos.counts import Measured
from topics.catalogue import REPORT_DELIVERIES, REPORT_ISSUES

# What a put that was killed leaves beside the file: the store's own, and no file of the client's.
_STAGED = re.compile(r".*#\d+")


class Files:
    """What was issued, and what was said of it."""

    def __init__(self) -> None:
        self._issued: dict[str, dict[str, Any]] = {}
        self._keys: Counter[str] = Counter()
        self._delivered: Counter[str] = Counter()
        self._uris: dict[str, tuple[str, str]] = {}

    def take(self, topic: str, event: dict[str, Any]) -> None:
        """Count an event."""
        if topic == REPORT_ISSUES and event["delivered_id"] is not None:
            self._issued[event["delivered_id"]] = event
            self._keys[f"{event['client']}/{event['key']}"] += 1
        elif topic == REPORT_DELIVERIES:
            self._delivered[event["event_id"]] += 1
            self._uris[event["event_id"]] = (event["uri"], event["sha256"])

    def missing(self) -> list[str]:
        """Return what was issued and is not said to be delivered yet."""
        return [name for name in self._issued if not self._delivered[name]]

    def compare(self, measured: Measured, folder: Path | None) -> None:
        """Note what is not as it must be; `folder`: where all clients' files are."""
        measured.files = len(self._issued)
        measured.doubled += [f"file {one} issued" for one, n in self._keys.items() if n > 1]
        for name in self._issued.keys() | self._delivered.keys():
            issued = self._issued.get(name)
            if issued is None:
                measured.wrong.append(f"{self._uris[name][0]} is delivered and was never issued")
                continue
            where = f"{issued['client']}/{issued['key']}"
            measured.once(f"the delivery of {where}", self._delivered[name])
            if name in self._uris and self._uris[name] != (f"s3://{where}", issued["sha256"]):
                measured.wrong.append(f"the delivery of {where}: {self._uris[name]}")
            if folder is None:
                continue
            path = folder / where
            if not path.is_file():
                measured.lost.append(f"{where} is not there")
            elif sha256(path.read_bytes()).hexdigest() != issued["sha256"]:
                measured.wrong.append(f"{where} has another content")
        if folder is not None:
            there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
            extra = {name for name in there - self._keys.keys() if not _STAGED.fullmatch(name)}
            measured.wrong += [f"{name} is there and was never issued" for name in sorted(extra)]
